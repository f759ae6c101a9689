//! Reads the `.npy` files of the Quick, Draw! bitmaps: `uint8`, C order, (N, 784) or (N, 28, 28).
//!
//! A file is not believed before it is checked. What its header claims is held against the length the file system gives
//! before any memory is asked for, so a file can cost no more memory than its own length. The header is taken apart by
//! [`header`]; [`fault`] words what can be wrong; the payload is read by `ndarray-npy`.

mod fault;
mod header;

pub use fault::NpyFault;

use crate::advice::Advice;
use crate::error::{DataError, QUICKDRAW_URL};
use crate::images::Images;
use fault::HEADER_LIMIT;
use ndarray::Array1;
use ndarray_npy::{ReadNpyError, ReadNpyExt};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// How every NumPy file begins.
const MAGIC: &[u8] = b"\x93NUMPY";
/// Enough of a file to tell what kind it is.
const START: u64 = 512;

/// Loads the images of a `.npy` file: `uint8`, C order, shape (N, 784) or (N, 28, 28), as N images of 28x28x1.
///
/// # Errors
/// [`DataError`] if there is no such file or it is anything else, of any content. Never allocates more than the file's length
/// and a few kilobytes.
pub fn load_npy(path: &Path) -> Result<Images, DataError> {
    let mut file = open(path)?;
    let unreadable = |error| DataError::unreadable(path, error);
    let length = file.metadata().map_err(unreadable)?.len();
    let (size, pixels) = match read_images(&mut file, length) {
        Ok(images) => images,
        Err(Failure::Fault(fault)) => return Err(DataError::Npy { path: path.to_owned(), fault }),
        Err(Failure::System(error)) => return Err(unreadable(error)),
    };
    let [height, width, _] = size;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let count = grouped(pixels.len() / (height * width));
    Ok(Images::new(pixels, size, format!("{name} ({count} images {height}x{width})")))
}

/// Opens a file, and only a file: opening a pipe could wait for ever.
pub(crate) fn open(path: &Path) -> Result<File, DataError> {
    let fail = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => DataError::NotFound { path: path.to_owned(), present: Vec::new() },
        _ => DataError::unreadable(path, error),
    };
    let kind = fs::metadata(path).map_err(fail)?.file_type();
    if kind.is_file() {
        return File::open(path).map_err(fail);
    }
    let found = if kind.is_dir() { "a folder" } else { "a device, pipe or socket" };
    Err(DataError::NotAFile { path: path.to_owned(), found })
}

/// Why reading stopped.
enum Failure {
    /// The content is wrong.
    Fault(NpyFault),
    /// The system gave an error.
    System(io::Error),
}

impl From<NpyFault> for Failure {
    fn from(fault: NpyFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// Reads (height, width, channels) and the pixels from a file of `length` bytes.
fn read_images(reader: &mut impl Read, length: u64) -> Result<([usize; 3], Vec<u8>), Failure> {
    let mut start = Vec::new();
    reader.by_ref().take(START).read_to_end(&mut start)?;
    let (prefix, claimed) = read_prefix(&start, length)?;
    let (body, after) = header_bytes(reader, &start, prefix, claimed)?;
    let header = header::parse(header_text(&body, prefix, start[MAGIC.len()])?)?;

    let size = match header.shape[..] {
        [_, 784] | [_, 28, 28] => [28, 28, 1],
        _ => return Err(NpyFault::Shape { shape: header.shape }.into()),
    };
    if header.shape[0] == 0 {
        return Err(NpyFault::NoImages.into());
    }
    // The header's check made sure that the product fits.
    let claimed: u64 = header.shape.iter().product();
    let present = length.saturating_sub(prefix + body.len() as u64);
    if claimed > present {
        return Err(NpyFault::Truncated { claimed, present }.into());
    }
    if claimed < present {
        return Err(NpyFault::Trailing { extra: present - claimed }.into());
    }
    Ok((size, read_payload(after.chain(reader), claimed)?))
}

/// Checks the fixed bytes in front of the header; returns how many there are and the header's length.
fn read_prefix(start: &[u8], length: u64) -> Result<(u64, u64), NpyFault> {
    if start.is_empty() {
        return Err(NpyFault::Empty);
    }
    let magic = start.len().min(MAGIC.len());
    if start[..magic] != MAGIC[..magic] {
        return Err(other_kind(start));
    }
    let cut = |needed: u64| NpyFault::HeaderCut { needed, length };
    let &[major, minor] = start.get(6..8).and_then(|version| version.first_chunk()).ok_or_else(|| cut(10))?;
    let (prefix, claimed) = match (major, minor) {
        (1, 0) => {
            let field = start.get(8..10).and_then(|field| field.first_chunk()).ok_or_else(|| cut(10))?;
            (10, u64::from(u16::from_le_bytes(*field)))
        }
        (2 | 3, 0) => {
            let field = start.get(8..12).and_then(|field| field.first_chunk()).ok_or_else(|| cut(12))?;
            (12, u64::from(u32::from_le_bytes(*field)))
        }
        version => return Err(NpyFault::Version { version }),
    };
    if claimed > length.saturating_sub(prefix) {
        return Err(cut(prefix + claimed));
    }
    if claimed > HEADER_LIMIT {
        return Err(NpyFault::HeaderTooLong { claimed });
    }
    Ok((prefix, claimed))
}

/// The header's bytes (`claimed` of them, after `prefix`), and those bytes of `start` that follow it.
fn header_bytes<'a>(
    reader: &mut impl Read,
    start: &'a [u8],
    prefix: u64,
    claimed: u64,
) -> Result<(Vec<u8>, &'a [u8]), Failure> {
    let begin = (prefix as usize).min(start.len());
    let end = (prefix + claimed) as usize;
    if end <= start.len() {
        return Ok((start[begin..end].to_vec(), &start[end..]));
    }
    let mut body = start[begin..].to_vec();
    reader.by_ref().take((end - start.len()) as u64).read_to_end(&mut body)?;
    if (body.len() as u64) < claimed {
        // The file became shorter while we read it.
        let length = prefix + body.len() as u64;
        return Err(NpyFault::HeaderCut { needed: prefix + claimed, length }.into());
    }
    Ok((body, &[]))
}

/// The header as text: ASCII in versions 1 and 2, UTF-8 in version 3.
fn header_text(body: &[u8], prefix: u64, version: u8) -> Result<&str, NpyFault> {
    let not_text = |index: usize| NpyFault::HeaderNotText { position: prefix + index as u64 };
    let text = str::from_utf8(body).map_err(|error| not_text(error.valid_up_to()))?;
    let control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\r' | b'\t');
    match body.iter().position(|byte| control(byte) || version < 3 && !byte.is_ascii()) {
        Some(index) => Err(not_text(index)),
        None => Ok(text),
    }
}

/// Reads `claimed` bytes of pixels, all that is left of the file.
///
/// `ndarray-npy` reads them under a header of our own: the shape it needs is then a single length, and spellings that we
/// accept and it does not (`<u1`, Python 2's `28L`) do not reach it.
fn read_payload(reader: impl Read, claimed: u64) -> Result<Vec<u8>, Failure> {
    let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({claimed},), }}\n");
    let mut front = [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes()].concat();
    front.extend(text.as_bytes());
    match Array1::<u8>::read_npy(front.chain(reader)) {
        Ok(array) => Ok(array.into_raw_vec_and_offset().0),
        Err(ReadNpyError::Io(error)) => Err(error.into()),
        // Only if the file changed since its length was taken.
        Err(error) => Err(io::Error::other(error).into()),
    }
}

