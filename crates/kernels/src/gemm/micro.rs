//! The micro-kernel: the register tile in which all products of matrices and convolutions are
//! computed.
//!
//! A **tile** of H rows and V vectors of columns keeps H * V vectors of sums in registers. Each
//! step along the depth (the k of a matrix product) loads V vectors of the right panel and
//! broadcasts H numbers of the left panel, and performs H * V multiply-adds with these H + V
//! operands. [`fast_path`](crate::fast_path) explains why. Which sizes exist is a property of the
//! instruction set: [`RegisterTiles`](crate::simd::RegisterTiles). All sizes add up each element in
//! the same order.
//!
//! The depth is given as a list of **spans**, stretches in which both panels are read without a
//! jump. A matrix product has one. A convolution has one per row of the kernel, because taps that
//! would read padding are left out.

use super::pairs::Format;
use super::panels::Panel;
use super::precision::{Numbers, Pairs, Product, multiplies_pairs};
use crate::simd::{Kernel, LANES, Simd, prefetch_l1, prefetch_l2};

/// A stretch of the depth: `len` steps, from step `a` of the left panel and step `b` of the right
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) len: usize,
}

/// The rows of a tile in memory: row r begins at `base + offsets[r]` and is `LANES * V` floats
/// long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TileRows {
    pub(crate) base: *mut f32,
    pub(crate) offsets: *const usize,
}

/// Memory to prefetch into the second-level cache, a little with every step. The address may be
/// anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prefetch {
    pub(crate) at: *const f32,
    /// Bytes per step.
    pub(crate) step: usize,
}

impl Prefetch {
    #[inline(always)]
    fn next(&mut self) {
        prefetch_l2(self.at);
        self.at = self.at.wrapping_byte_add(self.step);
    }
}

/// The distances in a left panel that is stored in chunks of [`LANES`] steps: in each chunk, the
/// steps of a row are contiguous. Spans do not cross the end of a chunk.
pub(crate) const CHUNKED: [usize; 2] = [LANES, 0];

/// Steps between the prefetch of a line of the left panel and its use.
const DISTANCE: usize = 64;

/// The work of a tile: `to` = `from` (or zeros) + the products over all spans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tile<'a> {
    /// The left panel.
    pub(crate) a: *const f32,
    /// Distances from row to row and from step to step of the left panel. One of them is 1: (1, H)
    /// if it is packed. Or [`CHUNKED`].
    pub(crate) a_strides: [usize; 2],
    /// The right panel: `LANES * V` floats at each step.
    pub(crate) b: *const f32,
    /// Distance from step to step of the right panel: `LANES * V` if it is packed.
    pub(crate) b_step: usize,
    /// What a later tile will read from a farther cache.
    pub(crate) prefetch: Prefetch,
    pub(crate) spans: &'a [Span],
    pub(crate) from: Option<TileRows>,
    pub(crate) to: TileRows,
}

/// The order of a left panel: packed, step by step.
const PACKED: usize = 0;
/// The rows lie apart, and the steps of each are contiguous.
const SPREAD: usize = 1;
/// [`CHUNKED`].
const IN_CHUNKS: usize = 2;

/// A tile of H rows and V vectors, with the left panel in an order.
struct Sized<'a, P, const H: usize, const V: usize, const ORDER: usize>(Tile<'a>, P);

