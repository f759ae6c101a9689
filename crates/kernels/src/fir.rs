//! Filters with few taps, which blur, enlarge and shrink images.
//!
//! The filter is separable, but it is applied in one two-dimensional pass rather than two. With
//! zeros between pixels, or windows two apart, most taps meet no pixel; the others (4 of 16 for
//! [`Fir::up2`]) read from the nearest cache, and no intermediate result is stored. Lanes lie
//! across channels. Each output element is one chain of fused multiply-adds over the taps (down,
//! right) that meet a pixel, as in the plain loop, so it has the same bits.

use crate::pieces::{GRAIN, Pieces, for_each_piece};
use crate::simd::{Kernel, LANES, Simd, dispatch};

mod geometry;
pub use geometry::{Fir, FirGeometry};

/// The taps of one window along one axis that meet pixels: every `up`th tap from `tap` on meets
/// consecutive pixels from `source` on.
#[derive(Clone, Copy, Default)]
struct Window {
    tap: usize,
    source: usize,
    count: usize,
}

/// All windows along an axis.
fn windows(g: &FirGeometry, axis: usize) -> Vec<Window> {
    let window = |out: usize| {
        let mut met = (0..g.taps.len()).filter_map(|tap| Some((tap, g.source(axis, out, tap)?)));
        met.next().map_or(Window::default(), |(tap, source)| Window { tap, source, count: 1 + met.count() })
    };
    (0..g.output[axis]).map(window).collect()
}

/// See [`Element::fir`](crate::Element::fir).
pub(crate) fn fir(g: &FirGeometry, x: &[f32], y: &mut [f32]) {
    let wanted: [usize; 2] = [g.x_shape(), g.y_shape()].map(|shape| shape.iter().product());
    assert_eq!([x.len(), y.len()], wanted, "fir: lengths of x and y for {g:?}");
    if y.is_empty() {
        return;
    }
    let windows = [windows(g, 0), windows(g, 1)];
    let products = g.taps.iter().flat_map(|down| g.taps.iter().map(move |right| (down * right) as f32));
    let weights: Vec<f32> = products.collect();
    let row = g.output[1] * g.channels;
    let together = (GRAIN / row).max(1);
    for_each_piece(Pieces::new(y, together * row), |piece, y| {
        dispatch(Rows { g, windows: &windows, weights: &weights, first: piece * together, x, y });
    });
}

/// Some rows of the output.
struct Rows<'a> {
    g: &'a FirGeometry,
    windows: &'a [Vec<Window>; 2],
    /// The products of two taps, indexed (down, right).
    weights: &'a [f32],
    /// The index of the first row, counted through all images.
    first: usize,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Rows { g, windows, weights, first, x, y } = self;
        let ([height, width], channels) = (g.input, g.channels);
        for (i, y) in y.chunks_exact_mut(g.output[1] * channels).enumerate() {
            let (image, down) = ((first + i) / g.output[0], windows[0][(first + i) % g.output[0]]);
            for (y, right) in y.chunks_exact_mut(channels).zip(&windows[1]) {
                let corner = ((image * height + down.source) * width + right.source) * channels;
                let weights = &weights[down.tap * g.taps.len() + right.tap..];
                let pixel = Pixel { g, weights, count: [down.count, right.count], x };
                let (vectors, rest) = y.as_chunks_mut::<LANES>();
                let done = vectors.len() * LANES;
                for (v, y) in vectors.iter_mut().enumerate() {
                    s.store(pixel.sum(s, corner + v * LANES, LANES), y);
                }
                if !rest.is_empty() {
                    s.store_part(pixel.sum(s, corner + done, rest.len()), rest);
                }
            }
        }
    }
}

/// One pixel of the output.
struct Pixel<'a> {
    g: &'a FirGeometry,
    /// The products of two taps, from the first one that meets a pixel on.
    weights: &'a [f32],
    /// The number of pixels that taps meet, vertically and horizontally.
    count: [usize; 2],
    x: &'a [f32],
}

impl Pixel<'_> {
    /// The sum over the window for a vector of channels, which begin at `at` in the first pixel.
    /// Lanes beyond the first `wanted` are unspecified.
    #[inline(always)]
    fn sum<S: Simd>(&self, s: S, at: usize, wanted: usize) -> S::F {
        let Self { g, weights, count, x } = *self;
        let mut sum = s.zero();
        for ky in 0..count[0] {
            for kx in 0..count[1] {
                let weight = weights[(ky * g.taps.len() + kx) * g.up];
                let x = &x[at + (ky * g.input[1] + kx) * g.channels..];
                // The last channels are read as a whole vector too, with some of the next pixel,
                // unless memory ends there.
                let pixel = match x.first_chunk() {
                    Some(x) => s.load(x),
                    None => s.load_part(&x[..wanted]),
                };
                sum = s.mul_add(pixel, s.splat(weight), sum);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests;
