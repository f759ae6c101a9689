//! Batch normalisation (Ioffe and Szegedy, "Batch normalization: accelerating deep network training
//! by reducing internal covariate shift", 2015), on rows of channels; and instance normalisation
//! (Ulyanov, Vedaldi and Lempitsky, "Instance normalization: the missing ingredient for fast
//! stylization", 2016), which normalises each image separately.
//!
//! * Statistics take two passes: the mean, then the mean of (x - mean)^2. The one-pass formula
//!   `E[x^2] - E[x]^2` subtracts two nearly equal numbers when the mean is large, and its result
//!   may even be negative.
//! * The forward pass is one fused multiply-add on x - mean: y = (x - mean) * (gamma / s) + beta,
//!   where s = sqrt(variance + epsilon). A leaky ReLU, if one follows, is applied before y is
//!   written.
//! * The backward pass reads x and gy twice: once for both sums per channel (of gy and of gy * (x -
//!   mean)), once for gx = gamma / s * (gy - gbeta / n - (x - mean) * ggamma / (n * s)). The
//!   subtracted terms are the parts of the gradient that a shift and a scale of the whole batch
//!   would undo. With a leaky ReLU, each pass first multiplies gy by its slope, for which it
//!   computes the sign of the value from x again.
//!
//! If a batch is computed in parts but normalised by the statistics of the whole, the two backward
//! passes of a part are two kernels. Between them, the caller adds the sums of all parts.
//!
//! The sums are those of [`columns`]: in a fixed order, combined in `f64`.

use crate::arguments::Norm;
use crate::columns::{self, Itself, Layout, Spot, Terms};
use crate::pieces::{Pieces, for_each_piece};
use crate::simd::Simd;

/// (x - mean)^2
#[derive(Clone, Copy)]
struct SquaredDistance<'a> {
    x: &'a [f32],
    mean: &'a [f32],
}

impl Terms<1> for SquaredDistance<'_> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, spot: Spot) -> [S::F; 1] {
        let centred = s.sub(spot.of(s, self.x), spot.pattern(s, self.mean));
        [s.mul(centred, centred)]
    }
}

/// The forward pass as a function of x - mean, with the numbers of each channel.
#[derive(Clone, Copy)]
struct Normal<'a> {
    mean: &'a [f32],
    scale: &'a [f32],
    beta: &'a [f32],
    /// The slope of the leaky ReLU for values <= 0; 1 for none.
    slope: f32,
}

impl Normal<'_> {
    /// (x - mean) * scale + beta
    #[inline(always)]
    fn value<S: Simd>(self, s: S, spot: Spot, centred: S::F) -> S::F {
        s.mul_add(centred, spot.pattern(s, self.scale), spot.pattern(s, self.beta))
    }

    /// The gradient before the leaky ReLU. Computing the value from x again is cheaper than reading
    /// it.
    #[inline(always)]
    fn before_relu<S: Simd>(self, s: S, spot: Spot, centred: S::F, gy: S::F) -> S::F {
        s.select(s.less(s.zero(), self.value(s, spot, centred)), gy, s.mul(gy, s.splat(self.slope)))
    }
}

/// The value after the leaky ReLU.
#[derive(Clone, Copy)]
struct Normalised<'a> {
    x: &'a [f32],
    normal: Normal<'a>,
}

impl Terms<1> for Normalised<'_> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, spot: Spot) -> [S::F; 1] {
        let value = self.normal.value(s, spot, s.sub(spot.of(s, self.x), spot.pattern(s, self.normal.mean)));
        [s.select(s.less(s.zero(), value), value, s.mul(value, s.splat(self.normal.slope)))]
    }
}

/// g and g * (x - mean), where g is the gradient before the leaky ReLU, if there is one.
#[derive(Clone, Copy)]
struct GradSums<'a, const RELU: bool> {
    x: &'a [f32],
    gy: &'a [f32],
    normal: Normal<'a>,
}

