//! The distance of the colour histograms, with eight bins per channel (8 x 8 x 8 for colour, 8 for
//! grey):
//!
//! ```text
//! 1/2 sum over the bins of (p - q)^2 / (p + q)
//! ```
//!
//! p and q are the fractions of each set's pixels in a bin. The distance ranges from 0 (equal) to 1
//! (nothing in common). It is the symmetric chi-square distance, on colour histograms as in Swain
//! and Ballard 1991.
//!
//! **Pitfalls.** Positions do not matter: images with shuffled pixels score perfectly.

use crate::metric::{FEWEST, Metric, Number, Of};
use crate::pictures::{Pictures, assert_same_size};

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "colors",
    alias: None,
    about: "distance between the colour histograms, from 0 to 1",
    of: Of::Pixels,
    fewest: FEWEST,
    most: usize::MAX,
    quick: false,
    measure: |real, fake| vec![Number::plain("colors", color_distance(real.pixels(), fake.pixels()))],
};

/// The number of bins per channel.
const BINS: usize = 8;

/// The distance, in [0, 1].
///
/// # Panics
/// When the images are of different sizes, or one set is empty.
#[track_caller]
pub fn color_distance(a: &Pictures, b: &Pictures) -> f64 {
    assert_same_size("color_distance", a, b);
    let [p, q] = [a, b].map(histogram);
    let terms = p.iter().zip(&q).filter(|(p, q)| *p + *q > 0.0).map(|(p, q)| (p - q) * (p - q) / (p + q));
    0.5 * terms.sum::<f64>()
}

/// The fraction of the pixels in each bin.
#[track_caller]
fn histogram(set: &Pictures) -> Vec<f64> {
    assert!(set.count() > 0, "color_distance: no images");
    let channels = set.size()[2];
    let mut counts = vec![0_u64; BINS.pow(channels as u32)];
    for pixel in set.pixels().chunks_exact(channels) {
        counts[pixel.iter().fold(0, |bin, x| bin * BINS + usize::from(*x) * BINS / 256)] += 1;
    }
    let pixels = (set.pixels().len() / channels) as f64;
    counts.into_iter().map(|count| count as f64 / pixels).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_colours_are_at_zero_and_foreign_ones_at_one() {
        let set = |pixels: &[u8]| Pictures::new(pixels.to_vec(), [1, 2, 3]);
        let a = set(&[0, 0, 0, 255, 0, 0]);
        assert_eq!(color_distance(&a, &set(&[255, 0, 0, 0, 0, 0])), 0.0);
        assert_eq!(color_distance(&a, &set(&[0, 255, 0, 0, 0, 255])), 1.0);
        // Half of the pixels are the same: 1/2 (0 + 1/2 + 1/2).
        assert_eq!(color_distance(&a, &set(&[0, 0, 0, 0, 255, 0])), 0.5);
        assert_eq!(color_distance(&a, &set(&[31, 31, 31, 224, 31, 31])), 0.0, "within the same bins");
        assert_eq!(color_distance(&a, &set(&[32, 31, 31, 224, 31, 31])), 0.5);
    }
}
