//! Reads `.npy` files of images: numbers of any type, many pictures of one size.
//!
//! A file is not believed before it is checked. What its header claims is held against the length the file system gives
//! before any memory is asked for, so a file can cost no more memory than its own length. The header is taken apart by
//! [`header`]; [`shape`] finds the images in its lengths, [`extent`](measure) the numbers' range; [`fault`] words what can be
//! wrong. How the numbers become bytes is the business of [`Layout`].

mod fault;
mod header;
mod shape;

pub use fault::NpyFault;

use crate::advice::Advice;
use crate::error::DataError;
use crate::images::Images;
use crate::layout::{Element, Extent, Layout, Number};
use crate::plural::plural;
use crate::range::{Levels, Range, written};
use crate::store::Store;
use crate::store::records::{Part, Stamp};
use fault::HEADER_LIMIT;
use ndarray::Array1;
use ndarray_npy::{ReadNpyError, ReadNpyExt};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

/// How every NumPy file begins.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";
/// Enough of a file to tell what kind it is.
const START: u64 = 512;
/// Bytes of images in Fortran order at most: they lie in memory, as those of one image do not lie together in the file.
const MOST_FORTRAN: u64 = 1 << 30;
/// Bytes that are looked at together.
const PART: usize = 1 << 20;

/// Loads the images of a `.npy` file as bytes: as [`load_array`] with everything as usual.
///
/// # Errors
/// As [`load_array`].
pub fn load_npy(path: &Path) -> Result<Images, DataError> {
    load_array(path, Levels::default(), None).map(|loaded| loaded.images)
}

/// Loads the images of a `.npy` file: shape (N, height, width), (N, height, width, channels) or (N, channels, height, width)
/// with 1, 3 or 4 channels, flat (N, 784), or flat of the size `wanted` (height, width, channels); booleans, integers or floats
/// of any width, in either byte order, C or Fortran order. `levels` says which numbers become black and white; `auto` goes by
/// the type and, where it leaves a choice, by the numbers: 0 to 255 for bytes, 0 to 1 or -1 to 1 for floats, and so on. With the
/// images comes a line about how the numbers were read, unless they are bytes.
///
/// # Errors
/// [`DataError`] if there is no such file or it is anything else, of any content; if a number is not finite, or none of the usual
/// ranges holds them. Never allocates more than a few megabytes, as the images are read when they are needed; but those in Fortran order
/// are brought into memory.
pub fn load_array(path: &Path, levels: Levels, wanted: Option<[usize; 3]>) -> Result<LoadedArray, DataError> {
    let mut file = open(path)?;
    let told = |failure| match failure {
        Failure::Fault(fault) => DataError::Npy { path: path.to_owned(), fault },
        Failure::System(error) => DataError::unreadable(path, error),
    };
    let stamp = Stamp::of(&file.metadata().map_err(|error| DataError::unreadable(path, error))?);
    let array = examine(&mut file, stamp.length, levels, wanted).map_err(told)?;
    let Layout { size, count, first, range, .. } = array.layout;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let origin = format!("{name} ({} {} {}x{})", grouped(count), plural(count, "image"), size[0], size[1]);
    let (note, extent) = (array.note(), array.extent);
    let images = if array.fortran {
        Images::new(array.read_fortran(&mut file).map_err(|error| DataError::unreadable(path, error))?, size, origin)
    } else {
        let part = Part { path: path.to_owned(), file, stamp, offset: first, count };
        Images::of(Arc::new(Npy { part, layout: array.layout }), size, origin)
    };
    Ok(LoadedArray { images, note, range, extent })
}

/// The images of a file in C order whose header was checked.
struct Npy {
    part: Part,
    layout: Layout,
}

impl Store for Npy {
    fn count(&self) -> usize {
        self.part.count
    }

    fn read(&self, first: usize, images: &mut [u8]) -> Result<(), DataError> {
        let layout = &self.layout;
        if layout.is_plain() {
            return self.part.read(layout.offset(first), images);
        }
        let at_a_time = (PART / layout.record_len()).max(1);
        let mut records = Vec::new();
        for (number, images) in images.chunks_mut(at_a_time * layout.image_len()).enumerate() {
            records.resize(images.len() * layout.element.bytes, 0);
            self.part.read(layout.offset(first + number * at_a_time), &mut records)?;
            let records = records.chunks_exact(layout.record_len());
            records.zip(images.chunks_exact_mut(layout.image_len())).for_each(|(from, to)| layout.decode(from, to));
        }
        Ok(())
    }

