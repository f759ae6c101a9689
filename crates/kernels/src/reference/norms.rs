//! Batch and instance normalisation.

use super::binary;
use crate::arguments::Norm;
use crate::elementwise::{Binary, Unary};
use crate::real::Real;

/// See [`Element::channel_statistics`](crate::Element::channel_statistics).
pub fn channel_statistics<R: Real>(x: &[R], mean: &mut [R], variance: &mut [R]) {
    let channels = mean.len();
    assert!(variance.len() == channels && x.len().is_multiple_of(channels), "channel_statistics: lengths");
    let count = R::from_f64((x.len() / channels) as f64);
    for c in 0..channels {
        let column = || x.iter().skip(c).step_by(channels);
        mean[c] = column().fold(R::default(), |sum, &x| sum + x) / count;
        variance[c] = column().fold(R::default(), |sum, &x| sum + (x - mean[c]) * (x - mean[c])) / count;
    }
}

/// See [`Element::batch_norm`](crate::Element::batch_norm).
pub fn batch_norm<R: Real>(norm: Norm, x: &[R], statistics: [&[R]; 2], affine: [&[R]; 2], y: &mut [R]) {
    let ([mean, variance], [gamma, beta]) = (statistics, affine);
    let channels = mean.len();
    assert!(x.len() == y.len() && x.len().is_multiple_of(channels), "batch_norm: lengths");
    for (i, (x, y)) in x.iter().zip(y).enumerate() {
        let c = i % channels;
        let scale = gamma[c] / (variance[c] + R::from_f64(norm.epsilon)).sqrt();
        *y = (*x - mean[c]).mul_add(scale, beta[c]);
        if let Some(slope) = norm.slope {
            *y = Unary::LeakyRelu { slope }.at([*y]);
        }
    }
}

/// See [`Element::batch_norm_grad`](crate::Element::batch_norm_grad).
pub fn batch_norm_grad<R: Real>(
    norm: Norm,
    inputs: [&[R]; 2],
    statistics: [&[R]; 2],
    affine: [&[R]; 2],
    gx: &mut [R],
    [ggamma, gbeta]: [&mut [R]; 2],
) {
    batch_norm_grad_sums(norm, inputs, statistics, affine, [ggamma, gbeta]);
    let rows = R::from_f64((gx.len() / ggamma.len()) as f64);
    let [along, shift] = [&*ggamma, &*gbeta].map(|sums| sums.iter().map(|&sum| sum / rows).collect::<Vec<R>>());
    batch_norm_grad_input(norm, inputs, statistics, affine, [&along, &shift], gx);
}

/// The gradient before the leaky ReLU, if there is one.
fn before_relu<R: Real>(norm: Norm, [x, gy]: [&[R]; 2], statistics: [&[R]; 2], affine: [&[R]; 2]) -> Vec<R> {
    assert!(x.len() == gy.len() && x.len().is_multiple_of(statistics[0].len()), "batch_norm_grad: lengths");
    let mut g = gy.to_vec();
    if let Some(slope) = norm.slope {
        let mut y = vec![R::default(); x.len()];
        batch_norm(Norm { slope: None, ..norm }, x, statistics, affine, &mut y);
        binary(Binary::LeakyReluGrad { slope }, &y, gy, &mut g);
    }
    g
}

/// See [`Element::batch_norm_grad_sums`](crate::Element::batch_norm_grad_sums).
pub fn batch_norm_grad_sums<R: Real>(
    norm: Norm,
    inputs: [&[R]; 2],
    statistics: [&[R]; 2],
    affine: [&[R]; 2],
    [ggamma, gbeta]: [&mut [R]; 2],
) {
    let (g, x, [mean, variance]) = (before_relu(norm, inputs, statistics, affine), inputs[0], statistics);
    for c in 0..mean.len() {
        let deviation = (variance[c] + R::from_f64(norm.epsilon)).sqrt();
        let column = || (c..x.len()).step_by(mean.len());
        gbeta[c] = column().fold(R::default(), |sum, i| sum + g[i]);
        ggamma[c] = column().fold(R::default(), |sum, i| sum + g[i] * ((x[i] - mean[c]) / deviation));
    }
}

/// See [`Element::batch_norm_grad_input`](crate::Element::batch_norm_grad_input).
pub fn batch_norm_grad_input<R: Real>(
    norm: Norm,
    inputs: [&[R]; 2],
    statistics: [&[R]; 2],
    affine: [&[R]; 2],
    [along, shift]: [&[R]; 2],
    gx: &mut [R],
) {
    let (g, x, [mean, variance]) = (before_relu(norm, inputs, statistics, affine), inputs[0], statistics);
    assert!(x.len() == gx.len(), "batch_norm_grad_input: lengths");
    for (i, gx) in gx.iter_mut().enumerate() {
        let c = i % mean.len();
        let deviation = (variance[c] + R::from_f64(norm.epsilon)).sqrt();
        *gx = affine[0][c] / deviation * (g[i] - shift[c] - (x[i] - mean[c]) / deviation * along[c]);
    }
}

/// See [`Element::instance_statistics`](crate::Element::instance_statistics).
pub fn instance_statistics<R: Real>(images: usize, x: &[R], mean: &mut [R], variance: &mut [R]) {
    let (size, channels) = (x.len() / images, mean.len() / images);
    let statistics = mean.chunks_exact_mut(channels).zip(variance.chunks_exact_mut(channels));
    for (x, (mean, variance)) in x.chunks_exact(size).zip(statistics) {
        channel_statistics(x, mean, variance);
    }
}

/// See [`Element::instance_norm`](crate::Element::instance_norm).
pub fn instance_norm<R: Real>(norm: Norm, images: usize, x: &[R], statistics: [&[R]; 2], y: &mut [R]) {
    let (size, channels) = (x.len() / images, statistics[0].len() / images);
    let (ones, zeros) = (vec![R::from_f64(1.0); channels], vec![R::default(); channels]);
    for (n, (x, y)) in x.chunks_exact(size).zip(y.chunks_exact_mut(size)).enumerate() {
        let statistics = statistics.map(|all| &all[n * channels..][..channels]);
        batch_norm(norm, x, statistics, [&ones, &zeros], y);
    }
}

/// See [`Element::instance_norm_grad`](crate::Element::instance_norm_grad).
pub fn instance_norm_grad<R: Real>(norm: Norm, images: usize, inputs: [&[R]; 2], statistics: [&[R]; 2], gx: &mut [R]) {
    let (size, channels) = (gx.len() / images, statistics[0].len() / images);
    let (ones, zeros) = (vec![R::from_f64(1.0); channels], vec![R::default(); channels]);
    for (n, gx) in gx.chunks_exact_mut(size).enumerate() {
        let (inputs, statistics) =
            (inputs.map(|all| &all[n * size..][..size]), statistics.map(|all| &all[n * channels..][..channels]));
        let [mut ggamma, mut gbeta] = [zeros.clone(), zeros.clone()];
        batch_norm_grad(norm, inputs, statistics, [&ones, &zeros], gx, [&mut ggamma, &mut gbeta]);
    }
}
