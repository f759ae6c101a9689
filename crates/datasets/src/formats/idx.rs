//! The IDX format of MNIST and similar data sets: a file of images, and a file of labels beside it.
//!
//! A file begins with two zero bytes, the type of the elements (8: unsigned bytes), the number of
//! dimensions, and the dimensions as big-endian 32-bit integers. The elements follow and are read
//! on demand. Files compressed with gzip are unpacked into memory. Before memory is allocated, the
//! claimed size is compared with the length of the file and with a limit; no more than that size is
//! unpacked.

use super::format::{Candidate, Format, Loaded};
use crate::advice::quoted;
use crate::error::{DataError, download_again};
use crate::file::{FileStamp, open};
use crate::file_type::{FileType, unpacked_start};
use crate::images::Images;
use crate::labels::{MAX_LABELS, too_many_labels};
use crate::load_options::Split;
use crate::plural::plural;
use crate::store::records::{RecordFile, Records};
use crate::text::{counted, hex, listed};
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) const FORMAT: Format = Format {
    name: "IDX files",
    class_extension: None,
    has_content,
    has_name: |file| file.extension == "gz" || ["ubyte", "idx"].iter().any(|part| file.name.contains(part)),
    is_in: |folder| [Split::Train, Split::Test].into_iter().any(|split| has_idx(folder, split)),
    has_split: has_idx,
    load: |path, request| Ok(Loaded::from_bytes(load_idx(path, request.split)?, request)),
};

/// How a gzip file begins.
const GZIP: &[u8] = b"\x1f\x8b";
/// The largest compression ratio of Deflate.
const MAX_DEFLATE_RATIO: u64 = 1032;
/// The most bytes that are unpacked into memory.
const MAX_UNPACKED: u64 = 1 << 30;
/// The largest compression ratio accepted. Drawings are compressed ten to one, the sparsest thirty
/// to one.
const MAX_RATIO: u64 = 64;
/// Below this size any ratio is accepted: equal labels are compressed a thousand to one.
const ANY_RATIO_BELOW: u64 = 64 << 20;
/// The largest side of an image.
const MAX_SIDE: u32 = 1 << 14;

/// Loads images of bytes from IDX files as grey images, with their labels if there are any; the
/// classes are `0`, `1`, ...
///
/// `path` is the file of images, possibly compressed with gzip, or a folder with the usual names:
/// `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or `t10k-...` for [`Split::Test`], also
/// with a dot instead of the hyphen before `idx` and with `.gz`. The labels are beside the images,
/// in a file whose name has `labels` for `images` and `idx1` for `idx3`.
///
/// # Errors
/// [`DataError`] if there is no such file, or it has another content.
pub fn load_idx(path: &Path, split: Split) -> Result<Images, DataError> {
    let images = if path.is_dir() { images_in(path, split)? } else { path.to_owned() };
    let (dimensions, elements) = read(&images, 3)?;
    let [count, height, width] = dimensions[..] else { unreachable!("three dimensions were asked for") };
    if height.max(width) > MAX_SIDE || height.min(width) == 0 {
        return Err(DataError::invalid(
            &images,
            "the images have an impossible size",
            format!("{height}x{width} pixels; sides from 1 to {MAX_SIDE} are possible"),
            download_again(),
        ));
    }
    if count == 0 {
        return Err(DataError::invalid(
            &images,
            "there are no images in the file",
            "its count is 0",
            advice!("no-idx-images", "use another file"),
        ));
    }
    let name = images.file_name().unwrap_or(images.as_os_str()).to_string_lossy();
    let origin = format!("{name} ({} {height}x{width})", counted(count as usize, "image"));
    let size = [height as usize, width as usize, 1];
    let set = match elements {
        Elements::Unpacked(pixels) => Images::new(pixels, size, origin),
        Elements::InFile { file, stamp, offset } => {
            let file = RecordFile { path: images.clone(), file, stamp, offset, count: count as usize };
            let records = Records { files: vec![file], skip: 0, image: size.iter().product(), decode: None };
            Images::of(Arc::new(records), size, origin)
        }
    };
    let Some(labels) = labels_beside(&images) else { return Ok(set) };
    let (found, elements) = read(&labels, 1)?;
    if found[0] != count {
        return Err(DataError::invalid(
            &labels,
            "the labels do not belong to the images",
            format!("images: {count}, labels: {}", found[0]),
            advice!("labels-of-others", "put the two files of the same data set into one folder"),
        ));
    }
    if count as usize > MAX_LABELS {
        let why = format!("{count} labels; at most {MAX_LABELS} are possible");
        return Err(too_many_labels(&labels, why));
    }
    let numbers = elements.into_bytes(&labels, count as usize)?;
    let classes = numbers.iter().max().map_or(0, |&most| usize::from(most) + 1);
    let names = (0..classes).map(|class| class.to_string()).collect();
    Ok(set.with_labels(numbers.into_iter().map(u32::from).collect(), names))
}

