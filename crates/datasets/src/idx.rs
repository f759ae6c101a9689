//! Reads IDX files, the form of MNIST and of the sets made after it: images, and labels beside them.
//!
//! A file begins with two zero bytes, the type of the elements (8: unsigned bytes), the number of dimensions, and the
//! dimensions as big-endian 32-bit numbers; the elements follow, and are read when they are needed. Packed files (gzip) are
//! unpacked into memory: what is claimed is held against the length of the file and a limit before memory is asked for, and never
//! more than what is claimed is unpacked.

use crate::advice::quoted;
use crate::error::{DataError, damaged_on_its_way, listed};
use crate::images::Images;
use crate::npy::{grouped, open, recognised};
use crate::plural::plural;
use crate::store::records::{Part, Records, Stamp};
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which part of a published set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// What networks learn from.
    Train,
    /// What is held back.
    Test,
}

/// Deflate packs at most this many bytes into one.
const MOST_PACKED: u64 = 1032;
/// Bytes that are unpacked into memory at most.
const MOST_UNPACKED: u64 = 1 << 30;
/// Bytes that are unpacked for each packed one at most: drawings on paper pack ten to one, the emptiest of them thirty.
const MOST_RATIO: u64 = 64;
/// Up to so many bytes any ratio is believed: labels that are all the same pack a thousand to one.
const ANY_RATIO: u64 = 64 << 20;
/// Images whose labels are held in memory at most.
pub(crate) const MOST_LABELLED: usize = 1 << 26;
/// Pictures larger than this in either direction are no pictures.
const LONGEST_SIDE: u32 = 1 << 14;

/// Loads images of bytes from IDX files, with their labels if there are any, as grey images with the classes `0`, `1`, ...
///
/// `path` is the file of images (plain or gzip), or a folder with the usual names: `train-images-idx3-ubyte` and
/// `train-labels-idx1-ubyte`, or `t10k-...` for [`Split::Test`]; with a dot in place of the hyphen before `idx`, with `.gz`, or
/// both. The labels of a file are looked for beside it, under the name in which `images` and `idx3` are replaced.
///
/// # Errors
/// [`DataError`] if there is no such file or it is anything else, of any content.
pub fn load_idx(path: &Path, split: Split) -> Result<Images, DataError> {
    let images = if path.is_dir() { images_in(path, split)? } else { path.to_owned() };
    let (dimensions, elements) = read(&images, 3)?;
    let [count, height, width] = dimensions[..] else { unreachable!("three dimensions were asked for") };
    if height.max(width) > LONGEST_SIDE || height.min(width) == 0 {
        return Err(DataError::unusable(
            &images,
            "the images have an impossible size",
            format!("{height}x{width} pixels; sides from 1 to {LONGEST_SIDE} are possible"),
            damaged_on_its_way(),
        ));
    }
    if count == 0 {
        return Err(DataError::unusable(
            &images,
            "there are no samples in the file",
            "its count is 0",
            advice!("no-idx-images", "use another file"),
        ));
    }
    let name = images.file_name().unwrap_or(images.as_os_str()).to_string_lossy();
    let origin = format!("{name} ({} {} {height}x{width})", grouped(count as usize), plural(count as usize, "image"));
    let size = [height as usize, width as usize, 1];
    let set = match elements {
        Elements::Unpacked(pixels) => Images::new(pixels, size, origin),
        Elements::InFile { file, stamp, offset } => {
            let part = Part { path: images.clone(), file, stamp, offset, count: count as usize };
            let records = Records { parts: vec![part], skip: 0, image: size.iter().product(), unpack: None };
            Images::of(Arc::new(records), size, origin)
        }
    };
    let Some(labels) = labels_beside(&images) else { return Ok(set) };
    let (found, elements) = read(&labels, 1)?;
    if found[0] != count {
        return Err(DataError::unusable(
            &labels,
            "the labels are of other images",
            format!("images: {count}, labels: {}", found[0]),
            advice!("labels-of-others", "put the two files of one set beside each other"),
        ));
    }
    if count as usize > MOST_LABELLED {
        let why = format!("{count} labels; at most {MOST_LABELLED} are taken");
        return Err(too_many_labels(&labels, why));
    }
    let numbers = elements.into_bytes(&labels, count as usize)?;
    let classes = numbers.iter().max().map_or(0, |&most| usize::from(most) + 1);
    let names = (0..classes).map(|class| class.to_string()).collect();
    Ok(set.with_labels(numbers.into_iter().map(u32::from).collect(), names))
}

