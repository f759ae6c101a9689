//! Filters with few taps, which blur, enlarge and shrink images.
//!
//! The filter is separable, but it is applied in one two-dimensional pass rather than two. With
//! zeros between pixels, or windows two apart, most taps meet no pixel; the others (4 of 16 for
//! [`Fir::up2`]) read from the nearest cache, and no intermediate result is stored. Each output
//! element is one chain of fused multiply-adds over the taps (down, right) that meet a pixel, as in
//! the plain loop, so it has the same bits.
//!
//! Lanes lie across channels. Away from the edges, and without strides, the next pixel is computed
//! like the next channel: from inputs that lie `channels` further, with the same taps. So a row of
//! such pixels, a *span*, is one long pixel. Several vectors of a span are computed at once,
//! because each multiply-add of a chain waits for the one before it.

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

/// Adjacent windows that meet the same taps, each one pixel after the one before.
#[derive(Clone, Copy)]
struct Span {
    /// The first one.
    window: Window,
    /// The number of windows.
    pixels: usize,
}

/// The windows of a row, as few spans.
fn spans(windows: &[Window]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for &window in windows {
        match spans.last_mut() {
            Some(Span { window: first, pixels })
                if [first.tap, first.count, first.source + *pixels] == [window.tap, window.count, window.source] =>
            {
                *pixels += 1;
            }
            _ => spans.push(Span { window, pixels: 1 }),
        }
    }
    spans
}

/// See [`Element::fir`](crate::Element::fir).
pub(crate) fn fir(g: &FirGeometry, x: &[f32], y: &mut [f32]) {
    let wanted: [usize; 2] = [g.x_shape(), g.y_shape()].map(|shape| shape.iter().product());
    assert_eq!([x.len(), y.len()], wanted, "fir: lengths of x and y for {g:?}");
    if y.is_empty() {
        return;
    }
    let (down, across) = (windows(g, 0), spans(&windows(g, 1)));
    let products = g.taps.iter().flat_map(|down| g.taps.iter().map(move |right| (down * right) as f32));
    let weights: Vec<f32> = products.collect();
    let row = g.output[1] * g.channels;
    let together = (GRAIN / row).max(1);
    for_each_piece(Pieces::new(y, together * row), |piece, y| {
        dispatch(Rows { g, down: &down, across: &across, weights: &weights, first: piece * together, x, y });
    });
}

/// The number of vectors that are computed at once.
const BLOCK: usize = 4;

/// Some rows of the output.
struct Rows<'a> {
    g: &'a FirGeometry,
    /// The windows of the rows.
    down: &'a [Window],
    /// The windows along a row.
    across: &'a [Span],
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
        let Rows { g, down, across, weights, first, x, y } = self;
        let ([height, width], channels) = (g.input, g.channels);
        for (i, mut y) in y.chunks_exact_mut(g.output[1] * channels).enumerate() {
            let (image, down) = ((first + i) / g.output[0], down[(first + i) % g.output[0]]);
            for &Span { window: right, pixels } in across {
                let (span, after) = y.split_at_mut(pixels * channels);
                y = after;
                let mut corner = ((image * height + down.source) * width + right.source) * channels;
                let weights = &weights[down.tap * g.taps.len() + right.tap..];
                let window = Sums { g, weights, count: [down.count, right.count], x };
                let (vectors, rest) = span.as_chunks_mut::<LANES>();
                let (blocks, vectors) = vectors.as_chunks_mut::<BLOCK>();
                for block in blocks {
                    let sums = window.block(s, corner);
                    for v in 0..BLOCK {
                        s.store(sums[v], &mut block[v]);
                    }
                    corner += BLOCK * LANES;
                }
                for y in vectors {
                    s.store(window.vector(s, corner, LANES), y);
                    corner += LANES;
                }
                if !rest.is_empty() {
                    s.store_part(window.vector(s, corner, rest.len()), rest);
                }
            }
        }
    }
}

/// The sums over the window of a span.
struct Sums<'a> {
    g: &'a FirGeometry,
    /// The products of two taps, from the first one that meets a pixel on.
    weights: &'a [f32],
    /// The number of pixels that taps meet, vertically and horizontally.
    count: [usize; 2],
    x: &'a [f32],
}

impl Sums<'_> {
    /// [`BLOCK`] vectors of the span, for which the window begins with the elements of x from index
    /// `at` on.
    #[inline(always)]
    fn block<S: Simd>(&self, s: S, at: usize) -> [S::F; BLOCK] {
        let mut sums = [s.zero(); BLOCK];
        self.for_each_tap(|weight, offset| {
            let x = x_block(self.x, at + offset);
            let weight = s.splat(weight);
            for v in 0..BLOCK {
                sums[v] = s.mul_add(s.load(&x[v]), weight, sums[v]);
            }
        });
        sums
    }

    /// One vector of the span. Lanes beyond the first `wanted` are unspecified.
    #[inline(always)]
    fn vector<S: Simd>(&self, s: S, at: usize, wanted: usize) -> S::F {
        let mut sum = s.zero();
        self.for_each_tap(|weight, offset| {
            let x = &self.x[at + offset..];
            // The last elements are read as a whole vector too, with some of the next pixel, unless
            // memory ends there.
            let x = match x.first_chunk() {
                Some(x) => s.load(x),
                None => s.load_part(&x[..wanted]),
            };
            sum = s.mul_add(x, s.splat(weight), sum);
        });
        sum
    }

    /// Calls `visit` with each tap's weight and the distance of its pixel from that of the first
    /// tap.
    #[inline(always)]
    fn for_each_tap(&self, mut visit: impl FnMut(f32, usize)) {
        let Self { g, weights, count, .. } = *self;
        for ky in 0..count[0] {
            for kx in 0..count[1] {
                visit(weights[(ky * g.taps.len() + kx) * g.up], (ky * g.input[1] + kx) * g.channels);
            }
        }
    }
}

/// The vectors of a block of x from index `at` on.
#[inline(always)]
fn x_block(x: &[f32], at: usize) -> &[[f32; LANES]; BLOCK] {
    x[at..].as_chunks().0.first_chunk().expect("the span lies inside the image")
}

#[cfg(test)]
mod tests;
