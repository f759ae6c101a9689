//! One file to pixels.

use super::in_flight::InFlight;
use super::pixels::apply_range;
use crate::file_type::FileType;
use crate::fitting::{Background, Fitting, blend, grey};
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use std::fs::File;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// A file longer than this is not read.
const MAX_FILE: u64 = 256 << 20;
/// A picture wider or higher than this is not decoded.
const MAX_SIDE: u32 = 1 << 15;
/// Pixels of the largest picture that is decoded.
const MAX_PIXELS: u64 = 1 << 26;
/// Memory that decoding one picture may take.
const MAX_MEMORY: u64 = 1 << 30;

/// Bytes of a file in which its size is looked for before room is asked for.
const HEAD: u64 = 256 << 10;

/// Pixels in rows: bytes, `channels` of them to a pixel.
pub(super) struct Picture {
    /// Height and width.
    pub(super) size: [usize; 2],
    pub(super) bytes: Vec<u8>,
}

/// The picture in the file `path`, grey (1 channel) or in colour (3): its numbers brought to bytes, laid on the background where it is
/// transparent, turned upright if its camera says how it was held. Waits until `in_flight` has room for it.
///
/// # Errors
/// Why it cannot be read, in words.
pub(super) fn decode(path: &Path, channels: usize, fitting: &Fitting, in_flight: &InFlight) -> Result<Picture, String> {
    let bytes = |image| match fitting.range {
        Some(range) => apply_range(&image, range),
        None => image,
    };
    opened(path, channels, in_flight, |image| flat(bytes(image), channels, fitting.background))
}

/// What `see` makes of the picture in the file `path`, as deep as it is.
///
/// # Errors
/// Why it cannot be read, in words.
pub(super) fn opened<T>(
    path: &Path,
    channels: usize,
    in_flight: &InFlight,
    see: impl Fn(DynamicImage) -> T,
) -> Result<T, String> {
    let words = |error: std::io::Error| error.to_string();
    if !path.metadata().map_err(words)?.is_file() {
        return Err("it is not a file".into());
    }
    let mut file = File::open(path).map_err(words)?;
    let length = file.metadata().map_err(words)?.len();
    if length > MAX_FILE {
        return Err(format!("{length} bytes; at most {MAX_FILE} are read"));
    }
    let mut bytes = Vec::with_capacity(length.min(HEAD) as usize);
    file.by_ref().take(HEAD).read_to_end(&mut bytes).map_err(words)?;
    if bytes.is_empty() {
        return Err("the file is empty (0 bytes)".into());
    }
    // The decoders are other people's: should one of them panic on a damaged file, that file is damaged.
    let whole = bytes.len() as u64 >= length;
    let need = catch_unwind(AssertUnwindSafe(|| need(&bytes, length, channels))).unwrap_or_default();
    // What keeps its size at its end is large enough to be alone.
    let _permit = in_flight.take(need.unwrap_or(if whole { length } else { u64::MAX }));
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(words)?;
    catch_unwind(AssertUnwindSafe(|| decoded(&bytes).map(see)))
        .unwrap_or_else(|_| Err("the decoder gave up on it".into()))
}

/// Memory that decoding and fitting a picture takes, by what its header claims; None if that cannot be seen in its `head`.
fn need(head: &[u8], length: u64, channels: usize) -> Option<u64> {
    let decoder = decoder(head).ok()?;
    let (width, height) = decoder.dimensions();
    let (pixels, channels) = (u64::from(width) * u64::from(height), channels as u64);
    // As it is decoded, within the decoder and after; without transparency; the part that is taken.
    Some(length + 2 * decoder.total_bytes() + pixels * 2 * channels)
}

/// The decoder of a file that begins with `bytes`.
fn decoder(bytes: &[u8]) -> Result<impl ImageDecoder + '_, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    if reader.format().is_none() {
        let kind = FileType::of(bytes, "").in_words().map(|kind| format!(": it looks like {kind}"));
        return Err(format!("not a picture of a known form{}", kind.unwrap_or_default()));
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

/// Bytes without transparency.
fn flat(image: DynamicImage, channels: usize, background: Background) -> Picture {
    let size = [image.height() as usize, image.width() as usize];
    let picture = |bytes| Picture { size, bytes };
    // The usual kinds need no copy with a fourth channel.
    let image = match (image, channels) {
        (DynamicImage::ImageLuma8(image), 1) => return picture(image.into_raw()),
        (DynamicImage::ImageRgb8(image), 3) => return picture(image.into_raw()),
        (DynamicImage::ImageRgb8(image), 1) => return picture(image.pixels().map(|pixel| grey(pixel.0)).collect()),
        (image, _) => image,
    };
    let rgba = image.into_rgba8();
    let mut bytes = Vec::with_capacity(size[0] * size[1] * channels);
    for pixel in rgba.pixels() {
        let colour = blend(pixel.0, background);
        match channels {
            1 => bytes.push(grey(colour)),
            _ => bytes.extend(colour),
        }
    }
    picture(bytes)
}
