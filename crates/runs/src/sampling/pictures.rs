//! Sheets of images as PNG files.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;

use crate::failure::{Code, Failure};
use crate::storage::{self, Disk, StorageError};
use tensor::Tensor;

/// The default gap between the tiles of a sheet, in pixels.
const GAP: usize = 2;
/// Brightness of the gaps: between ink and paper.
const GAP_SHADE: u8 = 96;
/// The colour of pixels that are not finite: magenta, which is rare in pictures.
const MARK: [u8; 3] = [255, 0, 255];
/// Tiles are enlarged by a whole factor up to this many pixels.
const TILE: usize = 128;
/// The largest number of pixels in a sheet; few programs open larger pictures.
pub(crate) const MOST_PIXELS: usize = 1 << 28;

/// The largest number of images per forward pass when drawing.
const AT_A_TIME: usize = 64;
/// The approximate number of pixels per forward pass, because memory grows with it.
const PIXELS_AT_A_TIME: usize = 1 << 22;

/// How many images of this shape to draw per forward pass.
pub(crate) fn at_a_time([height, width, _]: [usize; 3]) -> usize {
    (PIXELS_AT_A_TIME / (height * width).max(1)).clamp(1, AT_A_TIME)
}

/// The `count` images of this shape that `draw` returns, drawn in batches: an image does not depend
/// on the others in its batch.
pub(crate) fn in_parts(count: usize, image: [usize; 3], draw: impl Fn(Range<usize>) -> Tensor) -> Tensor {
    let part = at_a_time(image);
    if count <= part {
        return draw(0..count);
    }
    let drawn: Vec<Tensor> = (0..count).step_by(part).map(|from| draw(from..count.min(from + part))).collect();
    let [height, width, channels] = image;
    Tensor::written([count, height, width, channels], |all| {
        let mut rest = all;
        for part in &drawn {
            let (head, tail) = rest.split_at_mut(part.size());
            head.copy_from_slice(part.data());
            rest = tail;
        }
    })
}

/// Converts images (n, height, width, channels) from [0, 1] to bytes: multiplies by 255, rounds
/// half to even, and clamps to a byte. A pixel with a non-finite value is marked: magenta in
/// colour, part of a chessboard pattern in grey.
pub(crate) fn bytes(images: &Tensor) -> Vec<u8> {
    let byte = |value: &f32| (255.0 * value).round_ties_even().clamp(0.0, 255.0) as u8;
    let mut bytes: Vec<u8> = images.data().par_iter().with_min_len(1 << 12).map(byte).collect();
    if images.count_non_finite() > 0 {
        let &[_, _, width, channels] = &**images.shape() else { unreachable!("images are (n, h, w, c)") };
        let pixels = images.data().chunks(channels).zip(bytes.chunks_mut(channels)).enumerate();
        for (at, (_, pixel)) in pixels.filter(|(_, (numbers, _))| numbers.iter().any(|x| !x.is_finite())) {
            match pixel {
                [red, green, blue] => [*red, *green, *blue] = MARK,
                [red, green, blue, alpha] => ([*red, *green, *blue], *alpha) = (MARK, 255),
                grey => grey.fill(if (at % width + at / width).is_multiple_of(2) { 255 } else { 0 }),
            }
        }
    }
    bytes
}

/// The colours of pixels with alpha as PNG files and other programs expect them: not multiplied by
/// it, as they are in tensors. Colours are lost where alpha is small, and black where it is 0.
/// Pixels with other numbers of channels stay as they are.
pub(crate) fn straight(pixels: &[u8], channels: usize) -> Cow<'_, [u8]> {
    if channels != 4 {
        return Cow::Borrowed(pixels);
    }
    let divided = |value: u8, alpha: u8| match u32::from(alpha) {
        0 => 0,
        // A network may give a colour that is brighter than its alpha allows.
        alpha => ((u32::from(value) * 255 + alpha / 2) / alpha).min(255) as u8,
    };
    let pixel = |&[red, green, blue, alpha]: &[u8; 4]| {
        [divided(red, alpha), divided(green, alpha), divided(blue, alpha), alpha]
    };
    Cow::Owned(pixels.as_chunks().0.iter().flat_map(pixel).collect())
}

