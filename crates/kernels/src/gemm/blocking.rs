//! Every choice of a size, by shape, in one place. None of them changes a bit of a result: each
//! element is one chain of multiply-adds however the work is cut.
//!
//! The sizes follow the cache in which each piece should stay while it is used. The figures assume
//! 32-48 KiB of first-level cache and 1-2 MiB of second-level cache per core.
//!
//! * The left panels that a matrix product packs at a time ([`HELD`] x [`DEPTH`] floats, 250 KiB)
//!   stay in the second level while the right panels take turns. A right panel (512 steps of 32
//!   floats, 64 KiB) is prefetched.
//! * A block of a convolution is at most [`ROWS`] x [`COLUMNS`], so that its sums in scratch memory
//!   stay there as well.

use core::ops::Range;

use super::panels::Panels;
use crate::simd::{Isa, LANES};

/// Steps of the depth that a block processes at a time; its sums wait in memory in between.
pub(crate) const DEPTH: usize = 512;
/// The most rows of a block.
pub(crate) const ROWS: usize = 256;
/// The most columns of a block.
pub(crate) const COLUMNS: usize = 256;
/// Rows of the left operand that a sweep packs at a time, approximately.
const HELD: usize = 126;
/// The most rows and columns of a rectangle, so that its sums are still cached when the next piece
/// continues them.
const TALL: usize = 1024;
const WIDE: usize = 1024;
/// Multiply-adds below which waking another thread costs more than it saves.
pub(crate) const SERIAL: u64 = 400_000;

/// The register tile for a product of one shape, and the role of each operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tiling {
    /// Compute the transpose: the product's columns are the rows of the tile.
    pub(crate) swapped: bool,
    /// The most rows of a tile.
    pub(crate) tallest: usize,
    /// The most vectors across a tile.
    pub(crate) vectors: usize,
}

impl Tiling {
    /// The cheapest tile for a product of this shape, by counting the work of the CPU per step of
    /// the depth. A layer with one output column, say, would use one lane of 16; as one *row* it
    /// uses them all.
    pub(crate) fn choose(isa: Isa, rows: usize, columns: usize, depth: usize) -> Self {
        // The transpose can only be cheaper where columns would leave many lanes empty.
        let worth_a_try = columns < 2 * LANES && !columns.is_multiple_of(LANES);
        Self::cheapest(isa, rows, columns, depth, if worth_a_try { &[false, true] } else { &[false] })
    }

    /// The cheapest tile whose rows are the product's rows.
    pub(crate) fn unswapped(isa: Isa, rows: usize, columns: usize, depth: usize) -> Self {
        Self::cheapest(isa, rows, columns, depth, &[false])
    }

    fn cheapest(isa: Isa, rows: usize, columns: usize, depth: usize, roles: &[bool]) -> Self {
        let mut best: Option<(usize, Self)> = None;
        for &swapped in roles {
            let (rows, columns) = if swapped { (columns, rows) } else { (rows, columns) };
            for vectors in [2, 4, 8, 1] {
                let tallest = isa.tiles().tallest[vectors];
                if tallest == 0 {
                    continue;
                }
                // Swapped tiles are written to memory one number at a time.
                let scatter = if swapped { 4 * rows * columns } else { 0 };
                let cost = depth.max(1) * step_cost(isa, rows, columns, tallest, vectors) + scatter;
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, Self { swapped, tallest, vectors }));
                }
            }
        }
        best.map_or(Self { swapped: false, tallest: 1, vectors: 1 }, |(_, tiling)| tiling)
    }

    /// Panels for the operand in the role of the rows.
    pub(crate) fn rows(&self, len: usize) -> Panels {
        Panels::of_rows(len, self.tallest)
    }

    /// Panels for the operand in the role of the columns.
    pub(crate) fn columns(&self, len: usize) -> Panels {
        Panels::of_columns(len, self.vectors)
    }

    /// The number of rows to pack at a time: groups of nearly equal size, in multiples of the
    /// tile's height.
    pub(crate) fn rows_at_a_time(&self, rows: usize) -> usize {
        let groups = rows.div_ceil(HELD);
        rows.div_ceil(groups).next_multiple_of(self.tallest).min(rows)
    }

    /// Whether to pack the left and the right operand of a rectangle, given the strides from step
    /// to step. Packing pays off when many tiles read the panels. It is required where vectors
    /// cannot be loaded in place, because adjacent columns lie apart or the last vector is
    /// incomplete.
    pub(crate) fn packs(&self, rows: usize, columns: usize, depth: usize, step: [usize; 2]) -> [bool; 2] {
        let left = columns > 4 * self.vectors * LANES && rows * depth > 1 << 14;
        let required = step[1] == 1 && columns > 1 || !columns.is_multiple_of(LANES);
        // If there are few steps, they stay in the first-level cache without packing, unless their
        // distance is a multiple of a kilobyte: then they share a few cache sets.
        let short = depth <= 64 && !step[1].is_multiple_of(256);
        let right = required || rows > 4 * self.tallest && columns * depth > 1 << 12 && !short;
        [left, right]
    }
}

