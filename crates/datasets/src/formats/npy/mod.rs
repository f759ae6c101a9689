//! Reads `.npy` files: arrays of images of one size, with values of any numeric dtype.
//!
//! Nothing in a file is trusted. What its header claims is compared with the length of the file
//! before memory is allocated, so a file cannot cost more memory than its own length. [`header`]
//! parses the header, [`shape`] finds the images in the shape, [`range`] the black and white
//! values, [`fault`] has the texts about everything that can be wrong. [`Layout`] converts values
//! to bytes.

pub(super) mod archive;
mod fault;
mod header;
mod layout;
mod numbers;
mod range;
mod shape;

use super::format::{Format, LoadRequest, Loaded, Values};
use super::unsupported;
use crate::error::DataError;
use crate::file::{FileStamp, open};
use crate::images::Images;
use crate::store::Store;
use crate::store::records::RecordFile;
use crate::text::counted;
use crate::value_range::{ValueRange, ValueStats};
use fault::{Fault, MAX_HEADER};
use layout::Layout;
pub use layout::{Dtype, NumberKind};
pub use numbers::{Numbers, load_numbers};
use range::{BLOCK, MeasuredRange, range_of};
use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

pub(super) const FORMAT: Format = Format {
    name: "NumPy array",
    class_extension: Some("npy"),
    has_content: |file| file.start.starts_with(MAGIC),
    has_name: |file| file.extension == "npy",
    is_in: |_| false,
    has_split: |_, _| false,
    load,
};

/// How every NumPy file begins.
const MAGIC: &[u8] = b"\x93NUMPY";
/// Bytes that are read first. Most headers are shorter.
const START: u64 = 512;
/// The most values of images in Fortran order. They are kept in memory, because the values of one
/// image are not contiguous in the file.
const MAX_FORTRAN: u64 = 1 << 30;

fn load(path: &Path, request: &LoadRequest<'_>) -> Result<Loaded, DataError> {
    Ok(loaded(load_array(path, request.fitting.range, Some(request.shape))?, request))
}

/// What the header of a `.npy` file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayHeader {
    /// The type of the values.
    pub dtype: Dtype,
    /// Whether the first index varies fastest.
    pub fortran: bool,
    /// The length of each axis.
    pub shape: Vec<u64>,
    /// The offset of the values, which are the rest of the file.
    pub first: u64,
}

/// Reads the header of a `.npy` file of `length` bytes; `reader` may be read beyond it.
///
/// # Errors
/// In words, if it is damaged, or the values are no numbers.
pub fn array_header(reader: &mut impl Read, length: u64) -> Result<ArrayHeader, String> {
    let (header::Header { dtype, fortran, shape }, first) = read_header(reader, length).map_err(|failure| {
        let Fault { what, why, .. } = match failure {
            Failure::System(error) => return error.to_string(),
            Failure::Foreign(start) => fault::magic(&start),
            Failure::Fault(fault) => fault,
        };
        format!("{what}: {why}")
    })?;
    Ok(ArrayHeader { dtype, fortran, shape, first })
}

/// The images of an array as `request` wants them.
fn loaded(array: LoadedArray, request: &LoadRequest<'_>) -> Loaded {
    let values = match array.extent {
        // Floats that were scaled with a sharp filter exceed the range a little.
        Some([min, max]) if array.range.black() == 0.0 && min >= 0.0 && max <= array.range.white() => {
            Values::Stats(ValueStats { white: array.range.white(), min, max, colour: false })
        }
        _ => Values::Range(array.range),
    };
    // The range is applied already.
    let loaded = Loaded::converted(array.images, None, request);
    Loaded { notes: array.note.into_iter().collect(), values, ..loaded }
}

/// Loads the images of a `.npy` file with the default options of [`load_array`].
///
/// # Errors
/// As [`load_array`].
pub fn load_npy(path: &Path) -> Result<Images, DataError> {
    load_array(path, None, None).map(|loaded| loaded.images)
}

/// Loads the images of a `.npy` file. The shape is (N, height, width), (N, height, width, channels)
/// or (N, channels, height, width) with 1, 3 or 4 channels, (N, 784), or flat with `flat_size`
/// (height, width, channels). Values are booleans, integers or floats of any width, in either byte
/// order, in C or Fortran order. `range` are the values that become black and white. By default
/// they depend on the dtype and, where that leaves a choice, on the values: 0 to 255 for bytes, 0
/// to 1 or -1 to 1 for floats, and so on.
///
/// # Errors
/// [`DataError`] if there is no such file, or it has another content; if a value is not finite, or
/// the values are in none of the usual ranges. Allocates at most a few megabytes, as images are
/// read on demand; only images in Fortran order are loaded into memory.
pub fn load_array(
    path: &Path,
    range: Option<ValueRange>,
    flat_size: Option<[usize; 3]>,
) -> Result<LoadedArray, DataError> {
    let mut file = open(path)?;
    let stamp = FileStamp::of(&file.metadata().map_err(|error| DataError::unreadable(path, error))?);
    let array = examine(&mut file, stamp.length, range, flat_size).map_err(|failure| failure.in_file(path))?;
    if array.fortran {
        let pixels = array.read_fortran(&mut file).map_err(|error| DataError::unreadable(path, error))?;
        return Ok(in_memory(path, array, pixels));
    }
    Ok(images_of(path, file, stamp, array))
}