/// A warning about the file `path`, if `drawn` has non-finite values; `shown` says how these look.
pub(crate) fn warning<'a>(path: &Path, drawn: impl Iterator<Item = &'a Tensor>, shown: &str) -> Option<String> {
    let counts = drawn.fold([0, 0], |[bad, all], images| [bad + images.count_non_finite(), all + images.size()]);
    warning_of(path, counts, shown)
}

/// The same, if `bad` of `all` values are not finite.
pub(crate) fn warning_of(path: &Path, [bad, all]: [usize; 2], shown: &str) -> Option<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    (bad > 0).then(|| format!("warning      {name}: {bad} of {all} numbers are NaN or infinite; {shown}"))
}

/// How non-finite values look in a sheet.
pub(crate) const MARKED: &str = "such pixels are magenta or, in grey, chequered";

/// Checks that all values of a network's images are finite; as bytes, a NaN would be black.
///
/// # Errors
/// When a value is not finite.
pub(crate) fn finite(images: Tensor) -> Result<Tensor, Failure> {
    let bad = images.count_non_finite();
    if bad == 0 {
        return Ok(images);
    }
    Err(Failure::new(Code::Diverged, "the network's output is not finite").because(format!(
        "{bad} of {} numbers are NaN or infinite: its weights have grown too large; an earlier checkpoint \
         may still be usable",
        images.size()
    )))
}

/// The number of columns that makes a sheet of `count` tiles closest to a square.
pub(crate) fn columns(count: usize) -> usize {
    (1..).find(|side| side * side >= count).unwrap_or(count)
}

/// The bytes of a sheet whose columns are these tensors, with equally many images of the same
/// shape.
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

/// How a sheet is arranged; `None` for defaults.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arrangement {
    /// Tiles per row.
    pub columns: Option<usize>,
    /// The side length of an image pixel, in pixels of the sheet.
    pub zoom: Option<usize>,
    /// Pixels between the tiles and around them.
    pub gap: Option<usize>,
}

impl Arrangement {
    /// One unscaled image.
    pub(crate) const BARE: Self = Self { columns: Some(1), zoom: Some(1), gap: Some(0) };

    /// A sheet with `columns` tiles per row.
    pub(crate) fn in_columns(columns: usize) -> Self {
        Self { columns: Some(columns), ..Self::default() }
    }
}

/// The positions of the tiles of a sheet, in rows. Pixels are repeated, never resampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Layout {
    /// Height, width and channels of an image.
    image: [usize; 3],
    grid: [usize; 2],
    zoom: usize,
    gap: usize,
}

impl Layout {
    /// A sheet of `count` images of shape `[height, width, channels]`.
    ///
    /// # Errors
    /// A message, when the sheet would have no pixels, or more than [`MOST_PIXELS`].
    pub(crate) fn new(count: usize, image: [usize; 3], arrangement: Arrangement) -> Result<Self, String> {
        let [height, width, channels] = image;
        if count * height * width * channels == 0 {
            return Err("a sheet needs at least one image".to_owned());
        }
        let columns = arrangement.columns.unwrap_or_else(|| columns(count)).clamp(1, count);
        let zoom = arrangement.zoom.unwrap_or(TILE / height.max(width)).max(1);
        let layout =
            Self { image, grid: [count.div_ceil(columns), columns], zoom, gap: arrangement.gap.unwrap_or(GAP) };
        let [height, width] = layout.size();
        match height.checked_mul(width) {
            Some(pixels) if pixels <= MOST_PIXELS => Ok(layout),
            _ => Err(format!("a picture of {width} x {height} pixels is too large (at most {MOST_PIXELS} in all)")),
        }
    }

    /// Height and width of the sheet.
    pub(crate) fn size(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.start(axis, self.grid[axis]))
    }

    /// Bytes of the sheet's pixels.
    pub(crate) fn bytes(&self) -> usize {
        self.size().iter().product::<usize>() * self.image[2]
    }

    /// The first pixel of tile number `tile` along an axis.
    fn start(&self, axis: usize, tile: usize) -> usize {
        tile.saturating_mul(self.image[axis].saturating_mul(self.zoom).saturating_add(self.gap))
            .saturating_add(self.gap)
    }

    /// The pixels of the sheet with the images in `pixels`.
    pub(crate) fn compose(&self, pixels: &[u8]) -> Vec<u8> {
        let [height, width, channels] = self.image;
        let [sheet_height, sheet_width] = self.size();
        let pixels = &*straight(pixels, channels);
        let mut sheet = vec![GAP_SHADE; sheet_height * sheet_width * channels];
        if channels == 4 {
            sheet.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 255);
        }
        for (number, image) in pixels.chunks_exact(height * width * channels).enumerate() {
            let (top, left) = (self.start(0, number / self.grid[1]), self.start(1, number % self.grid[1]));
            for y in 0..height * self.zoom {
                for x in 0..width * self.zoom {
                    let from = (y / self.zoom * width + x / self.zoom) * channels;
                    let to = ((top + y) * sheet_width + left + x) * channels;
                    sheet[to..to + channels].copy_from_slice(&image[from..from + channels]);
                }
            }
        }
        sheet
    }

    /// The sheet as a PNG file.
    pub(crate) fn encode(&self, pixels: &[u8]) -> Result<Vec<u8>, String> {
        let [height, width] = self.size();
        encode(&self.compose(pixels), width, height, color(self.image[2]))
    }
}

