//! A block of the result: the products of its planes, and their inverse transform.

use super::Axis;
use super::operand::Packing;
use super::product::padded;
use super::tiles::Factor;
use super::transform::{Between, inverse};
use crate::gemm::micro::{CHUNKED, Prefetch, Span, TALLEST, Tile, TileRows, multiply_tile};
use crate::gemm::pack::copy_short;
use crate::gemm::pairs::Format;
use crate::gemm::panels::Panel;
use crate::gemm::scratch::Scratch;
use crate::shared::Region;
use crate::simd::{Kernel, LANES, Simd, prefetch_l1};

/// The products of a block, plane by plane.
pub(super) struct Products<'a> {
    /// The packed panels of the rows and of the columns, each panel with all its planes.
    pub(super) left: &'a [f32],
    pub(super) right: &'a [f32],
    pub(super) rows: &'a [Panel],
    pub(super) columns: &'a [Panel],
    /// The phases of the depth, and the steps of each.
    pub(super) steps: [usize; 2],
    /// How the left and the right operand are packed.
    pub(super) packings: [Packing; 2],
    pub(super) planes: usize,
    /// The sums, and their distance in floats from plane to plane.
    pub(super) sums: &'a mut [f32],
    pub(super) plane: usize,
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { left, right, rows, columns, steps: [phases, each], packings, planes, sums, plane } = self;
        let steps = phases * each;
        let widths = |panels: &[Panel]| panels.iter().map(|panel| panel.width).sum::<usize>();
        let stride = widths(columns);
        // The unsafe code below relies on these.
        let [left_steps, right_steps] = packings.map(|packing| packing.plane);
        assert!(left.len() >= widths(rows) * planes * left_steps && right.len() >= stride * planes * right_steps);
        assert!(steps <= right_steps && !packings[1].chunked);
        assert!(plane >= widths(rows) * stride && sums.len() >= planes * plane);
        assert!(rows.iter().all(|panel| panel.len == panel.width && panel.len <= TALLEST));
        let mut offsets = [0; TALLEST];
        for (r, offset) in offsets.iter_mut().enumerate() {
            *offset = r * stride;
        }
        let chunked = packings[0].chunked;
        let spans = if chunked {
            let chunks = each.div_ceil(LANES);
            assert!(phases * chunks * LANES <= left_steps);
            let chunk = |i: usize| {
                let (phase, first) = (i / chunks, i % chunks * LANES);
                Span { a: i * LANES, b: phase * each + first, len: LANES.min(each - first) }
            };
            (0..phases * chunks).map(chunk).collect()
        } else {
            assert!(steps <= left_steps);
            vec![Span { a: 0, b: 0, len: steps }]
        };
        let start = |data: &[f32], panels: &[Panel], i: usize, side: usize, p: usize| {
            let plane_steps = packings[side].plane;
            let panel = (panels[i].at - panels[0].at) * planes * plane_steps;
            data.as_ptr().wrapping_add(panel + p * plane_steps * panels[i].width)
        };
        for p in 0..planes {
            for (c, column) in columns.iter().enumerate() {
                // While a right panel is in use, the next one is prefetched: a part of it with
                // every tile.
                let next = if c + 1 < columns.len() {
                    start(right, columns, c + 1, 1, p)
                } else {
                    start(right, columns, 0, 1, p + 1)
                };
                let part = column.width * steps / rows.len();
                for (r, row) in rows.iter().enumerate() {
                    // SAFETY: a position in sums, by the assertions.
                    let base = unsafe {
                        sums.as_mut_ptr().add(p * plane + (row.at - rows[0].at) * stride + column.at - columns[0].at)
                    };
                    let tile = Tile {
                        a: start(left, rows, r, 0, p),
                        a_strides: if chunked { CHUNKED } else { [1, row.width] },
                        b: start(right, columns, c, 1, p),
                        b_step: column.width,
                        prefetch: Prefetch { at: next.wrapping_add(r * part), step: (4 * part).div_ceil(steps) },
                        spans: &spans,
                        from: None,
                        to: TileRows { base, offsets: offsets.as_ptr() },
                    };
                    // SAFETY: by the assertions, panels and sums are large enough; the sums are
                    // borrowed.
                    unsafe { multiply_tile(s, Format::Float, [row, column], tile) };
                }
            }
        }
    }
}

