//! Sheets of images as PNG files.

use std::path::Path;

use crate::engine::Tensor;
use crate::failure::Failure;
use crate::storage::{self, Disk, StorageError};

/// Pixels between the tiles of a sheet.
const GAP: usize = 2;
/// Brightness of the gaps: neither ink nor paper.
const GAP_SHADE: u8 = 96;
/// A tile is enlarged by a whole factor to at most this many pixels.
const TILE: usize = 128;

/// Bytes of an image from numbers in [0, 1]: 255 times, rounded half to even, kept within a byte.
pub(crate) fn bytes(image: &Tensor) -> Vec<u8> {
    image.data().iter().map(|value| (255.0 * value).round_ties_even().clamp(0.0, 255.0) as u8).collect()
}

/// Columns of a sheet of `count` tiles that is nearest to a square.
pub(crate) fn columns(count: usize) -> usize {
    (1..).find(|side| side * side >= count).unwrap_or(count)
}

/// The bytes of a sheet whose columns are these tensors, with equally many images of one shape each.
pub(crate) fn side_by_side(columns: &[Tensor]) -> Vec<u8> {
    let images = columns.first().map_or(0, |column| column.shape()[0]);
    let columns: Vec<Vec<u8>> = columns.iter().map(bytes).collect();
    let row = |image: usize| {
        columns.iter().flat_map(move |column| {
            let length = column.len() / images;
            &column[image * length..][..length]
        })
    };
    (0..images).flat_map(row).copied().collect()
}

/// A sheet of all images in `pixels`, each of shape `[height, width, channels]`, as a PNG file. Rows first, of so many images or
/// about as many as there are rows; no pixel is resampled, only repeated.
pub(crate) fn sheet(
    pixels: &[u8],
    [height, width, channels]: [usize; 3],
    in_a_row: Option<usize>,
) -> Result<Vec<u8>, String> {
    let tile = height * width * channels;
    if tile == 0 || pixels.is_empty() {
        return Err("a sheet needs at least one image".to_owned());
    }
    let zoom = (TILE / height.max(width)).max(1);
    let columns = in_a_row.unwrap_or(columns(pixels.len() / tile));
    let rows = (pixels.len() / tile).div_ceil(columns);
    let side = |count: usize, size: usize| count * (size * zoom + GAP) + GAP;
    let (sheet_width, sheet_height) = (side(columns, width), side(rows, height));
    let mut sheet = vec![GAP_SHADE; sheet_width * sheet_height * channels];
    for (number, image) in pixels.chunks_exact(tile).enumerate() {
        let (top, left) = (side(number / columns, height), side(number % columns, width));
        for y in 0..height * zoom {
            for x in 0..width * zoom {
                let from = (y / zoom * width + x / zoom) * channels;
                let to = ((top + y) * sheet_width + left + x) * channels;
                sheet[to..to + channels].copy_from_slice(&image[from..from + channels]);
            }
        }
    }
    let color = if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb };
    encode(&sheet, sheet_width, sheet_height, color)
}

/// A PNG file from pixels.
pub(crate) fn encode(pixels: &[u8], width: usize, height: usize, color: png::ColorType) -> Result<Vec<u8>, String> {
    let size = |size: usize| u32::try_from(size).map_err(|_| format!("a picture of {width} x {height} is too large"));
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size(width)?, size(height)?);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let told = |error: png::EncodingError| error.to_string();
    let mut writer = encoder.write_header().map_err(told)?;
    writer.write_image_data(pixels).map_err(told)?;
    writer.finish().map_err(told)?;
    Ok(file)
}

/// Writes a sheet to the file `path`.
///
/// # Errors
/// When it cannot be drawn or written.
pub(crate) fn write_sheet(
    disk: &dyn Disk,
    path: &Path,
    pixels: &[u8],
    shape: [usize; 3],
    in_a_row: Option<usize>,
) -> Result<(), Failure> {
    let drawn = sheet(pixels, shape, in_a_row);
    let file = drawn.map_err(|why| StorageError::new("draw", path, std::io::Error::other(why)))?;
    Ok(storage::write_whole(disk, path, &file)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(file: &[u8]) -> (png::OutputInfo, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info, pixels)
    }

    #[test]
    fn rounds_half_to_even_and_clamps() {
        let image = Tensor::new(&[6], vec![0.5 / 255.0, 1.5 / 255.0, -0.3, 1.2, 1.0, f32::NAN]);
        assert_eq!(bytes(&image), [0, 2, 0, 255, 255, 0]);
    }

    #[test]
    fn tiles_lie_in_rows_with_gaps() {
        let pixels: Vec<u8> = (0..5).flat_map(|tile| vec![tile * 10; 28 * 28]).collect();
        let (info, pixels) = decode(&sheet(&pixels, [28, 28, 1], None).unwrap());
        let width = 3 * (28 * 4 + 2) + 2;
        assert_eq!((info.width as usize, info.height as usize), (width, 2 * (28 * 4 + 2) + 2));
        let at = |x: usize, y: usize| pixels[y * width + x];
        assert_eq!([at(0, 0), at(2, 2), at(116, 2), at(113, 2), at(2, 116)], [96, 0, 10, 0, 30]);
        assert_eq!(at(116 + 114, 116), 96, "an empty place has the shade of the gaps");
    }

    #[test]
    fn colours_keep_their_channels() {
        let (info, pixels) = decode(&sheet(&[1, 2, 3], [1, 1, 3], None).unwrap());
        assert_eq!((info.width, info.color_type), (132, png::ColorType::Rgb));
        let inner = (2 * 132 + 2) * 3;
        assert_eq!(pixels[inner..inner + 3], [1, 2, 3]);
        assert!(sheet(&[], [1, 1, 3], None).is_err());
    }

    #[test]
    fn columns_stand_side_by_side() {
        let column = |shades: [f32; 2]| Tensor::new(&[2, 1, 1, 1], shades.to_vec());
        let pixels = side_by_side(&[column([0.0, 1.0 / 255.0]), column([2.0 / 255.0, 3.0 / 255.0])]);
        assert_eq!(pixels, [0, 2, 1, 3]);
        let (info, _) = decode(&sheet(&[0; 6], [1, 1, 1], Some(6)).unwrap());
        assert_eq!((info.width, info.height), (6 * 130 + 2, 132));
    }

    #[test]
    fn sheets_are_nearly_square() {
        assert_eq!([1, 2, 4, 5, 16, 17, 64].map(columns), [1, 2, 2, 3, 4, 5, 8]);
    }
}