impl<P: Product, const H: usize, const V: usize, const ORDER: usize> Kernel for Sized<'_, P, H, V, ORDER> {
    type Output = ();
    const USES_PAIRS: bool = P::USES_PAIRS;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self(Tile { a, a_strides: [row_step, a_step], b, b_step, mut prefetch, spans, from, to }, product) = self;
        // Constants where they are known, so that the addresses are part of the instructions.
        let (row_step, a_step, first_step) = match ORDER {
            PACKED => (1, a_step, a_step),
            SPREAD => (row_step, 1, 1),
            _ => (LANES, 1, H),
        };
        let mut sums = [[s.zero(); V]; H];
        if let Some(from) = from {
            for (r, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: the caller of `multiply_tile` vouches for H row offsets and `LANES *
                    // V` floats at each.
                    *sum = unsafe { s.load(&*from.base.add(*from.offsets.add(r) + LANES * v).cast()) };
                }
            }
        }
        // A matrix that is not packed has few steps, which lie far apart and often share a few
        // cache sets. So prefetch the part of the same step that the next tile reads. In chunks,
        // the steps of one prefetch the lines of a later one.
        let (distance, line) = match ORDER {
            PACKED if a_step > TALLEST => (H, 0),
            PACKED => (DISTANCE * a_step, 0),
            _ => (DISTANCE * H, LANES - 1),
        };
        for span in spans {
            // SAFETY: the caller vouches that both panels hold every step of the span.
            let (mut a, mut b) = unsafe { (a.add(span.a * first_step), b.add(span.b * b_step)) };
            for step in 0..span.len {
                prefetch.next();
                if ORDER != SPREAD {
                    prefetch_l1(a.wrapping_add(distance + step * line));
                }
                // Hold the operand with fewer vectors in registers and stream the other one.
                if H >= V {
                    let mut columns = [s.zero(); V];
                    for (v, column) in columns.iter_mut().enumerate() {
                        // SAFETY: as above; this step of the panel is `LANES * V` floats.
                        *column = unsafe { s.load(&*b.add(LANES * v).cast()) };
                    }
                    for (r, sums) in sums.iter_mut().enumerate() {
                        // SAFETY: as above; this step of the panel is H floats.
                        let row = s.splat(unsafe { *a.add(r * row_step) });
                        for (sum, column) in sums.iter_mut().zip(columns) {
                            *sum = product.multiply_add(s, row, column, *sum);
                        }
                    }
                } else {
                    let mut rows = [s.zero(); H];
                    for (r, row) in rows.iter_mut().enumerate() {
                        // SAFETY: as above.
                        *row = s.splat(unsafe { *a.add(r * row_step) });
                    }
                    for v in 0..V {
                        // SAFETY: as above.
                        let column = unsafe { s.load(&*b.add(LANES * v).cast()) };
                        for (sums, row) in sums.iter_mut().zip(rows) {
                            sums[v] = product.multiply_add(s, row, column, sums[v]);
                        }
                    }
                }
                // The step after the last one may lie behind the panel, so the pointers wrap.
                (a, b) = (a.wrapping_add(a_step), b.wrapping_add(b_step));
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                // SAFETY: as for `from`.
                unsafe { s.store(sum, &mut *to.base.add(*to.offsets.add(r) + LANES * v).cast()) };
            }
        }
    }
}

/// The most rows of any tile.
pub(crate) const TALLEST: usize = 14;

/// Runs the tile that has the height of the left panel and the width of the right one. The panels
/// consist of words of this format.
///
/// # Panics
/// When the instruction set has no such tile, the width is not 1, 2, 4 or 8 vectors, the
/// instruction set cannot multiply words of this format, or pairs are in chunks.
///
/// # Safety
/// The panels hold every step that the spans name. `from` and `to` have as many offsets as the left
/// panel has rows; at each of them are as many floats as the right panel is wide, and nobody else
/// accesses them meanwhile.
#[inline(always)]
pub(crate) unsafe fn multiply_tile<S: Simd>(s: S, format: Format, panels: [&Panel; 2], tile: Tile<'_>) {
    // The other branch is not compiled for instruction sets that cannot multiply pairs.
    if multiplies_pairs::<S>(format) {
        // SAFETY: the caller's promise.
        unsafe { multiply_words(s, Pairs, panels, tile) }
    } else {
        // SAFETY: as above.
        unsafe { multiply_words(s, Numbers, panels, tile) }
    }
}

/// See [`multiply_tile`].
///
/// # Safety
/// As for [`multiply_tile`].
#[inline(always)]
unsafe fn multiply_words<S: Simd, P: Product>(s: S, product: P, panels: [&Panel; 2], tile: Tile<'_>) {
    let [left, right] = panels;
    macro_rules! sizes {
        ($($h:literal x $v:literal),+) => {
            match (left.width, right.width / LANES) {
                // The comparison is between constants: tiles that the instruction set does not have
                // are not compiled.
                $(($h, $v) => if $h > S::TILES.tallest[$v] {
                    no_tile(left, right)
                } else if tile.a_strides[0] == 1 {
                    s.run(Sized::<P, $h, $v, PACKED>(tile, product))
                } else if tile.a_strides[1] != 0 {
                    s.run(Sized::<P, $h, $v, SPREAD>(tile, product))
                } else if P::USES_PAIRS {
                    // Only transform-based convolutions have chunks, and they do not use pairs.
                    no_tile(left, right)
                } else {
                    s.run(Sized::<P, $h, $v, IN_CHUNKS>(tile, product))
                },)+
                _ => no_tile(left, right),
            }
        };
    }
    sizes!(
        1 x 1, 2 x 1, 3 x 1, 4 x 1, 5 x 1, 6 x 1, 7 x 1, 8 x 1, 9 x 1, 10 x 1, 11 x 1, 12 x 1, 13 x 1, 14 x 1,
        1 x 2, 2 x 2, 3 x 2, 4 x 2, 5 x 2, 6 x 2, 7 x 2, 8 x 2, 9 x 2, 10 x 2, 11 x 2, 12 x 2, 13 x 2, 14 x 2,
        1 x 4, 2 x 4, 3 x 4, 4 x 4, 5 x 4, 6 x 4,
        1 x 8, 2 x 8, 3 x 8
    );
}

#[cold]
fn no_tile(left: &Panel, right: &Panel) {
    unreachable!("no register tile for {left:?} and {right:?}")
}