/// Where `count` images come from, in one line.
fn origin(path: &Path, count: usize, [height, width, _]: [usize; 3]) -> String {
    // An array of an archive is named after both.
    let (file, inside) = crate::zip::split(path).unwrap_or_else(|| (path.to_owned(), String::new()));
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
    let inside = if inside.is_empty() { inside } else { format!("/{inside}") };
    format!("{name}{inside} ({} {height}x{width})", counted(count, "image"))
}

/// The images in `pixels`, which were read from `array`.
fn in_memory(path: &Path, array: Array, pixels: Vec<u8>) -> LoadedArray {
    let Layout { size, count, range, .. } = array.layout;
    let images = Images::new(pixels, size, origin(path, count, size));
    LoadedArray { images, note: array.note(), range, extent: array.extent }
}

/// The images of an array in C order in `file`.
fn images_of(path: &Path, file: File, stamp: FileStamp, array: Array) -> LoadedArray {
    let Layout { size, count, first, range, .. } = array.layout;
    let (note, extent) = (array.note(), array.extent);
    let file = RecordFile { path: path.to_owned(), file, stamp, offset: first, count };
    let images = Images::of(Arc::new(ArrayFile { file, layout: array.layout }), size, origin(path, count, size));
    LoadedArray { images, note, range, extent }
}

/// The images of a file in C order with a valid header.
struct ArrayFile {
    file: RecordFile,
    layout: Layout,
}

impl Store for ArrayFile {
    fn count(&self) -> usize {
        self.file.count
    }

    fn read(&self, first: usize, images: &mut [u8]) -> Result<(), DataError> {
        let layout = &self.layout;
        if layout.is_plain() {
            return self.file.read(layout.offset(first), images);
        }
        let at_a_time = (BLOCK / layout.record_len()).max(1);
        let mut records = Vec::new();
        for (number, images) in images.chunks_mut(at_a_time * layout.image_len()).enumerate() {
            records.resize(images.len() * layout.dtype.bytes, 0);
            self.file.read(layout.offset(first + number * at_a_time), &mut records)?;
            let records = records.chunks_exact(layout.record_len());
            records.zip(images.chunks_exact_mut(layout.image_len())).for_each(|(from, to)| layout.decode(from, to));
        }
        Ok(())
    }

    fn location(&self) -> String {
        format!("read from {}", self.file.path.display())
    }
}

/// The images of an array.
#[derive(Debug)]
pub struct LoadedArray {
    /// The images as bytes, of the size and with the channels of the file: 1, 3 or, with alpha, 4.
    pub images: Images,
    /// A line that says how the values were converted, unless they are bytes.
    pub note: Option<String>,
    /// The values that became 0 and 255.
    pub range: ValueRange,
    /// The smallest and the largest value, if they were measured.
    pub extent: Option<[f64; 2]>,
}

/// An array file whose header was read and whose values were measured.
#[derive(Debug)]
pub(crate) struct Array {
    pub(crate) layout: Layout,
    /// Whether the file is in Fortran order: it has the first value of every image, then the second
    /// of every image, and so on. The values of an image are in Fortran order too, unless it is
    /// flat.
    pub(crate) fortran: bool,
    /// Whether an image is one row of values.
    flat: bool,
    /// The smallest and the largest value, if they were measured.
    extent: Option<[f64; 2]>,
}

impl Array {
    /// A line that says how the values are converted, unless they are bytes in C order.
    pub(crate) fn note(&self) -> Option<String> {
        let Layout { dtype, range, planes, .. } = &self.layout;
        let order = if *planes { ", (N, channels, height, width)" } else { "" };
        let fortran = if self.fortran { ", Fortran order" } else { "" };
        let usual = *dtype == Dtype::BYTE && *range == ValueRange::BYTES && !planes && !self.fortran;
        (!usual).then(|| {
            format!("{dtype}{order}{fortran}, read as bytes: {} is black, {} is white", range.black(), range.white())
        })
    }

    /// Reads all images from Fortran order, in which the file has one value of every image after
    /// the other.
    fn read_fortran(&self, file: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
        file.seek(SeekFrom::Start(self.layout.first))?;
        let Layout { count, size: [height, width, channels], dtype, planes, .. } = self.layout;
        let length = self.layout.image_len();
        let mut pixels = vec![0; count * length];
        let mut numbers = vec![0; count * dtype.bytes];
        for at in 0..length {
            // The first index of an image varies fastest.
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
            for (index, raw) in numbers.chunks_exact(dtype.bytes).enumerate() {
                pixels[index * length + place] = self.layout.byte(raw);
            }
        }
        Ok(pixels)
    }
}

