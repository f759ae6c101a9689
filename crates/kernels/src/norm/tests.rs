//! Batch normalisation against the plain loop in `f64`, within error bounds that follow from the
//! operations.

use super::{
    batch_norm, batch_norm_grad, batch_norm_grad_input, batch_norm_grad_sums, channel_statistics, instance_norm,
    instance_norm_grad, instance_statistics,
};
use crate::arguments::Norm;
use crate::columns::LONGEST_CHAIN;
use crate::elementwise::{Binary, Unary};
use crate::testing::{UNIT_ROUNDOFF, assert_same_bits, numbers, same_bits_everywhere};
use crate::{elementwise, reference};

/// (rows, channels)
const SHAPES: [(usize, usize); 18] = [
    (1, 1),
    (2, 1),
    (4, 1),
    (17, 1),
    (100_003, 1),
    (1, 3),
    (5_633, 3),
    (1, 8),
    (2_047, 8),
    (33, 16),
    (6_272, 16),
    (101, 31),
    (300, 64),
    (257, 65),
    (7, 100),
    (31, 1025),
    (1, 3136),
    (64, 3136),
];

const NORM: Norm = Norm { epsilon: 1e-3, slope: None };

fn widened(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

fn statistics(x: &[f32], channels: usize) -> [Vec<f32>; 2] {
    let [mut mean, mut variance] = [0; 2].map(|_| vec![f32::NAN; channels]);
    channel_statistics(x, &mut mean, &mut variance);
    [mean, variance]
}

#[test]
fn statistics_are_within_the_proved_bound() {
    for (rows, channels) in SHAPES {
        // A one-pass formula would fail here, because the mean is much larger than the deviation.
        let x: Vec<f32> = numbers(rows * channels, 1).into_iter().map(|x| x + 1000.0).collect();
        let got = same_bits_everywhere("channel_statistics", || statistics(&x, channels).concat());
        let (mean, variance) = got.split_at(channels);
        for c in 0..channels {
            let column = || x.iter().skip(c).step_by(channels).map(|&x| f64::from(x));
            let count = rows as f64;
            let (wanted, size) = (column().sum::<f64>() / count, column().map(f64::abs).sum::<f64>() / count);
            let error = (f64::from(mean[c]) - wanted).abs();
            let bound = 1.0001 * UNIT_ROUNDOFF * (LONGEST_CHAIN as f64 * size + wanted.abs());
            assert!(error <= bound, "{rows} x {channels}, mean {c}: off by {error:e}, allowed {bound:e}");
            // Compared around the kernel's own mean: each term has two roundings, of which that of
            // the difference counts twice, and the result has one.
            let wanted = column().map(|x| (x - f64::from(mean[c])).powi(2)).sum::<f64>() / count;
            let error = (f64::from(variance[c]) - wanted).abs();
            let bound = 1.0001 * UNIT_ROUNDOFF * (LONGEST_CHAIN as f64 + 4.0) * wanted;
            assert!(error <= bound, "{rows} x {channels}, variance {c}: off by {error:e}, allowed {bound:e}");
        }
    }
}

#[test]
fn the_forward_pass_has_the_bits_of_the_plain_loop() {
    for (rows, channels) in SHAPES {
        let x = numbers(rows * channels, 2);
        let [mean, variance] = statistics(&x, channels);
        let (gamma, beta) = (numbers(channels, 3), numbers(channels, 4));
        let (statistics, affine) = ([&mean[..], &variance[..]], [&gamma[..], &beta[..]]);
        let got = same_bits_everywhere("batch_norm", || {
            let mut y = vec![f32::NAN; x.len()];
            batch_norm(NORM, &x, statistics, affine, &mut y);
            y
        });
        let mut wanted = vec![f32::NAN; x.len()];
        reference::batch_norm(NORM, &x, statistics, affine, &mut wanted);
        assert_same_bits(&got, &wanted, &format!("{rows} x {channels}"));
    }
}

#[test]
fn the_backward_pass_is_within_the_proved_bound() {
    for (rows, channels) in SHAPES {
        let [x, gy] = [5, 6].map(|stream| numbers(rows * channels, stream));
        let [gamma, beta] = [7, 8].map(|stream| numbers(channels, stream));
        let [mean, variance] = statistics(&x, channels);
        let epsilon = NORM.epsilon;
        let got = same_bits_everywhere("batch_norm_grad", || {
            let [mut gx, mut ggamma, mut gbeta] = [x.len(), channels, channels].map(|n| vec![f32::NAN; n]);
            batch_norm_grad(NORM, [&x, &gy], [&mean, &variance], [&gamma, &beta], &mut gx, [&mut ggamma, &mut gbeta]);
            [gx, ggamma, gbeta].concat()
        });
        let [x, gy, gamma, beta, mean, variance] = [&x, &gy, &gamma, &beta, &mean, &variance].map(|v| widened(v));
        let [mut gx, mut ggamma, mut gbeta] = [x.len(), channels, channels].map(|n| vec![f64::NAN; n]);
        let (statistics, affine) = ([&mean[..], &variance[..]], [&gamma[..], &beta[..]]);
        reference::batch_norm_grad(NORM, [&x, &gy], statistics, affine, &mut gx, [&mut ggamma, &mut gbeta]);
        let wanted = [gx, ggamma, gbeta].concat();

        let (chain, count) = (LONGEST_CHAIN as f64, rows as f64);
        let mut bound = vec![0.0; wanted.len()];
        for c in 0..channels {
            let rows = || (c..x.len()).step_by(channels);
            let deviation = (variance[c] + epsilon).sqrt();
            let centred = |i: usize| (x[i] - mean[c]).abs();
            let sizes: f64 = rows().map(|i| gy[i].abs()).sum();
            let weighted: f64 = rows().map(|i| gy[i].abs() * centred(i)).sum();
            // The errors of the two sums; each weighted term has two roundings.
            let (sum_error, weighted_error) = (chain * sizes, (chain + 2.0) * weighted);
            bound[x.len() + c] = weighted_error / deviation + wanted[x.len() + c].abs();
            bound[x.len() + channels + c] = sum_error + wanted[x.len() + channels + c].abs();
            // Then each of the three terms of gx has at most six roundings.
            for i in rows() {
                let slope = weighted / (count * deviation * deviation);
                let rounding = 6.0 * (gy[i].abs() + sizes / count + centred(i) * slope);
                let inherited = sum_error / count + centred(i) * weighted_error / (count * deviation * deviation);
                bound[i] = (gamma[c] / deviation).abs() * (rounding + inherited);
            }
        }
        for i in 0..wanted.len() {
            let (error, bound) = ((f64::from(got[i]) - wanted[i]).abs(), 1.0001 * UNIT_ROUNDOFF * bound[i]);
            assert!(error <= bound, "{rows} x {channels}, number {i}: off by {error:e}, allowed {bound:e}");
        }
    }
}

/// The sums are bit-identical to those of the whole kernel. gx is compared with the plain loop,
/// which gets the same means: each of its three terms has at most six roundings.
#[test]
fn the_halves_of_the_backward_pass_are_those_of_the_whole() {
    for ((rows, channels), slope) in SHAPES.into_iter().flat_map(|shape| [(shape, None), (shape, Some(0.2))]) {
        let [x, gy] = [5, 6].map(|stream| numbers(rows * channels, stream));
        let [gamma, beta] = [7, 8].map(|stream| numbers(channels, stream));
        // The statistics and the means of a larger batch, which also contains other numbers.
        let [mean, along, shift] = [9, 10, 11].map(|stream| numbers(channels, stream));
        let variance: Vec<f32> = numbers(channels, 12).into_iter().map(|x| x * x + 0.1).collect();
        let (norm, statistics, affine) = (Norm { slope, ..NORM }, [&mean[..], &variance[..]], [&gamma[..], &beta[..]]);
        let what = format!("{rows} x {channels}, slope {slope:?}");
        let got = same_bits_everywhere(&what, || {
            let [mut gx, mut ggamma, mut gbeta] = [x.len(), channels, channels].map(|n| vec![f32::NAN; n]);
            batch_norm_grad_sums(norm, [&x, &gy], statistics, affine, [&mut ggamma, &mut gbeta]);
            batch_norm_grad_input(norm, [&x, &gy], statistics, affine, [&along, &shift], &mut gx);
            [gx, ggamma, gbeta].concat()
        });
        let [mut gx, mut ggamma, mut gbeta] = [x.len(), channels, channels].map(|n| vec![f32::NAN; n]);
        batch_norm_grad(norm, [&x, &gy], statistics, affine, &mut gx, [&mut ggamma, &mut gbeta]);
        assert_same_bits(&got[x.len()..], &[ggamma, gbeta].concat(), &what);

        // The kernel finds the side of the kink in `f32`, so the plain loop gets the gradient with
        // respect to the value before the leaky ReLU.
        let mut g = gy.clone();
        if let Some(slope) = slope {
            let mut y = vec![f32::NAN; x.len()];
            batch_norm(NORM, &x, statistics, affine, &mut y);
            elementwise::binary(Binary::LeakyReluGrad { slope }, &y, &gy, &mut g);
        }
        let [x, g, gamma, beta, mean, variance, along, shift] =
            [&x, &g, &gamma, &beta, &mean, &variance, &along, &shift].map(|v| widened(v));
        let mut wanted = vec![f64::NAN; x.len()];
        let (statistics, affine) = ([&mean[..], &variance[..]], [&gamma[..], &beta[..]]);
        reference::batch_norm_grad_input(NORM, [&x, &g], statistics, affine, [&along, &shift], &mut wanted);
        for (i, wanted) in wanted.iter().enumerate() {
            let (c, error) = (i % channels, (f64::from(got[i]) - wanted).abs());
            let deviation = (variance[c] + NORM.epsilon).sqrt();
            let terms = g[i].abs() + shift[c].abs() + (x[i] - mean[c]).abs() * along[c].abs() / deviation;
            let bound = 1.0001 * UNIT_ROUNDOFF * (gamma[c] / deviation).abs() * 6.0 * terms;
            assert!(error <= bound, "{what}, number {i}: off by {error:e}, allowed {bound:e}");
        }
    }
}

/// A fused leaky ReLU gives the same bits as the separate kernels.
#[test]
fn a_fused_leaky_relu_changes_no_bit() {
    for (rows, channels) in SHAPES {
        let [x, gy] = [5, 6].map(|stream| numbers(rows * channels, stream));
        let [gamma, beta] = [7, 8].map(|stream| numbers(channels, stream));
        let [mean, variance] = statistics(&x, channels);
        let (statistics, affine) = ([&mean[..], &variance[..]], [&gamma[..], &beta[..]]);
        let all = |norm: Norm, gy: &[f32]| {
            let [mut y, mut gx, mut ggamma, mut gbeta] =
                [x.len(), x.len(), channels, channels].map(|n| vec![f32::NAN; n]);
            batch_norm(norm, &x, statistics, affine, &mut y);
            batch_norm_grad(norm, [&x, gy], statistics, affine, &mut gx, [&mut ggamma, &mut gbeta]);
            [y, [gx, ggamma, gbeta].concat()]
        };
        for slope in [0.0, 0.3, -1.0] {
            let what = format!("{rows} x {channels}, slope {slope}");
            let got = same_bits_everywhere(&what, || all(Norm { slope: Some(slope), ..NORM }, &gy).concat());
            let [mut bent, mut g] = [0; 2].map(|_| vec![f32::NAN; x.len()]);
            let [y, _] = all(NORM, &gy);
            elementwise::unary(Unary::LeakyRelu { slope }, &y, &mut bent);
            elementwise::binary(Binary::LeakyReluGrad { slope }, &y, &gy, &mut g);
            let [_, gradients] = all(NORM, &g);
            assert_same_bits(&got, &[bent, gradients].concat(), &what);
        }
    }
}

/// Instance normalisation gives the bits of batch normalisation applied to each image, without
/// scale and shift.
#[test]
fn every_instance_is_a_batch_of_its_own() {
    for (images, rows, channels) in [(1, 4096, 16), (3, 1, 5), (2, 81, 3), (5, 256, 64), (1, 9, 100), (4, 36, 17)] {
        let size = rows * channels;
        let [x, gy] = [5, 6].map(|stream| numbers(images * size, stream));
        for slope in [None, Some(0.0), Some(0.2)] {
            let norm = Norm { epsilon: 1e-5, slope };
            let got = same_bits_everywhere("instance_norm", || {
                let [mut mean, mut variance] = [0; 2].map(|_| vec![f32::NAN; images * channels]);
                let [mut y, mut gx] = [0; 2].map(|_| vec![f32::NAN; images * size]);
                instance_statistics(images, &x, &mut mean, &mut variance);
                instance_norm(norm, images, &x, [&mean, &variance], &mut y);
                instance_norm_grad(norm, images, [&x, &gy], [&mean, &variance], &mut gx);
                [y, gx].concat()
            });
            let [mut y, mut gx] = [0; 2].map(|_| vec![f32::NAN; images * size]);
            let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
            for image in 0..images {
                let at = image * size..(image + 1) * size;
                let (x, gy) = (&x[at.clone()], &gy[at.clone()]);
                let [mean, variance] = statistics(x, channels);
                batch_norm(norm, x, [&mean, &variance], [&ones, &zeros], &mut y[at.clone()]);
                let [mut ggamma, mut gbeta] = [0; 2].map(|_| vec![f32::NAN; channels]);
                let parameters = [&mut ggamma[..], &mut gbeta[..]];
                batch_norm_grad(norm, [x, gy], [&mean, &variance], [&ones, &zeros], &mut gx[at], parameters);
            }
            assert_same_bits(&got, &[y, gx].concat(), &format!("{images} x {rows} x {channels}, slope {slope:?}"));
        }
    }
}

#[test]
#[should_panic(expected = "instance_statistics: 7 elements, with 4 channels in all, cannot be divided into 2 images")]
fn half_an_image_is_refused() {
    instance_statistics(2, &[0.0; 7], &mut [0.0; 4], &mut [0.0; 4]);
}

/// Known values: one channel holding 1, 2, 3, 4, with Keras's epsilon.
#[test]
fn known_values() {
    let x = [1.0, 2.0, 3.0, 4.0];
    let [mean, variance] = statistics(&x, 1);
    assert_eq!((mean[0], variance[0]), (2.5, 1.25));
    let mut y = [f32::NAN; 4];
    batch_norm(NORM, &x, [&mean, &variance], [&[1.0], &[0.0]], &mut y);
    for (y, wanted) in y.into_iter().zip([-1.341_104_5, -0.447_034_8, 0.447_034_8, 1.341_104_5]) {
        assert!((y - wanted).abs() <= 1e-6, "{y} is not {wanted}");
    }
}

#[test]
fn a_constant_channel_becomes_beta() {
    let x = [3.0; 40];
    let [mean, variance] = statistics(&x, 2);
    assert_eq!((&mean[..], &variance[..]), (&[3.0, 3.0][..], &[0.0, 0.0][..]));
    let mut y = [f32::NAN; 40];
    batch_norm(NORM, &x, [&mean, &variance], [&[2.0; 2], &[0.5, -0.5]], &mut y);
    assert_eq!(y, core::array::from_fn(|i| if i % 2 == 0 { 0.5 } else { -0.5 }));
}

#[test]
#[should_panic(expected = "batch_norm: 7 elements are not whole rows of 2 channels")]
fn a_broken_row_is_refused() {
    let two = [1.0; 2];
    batch_norm(NORM, &[0.0; 7], [&two, &two], [&two, &two], &mut [0.0; 7]);
}
