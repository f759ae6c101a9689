//! The matrix product, and the machinery that convolutions share with it.
//!
//! From the inside out: [`micro`] multiplies two panels into a tile of registers; [`panels`] and [`pack`] bring the
//! operands into panels; [`block`] combines panels while they are in the near caches; [`blocking`] chooses all sizes;
//! this file splits a matrix product into blocks and hands them to the threads.

pub(crate) mod block;
pub(crate) mod blocking;
pub(crate) mod micro;
pub(crate) mod pack;
pub(crate) mod panels;
pub(crate) mod scratch;
#[cfg(test)]
pub(crate) mod tests;

use core::ops::Range;

use rayon::prelude::*;

use crate::element::Gemm;
use crate::simd::{self, Isa, Kernel, LANES};
use block::{Block, Columns, Operand, Shared, for_each_piece};
use blocking::{COLUMNS, DEPTH, PACKED, ROWS, SERIAL, Tiling};
use micro::Run;
use pack::{PackLanes, PackSteps};
use panels::Panel;
use scratch::Scratch;

/// Runs `kernel` on this instruction set. A call of ours asks once which set to use and keeps to it, as its tiles are
/// made for the set's registers.
#[inline]
pub(crate) fn run_on<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    use simd::Simd;
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => simd::Avx512::detect().expect("only chosen where present").run(kernel),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => simd::Avx2::detect().expect("only chosen where present").run(kernel),
        _ => simd::Portable.run(kernel),
    }
}

/// Calls `work(0)`, ..., `work(count - 1)`, on all threads if there is enough to do.
pub(crate) fn for_each_task(parallel: bool, count: usize, work: impl Fn(usize) + Send + Sync) {
    if parallel && count > 1 {
        (0..count).into_par_iter().for_each(work);
    } else {
        (0..count).for_each(work);
    }
}

/// A matrix as an operand: lanes are rows of the left one or columns of the right one.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    data: &'a [f32],
    /// From lane to lane; 1, or else `step` is 1.
    lane: usize,
    /// From step to step of the depth.
    step: usize,
}

impl Matrix<'_> {
    /// Packs the steps `steps` of some panels to `at` and further of a packed depth of `depth` steps.
    fn pack(&self, isa: Isa, panels: &[Panel], steps: Range<usize>, at: usize, depth: usize, to: Shared) {
        let Self { data, lane, step } = *self;
        if lane == 1 {
            let source = &data[steps.start * step..];
            run_on(isa, PackSteps { panels, source, stride: step, steps: at..at + steps.len(), depth, to });
        } else {
            for &panel in panels {
                let start = (panel.at - panels[0].at) * depth + at * panel.width;
                // SAFETY: every panel and step has its own part, and no two tasks pack the same.
                let to = unsafe { to.part(start..start + steps.len() * panel.width) };
                let lane = |l| Some((panel.start + l) * lane + steps.start);
                run_on(isa, PackLanes { panel, source: data, lane, chunk: steps.len(), to });
            }
        }
    }

    /// Packs panels for the whole depth.
    fn pack_all(&self, isa: Isa, panels: &[Panel], depth: usize, parallel: bool) -> Scratch {
        let last = panels[panels.len() - 1];
        let mut packed = Scratch::new((last.at + last.width - panels[0].at) * depth);
        let to = Shared::new(&mut packed);
        // A task: some steps of all panels where a step is contiguous, all steps of one panel otherwise.
        if self.lane == 1 {
            let slab = (1 << 14) / (last.start + last.len - panels[0].start) + 1;
            for_each_task(parallel, depth.div_ceil(slab), |task| {
                let steps = task * slab..depth.min((task + 1) * slab);
                self.pack(isa, panels, steps.clone(), steps.start, depth, to);
            });
        } else {
            let slabs = depth.div_ceil(DEPTH);
            for_each_task(parallel, panels.len() * slabs, |task| {
                let (panel, start) = (panels[task / slabs], task % slabs * DEPTH);
                let base = (panel.at - panels[0].at) * depth;
                let steps = start..depth.min(start + DEPTH);
                // SAFETY: every panel has its own part.
                let to =
                    Shared::new(unsafe { to.part(base + steps.start * panel.width..base + steps.end * panel.width) });
                self.pack(isa, &[panel], steps.clone(), 0, steps.len(), to);
            });
        }
        packed
    }
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
    let mut rows =
        Matrix { data: a, lane: if g.transpose_a { 1 } else { g.k }, step: if g.transpose_a { g.m } else { 1 } };
    let mut columns =
        Matrix { data: b, lane: if g.transpose_b { g.k } else { 1 }, step: if g.transpose_b { 1 } else { g.n } };
    let (mut m, mut n) = (g.m, g.n);
    let tiling = Tiling::choose(isa, m, n, g.k);
    if tiling.swapped {
        (rows, columns, m, n) = (columns, rows, n, m);
    }
    // The offset of (row, column) in c is row * down + column * across.
    let (down, across) = if tiling.swapped { (1, g.n) } else { (g.n, 1) };
    let parallel = m * n * g.k > SERIAL;
    let (row_panels, column_panels) = (tiling.rows(m), tiling.columns(n));
    // A left operand of moderate size is packed once for all; of a large one, every block packs what it needs when it
    // needs it, and its columns reach so far that it hardly ever needs it twice.
    let whole = m * g.k <= PACKED;
    let (row_groups, column_groups) =
        groups(&row_panels, &column_panels, if whole { COLUMNS } else { 4 * COLUMNS }, parallel);
    let packed_rows = whole.then(|| rows.pack_all(isa, &row_panels.list, g.k, parallel));
    let to = Shared::new(c);

    // Groups of columns whose packed panels are held at a time.
    let mut first = 0;
    while first < column_groups.len() {
        let start = column_groups[first].start;
        let fits = |group: &Range<usize>| {
            let last = column_panels.list[group.end - 1];
            (last.at + last.width - column_panels.list[start].at) * g.k <= PACKED
        };
        let held = column_groups[first..].iter().take_while(|group| fits(group)).count().max(1);
        let held_groups = &column_groups[first..first + held];
        let held_panels = &column_panels.list[start..held_groups[held - 1].end];
        let packed = columns.pack_all(isa, held_panels, g.k, parallel);
        for_each_task(parallel, held * row_groups.len(), |task| {
            let left = &row_panels.list[row_groups[task / held].clone()];
            let right = &column_panels.list[held_groups[task % held].clone()];
            let from = (right[0].at - held_panels[0].at) * g.k;
            let right = Operand { data: &packed[from..], depth: g.k, panels: right };
            let left = match &packed_rows {
                Some(packed) => Left::Packed(Operand { data: &packed[left[0].at * g.k..], depth: g.k, panels: left }),
                None => Left::Plain(&rows, left),
            };
            block_of_gemm(isa, left, right, to, down, across);
        });
        first += held;
    }
}