/// The inverse transform: the planes of a block become tiles of the result.
///
/// Adjacent elements of a tile may lie a power of two apart in the result, so that their cache
/// lines share a set. A line would then be evicted before its other half is written. Therefore a
/// row of tiles is buffered first, and each contiguous run of the result is written as a whole.
pub(super) struct Inverse<'a> {
    pub(super) factor: &'a Factor,
    pub(super) planes: &'a [f32],
    pub(super) rows: &'a [Panel],
    pub(super) columns: &'a [Panel],
    /// The axes of the rows and of the columns, and their lengths in each phase.
    pub(super) axes: [(Axis, usize); 2],
    /// Whether to add to the result instead of replacing it.
    pub(super) add: bool,
    /// The distance from plane to plane, in floats.
    pub(super) plane: usize,
    /// The result, of which this owns the rows and columns.
    pub(super) to: Region<'a>,
}

impl Kernel for Inverse<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { factor, planes, rows, columns, axes: [(row_axis, rows_each), column_axis], add, plane, mut to } =
            self;
        let columns_each = column_axis.1;
        let stride: usize = columns.iter().map(|panel| panel.width).sum();
        let height: usize = rows.iter().map(|panel| panel.len).sum();
        assert!(plane >= height * stride && planes.len() >= plane * factor.transform.planes);
        let (elements, wide) = (factor.transform.size(), padded(stride));
        let (mut staged, mut between) = (Scratch::new(elements * wide), Between::new());
        for r in 0..height {
            let (row_phase, row) = ((rows[0].start + r) / rows_each, (rows[0].start + r) % rows_each);
            let place = factor.place(row_axis, row);
            for columns_here in columns.chunk_by(|a, b| a.start / columns_each == b.start / columns_each) {
                let first = columns_here[0];
                let (column_phase, column) = (first.start / columns_each, first.start % columns_each);
                let count: usize = columns_here.iter().map(|panel| panel.len).sum();
                let tile = factor.tile(row_phase.max(column_phase), place);
                for down in tile.rows {
                    let Some(down) = down else { continue };
                    for across in tile.columns {
                        let Some(across) = across else { continue };
                        let at = to.as_mut_ptr().wrapping_add(tile.base + down + across + column);
                        for line in 0..count.div_ceil(LANES) {
                            prefetch_l1(at.wrapping_add(line * LANES));
                        }
                    }
                }
                for panel in columns_here {
                    for at in (panel.at..panel.at + panel.len).step_by(LANES) {
                        // SAFETY: by the assertion, each plane has a vector of row r and this
                        // panel; `staged` has room for each element of a tile and each column.
                        unsafe {
                            let from = planes.as_ptr().add(r * stride + at - columns[0].at);
                            let to = staged.as_mut_ptr().add(at - first.at);
                            inverse(s, &factor.transform, from, plane, &mut between, |element, value: S::F| {
                                s.store(value, &mut *to.add(element * wide).cast());
                            });
                        }
                    }
                }
                let mut lines = staged.chunks_exact(wide);
                for down in tile.rows {
                    for across in tile.columns {
                        let Some(line) = lines.next() else { return };
                        let (Some(down), Some(across)) = (down, across) else { continue };
                        let offset = tile.base + down + across + column;
                        let (line, to) = (&line[..count], to.part(offset..offset + count));
                        if add {
                            to.iter_mut().zip(line).for_each(|(to, x)| *to += x);
                        } else {
                            copy_short(line, to);
                        }
                    }
                }
            }
        }
    }
}
