//! One file to pixels.

use super::fitting::{Background, blend, grey};
use super::levels::levelled;
use crate::range::Levels;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use std::fs;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// A file longer than this is not read.
const LONGEST_FILE: u64 = 256 << 20;
/// A picture wider or higher than this is not decoded.
const LONGEST_SIDE: u32 = 1 << 15;
/// Pixels of the largest picture that is decoded.
const MOST_PIXELS: u64 = 1 << 26;
/// Memory that decoding one picture may take.
const MOST_MEMORY: u64 = 1 << 30;

/// Pixels in rows: bytes, `channels` of them to a pixel.
pub(super) struct Picture {
    /// Height and width.
    pub(super) size: [usize; 2],
    pub(super) bytes: Vec<u8>,
}

/// The picture in the file `path`, grey (1 channel) or in colour (3), its numbers brought to bytes by `levels`, laid on `background`
/// where it is transparent, turned upright if its camera says how it was held.
///
/// # Errors
/// Why it cannot be read, in words.
pub(super) fn decode(
    path: &Path,
    channels: usize,
    background: Background,
    Levels(range): Levels,
) -> Result<Picture, String> {
    let mut image = opened(path)?;
    if let Some(range) = range {
        image = levelled(&image, range);
    }
    Ok(flat(&image, channels, background))
}

/// The picture in the file `path`, as deep as it is.
///
/// # Errors
/// Why it cannot be read, in words.
pub(super) fn opened(path: &Path) -> Result<DynamicImage, String> {
    let about = fs::metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is not a file".into());
    }
    if about.len() > LONGEST_FILE {
        return Err(format!("{} bytes; at most {LONGEST_FILE} are read", about.len()));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    if bytes.is_empty() {
        return Err("the file is empty (0 bytes)".into());
    }
    // The decoders are other people's: should one of them panic on a damaged file, that file is damaged.
    let decoded = catch_unwind(AssertUnwindSafe(|| decoded(&bytes)));
    decoded.unwrap_or_else(|_| Err("the decoder gave up on it".into()))
}

fn decoded(bytes: &[u8]) -> Result<DynamicImage, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    if reader.format().is_none() {
        let kind = crate::npy::recognised(bytes).map(|(kind, _)| format!(": it looks like {kind}"));
        return Err(format!("not a picture of a known form{}", kind.unwrap_or_default()));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err("it has no pixels".into());
    }
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(format!("{width}x{height} pixels; at most {MOST_PIXELS} are decoded"));
    }
    let orientation = decoder.orientation().map_err(|error| error.to_string())?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Bytes without transparency.
fn flat(image: &DynamicImage, channels: usize, background: Background) -> Picture {
    let size = [image.height() as usize, image.width() as usize];
    if let (1, Some(image)) = (channels, image.as_luma8()) {
        return Picture { size, bytes: image.as_raw().clone() };
    }
    let rgba = image.to_rgba8();
    let mut bytes = Vec::with_capacity(size[0] * size[1] * channels);
    for pixel in rgba.pixels() {
        let colour = blend(pixel.0, background);
        match channels {
            1 => bytes.push(grey(colour)),
            _ => bytes.extend(colour),
        }
    }
    Picture { size, bytes }
}
