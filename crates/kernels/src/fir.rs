//! Filters with few taps, which blur, enlarge and shrink images.
//!
//! One walk over the output in two dimensions, not one down and one right: with zeros between the pixels, or windows two apart, most
//! taps meet nothing, and what is left (4 of 16 taps for [`Fir::up2`]) is read from the nearest cache. So nothing has to be
//! put down in between. Lanes lie across channels; each output element is one chain of fused multiply-adds over
//! (tap down, tap right), those only that meet a pixel, as in the plain loop: it has the plain loop's bits.

use crate::pieces::{GRAIN, Pieces, for_each_piece};
use crate::simd::{Kernel, LANES, Simd, dispatch};

mod geometry;
pub use geometry::{Fir, FirGeometry};

/// The taps that meet pixels in one window along one axis: every `up`th from `tap` on, on consecutive pixels from `source` on.
#[derive(Clone, Copy, Default)]
struct Span {
    tap: usize,
    source: usize,
    count: usize,
}

/// The spans of all windows along an axis.
fn spans(g: &FirGeometry, axis: usize) -> Vec<Span> {
    let span = |out: usize| {
        let mut met = (0..g.taps.len()).filter_map(|tap| Some((tap, g.source(axis, out, tap)?)));
        met.next().map_or(Span::default(), |(tap, source)| Span { tap, source, count: 1 + met.count() })
    };
    (0..g.output[axis]).map(span).collect()
}

/// See [`Element::fir`](crate::Element::fir).
pub(crate) fn fir(g: &FirGeometry, x: &[f32], y: &mut [f32]) {
    let wanted: [usize; 2] = [g.x_shape(), g.y_shape()].map(|shape| shape.iter().product());
    assert_eq!([x.len(), y.len()], wanted, "fir: lengths of x and y for {g:?}");
    if y.is_empty() {
        return;
    }
    let spans = [spans(g, 0), spans(g, 1)];
    let products = g.taps.iter().flat_map(|down| g.taps.iter().map(move |right| (down * right) as f32));
    let weights: Vec<f32> = products.collect();
    let row = g.output[1] * g.channels;
    let together = (GRAIN / row).max(1);
    for_each_piece(Pieces::new(y, together * row), |piece, y| {
        dispatch(Rows { g, spans: &spans, weights: &weights, first: piece * together, x, y });
    });
}

/// Some rows of the output.
struct Rows<'a> {
    g: &'a FirGeometry,
    spans: &'a [Vec<Span>; 2],
    /// The products of two taps, (down, right).
    weights: &'a [f32],
    /// The number of the first row, counted through all images.
    first: usize,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Rows { g, spans, weights, first, x, y } = self;
        let ([height, width], channels) = (g.input, g.channels);
        for (i, y) in y.chunks_exact_mut(g.output[1] * channels).enumerate() {
            let (image, down) = ((first + i) / g.output[0], spans[0][(first + i) % g.output[0]]);
            for (y, right) in y.chunks_exact_mut(channels).zip(&spans[1]) {
                let corner = ((image * height + down.source) * width + right.source) * channels;
                let weights = &weights[down.tap * g.taps.len() + right.tap..];
                let window = Window { g, weights, count: [down.count, right.count], x };
                let (vectors, rest) = y.as_chunks_mut::<LANES>();
                let done = vectors.len() * LANES;
                for (v, y) in vectors.iter_mut().enumerate() {
                    s.store(window.sum(s, corner + v * LANES, LANES), y);
                }
                if !rest.is_empty() {
                    s.store_part(window.sum(s, corner + done, rest.len()), rest);
                }
            }
        }
    }
}

/// What makes one pixel of the output.
struct Window<'a> {
    g: &'a FirGeometry,
    /// The products of two taps, from the first that meets a pixel on.
    weights: &'a [f32],
    /// The pixels that are met, down and right.
    count: [usize; 2],
    x: &'a [f32],
}

impl Window<'_> {
    /// The sum over the window for a vector of channels, which begin at `at` in the first pixel. Those beyond the `wanted` ones
    /// hold anything.
    #[inline(always)]
    fn sum<S: Simd>(&self, s: S, at: usize, wanted: usize) -> S::F {
        let Self { g, weights, count, x } = *self;
        let mut sum = s.zero();
        for ky in 0..count[0] {
            for kx in 0..count[1] {
                let weight = weights[(ky * g.taps.len() + kx) * g.up];
                let x = &x[at + (ky * g.input[1] + kx) * g.channels..];
                // A whole vector where memory goes on for so long: the last channels come with some of the next pixel.
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
