//! A block of the result: the products of its planes, and their inverse transform.

use super::Axis;
use super::product::padded;
use super::tiles::Factor;
use super::transform::{Between, inverse};
use crate::gemm::micro::{Prefetch, Span, TALLEST, Tile, TileRows, multiply_tile};
use crate::gemm::pack::copy_short;
use crate::gemm::pairs::Format;
use crate::gemm::panels::Panel;
use crate::gemm::scratch::Scratch;
use crate::shared::Region;
use crate::simd::{Kernel, LANES, Simd};

/// The products of a block, plane by plane.
pub(super) struct Products<'a> {
    /// The packed panels of the rows and of the columns, each panel with all its planes.
    pub(super) left: &'a [f32],
    pub(super) right: &'a [f32],
    pub(super) rows: &'a [Panel],
    pub(super) columns: &'a [Panel],
    /// The steps of a plane, and the steps from the start of one plane to the next.
    pub(super) steps: [usize; 2],
    pub(super) planes: usize,
    /// The sums, and their distance in floats from plane to plane.
    pub(super) sums: &'a mut [f32],
    pub(super) plane: usize,
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { left, right, rows, columns, steps: [steps, plane_steps], planes, sums, plane } = self;
        let all_steps = planes * plane_steps;
        let widths = |panels: &[Panel]| panels.iter().map(|panel| panel.width).sum::<usize>();
        let stride = widths(columns);
        // The unsafe code below relies on these.
        assert!(steps <= plane_steps && left.len() >= widths(rows) * all_steps && right.len() >= stride * all_steps);
        assert!(plane >= widths(rows) * stride && sums.len() >= planes * plane);
        assert!(rows.iter().all(|panel| panel.len == panel.width && panel.len <= TALLEST));
        let mut offsets = [0; TALLEST];
        for (r, offset) in offsets.iter_mut().enumerate() {
            *offset = r * stride;
        }
        let spans = [Span { a: 0, b: 0, len: steps }];
        let start = |data: &[f32], panels: &[Panel], i: usize, p: usize| {
            data.as_ptr().wrapping_add((panels[i].at - panels[0].at) * all_steps + p * plane_steps * panels[i].width)
        };
        for p in 0..planes {
            for (c, column) in columns.iter().enumerate() {
                // While a right panel is in use, the next one is prefetched: a part of it with
                // every tile.
                let next = if c + 1 < columns.len() {
                    start(right, columns, c + 1, p)
                } else {
                    start(right, columns, 0, p + 1)
                };
                let part = column.width * steps / rows.len();
                for (r, row) in rows.iter().enumerate() {
                    // SAFETY: a position in sums, by the assertions.
                    let base = unsafe {
                        sums.as_mut_ptr().add(p * plane + (row.at - rows[0].at) * stride + column.at - columns[0].at)
                    };
                    let tile = Tile {
                        a: start(left, rows, r, p),
                        a_strides: [1, row.width],
                        b: start(right, columns, c, p),
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
                let count: usize = columns_here.iter().map(|panel| panel.len).sum();
                for (element, line) in factor.elements(row_phase.max(column_phase)).zip(staged.chunks_exact(wide)) {
                    let Some(offset) = element.offset(place) else { continue };
                    let (line, to) = (&line[..count], to.part(offset + column..offset + column + count));
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