/// Whether [`load_idx`] finds this part in the folder `path`; a file has no parts.
pub fn has_idx(path: &Path, split: Split) -> bool {
    path.is_dir() && images_in(path, split).is_ok()
}

/// The file of images in a folder.
fn images_in(folder: &Path, split: Split) -> Result<PathBuf, DataError> {
    let (part, about) = if split == Split::Train { ("train", "to learn from") } else { ("t10k", "to test with") };
    let names = ["-images-idx3-ubyte", "-images.idx3-ubyte"].map(|name| format!("{part}{name}"));
    let both = names.iter().flat_map(|name| [name.clone(), format!("{name}.gz")]);
    both.map(|name| folder.join(name)).find(|path| path.is_file()).ok_or_else(|| {
        let looked = format!("looked for {} and {}, plain or with .gz", names[0], names[1]);
        let (what, why) = match &idx_files(folder)[..] {
            [] => ("there are no IDX files in this folder".to_owned(), looked),
            found => (format!("the images {about} are missing"), format!("found {}; {looked}", listed(found))),
        };
        let help = advice!("no-idx-files", "`train fetch mnist` downloads them; or give the file of images itself");
        DataError::unusable(folder, what, why, help)
    })
}

/// The names of the files in a folder that have an IDX file's.
fn idx_files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> =
        names.filter(|name| name.contains("idx1-ubyte") || name.contains("idx3-ubyte")).collect();
    names.sort();
    names
}

/// The file of labels that belongs to a file of images.
fn labels_beside(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let labels = name.replace("images", "labels").replace("idx3", "idx1");
    if labels == name {
        // What lies beside it under the same name, packed or unpacked, is the file itself once more.
        return None;
    }
    // The partner of a packed file may be unpacked, and the other way round.
    let other = labels.strip_suffix(".gz").map_or_else(|| format!("{labels}.gz"), str::to_owned);
    [labels, other].into_iter().map(|name| images.with_file_name(name)).find(|path| path.is_file())
}

/// The elements of a file whose header was checked.
enum Elements {
    /// In memory: those of a packed file.
    Unpacked(Vec<u8>),
    /// All that the file holds from `offset` on.
    InFile { file: File, stamp: Stamp, offset: u64 },
}

