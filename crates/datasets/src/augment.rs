//! Data augmentation: random affine transformations, crops and flips, drawn anew whenever an image
//! is used.
//!
//! The affine transformation is the one of `ImageDataGenerator` in Keras 2.1, which the original
//! notebooks used: M = Rotation · Shift · Shear · Zoom in (row, column) order about the centre,
//! from output to input coordinates, with bilinear interpolation; pixels beyond the border repeat
//! the nearest one. (Keras 3 takes the same matrices in (column, row) order: there a positive angle
//! rotates the other way, and the shear moves pixels along the other axis. As angles are symmetric
//! about zero, rotations have the same distribution, but sheared images do not.)
//!
//! The crop is the one of CycleGAN's loader: images are loaded larger, and a random part of the
//! required size is used. The random numbers depend on the key (seed and step) and the index of the
//! image only, so neither the number of threads nor the order of a batch matters. All arithmetic is
//! sums, products and quotients of `f64`, including sine and cosine, so the bits are the same on
//! every machine.

use crate::error::DataError;
use crate::images::Images;
use kernels::random::{Key, words};
use kernels::timing::{Category, Work, time};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Data augmentation, the table `[augment]` of a run's configuration. The default changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// The largest rotation in degrees, in both directions. Angles have the sign of Keras 2.1, the
    /// opposite of Keras 3.
    pub rotation: f64,
    /// The largest vertical shift, as a fraction of the height.
    pub height_shift: f64,
    /// The largest horizontal shift, as a fraction of the width.
    pub width_shift: f64,
    /// The largest shear angle in [`shear_unit`](Self::shear_unit), in both directions. It moves
    /// rows, as in Keras 2.1, not columns, as in Keras 3.
    pub shear: f64,
    /// The unit of the shear angle: `radians` (Keras up to 2.1.2) or `degrees`.
    pub shear_unit: Angle,
    /// The largest zoom: rows and columns are scaled by independent factors between 1 - zoom and 1
    /// + zoom.
    pub zoom: f64,
    /// Whether to flip half of the images horizontally.
    pub flip: bool,
    /// The factor by which images are loaded larger than required, before a random crop; 1 for no
    /// crop.
    pub enlarge: f64,
    /// The centre of rotation, shear and zoom: `exact`, or `keras`, one pixel further as in Keras
    /// 2.1.
    pub centre: Centre,
}

/// A unit of angles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Angle {
    /// A full turn is 2π.
    #[default]
    Radians,
    /// A full turn is 360.
    Degrees,
}

/// The fixed point of the affine map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Centre {
    /// ((height - 1) / 2, (width - 1) / 2).
    #[default]
    Exact,
    /// (height / 2 + 1/2, width / 2 + 1/2).
    Keras,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            rotation: 0.0,
            height_shift: 0.0,
            width_shift: 0.0,
            shear: 0.0,
            shear_unit: Angle::default(),
            zoom: 0.0,
            flip: false,
            enlarge: 1.0,
            centre: Centre::default(),
        }
    }
}

/// A value of an [`Augmentation`] that is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {why}")]
pub struct BadAugmentation {
    /// The name of the field.
    pub key: &'static str,
    /// The value, and the possible ones.
    pub why: String,
}

impl Augmentation {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// The first value that is not.
    pub fn check(&self) -> Result<(), BadAugmentation> {
        let steepest = if self.shear_unit == Angle::Radians { 1.5 } else { 85.0 };
        for (key, value, low, high) in [
            ("rotation", self.rotation, 0.0, 180.0),
            ("height_shift", self.height_shift, 0.0, 1.0),
            ("width_shift", self.width_shift, 0.0, 1.0),
            ("shear", self.shear, 0.0, steepest),
            ("zoom", self.zoom, 0.0, 0.95),
            ("enlarge", self.enlarge, 1.0, 4.0),
        ] {
            if !(low..=high).contains(&value) {
                return Err(BadAugmentation {
                    key,
                    why: format!("{value} is not in the allowed range {low} to {high}"),
                });
            }
        }
        Ok(())
    }

    /// Whether images are left unchanged.
    pub fn is_off(&self) -> bool {
        !self.flip && !self.bends() && self.enlarge == 1.0
    }

