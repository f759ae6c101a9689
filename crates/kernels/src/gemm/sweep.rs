//! A sweep: all tiles of a rectangle of the result, for one piece of the depth.
//!
//! Between two pieces the sums rest in the result itself, and the next piece goes on from them, so every element stays one
//! chain of multiply-adds.

use super::micro::{Ahead, Place, Run, TALLEST, Tile, multiply_tile};
use super::pack::copy_short;
use super::panels::Panel;
use crate::simd::{Kernel, LANES, Simd};

/// An operand of a sweep: its lanes are rows of the left one or columns of the right one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side<'a> {
    /// Panels one behind the other, `depth` steps each.
    Packed { data: &'a [f32], depth: usize },
    /// The matrix as it is: the strides from lane to lane and from step to step, of which one is 1. (As a right operand, the
    /// first.)
    InPlace { data: &'a [f32], strides: [usize; 2] },
}

impl Side<'_> {
    /// Where the panel begins, and its strides.
    #[inline(always)]
    fn panel(&self, panel: &Panel) -> (*const f32, [usize; 2]) {
        match *self {
            Side::Packed { data, depth } => (data.as_ptr().wrapping_add(panel.at * depth), [1, panel.width]),
            Side::InPlace { data, strides } => (data.as_ptr().wrapping_add(panel.start * strides[0]), strides),
        }
    }

    /// All of `depth` steps of panels up to this last one is there, so far as tiles read it.
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

/// A rectangle of the result, row by row or column by column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rectangle {
    /// Its first element.
    pub(crate) base: *mut f32,
    /// Elements from there to the end of the result.
    pub(crate) len: usize,
    /// From row to row.
    pub(crate) down: usize,
    /// From column to column.
    pub(crate) across: usize,
}

/// One sweep.
pub(crate) struct Sweep<'a, R, C> {
    pub(crate) left: Side<'a>,
    pub(crate) right: Side<'a>,
    /// The left panels, from the first of `left` on.
    pub(crate) rows: R,
    /// The right panels.
    pub(crate) columns: C,
    /// Steps of this piece, at least one.
    pub(crate) depth: usize,
    /// Start from zeros rather than from the sums in the result.
    pub(crate) first: bool,
    /// The rectangle, which this sweep alone reads and writes.
    pub(crate) to: Rectangle,
}

/// A tile of the greatest area, on a cache line.
#[repr(align(64))]
struct Aside([f32; TALLEST * 2 * LANES]);

impl<R, C> Kernel for Sweep<'_, R, C>
where
    R: Iterator<Item = Panel> + Clone,
    C: Iterator<Item = Panel> + Clone,
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { left, right, rows, columns, depth, first, to } = self;
        let (Some(last_row), Some(last_column)) = (rows.clone().last(), columns.clone().last()) else { return };
        assert!(depth > 0 && left.holds(last_row, depth) && right.holds(last_column, depth), "operands too small");
        let (height, width) = (last_row.start + last_row.len, last_column.start + last_column.len);
        assert!((height - 1) * to.down + (width - 1) * to.across < to.len, "result too small");
        let run = [Run { a: 0, b: 0, len: depth }];
        let mut direct = [0; TALLEST];
        for (r, row) in direct.iter_mut().enumerate() {
            *row = r * to.down;
        }
        let mut aside = Aside([0.0; TALLEST * 2 * LANES]);
        let tiles = rows.clone().count();
        for column in columns {
            let (b, [_, b_step]) = right.panel(&column);
            // While a right panel is in use, the next one is fetched: a part of it with every tile.
            let part = if matches!(right, Side::Packed { .. }) { column.width * depth / tiles } else { 0 };
            let step = (4 * part).div_ceil(depth);
            let next_panel = b.wrapping_add(depth * b_step);
            for (i, row) in rows.clone().enumerate() {
                let (a, a_strides) = left.panel(&row);
                let base = to.base.wrapping_add(row.start * to.down + column.start * to.across);
                let tile = |place: Place| Tile {
                    a,
                    a_strides,
                    b,
                    b_step,
                    ahead: Ahead { at: next_panel.wrapping_add(i * part), step },
                    runs: &run,
                    from: (!first).then_some(place),
                    to: place,
                };
                if to.across == 1 && column.len == column.width {
                    // SAFETY: the assertions above: both panels hold the piece's steps, and the tile is inside the
                    // rectangle, which is this sweep's own.
                    unsafe { multiply_tile(s, &row, &column, tile(Place { base, rows: direct.as_ptr() })) };
                    continue;
                }
                // A tile that is not whole, or not contiguous in the result, is computed aside.
                let mut lines = [0; TALLEST];
                for (r, line) in lines.iter_mut().enumerate() {
                    *line = r * column.width;
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
                let place = Place { base: aside.0.as_mut_ptr(), rows: lines.as_ptr() };
                // SAFETY: as above for the operands; no tile has more than TALLEST * 2 vectors.
                unsafe { multiply_tile(s, &row, &column, tile(place)) };
                for r in 0..row.len {
                    let aside = &aside.0[r * column.width..][..column.len];
                    // SAFETY: as above.
                    unsafe {
                        let place = base.add(r * to.down);
                        if to.across == 1 {
                            copy_short(aside, core::slice::from_raw_parts_mut(place, column.len));
                        } else {
                            (0..column.len).for_each(|c| *place.add(c * to.across) = aside[c]);
                        }
                    }
                }
            }
        }
    }
}