impl<const RELU: bool> Terms<2> for GradSums<'_, RELU> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, spot: Spot) -> [S::F; 2] {
        let centred = s.sub(spot.of(s, self.x), spot.pattern(s, self.normal.mean));
        let mut g = spot.of(s, self.gy);
        if RELU {
            g = self.normal.before_relu(s, spot, centred, g);
        }
        [g, s.mul(g, centred)]
    }
}

/// scale * (g - shift - (x - mean) * slope), where `negative_slope` is -slope
#[derive(Clone, Copy)]
struct GradInput<'a, const RELU: bool> {
    x: &'a [f32],
    gy: &'a [f32],
    normal: Normal<'a>,
    scale: &'a [f32],
    shift: &'a [f32],
    negative_slope: &'a [f32],
}

impl<const RELU: bool> Terms<1> for GradInput<'_, RELU> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, spot: Spot) -> [S::F; 1] {
        let centred = s.sub(spot.of(s, self.x), spot.pattern(s, self.normal.mean));
        let mut g = spot.of(s, self.gy);
        if RELU {
            g = self.normal.before_relu(s, spot, centred, g);
        }
        let shifted = s.sub(g, spot.pattern(s, self.shift));
        let inner = s.mul_add(centred, spot.pattern(s, self.negative_slope), shifted);
        [s.mul(spot.pattern(s, self.scale), inner)]
    }
}

/// Checks that x is whole rows of channels and all per-channel slices have the length of the first;
/// returns the number of rows.
#[track_caller]
fn checked_rows(kernel: &str, x: &[f32], per_channel: &[&[f32]]) -> usize {
    let channels = per_channel[0].len();
    let lengths: Vec<usize> = per_channel.iter().map(|c| c.len()).collect();
    assert!(channels > 0 && lengths.iter().all(|&n| n == channels), "{kernel}: lengths {lengths:?} per channel differ");
    assert!(
        x.len().is_multiple_of(channels),
        "{kernel}: {} elements are not whole rows of {channels} channels",
        x.len()
    );
    x.len() / channels
}

/// See [`Element::channel_statistics`](crate::Element::channel_statistics).
pub(crate) fn channel_statistics(x: &[f32], mean: &mut [f32], variance: &mut [f32]) {
    let rows = checked_rows("channel_statistics", x, &[mean, variance]);
    let layout = Layout::new(mean.len());
    for (mean, [sum]) in mean.iter_mut().zip(columns::sums(layout, rows, Itself(x))) {
        *mean = (sum / rows as f64) as f32;
    }
    let squares = columns::sums(layout, rows, SquaredDistance { x, mean: &layout.pattern(mean) });
    for (variance, [sum]) in variance.iter_mut().zip(squares) {
        *variance = (sum / rows as f64) as f32;
    }
}

/// The factor of x - mean, per channel.
fn scales(gamma: &[f32], variance: &[f32], epsilon: f64) -> Vec<f32> {
    gamma.iter().zip(variance).map(|(gamma, variance)| gamma / (variance + epsilon as f32).sqrt()).collect()
}

/// See [`Element::batch_norm`](crate::Element::batch_norm).
pub(crate) fn batch_norm(norm: Norm, x: &[f32], statistics: [&[f32]; 2], affine: [&[f32]; 2], y: &mut [f32]) {
    let ([mean, variance], [gamma, beta]) = (statistics, affine);
    checked_rows("batch_norm", x, &[mean, variance, gamma, beta]);
    assert_eq!(x.len(), y.len(), "batch_norm: lengths of x and y");
    let layout = Layout::new(mean.len());
    let scale = scales(gamma, variance, norm.epsilon);
    let [mean, scale, beta] = &[mean, &scale, beta].map(|row| layout.pattern(row));
    let normal = Normal { mean, scale, beta, slope: norm.slope.unwrap_or(1.0) as f32 };
    columns::map(layout, Normalised { x, normal }, y);
}

