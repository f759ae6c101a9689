//! A block of the result of a convolution: some panels of the left operand times some panels of the
//! right one.
//!
//! A block processes the depth in pieces of at most [`DEPTH`] steps. Its sums wait in scratch
//! memory between pieces, so each element remains one chain of multiply-adds. With the last piece
//! they go to the result, straight from the registers where a row of the tile is contiguous there.

use super::blocking::DEPTH;
use super::micro::{Prefetch, Span, TALLEST, Tile, TileRows, multiply_tile};
use super::pairs::Format;
use super::panels::Panel;
use crate::shared::Region;
use crate::simd::{Kernel, Simd};

/// The offset of a row or column that is not part of the result.
pub(crate) const NOWHERE: usize = usize::MAX;

/// Adjacent packed panels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand<'a> {
    /// Packed memory, from the first panel of `panels` on.
    pub(crate) data: &'a [f32],
    /// Steps of the packed depth.
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

    /// Whether all panels hold the steps up to `end`.
    fn holds(&self, end: usize) -> bool {
        end <= self.depth && self.data.len() >= self.width() * self.depth
    }
}

/// The columns of a block in the result, as offsets from the start of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Columns<'a> {
    /// Contiguous, from this offset on.
    From(usize),
    /// At these offsets.
    At(&'a [usize]),
}

/// One piece of the work of a block.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    /// What the words of the operands are.
    pub(crate) format: Format,
    pub(crate) left: Operand<'a>,
    pub(crate) right: Operand<'a>,
    /// The depth of this piece.
    pub(crate) spans: &'a [Span],
    /// Start from zeros, not from the sums in scratch.
    pub(crate) first: bool,
    /// Write to the result, not to scratch.
    pub(crate) last: bool,
    /// [`Block::scratch_len`] floats.
    pub(crate) scratch: &'a mut [f32],
    /// The result, of which the block owns its rows and columns.
    pub(crate) to: Region<'a>,
    /// The offset of each row of the block in the result, or [`NOWHERE`]. Only used with the last
    /// piece.
    pub(crate) rows: &'a [usize],
    pub(crate) columns: Columns<'a>,
}

impl Block<'_> {
    /// Floats of scratch memory for a block of these panels.
    pub(crate) fn scratch_len(left: &[Panel], right: &[Panel]) -> usize {
        left.iter().map(|panel| panel.len).sum::<usize>() * right.iter().map(|panel| panel.width).sum::<usize>()
    }
}

/// Splits the spans into pieces of at most [`DEPTH`] steps and calls `visit(piece, first, last)`
/// for each, at least once.
pub(crate) fn for_each_depth_piece(spans: &[Span], mut visit: impl FnMut(&[Span], bool, bool)) {
    let total: usize = spans.iter().map(|span| span.len).sum();
    // Pieces of nearly equal depth, so that none is short.
    let pieces = total.div_ceil(DEPTH).max(1);
    let size = total.div_ceil(pieces).max(1);
    if pieces == 1 {
        return visit(spans, true, true);
    }
    let mut piece = Vec::with_capacity(spans.len().min(size) + 1);
    let (mut held, mut done) = (0, 0);
    for &(mut span) in spans {
        while span.len > 0 {
            let len = span.len.min(size - held);
            piece.push(Span { len, ..span });
            span = Span { a: span.a + len, b: span.b + len, len: span.len - len };
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
    const USES_PAIRS: bool = true;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { format, left, right, spans, first, last, scratch, mut to, rows, columns } = self;
        let stride = right.width();
        let height = left.len();
        // The unsafe code below relies on these.
        assert!(scratch.len() >= height * stride && (!last || rows.len() == height));
        assert!(left.holds(spans.iter().map(|span| span.a + span.len).max().unwrap_or(0)));
        assert!(right.holds(spans.iter().map(|span| span.b + span.len).max().unwrap_or(0)));
        assert!(left.panels.iter().all(|panel| panel.len == panel.width && panel.len <= TALLEST));
        let end = |offsets: &[usize]| offsets.iter().filter(|&&at| at != NOWHERE).max().map_or(0, |at| at + 1);
        let columns_end = match columns {
            Columns::From(first) => first + right.len(),
            Columns::At(offsets) => {
                assert!(!last || offsets.len() == right.len());
                end(offsets)
            }
        };
        assert!(!last || end(rows) == 0 || columns_end == 0 || end(rows) - 1 + columns_end <= to.len());

        let steps: usize = spans.iter().map(|span| span.len).sum();
        // The rows of a tile in scratch.
        let mut scratch_rows = [0; TALLEST];
        for (r, offset) in scratch_rows.iter_mut().enumerate() {
            *offset = r * stride;
        }
        let (row0, column0, at0) = (left.panels[0].start, right.panels[0].start, right.panels[0].at);
        for right_panel in right.panels {
            let b = right.pointer(right_panel);
            // While a right panel is in use, the next one is prefetched: a part of it with every
            // tile.
            let part = right_panel.width * steps / left.panels.len();
            let next = b.wrapping_add(right_panel.width * (right.depth + spans.first().map_or(0, |span| span.b)));
            for (i, left_panel) in left.panels.iter().enumerate() {
                let row = left_panel.start - row0;
                let offsets = if last { &rows[row..row + left_panel.len] } else { &[] };
                let in_scratch = TileRows {
                    // SAFETY: a position inside scratch, by the first assertion.
                    base: unsafe { scratch.as_mut_ptr().add(row * stride + right_panel.at - at0) },
                    offsets: scratch_rows.as_ptr(),
                };
                let direct = match columns {
                    Columns::From(first)
                        if last && right_panel.len == right_panel.width && !offsets.contains(&NOWHERE) =>
                    {
                        // SAFETY: inside the result, by the last assertion.
                        let base = unsafe { to.as_mut_ptr().add(first + right_panel.start - column0) };
                        Some(TileRows { base, offsets: offsets.as_ptr() })
                    }
                    _ => None,
                };
                let tile = Tile {
                    a: left.pointer(left_panel),
                    a_strides: [1, left_panel.width],
                    b,
                    b_step: right_panel.width,
                    prefetch: Prefetch { at: next.wrapping_add(i * part), step: (4 * part).div_ceil(steps.max(1)) },
                    spans,
                    from: (!first).then_some(in_scratch),
                    to: direct.unwrap_or(in_scratch),
                };
                // SAFETY: by the assertions, panels, scratch and result are large enough; the block
                // has its scratch alone and owns these elements of the result.
                unsafe { multiply_tile(s, format, [left_panel, right_panel], tile) };
                if last && direct.is_none() {
                    for (r, &offset) in offsets.iter().enumerate().filter(|&(_, &offset)| offset != NOWHERE) {
                        let from = &scratch[(row + r) * stride + right_panel.at - at0..][..right_panel.len];
                        let column = right_panel.start - column0;
                        match columns {
                            Columns::From(first) => {
                                let start = offset + first + column;
                                // (A loop, because these are short: a call of `memcpy` costs more.)
                                for (to, from) in to.part(start..start + from.len()).iter_mut().zip(from) {
                                    *to = *from;
                                }
                            }
                            Columns::At(columns) => {
                                let columns = &columns[column..column + right_panel.len];
                                for (&x, &at) in from.iter().zip(columns).filter(|&(_, &at)| at != NOWHERE) {
                                    to.part(offset + at..offset + at + 1)[0] = x;
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
