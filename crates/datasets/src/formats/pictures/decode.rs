//! Decodes one picture.

use super::in_flight::InFlight;
use super::pixels::apply_range;
use super::source::Source;
use crate::file_type::FileType;
use crate::fitting::{Background, Fitting, blend, grey, premultiplied};
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 256 << 20;
/// The largest side of a picture.
const MAX_SIDE: u32 = 1 << 15;
/// The most pixels of a picture.
const MAX_PIXELS: u64 = 1 << 26;
/// The most memory that the decoder may use for one picture.
const MAX_MEMORY: u64 = 1 << 30;

/// How many first bytes of a file are read to find the picture's size, before memory is requested.
const HEAD: u64 = 256 << 10;

/// A decoded picture at its own size.
#[derive(Clone, Debug)]
pub struct Picture {
    /// (height, width).
    pub size: [usize; 2],
    /// The pixels in rows, with one byte per channel.
    pub bytes: Vec<u8>,
    /// Whether a pixel in the file was transparent, if only a little.
    pub transparent: bool,
}

/// Decodes a picture to grey (1 channel), colour (3), or colour with transparency (4): values are
/// converted to bytes, and the picture is rotated as its EXIF orientation says. With four channels,
/// colours are multiplied by their alpha; otherwise transparent pixels are blended with the
/// background. Waits until `in_flight` has enough memory.
///
/// # Errors
/// The reason why it cannot be read.
pub(super) fn decode(
    source: &Source,
    channels: usize,
    fitting: &Fitting,
    in_flight: &InFlight,
) -> Result<Picture, String> {
    let bytes = |image| match fitting.range {
        Some(range) => apply_range(&image, range),
        None => image,
    };
    opened(source, channels, in_flight, |image| flat(bytes(image), channels, fitting.background))
}

/// Decodes a picture and calls `see` with the picture at its full depth.
///
/// # Errors
/// The reason why it cannot be read.
pub(super) fn opened<T>(
    source: &Source,
    channels: usize,
    in_flight: &InFlight,
    see: impl Fn(DynamicImage) -> T,
) -> Result<T, String> {
    let words = |error: std::io::Error| error.to_string();
    let (length, mut file) = source.open().map_err(words)?;
    if length > MAX_FILE {
        return Err(format!("{length} bytes; at most {MAX_FILE} are read"));
    }
    let mut bytes = Vec::with_capacity(length.min(HEAD) as usize);
    file.by_ref().take(HEAD).read_to_end(&mut bytes).map_err(words)?;
    if bytes.is_empty() {
        return Err("the file is empty (0 bytes)".into());
    }
    // A decoder may panic on a damaged file. Only that file is reported then.
    let whole = bytes.len() as u64 >= length;
    let need = catch_unwind(AssertUnwindSafe(|| need(&bytes, length, channels))).unwrap_or_default();
    // If the size of a picture is not at the beginning of its file, it is decoded alone.
    let _permit = in_flight.take(need.unwrap_or(if whole { length } else { u64::MAX }));
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(words)?;
    catch_unwind(AssertUnwindSafe(|| decoded(&bytes).map(see))).unwrap_or_else(|_| Err("the decoder failed".into()))
}

/// The (height, width) of a picture, rotated as its EXIF orientation says. Reads as much of the
/// file as its header needs.
///
/// # Errors
/// The reason why it cannot be read.
pub(super) fn size_of(source: &Source) -> Result<[usize; 2], String> {
    let words = |error: std::io::Error| error.to_string();
    let (_, mut file) = source.open().map_err(words)?;
    let mut bytes = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut bytes).map_err(words)?;
    let size = |bytes: &[u8]| -> Result<[usize; 2], String> {
        let mut decoder = decoder(bytes)?;
        let (width, height) = decoder.dimensions();
        let turned = decoder.orientation().map_err(|error| error.to_string())?.to_exif() >= 5;
        Ok(if turned { [width as usize, height as usize] } else { [height as usize, width as usize] })
    };
    let size = |bytes: &[u8]| {
        catch_unwind(AssertUnwindSafe(|| size(bytes))).unwrap_or_else(|_| Err("the decoder failed".into()))
    };
    size(&bytes).or_else(|_| {
        file.take(MAX_FILE).read_to_end(&mut bytes).map_err(words)?;
        size(&bytes)
    })
}

/// The memory for decoding and fitting a picture, from what its header claims; `None` if the header
/// is not in `head`.
fn need(head: &[u8], length: u64, channels: usize) -> Option<u64> {
    let decoder = decoder(head).ok()?;
    let (width, height) = decoder.dimensions();
    let (pixels, channels) = (u64::from(width) * u64::from(height), channels as u64);
    // The file, the picture in the decoder and decoded, a copy without transparency, and a cropped
    // copy.
    Some(length + 2 * decoder.total_bytes() + pixels * 2 * channels)
}

/// The decoder of a file that begins with `bytes`.
fn decoder(bytes: &[u8]) -> Result<impl ImageDecoder + '_, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    if reader.format().is_none() {
        let kind = FileType::of(bytes, "").in_words().map(|kind| format!(": it looks like {kind}"));
        return Err(format!("not a supported picture{}", kind.unwrap_or_default()));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| error.to_string())
}

fn decoded(bytes: &[u8]) -> Result<DynamicImage, String> {
    let mut decoder = decoder(bytes)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err("it has no pixels".into());
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!("{width}x{height} pixels; at most {MAX_PIXELS} are decoded"));
    }
    let orientation = decoder.orientation().map_err(|error| error.to_string())?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Bytes with this number of channels.
fn flat(image: DynamicImage, channels: usize, background: Background) -> Picture {
    let size = [image.height() as usize, image.width() as usize];
    let picture = |bytes| Picture { size, bytes, transparent: false };
    // The most common types need no copy with an alpha channel.
    let image = match (image, channels) {
        (DynamicImage::ImageLuma8(image), 1) => return picture(image.into_raw()),
        (DynamicImage::ImageRgb8(image), 3) => return picture(image.into_raw()),
        (DynamicImage::ImageRgb8(image), 1) => return picture(image.pixels().map(|pixel| grey(pixel.0)).collect()),
        (image, _) => image,
    };
    let rgba = image.into_rgba8();
    let (mut bytes, mut transparent) = (Vec::with_capacity(size[0] * size[1] * channels), false);
    for pixel in rgba.pixels() {
        transparent |= pixel.0[3] < u8::MAX;
        match channels {
            1 => bytes.push(grey(blend(pixel.0, background))),
            4 => bytes.extend(premultiplied(pixel.0)),
            _ => bytes.extend(blend(pixel.0, background)),
        }
    }
    Picture { size, bytes, transparent }
}