/// See [`Element::batch_norm_grad`](crate::Element::batch_norm_grad).
pub(crate) fn batch_norm_grad(
    norm: Norm,
    inputs: [&[f32]; 2],
    statistics: [&[f32]; 2],
    affine: [&[f32]; 2],
    gx: &mut [f32],
    [ggamma, gbeta]: [&mut [f32]; 2],
) {
    checked_rows("batch_norm_grad", gx, &[statistics[0], ggamma, gbeta]);
    let backward = Backward::new("batch_norm_grad", norm, inputs, statistics, affine);
    let sums = backward.sums();
    backward.write_parameters(&sums, [ggamma, gbeta]);
    let rows = backward.rows as f64;
    backward.write_input(gx, |c| {
        let (&[sum, weighted], deviation) = (&sums[c], backward.deviation(c));
        [sum / rows, -weighted / (rows * deviation * deviation)]
    });
}

/// See [`Element::batch_norm_grad_sums`](crate::Element::batch_norm_grad_sums).
pub(crate) fn batch_norm_grad_sums(
    norm: Norm,
    inputs: [&[f32]; 2],
    statistics: [&[f32]; 2],
    affine: [&[f32]; 2],
    [ggamma, gbeta]: [&mut [f32]; 2],
) {
    checked_rows("batch_norm_grad_sums", inputs[0], &[statistics[0], ggamma, gbeta]);
    let backward = Backward::new("batch_norm_grad_sums", norm, inputs, statistics, affine);
    backward.write_parameters(&backward.sums(), [ggamma, gbeta]);
}

/// See [`Element::batch_norm_grad_input`](crate::Element::batch_norm_grad_input).
pub(crate) fn batch_norm_grad_input(
    norm: Norm,
    inputs: [&[f32]; 2],
    statistics: [&[f32]; 2],
    affine: [&[f32]; 2],
    [of_ggamma, of_gbeta]: [&[f32]; 2],
    gx: &mut [f32],
) {
    checked_rows("batch_norm_grad_input", gx, &[statistics[0], of_ggamma, of_gbeta]);
    let backward = Backward::new("batch_norm_grad_input", norm, inputs, statistics, affine);
    backward.write_input(gx, |c| [f64::from(of_gbeta[c]), -f64::from(of_ggamma[c]) / backward.deviation(c)]);
}

/// The backward pass of a batch, or of a part of it.
struct Backward<'a> {
    norm: Norm,
    x: &'a [f32],
    gy: &'a [f32],
    rows: usize,
    layout: Layout,
    gamma: &'a [f32],
    variance: &'a [f32],
    /// The patterns of the mean, of the factor of x - mean, and of beta.
    patterns: [Vec<f32>; 3],
}

