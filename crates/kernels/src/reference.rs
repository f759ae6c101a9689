//! The plain loops: what every kernel computes, written to be read.
//!
//! They are generic over the number type. In `f64` they *are* the engine's kernels when gradients are checked; in `f32`
//! they are what the fast kernels are tested against. Convolutions and matrix products are one chain of fused
//! multiply-adds per output element, in the order written here, and the fast kernels keep that very order: they agree
//! with these loops bit for bit. (Convolutions of small maps go through frequencies, [`fast_path`](crate::fast_path) says how:
//! they agree within a proved bound.)

use core::ops::Range;

use crate::element::{Adam, Binary, Finish, Gemm, Norm, Real, RmsProp, Sgd, Unary};
use crate::geometry::{ConvGeometry, ReflectGeometry, TapsGeometry, UpsampleGeometry};
use crate::random::{Key, words};

/// See [`Element::gemm`](crate::Element::gemm).
pub fn gemm<R: Real>(g: Gemm, a: &[R], b: &[R], c: &mut [R]) {
    assert_eq!((a.len(), b.len(), c.len()), (g.m * g.k, g.k * g.n, g.m * g.n), "gemm: lengths for {g:?}");
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

/// The index of element (i, j, k, l) of an array of this shape.
fn at(shape: [usize; 4], [i, j, k, l]: [usize; 4]) -> usize {
    ((i * shape[1] + j) * shape[2] + k) * shape[3] + l
}

/// Calls `visit(out, tap, pixel)` for every output pixel of one image and every tap that touches a real pixel: rows of
/// the output, then its columns, then the taps.
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
    y.fill(R::default());
    for n in 0..g.batch {
        for_each_tap(g, |[oy, ox], [ky, kx], [py, px]| {
            for i in 0..g.in_channels {
                let pixel = x[at(g.x_shape(), [n, py, px, i])];
                for o in 0..g.out_channels {
                    let sum = &mut y[at(g.y_shape(), [n, oy, ox, o])];
                    *sum = pixel.mul_add(w[at(g.w_shape(), [ky, kx, i, o])], *sum);
                }
            }
        });
    }
}

