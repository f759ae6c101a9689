//! How much is drawn: the mean brightness of an image (its ink, for drawings), its mean over the images and its variance between
//! them, of the fakes as shares of the reals'.
//!
//! Both near 1 is right. A first test that needs no features at all: empty or full sheets and a generator that draws one
//! weight of line for all are seen at once. (The quickdraw criterion: within a quarter of the reals.)

use crate::Pictures;
use crate::metric::{Metric, Number, Of};

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "ink",
    alias: None,
    about: "mean brightness of an image, and its variance, over the reals': 1 is right",
    of: Of::Pixels,
    most: usize::MAX,
    quick: true,
    measure: |real, fake| {
        let found = ink(&real.pictures, &fake.pictures);
        vec![Number::plain("ink_mean", found.mean), Number::plain("ink_variance", found.variance)]
    },
};

/// The fakes' as shares of the reals'.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ink {
    /// Of the mean.
    pub mean: f64,
    /// Of the variance between images. NaN or infinite if the reals have none.
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