/// The PNG colour type for this number of channels.
pub(crate) fn color(channels: usize) -> png::ColorType {
    match channels {
        1 => png::ColorType::Grayscale,
        4 => png::ColorType::Rgba,
        _ => png::ColorType::Rgb,
    }
}

/// Encodes pixels as a PNG file.
pub(crate) fn encode(pixels: &[u8], width: usize, height: usize, color: png::ColorType) -> Result<Vec<u8>, String> {
    let size = |size: usize| u32::try_from(size).map_err(|_| format!("a picture of {width} x {height} is too large"));
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size(width)?, size(height)?);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let message = |error: png::EncodingError| error.to_string();
    let mut writer = encoder.write_header().map_err(message)?;
    writer.write_image_data(pixels).map_err(message)?;
    writer.finish().map_err(message)?;
    Ok(file)
}

/// Writes a sheet of all images in `pixels`, each of shape `[height, width, channels]`, to the PNG
/// file `path`.
///
/// # Errors
/// When it cannot be drawn or written.
pub(crate) fn write_sheet(
    disk: &dyn Disk,
    path: &Path,
    pixels: &[u8],
    image: [usize; 3],
    arrangement: Arrangement,
) -> Result<(), Failure> {
    let file = sheet(pixels, image, arrangement);
    let file = file.map_err(|why| StorageError::drawing(path, why))?;
    Ok(storage::write_whole(disk, path, &file)?)
}