/// See [`Element::conv2d_input_grad`](crate::Element::conv2d_input_grad).
pub fn conv2d_input_grad<R: Real>(g: &ConvGeometry, gy: &[R], w: &[R], gx: &mut [R]) {
    assert_conv_lengths(g, gx, w, gy);
    gx.fill(R::default());
    for n in 0..g.batch {
        // Taps outermost: each element of gx then meets its taps in the order (ky, kx).
        for ky in 0..g.kernel[0] {
            for kx in 0..g.kernel[1] {
                for oy in 0..g.output[0] {
                    for ox in 0..g.output[1] {
                        let (Some(py), Some(px)) = (g.source(0, oy, ky), g.source(1, ox, kx)) else { continue };
                        for i in 0..g.in_channels {
                            let sum = &mut gx[at(g.x_shape(), [n, py, px, i])];
                            for o in 0..g.out_channels {
                                let gradient = gy[at(g.y_shape(), [n, oy, ox, o])];
                                *sum = gradient.mul_add(w[at(g.w_shape(), [ky, kx, i, o])], *sum);
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
    gw.fill(R::default());
    for_each_tap(g, |[oy, ox], [ky, kx], [py, px]| {
        for n in 0..g.batch {
            for i in 0..g.in_channels {
                let pixel = x[at(g.x_shape(), [n, py, px, i])];
                for o in 0..g.out_channels {
                    let sum = &mut gw[at(g.w_shape(), [ky, kx, i, o])];
                    *sum = pixel.mul_add(gy[at(g.y_shape(), [n, oy, ox, o])], *sum);
                }
            }
        }
    });
}

/// The readable lowering of a convolution to a matrix product: one row per output pixel (image, oy, ox), and in it the
/// pixels that it reads, (ky, kx, in-channel), zeros for padding. Then y = columns * w, with w as a matrix of
/// kh * kw * in rows and out columns.
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

/// Calls `visit(tap, spread tap)` with the places in memory of every tap and of every tap that it is spread to: blocks
/// outermost, so that each spread tap meets its own in the order of the block, and so does each tap.
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
    for_each_spread(g, |tap, place| {
        for (sum, w) in spread[place].iter_mut().zip(&w[tap]) {
            *sum = *sum + *w;
        }
    });
}

/// See [`Element::gather_taps`](crate::Element::gather_taps).
pub fn gather_taps<R: Real>(g: &TapsGeometry, spread: &[R], w: &mut [R]) {
    assert_taps_lengths("gather_taps", g, w, spread, g.spread_shape());
    w.fill(R::default());
    for_each_spread(g, |tap, place| {
        for (sum, spread) in w[tap].iter_mut().zip(&spread[place]) {
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

/// 1 / (1 + e^-x), from the side that cannot overflow.
fn sigmoid<R: Real>(x: R) -> R {
    let one = R::from_f64(1.0);
    let e = (-x.abs()).exp();
    if x >= R::default() { one / (one + e) } else { e / (one + e) }
}

/// [`Unary`] of one number.
pub fn unary_at<R: Real>(op: Unary, x: R) -> R {
    let zero = R::default();
    match op {
        Unary::Affine { scale, shift } => x.mul_add(R::from_f64(scale), R::from_f64(shift)),
        Unary::Square => x * x,
        Unary::Sqrt => x.sqrt(),
        Unary::Reciprocal => R::from_f64(1.0) / x,
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::LeakyRelu { slope } => {
            if x > zero {
                x
            } else {
                x * R::from_f64(slope)
            }
        }
        Unary::Sigmoid => sigmoid(x),
        Unary::Tanh => x.tanh(),
        Unary::Abs => x.abs(),
        Unary::Softplus => (if x > zero { x } else { zero }) + (-x.abs()).exp().ln_1p(),
        Unary::Clamp { low, high } => {
            let (low, high) = (R::from_f64(low), R::from_f64(high));
            let x = if x < low { low } else { x };
            if x > high { high } else { x }
        }
    }
}

/// [`Binary`] of two numbers.
pub fn binary_at<R: Real>(op: Binary, a: R, b: R) -> R {
    let one = R::from_f64(1.0);
    match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::LeakyReluGrad { slope } => {
            if a > R::default() {
                b
            } else {
                b * R::from_f64(slope)
            }
        }
        Binary::AbsGrad => {
            if a > R::default() {
                b
            } else if a < R::default() {
                -b
            } else {
                R::default()
            }
        }
        Binary::ClampGrad { low, high } => {
            if R::from_f64(low) <= a && a <= R::from_f64(high) {
                b
            } else {
                R::default()
            }
        }
        Binary::SigmoidGrad => b * (a * (one - a)),
        Binary::TanhGrad => b * (one - a * a),
        Binary::SoftplusGrad => b * sigmoid(a),
    }
}

/// See [`Element::unary`](crate::Element::unary).
pub fn unary<R: Real>(op: Unary, x: &[R], y: &mut [R]) {
    assert_eq!(x.len(), y.len(), "{op:?}: lengths");
    for (x, y) in x.iter().zip(y) {
        *y = unary_at(op, *x);
    }
}

/// See [`Element::binary`](crate::Element::binary).
pub fn binary<R: Real>(op: Binary, a: &[R], b: &[R], y: &mut [R]) {
    assert_eq!((a.len(), b.len()), (y.len(), y.len()), "{op:?}: lengths");
    for ((a, b), y) in a.iter().zip(b).zip(y) {
        *y = binary_at(op, *a, *b);
    }
}

/// See [`Element::binary_rows`](crate::Element::binary_rows).
pub fn binary_rows<R: Real>(op: Binary, a: &[R], row: &[R], y: &mut [R]) {
    assert_eq!(a.len(), y.len(), "{op:?}: lengths");
    assert!(a.is_empty() || !row.is_empty() && a.len().is_multiple_of(row.len()), "{op:?}: whole rows");
    for (i, (a, y)) in a.iter().zip(y).enumerate() {
        *y = binary_at(op, *a, row[i % row.len()]);
    }
}

/// See [`Element::sum_axis`](crate::Element::sum_axis).
pub fn sum_axis<R: Real>([outer, reduced, inner]: [usize; 3], x: &[R], y: &mut [R]) {
    assert_eq!((x.len(), y.len()), (outer * reduced * inner, outer * inner), "sum_axis: lengths");
    for o in 0..outer {
        for i in 0..inner {
            let mut sum = R::default();
            for r in 0..reduced {
                sum = sum + x[(o * reduced + r) * inner + i];
            }
            y[o * inner + i] = sum;
        }
    }
}

/// See [`Element::repeat_axis`](crate::Element::repeat_axis).
pub fn repeat_axis<R: Real>([outer, repeated, inner]: [usize; 3], x: &[R], y: &mut [R]) {
    assert_eq!((x.len(), y.len()), (outer * inner, outer * repeated * inner), "repeat_axis: lengths");
    for o in 0..outer {
        for r in 0..repeated {
            let to = (o * repeated + r) * inner;
            y[to..to + inner].copy_from_slice(&x[o * inner..(o + 1) * inner]);
        }
    }
}

/// Calls `visit(large, small)` with the indices of every pixel of the large image and of the pixel that it repeats.
fn for_each_upsampled(g: &UpsampleGeometry, mut visit: impl FnMut(usize, usize)) {
    let large = g.large_shape();
    for n in 0..g.batch {
        for y in 0..large[1] {
            for x in 0..large[2] {
                for c in 0..g.channels {
                    visit(at(large, [n, y, x, c]), at(g.small_shape(), [n, y / g.factor[0], x / g.factor[1], c]));
                }
            }
        }
    }
}

/// See [`Element::upsample`](crate::Element::upsample).
pub fn upsample<R: Real>(g: &UpsampleGeometry, x: &[R], y: &mut [R]) {
    assert_eq!(y.len(), x.len() * g.factor[0] * g.factor[1], "upsample: lengths");
    for_each_upsampled(g, |large, small| y[large] = x[small]);
}

/// See [`Element::downsample_sum`](crate::Element::downsample_sum).
pub fn downsample_sum<R: Real>(g: &UpsampleGeometry, y: &[R], x: &mut [R]) {
    assert_eq!(y.len(), x.len() * g.factor[0] * g.factor[1], "downsample_sum: lengths");
    x.fill(R::default());
    for_each_upsampled(g, |large, small| x[small] = x[small] + y[large]);
}

/// Calls `visit(padded, source)` with the indices of every element of the padded image and of the one that it mirrors.
fn for_each_reflected(g: &ReflectGeometry, mut visit: impl FnMut(usize, usize)) {
    let padded = g.output_shape();
    for n in 0..g.batch {
        for y in 0..padded[1] {
            for x in 0..padded[2] {
                for c in 0..g.channels {
                    let source = [n, g.source(0, y), g.source(1, x), c];
                    visit(at(padded, [n, y, x, c]), at(g.input_shape(), source));
                }
            }
        }
    }
}

/// See [`Element::reflection_pad`](crate::Element::reflection_pad).
pub fn reflection_pad<R: Real>(g: &ReflectGeometry, x: &[R], y: &mut [R]) {
    for_each_reflected(g, |padded, source| y[padded] = x[source]);
}

/// See [`Element::reflection_fold`](crate::Element::reflection_fold).
pub fn reflection_fold<R: Real>(g: &ReflectGeometry, y: &[R], x: &mut [R]) {
    x.fill(R::default());
    for_each_reflected(g, |padded, source| x[source] = x[source] + y[padded]);
}

/// See [`Element::max_pool`](crate::Element::max_pool).
pub fn max_pool<R: Real>(g: &UpsampleGeometry, x: &[R], y: &mut [R], chosen: &mut [u32]) {
    let image = g.large_shape()[1..].iter().product::<usize>();
    assert!(image <= u32::MAX as usize, "max_pool: an image of {image} numbers is too large");
    assert_eq!((x.len(), chosen.len()), (y.len() * g.factor[0] * g.factor[1], y.len()), "max_pool: lengths");
    let row = g.input[1] * g.factor[1] * g.channels;
    let is_nan = |x: R| x.partial_cmp(&x).is_none();
    for_each_pooled(g, |n, small, corner| {
        let mut best = corner;
        for at in (0..g.factor[0]).flat_map(|down| (0..g.factor[1]).map(move |right| (down, right))) {
            let at = corner + at.0 * row + at.1 * g.channels;
            let (new, old) = (x[n * image + at], x[n * image + best]);
            // The first NaN wins: nothing is larger than it.
            if new > old || (is_nan(new) && !is_nan(old)) {
                best = at;
            }
        }
        (y[small], chosen[small]) = (x[n * image + best], best as u32);
    });
}

/// Calls `visit(image, small, corner)` for every pixel and channel of the small images: its index, and that of the first
/// element of its block within the large image.
fn for_each_pooled(g: &UpsampleGeometry, mut visit: impl FnMut(usize, usize, usize)) {
    let ([h, w], channels) = (g.input, g.channels);
    for n in 0..g.batch {
        for y in 0..h {
            for x in 0..w {
                for c in 0..channels {
                    let corner = (y * g.factor[0] * w + x) * g.factor[1] * channels + c;
                    visit(n, at(g.small_shape(), [n, y, x, c]), corner);
                }
            }
        }
    }
}

/// See [`Element::pick`](crate::Element::pick).
pub fn pick<R: Real>(g: &UpsampleGeometry, chosen: &[u32], x: &[R], y: &mut [R]) {
    assert_eq!((x.len(), chosen.len()), (y.len() * g.factor[0] * g.factor[1], y.len()), "pick: lengths");
    let image = g.large_shape()[1..].iter().product::<usize>();
    for_each_pooled(g, |n, small, _| y[small] = x[n * image + chosen[small] as usize]);
}

/// See [`Element::unpick`](crate::Element::unpick).
pub fn unpick<R: Real>(g: &UpsampleGeometry, chosen: &[u32], y: &[R], x: &mut [R]) {
    assert_eq!((x.len(), chosen.len()), (y.len() * g.factor[0] * g.factor[1], y.len()), "unpick: lengths");
    let image = g.large_shape()[1..].iter().product::<usize>();
    x.fill(R::default());
    for_each_pooled(g, |n, small, _| x[n * image + chosen[small] as usize] = y[small]);
}

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
            *y = unary_at(Unary::LeakyRelu { slope }, *y);
        }
    }
}

/// See [`Element::batch_norm_grad`](crate::Element::batch_norm_grad).
pub fn batch_norm_grad<R: Real>(
    norm: Norm,
    [x, gy]: [&[R]; 2],
    statistics: [&[R]; 2],
    affine: [&[R]; 2],
    gx: &mut [R],
    parameters: [&mut [R]; 2],
) {
    let ([mean, variance], [gamma, _], [ggamma, gbeta]) = (statistics, affine, parameters);
    let channels = mean.len();
    assert!(x.len() == gy.len() && x.len() == gx.len() && x.len().is_multiple_of(channels), "batch_norm_grad: lengths");
    let count = R::from_f64((x.len() / channels) as f64);
    let mut unbent = gy.to_vec();
    if let Some(slope) = norm.slope {
        let mut y = vec![R::default(); x.len()];
        batch_norm(Norm { slope: None, ..norm }, x, statistics, affine, &mut y);
        binary(Binary::LeakyReluGrad { slope }, &y, gy, &mut unbent);
    }
    let gy = &unbent;
    for c in 0..channels {
        let deviation = (variance[c] + R::from_f64(norm.epsilon)).sqrt();
        let normal = |i: usize| (x[i] - mean[c]) / deviation;
        let column = || (c..x.len()).step_by(channels);
        gbeta[c] = column().fold(R::default(), |sum, i| sum + gy[i]);
        ggamma[c] = column().fold(R::default(), |sum, i| sum + gy[i] * normal(i));
        for i in column() {
            gx[i] = gamma[c] / deviation * (gy[i] - gbeta[c] / count - normal(i) * (ggamma[c] / count));
        }
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

/// The bound below which dropout's random word drops its element: rate * 2^32, rounded down.
pub(crate) fn drop_below(rate: f64) -> u32 {
    assert!((0.0..1.0).contains(&rate), "dropout: the rate {rate} is not in [0, 1)");
    (rate * f64::from(2u32.pow(16)) * f64::from(2u32.pow(16))) as u32
}

/// See [`Element::dropout`](crate::Element::dropout).
pub fn dropout<R: Real>(key: Key, rate: f64, x: &[R], y: &mut [R]) {
    assert_eq!(x.len(), y.len(), "dropout: lengths");
    let (bound, scale) = (drop_below(rate), R::from_f64(1.0 / (1.0 - rate)));
    for (block, (x, y)) in x.chunks(4).zip(y.chunks_mut(4)).enumerate() {
        for ((x, y), word) in x.iter().zip(y).zip(words(key, block as u32)) {
            *y = if word < bound { R::default() } else { *x * scale };
        }
    }
}

/// See [`Element::normal`](crate::Element::normal): the formula of Box and Muller, in `f64`. (u is rounded to a float, which
/// matters only where u is near 1 and the distance near 0.)
pub fn normal<R: Real>(key: Key, y: &mut [R]) {
    for (block, y) in y.chunks_mut(4).enumerate() {
        for (y, pair) in y.chunks_mut(2).zip(words(key, block as u32).chunks(2)) {
            let u = ((f64::from(pair[0]) + 0.5) / 2f64.powi(32)) as f32;
            let distance = (-2.0 * f64::from(u).ln()).sqrt();
            let turn = (f64::from(pair[1] >> 9) + 0.5) / 2f64.powi(23);
            let (sine, cosine) = (core::f64::consts::TAU * turn).sin_cos();
            for (y, coordinate) in y.iter_mut().zip([cosine, sine]) {
                *y = R::from_f64(distance * coordinate);
            }
        }
    }
}

/// See [`Element::finish`](crate::Element::finish).
pub fn finish<R: Real>(finish: Finish, bias: Option<&[R]>, x: &mut [R]) {
    let mut y = x.to_vec();
    if let Some(bias) = bias {
        binary_rows(Binary::Add, x, bias, &mut y);
        x.copy_from_slice(&y);
    }
    if let Some(slope) = finish.slope {
        unary(Unary::LeakyRelu { slope }, x, &mut y);
        x.copy_from_slice(&y);
    }
    if let Some((rate, key)) = finish.dropout {
        dropout(key, rate, &y, x);
    }
}

/// See [`Element::finish_grad`](crate::Element::finish_grad).
pub fn finish_grad<R: Real>(finish: Finish, y: &[R], gy: &[R], gx: &mut [R], gbias: Option<&mut [R]>) {
    match finish.dropout {
        Some((rate, key)) => dropout(key, rate, gy, gx),
        None => gx.copy_from_slice(gy),
    }
    if let Some(slope) = finish.slope {
        let g = gx.to_vec();
        binary(Binary::LeakyReluGrad { slope }, y, &g, gx);
    }
    if let Some(gbias) = gbias {
        sum_axis([1, gx.len() / gbias.len(), gbias.len()], gx, gbias);
    }
}

/// See [`Element::count_non_finite`](crate::Element::count_non_finite).
pub fn count_non_finite<R: Real>(x: &[R]) -> usize {
    x.iter().filter(|x| !x.is_finite()).count()
}

/// See [`Element::rms_prop`](crate::Element::rms_prop).
pub fn rms_prop<R: Real>(update: RmsProp, g: &[R], mean_square: &mut [R], theta: &mut [R]) {
    let RmsProp { learning_rate, rho, epsilon, clip } = update;
    assert_eq!((g.len(), mean_square.len()), (theta.len(), theta.len()), "rms_prop: lengths");
    let (rate, epsilon) = (R::from_f64(learning_rate), R::from_f64(epsilon));
    let (rho, rest) = (R::from_f64(rho), R::from_f64(1.0 - rho));
    for ((g, s), theta) in g.iter().zip(mean_square).zip(theta) {
        let g = unary_at(Unary::Clamp { low: -clip, high: clip }, *g);
        *s = rho * *s + rest * (g * g);
        *theta = *theta - rate * g / (s.sqrt() + epsilon);
    }
}

/// See [`Element::adam`](crate::Element::adam).
pub fn adam<R: Real>(update: Adam, g: &[R], [m, v]: [&mut [R]; 2], theta: &mut [R]) {
    let Adam { learning_rate, beta1, beta2, epsilon, t } = update;
    assert_eq!((g.len(), m.len(), v.len()), (theta.len(), theta.len(), theta.len()), "adam: lengths");
    let [correction1, correction2] = [beta1, beta2].map(|beta| 1.0 - power(beta, t));
    let (step, root2) = (R::from_f64(learning_rate / correction1), R::from_f64(correction2.sqrt()));
    let [b1, rest1, b2, rest2] = [beta1, 1.0 - beta1, beta2, 1.0 - beta2].map(R::from_f64);
    for (((g, m), v), theta) in g.iter().zip(m).zip(v).zip(theta) {
        *m = b1 * *m + rest1 * *g;
        *v = b2 * *v + rest2 * (*g * *g);
        *theta = *theta - step * *m / (v.sqrt() / root2 + R::from_f64(epsilon));
    }
}

/// beta^t by repeated squaring: the same bits everywhere, which `powf` of a system library does not promise.
pub fn power(beta: f64, mut t: u64) -> f64 {
    let (mut result, mut square) = (1.0, beta);
    while t > 0 {
        if t & 1 == 1 {
            result *= square;
        }
        square *= square;
        t >>= 1;
    }
    result
}

/// See [`Element::sgd`](crate::Element::sgd).
pub fn sgd<R: Real>(update: Sgd, g: &[R], velocity: &mut [R], theta: &mut [R]) {
    assert_eq!((g.len(), velocity.len()), (theta.len(), theta.len()), "sgd: lengths");
    let (rate, momentum) = (R::from_f64(update.learning_rate), R::from_f64(update.momentum));
    for ((g, v), theta) in g.iter().zip(velocity).zip(theta) {
        *v = momentum * *v + *g;
        *theta = *theta - rate * if update.nesterov { *g + momentum * *v } else { *v };
    }
}
