//! The binary format of CIFAR-10: records of one label byte and 32x32 pixels in three planes, red,
//! green and blue.

use super::format::{Format, Loaded};
use crate::advice::Advice;
use crate::error::DataError;
use crate::file::{FileStamp, open};
use crate::file_type::FileType;
use crate::images::Images;
use crate::labels::{MAX_LABELS, too_many_labels};
use crate::load_options::Split;
use crate::store::records::{RecordFile, Records};
use crate::text::counted;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) const FORMAT: Format = Format {
    name: "CIFAR-10 binary files",
    class_extension: None,
    // Records have no magic bytes, and may begin like any other file.
    has_content: |file| file.extension == "bin" && is_cifar(file.path),
    has_name: |file| file.extension == "bin" || is_cifar(file.path),
    is_in: is_cifar,
    has_split: has_cifar,
    load: |path, request| Ok(Loaded::from_bytes(load_cifar(path, request.split)?, request)),
};

/// The side of a picture in pixels.
const SIDE: usize = 32;
/// Bytes of one plane.
const PLANE: usize = SIDE * SIDE;
/// Bytes of one record.
const RECORD: usize = 1 + 3 * PLANE;
/// The names of the classes in numerical order, as in `batches.meta.txt`.
const NAMES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
/// The advice for files in another format.
fn wanted() -> Advice {
    advice!(
        "binary-cifar",
        "use the binary version of CIFAR-10, not the one for Python; download it with `train fetch cifar10`"
    )
}

/// Loads pictures, 32x32x3 with labels, from one file or a folder. In a folder, `test_batch.bin` is
/// [`Split::Test`] and all other `.bin` files, in alphabetical order, are [`Split::Train`]. The
/// folder may be the parent of `cifar-10-batches-bin`. Class names are read from `batches.meta.txt`
/// if it exists.
///
/// # Errors
/// [`DataError`] if there is no such file, or it has another content.
pub fn load_cifar(path: &Path, split: Split) -> Result<Images, DataError> {
    let files = if path.is_dir() { files_in(path, split)? } else { vec![path.to_owned()] };
    let names = class_names(files[0].parent().unwrap_or(Path::new("")))?;
    let (mut parts, mut labels) = (Vec::new(), Vec::new());
    for file in &files {
        let part = records(file)?;
        if labels.len() + part.count > MAX_LABELS {
            let why = format!("more than {MAX_LABELS} records");
            return Err(too_many_labels(file, why));
        }
        for (number, label) in labels_in(&part)?.into_iter().enumerate() {
            if usize::from(label) >= names.len() {
                let why = format!("record {number} has the label {label}; labels are below {}", names.len());
                return Err(DataError::invalid(file, "the file does not contain CIFAR-10 records", why, wanted()));
            }
            labels.push(u32::from(label));
        }
        parts.push(part);
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let origin = format!("{name} ({} {SIDE}x{SIDE})", counted(labels.len(), "image"));
    let store = Records { files: parts, skip: 1, image: 3 * PLANE, decode: Some(pixels) };
    Ok(Images::of(Arc::new(store), [SIDE, SIDE, 3], origin).with_labels(labels, names))
}

/// Whether the folder `path` has this split.
fn has_cifar(path: &Path, split: Split) -> bool {
    path.is_dir() && files_in(path, split).is_ok()
}

/// Whether `path` is a file of records, or a folder with such files.
fn is_cifar(path: &Path) -> bool {
    let is_whole = |path: &Path| {
        fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() > 0 && about.len() % RECORD as u64 == 0)
    };
    let known = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("data_batch") || name.starts_with("test_batch") || is_whole(path)
    };
    let files = || [Split::Train, Split::Test].into_iter().filter_map(|split| files_in(path, split).ok());
    if path.is_dir() { files().flatten().any(|file| known(&file)) } else { is_whole(path) }
}

/// The files of one split in a folder.
fn files_in(folder: &Path, split: Split) -> Result<Vec<PathBuf>, DataError> {
    let inner = folder.join("cifar-10-batches-bin");
    let folder = if inner.is_dir() { &inner } else { folder };
    let entries = fs::read_dir(folder).map_err(|error| DataError::unreadable(folder, error))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "bin"))
        .filter(|path| path.file_stem().is_some_and(|name| name == "test_batch") == (split == Split::Test))
        .collect();
    files.sort();
    if files.is_empty() {
        let looked = if split == Split::Test { "test_batch.bin" } else { "data_batch_1.bin and other .bin files" };
        let (what, why) = match split {
            Split::Train if folder.join("test_batch.bin").is_file() => {
                ("the training pictures are missing", format!("found test_batch.bin; looked for {looked}"))
            }
            _ => ("there are no CIFAR-10 files in this folder", format!("looked for {looked}")),
        };
        return Err(DataError::invalid(folder, what, why, wanted()));
    }
    Ok(files)
}

