//! Every choice of size, by shape, in one place. None of them changes a bit of any result: each element is one chain of
//! multiply-adds however the work is cut.
//!
//! The sizes follow the memory that each piece should stay in while it is used (the figures are for 32-48 KiB of
//! first-level cache and 1-2 MiB of second-level cache a core):
//!
//! * A right panel for [`DEPTH`] steps (256 steps of 32 floats: 32 KiB) stays in the first level while all left panels
//!   of the block pass by.
//! * The left panels of a block for the same steps ([`ROWS`] x 256 floats: 256 KiB) stay in the second level while the
//!   right panels take turns.
//! * The whole packed right operand is bounded ([`PACKED`]), as all blocks read it from the last level.

use super::micro::tallest;
use super::panels::Panels;
use crate::simd::{self, Isa, LANES, Simd};

/// Steps of the depth that a block does at a time; the sums rest in memory between.
pub(crate) const DEPTH: usize = 256;
/// Rows of a block, at most.
pub(crate) const ROWS: usize = 256;
/// Columns of a block, at most.
pub(crate) const COLUMNS: usize = 256;
/// Floats of packed right operand at a time.
pub(crate) const PACKED: usize = 1 << 22;
/// Multiply-adds below which waking another thread costs more than it helps.
pub(crate) const SERIAL: usize = 400_000;

/// The register tile for a product of one shape, and which operand takes which role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tiling {
    /// Compute the transpose: what is called a column plays the row, and the other way round.
    pub(crate) swapped: bool,
    /// The tile's greatest height.
    pub(crate) tallest: usize,
    /// The tile's greatest width, in vectors.
    pub(crate) vectors: usize,
}

impl Tiling {
    /// The cheapest tile for a product of so many rows and columns, by counting what it makes the CPU do per step of
    /// the depth. A layer with one output column, say, would use one lane of 16; as one *row* it uses them all.
    pub(crate) fn choose(isa: Isa, rows: usize, columns: usize, depth: usize) -> Self {
        let mut best: Option<(usize, Self)> = None;
        for swapped in [false, true] {
            let (rows, columns) = if swapped { (columns, rows) } else { (rows, columns) };
            for vectors in [2, 4, 8, 1] {
                let tallest = tallest(accumulators(isa), vectors);
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
}

/// The sums that an instruction set's registers hold.
pub(crate) fn accumulators(isa: Isa) -> usize {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => simd::Avx512::ACCUMULATORS,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => simd::Avx2::ACCUMULATORS,
        _ => simd::Portable::ACCUMULATORS,
    }
}

/// Half cycles for one step of the depth over all tiles: two multiply-adds or two loads start per cycle, and no tile is
/// faster than the four cycles that one of its sums takes.
fn step_cost(isa: Isa, rows: usize, columns: usize, tallest: usize, vectors: usize) -> usize {
    // Registers per vector.
    let parts = match isa {
        Isa::Avx512 => 1,
        Isa::Avx2 => 2,
        Isa::Portable => 4,
    };
    let tile = |height: usize, vectors: usize| (height * vectors * parts).max(height + vectors * parts).max(8);
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

#[cfg(test)]
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
