//! Sums of products: the matrix product, the convolution family, and the linear maps between its
//! kernels.

use core::ops::Range;

use super::{at, pairs};
use crate::arguments::{Gemm, Precision};
use crate::conv::Convolution;
use crate::geometry::{ConvGeometry, TapsGeometry};
use crate::real::Real;

/// See [`Element::gemm`](crate::Element::gemm).
pub fn gemm<R: Real>(g: Gemm, a: &[R], b: &[R], c: &mut [R]) {
    assert_eq!((a.len(), b.len(), c.len()), (g.m * g.k, g.k * g.n, g.m * g.n), "gemm: lengths for {g:?}");
    if g.effective_precision() == Precision::Bf16 {
        return pairs::gemm(g, a, b, c);
    }
    for i in 0..g.m {
        for j in 0..g.n {
            let mut sum = R::default();
            for p in 0..g.k {
                let a = if g.transpose_a { a[p * g.m + i] } else { a[i * g.k + p] };
                let b = if g.transpose_b { b[j * g.k + p] } else { b[p * g.n + j] };
                sum = a.mul_add(b, sum);
            }
            c[i * g.n + j] = sum;
        }
    }
}

/// Calls `visit(out, tap, pixel)` for every output pixel of one image and every tap that touches a
/// real pixel: rows of the output, then its columns, then the taps.
fn for_each_tap(g: &ConvGeometry, mut visit: impl FnMut([usize; 2], [usize; 2], [usize; 2])) {
    for oy in 0..g.output[0] {
        for ox in 0..g.output[1] {
            for ky in 0..g.kernel[0] {
                for kx in 0..g.kernel[1] {
                    if let (Some(y), Some(x)) = (g.source(0, oy, ky), g.source(1, ox, kx)) {
                        visit([oy, ox], [ky, kx], [y, x]);
                    }
                }
            }
        }
    }
}

fn assert_conv_lengths<R>(g: &ConvGeometry, x: &[R], w: &[R], y: &[R]) {
    let size = |shape: [usize; 4]| shape.iter().product::<usize>();
    let wanted = (size(g.x_shape()), size(g.w_shape()), size(g.y_shape()));
    assert_eq!((x.len(), w.len(), y.len()), wanted, "conv2d: lengths of x, w, y for {g:?}");
}

/// See [`Element::conv2d`](crate::Element::conv2d).
pub fn conv2d<R: Real>(g: &ConvGeometry, x: &[R], w: &[R], y: &mut [R]) {
    assert_conv_lengths(g, x, w, y);
    if g.effective_precision(Convolution::Forward) == Precision::Bf16 {
        return pairs::conv2d(g, x, w, y);
    }
    y.fill(R::default());
    let (x_shape, w_shape, y_shape) = (g.x_shape(), g.w_shape(), g.y_shape());
    for n in 0..g.batch {
        for_each_tap(g, |[oy, ox], [ky, kx], [py, px]| {
            for i in 0..g.in_channels {
                let pixel = x[at(x_shape, [n, py, px, i])];
                let sums = &mut y[at(y_shape, [n, oy, ox, 0])..][..g.out_channels];
                let weights = &w[at(w_shape, [ky, kx, i, 0])..][..g.out_channels];
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = pixel.mul_add(*weight, *sum);
                }
            }
        });
    }
}

