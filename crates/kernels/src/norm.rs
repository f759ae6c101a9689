//! Batch normalisation (Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing
//! internal covariate shift", 2015), on rows of channels.
//!
//! * Statistics are made in two passes, the mean and then the mean of (x - mean)^2. The one-pass formula
//!   `E[x^2] - E[x]^2` subtracts two nearly equal numbers when the mean is large, and may even come out negative.
//! * The forward pass is one fused multiply-add on x - mean: y = (x - mean) * (gamma / s) + beta,
//!   where s = sqrt(variance + epsilon).
//! * The backward pass reads x and gy twice: once for both sums per channel (sum gy and sum gy * (x - mean)), once for
//!   gx = gamma / s * (gy - gbeta / n - (x - mean) * ggamma / (n * s)): the gradient that arrives, less what a
//!   shift and a scale of the whole batch would have undone anyway.
//!
//! Sums are those of [`columns`]: fixed order, combined in `f64`.

use crate::columns::{self, Layout, Terms, load};
use crate::simd::{LANES, Simd};

/// x
#[derive(Clone, Copy)]
struct Itself<'a>(&'a [f32]);

impl Terms<1> for Itself<'_> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, at: usize, n: usize, _column: usize) -> [S::F; 1] {
        [load(s, self.0, at, n)]
    }
}

/// (x - mean)^2
#[derive(Clone, Copy)]
struct SquaredDistance<'a> {
    x: &'a [f32],
    mean: &'a [f32],
}

impl Terms<1> for SquaredDistance<'_> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, at: usize, n: usize, column: usize) -> [S::F; 1] {
        let centred = s.sub(load(s, self.x, at, n), load(s, self.mean, column, LANES));
        [s.mul(centred, centred)]
    }
}

/// (x - mean) * scale + beta
#[derive(Clone, Copy)]
struct Normalised<'a> {
    x: &'a [f32],
    mean: &'a [f32],
    scale: &'a [f32],
    beta: &'a [f32],
}

impl Terms<1> for Normalised<'_> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, at: usize, n: usize, column: usize) -> [S::F; 1] {
        let centred = s.sub(load(s, self.x, at, n), load(s, self.mean, column, LANES));
        [s.mul_add(centred, load(s, self.scale, column, LANES), load(s, self.beta, column, LANES))]
    }
}

/// gy and gy * (x - mean)
#[derive(Clone, Copy)]
struct GradSums<'a> {
    x: &'a [f32],
    gy: &'a [f32],
    mean: &'a [f32],
}

impl Terms<2> for GradSums<'_> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, at: usize, n: usize, column: usize) -> [S::F; 2] {
        let gy = load(s, self.gy, at, n);
        let centred = s.sub(load(s, self.x, at, n), load(s, self.mean, column, LANES));
        [gy, s.mul(gy, centred)]
    }
}

/// scale * (gy - shift - (x - mean) * slope), with the slope given as its negative
#[derive(Clone, Copy)]
struct GradInput<'a> {
    x: &'a [f32],
    gy: &'a [f32],
    mean: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    negative_slope: &'a [f32],
}

impl Terms<1> for GradInput<'_> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, at: usize, n: usize, column: usize) -> [S::F; 1] {
        let centred = s.sub(load(s, self.x, at, n), load(s, self.mean, column, LANES));
        let shifted = s.sub(load(s, self.gy, at, n), load(s, self.shift, column, LANES));
        let inner = s.mul_add(centred, load(s, self.negative_slope, column, LANES), shifted);
        [s.mul(load(s, self.scale, column, LANES), inner)]
    }
}

/// Checks that x is whole rows of the channels and all per-channel slices are as long as the first; returns the rows.
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

/// See [`Element::batch_norm`](crate::Element::batch_norm).
pub(crate) fn batch_norm(x: &[f32], statistics: [&[f32]; 2], affine: [&[f32]; 2], epsilon: f64, y: &mut [f32]) {
    let ([mean, variance], [gamma, beta]) = (statistics, affine);
    checked_rows("batch_norm", x, &[mean, variance, gamma, beta]);
    assert_eq!(x.len(), y.len(), "batch_norm: lengths of x and y");
    let layout = Layout::new(mean.len());
    let scale = |(gamma, variance): (&f32, &f32)| gamma / (variance + epsilon as f32).sqrt();
    let scale: Vec<f32> = gamma.iter().zip(variance).map(scale).collect();
    let [mean, scale, beta] = &[mean, &scale, beta].map(|row| layout.pattern(row));
    columns::map(layout, Normalised { x, mean, scale, beta }, y);
}

/// See [`Element::batch_norm_grad`](crate::Element::batch_norm_grad).
pub(crate) fn batch_norm_grad(
    x: &[f32],
    gy: &[f32],
    statistics: [&[f32]; 2],
    gamma: &[f32],
    epsilon: f64,
    gx: &mut [f32],
    parameters: [&mut [f32]; 2],
) {
    let ([mean, variance], [ggamma, gbeta]) = (statistics, parameters);
    let rows = checked_rows("batch_norm_grad", x, &[mean, variance, gamma, ggamma, gbeta]);
    assert_eq!((x.len(), x.len()), (gy.len(), gx.len()), "batch_norm_grad: lengths of x, and of gy and gx");
    let (layout, channels) = (Layout::new(mean.len()), mean.len());
    let mean = &layout.pattern(mean);
    let sums = columns::sums(layout, rows, GradSums { x, gy, mean });
    let [mut scale, mut shift, mut negative_slope] = [0; 3].map(|_| vec![0.0; channels]);
    for (c, [sum, weighted]) in sums.into_iter().enumerate() {
        let deviation = (f64::from(variance[c]) + epsilon).sqrt();
        gbeta[c] = sum as f32;
        ggamma[c] = (weighted / deviation) as f32;
        scale[c] = (f64::from(gamma[c]) / deviation) as f32;
        shift[c] = (sum / rows as f64) as f32;
        negative_slope[c] = (-weighted / (rows as f64 * deviation * deviation)) as f32;
    }
    let [scale, shift, negative_slope] = &[scale, shift, negative_slope].map(|row| layout.pattern(&row));
    columns::map(layout, GradInput { x, gy, mean, scale, shift, negative_slope }, gx);
}

#[cfg(test)]
mod tests;
