//! Sliced Wasserstein distance between patches of the images, at each level of a Laplacian pyramid:
//! are the structures of each size right?
//!
//! Each image is decomposed into levels: the details lost at each halving (down to 16 pixels), and
//! the smallest image itself. From each image, 128 patches of 7 x 7 are taken at random positions.
//! At each level the patches of a set are pooled, and each channel is normalised to mean 0 and
//! standard deviation 1. They are projected onto 4 x 128 random directions; the distance is the
//! mean difference of equal ranks of the sorted projections (the exact Wasserstein distance in one
//! dimension), times 1000. Source: Karras et al. 2018 ("Progressive growing of GANs", section 5 and
//! appendix), Rabin et al. 2011.
//!
//! **Pitfalls.** Each pool is normalised separately, so wrong brightness or contrast goes
//! unnoticed. Images smaller than 32 pixels have only one level. The distance needs thousands of
//! images to be stable; the source uses 8,192.

use crate::metric::{FEWEST, Metric, Number, Of};
use kernels::Key;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use crate::matrix::{Matrix, map_products};
use crate::pictures::{Pictures, assert_same_size};

/// The largest number of images of a set that the metric uses, because their patches take much
/// memory.
const IMAGES: usize = 512;

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "swd",
    alias: None,
    about: "sliced Wasserstein distance of patches, times 1000: 0 means identical",
    of: Of::Pixels,
    fewest: FEWEST,
    most: IMAGES,
    quick: false,
    measure: |real, fake| {
        let levels = sliced_wasserstein(real.pixels(), fake.pixels(), Slices::default());
        vec![Number::plain("swd", levels.iter().sum::<f64>() / levels.len() as f64)]
    },
};

/// The minimal height and width of the smallest level.
const SMALLEST: usize = 16;
/// Height and width of a patch.
const PATCH: usize = 7;
/// The five taps of the binomial kernel, used in both directions.
const BINOMIAL: [f64; 5] = [1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];
/// The number of directions per matrix product, which then has two tasks.
const AT_A_TIME: usize = 64;

/// The random choices of the distance.
#[derive(Clone, Copy, Debug)]
pub struct Slices {
    /// The number of patches per image.
    pub patches: usize,
    /// The number of random directions.
    pub directions: usize,
    /// The seed of both.
    pub seed: u64,
}

impl Default for Slices {
    fn default() -> Self {
        Self { patches: 128, directions: 512, seed: 1 }
    }
}

/// The distance at each level, the finest first; uses as many images of each set as the smaller one
/// has.
///
/// # Panics
/// When the images are of different sizes, smaller than a patch, or there are none.
#[track_caller]
pub fn sliced_wasserstein(a: &Pictures, b: &Pictures, slices: Slices) -> Vec<f64> {
    assert_same_size("sliced_wasserstein", a, b);
    let (count, [height, width, _]) = (a.count().min(b.count()), a.size());
    assert!(count > 0, "sliced_wasserstein: no images");
    assert!(
        height.min(width) >= PATCH,
        "sliced_wasserstein: {height} x {width} pixels hold no patch of {PATCH} x {PATCH}"
    );
    let levels = levels(height.min(width));
    let level = |level: usize| {
        let pool = |set: &Pictures| {
            let planes: Vec<Plane> =
                (0..count).into_par_iter().map(|i| Plane::of(set.image(i), set.size()).level(level, levels)).collect();
            patches(&planes, slices, level)
        };
        distance(&pool(a), &pool(b), slices, level)
    };
    (0..levels).map(level).collect()
}

/// Level number `level` of the Laplacian pyramid of `levels` levels of an image (height, width,
/// channels) with values from 0 to 255; the last level is the scaled-down image.
pub fn laplacian_level(image: &[u8], size: [usize; 3], level: usize, levels: usize) -> Vec<f64> {
    Plane::of(image, size).level(level, levels).data
}

/// The number of levels of an image with this shorter side.
fn levels(mut side: usize) -> usize {
    let mut levels = 1;
    while side / 2 >= SMALLEST {
        side /= 2;
        levels += 1;
    }
    levels
}

/// One image at some level.
#[derive(Clone)]
struct Plane {
    size: [usize; 3],
    data: Vec<f64>,
}

impl Plane {
    fn of(image: &[u8], size: [usize; 3]) -> Self {
        Self { size, data: image.iter().map(|x| f64::from(*x)).collect() }
    }

