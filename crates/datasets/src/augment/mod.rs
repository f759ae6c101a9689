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

mod affine;
mod gather;
#[cfg(test)]
mod tests;

use affine::Affine;
use kernels::random::{self, Key, words};
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
                    why: format!("{value:?} is not in the allowed range {low} to {high}"),
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
        Placement {
            affine,
            flip: self.flip && word(6) >> 31 == 1,
            top: random::index(word(7), image[0] - size[0] + 1),
            left: random::index(word(8), image[1] - size[1] + 1),
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