/// The fault of a file that is no NumPy file.
fn other_kind(start: &[u8]) -> NpyFault {
    match recognised(start) {
        Some((kind, instead)) => NpyFault::OtherKind { kind, help: instead.help() },
        None => NpyFault::Magic { start: start[..start.len().min(8)].to_vec() },
    }
}

/// What people have instead of a data file, as far as it decides what they can do.
#[derive(Clone, Copy)]
pub(crate) enum Instead {
    Archive,
    Picture,
    Hdf5,
    Pickle,
    LfsPointer,
    Page,
}

impl Instead {
    /// What to do if a NumPy file was wanted.
    fn help(self) -> Advice {
        match self {
            Self::Archive => advice!("unpack-npy", "unpack it first and give the .npy file inside"),
            Self::Picture => advice!(
                "pictures-to-npy",
                "put the pictures into one array (N, 28, 28) of uint8 and save it with numpy.save"
            ),
            Self::Hdf5 => advice!("hdf5-to-npy", "read it in Python and save the array with numpy.save"),
            Self::Pickle => {
                advice!("pickle-to-npy", "a pickle can run code and is never loaded; save the array with numpy.save")
            }
            Self::LfsPointer => advice!("lfs-pull", "fetch the file it stands for: git lfs pull"),
            Self::Page => advice!(
                "page-for-npy",
                "the link may have led to an error page or a login; download the file itself, from {QUICKDRAW_URL}/apple.npy"
            ),
        }
    }
}

/// Recognises what people most often have instead of a data file.
pub(crate) fn recognised(start: &[u8]) -> Option<(&'static str, Instead)> {
    let kinds: [(&[u8], &str, Instead); 9] = [
        (b"\x1f\x8b", "a gzip archive", Instead::Archive),
        (b"PK\x03\x04", "a zip archive (.npz?)", Instead::Archive),
        (b"BZh", "a bzip2 archive", Instead::Archive),
        (b"\xfd7zXZ", "an xz archive", Instead::Archive),
        (b"\x89PNG", "a PNG picture", Instead::Picture),
        (b"\xff\xd8\xff", "a JPEG picture", Instead::Picture),
        (b"\x89HDF", "an HDF5 file", Instead::Hdf5),
        (b"\x80\x04", "a Python pickle", Instead::Pickle),
        (b"version https://git-lfs", "a Git LFS pointer", Instead::LfsPointer),
    ];
    if let Some(&(_, kind, instead)) = kinds.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return Some((kind, instead));
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let begins = |word: &[u8]| text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word);
    if [&b"<!doctype"[..], b"<html", b"<head", b"<?xml"].into_iter().any(begins) {
        return Some(("a web page saved as data", Instead::Page));
    }
    text.starts_with(b"{").then_some(("a web page's answer (JSON) saved as data", Instead::Page))
}

/// A number with a comma between thousands.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