/// See [`Element::conv2d_input_grad`](crate::Element::conv2d_input_grad).
pub fn conv2d_input_grad<R: Real>(g: &ConvGeometry, gy: &[R], w: &[R], gx: &mut [R]) {
    assert_conv_lengths(g, gx, w, gy);
    if g.effective_precision(Convolution::InputGrad) == Precision::Bf16 {
        return pairs::conv2d_input_grad(g, gy, w, gx);
    }
    gx.fill(R::default());
    let (x_shape, w_shape, y_shape) = (g.x_shape(), g.w_shape(), g.y_shape());
    for n in 0..g.batch {
        // Taps outermost: each element of gx then meets its taps in the order (ky, kx).
        for ky in 0..g.kernel[0] {
            for kx in 0..g.kernel[1] {
                for oy in 0..g.output[0] {
                    for ox in 0..g.output[1] {
                        let (Some(py), Some(px)) = (g.source(0, oy, ky), g.source(1, ox, kx)) else { continue };
                        let gradients = &gy[at(y_shape, [n, oy, ox, 0])..][..g.out_channels];
                        for i in 0..g.in_channels {
                            let sum = &mut gx[at(x_shape, [n, py, px, i])];
                            let weights = &w[at(w_shape, [ky, kx, i, 0])..][..g.out_channels];
                            for (gradient, weight) in gradients.iter().zip(weights) {
                                *sum = gradient.mul_add(*weight, *sum);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// See [`Element::conv2d_weight_grad`](crate::Element::conv2d_weight_grad).
pub fn conv2d_weight_grad<R: Real>(g: &ConvGeometry, x: &[R], gy: &[R], gw: &mut [R]) {
    assert_conv_lengths(g, x, gw, gy);
    if g.effective_precision(Convolution::WeightGrad) == Precision::Bf16 {
        return pairs::conv2d_weight_grad(g, x, gy, gw);
    }
    gw.fill(R::default());
    let (x_shape, w_shape, y_shape) = (g.x_shape(), g.w_shape(), g.y_shape());
    for_each_tap(g, |[oy, ox], [ky, kx], [py, px]| {
        for n in 0..g.batch {
            let gradients = &gy[at(y_shape, [n, oy, ox, 0])..][..g.out_channels];
            for i in 0..g.in_channels {
                let pixel = x[at(x_shape, [n, py, px, i])];
                let sums = &mut gw[at(w_shape, [ky, kx, i, 0])..][..g.out_channels];
                for (sum, gradient) in sums.iter_mut().zip(gradients) {
                    *sum = pixel.mul_add(*gradient, *sum);
                }
            }
        }
    });
}

/// The readable lowering of a convolution to a matrix product: one row per output pixel (image, oy,
/// ox), and in it the pixels that it reads, (ky, kx, in-channel), zeros for padding. Then y =
/// columns * w, with w as a matrix of kh * kw * in rows and out columns.
pub fn im2col<R: Real>(g: &ConvGeometry, x: &[R], columns: &mut [R]) {
    let row = g.kernel[0] * g.kernel[1] * g.in_channels;
    assert_eq!(columns.len(), g.batch * g.output[0] * g.output[1] * row, "im2col: length for {g:?}");
    columns.fill(R::default());
    for n in 0..g.batch {
        for_each_tap(g, |[oy, ox], [ky, kx], [py, px]| {
            let from = at(g.x_shape(), [n, py, px, 0]);
            let to = ((n * g.output[0] + oy) * g.output[1] + ox) * row + (ky * g.kernel[1] + kx) * g.in_channels;
            columns[to..to + g.in_channels].copy_from_slice(&x[from..from + g.in_channels]);
        });
    }
}

/// Calls `visit(tap, spread tap)` with the memory ranges of every tap and of every tap that it is
/// spread to. Positions in the block are the outermost loop, so each spread tap receives its terms
/// in the order of the block, and so does each tap.
fn for_each_spread(g: &TapsGeometry, mut visit: impl FnMut(Range<usize>, Range<usize>)) {
    let tap = |shape: [usize; 4], ky: usize, kx: usize| {
        let start = at(shape, [ky, kx, 0, 0]);
        start..start + shape[2] * shape[3]
    };
    for down in 0..g.factor[0] {
        for right in 0..g.factor[1] {
            for ky in 0..g.kernel[0] {
                for kx in 0..g.kernel[1] {
                    visit(tap(g.shape(), ky, kx), tap(g.spread_shape(), ky + down, kx + right));
                }
            }
        }
    }
}

fn assert_taps_lengths<R>(kernel: &str, g: &TapsGeometry, w: &[R], to: &[R], shape: [usize; 4]) {
    let size = |shape: [usize; 4]| shape.iter().product::<usize>();
    assert_eq!((w.len(), to.len()), (size(g.shape()), size(shape)), "{kernel}: lengths for {g:?}");
}

/// See [`Element::spread_taps`](crate::Element::spread_taps).
pub fn spread_taps<R: Real>(g: &TapsGeometry, w: &[R], spread: &mut [R]) {
    assert_taps_lengths("spread_taps", g, w, spread, g.spread_shape());
    spread.fill(R::default());
    for_each_spread(g, |tap, spread_tap| {
        for (sum, w) in spread[spread_tap].iter_mut().zip(&w[tap]) {
            *sum = *sum + *w;
        }
    });
}

/// See [`Element::fold_taps`](crate::Element::fold_taps).
pub fn fold_taps<R: Real>(g: &TapsGeometry, spread: &[R], w: &mut [R]) {
    assert_taps_lengths("fold_taps", g, w, spread, g.spread_shape());
    w.fill(R::default());
    for_each_spread(g, |tap, spread_tap| {
        for (sum, spread) in w[tap].iter_mut().zip(&spread[spread_tap]) {
            *sum = *sum + *spread;
        }
    });
}

/// See [`Element::turn_taps`](crate::Element::turn_taps).
pub fn turn_taps<R: Real>(g: &TapsGeometry, w: &[R], turned: &mut [R]) {
    assert_taps_lengths("turn_taps", g, w, turned, g.shape());
    let [kh, kw, a, b] = g.shape();
    for ky in 0..kh {
        for kx in 0..kw {
            for i in 0..a {
                for j in 0..b {
                    turned[at([kh, kw, b, a], [kh - 1 - ky, kw - 1 - kx, j, i])] = w[at(g.shape(), [ky, kx, i, j])];
                }
            }
        }
    }
}
