//! Multi-scale structural similarity (MS-SSIM) of pairs of fakes: 1 if all images are the same; the
//! lower, the more diverse they are.
//!
//! Two images are compared at five scales, each half the size of the one before (means of 2 x 2
//! pixels), under a Gaussian window of 11 x 11 pixels with standard deviation 1.5 (both scaled down
//! for smaller images), without padding:
//!
//! ```text
//! contrast  = (2 s12 + C2) / (s11 + s22 + C2)                   s: covariances under the window
//! ssim      = contrast * (2 m1 m2 + C1) / (m1^2 + m2^2 + C1)    m: means under the window
//! ms_ssim   = contrast_1^w1 ... contrast_4^w4 ssim_5^w5         each a mean, and at least 0
//! ```
//!
//! with C1 = (0.01 * 255)^2, C2 = (0.03 * 255)^2; the means are over the image. Sources: Wang,
//! Simoncelli, Bovik 2003; as a measure of diversity Odena, Olah, Shlens 2017.
//!
//! **Pitfalls.** Images of different classes differ anyway: compare with the value of the reals.
//! Halving four times needs sides that are multiples of 16; other images are padded by repeating
//! their border (28 to 32).

use crate::metric::{FEWEST, Metric, Number, Of};
use kernels::Key;
use kernels::scalar::{exp, pow};
use rand::RngExt;
use rayon::prelude::*;

use crate::Pictures;

/// The number of pairs of images that the metric compares.
const PAIRS: usize = 2000;

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "ms-ssim",
    alias: None,
    about: "mean structural similarity of pairs of fakes: ideally that of reals; 1 is mode collapse",
    of: Of::Pairs(PAIRS),
    fewest: FEWEST,
    most: usize::MAX,
    quick: false,
    measure: |_, fake| vec![Number::plain("ms_ssim", ms_ssim_diversity(fake.pixels(), PAIRS, 1))],
};

/// The weights of the scales, the finest first.
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// The image sides are padded to multiples of this.
const MULTIPLE: usize = 1 << (WEIGHTS.len() - 1);
/// Height and width of the window, and its standard deviation.
const WINDOW: (usize, f64) = (11, 1.5);
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// The mean similarity of `pairs` random pairs of different images.
///
/// # Panics
/// When there are fewer than two images.
#[track_caller]
pub fn ms_ssim_diversity(images: &Pictures, pairs: usize, seed: u64) -> f64 {
    let count = images.count();
    assert!(count >= 2, "ms_ssim: {count} images make no pair");
    let mut draws = Key::named(seed, "ms-ssim pairs").draws();
    let chosen: Vec<[usize; 2]> = (0..pairs)
        .map(|_| {
            let first = draws.random_range(0..count);
            let other = draws.random_range(0..count - 1);
            [first, other + usize::from(other >= first)]
        })
        .collect();
    let similarity = |pair: &[usize; 2]| {
        let [a, b] = pair.map(|i| images.image(i));
        ms_ssim(a, b, images.size())
    };
    let all: Vec<f64> = chosen.par_iter().map(similarity).collect();
    all.into_iter().sum::<f64>() / pairs as f64
}

/// The similarity of two images of (height, width, channels), at most 1.
///
/// # Panics
/// When they do not have that many bytes.
#[track_caller]
pub fn ms_ssim(a: &[u8], b: &[u8], size: [usize; 3]) -> f64 {
    let channels = size[2];
    let wanted: usize = size.iter().product();
    assert!(a.len() == wanted && b.len() == wanted, "ms_ssim: {} and {} bytes for {size:?}", a.len(), b.len());
    let planes = |image: &[u8]| (0..channels).map(|c| Plane::padded(image, size, c)).collect::<Vec<_>>();
    let mut pairs: Vec<(Plane, Plane)> = planes(a).into_iter().zip(planes(b)).collect();
    let mut product = 1.0;
    for (scale, weight) in WEIGHTS.iter().enumerate() {
        let found: Vec<[f64; 2]> = pairs.iter().map(|(a, b)| compare(a, b)).collect();
        let which = usize::from(scale + 1 < WEIGHTS.len());
        let mean = found.iter().map(|both| both[which]).sum::<f64>() / channels as f64;
        product *= pow(mean.max(0.0), *weight);
        pairs = pairs.iter().map(|(a, b)| (a.halved(), b.halved())).collect();
    }
    product
}

/// One channel of an image.
struct Plane {
    height: usize,
    width: usize,
    data: Vec<f64>,
}

impl Plane {
    fn from_fn(height: usize, width: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let data = (0..height * width).map(|i| value(i / width, i % width)).collect();
        Self { height, width, data }
    }

    /// A channel whose border is repeated on all sides until height and width are multiples of
    /// [`MULTIPLE`].
    fn padded(image: &[u8], [height, width, channels]: [usize; 3], channel: usize) -> Self {
        let (high, wide) = (height.next_multiple_of(MULTIPLE), width.next_multiple_of(MULTIPLE));
        let (top, left) = ((high - height) / 2, (wide - width) / 2);
        Self::from_fn(high, wide, |y, x| {
            let (y, x) = (y.saturating_sub(top).min(height - 1), x.saturating_sub(left).min(width - 1));
            f64::from(image[(y * width + x) * channels + channel])
        })
    }

