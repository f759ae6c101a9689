//! Kernels that move pixels: up-sampling, reflection padding, filters and max pooling, each with
//! its adjoint.

use super::at;
use crate::fir::FirGeometry;
use crate::geometry::{ReflectGeometry, UpsampleGeometry};
use crate::real::Real;

/// Calls `visit(large, small)` with the indices of every pixel of the large image and of the pixel
/// that it repeats.
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

/// Calls `visit(padded, source)` with the indices of every element of the padded image and of the
/// one that it mirrors.
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

/// See [`Element::fir`](crate::Element::fir). Its adjoint is the same function with the [adjoint
/// geometry](FirGeometry::adjoint).
pub fn fir<R: Real>(g: &FirGeometry, x: &[R], y: &mut [R]) {
    let size = |shape: [usize; 4]| shape.iter().product::<usize>();
    assert_eq!((x.len(), y.len()), (size(g.x_shape()), size(g.y_shape())), "fir: lengths of x and y for {g:?}");
    let taps = || g.taps.iter().copied().enumerate();
    for n in 0..g.batch {
        for oy in 0..g.output[0] {
            for ox in 0..g.output[1] {
                let to = &mut y[at(g.y_shape(), [n, oy, ox, 0])..][..g.channels];
                to.fill(R::default());
                for ((ky, down), (kx, right)) in taps().flat_map(|down| taps().map(move |right| (down, right))) {
                    if let (Some(iy), Some(ix)) = (g.source(0, oy, ky), g.source(1, ox, kx)) {
                        let from = &x[at(g.x_shape(), [n, iy, ix, 0])..][..g.channels];
                        let weight = R::from_f64(down * right);
                        to.iter_mut().zip(from).for_each(|(sum, x)| *sum = x.mul_add(weight, *sum));
                    }
                }
            }
        }
    }
}

/// See [`Element::max_pool`](crate::Element::max_pool).
pub fn max_pool<R: Real>(g: &UpsampleGeometry, x: &[R], y: &mut [R], indices: &mut [u32]) {
    let image = g.large_shape()[1..].iter().product::<usize>();
    assert!(image <= u32::MAX as usize, "max_pool: an image of {image} numbers is too large");
    assert_eq!((x.len(), indices.len()), (y.len() * g.factor[0] * g.factor[1], y.len()), "max_pool: lengths");
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
        (y[small], indices[small]) = (x[n * image + best], best as u32);
    });
}

/// Calls `visit(image, small, corner)` for every pixel and channel of the small images: its index,
/// and that of the first element of its block within the large image.
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

/// See [`Element::gather`](crate::Element::gather).
pub fn gather<R: Real>(g: &UpsampleGeometry, indices: &[u32], x: &[R], y: &mut [R]) {
    assert_eq!((x.len(), indices.len()), (y.len() * g.factor[0] * g.factor[1], y.len()), "gather: lengths");
    let image = g.large_shape()[1..].iter().product::<usize>();
    for_each_pooled(g, |n, small, _| y[small] = x[n * image + indices[small] as usize]);
}

/// See [`Element::scatter`](crate::Element::scatter).
pub fn scatter<R: Real>(g: &UpsampleGeometry, indices: &[u32], y: &[R], x: &mut [R]) {
    assert_eq!((x.len(), indices.len()), (y.len() * g.factor[0] * g.factor[1], y.len()), "scatter: lengths");
    let image = g.large_shape()[1..].iter().product::<usize>();
    x.fill(R::default());
    for_each_pooled(g, |n, small, _| x[n * image + indices[small] as usize] = y[small]);
}