    fn read_whole(&self) -> Option<Result<Vec<u8>, DataError>> {
        if !self.layout.is_plain() {
            return None;
        }
        let read = |mut file: &File| {
            file.seek(SeekFrom::Start(self.part.offset))?;
            read_payload(file, (self.part.count * self.layout.image_len()) as u64)
        };
        let read = read(&self.part.file).map_err(|error| DataError::unreadable(&self.part.path, error));
        Some(self.part.unchanged().and(read))
    }

    fn place(&self) -> String {
        format!("read from {}", self.part.path.display())
    }
}

/// The images of an array.
#[derive(Debug)]
pub struct LoadedArray {
    /// The images as bytes, of the size and with the channels of the file: 1, 3 or, with alpha, 4.
    pub images: Images,
    /// One line about how the numbers were read, unless they are bytes.
    pub note: Option<String>,
    /// The numbers that became 0 and 255.
    pub range: Range,
    /// The smallest and the largest number, if they were looked at.
    pub extent: Option<[f64; 2]>,
}

/// What is known of an array file once its header is read and its numbers are looked at.
#[derive(Debug)]
pub(crate) struct Array {
    pub(crate) layout: Layout,
    /// Whether the file holds the first number of every image, then the second of every image, and so on (Fortran order), and
    /// those of an image, unless it is flat, as Fortran counts them.
    pub(crate) fortran: bool,
    /// Whether an image is one row of numbers.
    flat: bool,
    /// The smallest and the largest number, if they were looked at.
    extent: Option<[f64; 2]>,
}

impl Array {
    /// One line about how the numbers are read, unless they are bytes in the usual order.
    pub(crate) fn note(&self) -> Option<String> {
        let Layout { element, range, planes, .. } = &self.layout;
        let order = if *planes { ", (N, channels, height, width)" } else { "" };
        let fortran = if self.fortran { ", Fortran order" } else { "" };
        let usual = *element == Element::BYTE && *range == Range::BYTES && !planes && !self.fortran;
        (!usual).then(|| {
            format!("{element}{order}{fortran}, read as bytes: {} is black, {} is white", range.black(), range.white())
        })
    }