/// The names in `batches.meta.txt`, or the usual ones.
fn class_names(folder: &Path) -> Result<Vec<String>, DataError> {
    const MAX_BYTES: u64 = 1 << 16;
    let path = folder.join("batches.meta.txt");
    if !path.is_file() {
        return Ok(NAMES.map(str::to_owned).to_vec());
    }
    let mut text = String::new();
    let read = open(&path)?.take(MAX_BYTES).read_to_string(&mut text);
    read.map_err(|error| DataError::unreadable(&path, error))?;
    let text = text.trim_start_matches('\u{feff}');
    let names: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if names.is_empty() {
        let why = "the file of class names is empty";
        let help = advice!("cifar-names", "remove it: the ten usual names are used instead");
        return Err(DataError::invalid(&path, "there are no class names in it", why, help));
    }
    Ok(names)
}

/// Converts three planes to pixels.
fn pixels(planes: &[u8], pixels: &mut [u8]) {
    for (at, pixel) in pixels.as_chunks_mut().0.iter_mut().enumerate() {
        *pixel = [planes[at], planes[PLANE + at], planes[2 * PLANE + at]];
    }
}

/// The label of each record in a file.
fn labels_in(part: &RecordFile) -> Result<Vec<u8>, DataError> {
    const BLOCK: usize = 1000;
    let mut labels = Vec::with_capacity(part.count);
    let mut bytes = Vec::new();
    for first in (0..part.count).step_by(BLOCK) {
        bytes.resize(BLOCK.min(part.count - first) * RECORD, 0);
        part.read((first * RECORD) as u64, &mut bytes)?;
        labels.extend(bytes.chunks_exact(RECORD).map(|record| record[0]));
    }
    Ok(labels)
}

/// Opens a file that contains a whole number of records.
fn records(path: &Path) -> Result<RecordFile, DataError> {
    let file = open(path)?;
    let unreadable = |error| DataError::unreadable(path, error);
    let stamp = FileStamp::of(&file.metadata().map_err(unreadable)?);
    let length = stamp.length;
    if length == 0 || !length.is_multiple_of(RECORD as u64) {
        let mut start = Vec::new();
        file.take(512).read_to_end(&mut start).map_err(unreadable)?;
        let kind =
            FileType::of(&start, "").in_words().map(|kind| format!("; it looks like {kind}")).unwrap_or_default();
        let why = format!("{length} bytes are not a whole number of records of {RECORD} bytes{kind}");
        return Err(DataError::invalid(path, "this is not a CIFAR-10 file, or it is truncated", why, wanted()));
    }
    Ok(RecordFile { path: path.to_owned(), file, stamp, offset: 0, count: (length / RECORD as u64) as usize })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(label: u8, shade: u8) -> Vec<u8> {
        let plane = |add: u8| (0..PLANE).map(move |at| (at as u8 ^ shade).wrapping_add(add));
        [label].into_iter().chain(plane(0)).chain(plane(1)).chain(plane(2)).collect()
    }

    #[test]
    fn planes_become_pixels_and_files_follow_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("cifar-10-batches-bin");
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("data_batch_2.bin"), record(7, 40)).unwrap();
        fs::write(inner.join("data_batch_1.bin"), [record(6, 10), record(0, 20)].concat()).unwrap();
        fs::write(inner.join("test_batch.bin"), record(9, 99)).unwrap();
        let images = load_cifar(folder.path(), Split::Train).unwrap();
        assert_eq!((images.count(), images.size()), (3, [32, 32, 3]));
        assert_eq!(images.labels(), Some(&[6, 0, 7][..]));
        assert_eq!(images.image(0).unwrap()[..6], [10, 11, 12, 11, 12, 13]);
        assert_eq!(images.of_class("frog").unwrap().image(0).unwrap(), images.image(0).unwrap());
        assert_eq!(images.of_class("horse").unwrap().image(0).unwrap(), images.image(2).unwrap());
        assert_eq!(load_cifar(folder.path(), Split::Test).unwrap().labels(), Some(&[9][..]));
        fs::write(inner.join("batches.meta.txt"), "a\nb\nc\nd\ne\nf\ng\nh\n\n").unwrap();
        let images = load_cifar(&inner.join("data_batch_1.bin"), Split::Train).unwrap();
        assert_eq!(images.class_names()[6], "g");
    }

    #[test]
    fn each_fault_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        let message = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            load_cifar(&path, Split::Train).unwrap_err().to_string()
        };
        assert!(message(&[]).contains("0 bytes"));
        assert!(message(&record(1, 1)[..3000]).contains("3073"));
        assert!(message(b"\x80\x04\x95pickled").contains("pickle"));
        assert!(message(&[record(1, 1), record(10, 1)].concat()).contains("record 1 has the label 10"));
        fs::remove_file(&path).unwrap();
        assert!(load_cifar(folder.path(), Split::Train).unwrap_err().why().contains("data_batch_1.bin"));
        assert!(load_cifar(&path, Split::Train).is_err());
        fs::write(folder.path().join("batches.meta.txt"), [0xFF, 0xFE]).unwrap();
        fs::write(&path, record(1, 1)).unwrap();
        assert!(load_cifar(&path, Split::Train).is_err());
    }
}