/// Whether the file begins like an IDX file, or does so when unpacked. A compressed file of unknown
/// content counts too: the reader reports what is wrong with it.
fn has_content(file: &Candidate<'_>) -> bool {
    let is_idx = |start: &[u8]| matches!(start, [0, 0, 8 | 9 | 11..=14, 1..=4, ..]);
    if !file.start.starts_with(GZIP) {
        return is_idx(file.start);
    }
    let start = unpacked_start(file.path);
    is_idx(&start)
        || FileType::of(&start, "") == FileType::Unknown && file.extension != "tgz" && !file.name.ends_with(".tar.gz")
}

/// Whether the folder `path` has this split.
fn has_idx(path: &Path, split: Split) -> bool {
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
        let help = advice!("no-idx-files", "download them with `train fetch mnist`, or give the file of images");
        DataError::invalid(folder, what, why, help)
    })
}

/// The names of IDX files in a folder.
fn idx_files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> =
        names.filter(|name| name.contains("idx1-ubyte") || name.contains("idx3-ubyte")).collect();
    names.sort();
    names
}

/// The file of labels for a file of images.
fn labels_beside(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let labels = name.replace("images", "labels").replace("idx3", "idx1");
    if labels == name {
        // A file with the same name is the same file, packed or unpacked.
        return None;
    }
    // Only one of the two files may be packed.
    let other = labels.strip_suffix(".gz").map_or_else(|| format!("{labels}.gz"), str::to_owned);
    [labels, other].into_iter().map(|name| images.with_file_name(name)).find(|path| path.is_file())
}

/// The elements of a file with a valid header.
enum Elements {
    /// The elements of a packed file.
    Unpacked(Vec<u8>),
    /// The rest of the file from `offset` on.
    InFile { file: File, stamp: FileStamp, offset: u64 },
}