    /// Reads the pixels of every image from Fortran order: the file holds a number of every image, then the next of every image.
    fn read_fortran(&self, file: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
        file.seek(SeekFrom::Start(self.layout.first))?;
        let Layout { count, size: [height, width, channels], element, planes, .. } = self.layout;
        let length = self.layout.image_len();
        let mut pixels = vec![0; count * length];
        let mut numbers = vec![0; count * element.bytes];
        for at in 0..length {
            // The first of an image's own indices varies fastest.
            let place = if self.flat {
                at
            } else if planes {
                let (channel, row, column) = (at % channels, at / channels % height, at / (channels * height));
                (row * width + column) * channels + channel
            } else {
                let (row, column, channel) = (at % height, at / height % width, at / (height * width));
                (row * width + column) * channels + channel
            };
            file.read_exact(&mut numbers)?;
            for (index, raw) in numbers.chunks_exact(element.bytes).enumerate() {
                pixels[index * length + place] = self.layout.byte(raw);
            }
        }
        Ok(pixels)
    }
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

/// Reads the header of a file of `length` bytes, holds it against that length, and looks at the numbers if their type alone does
/// not say which of them are black and white.
fn examine(
    file: &mut (impl Read + Seek),
    length: u64,
    levels: Levels,
    wanted: Option<[usize; 3]>,
) -> Result<Array, Failure> {
    let mut start = Vec::new();
    file.by_ref().take(START).read_to_end(&mut start)?;
    let (prefix, claimed) = read_prefix(&start, length)?;
    let body = header_bytes(file, &start, prefix, claimed)?;
    let header::Header { element, fortran, shape } = header::parse(header_text(&body, prefix, start[MAGIC.len()])?)?;
    let shape::Images { size, planes, flat } =
        shape::images(&shape, wanted).ok_or(NpyFault::Shape { shape: shape.clone() })?;
    if shape[0] == 0 {
        return Err(NpyFault::NoImages.into());
    }
    // The header's check made sure that the product fits.
    let numbers = shape.iter().product::<u64>();
    let claimed = numbers * element.bytes as u64;
    let first = prefix + body.len() as u64;
    let present = length.saturating_sub(first);
    if claimed > present {
        return Err(NpyFault::Truncated { claimed, present }.into());
    }
    if claimed < present {
        return Err(NpyFault::Trailing { extra: present - claimed }.into());
    }
    if fortran && numbers > MOST_FORTRAN {
        return Err(NpyFault::FortranOrder { bytes: numbers }.into());
    }
    let (range, extent) = range_of(file, first, claimed, element, levels)?;
    // What is there in the file can be counted.
    let (count, stride) = (shape[0] as usize, claimed / shape[0]);
    Ok(Array { layout: Layout { count, size, first, stride, element, planes, range }, fortran, flat, extent })
}

/// Which numbers are black and white. Floats are looked at in any case: one that is not finite has no place in an image.
fn range_of(
    file: &mut (impl Read + Seek),
    first: u64,
    length: u64,
    element: Element,
    levels: Levels,
) -> Result<(Range, Option<[f64; 2]>), Failure> {
    let usual = match (element.number, element.bytes) {
        (Number::Bool, _) => Some((0.0, 1.0)),
        (Number::Unsigned, 1) => Some((0.0, 255.0)),
        _ => None,
    };
    let named = levels.0.or(usual.and_then(|(black, white)| Range::new(black, white)));
    if let Some(range) = named.filter(|_| element.number != Number::Float) {
        return Ok((range, None));
    }
    let extent = measure(file, first, length, element)?;
    if let Some((at, value)) = extent.not_finite {
        return Err(NpyFault::NotFinite { at, value: written(value) }.into());
    }
    let (low, high) = (extent.low, extent.high);
    let range = named.or_else(|| usual_range(element, low, high));
    Ok((range.ok_or_else(|| range_fault(element, low, high))?, Some([low, high])))
}

fn range_fault(element: Element, low: f64, high: f64) -> NpyFault {
    // A single number is no range, but the next one makes one.
    let high = if high > low { high } else { low + 1.0 };
    // With the digits that the file's own type has.
    let text = |value: f64| if element.bytes < 8 { written(value as f32) } else { written(value) };
    NpyFault::Range { dtype: element.to_string(), low: text(low), high: text(high) }
}

/// The first of the usual ranges that holds the numbers from `low` to `high`. Floats may leave it a little: pictures that were scaled
/// with a sharp filter do.
fn usual_range(element: Element, low: f64, high: f64) -> Option<Range> {
    /// Black, white, and how far floats may lie beyond.
    const RANGES: [(f64, f64, f64); 4] = [(0.0, 1.0, 0.01), (-1.0, 1.0, 0.02), (0.0, 255.0, 0.5), (0.0, 65_535.0, 0.5)];
    let is_float = element.number == Number::Float;
    if (element.number, element.bytes) == (Number::Signed, 1) && low < 0.0 {
        return Range::new(-128.0, 127.0);
    }
    let holds = |&&(black, white, beyond): &&(f64, f64, f64)| {
        // A little against what is there, too: numbers from -0.4 to 3 are none from 0 to 255.
        let beyond = if is_float { beyond.min((high - low) * 0.02) } else { 0.0 };
        // A whole number below zero is no shade of grey between -1 and 1.
        low >= black - beyond && high <= white + beyond && (black == 0.0 || is_float)
    };
    RANGES.iter().find(holds).and_then(|&(black, white, _)| Range::new(black, white))
}

/// The smallest and the largest of the numbers in `length` bytes from `first` on.
fn measure(file: &mut (impl Read + Seek), first: u64, length: u64, element: Element) -> io::Result<Extent> {
    file.seek(SeekFrom::Start(first))?;
    let mut extent = Extent::nothing();
    let mut part = vec![0; PART.min(usize::try_from(length).unwrap_or(PART))];
    let mut left = length;
    while left > 0 {
        let now = left.min(part.len() as u64) as usize;
        file.read_exact(&mut part[..now])?;
        extent.take_in(element, &part[..now]);
        left -= now as u64;
    }
    Ok(extent)
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

/// The header's bytes: `claimed` of them, after `prefix`. `start` was read already.
fn header_bytes(reader: &mut impl Read, start: &[u8], prefix: u64, claimed: u64) -> Result<Vec<u8>, Failure> {
    let begin = (prefix as usize).min(start.len());
    let end = (prefix + claimed) as usize;
    let mut body = start[begin..end.min(start.len())].to_vec();
    reader.by_ref().take(end.saturating_sub(start.len()) as u64).read_to_end(&mut body)?;
    if (body.len() as u64) < claimed {
        // The file became shorter while we read it.
        let length = prefix + body.len() as u64;
        return Err(NpyFault::HeaderCut { needed: prefix + claimed, length }.into());
    }
    Ok(body)
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
fn read_payload(reader: impl Read, claimed: u64) -> io::Result<Vec<u8>> {
    let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({claimed},), }}\n");
    let mut front = [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes()].concat();
    front.extend(text.as_bytes());
    match Array1::<u8>::read_npy(front.chain(reader)) {
        Ok(array) => Ok(array.into_raw_vec_and_offset().0),
        Err(ReadNpyError::Io(error)) => Err(error),
        // Only if the file changed since its length was taken.
        Err(error) => Err(io::Error::other(error)),
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
            Self::Page => {
                advice!("page-for-npy", "the link may have led to an error page or a login; download the file itself")
            }
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