/// Why the file cannot be used.
enum Failure {
    /// The content is wrong.
    Fault(Fault),
    /// The file begins with these bytes instead of the magic ones.
    Foreign(Vec<u8>),
    /// The operating system reported an error.
    System(io::Error),
}

impl Failure {
    /// The error about the file `path`.
    fn in_file(self, path: &Path) -> DataError {
        let invalid = |Fault { what, why, help }| DataError::invalid(path, what, why, help);
        match self {
            Self::System(error) => DataError::unreadable(path, error),
            Self::Foreign(start) => unsupported::refuse(path, &start).unwrap_or_else(|| invalid(fault::magic(&start))),
            Self::Fault(fault) => invalid(fault),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// Reads and checks the header of a file of `length` bytes, and measures the values if their dtype
/// does not determine which are black and white.
fn examine(
    file: &mut (impl Read + Seek),
    length: u64,
    requested: Option<ValueRange>,
    flat_size: Option<[usize; 3]>,
) -> Result<Array, Failure> {
    let (header::Header { dtype, fortran, shape }, first) = read_header(file, length)?;
    let shape::ImageShape { size, planes, flat } =
        shape::images(&shape, flat_size).ok_or_else(|| fault::shape(&shape))?;
    if shape[0] == 0 {
        return Err(fault::no_images().into());
    }
    // The product fits in 64 bits: the header was checked.
    let numbers = shape.iter().product::<u64>();
    let claimed = numbers * dtype.bytes as u64;
    check_length(claimed, length.saturating_sub(first))?;
    if fortran && numbers > MAX_FORTRAN {
        return Err(fault::fortran_order(numbers).into());
    }
    let (range, extent): MeasuredRange = range_of(file, first, claimed, dtype, requested)?;
    // The file has that many bytes, so the number fits.
    let (count, stride) = (shape[0] as usize, claimed / shape[0]);
    Ok(Array { layout: Layout { count, size, first, stride, dtype, planes, range }, fortran, flat, extent })
}

/// Reads the header of a file of `length` bytes, and returns the offset of the values too. Reads on
/// beyond it.
fn read_header(file: &mut impl Read, length: u64) -> Result<(header::Header, u64), Failure> {
    let mut start = Vec::new();
    file.by_ref().take(START).read_to_end(&mut start)?;
    let (prefix, claimed) = read_prefix(&start, length)?;
    let body = header_bytes(file, &start, prefix, claimed)?;
    let header = header::parse(header_text(&body, prefix, start[MAGIC.len()])?)?;
    Ok((header, prefix + body.len() as u64))
}

/// Checks that the file has as many bytes of values as its header claims.
fn check_length(claimed: u64, present: u64) -> Result<(), Fault> {
    match claimed.cmp(&present) {
        Ordering::Greater => Err(fault::truncated(claimed, present)),
        Ordering::Less => Err(fault::trailing(present - claimed)),
        Ordering::Equal => Ok(()),
    }
}

/// Checks the fixed bytes before the header; returns their number and the length of the header.
fn read_prefix(start: &[u8], length: u64) -> Result<(u64, u64), Failure> {
    if start.is_empty() {
        return Err(fault::empty().into());
    }
    let magic = start.len().min(MAGIC.len());
    if start[..magic] != MAGIC[..magic] {
        return Err(Failure::Foreign(start.to_vec()));
    }
    let cut = |needed: u64| fault::header_cut(needed, length);
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
        (major, minor) => return Err(fault::version([major, minor]).into()),
    };
    if claimed > length.saturating_sub(prefix) {
        return Err(cut(prefix + claimed).into());
    }
    if claimed > MAX_HEADER {
        return Err(fault::header_too_long(claimed).into());
    }
    Ok((prefix, claimed))
}

/// The `claimed` bytes of the header after `prefix`. `start` was read already.
fn header_bytes(reader: &mut impl Read, start: &[u8], prefix: u64, claimed: u64) -> Result<Vec<u8>, Failure> {
    let begin = (prefix as usize).min(start.len());
    let end = (prefix + claimed) as usize;
    let mut body = start[begin..end.min(start.len())].to_vec();
    reader.by_ref().take(end.saturating_sub(start.len()) as u64).read_to_end(&mut body)?;
    if (body.len() as u64) < claimed {
        // The file became shorter while it was read.
        let length = prefix + body.len() as u64;
        return Err(fault::header_cut(prefix + claimed, length).into());
    }
    Ok(body)
}

/// The header as text: ASCII in versions 1 and 2, UTF-8 in version 3.
fn header_text(body: &[u8], prefix: u64, version: u8) -> Result<&str, Fault> {
    let not_text = |index: usize| fault::header_not_text(prefix + index as u64);
    let text = str::from_utf8(body).map_err(|error| not_text(error.valid_up_to()))?;
    let control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\r' | b'\t');
    match body.iter().position(|byte| control(byte) || version < 3 && !byte.is_ascii()) {
        Some(index) => Err(not_text(index)),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests;