impl<'a> Backward<'a> {
    #[track_caller]
    fn new(
        kernel: &str,
        norm: Norm,
        [x, gy]: [&'a [f32]; 2],
        [mean, variance]: [&'a [f32]; 2],
        [gamma, beta]: [&'a [f32]; 2],
    ) -> Self {
        let rows = checked_rows(kernel, x, &[mean, variance, gamma, beta]);
        assert_eq!(x.len(), gy.len(), "{kernel}: lengths of x and gy");
        let layout = Layout::new(mean.len());
        let forward = scales(gamma, variance, norm.epsilon);
        let patterns = [mean, &forward, beta].map(|row| layout.pattern(row));
        Self { norm, x, gy, rows, layout, gamma, variance, patterns }
    }

    fn normal(&self) -> Normal<'_> {
        let [mean, scale, beta] = &self.patterns;
        Normal { mean, scale, beta, slope: self.norm.slope.unwrap_or(1.0) as f32 }
    }

    /// s = sqrt(variance + epsilon) of channel `c`.
    fn deviation(&self, c: usize) -> f64 {
        (f64::from(self.variance[c]) + self.norm.epsilon).sqrt()
    }

    /// Per channel, the sums of g and of g * (x - mean).
    fn sums(&self) -> Vec<[f64; 2]> {
        let (x, gy, normal) = (self.x, self.gy, self.normal());
        match self.norm.slope {
            Some(_) => columns::sums(self.layout, self.rows, GradSums::<true> { x, gy, normal }),
            None => columns::sums(self.layout, self.rows, GradSums::<false> { x, gy, normal }),
        }
    }

    /// Computes the gradients of gamma and beta from these [sums](Self::sums).
    fn write_parameters(&self, sums: &[[f64; 2]], [ggamma, gbeta]: [&mut [f32]; 2]) {
        for (c, &[sum, weighted]) in sums.iter().enumerate() {
            gbeta[c] = sum as f32;
            ggamma[c] = (weighted / self.deviation(c)) as f32;
        }
    }

    /// Writes gx = gamma / s * (g - shift + (x - mean) * slope), where `line` returns the shift and
    /// the slope of a channel.
    fn write_input(&self, gx: &mut [f32], line: impl Fn(usize) -> [f64; 2]) {
        assert_eq!(self.x.len(), gx.len(), "batch_norm_grad: lengths of x and gx");
        let channels = self.gamma.len();
        let [mut scale, mut shift, mut negative_slope] = [0; 3].map(|_| vec![0.0; channels]);
        for c in 0..channels {
            scale[c] = (f64::from(self.gamma[c]) / self.deviation(c)) as f32;
            [shift[c], negative_slope[c]] = line(c).map(|number| number as f32);
        }
        let [scale, shift, negative_slope] = &[scale, shift, negative_slope].map(|row| self.layout.pattern(&row));
        let (x, gy, normal) = (self.x, self.gy, self.normal());
        match self.norm.slope {
            Some(_) => {
                columns::map(self.layout, GradInput::<true> { x, gy, normal, scale, shift, negative_slope }, gx);
            }
            None => columns::map(self.layout, GradInput::<false> { x, gy, normal, scale, shift, negative_slope }, gx),
        }
    }
}

/// Checks that x consists of `images` images of equal size and channels; returns the size and
/// channels of one.
#[track_caller]
fn checked_images(kernel: &str, images: usize, x: &[f32], per_channel: usize) -> [usize; 2] {
    let whole = images > 0 && !x.is_empty() && x.len().is_multiple_of(images) && per_channel.is_multiple_of(images);
    assert!(
        whole,
        "{kernel}: {} elements, with {per_channel} channels in all, cannot be divided into {images} images",
        x.len()
    );
    [x.len() / images, per_channel / images]
}

/// See [`Element::instance_statistics`](crate::Element::instance_statistics).
pub(crate) fn instance_statistics(images: usize, x: &[f32], mean: &mut [f32], variance: &mut [f32]) {
    let [size, channels] = checked_images("instance_statistics", images, x, mean.len());
    let pieces = (Pieces::new(x, size), Pieces::new(mean, channels), Pieces::new(variance, channels));
    for_each_piece(pieces, |_, (x, mean, variance)| channel_statistics(x, mean, variance));
}

/// See [`Element::instance_norm`](crate::Element::instance_norm).
pub(crate) fn instance_norm(norm: Norm, images: usize, x: &[f32], [mean, variance]: [&[f32]; 2], y: &mut [f32]) {
    let [size, channels] = checked_images("instance_norm", images, x, mean.len());
    let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
    let statistics = (Pieces::new(mean, channels), Pieces::new(variance, channels));
    for_each_piece((Pieces::new(x, size), statistics, Pieces::new(y, size)), |_, (x, (mean, variance), y)| {
        batch_norm(norm, x, [mean, variance], [&ones, &zeros], y);
    });
}

/// See [`Element::instance_norm_grad`](crate::Element::instance_norm_grad).
pub(crate) fn instance_norm_grad(
    norm: Norm,
    images: usize,
    [x, gy]: [&[f32]; 2],
    [mean, variance]: [&[f32]; 2],
    gx: &mut [f32],
) {
    let [size, channels] = checked_images("instance_norm_grad", images, x, mean.len());
    let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
    let statistics = (Pieces::new(mean, channels), Pieces::new(variance, channels));
    let values = (Pieces::new(x, size), Pieces::new(gy, size));
    for_each_piece((values, statistics, Pieces::new(gx, size)), |_, ((x, gy), (mean, variance), gx)| {
        let [mut ggamma, mut gbeta] = [0; 2].map(|_| vec![0.0; channels]);
        let parameters = [&mut ggamma[..], &mut gbeta[..]];
        batch_norm_grad(norm, [x, gy], [mean, variance], [&ones, &zeros], gx, parameters);
    });
}

#[cfg(test)]
mod tests;
