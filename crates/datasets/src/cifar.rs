//! Reads the binary form of CIFAR-10: records of one label byte and 32x32 pixels in three planes, red, green and blue.

use crate::advice::Advice;
use crate::error::DataError;
use crate::idx::{MOST_LABELLED, Split, too_many_labels};
use crate::images::Images;
use crate::npy::{grouped, open, recognised};
use crate::plural::plural;
use crate::store::records::{Part, Records, Stamp};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Side of a picture in pixels.
const SIDE: usize = 32;
/// Bytes of a plane.
const PLANE: usize = SIDE * SIDE;
/// Bytes of a record.
const RECORD: usize = 1 + 3 * PLANE;
/// The classes, in the order of their numbers; `batches.meta.txt` says the same.
const NAMES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
/// What wrong files should be replaced by.
fn wanted() -> Advice {
    advice!(
        "binary-cifar",
        "use the binary version of CIFAR-10, not the one for Python: `train fetch cifar10` downloads it"
    )
}

/// Loads pictures, 32x32x3 with labels, from one file of records or from a folder: every `.bin` file in it in the order of the
/// names, of which `test_batch.bin` alone is [`Split::Test`]. The folder may be the one above `cifar-10-batches-bin`. The
/// names of the classes are read from `batches.meta.txt` if it is there.
///
/// # Errors
/// [`DataError`] if there is no such file or it is anything else, of any content.
pub fn load_cifar(path: &Path, split: Split) -> Result<Images, DataError> {
    let files = if path.is_dir() { files_in(path, split)? } else { vec![path.to_owned()] };
    let names = class_names(files[0].parent().unwrap_or(Path::new("")))?;
    let (mut parts, mut labels) = (Vec::new(), Vec::new());
    for file in &files {
        let part = records(file)?;
        if labels.len() + part.count > MOST_LABELLED {
            let why = format!("more than {MOST_LABELLED} records");
            return Err(too_many_labels(file, why));
        }
        for (number, label) in labels_in(&part)?.into_iter().enumerate() {
            if usize::from(label) >= names.len() {
                let why = format!("record {number} has the label {label}; labels are below {}", names.len());
                return Err(DataError::unusable(file, "these are not records of CIFAR-10", why, wanted()));
            }
            labels.push(u32::from(label));
        }
        parts.push(part);
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let origin = format!("{name} ({} {} {SIDE}x{SIDE})", grouped(labels.len()), plural(labels.len(), "image"));
    let store = Records { parts, skip: 1, image: 3 * PLANE, unpack: Some(pixels) };
    Ok(Images::of(Arc::new(store), [SIDE, SIDE, 3], origin).with_labels(labels, names))
}

/// Whether [`load_cifar`] finds this part in the folder `path`; a file has no parts.
pub fn has_cifar(path: &Path, split: Split) -> bool {
    path.is_dir() && files_in(path, split).is_ok()
}

/// Whether `path` is a file of records, or a folder with the usual names or with such files.
pub(crate) fn is_cifar(path: &Path) -> bool {
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

/// The files of records in a folder.
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
        let looked =
            if split == Split::Test { "test_batch.bin" } else { "data_batch_1.bin and others that end in .bin" };
        let (what, why) = match split {
            Split::Train if folder.join("test_batch.bin").is_file() => {
                ("the pictures to learn from are missing", format!("found test_batch.bin; looked for {looked}"))
            }
            _ => ("there are no files of CIFAR-10 in this folder", format!("looked for {looked}")),
        };
        return Err(DataError::unusable(folder, what, why, wanted()));
    }
    Ok(files)
}

/// The names in `batches.meta.txt`, or the known ones.
fn class_names(folder: &Path) -> Result<Vec<String>, DataError> {
    const LONGEST: u64 = 1 << 16;
    let path = folder.join("batches.meta.txt");
    if !path.is_file() {
        return Ok(NAMES.map(str::to_owned).to_vec());
    }
    let mut text = String::new();
    let read = open(&path)?.take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| DataError::unreadable(&path, error))?;
    let text = text.trim_start_matches('\u{feff}');
    let names: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if names.is_empty() {
        let why = "the file of the classes' names has no lines";
        let help = advice!("cifar-names", "remove it: the ten names are known");
        return Err(DataError::unusable(&path, "there are no names in it", why, help));
    }
    Ok(names)
}

/// Three planes of colours as pixels.
fn pixels(planes: &[u8], pixels: &mut [u8]) {
    for (at, pixel) in pixels.as_chunks_mut().0.iter_mut().enumerate() {
        *pixel = [planes[at], planes[PLANE + at], planes[2 * PLANE + at]];
    }
}

/// The label of each record of a file.
fn labels_in(part: &Part) -> Result<Vec<u8>, DataError> {
    const AT_A_TIME: usize = 1000;
    let mut labels = Vec::with_capacity(part.count);
    let mut bytes = Vec::new();
    for first in (0..part.count).step_by(AT_A_TIME) {
        bytes.resize(AT_A_TIME.min(part.count - first) * RECORD, 0);
        part.read((first * RECORD) as u64, &mut bytes)?;
        labels.extend(bytes.chunks_exact(RECORD).map(|record| record[0]));
    }
    Ok(labels)
}

/// A file that is a whole number of records.
fn records(path: &Path) -> Result<Part, DataError> {
    let file = open(path)?;
    let unreadable = |error| DataError::unreadable(path, error);
    let stamp = Stamp::of(&file.metadata().map_err(unreadable)?);
    let length = stamp.length;
    if length == 0 || !length.is_multiple_of(RECORD as u64) {
        let mut start = Vec::new();
        file.take(512).read_to_end(&mut start).map_err(unreadable)?;
        let kind = recognised(&start).map(|(kind, _)| format!("; it looks like {kind}")).unwrap_or_default();
        let why = format!("{length} bytes are not a whole number of records of {RECORD} bytes{kind}");
        return Err(DataError::unusable(path, "this is not a file of CIFAR-10, or only a part of one", why, wanted()));
    }
    Ok(Part { path: path.to_owned(), file, stamp, offset: 0, count: (length / RECORD as u64) as usize })
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
    fn each_fault_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        let told = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            load_cifar(&path, Split::Train).unwrap_err().to_string()
        };
        assert!(told(&[]).contains("0 bytes"));
        assert!(told(&record(1, 1)[..3000]).contains("3073"));
        assert!(told(b"\x80\x04\x95pickled").contains("pickle"));
        assert!(told(&[record(1, 1), record(10, 1)].concat()).contains("record 1 has the label 10"));
        fs::remove_file(&path).unwrap();
        assert!(load_cifar(folder.path(), Split::Train).unwrap_err().why().contains("data_batch_1.bin"));
        assert!(load_cifar(&path, Split::Train).is_err());
        fs::write(folder.path().join("batches.meta.txt"), [0xFF, 0xFE]).unwrap();
        fs::write(&path, record(1, 1)).unwrap();
        assert!(load_cifar(&path, Split::Train).is_err());
    }
}