/// The blocks: groups of row panels and of column panels. A small product gets smaller ones, so that all threads have work.
pub(crate) fn groups(
    rows: &panels::Panels,
    columns: &panels::Panels,
    mut width: usize,
    parallel: bool,
) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let mut height = ROWS;
    loop {
        let groups = (rows.groups(height), columns.groups(width));
        if !parallel || groups.0.len() * groups.1.len() >= 8 || height <= 28 && width <= 2 * LANES {
            return groups;
        }
        // Halve the longer side.
        if height > 28 && height * 2 > width { height /= 2 } else { width /= 2 }
    }
}

/// The left operand of a block.
enum Left<'a> {
    Packed(Operand<'a>),
    Plain(&'a Matrix<'a>, &'a [Panel]),
}

/// Computes one block of c.
fn block_of_gemm(isa: Isa, left: Left<'_>, right: Operand<'_>, to: Shared, down: usize, across: usize) {
    let (Left::Packed(Operand { panels, .. }) | Left::Plain(_, panels)) = left;
    let height: usize = panels.iter().map(|panel| panel.len).sum();
    let width: usize = right.panels.iter().map(|panel| panel.len).sum();
    let mut scratch = Scratch::new(Block::scratch_len(panels, right.panels));
    let mut packed = Scratch::new(if matches!(left, Left::Plain(..)) { height * right.depth.min(DEPTH) } else { 0 });
    let places: Vec<usize> = (0..height).map(|r| (panels[0].start + r) * down).collect();
    let first = right.panels[0].start;
    let across: Vec<usize> =
        if across == 1 { Vec::new() } else { (first..first + width).map(|c| c * across).collect() };
    for_each_piece(&[Run { a: 0, b: 0, len: right.depth }], |piece, begins, ends| {
        let Run { a, b, len } = piece[0];
        let (left, a) = match left {
            Left::Packed(operand) => (operand, a),
            Left::Plain(matrix, panels) => {
                matrix.pack(isa, panels, a..a + len, 0, len, Shared::new(&mut packed));
                (Operand { data: &packed, depth: len, panels }, 0)
            }
        };
        let block = Block {
            left,
            right,
            runs: &[Run { a, b, len }],
            first: begins,
            last: ends,
            scratch: &mut scratch,
            to,
            rows: &places,
            columns: if across.is_empty() { Columns::From(first) } else { Columns::At(&across) },
        };
        // Every block is another rectangle of c: no two tasks write the same element.
        run_on(isa, block);
    });
}
