//! [`Picture`]: a tensor as a small picture of 8-bit pixels.
//!
//! A picture shows the first image of a batch, the first channels side by side, and every n-th
//! element of large axes. Its description says what is shown.

use tensor::Tensor;

use crate::document::{Layout, Picture};

/// The kind of a tensor, which decides how it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A batch, whose first axis is the images.
    Batch,
    /// A weight; if it has four axes, the first two are those of the kernel.
    Weight,
}

/// The values of a picture, row by row, before conversion to bytes.
struct Samples {
    layout: Layout,
    width: usize,
    height: usize,
    tile: [usize; 2],
    color: bool,
    numbers: Vec<f32>,
    rule: String,
}

/// The picture of a tensor with at most `limit` pixels per side. None for an empty tensor.
pub fn picture(tensor: &Tensor, kind: Kind, limit: usize) -> Option<Picture> {
    if tensor.size() == 0 {
        return None;
    }
    let data = tensor.data();
    let samples = match (&**tensor.shape(), kind) {
        (&[n, h, w, c @ (1 | 3)], Kind::Batch) => image(data, [n, h, w, c], limit),
        (&[n, h, w, c], Kind::Batch) => {
            let tiles = Tiles { tile: [h, w], count: [1, c], strides: [w * c, c, 0, 1] };
            tiles.samples(data, limit, &format!("image 1 of {n}, channels"))
        }
        (&[h, w, a, b], Kind::Weight) => {
            let tiles = Tiles { tile: [h, w], count: [a, b], strides: [w * a * b, a * b, b, 1] };
            tiles.samples(data, limit, "kernels, for each input a row, for each output a column:")
        }
        (&[rows, columns], _) => matrix(data, [rows, columns], limit),
        (&[a, rows, columns], _) => matrix(data, [a * rows, columns], limit),
        _ => vector(data, limit),
    };
    Some(samples.encoded())
}

/// The step that reduces `length` elements to at most `limit`, and the resulting number.
fn step(length: usize, limit: usize) -> [usize; 2] {
    let step = length.div_ceil(limit).max(1);
    [step, length.div_ceil(step)]
}

/// `, every 3rd row` for a step of 3; empty for a step of 1.
fn skipped(step: usize, what: &str) -> String {
    let ordinal = match step {
        1 => return String::new(),
        2 => "2nd".into(),
        3 => "3rd".into(),
        n => format!("{n}th"),
    };
    format!(", every {ordinal} {what}")
}

fn vector(data: &[f32], limit: usize) -> Samples {
    let [step, count] = step(data.len(), limit * limit);
    let width = count.min(limit);
    let height = count.div_ceil(width);
    let mut numbers: Vec<f32> = data.iter().copied().step_by(step).collect();
    numbers.resize(width * height, 0.0);
    let rows = if height > 1 { format!(" in rows of {width}") } else { String::new() };
    let numbers_of = if data.len() == 1 { "number" } else { "numbers" };
    let rule = format!("{} {numbers_of}{rows}{}", data.len(), skipped(step, "one"));
    Samples { layout: Layout::Vector, width, height, tile: [width, height], color: false, numbers, rule }
}

fn matrix(data: &[f32], [rows, columns]: [usize; 2], limit: usize) -> Samples {
    let ([down, height], [right, width]) = (step(rows, limit), step(columns, limit));
    let place = |i: usize| (i / width * down) * columns + i % width * right;
    let numbers = (0..width * height).map(|i| data[place(i)]).collect();
    let rule = format!("{rows} rows, {columns} columns{}{}", skipped(down, "row"), skipped(right, "column"));
    Samples { layout: Layout::Matrix, width, height, tile: [width, height], color: false, numbers, rule }
}

fn image(data: &[f32], [n, h, w, c]: [usize; 4], limit: usize) -> Samples {
    let ([down, height], [right, width]) = (step(h, limit), step(w, limit));
    let place = |i: usize| ((i / c / width * down) * w + i / c % width * right) * c + i % c;
    let numbers = (0..width * height * c).map(|i| data[place(i)]).collect();
    let rule = format!("image 1 of {n}{}{}", skipped(down, "row"), skipped(right, "column"));
    Samples { layout: Layout::Image, width, height, tile: [width, height], color: c == 3, numbers, rule }
}

/// Tiles of rows and columns, side by side in rows and columns.
struct Tiles {
    /// Rows and columns of a tile.
    tile: [usize; 2],
    /// Rows and columns of tiles; a single row of many tiles is wrapped.
    count: [usize; 2],
    /// The strides in memory of rows, columns, rows of tiles and columns of tiles.
    strides: [usize; 4],
}

impl Tiles {
    fn samples(&self, data: &[f32], limit: usize, what: &str) -> Samples {
        let [h, w] = self.tile;
        // Tiles are at most a quarter of the picture, so that several are visible.
        let ([down, th], [right, tw]) = (step(h, (limit / 4).max(1)), step(w, (limit / 4).max(1)));
        let (most_down, most_across) = (limit / th, limit / tw);
        let [a, b] = self.count;
        // A single row of tiles is wrapped into an approximately square block.
        let broken = a == 1;
        let (rows, columns) = if broken {
            let columns = most_across.min((b as f64).sqrt().ceil() as usize).max(1);
            (b.div_ceil(columns).min(most_down), columns)
        } else {
            (a.min(most_down), b.min(most_across))
        };
        let (width, height) = (columns * tw, rows * th);
        let number = |i: usize| {
            let (y, x) = (i / width, i % width);
            let (mut tile_down, mut tile_across) = (y / th, x / tw);
            if broken {
                (tile_down, tile_across) = (0, tile_down * columns + tile_across);
            }
            let place = [y % th * down, x % tw * right, tile_down, tile_across];
            let offset: usize = place.iter().zip(self.strides).map(|(place, stride)| place * stride).sum();
            if tile_across < b { data[offset] } else { 0.0 }
        };
        let numbers = (0..width * height).map(number).collect();
        let shown = if broken { (rows * columns).min(b) } else { rows * columns };
        let rule = format!("{what} {shown} of {}{}{}", a * b, skipped(down, "row"), skipped(right, "column"));
        Samples { layout: Layout::Tiles, width, height, tile: [tw, th], color: false, numbers, rule }
    }
}

