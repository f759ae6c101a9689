//! The matrix product and the convolution family in bf16: products of pairs.
//!
//! [`bf16`](crate::bf16) describes the order. `f64` is not rounded, but has the same order.

use core::array::from_fn;

use super::at;
use crate::arguments::Gemm;
use crate::geometry::ConvGeometry;
use crate::real::Real;

/// sum <- fma(a0, b0, fma(a1, b1, sum)) of rounded operands.
fn add_pair<R: Real>(sum: &mut R, [first, second]: [[R; 2]; 2]) {
    for [a, b] in [second, first] {
        *sum = a.bf16_operand().mul_add(b.bf16_operand(), *sum);
    }
}

/// The pair of steps 2 * `pair` and 2 * `pair` + 1; zeros beyond the last step.
fn steps<R: Real>(pair: usize, steps: usize, of: impl Fn(usize) -> [R; 2]) -> [[R; 2]; 2] {
    from_fn(|i| if 2 * pair + i < steps { of(2 * pair + i) } else { [R::default(); 2] })
}

/// Pairs of steps of the depth.
pub(super) fn gemm<R: Real>(g: Gemm, a: &[R], b: &[R], c: &mut [R]) {
    for i in 0..g.m {
        for j in 0..g.n {
            let product = |p: usize| {
                let a = if g.transpose_a { a[p * g.m + i] } else { a[i * g.k + p] };
                [a, if g.transpose_b { b[j * g.k + p] } else { b[p * g.n + j] }]
            };
            let sum = &mut c[i * g.n + j];
            *sum = R::default();
            (0..g.k.div_ceil(2)).for_each(|pair| add_pair(sum, steps(pair, g.k, product)));
        }
    }
}

/// Every (image, oy, ox, ky, kx) that reads a real pixel, in this order, with that pixel.
fn for_each_tap(g: &ConvGeometry, mut visit: impl FnMut(usize, [usize; 2], [usize; 2], [usize; 2])) {
    for n in 0..g.batch {
        for (oy, ox) in (0..g.output[0]).flat_map(|oy| (0..g.output[1]).map(move |ox| (oy, ox))) {
            for (ky, kx) in (0..g.kernel[0]).flat_map(|ky| (0..g.kernel[1]).map(move |kx| (ky, kx))) {
                if let (Some(y), Some(x)) = (g.source(0, oy, ky), g.source(1, ox, kx)) {
                    visit(n, [oy, ox], [ky, kx], [y, x]);
                }
            }
        }
    }
}

/// Pairs of in-channels.
pub(super) fn conv2d<R: Real>(g: &ConvGeometry, x: &[R], w: &[R], y: &mut [R]) {
    y.fill(R::default());
    for_each_tap(g, |n, [oy, ox], [ky, kx], [py, px]| {
        for o in 0..g.out_channels {
            let sum = &mut y[at(g.y_shape(), [n, oy, ox, o])];
            let product = |i| [x[at(g.x_shape(), [n, py, px, i])], w[at(g.w_shape(), [ky, kx, i, o])]];
            (0..g.in_channels.div_ceil(2)).for_each(|pair| add_pair(sum, steps(pair, g.in_channels, product)));
        }
    });
}

/// Pairs of out-channels. Each element of gx meets its taps in the order (ky, kx).
pub(super) fn conv2d_input_grad<R: Real>(g: &ConvGeometry, gy: &[R], w: &[R], gx: &mut [R]) {
    gx.fill(R::default());
    let mut taps = Vec::new();
    for_each_tap(g, |n, out, tap, pixel| taps.push((tap, n, out, pixel)));
    taps.sort_by_key(|(tap, ..)| *tap);
    for ([ky, kx], n, [oy, ox], [py, px]) in taps {
        for i in 0..g.in_channels {
            let sum = &mut gx[at(g.x_shape(), [n, py, px, i])];
            let product = |o| [gy[at(g.y_shape(), [n, oy, ox, o])], w[at(g.w_shape(), [ky, kx, i, o])]];
            (0..g.out_channels.div_ceil(2)).for_each(|pair| add_pair(sum, steps(pair, g.out_channels, product)));
        }
    }
}

/// Pairs of images, in the order (oy, ox, image); or of output rows, in the order (oy, ox), if
/// there is one image.
pub(super) fn conv2d_weight_grad<R: Real>(g: &ConvGeometry, x: &[R], gy: &[R], gw: &mut [R]) {
    gw.fill(R::default());
    let by_rows = g.batch == 1;
    let (rows, pairs) = if by_rows { (g.output[0].div_ceil(2), 1) } else { (g.output[0], g.batch.div_ceil(2)) };
    for ky in 0..g.kernel[0] {
        for kx in 0..g.kernel[1] {
            for (row, ox) in (0..rows).flat_map(|row| (0..g.output[1]).map(move |ox| (row, ox))) {
                let Some(px) = g.source(1, ox, kx) else { continue };
                for pair in 0..pairs {
                    // The image and the output row of the two products.
                    let steps = [0, 1].map(|i| if by_rows { [0, 2 * row + i] } else { [2 * pair + i, row] });
                    let real = steps.map(|[n, oy]| n < g.batch && oy < g.output[0]);
                    let read = steps.map(|[_, oy]| g.source(0, oy, ky));
                    if read == [None; 2] {
                        continue;
                    }
                    for (i, o) in (0..g.in_channels).flat_map(|i| (0..g.out_channels).map(move |o| (i, o))) {
                        let product = |step: usize| {
                            let [n, oy] = steps[step];
                            let pixel = read[step].filter(|_| n < g.batch);
                            [
                                pixel.map_or(R::default(), |py| x[at(g.x_shape(), [n, py, px, i])]),
                                if real[step] { gy[at(g.y_shape(), [n, oy, ox, o])] } else { R::default() },
                            ]
                        };
                        add_pair(&mut gw[at(g.w_shape(), [ky, kx, i, o])], from_fn(product));
                    }
                }
            }
        }
    }
}