pub(crate) fn sheet(pixels: &[u8], image: [usize; 3], arrangement: Arrangement) -> Result<Vec<u8>, String> {
    let count = pixels.len() / image.iter().product::<usize>().max(1);
    Layout::new(count, image, arrangement)?.encode(pixels)
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
        let image = Tensor::new(&[5], vec![0.5 / 255.0, 1.5 / 255.0, -0.3, 1.2, 1.0]);
        assert_eq!(bytes(&image), [0, 2, 0, 255, 255]);
    }

    #[test]
    fn pixels_that_are_not_finite_are_marked_and_counted() {
        let grey = Tensor::new(&[1, 2, 2, 1], vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0]);
        assert_eq!(bytes(&grey), [255, 0, 0, 0]);
        let colour = Tensor::new(&[2, 1, 1, 3], vec![0.0, f32::NAN, 1.0, 1.0, 0.0, 1.0]);
        assert_eq!(bytes(&colour), [255, 0, 255, 255, 0, 255]);
        let sheet = Path::new("run/samples/step-000100.png");
        let line = warning(sheet, [&grey, &colour].into_iter(), MARKED).unwrap();
        assert!(line.contains("step-000100.png: 4 of 10 numbers") && line.contains("chequered"), "{line}");
        assert_eq!(warning(sheet, [&Tensor::zeros([1, 1, 1, 1])].into_iter(), MARKED), None);
    }

    #[test]
    fn images_that_are_not_finite_are_refused() {
        let image = |bad: f32| Tensor::new(&[3], vec![0.5, bad, -2.0]);
        assert_eq!(finite(image(1.5)).unwrap(), image(1.5));
        for bad in [f32::NAN, f32::INFINITY] {
            let failure = finite(image(bad)).unwrap_err();
            assert_eq!(failure.code, Code::Diverged);
            assert!(failure.to_string().contains("1 of 3 numbers"), "{failure}");
        }
    }

    #[test]
    fn tiles_lie_in_rows_with_gaps() {
        let pixels: Vec<u8> = (0..5).flat_map(|tile| vec![tile * 10; 28 * 28]).collect();
        let (info, pixels) = decode(&sheet(&pixels, [28, 28, 1], Arrangement::default()).unwrap());
        let width = 3 * (28 * 4 + 2) + 2;
        assert_eq!((info.width as usize, info.height as usize), (width, 2 * (28 * 4 + 2) + 2));
        let at = |x: usize, y: usize| pixels[y * width + x];
        assert_eq!([at(0, 0), at(2, 2), at(116, 2), at(113, 2), at(2, 116)], [96, 0, 10, 0, 30]);
        assert_eq!(at(116 + 114, 116), 96, "an empty place has the shade of the gaps");
    }

    #[test]
    fn columns_zoom_and_gaps_can_be_chosen() {
        let pixels: Vec<u8> = (1..=3).flat_map(|tile| [tile * 10, tile * 10 + 1]).collect();
        let arrangement = Arrangement { columns: Some(2), zoom: Some(2), gap: Some(1) };
        let layout = Layout::new(3, [1, 2, 1], arrangement).unwrap();
        assert_eq!(layout.size(), [7, 11]);
        let sheet = layout.compose(&pixels);
        assert_eq!(sheet[11..22], [96, 10, 10, 11, 11, 96, 20, 20, 21, 21, 96]);
        assert_eq!(sheet[44..55], [96, 30, 30, 31, 31, 96, 96, 96, 96, 96, 96]);
        let bare = Layout::new(3, [1, 2, 1], Arrangement { columns: Some(9), zoom: Some(1), gap: Some(0) }).unwrap();
        assert_eq!(bare.compose(&pixels), pixels);
        for zoom in [1 << 20, usize::MAX] {
            let large = Layout::new(3, [28, 28, 1], Arrangement { zoom: Some(zoom), ..arrangement });
            assert!(large.unwrap_err().contains("too large"));
        }
    }

    #[test]
    fn colours_keep_their_channels() {
        let (info, pixels) = decode(&sheet(&[1, 2, 3], [1, 1, 3], Arrangement::default()).unwrap());
        assert_eq!((info.width, info.color_type), (132, png::ColorType::Rgb));
        let inner = (2 * 132 + 2) * 3;
        assert_eq!(pixels[inner..inner + 3], [1, 2, 3]);
        assert!(sheet(&[], [1, 1, 3], Arrangement::default()).is_err());
    }

    #[test]
    fn alpha_is_written_straight_between_opaque_gaps() {
        // Half transparent red, an invisible pixel, and a colour brighter than its alpha.
        let image = [128, 0, 0, 128, 9, 9, 9, 0, 60, 30, 0, 30];
        assert_eq!(&*straight(&image, 4), [255, 0, 0, 128, 0, 0, 0, 0, 255, 255, 0, 30]);
        assert_eq!(&*straight(&image, 3), image);
        let arrangement = Arrangement { columns: Some(1), zoom: Some(1), gap: Some(1) };
        let (info, pixels) = decode(&sheet(&image, [1, 3, 4], arrangement).unwrap());
        assert_eq!((info.color_type, info.width, info.height), (png::ColorType::Rgba, 5, 3));
        assert_eq!(pixels[20..28], [96, 96, 96, 255, 255, 0, 0, 128]);
        let bad = Tensor::new(&[1, 1, 1, 4], vec![0.0, 0.0, f32::NAN, 0.0]);
        assert_eq!(bytes(&bad), [255, 0, 255, 255]);
    }

    #[test]
    fn columns_stand_side_by_side() {
        let column = |shades: [f32; 2]| Tensor::new(&[2, 1, 1, 1], shades.to_vec());
        let pixels = side_by_side(&[column([0.0, 1.0 / 255.0]), column([2.0 / 255.0, 3.0 / 255.0])]);
        assert_eq!(pixels, [0, 2, 1, 3]);
        let (info, _) = decode(&sheet(&[0; 6], [1, 1, 1], Arrangement::in_columns(6)).unwrap());
        assert_eq!((info.width, info.height), (6 * 130 + 2, 132));
        let (info, _) = decode(&sheet(&[0; 6], [2, 3, 1], Arrangement::BARE).unwrap());
        assert_eq!((info.width, info.height), (3, 2));
    }

    #[test]
    fn sheets_are_nearly_square() {
        assert_eq!([1, 2, 4, 5, 16, 17, 64].map(columns), [1, 2, 2, 3, 4, 5, 8]);
    }
}
