//! The pixels of a decoded picture at the depth of its file.

use crate::value_range::ValueRange;
use image::DynamicImage;

/// The picture with bytes for pixels: `range` says which values become black and white.
pub(super) fn apply_range(image: &DynamicImage, range: ValueRange) -> DynamicImage {
    let white = white(image);
    let mut bytes = Vec::with_capacity(4 * image.width() as usize * image.height() as usize);
    for_each_pixel(image, |[red, green, blue, alpha]| {
        bytes.extend([red, green, blue].map(|value| range.byte(value)));
        bytes.push((alpha / white * 255.0 + 0.5) as u8);
    });
    let image = image::RgbaImage::from_raw(image.width(), image.height(), bytes);
    DynamicImage::ImageRgba8(image.expect("four bytes for each pixel"))
}

/// The value of white in a picture of this depth.
pub(super) fn white(image: &DynamicImage) -> f64 {
    match image {
        DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_) => 1.0,
        DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA16(_)
        | DynamicImage::ImageRgb16(_)
        | DynamicImage::ImageRgba16(_) => 65_535.0,
        _ => 255.0,
    }
}

/// Calls `see` with red, green, blue and alpha of every pixel, with the values that the file has.
pub(super) fn for_each_pixel(image: &DynamicImage, mut see: impl FnMut([f64; 4])) {
    match white(image) {
        1.0 => image.to_rgba32f().pixels().for_each(|pixel| see(pixel.0.map(f64::from))),
        65_535.0 => image.to_rgba16().pixels().for_each(|pixel| see(pixel.0.map(f64::from))),
        _ => image.to_rgba8().pixels().for_each(|pixel| see(pixel.0.map(f64::from))),
    }
}
