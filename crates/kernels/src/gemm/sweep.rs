//! A sweep of a matrix product: all tiles of a rectangle of the result, for one piece of the depth.
//!
//! The sums wait in the result itself until the next piece continues them, so each element remains
//! one chain of multiply-adds.

use super::micro::{Prefetch, Span, TALLEST, Tile, TileRows, multiply_tile};
use super::pack::copy_short;
use super::pairs::Format;
use super::panels::Panel;
use crate::shared::Region;
use crate::simd::{Kernel, LANES, Simd};

/// An operand of a sweep. Its lanes are the rows of the left operand or the columns of the right
/// one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side<'a> {
    /// Packed panels in order, `depth` steps each.
    Packed { data: &'a [f32], depth: usize },
    /// The matrix as it is: the strides from lane to lane and from step to step, one of which is 1
    /// (the first, for a right operand).
    InPlace { data: &'a [f32], strides: [usize; 2] },
}

impl Side<'_> {
    /// The start of a panel, and its strides.
    #[inline(always)]
    fn panel(&self, panel: &Panel) -> (*const f32, [usize; 2]) {
        match *self {
            Side::Packed { data, depth } => (data.as_ptr().wrapping_add(panel.at * depth), [1, panel.width]),
            Side::InPlace { data, strides } => (data.as_ptr().wrapping_add(panel.start * strides[0]), strides),
        }
    }

    /// Whether the lanes of each step are contiguous, as tiles read those of the right operand.
    fn has_adjacent_lanes(&self) -> bool {
        matches!(*self, Side::Packed { .. } | Side::InPlace { strides: [1, _], .. })
    }

    /// Whether it holds everything that tiles read from the panels up to `last` in `depth` steps.
    fn holds(&self, last: Panel, depth: usize) -> bool {
        match *self {
            Side::Packed { data, depth: packed } => packed == depth && data.len() >= (last.at + last.width) * depth,
            Side::InPlace { data, strides: [lane, step] } => {
                last.width == last.len
                    && (lane == 1 || step == 1)
                    && data.len() > (last.start + last.len - 1) * lane + (depth - 1) * step
            }
        }
    }
}

/// A rectangle of the result.
#[derive(Debug)]
pub(crate) struct Rectangle<'a> {
    /// The result, of which the sweep owns this rectangle.
    pub(crate) region: Region<'a>,
    /// The offset of its first element.
    pub(crate) start: usize,
    /// The distance from row to row.
    pub(crate) down: usize,
    /// The distance from column to column.
    pub(crate) across: usize,
}

/// One sweep.
pub(crate) struct Sweep<'a, R, C> {
    /// What the words of the operands are.
    pub(crate) format: Format,
    pub(crate) left: Side<'a>,
    pub(crate) right: Side<'a>,
    /// The left panels, from the first one of `left` on.
    pub(crate) rows: R,
    /// The right panels.
    pub(crate) columns: C,
    /// Steps of this piece, at least one.
    pub(crate) depth: usize,
    /// Start from zeros, not from the sums in the result.
    pub(crate) first: bool,
    pub(crate) to: Rectangle<'a>,
}

/// Room for the largest tile, aligned to a cache line.
#[repr(align(64))]
struct Aside([f32; TALLEST * 2 * LANES]);

impl<R, C> Kernel for Sweep<'_, R, C>
where
    R: Iterator<Item = Panel> + Clone,
    C: Iterator<Item = Panel> + Clone,
{
    type Output = ();
    const USES_PAIRS: bool = true;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { format, left, right, rows, columns, depth, first, mut to } = self;
        let (Some(last_row), Some(last_column)) = (rows.clone().last(), columns.clone().last()) else { return };
        // The unsafe code below relies on these.
        assert!(depth > 0 && left.holds(last_row, depth) && right.holds(last_column, depth), "operands too small");
        assert!(right.has_adjacent_lanes(), "the columns of each step must be contiguous");
        let (height, width) = (last_row.start + last_row.len, last_column.start + last_column.len);
        let last = to.start + (height - 1) * to.down + (width - 1) * to.across;
        assert!(last < to.region.len(), "result too small");
        let result = to.region.as_mut_ptr().wrapping_add(to.start);
        let span = [Span { a: 0, b: 0, len: depth }];
        let mut direct = [0; TALLEST];
        for (r, row) in direct.iter_mut().enumerate() {
            *row = r * to.down;
        }
        let mut aside = Aside([0.0; TALLEST * 2 * LANES]);
        let tiles = rows.clone().count();
        for column in columns {
            let (b, [_, b_step]) = right.panel(&column);
            // While a right panel is in use, the next one is prefetched: a part of it with every
            // tile.
            let part = if matches!(right, Side::Packed { .. }) { column.width * depth / tiles } else { 0 };
            let step = (4 * part).div_ceil(depth);
            let next_panel = b.wrapping_add(depth * b_step);
            for (i, row) in rows.clone().enumerate() {
                let (a, a_strides) = left.panel(&row);
                let base = result.wrapping_add(row.start * to.down + column.start * to.across);
                let tile = |rows: TileRows| Tile {
                    a,
                    a_strides,
                    b,
                    b_step,
                    prefetch: Prefetch { at: next_panel.wrapping_add(i * part), step },
                    spans: &span,
                    from: (!first).then_some(rows),
                    to: rows,
                };
                if to.across == 1 && column.len == column.width {
                    let rows = TileRows { base, offsets: direct.as_ptr() };
                    // SAFETY: by the assertions, both panels hold the steps of this piece and the
                    // tile is inside the rectangle, which the sweep owns.
                    unsafe { multiply_tile(s, format, [&row, &column], tile(rows)) };
                    continue;
                }
                // A tile that is incomplete, or not contiguous in the result, is computed in a
                // separate buffer.
                let mut offsets = [0; TALLEST];
                for (r, offset) in offsets.iter_mut().enumerate() {
                    *offset = r * column.width;
                }
                if !first {
                    for r in 0..row.len {
                        let aside = &mut aside.0[r * column.width..][..column.len];
                        // SAFETY: the tile is inside the rectangle, as above.
                        unsafe {
                            let from = base.add(r * to.down);
                            if to.across == 1 {
                                copy_short(core::slice::from_raw_parts(from, column.len), aside);
                            } else {
                                (0..column.len).for_each(|c| aside[c] = *from.add(c * to.across));
                            }
                        }
                    }
                }
                let rows = TileRows { base: aside.0.as_mut_ptr(), offsets: offsets.as_ptr() };
                // SAFETY: as above for the operands; no tile has more than TALLEST * 2 vectors.
                unsafe { multiply_tile(s, format, [&row, &column], tile(rows)) };
                for r in 0..row.len {
                    let aside = &aside.0[r * column.width..][..column.len];
                    // SAFETY: the tile is inside the rectangle, as above.
                    unsafe {
                        let row = base.add(r * to.down);
                        if to.across == 1 {
                            copy_short(aside, core::slice::from_raw_parts_mut(row, column.len));
                        } else {
                            (0..column.len).for_each(|c| *row.add(c * to.across) = aside[c]);
                        }
                    }
                }
            }
        }
    }
}