    /// Whether pixels are interpolated.
    pub fn bends(&self) -> bool {
        [self.rotation, self.height_shift, self.width_shift, self.shear, self.zoom].into_iter().any(|value| value > 0.0)
    }

    /// The side with which images are loaded, to be cropped to `side` pixels.
    pub fn load_side(&self, side: usize) -> usize {
        (side as f64 * self.enlarge).round() as usize
    }

    /// Draws the transformation of image `index` under `key`, in the order of the fields.
    fn draw(&self, key: Key, index: usize, image: [usize; 2], size: [usize; 2]) -> Placement {
        // Nine of twelve random words are used, so images are three blocks apart.
        let block = (index as u32).wrapping_mul(3);
        let all = [0, 1, 2].map(|next| words(key, block.wrapping_add(next)));
        let word = |number: usize| all[number / 4][number % 4];
        // In [-1, 1).
        let signed = |number: usize| f64::from(word(number)) / 2_147_483_648.0 - 1.0;
        let [height, width] = size.map(|side| side as f64);
        let shear = if self.shear_unit == Angle::Radians { self.shear } else { self.shear * DEGREE };
        let affine = self.bends().then(|| {
            Affine::about(
                match self.centre {
                    Centre::Exact => [(height - 1.0) / 2.0, (width - 1.0) / 2.0],
                    Centre::Keras => [height / 2.0 + 0.5, width / 2.0 + 0.5],
                },
                signed(0) * self.rotation * DEGREE,
                [signed(1) * self.height_shift * height, signed(2) * self.width_shift * width],
                signed(3) * shear,
                [1.0 + signed(4) * self.zoom, 1.0 + signed(5) * self.zoom],
            )
        });
        let below = |number: usize, places: usize| ((u64::from(word(number)) * places as u64) >> 32) as usize;
        Placement {
            affine,
            flip: self.flip && word(6) >> 31 == 1,
            top: below(7, image[0] - size[0] + 1),
            left: below(8, image[1] - size[1] + 1),
        }
    }
}

const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// A random transformation of one image.
#[derive(Clone, Debug, PartialEq)]
struct Placement {
    affine: Option<Affine>,
    flip: bool,
    /// The corner of the crop.
    top: usize,
    left: usize,
}

/// Maps (row, column) of the output to (row, column) of the input: `matrix` times it plus `offset`.
#[derive(Clone, Debug, PartialEq)]
struct Affine {
    matrix: [[f64; 2]; 2],
    offset: [f64; 2],
}

impl Affine {
    /// Rotation · Shift · Shear · Zoom about `centre`, with angles in radians.
    fn about(centre: [f64; 2], rotation: f64, shift: [f64; 2], shear: f64, zoom: [f64; 2]) -> Self {
        let ((sin, cos), (lean, upright)) = (sin_cos(rotation), sin_cos(shear));
        let turn = [[cos, -sin], [sin, cos]];
        // Shear and zoom combined: [[1, -lean], [0, upright]] with its columns scaled.
        let bent = [[zoom[0], -lean * zoom[1]], [0.0, upright * zoom[1]]];
        let matrix =
            [0, 1].map(|row| [0, 1].map(|column| turn[row][0] * bent[0][column] + turn[row][1] * bent[1][column]));
        let apply = |m: [[f64; 2]; 2], v: [f64; 2]| [0, 1].map(|row| m[row][0] * v[0] + m[row][1] * v[1]);
        let (moved, middle) = (apply(turn, shift), apply(matrix, centre));
        Self { matrix, offset: [0, 1].map(|axis| centre[axis] + moved[axis] - middle[axis]) }
    }
}

/// Sine and cosine of an angle of a few turns at most, in radians. A Taylor series about the
/// nearest quarter turn, correct to about 1e-15, with the same bits on every machine.
fn sin_cos(angle: f64) -> (f64, f64) {
    use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};
    let quarters = (angle * FRAC_2_PI + 0.5).floor();
    let x = angle - quarters * FRAC_PI_2;
    let square = x * x;
    // 1 - x²/(a·b)·(1 - x²/(c·d)·(...)), from the innermost factor outwards.
    let series = |first: u32| {
        (0..8).rev().map(|k| f64::from(first + 2 * k)).fold(1.0, |sum, a| 1.0 - square / (a * (a + 1.0)) * sum)
    };
    let (sin, cos) = (x * series(2), series(1));
    match quarters.rem_euclid(4.0) as u8 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

