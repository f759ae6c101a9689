//! Batch normalisation (Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing
//! internal covariate shift", 2015), on rows of channels; and instance normalisation (Ulyanov, Vedaldi and Lempitsky,
//! "Instance normalization: the missing ingredient for fast stylization", 2016), which is the same of every image by itself.
//!
//! * Statistics are made in two passes, the mean and then the mean of (x - mean)^2. The one-pass formula
//!   `E[x^2] - E[x]^2` subtracts two nearly equal numbers when the mean is large, and may even come out negative.
//! * The forward pass is one fused multiply-add on x - mean: y = (x - mean) * (gamma / s) + beta,
//!   where s = sqrt(variance + epsilon). An activation with a kink, if one follows, bends y on its way to memory.
//! * The backward pass reads x and gy twice: once for both sums per channel (sum gy and sum gy * (x - mean)), once for
//!   gx = gamma / s * (gy - gbeta / n - (x - mean) * ggamma / (n * s)): the gradient that arrives, less what a
//!   shift and a scale of the whole batch would have undone anyway. A bend is undone on the way in, both times: which
//!   side of it y was on is computed from x again.
//!
//! Sums are those of [`columns`]: fixed order, combined in `f64`.

use crate::columns::{self, Itself, Layout, Spot, Terms};
use crate::element::Norm;
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

/// What the forward pass makes of x - mean: the value, and the value bent by a leaky ReLU.
#[derive(Clone, Copy)]
struct Normal<'a> {
    mean: &'a [f32],
    scale: &'a [f32],
    beta: &'a [f32],
    /// The slope below 0; 1 for a straight line.
    slope: f32,
}

impl Normal<'_> {
    /// (x - mean) * scale + beta
    #[inline(always)]
    fn value<S: Simd>(self, s: S, spot: Spot, centred: S::F) -> S::F {
        s.mul_add(centred, spot.pattern(s, self.scale), spot.pattern(s, self.beta))
    }

    /// gy as it passes back the bend: the value is computed again from x, which is cheaper than to read it.
    #[inline(always)]
    fn unbend<S: Simd>(self, s: S, spot: Spot, centred: S::F, gy: S::F) -> S::F {
        s.select(s.less(s.zero(), self.value(s, spot, centred)), gy, s.mul(gy, s.splat(self.slope)))
    }
}

/// The bent value.
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

/// g and g * (x - mean), where g is gy before the bend, if there is one.
#[derive(Clone, Copy)]
struct GradSums<'a, const BEND: bool> {
    x: &'a [f32],
    gy: &'a [f32],
    normal: Normal<'a>,
}

impl<const BEND: bool> Terms<2> for GradSums<'_, BEND> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, spot: Spot) -> [S::F; 2] {
        let centred = s.sub(spot.of(s, self.x), spot.pattern(s, self.normal.mean));
        let mut g = spot.of(s, self.gy);
        if BEND {
            g = self.normal.unbend(s, spot, centred, g);
        }
        [g, s.mul(g, centred)]
    }
}

/// scale * (g - shift - (x - mean) * slope), with the slope given as its negative
#[derive(Clone, Copy)]
struct GradInput<'a, const BEND: bool> {
    x: &'a [f32],
    gy: &'a [f32],
    normal: Normal<'a>,
    scale: &'a [f32],
    shift: &'a [f32],
    negative_slope: &'a [f32],
}

impl<const BEND: bool> Terms<1> for GradInput<'_, BEND> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, spot: Spot) -> [S::F; 1] {
        let centred = s.sub(spot.of(s, self.x), spot.pattern(s, self.normal.mean));
        let mut g = spot.of(s, self.gy);
        if BEND {
            g = self.normal.unbend(s, spot, centred, g);
        }
        let shifted = s.sub(g, spot.pattern(s, self.shift));
        let inner = s.mul_add(centred, spot.pattern(s, self.negative_slope), shifted);
        [s.mul(spot.pattern(s, self.scale), inner)]
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

/// What x - mean is multiplied by, per channel.
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
    [x, gy]: [&[f32]; 2],
    statistics: [&[f32]; 2],
    affine: [&[f32]; 2],
    gx: &mut [f32],
    parameters: [&mut [f32]; 2],
) {
    if norm.slope.is_some() {
        grad::<true>(norm, [x, gy], statistics, affine, gx, parameters);
    } else {
        grad::<false>(norm, [x, gy], statistics, affine, gx, parameters);
    }
}

fn grad<const BEND: bool>(
    norm: Norm,
    [x, gy]: [&[f32]; 2],
    [mean, variance]: [&[f32]; 2],
    [gamma, beta]: [&[f32]; 2],
    gx: &mut [f32],
    [ggamma, gbeta]: [&mut [f32]; 2],
) {
    let rows = checked_rows("batch_norm_grad", x, &[mean, variance, gamma, beta, ggamma, gbeta]);
    assert_eq!((x.len(), x.len()), (gy.len(), gx.len()), "batch_norm_grad: lengths of x, and of gy and gx");
    let (layout, channels) = (Layout::new(mean.len()), mean.len());
    let forward = scales(gamma, variance, norm.epsilon);
    let [mean, forward, beta] = &[mean, &forward, beta].map(|row| layout.pattern(row));
    let normal = Normal { mean, scale: forward, beta, slope: norm.slope.unwrap_or(1.0) as f32 };
    let sums = columns::sums(layout, rows, GradSums::<BEND> { x, gy, normal });
    let [mut scale, mut shift, mut negative_slope] = [0; 3].map(|_| vec![0.0; channels]);
    for (c, [sum, weighted]) in sums.into_iter().enumerate() {
        let deviation = (f64::from(variance[c]) + norm.epsilon).sqrt();
        gbeta[c] = sum as f32;
        ggamma[c] = (weighted / deviation) as f32;
        scale[c] = (f64::from(gamma[c]) / deviation) as f32;
        shift[c] = (sum / rows as f64) as f32;
        negative_slope[c] = (-weighted / (rows as f64 * deviation * deviation)) as f32;
    }
    let [scale, shift, negative_slope] = &[scale, shift, negative_slope].map(|row| layout.pattern(&row));
    columns::map(layout, GradInput::<BEND> { x, gy, normal, scale, shift, negative_slope }, gx);
}

/// Checks that x is so many images, with so many times the same number of channels; returns an image's size and channels.
#[track_caller]
fn checked_images(kernel: &str, images: usize, x: &[f32], per_channel: usize) -> [usize; 2] {
    let whole = images > 0 && !x.is_empty() && x.len().is_multiple_of(images) && per_channel.is_multiple_of(images);
    assert!(whole, "{kernel}: {} elements and {per_channel} channels in all are not {images} images", x.len());
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
