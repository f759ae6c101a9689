//! The matrix product: cut into rectangles for the threads and pieces of the depth, each of which
//! is packed and swept.

use core::ops::Range;

use super::blocking::{Cut, DEPTH, SERIAL, Tiling};
use super::for_each_task;
use super::pack::{PackLanes, PackSteps};
use super::pairs::{Format, convert};
use super::panels::{self, Panel};
use super::scratch::Scratch;
use super::sweep::{Rectangle, Side, Sweep};
use crate::arguments::Gemm;
use crate::shared::{Region, Shared};
use crate::simd::{self, Isa};

/// A matrix as an operand. Its lanes are the rows of the left operand or the columns of the right
/// one.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    data: &'a [f32],
    /// The distance from lane to lane. Either this or `step` is 1.
    lane: usize,
    /// The distance from step to step of the depth.
    step: usize,
}

impl<'a> Matrix<'a> {
    /// The part from this lane and step on.
    fn from(&self, lane: usize, step: usize) -> Self {
        Self { data: &self.data[lane * self.lane + step * self.step..], ..*self }
    }

    fn in_place(&self) -> Side<'a> {
        Side::InPlace { data: self.data, strides: [self.lane, self.step] }
    }

    /// Packs the first `depth` steps of adjacent panels.
    fn pack(&self, isa: Isa, panels: impl Iterator<Item = Panel>, depth: usize, to: &mut [f32]) {
        let Self { data, lane, step } = *self;
        if lane == 1 {
            let panels: Vec<Panel> = panels.collect();
            let to = Region::whole(to);
            isa.run(PackSteps { panels: &panels, source: data, stride: step, steps: 0..depth, depth, to });
        } else {
            for panel in panels {
                let to = &mut to[panel.at * depth..][..depth * panel.width];
                let lane = |l| Some((panel.start + l) * lane);
                isa.run(PackLanes { panel, source: data, lane, chunk: depth, to });
            }
        }
    }
}

/// A product in the roles that the tiling gives to its operands.
struct Product<'a> {
    isa: Isa,
    format: Format,
    rows: Matrix<'a>,
    columns: Matrix<'a>,
    depth: usize,
    tiling: Tiling,
    to: Shared<'a>,
    /// The distances from row to row and from column to column of the result.
    strides: [usize; 2],
}

/// See [`Element::gemm`](crate::Element::gemm).
pub(crate) fn gemm(g: Gemm, a: &[f32], b: &[f32], c: &mut [f32]) {
    assert_eq!((a.len(), b.len(), c.len()), (g.m * g.k, g.k * g.n, g.m * g.n), "gemm: lengths for {g:?}");
    if g.m == 0 || g.n == 0 {
        return;
    }
    if g.k == 0 {
        return c.fill(0.0);
    }
    let isa = simd::current();
    let format = Format::choose(isa, g.effective_precision());
    let parallel = g.products() > SERIAL;
    let a = convert(format, isa, parallel, if g.transpose_a { [1, g.k, g.m] } else { [g.m, g.k, 1] }, a);
    let b = convert(format, isa, parallel, if g.transpose_b { [g.n, g.k, 1] } else { [1, g.k, g.n] }, b);
    let k = format.words(g.k);
    let mut rows =
        Matrix { data: &a, lane: if g.transpose_a { 1 } else { k }, step: if g.transpose_a { g.m } else { 1 } };
    let mut columns =
        Matrix { data: &b, lane: if g.transpose_b { k } else { 1 }, step: if g.transpose_b { 1 } else { g.n } };
    let (mut m, mut n, mut strides) = (g.m, g.n, [g.n, 1]);
    let tiling = Tiling::choose(isa, m, n, k);
    if tiling.swapped {
        (rows, columns, m, n, strides) = (columns, rows, n, m, [1, g.n]);
    }
    let product = Product { isa, format, rows, columns, depth: k, tiling, to: Shared::new(c), strides };
    // Each task computes a rectangle of the result. No sum is cut, so the cut may depend on the
    // number of threads.
    let threads = if parallel { rayon::current_num_threads() } else { 1 };
    let cut = Cut::choose(&tiling, m, n, threads);
    for_each_task(threads > 1, cut.tasks(), |task| {
        let [rows, columns] = cut.task(task);
        product.rectangle(rows, columns);
    });
}

impl Product<'_> {
    /// Computes one rectangle of the result.
    fn rectangle(&self, rows: Range<usize>, columns: Range<usize>) {
        let Self { isa, format, tiling, strides: [down, across], .. } = *self;
        let (m, n) = (rows.len(), columns.len());
        let row_panels = |len| panels::rows(len, tiling.tallest);
        let column_panels = || panels::columns(n, tiling.vectors);
        let pieces = self.depth.div_ceil(DEPTH);
        let piece = self.depth.div_ceil(pieces);
        let [pack_rows, pack_columns] = tiling.packs(m, n, piece, [self.rows.step, self.columns.step]);
        let rows_at_a_time = tiling.rows_at_a_time(m);

        let width = column_panels().map(|panel| panel.width).sum::<usize>();
        let mut packed_columns = Scratch::new(if pack_columns { width * piece } else { 0 });
        let mut packed_rows = Scratch::new(if pack_rows { rows_at_a_time * piece } else { 0 });
        for start in (0..self.depth).step_by(piece) {
            let depth = piece.min(self.depth - start);
            let right = self.columns.from(columns.start, start);
            let right = if pack_columns {
                right.pack(isa, column_panels(), depth, &mut packed_columns);
                Side::Packed { data: &packed_columns, depth }
            } else {
                right.in_place()
            };
            for first_row in (0..m).step_by(rows_at_a_time) {
                let height = rows_at_a_time.min(m - first_row);
                let row = rows.start + first_row;
                let left = self.rows.from(row, start);
                let left = if pack_rows {
                    left.pack(isa, row_panels(height), depth, &mut packed_rows);
                    Side::Packed { data: &packed_rows, depth }
                } else {
                    left.in_place()
                };
                // SAFETY: the rectangles of two tasks do not overlap, and the sweep accesses only
                // its own.
                let region = unsafe { self.to.claim() };
                let to = Rectangle { region, start: row * down + columns.start * across, down, across };
                let (rows, columns) = (row_panels(height), column_panels());
                isa.run(Sweep { format, left, right, rows, columns, depth, first: start == 0, to });
            }
        }
    }
}