impl Images {
    /// Like [`gather`](Images::gather), but each image is augmented with the random numbers of
    /// `key` and its index, and has (height, width) `size`. The stored images are at least as
    /// large.
    ///
    /// # Errors
    /// If an image cannot be read.
    ///
    /// # Panics
    /// If an index is out of range, `batch` has another length, or the images are smaller than
    /// `size`.
    #[track_caller]
    pub fn gather_augmented(
        &self,
        indices: &[usize],
        size: [usize; 2],
        augmentation: &Augmentation,
        key: Key,
        batch: &mut [f32],
    ) -> Result<(), DataError> {
        let image = [self.height(), self.width()];
        self.gather_placed(indices, size, batch, |index| augmentation.draw(key, index, image, size))
    }

    /// Like [`gather`](Images::gather), but takes the centre of (height, width) `size` of each
    /// image.
    ///
    /// # Errors
    /// If an image cannot be read.
    ///
    /// # Panics
    /// As [`gather_augmented`](Images::gather_augmented).
    #[track_caller]
    pub fn gather_center(&self, indices: &[usize], size: [usize; 2], batch: &mut [f32]) -> Result<(), DataError> {
        let [top, left] = [0, 1].map(|axis| (self.size()[axis].saturating_sub(size[axis])) / 2);
        self.gather_placed(indices, size, batch, |_| Placement { affine: None, flip: false, top, left })
    }

    #[track_caller]
    fn gather_placed(
        &self,
        indices: &[usize],
        [height, width]: [usize; 2],
        batch: &mut [f32],
        place: impl Fn(usize) -> Placement + Sync,
    ) -> Result<(), DataError> {
        let length = height * width * self.channels();
        assert!(
            self.height() >= height && self.width() >= width && indices.len() * length == batch.len(),
            "Images::gather: {} images of {:?} as {height}x{width} into {}",
            indices.len(),
            self.size(),
            batch.len()
        );
        time(Category::Batch, "gather", Work::Unknown, || {
            let write = |(pixels, &index): (&mut [f32], &usize)| {
                let placement = place(index);
                let part = Part {
                    bytes: &self.image(index)?,
                    across: self.width(),
                    corner: [placement.top, placement.left],
                    size: [height, width],
                    channels: self.channels(),
                };
                part.write(&placement, pixels);
                Ok(())
            };
            // A thread outside the pool reads ahead for the threads of the pool, and must not take
            // their time.
            if self.are_in_memory() || rayon::current_thread_index().is_some() {
                batch.par_chunks_exact_mut(length.max(1)).zip(indices).try_for_each(write)
            } else {
                batch.chunks_exact_mut(length.max(1)).zip(indices).try_for_each(write)
            }
        })
    }
}

/// The part of an image from which an output is made.
struct Part<'a> {
    bytes: &'a [u8],
    /// The width of the whole image.
    across: usize,
    corner: [usize; 2],
    size: [usize; 2],
    channels: usize,
}