impl Samples {
    fn encoded(self) -> Picture {
        let Self { layout, width, height, tile, color, numbers, rule } = self;
        let finite = |x: &f32| if x.is_finite() { *x } else { 0.0 };
        let largest = numbers.iter().map(finite).fold(0.0f32, |most, x| most.max(x.abs()));
        let zero: u8 = if numbers.iter().map(finite).any(|x| x < 0.0) { 128 } else { 0 };
        let steps = if zero == 0 { 255.0 } else { 127.0 };
        let scale = if largest > 0.0 { largest / steps } else { 1.0 };
        let byte =
            |x: &f32| (f64::from(finite(x)) / f64::from(scale) + f64::from(zero)).round().clamp(0.0, 255.0) as u8;
        let data = page::base64(&numbers.iter().map(byte).collect::<Vec<u8>>());
        Picture { layout, width, height, tile, scale, zero, data, color, rule }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(picture: &Picture) -> Vec<u8> {
        let letters = |letter: u8| match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let text: Vec<u8> = picture.data.bytes().filter(|b| *b != b'=').collect();
        let four = |four: &[u8]| {
            let word = four.iter().fold(0u32, |word, b| word << 6 | u32::from(letters(*b))) << (6 * (4 - four.len()));
            [(word >> 16) as u8, (word >> 8) as u8, word as u8][..four.len() - 1].to_vec()
        };
        text.chunks(4).flat_map(four).collect()
    }

    #[test]
    fn an_image_with_signs_is_centred_and_one_without_is_not() {
        let signed = picture(&Tensor::new(&[1, 1, 3, 1], vec![-2.0, 0.0, 1.0]), Kind::Batch, 32).unwrap();
        assert_eq!((signed.zero, bytes(&signed)), (128, vec![1, 128, 192]));
        let plain = picture(&Tensor::new(&[1, 1, 3, 1], vec![0.0, 1.0, 0.25]), Kind::Batch, 32).unwrap();
        assert_eq!((plain.zero, bytes(&plain)), (0, vec![0, 255, 64]));
        assert_eq!((plain.layout, plain.width, plain.height), (Layout::Image, 3, 1));
    }

    #[test]
    fn channels_become_tiles() {
        // Two images of 2x2 pixels with 4 channels; element i of the first image has the value 17
        // i, so channel c has the elements c, c+4, c+8, c+12.
        let x = Tensor::from_fn([2, 2, 2, 4], |i| if i < 16 { i as f32 * 17.0 } else { 255.0 });
        let tiles = picture(&x, Kind::Batch, 32).unwrap();
        assert_eq!((tiles.layout, tiles.width, tiles.height, tiles.tile), (Layout::Tiles, 4, 4, [2, 2]));
        let rows: Vec<Vec<u8>> = bytes(&tiles).chunks(4).map(|row| row.iter().map(|b| b / 17).collect()).collect();
        assert_eq!(rows, [[0, 4, 1, 5], [8, 12, 9, 13], [2, 6, 3, 7], [10, 14, 11, 15]]);
        assert_eq!(tiles.rule, "image 1 of 2, channels 4 of 4");
    }

    #[test]
    fn kernels_are_rows_of_inputs_and_columns_of_outputs() {
        let x = Tensor::from_fn([1, 2, 2, 3], |i| i as f32 * 17.0);
        let tiles = picture(&x, Kind::Weight, 32).unwrap();
        let rows: Vec<Vec<u8>> = bytes(&tiles)
            .chunks(6)
            .map(|row| row.iter().map(|b| (f32::from(*b) * tiles.scale / 17.0).round() as u8).collect())
            .collect();
        assert_eq!(rows, [[0, 6, 1, 7, 2, 8], [3, 9, 4, 10, 5, 11]]);
    }

    #[test]
    fn nothing_is_larger_than_the_limit_and_what_is_left_out_is_told() {
        let shapes: [&[usize]; 6] =
            [&[5000], &[300, 7], &[2, 100, 90, 3], &[2, 50, 50, 70], &[5, 5, 99, 77], &[3, 40, 50]];
        for (shape, kind) in shapes.iter().flat_map(|shape| [(shape, Kind::Batch), (shape, Kind::Weight)]) {
            for limit in [64, 32, 16, 8] {
                let picture = picture(&Tensor::full(*shape, 1.0), kind, limit).unwrap();
                assert!(picture.width <= limit && picture.height <= limit, "{shape:?} {limit}: {picture:?}");
                let places = picture.width * picture.height * if picture.color { 3 } else { 1 };
                assert_eq!(bytes(&picture).len(), places, "{shape:?} {limit}");
                assert_eq!(picture.width % picture.tile[0], 0);
            }
        }
        let rule = picture(&Tensor::full([2, 100, 90, 3], 1.0), Kind::Batch, 32).unwrap().rule;
        assert_eq!(rule, "image 1 of 2, every 4th row, every 3rd column");
    }
}