    /// The level number `level` of a pyramid of `levels`, of which this is the image.
    fn level(self, level: usize, levels: usize) -> Self {
        let mut plane = self;
        for _ in 0..level {
            plane = plane.halved();
        }
        if level + 1 < levels {
            let coarse = plane.halved().doubled(plane.size);
            plane.data.iter_mut().zip(&coarse.data).for_each(|(x, coarse)| *x -= coarse);
        }
        plane
    }

    /// Blurred and reduced to every second pixel of every second row.
    fn halved(&self) -> Self {
        let blurred = self.blurred();
        let [height, width, channels] = self.size;
        let size = [height.div_ceil(2), width.div_ceil(2), channels];
        let data = (0..size[0] * size[1] * channels).map(|i| {
            let (y, x, c) = (i / channels / size[1], i / channels % size[1], i % channels);
            blurred.data[(2 * y * width + 2 * x) * channels + c]
        });
        Self { size, data: data.collect() }
    }

    /// Up-sampled by zero insertion and blurring, which preserves the mean.
    fn doubled(&self, size: [usize; 3]) -> Self {
        let [_, width, channels] = size;
        let mut data = vec![0.0; size.iter().product()];
        for (i, pixel) in self.data.chunks_exact(channels).enumerate() {
            let (y, x) = (i / self.size[1], i % self.size[1]);
            let at = (2 * y * width + 2 * x) * channels;
            data[at..at + channels].iter_mut().zip(pixel).for_each(|(to, x)| *to = 4.0 * x);
        }
        Self { size, data }.blurred()
    }

    /// Filtered with the binomial kernel, mirrored at the outermost pixels.
    fn blurred(&self) -> Self {
        let [height, width, channels] = self.size;
        let axis = |data: &[f64], length: usize, step: usize| -> Vec<f64> {
            let sum = |i: usize| {
                let at = i / step % length;
                let start = i - at * step;
                BINOMIAL
                    .iter()
                    .enumerate()
                    .map(|(tap, weight)| weight * data[start + mirrored(at + tap, length) * step])
                    .sum()
            };
            (0..data.len()).map(sum).collect()
        };
        let data = axis(&axis(&self.data, width, channels), height, width * channels);
        Self { size: self.size, data }
    }
}

/// The mirrored index of the pixel at `at - 2`, which may lie up to two beyond either end of
/// `length`.
fn mirrored(at: usize, length: usize) -> usize {
    let last = length - 1;
    let inside = at.abs_diff(2);
    if inside > last { (2 * last).saturating_sub(inside) } else { inside }
}

/// All patches, a row each, with every channel normalised to mean 0 and standard deviation 1 over
/// the pool. The positions depend only on the index of an image.
fn patches(planes: &[Plane], slices: Slices, level: usize) -> Matrix {
    let [height, width, channels] = planes[0].size;
    let mut draws = Key::named(slices.seed, "swd patches").at(level as u32).draws();
    let row = PATCH * PATCH * channels;
    let mut pool = Vec::with_capacity(planes.len() * slices.patches * row);
    for plane in planes {
        for _ in 0..slices.patches {
            let (top, left) = (draws.random_range(0..=height - PATCH), draws.random_range(0..=width - PATCH));
            for y in top..top + PATCH {
                pool.extend_from_slice(&plane.data[(y * width + left) * channels..][..PATCH * channels]);
            }
        }
    }
    for channel in 0..channels {
        let values = || pool.iter().skip(channel).step_by(channels);
        let count = (pool.len() / channels) as f64;
        let mean = values().sum::<f64>() / count;
        let deviation = (values().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count).sqrt();
        let scale = if deviation > 0.0 { 1.0 / deviation } else { 0.0 };
        pool.iter_mut().skip(channel).step_by(channels).for_each(|x| *x = (*x - mean) * scale);
    }
    Matrix::new(planes.len() * slices.patches, row, pool)
}