impl Part<'_> {
    /// The bytes of the pixel at (row, column) of this part.
    fn pixel(&self, row: usize, column: usize) -> &[u8] {
        let at = ((self.corner[0] + row) * self.across + self.corner[1] + column) * self.channels;
        &self.bytes[at..at + self.channels]
    }

    fn write(&self, placement: &Placement, pixels: &mut [f32]) {
        let [height, width] = self.size;
        let rows = pixels.chunks_exact_mut(width * self.channels);
        for (row, line) in rows.enumerate().take(height) {
            for (column, pixel) in line.chunks_exact_mut(self.channels).enumerate() {
                let column = if placement.flip { width - 1 - column } else { column };
                match &placement.affine {
                    None => {
                        for (value, &byte) in pixel.iter_mut().zip(self.pixel(row, column)) {
                            *value = f32::from(byte) / 255.0;
                        }
                    }
                    Some(Affine { matrix, offset }) => {
                        let (r, c) = (row as f64, column as f64);
                        let at = |axis: usize| matrix[axis][0] * r + matrix[axis][1] * c + offset[axis];
                        self.between(at(0), at(1), pixel);
                    }
                }
            }
        }
    }

    /// Writes the bilinear interpolation at a position between pixels.
    fn between(&self, row: f64, column: f64, pixel: &mut [f32]) {
        let split = |place: f64, side: usize| {
            let place = place.clamp(0.0, (side - 1) as f64);
            let low = place as usize;
            (low, (low + 1).min(side - 1), place - low as f64)
        };
        let (top, bottom, down) = split(row, self.size[0]);
        let (left, right, aside) = split(column, self.size[1]);
        let corners =
            [self.pixel(top, left), self.pixel(top, right), self.pixel(bottom, left), self.pixel(bottom, right)];
        for (channel, value) in pixel.iter_mut().enumerate() {
            let [a, b, c, d] = corners.map(|corner| f64::from(corner[channel]));
            let (above, below) = (a + (b - a) * aside, c + (d - c) * aside);
            *value = (above + (below - above) * down) as f32 / 255.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key { seed: 42, stream: 1, step: 7 };

    fn images() -> Images {
        let pixels = (0..4 * 30).map(|at| ((at % 30) * 37 + (at % 30) / 5 * 11 + at / 30 * 50) as u8).collect();
        Images::new(pixels, [6, 5, 1], "a test".into())
    }

    fn full() -> Augmentation {
        Augmentation {
            rotation: 10.0,
            height_shift: 0.1,
            width_shift: 0.1,
            shear: 0.15,
            zoom: 0.1,
            flip: true,
            ..Augmentation::default()
        }
    }

    fn placed(affine: Affine) -> Vec<f32> {
        let mut batch = vec![0.0; 30];
        let placement = Placement { affine: Some(affine), flip: false, top: 0, left: 0 };
        images().gather_placed(&[0], [6, 5], &mut batch, |_| placement.clone()).unwrap();
        batch.iter().map(|value| value * 255.0).collect()
    }

    #[test]
    fn sine_and_cosine_are_exact_to_the_last_digits() {
        for k in -4000..4000 {
            let angle = f64::from(k) / 500.0;
            let (sin, cos) = sin_cos(angle);
            assert!((sin - angle.sin()).abs() < 2e-15 && (cos - angle.cos()).abs() < 2e-15, "{angle}");
        }
        assert_eq!(sin_cos(0.0), (0.0, 1.0));
    }

    /// `scipy.ndimage.affine_transform(order=1, mode="nearest")` with the same matrix, about both centres.
    #[test]
    fn agrees_with_scipy() {
        #[rustfmt::skip]
        let wanted: [[f64; 30]; 2] = [
            [135.934, 172.584, 201.817, 51.304, 112.161, 84.346, 130.837, 180.002, 80.93, 76.916, 32.757, 89.09, 156.449, 223.809, 103.499, 129.781, 60.948, 114.702, 182.062, 137.124, 220.654, 192.745, 72.955, 140.314, 204.149, 230.495, 147.12, 45.93, 98.567, 152.561],
            [95.88, 127.522, 191.332, 63.497, 70.051, 44.292, 82.225, 149.584, 203.214, 128.484, 92.102, 40.477, 107.837, 175.197, 181.258, 212.0, 183.232, 82.557, 133.449, 200.809, 212.096, 247.813, 44.614, 91.702, 159.062, 221.937, 197.777, 37.372, 73.089, 112.507],
        ];
        for (centre, wanted) in [[2.5, 2.0], [3.5, 3.0]].into_iter().zip(wanted) {
            let found = placed(Affine::about(centre, 0.3, [0.5, -0.4], 0.2, [0.9, 1.1]));
            for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                assert!((f64::from(*found) - wanted).abs() < 2e-3, "{centre:?}, {at}: {found}, scipy {wanted}");
            }
        }
    }

    #[test]
    fn nothing_drawn_changes_nothing() {
        let (mut plain, mut same) = (vec![0.0; 60], vec![1.0; 60]);
        images().gather(&[2, 0], &mut plain).unwrap();
        images().gather_augmented(&[2, 0], [6, 5], &Augmentation::default(), KEY, &mut same).unwrap();
        assert_eq!(plain, same);
        let identity = placed(Affine::about([2.5, 2.0], 0.0, [0.0, 0.0], 0.0, [1.0, 1.0]));
        assert!(identity.iter().zip(&*images().image(0).unwrap()).all(|(value, &byte)| *value == f32::from(byte)));
    }

    /// A positive shift of rows moves the content up, and the last row fills the gap.
    #[test]
    fn a_shift_of_one_row_repeats_the_last() {
        let shifted = placed(Affine::about([2.5, 2.0], 0.0, [1.0, 0.0], 0.0, [1.0, 1.0]));
        let images = images();
        let image = images.image(0).unwrap();
        let wanted: Vec<f32> = image[5..].iter().chain(&image[25..]).map(|&byte| f32::from(byte)).collect();
        assert_eq!(shifted, wanted);
    }

    #[test]
    fn neither_batch_nor_threads_matter_and_every_step_draws_anew() {
        let (images, augmentation) = (images(), full());
        let gathered = |indices: &[usize], key: Key, threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut batch = vec![0.0; indices.len() * 30];
            pool.install(|| images.gather_augmented(indices, [6, 5], &augmentation, key, &mut batch)).unwrap();
            batch
        };
        let (three, one) = (gathered(&[3, 1, 2], KEY, 3), gathered(&[2], KEY, 1));
        assert_eq!(three[60..], one);
        assert_ne!(gathered(&[2], KEY.at(8), 1), one);
        assert_ne!(gathered(&[2], Key { seed: 43, ..KEY }, 1), one);
        // A fixed value guards against differences between machines and versions.
        let sum = three.iter().fold(0_u32, |hash, value| hash.rotate_left(5) ^ value.to_bits());
        assert_eq!(sum, 2538586690);
    }

    #[test]
    fn draws_fill_their_ranges_and_flips_are_even() {
        let augmentation = Augmentation { enlarge: 1.5, ..full() };
        let all: Vec<Placement> = (0..4000).map(|index| augmentation.draw(KEY, index, [9, 12], [6, 8])).collect();
        let flips = all.iter().filter(|placement| placement.flip).count();
        assert!((1800..2200).contains(&flips), "{flips}");
        for corner in 0..4 {
            let count = all.iter().filter(|placement| placement.top == corner).count();
            assert!((850..1150).contains(&count), "{corner}: {count}");
        }
        assert_eq!(all.iter().map(|placement| placement.left).max(), Some(4));
    }

    #[test]
    fn crops_and_flips_are_whole_pixels() {
        let images = images();
        let augmentation = Augmentation { enlarge: 1.2, flip: true, ..Augmentation::default() };
        assert_eq!((augmentation.load_side(5), augmentation.load_side(256), augmentation.is_off()), (6, 307, false));
        let mut batch = vec![0.0; 20];
        for index in 0..4 {
            let Placement { flip, top, left, .. } = augmentation.draw(KEY, index, [6, 5], [5, 4]);
            images.gather_augmented(&[index], [5, 4], &augmentation, KEY, &mut batch).unwrap();
            for (at, value) in batch.iter().enumerate() {
                let column = if flip { 3 - at % 4 } else { at % 4 };
                assert_eq!(*value, f32::from(images.image(index).unwrap()[(top + at / 4) * 5 + left + column]) / 255.0);
            }
        }
        images.gather_center(&[1], [4, 3], &mut batch[..12]).unwrap();
        assert_eq!(batch[0], f32::from(images.image(1).unwrap()[6]) / 255.0);
    }

    #[test]
    fn ranges_are_checked() {
        let bad = |change: fn(&mut Augmentation)| {
            let mut augmentation = full();
            change(&mut augmentation);
            augmentation.check().map_err(|error| error.key)
        };
        assert_eq!(bad(|_| {}), Ok(()));
        assert_eq!(bad(|a| a.rotation = 181.0), Err("rotation"));
        assert_eq!(bad(|a| a.zoom = 1.0), Err("zoom"));
        assert_eq!(bad(|a| a.enlarge = 0.9), Err("enlarge"));
        assert_eq!(bad(|a| a.width_shift = f64::NAN), Err("width_shift"));
        assert_eq!(bad(|a| a.shear = 10.0), Err("shear"));
        assert_eq!(bad(|a| (a.shear, a.shear_unit) = (10.0, Angle::Degrees)), Ok(()));
    }
}