    /// Means of 2 x 2 pixels.
    fn halved(&self) -> Self {
        let at = |y: usize, x: usize| self.data[y * self.width + x];
        Self::from_fn(self.height / 2, self.width / 2, |y, x| {
            let (y, x) = (2 * y, 2 * x);
            (at(y, x) + at(y, x + 1) + at(y + 1, x) + at(y + 1, x + 1)) / 4.0
        })
    }

    /// The plane filtered with the window, without padding.
    fn under(&self, window: &[f64]) -> Self {
        let weighed = |data: &[f64], at: usize, step: usize| {
            window.iter().enumerate().map(|(tap, weight)| weight * data[at + tap * step]).sum::<f64>()
        };
        let across = Self::from_fn(self.height, self.width + 1 - window.len(), |y, x| {
            weighed(&self.data, y * self.width + x, 1)
        });
        Self::from_fn(self.height + 1 - window.len(), across.width, |y, x| {
            weighed(&across.data, y * across.width + x, across.width)
        })
    }

    fn times(&self, other: &Self) -> Self {
        let data = self.data.iter().zip(&other.data).map(|(x, y)| x * y).collect();
        Self { data, ..*self }
    }
}

/// The Gaussian window, in one direction, for planes of this size.
fn window(height: usize, width: usize) -> Vec<f64> {
    let size = WINDOW.0.min(height).min(width);
    let sigma = WINDOW.1 * size as f64 / WINDOW.0 as f64;
    let middle = (size as f64 - 1.0) / 2.0;
    let bell = |off: f64| exp(-off * off / (2.0 * sigma * sigma));
    let bell: Vec<f64> = (0..size).map(|i| bell(i as f64 - middle)).collect();
    let sum: f64 = bell.iter().sum();
    bell.into_iter().map(|x| x / sum).collect()
}

/// Mean similarity and mean contrast of two planes.
fn compare(a: &Plane, b: &Plane) -> [f64; 2] {
    let window = window(a.height, a.width);
    let [m1, m2] = [a, b].map(|x| x.under(&window));
    let [s11, s22, s12] = [a.times(a), b.times(b), a.times(b)].map(|x| x.under(&window));
    let (mut similarity, mut contrast) = (0.0, 0.0);
    for i in 0..m1.data.len() {
        let (m1, m2) = (m1.data[i], m2.data[i]);
        let one = (2.0 * (s12.data[i] - m1 * m2) + C2) / (s11.data[i] - m1 * m1 + s22.data[i] - m2 * m2 + C2);
        contrast += one;
        similarity += one * (2.0 * m1 * m2 + C1) / (m1 * m1 + m2 * m2 + C1);
    }
    [similarity, contrast].map(|sum| sum / m1.data.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::testing::at_any_thread_count;
    use kernels::random::words;

    fn noise(count: usize, size: [usize; 3]) -> Pictures {
        let byte = |i: usize| (words(Key::new(2, 9), i as u32)[0] >> 24) as u8;
        Pictures::new((0..count * size.iter().product::<usize>()).map(byte).collect(), size)
    }

    #[test]
    fn an_image_is_like_itself_and_less_like_others() {
        for size in [[28, 28, 1], [32, 32, 3], [16, 50, 1]] {
            let images = noise(2, size);
            assert!((ms_ssim(images.image(0), images.image(0), size) - 1.0).abs() < 1e-12);
            assert!(ms_ssim(images.image(0), images.image(1), size) < 0.9);
        }
    }

    #[test]
    fn equal_images_have_no_diversity_and_noise_has_much() {
        let images = noise(12, [28, 28, 1]);
        let equal = Pictures::new(images.image(0).repeat(5), [28, 28, 1]);
        assert!((ms_ssim_diversity(&equal, 20, 1) - 1.0).abs() < 1e-12);
        let much = at_any_thread_count(|| ms_ssim_diversity(&images, 40, 1));
        assert!(much < 0.5, "{much}");
    }

    #[test]
    fn images_are_padded_by_their_border() {
        let plane = Plane::padded(&[1, 2, 3, 4], [2, 2, 1], 0);
        assert_eq!((plane.height, plane.width), (16, 16));
        assert_eq!([plane.data[0], plane.data[15], plane.data[7 * 16 + 8], plane.data[255]], [1.0, 2.0, 2.0, 4.0]);
        assert_eq!(plane.halved().data.len(), 64);
    }

    #[test]
    fn a_pair_is_of_two_images_and_opposites_are_at_zero() {
        let (images, size) = (noise(2, [28, 28, 1]), [28, 28, 1]);
        let only = ms_ssim(images.image(0), images.image(1), size);
        assert!((ms_ssim_diversity(&images, 30, 1) - only).abs() < 1e-12);
        let negative: Vec<u8> = images.image(0).iter().map(|x| 255 - x).collect();
        assert_eq!(ms_ssim(images.image(0), &negative, size), 0.0);
    }
}
