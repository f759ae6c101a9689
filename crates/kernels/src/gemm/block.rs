//! A block of the result: some panels of the left operand times some panels of the right one.
//!
//! The block walks the depth in pieces of at most [`DEPTH`] steps. Between two pieces its sums rest in scratch memory, and
//! the next piece goes on from them, so every element stays one chain of multiply-adds. With the last piece the sums go
//! where they belong, directly from the registers if a row of the tile is contiguous there.

use super::blocking::DEPTH;
use super::micro::{Ahead, Place, Run, TALLEST, Tile, multiply_tile};
use super::panels::Panel;
use crate::simd::{Kernel, Simd};

/// An offset that says: this row or column is not wanted.
pub(crate) const NOWHERE: usize = usize::MAX;

/// Neighbouring packed panels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand<'a> {
    /// The panels' numbers, from the first panel of `panels` on.
    pub(crate) data: &'a [f32],
    /// Steps of the depth in packed memory.
    pub(crate) depth: usize,
    pub(crate) panels: &'a [Panel],
}

impl Operand<'_> {
    fn pointer(&self, panel: &Panel) -> *const f32 {
        self.data[(panel.at - self.panels[0].at) * self.depth..].as_ptr()
    }

    fn width(&self) -> usize {
        self.panels.iter().map(|panel| panel.width).sum()
    }

    fn len(&self) -> usize {
        self.panels.iter().map(|panel| panel.len).sum()
    }

    /// Every step that a run reads is there.
    fn holds(&self, end: usize) -> bool {
        end <= self.depth && self.data.len() >= self.width() * self.depth
    }
}

/// Memory that several threads write to, each its own elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared {
    pub(crate) pointer: *mut f32,
    pub(crate) len: usize,
}

// SAFETY: a plain address; whoever writes through it says why no one else does so at the same place.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(crate) fn new(slice: &mut [f32]) -> Self {
        Self { pointer: slice.as_mut_ptr(), len: slice.len() }
    }

    /// # Safety
    /// As long as the slice lives, no one else reads or writes these elements, and their owner is borrowed.
    #[expect(clippy::mut_from_ref, reason = "the caller promises that the parts are disjoint")]
    pub(crate) unsafe fn part(&self, range: core::ops::Range<usize>) -> &mut [f32] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: inside the slice that `self` was made of; alone, as the caller promises.
        unsafe { core::slice::from_raw_parts_mut(self.pointer.add(range.start), range.end - range.start) }
    }
}

/// Where the block's columns are in the result, relative to a row's offset.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Columns<'a> {
    /// Side by side from this offset on.
    From(usize),
    /// At these offsets.
    At(&'a [usize]),
}

/// One piece of a block's work.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    pub(crate) left: Operand<'a>,
    pub(crate) right: Operand<'a>,
    /// The depth of this piece.
    pub(crate) runs: &'a [Run],
    /// Start from zeros rather than from the sums in scratch.
    pub(crate) first: bool,
    /// Write the result rather than sums to scratch.
    pub(crate) last: bool,
    /// [`Block::scratch_len`] floats.
    pub(crate) scratch: &'a mut [f32],
    pub(crate) to: Shared,
    /// The offset of each row of the block in the result, or [`NOWHERE`]. (Only looked at with the last piece.)
    pub(crate) rows: &'a [usize],
    pub(crate) columns: Columns<'a>,
}

impl Block<'_> {
    /// The scratch that a block of these panels needs.
    pub(crate) fn scratch_len(left: &[Panel], right: &[Panel]) -> usize {
        left.iter().map(|panel| panel.len).sum::<usize>() * right.iter().map(|panel| panel.width).sum::<usize>()
    }
}