impl Elements {
    /// All `count` elements.
    fn into_bytes(self, path: &Path, count: usize) -> Result<Vec<u8>, DataError> {
        match self {
            Self::Unpacked(bytes) => Ok(bytes),
            Self::InFile { file, stamp, offset } => {
                let mut bytes = vec![0; count];
                RecordFile { path: path.to_owned(), file, stamp, offset, count }.read(offset, &mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

/// Reads the dimensions and the elements of a file, which must have `rank` dimensions of bytes.
fn read(path: &Path, rank: u8) -> Result<(Vec<u32>, Elements), DataError> {
    let file = open(path)?;
    let stamp = FileStamp::of(&file.metadata().map_err(|error| DataError::unreadable(path, error))?);
    let length = stamp.length;
    let mut file = BufReader::new(file);
    let mut start = Vec::new();
    file.by_ref().take(512).read_to_end(&mut start).map_err(|error| DataError::unreadable(path, error))?;
    let ends_with_gz = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    if start.is_empty() {
        return Err(DataError::invalid(
            path,
            "the file is empty (0 bytes)",
            "an IDX file has at least a header",
            download_again(),
        ));
    }
    if start.starts_with(GZIP) {
        let packed: io::Chain<&[u8], BufReader<File>> = start.chain(file);
        return unpacked(path, &mut GzDecoder::new(packed), rank, length);
    }
    if ends_with_gz {
        let hex = hex(&start[..start.len().min(4)]);
        let found = FileType::of(&start, "").in_words().unwrap_or_else(|| "something else".into());
        let why = format!("it starts with {hex}, which looks like {found}; gzip starts with 1f 8b");
        return Err(DataError::invalid(
            path,
            "not a gzip file, although its name ends with .gz",
            why,
            download_again(),
        ));
    }
    let (dimensions, claimed) = header(path, &mut &start[..], rank, length)?;
    let offset = header_length(rank);
    if length - offset > claimed {
        return Err(too_long(path, claimed));
    }
    Ok((dimensions, Elements::InFile { file: file.into_inner(), stamp, offset }))
}

/// The length of the header in bytes.
fn header_length(rank: u8) -> u64 {
    4 + 4 * u64::from(rank)
}

/// The error for a file with more than the `claimed` elements.
fn too_long(path: &Path, claimed: u64) -> DataError {
    let why = format!("the file contains more than the {claimed} bytes that its header claims");
    DataError::invalid(path, "the file is longer than its header claims", why, download_again())
}

/// The error for a file that cannot be read to its end.
fn failed(path: &Path, error: io::Error) -> DataError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => DataError::invalid(
            path,
            "the file is shorter than its header claims",
            "it ends within its header or its compressed data",
            download_again(),
        ),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            DataError::invalid(path, "the compressed file is damaged", format!("gzip: {error}"), download_again())
        }
        _ => DataError::unreadable(path, error),
    }
}

/// The error for a file with fewer elements than its `dimensions` claim.
fn too_few(path: &Path, dimensions: &[u32], present: String) -> DataError {
    let sizes: Vec<String> = dimensions.iter().map(u32::to_string).collect();
    let why = format!("the header claims {} bytes, {present} are there: truncated?", sizes.join(" x "));
    DataError::invalid(path, "the file is shorter than its header claims", why, download_again())
}

/// Reads the dimensions and the number of elements that they claim. The file has at most `limit`
/// bytes.
fn header(path: &Path, reader: &mut impl Read, rank: u8, most: u64) -> Result<(Vec<u32>, u64), DataError> {
    let failed = |error| failed(path, error);
    let mut magic = [0; 4];
    reader.read_exact(&mut magic).map_err(failed)?;
    if magic != [0, 0, 8, rank] {
        let wanted = if rank == 1 { "labels: 00 00 08 01" } else { "images of bytes: 00 00 08 03" };
        let [a, b, kind, dimensions] = magic;
        let found = match (a, b, kind) {
            (0, 0, 8) => format!("an IDX file of {dimensions} {}", plural(dimensions.into(), "dimension")),
            (0, 0, 9 | 11..=14) => format!("an IDX file with elements of another type ({kind:#04x})"),
            _ => FileType::of(&magic, "").in_words().unwrap_or_else(|| hex(&magic)),
        };
        let help =
            advice!("not-the-idx-file", "give the file of images (such as train-images-idx3-ubyte), or its folder");
        let why = format!("found {found}; expected {wanted}");
        return Err(DataError::invalid(path, "not the expected IDX file", why, help));
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

/// Reads the dimensions and the elements of a packed file of `length` bytes.
fn unpacked(path: &Path, reader: &mut impl Read, rank: u8, length: u64) -> Result<(Vec<u32>, Elements), DataError> {
    let failed = |error| failed(path, error);
    let (dimensions, claimed) = header(path, reader, rank, length.saturating_mul(MAX_DEFLATE_RATIO))?;
    let most = MAX_UNPACKED.min(length.saturating_mul(MAX_RATIO).max(ANY_RATIO_BELOW));
    let mut bytes = Vec::new();
    if claimed > most || bytes.try_reserve_exact(claimed as usize).is_err() {
        let why = format!(
            "its header claims {claimed} bytes for a compressed length of {length}; at most {most} are unpacked into memory ({MAX_RATIO} times the length)"
        );
        let unpacked = path.with_extension("");
        let help = advice!(
            "unpack-first",
            "unpack it with gunzip, then give the unpacked file, which is read on demand: `--data {}`",
            quoted(&unpacked)
        );
        return Err(DataError::invalid(path, "the compressed file is too large", why, help));
    }
    reader.by_ref().take(claimed).read_to_end(&mut bytes).map_err(failed)?;
    if (bytes.len() as u64) < claimed {
        return Err(too_few(path, &dimensions, bytes.len().to_string()));
    }
    // Read one more byte: nothing may follow, and the checksum is compared only at the end.
    if reader.read(&mut [0]).map_err(failed)? > 0 {
        return Err(too_long(path, claimed));
    }
    Ok((dimensions, Elements::Unpacked(bytes)))
}

#[cfg(test)]
mod tests;
