//! Pictures whose numbers fill a part of their range only, such as 12 bits of 16: which numbers there are, and which of them
//! become black and white.

use super::decode;
use super::in_flight::InFlight;
use crate::range::Range;
use image::DynamicImage;
use std::path::PathBuf;

/// The numbers in some pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Depth {
    /// The number of white: 255, 65535, or 1 for floats.
    pub white: f64,
    /// The smallest number.
    pub low: f64,
    /// The largest number.
    pub high: f64,
    /// Whether some of them are in colour.
    pub colour: bool,
}

/// The numbers in the pictures `files` as the files hold them, if they can be read and have the same depth.
pub fn depth_of(files: &[PathBuf]) -> Option<Depth> {
    let mut all: Option<Depth> = None;
    for file in files {
        let Ok(one) = decode::opened(file, 4, &InFlight::new(u64::MAX), |image| depth(&image)) else { continue };
        all = match all {
            Some(all) if all.white != one.white => return None,
            Some(all) => Some(Depth {
                low: all.low.min(one.low),
                high: all.high.max(one.high),
                colour: all.colour || one.colour,
                ..all
            }),
            None => Some(one),
        };
    }
    all
}

/// The numbers of the colours of one picture.
fn depth(image: &DynamicImage) -> Depth {
    let mut depth = Depth { white: white(image), low: f64::INFINITY, high: f64::NEG_INFINITY, colour: false };
    for_each_pixel(image, |[red, green, blue, _]| {
        depth.colour |= red != green || green != blue;
        for value in [red, green, blue] {
            depth.low = depth.low.min(value);
            depth.high = depth.high.max(value);
        }
    });
    depth
}

/// The picture in bytes, the numbers of `range` being black and white.
pub(super) fn levelled(image: &DynamicImage, range: Range) -> DynamicImage {
    let white = white(image);
    let mut bytes = Vec::with_capacity(4 * image.width() as usize * image.height() as usize);
    for_each_pixel(image, |[red, green, blue, alpha]| {
        bytes.extend([red, green, blue].map(|value| range.byte(value)));
        bytes.push((alpha / white * 255.0 + 0.5) as u8);
    });
    let image = image::RgbaImage::from_raw(image.width(), image.height(), bytes);
    DynamicImage::ImageRgba8(image.expect("four bytes for each pixel"))
}

/// The number of white in a picture of its depth.
fn white(image: &DynamicImage) -> f64 {
    match image {
        DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_) => 1.0,
        DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA16(_)
        | DynamicImage::ImageRgb16(_)
        | DynamicImage::ImageRgba16(_) => 65_535.0,
        _ => 255.0,
    }
}

/// Shows every pixel, red, green, blue and alpha, with the numbers that the file has.
fn for_each_pixel(image: &DynamicImage, mut see: impl FnMut([f64; 4])) {
    match white(image) {
        1.0 => image.to_rgba32f().pixels().for_each(|pixel| see(pixel.0.map(f64::from))),
        65_535.0 => image.to_rgba16().pixels().for_each(|pixel| see(pixel.0.map(f64::from))),
        _ => image.to_rgba8().pixels().for_each(|pixel| see(pixel.0.map(f64::from))),
    }
}
