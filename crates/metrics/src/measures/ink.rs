//! Ink: the mean brightness of an image. The metric consists of its mean and its variance over the
//! fakes, each divided by that over the reals.
//!
//! Both should be about 1. This first test needs no features: it detects blank or full images, and
//! a generator that draws every line with the same weight. (The criterion for quickdraw: within a
//! quarter of the reals.)

use crate::Pictures;
use crate::metric::{FEWEST, Metric, Number, Of};

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "ink",
    alias: None,
    about: "mean brightness and its variance, relative to the reals: 1 is ideal",
    of: Of::Pixels,
    fewest: FEWEST,
    most: usize::MAX,
    quick: true,
    measure: |real, fake| {
        let found = ink(real.pixels(), fake.pixels());
        vec![Number::plain("ink_mean", found.mean), Number::plain("ink_variance", found.variance)]
    },
};

/// The values of the fakes divided by those of the reals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ink {
    /// The ratio of the means.
    pub mean: f64,
    /// The ratio of the variances between images. NaN or infinite if the reals have none.
    pub variance: f64,
}

/// Compares `fake` with `real`.
///
/// # Panics
/// When one of them has fewer than two images.
#[track_caller]
pub fn ink(real: &Pictures, fake: &Pictures) -> Ink {
    let ([mean, variance], [real_mean, real_variance]) = (moments(fake), moments(real));
    Ink { mean: mean / real_mean, variance: variance / real_variance }
}

/// Mean and variance (divided by n - 1) of the images' mean brightness.
#[track_caller]
fn moments(set: &Pictures) -> [f64; 2] {
    let n = set.count();
    assert!(n >= 2, "ink: {n} images have no variance");
    let ink = |i| set.image(i).iter().map(|x| u64::from(*x)).sum::<u64>() as f64 / (255.0 * set.image_len() as f64);
    let all: Vec<f64> = (0..n).map(ink).collect();
    let mean = all.iter().sum::<f64>() / n as f64;
    [mean, all.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1) as f64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_variance_are_ratios() {
        let set = |pixels: &[u8]| Pictures::new(pixels.to_vec(), [1, 2, 1]);
        let real = set(&[0, 100, 50, 150]);
        assert_eq!(ink(&real, &real), Ink { mean: 1.0, variance: 1.0 });
        let found = ink(&real, &set(&[100, 100, 100, 200]));
        assert!((found.mean - 125.0 / 75.0).abs() < 1e-12 && (found.variance - 1.0).abs() < 1e-12, "{found:?}");
        assert_eq!(ink(&real, &set(&[9, 9, 9, 9])).variance, 0.0);
    }
}