impl Elements {
    /// All of them; they are `count`.
    fn into_bytes(self, path: &Path, count: usize) -> Result<Vec<u8>, DataError> {
        match self {
            Self::Unpacked(bytes) => Ok(bytes),
            Self::InFile { file, stamp, offset } => {
                let mut bytes = vec![0; count];
                Part { path: path.to_owned(), file, stamp, offset, count }.read(offset, &mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

/// The dimensions and the elements of the file `path`, which must have `rank` dimensions of bytes.
fn read(path: &Path, rank: u8) -> Result<(Vec<u32>, Elements), DataError> {
    let file = open(path)?;
    let stamp = Stamp::of(&file.metadata().map_err(|error| DataError::unreadable(path, error))?);
    let length = stamp.length;
    let mut file = BufReader::new(file);
    let mut start = Vec::new();
    file.by_ref().take(512).read_to_end(&mut start).map_err(|error| DataError::unreadable(path, error))?;
    let ends_with_gz = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    if start.is_empty() {
        return Err(DataError::unusable(
            path,
            "the file is empty (0 bytes)",
            "an IDX file has at least a header",
            damaged_on_its_way(),
        ));
    }
    if start.starts_with(b"\x1f\x8b") {
        let packed: io::Chain<&[u8], BufReader<File>> = start.chain(file);
        return unpacked(path, &mut GzDecoder::new(packed), rank, length);
    }
    if ends_with_gz {
        let hex = start.iter().take(4).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        let found = recognised(&start).map_or_else(|| "something else".to_owned(), |(kind, _)| kind.to_owned());
        let why = format!("it starts with {hex}, which looks like {found}; gzip starts with 1f 8b");
        return Err(DataError::unusable(path, "not a gzip file in spite of its name", why, damaged_on_its_way()));
    }
    let (dimensions, claimed) = header(path, &mut &start[..], rank, length)?;
    let offset = header_length(rank);
    if length - offset > claimed {
        return Err(too_long(path, claimed));
    }
    Ok((dimensions, Elements::InFile { file: file.into_inner(), stamp, offset }))
}

/// The error of more labels than are held in memory.
pub(crate) fn too_many_labels(path: &Path, why: String) -> DataError {
    DataError::unusable(path, "too many labelled images", why, advice!("too-many-labels", "use a part of them"))
}

/// Bytes in front of the elements.
fn header_length(rank: u8) -> u64 {
    4 + 4 * u64::from(rank)
}

/// The error of a file in which more follows than the `claimed` elements.
fn too_long(path: &Path, claimed: u64) -> DataError {
    let why = format!("more than the claimed {claimed} bytes are there");
    DataError::unusable(path, "the file is longer than its header claims", why, damaged_on_its_way())
}

/// The error of a file that cannot be read on.
fn failed(path: &Path, error: io::Error) -> DataError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => DataError::unusable(
            path,
            "the file is shorter than its header claims",
            "it ends within its header or its packed data",
            damaged_on_its_way(),
        ),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            DataError::unusable(path, "the packed file is damaged", format!("gzip: {error}"), damaged_on_its_way())
        }
        _ => DataError::unreadable(path, error),
    }
}

/// The error of a file that has not all of the elements of its `dimensions`, but as many as `present` says.
fn too_few(path: &Path, dimensions: &[u32], present: String) -> DataError {
    let sizes: Vec<String> = dimensions.iter().map(u32::to_string).collect();
    let why = format!("the header claims {} bytes, {present} are there: truncated?", sizes.join(" x "));
    DataError::unusable(path, "the file is shorter than its header claims", why, damaged_on_its_way())
}

/// The dimensions that `reader` gives first, and how many elements they claim; the file cannot be more than `most` bytes.
fn header(path: &Path, reader: &mut impl Read, rank: u8, most: u64) -> Result<(Vec<u32>, u64), DataError> {
    let failed = |error| failed(path, error);
    let mut magic = [0; 4];
    reader.read_exact(&mut magic).map_err(failed)?;
    if magic != [0, 0, 8, rank] {
        let wanted = if rank == 1 { "labels: 00 00 08 01" } else { "images of bytes: 00 00 08 03" };
        let [a, b, kind, dimensions] = magic;
        let found = match (a, b, kind) {
            (0, 0, 8) => format!("an IDX file of {dimensions} {}", plural(dimensions.into(), "dimension")),
            (0, 0, 9 | 11..=14) => format!("an IDX file of numbers of another type ({kind:#04x})"),
            _ => match recognised(&magic) {
                Some((kind, _)) => kind.to_owned(),
                None => format!("{a:02x} {b:02x} {kind:02x} {dimensions:02x}"),
            },
        };
        let help = advice!(
            "not-the-idx-file",
            "give the file of images (train-images-idx3-ubyte or the like), or the folder that it is in"
        );
        let why = format!("found {found}; wanted {wanted}");
        return Err(DataError::unusable(path, "not the IDX file that is wanted", why, help));
    }
    let mut dimensions = Vec::with_capacity(usize::from(rank));
    for _ in 0..rank {
        let mut field = [0; 4];
        reader.read_exact(&mut field).map_err(failed)?;
        dimensions.push(u32::from_be_bytes(field));
    }
    let claimed = dimensions.iter().try_fold(1_u64, |product, &length| product.checked_mul(u64::from(length)));
    let most = most.saturating_sub(header_length(rank));
    match claimed {
        Some(claimed) if claimed <= most => Ok((dimensions, claimed)),
        _ => Err(too_few(path, &dimensions, format!("at most {most}"))),
    }
}

/// The dimensions and the elements of a packed file of `length` bytes.
fn unpacked(path: &Path, reader: &mut impl Read, rank: u8, length: u64) -> Result<(Vec<u32>, Elements), DataError> {
    let failed = |error| failed(path, error);
    let (dimensions, claimed) = header(path, reader, rank, length.saturating_mul(MOST_PACKED))?;
    let most = MOST_UNPACKED.min(length.saturating_mul(MOST_RATIO).max(ANY_RATIO));
    let mut bytes = Vec::new();
    if claimed > most || bytes.try_reserve_exact(claimed as usize).is_err() {
        let why = format!(
            "its header claims {claimed} bytes for the {length} that it has; at most {most} are unpacked into memory, {MOST_RATIO} for each"
        );
        let unpacked = path.with_extension("");
        let help = advice!(
            "unpack-first",
            "unpack it with gunzip, then give the unpacked file, which is read image by image: `--data {}`",
            quoted(&unpacked)
        );
        return Err(DataError::unusable(path, "the packed file is too large", why, help));
    }
    reader.by_ref().take(claimed).read_to_end(&mut bytes).map_err(failed)?;
    if (bytes.len() as u64) < claimed {
        return Err(too_few(path, &dimensions, bytes.len().to_string()));
    }
    // One byte further: nothing may follow, and only at its end does a packed file tell its checksum.
    if reader.read(&mut [0]).map_err(failed)? > 0 {
        return Err(too_long(path, claimed));
    }
    Ok((dimensions, Elements::Unpacked(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::fs;
    use std::io::Write;

    fn idx(dimensions: &[u32], bytes: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, 8, dimensions.len() as u8];
        file.extend(dimensions.iter().flat_map(|length| length.to_be_bytes()));
        file.extend(bytes);
        file
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn twelve() -> Vec<u8> {
        idx(&[3, 2, 2], &(0..12).collect::<Vec<u8>>())
    }

    #[test]
    fn folders_and_files_plain_and_packed_are_the_same_images() {
        let labels = idx(&[3], &[2, 0, 1]);
        for (images_name, labels_name) in [
            ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
            ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
            ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
            ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let write = |name: &str, bytes: &[u8]| {
                let bytes = if name.ends_with(".gz") { packed(bytes) } else { bytes.to_vec() };
                fs::write(folder.path().join(name), bytes).unwrap();
            };
            write(images_name, &twelve());
            write(labels_name, &labels);
            for path in [folder.path().to_owned(), folder.path().join(images_name)] {
                let images = load_idx(&path, Split::Train).unwrap();
                assert_eq!((images.count(), images.size()), (3, [2, 2, 1]));
                assert_eq!(*images.image(2).unwrap(), [8, 9, 10, 11]);
                assert_eq!(images.labels(), Some(&[2, 0, 1][..]));
                assert_eq!(images.class_names(), ["0", "1", "2"]);
            }
            let error = load_idx(folder.path(), Split::Test).unwrap_err();
            assert_eq!(error.what(), "the images to test with are missing");
            for words in [format!("found {images_name}, {labels_name}"), "t10k-images".to_owned()] {
                assert!(error.why().contains(&words), "{error}");
            }
        }
    }

    #[test]
    fn the_same_file_packed_is_not_taken_for_labels() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["digits", "digits.gz", "train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"] {
            let bytes = if name.ends_with(".gz") { packed(&twelve()) } else { twelve() };
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let load = |name: &str| load_idx(&folder.path().join(name), Split::Train).unwrap();
        for name in ["digits", "digits.gz", "train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", ""] {
            assert_eq!(load(name).labels(), None, "{name}");
        }
        // Labels that are there twice are those of either.
        for name in ["train-labels-idx1-ubyte", "train-labels-idx1-ubyte.gz"] {
            let bytes = idx(&[3], &[2, 0, 1]);
            fs::write(folder.path().join(name), if name.ends_with(".gz") { packed(&bytes) } else { bytes }).unwrap();
        }
        for name in ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", ""] {
            assert_eq!(load(name).labels(), Some(&[2, 0, 1][..]), "{name}");
        }
    }

    #[test]
    fn each_fault_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, gz) = (folder.path().join("images"), folder.path().join("images.gz"));
        let told = |path: &Path, bytes: &[u8]| {
            fs::write(path, bytes).unwrap();
            let error = load_idx(path, Split::Train).unwrap_err();
            assert!(!error.help().text().is_empty());
            error.to_string()
        };
        assert!(told(&plain, &[]).contains("empty"));
        assert!(told(&plain, &idx(&[3], &[1, 2, 3])).contains("of 1 dimension;"));
        assert!(told(&plain, &[0, 0, 13, 3, 0, 0, 0, 1]).contains("another type"));
        assert!(told(&plain, b"\x89PNG and so on").contains("PNG"));
        assert!(told(&plain, &twelve()[..20]).contains("3 x 2 x 2"));
        assert!(told(&plain, &twelve()[..9]).contains("shorter"));
        assert!(told(&plain, &idx(&[u32::MAX, u32::MAX, u32::MAX], &[])).contains("claims"));
        assert!(told(&plain, &idx(&[0, 2, 2], &[])).contains("no samples"));
        assert!(told(&plain, &idx(&[1, 0, 2], &[])).contains("impossible size"));
        assert!(told(&plain, &[twelve(), vec![0]].concat()).contains("longer"));
        assert!(told(&gz, b"<!DOCTYPE html>").contains("web page"));
        let good = packed(&twelve());
        assert!(told(&gz, &good[..good.len() - 6]).contains("shorter"));
        let mut rotten = good.clone();
        let crc = rotten.len() - 8;
        rotten[crc] ^= 1;
        assert!(told(&gz, &rotten).contains("damaged"));
        // A small file that claims a great deal.
        assert!(told(&gz, &packed(&idx(&[60_000, 28, 28], &[]))).contains("60000 x 28 x 28"));
        // A bomb: unpacked no further than claimed.
        assert!(told(&gz, &packed(&idx(&[1, 2, 2], &vec![0; 50_000_000]))).contains("longer"));
        fs::write(folder.path().join("train-images-idx3-ubyte"), twelve()).unwrap();
        fs::write(folder.path().join("train-labels-idx1-ubyte"), idx(&[2], &[0, 1])).unwrap();
        let error = load_idx(folder.path(), Split::Train).unwrap_err();
        assert!(error.why().contains("images: 3, labels: 2"), "{error}");
    }

    #[test]
    fn what_a_packed_file_claims_is_held_against_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images.gz");
        // 100 MB of nothing pack into 100 kB; nothing of it is unpacked.
        fs::write(&path, packed(&idx(&[100_000, 32, 32], &vec![0; 102_400_000]))).unwrap();
        let error = load_idx(&path, Split::Train).unwrap_err();
        assert!(error.what().contains("too large") && error.why().contains("claims 102400000 bytes"), "{error}");
        assert!(error.help().text().contains("gunzip"), "{error}");
    }

    #[test]
    fn no_byte_changed_and_no_length_makes_it_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images");
        for file in [twelve(), packed(&twelve())] {
            for length in 0..file.len() {
                fs::write(&path, &file[..length]).unwrap();
                assert!(load_idx(&path, Split::Train).is_err(), "{length}");
            }
            for place in 0..file.len() {
                for change in [1, 0x80, 0xFF] {
                    let mut file = file.clone();
                    file[place] ^= change;
                    fs::write(&path, file).unwrap();
                    drop(load_idx(&path, Split::Train));
                }
            }
        }
    }
}