/// The mean difference of equal ranks over all directions, times 1000.
fn distance(a: &Matrix, b: &Matrix, slices: Slices, level: usize) -> f64 {
    let mut draws = Key::named(slices.seed, "swd directions").at(level as u32).draws();
    let mut sum = 0.0;
    for first in (0..slices.directions).step_by(AT_A_TIME) {
        let count = AT_A_TIME.min(slices.directions - first);
        let mut directions = Matrix::zeros(count, a.columns());
        for i in 0..count {
            let row = directions.row_mut(i);
            row.iter_mut().for_each(|x| *x = StandardNormal.sample(&mut draws));
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            row.iter_mut().for_each(|x| *x /= length);
        }
        let ranked = map_products(&directions, a, |_, row| {
            row.sort_unstable_by(f64::total_cmp);
            row.to_vec()
        });
        let differences = map_products(&directions, b, |i, row| {
            row.sort_unstable_by(f64::total_cmp);
            row.iter().zip(&ranked[i]).map(|(x, y)| (x - y).abs()).sum::<f64>() / row.len() as f64
        });
        sum += differences.into_iter().sum::<f64>();
    }
    1000.0 * sum / slices.directions as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::testing::at_any_thread_count;
    use kernels::random::words;

    const FEW: Slices = Slices { patches: 8, directions: 32, seed: 1 };

    fn noise(count: usize, size: [usize; 3], stream: u32) -> Pictures {
        let byte = |i: usize| (words(Key::new(2, stream), i as u32)[0] >> 24) as u8;
        Pictures::new((0..count * size.iter().product::<usize>()).map(byte).collect(), size)
    }

    #[test]
    fn a_set_is_at_distance_zero_from_itself_at_each_level() {
        for (size, levels) in [([28, 28, 1], 1), ([32, 32, 3], 2), ([64, 70, 1], 3), ([7, 9, 1], 1)] {
            let a = noise(6, size, 1);
            assert_eq!(sliced_wasserstein(&a, &a, FEW), vec![0.0; levels], "{size:?}");
        }
    }

    #[test]
    fn smooth_images_are_far_from_noise_and_noise_is_near_noise() {
        let (a, b) = (noise(20, [32, 32, 1], 1), noise(20, [32, 32, 1], 2));
        let smooth: Vec<u8> = (0..20 * 1024).map(|i| ((i % 32) * 4 + i / 1024) as u8).collect();
        let near = at_any_thread_count(|| sliced_wasserstein(&a, &b, FEW));
        let far = sliced_wasserstein(&a, &Pictures::new(smooth, [32, 32, 1]), FEW);
        assert!(far[0] > 3.0 * near[0] && far[1] > 2.0 * near[1], "{near:?} and {far:?}");
    }

    /// The levels add up to the original image, and the borders are mirrored without repeating the
    /// outermost pixel.
    #[test]
    fn a_pyramid_loses_nothing() {
        let image = noise(1, [33, 40, 3], 5);
        let plane = Plane::of(image.image(0), image.size());
        assert_eq!(levels(33), 2);
        let (fine, coarse) = (plane.clone().level(0, 2), plane.clone().level(1, 2));
        assert_eq!(coarse.size, [17, 20, 3]);
        let again = coarse.doubled(plane.size);
        for ((x, fine), coarse) in plane.data.iter().zip(&fine.data).zip(&again.data) {
            assert!((x - fine - coarse).abs() < 1e-12);
        }
        assert_eq!((0..7).map(|at| mirrored(at, 3)).collect::<Vec<_>>(), [2, 1, 0, 1, 2, 1, 0]);
        let flat = Plane { size: [5, 4, 1], data: vec![3.0; 20] };
        assert!(flat.blurred().data.iter().all(|x| (x - 3.0).abs() < 1e-12));
    }

    /// In one dimension a direction is a sign: the mean of |0 - 1|, |10 - 10| and |20 - 22|, times
    /// 1000.
    #[test]
    fn a_distance_is_the_mean_difference_of_equal_ranks() {
        let pool = |numbers: &[f64]| Matrix::new(3, 1, numbers.to_vec());
        let slices = Slices { directions: AT_A_TIME + 7, ..FEW };
        let found = distance(&pool(&[20.0, 0.0, 10.0]), &pool(&[10.0, 22.0, 1.0]), slices, 0);
        assert!((found - 1000.0).abs() < 1e-9, "{found}");
    }

    #[test]
    fn every_channel_of_a_pool_has_mean_zero_and_deviation_one() {
        let images = noise(3, [9, 11, 3], 1);
        let mut plane = Plane::of(images.image(0), images.size());
        plane.data.iter_mut().enumerate().for_each(|(i, x)| *x = *x * (i % 3 + 1) as f64 + 40.0);
        let pool = patches(&[plane.clone(), plane], FEW, 0);
        for channel in 0..3 {
            let values: Vec<f64> = pool.data().iter().skip(channel).step_by(3).copied().collect();
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let squares: Vec<f64> = values.iter().map(|x| x * x).collect();
            assert!(mean(&values).abs() < 1e-12 && (mean(&squares) - 1.0).abs() < 1e-12, "channel {channel}");
        }
    }
}