/// The result of a product, cut into rectangles: one or more for each thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    size: [usize; 2],
    /// Rows and columns of a rectangle.
    part: [usize; 2],
    counts: [usize; 2],
}

impl Cut {
    /// Each rectangle packs its own operands, so that no thread waits for another. Hence few large
    /// ones are best.
    pub(crate) fn choose(tiling: &Tiling, rows: usize, columns: usize, threads: usize) -> Self {
        let unit = [tiling.tallest, tiling.vectors * LANES];
        let size = [rows, columns];
        // With several threads and much to do, two each, so that a late thread delays the others
        // less.
        let tasks = if threads == 1 {
            1
        } else if rows * columns >= threads << 17 {
            2 * threads
        } else {
            threads
        };
        let mut counts = [rows.div_ceil(TALL), columns.div_ceil(WIDE)];
        while counts[0] * counts[1] < tasks {
            let longer = usize::from(columns / counts[1] > rows / counts[0]);
            let cut = if size[longer] / counts[longer] > unit[longer] { longer } else { 1 - longer };
            if size[cut] / counts[cut] <= unit[cut] {
                break;
            }
            counts[cut] *= 2;
        }
        let part = [0, 1].map(|i| size[i].div_ceil(counts[i]).next_multiple_of(unit[i]));
        Self { size, part, counts: [0, 1].map(|i| size[i].div_ceil(part[i])) }
    }

    /// How many rectangles there are.
    pub(crate) fn tasks(&self) -> usize {
        self.counts[0] * self.counts[1]
    }

    /// The rows and columns of one rectangle.
    pub(crate) fn task(&self, task: usize) -> [Range<usize>; 2] {
        let at = [task / self.counts[1], task % self.counts[1]];
        [0, 1].map(|i| at[i] * self.part[i]..self.size[i].min((at[i] + 1) * self.part[i]))
    }
}

/// The cost of one step of a tile, in half cycles. Two multiply-adds or two loads start per cycle.
/// No tile is faster than the latency of its sums, four cycles, plus one for operands that arrive
/// late.
pub(crate) fn tile_cost(isa: Isa, height: usize, vectors: usize) -> usize {
    let registers = vectors * isa.tiles().registers_per_vector;
    (height * registers).max(height + registers).max(10)
}

/// The cost of one step of the depth over all tiles, in half cycles.
fn step_cost(isa: Isa, rows: usize, columns: usize, tallest: usize, vectors: usize) -> usize {
    let tile = |height, vectors| tile_cost(isa, height, vectors);
    let panels = rows.div_ceil(tallest).max(1);
    let (low, high) = (rows / panels, rows % panels);
    let strip = |vectors: usize| (panels - high) * tile(low, vectors) + high * tile(low + 1, vectors);
    let mut cost = columns / (LANES * vectors) * strip(vectors);
    let left = (columns % (LANES * vectors)).div_ceil(LANES);
    for bit in 0..usize::BITS - left.leading_zeros() {
        if left >> bit & 1 == 1 {
            cost += strip(1 << bit);
        }
    }
    cost
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn the_tile_fits_the_shape() {
        let tile = |rows, columns| {
            let t = Tiling::choose(Isa::Avx512, rows, columns, 512);
            (t.swapped, t.tallest, t.vectors)
        };
        assert_eq!(tile(4096, 512), (false, 14, 2));
        // One row against many columns: three rows' worth of registers go to eight vectors.
        assert_eq!(tile(1, 4096), (false, 3, 8));
        // One column: the product is transposed.
        assert_eq!(tile(4096, 1), (true, 3, 8));
    }
}