/// Splits the runs into pieces of at most [`DEPTH`] steps and calls `visit(piece, first, last)` for each, at least once.
pub(crate) fn for_each_piece(runs: &[Run], mut visit: impl FnMut(&[Run], bool, bool)) {
    let total: usize = runs.iter().map(|run| run.len).sum();
    // Pieces of nearly equal depth, none of them short.
    let pieces = total.div_ceil(DEPTH).max(1);
    let size = total.div_ceil(pieces).max(1);
    if pieces == 1 {
        return visit(runs, true, true);
    }
    let mut piece = Vec::with_capacity(runs.len().min(size) + 1);
    let (mut held, mut done) = (0, 0);
    for &(mut run) in runs {
        while run.len > 0 {
            let len = run.len.min(size - held);
            piece.push(Run { len, ..run });
            run = Run { a: run.a + len, b: run.b + len, len: run.len - len };
            held += len;
            if held == size || done + held == total {
                visit(&piece, done == 0, done + held == total);
                done += held;
                held = 0;
                piece.clear();
            }
        }
    }
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { left, right, runs, first, last, scratch, to, rows, columns } = self;
        let stride = right.width();
        let height = left.len();
        // What the unsafe code below relies on.
        assert!(scratch.len() >= height * stride && (!last || rows.len() == height));
        assert!(left.holds(runs.iter().map(|run| run.a + run.len).max().unwrap_or(0)));
        assert!(right.holds(runs.iter().map(|run| run.b + run.len).max().unwrap_or(0)));
        assert!(left.panels.iter().all(|panel| panel.len == panel.width && panel.len <= TALLEST));
        let most = |offsets: &[usize]| offsets.iter().filter(|&&at| at != NOWHERE).max().map_or(0, |at| at + 1);
        let furthest = match columns {
            Columns::From(first) => first + right.len(),
            Columns::At(offsets) => {
                assert!(!last || offsets.len() == right.len());
                most(offsets)
            }
        };
        assert!(!last || most(rows) == 0 || furthest == 0 || most(rows) - 1 + furthest <= to.len);

        let steps: usize = runs.iter().map(|run| run.len).sum();
        // The rows of a tile in scratch.
        let mut lines = [0; TALLEST];
        for (r, line) in lines.iter_mut().enumerate() {
            *line = r * stride;
        }
        let (row0, column0, at0) = (left.panels[0].start, right.panels[0].start, right.panels[0].at);
        for right_panel in right.panels {
            let b = right.pointer(right_panel);
            // While a right panel is in use, the next one is fetched: a part of it with every tile.
            let part = right_panel.width * steps / left.panels.len();
            let next = b.wrapping_add(right_panel.width * (right.depth + runs.first().map_or(0, |run| run.b)));
            for (i, left_panel) in left.panels.iter().enumerate() {
                let row = left_panel.start - row0;
                let places = if last { &rows[row..row + left_panel.len] } else { &[] };
                let rest = Place {
                    // SAFETY: a position inside scratch, by the first assertion.
                    base: unsafe { scratch.as_mut_ptr().add(row * stride + right_panel.at - at0) },
                    rows: lines.as_ptr(),
                };
                let direct = match columns {
                    Columns::From(first)
                        if last && right_panel.len == right_panel.width && !places.contains(&NOWHERE) =>
                    {
                        // SAFETY: inside the result, by the last assertion.
                        let base = unsafe { to.pointer.add(first + right_panel.start - column0) };
                        Some(Place { base, rows: places.as_ptr() })
                    }
                    _ => None,
                };
                let tile = Tile {
                    a: left.pointer(left_panel),
                    a_strides: [1, left_panel.width],
                    b,
                    b_step: right_panel.width,
                    ahead: Ahead { at: next.wrapping_add(i * part), step: (4 * part).div_ceil(steps.max(1)) },
                    runs,
                    from: (!first).then_some(rest),
                    to: direct.unwrap_or(rest),
                };
                // SAFETY: the assertions above: panels, scratch and result are large enough; this block alone has
                // its scratch, and its part of the result by the promise of who made the block.
                unsafe { multiply_tile(s, left_panel, right_panel, tile) };
                if last && direct.is_none() {
                    for (r, &place) in places.iter().enumerate().filter(|&(_, &place)| place != NOWHERE) {
                        let from = &scratch[(row + r) * stride + right_panel.at - at0..][..right_panel.len];
                        let column = right_panel.start - column0;
                        match columns {
                            // SAFETY: inside the result, by the last assertion, and this block's own.
                            Columns::From(first) => unsafe {
                                let at = to.pointer.add(place + first + column);
                                for (i, &x) in from.iter().enumerate() {
                                    at.add(i).write(x);
                                }
                            },
                            Columns::At(offsets) => {
                                let offsets = &offsets[column..column + right_panel.len];
                                for (&x, &at) in from.iter().zip(offsets).filter(|&(_, &at)| at != NOWHERE) {
                                    // SAFETY: as above.
                                    unsafe { to.pointer.add(place + at).write(x) };
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
