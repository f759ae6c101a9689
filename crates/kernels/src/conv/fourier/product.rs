//! The products of all planes: which parts of the operands are held, transformed and multiplied at
//! a time.

use core::ops::Range;

use super::block::{Inverse, Products};
use super::operand::{Operand, Packing};
use super::{Axis, Fourier};
use crate::conv::Convolution;
use crate::gemm::block::Block;
use crate::gemm::blocking::{SERIAL, Tiling};
use crate::gemm::for_each_task;
use crate::gemm::micro::TALLEST;
use crate::gemm::panels::{Panel, Panels, groups};
use crate::gemm::scratch::Scratch;
use crate::shared::Shared;
use crate::simd::{self, Isa, LANES};

/// How the products of a call are cut.
struct Plan {
    rows: Panels,
    columns: Panels,
    /// The parts of each phase of the depth that are summed at a time.
    pieces: Vec<Range<usize>>,
    /// Steps of the depth of all phases of the largest piece.
    steps: usize,
    /// The most rows and columns whose planes are held at a time.
    held: [usize; 2],
    /// The most rows and columns of a block.
    block: [usize; 2],
    /// The operand (0 for the rows, 1 for the columns) of which each task transforms its own part,
    /// if there is one. Otherwise, both are transformed before they are multiplied.
    own: Option<usize>,
}

impl Fourier {
    fn plan(&self, call: Convolution, isa: Isa) -> Plan {
        let [rows, [phases, length], columns] = call.axes().map(|axis| self.extent(call, axis));
        let pieces = if self.whole { 1 } else { (phases * length).div_ceil(self.most_steps(call)) };
        let size = length.div_ceil(pieces.clamp(1, length));
        let pieces = (0..length).step_by(size).map(|start| start..length.min(start + size)).collect();
        let steps = phases * size;
        let tiling = Tiling::unswapped(isa, rows[1], columns[1], steps);
        let rows = tiling.rows(rows[1]).repeated(rows[0]);
        let columns = tiling.columns(columns[1]).repeated(columns[0]);
        let (widths, floats) = ([rows.width, columns.width], self.planes() * (steps + 1));
        // The operand with more lanes, if it has enough for all threads.
        let longer = usize::from(widths[0] < widths[1]);
        let enough = widths[longer] >= 2 * OWN[longer] * rayon::current_num_threads();
        let own = (!self.whole && call != Convolution::WeightGrad && enough).then_some(longer);
        let (held, block) = match own {
            Some(side) => held_beside_own(side, widths, floats),
            None if self.whole => (held(widths, floats), BLOCK),
            None => held_of_tiles(widths, floats),
        };
        Plan { rows, columns, pieces, steps, held, block, own }
    }

    /// The most steps of the depth at a time that leave room for the planes of enough rows: all
    /// rows of a weight gradient, otherwise some tiles.
    fn most_steps(&self, call: Convolution) -> usize {
        let (rows, most) = match call {
            Convolution::WeightGrad => (self.extent(call, Axis::Input).iter().product(), STEPS),
            _ => (TILES, usize::MAX),
        };
        // Less the step that separates planes.
        (HELD_TILES / self.planes() / (rows + COLUMNS)).clamp(2, most) - 1
    }

    /// Computes result(row, column) = sum over the depth of left(row, depth) * right(depth, column)
    /// in every plane.
    pub(super) fn product(&self, call: Convolution, left: &[f32], right: &[f32], result: &mut [f32]) {
        let isa = simd::current();
        let parallel = self.geometry.dense_products() > SERIAL;
        let axes = call.axes();
        let [rows, depth, columns] = axes.map(|axis| self.extent(call, axis));
        let [left_factor, right_factor, result_factor] = call.roles().map(|role| self.factor(call, role));
        let Plan { rows: row_panels, columns: column_panels, pieces, held, block, own, .. } = self.plan(call, isa);
        let planes = result_factor.transform.planes;
        let shared = Shared::new(result);
        for piece in pieces {
            let steps = [depth[0], piece.len()];
            let packings = [Packing::new(&left_factor, axes[0], steps), Packing::new(&right_factor, axes[2], steps)];
            let transform = |parallel, factor, data, lanes, panels| {
                let depth = (axes[1], depth[0], piece.clone());
                Operand { isa, parallel, factor, data, lanes, depth, panels }.transform()
            };
            let left_planes = |parallel, panels| transform(parallel, &left_factor, left, (axes[0], rows[1]), panels);
            let right_planes =
                |parallel, panels| transform(parallel, &right_factor, right, (axes[2], columns[1]), panels);
            // Computes a block from the planes of its rows and columns.
            let block_of = |rows_here: &[Panel], columns_here: &[Panel], left: &[f32], right: &[f32]| {
                let plane = padded(Block::scratch_len(rows_here, columns_here));
                let mut sums = Scratch::new(plane * planes);
                isa.run(Products {
                    left,
                    right,
                    rows: rows_here,
                    columns: columns_here,
                    steps,
                    packings,
                    planes,
                    sums: &mut sums,
                    plane,
                });
                // SAFETY: no two calls have the same rows and columns.
                let to = unsafe { shared.claim() };
                isa.run(Inverse {
                    factor: &result_factor,
                    planes: &sums,
                    plane,
                    rows: rows_here,
                    columns: columns_here,
                    axes: [(axes[0], rows[1]), (axes[2], columns[1])],
                    add: piece.start > 0,
                    to,
                });
            };
            let part =
                |side: usize, held: &[Panel], here: &[Panel]| (here[0].at - held[0].at) * planes * packings[side].plane;
            let (row_groups, column_groups) = (row_panels.groups(held[0]), column_panels.groups(held[1]));
            let mut right_held = None;
            for rows_held in row_groups {
                let rows_held = &row_panels.list[rows_held];
                let mut left_held = None;
                for columns_held in column_groups.iter().cloned() {
                    let columns_held = &column_panels.list[columns_held];
                    if column_groups.len() > 1 {
                        right_held = None; // First, so that its memory is free for the next part.
                    }
                    let (row_groups, column_groups) = blocks(rows_held, columns_held, block, parallel);
                    let rows_of = |group: usize| &rows_held[row_groups[group].clone()];
                    let columns_of = |group: usize| &columns_held[column_groups[group].clone()];
                    let left_all =
                        (own != Some(0)).then(|| &**left_held.get_or_insert_with(|| left_planes(parallel, rows_held)));
                    let right_all = (own != Some(1))
                        .then(|| &**right_held.get_or_insert_with(|| right_planes(parallel, columns_held)));
                    let tasks = [row_groups.len(), column_groups.len()];
                    match (left_all, right_all) {
                        (Some(left), Some(right)) => for_each_task(parallel, tasks[0] * tasks[1], |task| {
                            let (rows, columns) = (rows_of(task % tasks[0]), columns_of(task / tasks[0]));
                            let left = &left[part(0, rows_held, rows)..];
                            block_of(rows, columns, left, &right[part(1, columns_held, columns)..]);
                        }),
                        (None, Some(right)) => for_each_task(parallel, tasks[0], |task| {
                            let left = left_planes(false, rows_of(task));
                            for columns in (0..tasks[1]).map(columns_of) {
                                block_of(rows_of(task), columns, &left, &right[part(1, columns_held, columns)..]);
                            }
                        }),
                        (Some(left), None) => for_each_task(parallel, tasks[1], |task| {
                            let right = right_planes(false, columns_of(task));
                            for rows in (0..tasks[0]).map(rows_of) {
                                block_of(rows, columns_of(task), &left[part(0, rows_held, rows)..], &right);
                            }
                        }),
                        (None, None) => unreachable!("one of the operands is transformed before"),
                    }
                }
            }
        }
    }

    /// The lengths of the planes of the two operands that a call holds at a time, approximately.
    pub(crate) fn packed(&self, call: Convolution) -> [usize; 2] {
        let Plan { rows, columns, steps, mut held, own, .. } = self.plan(call, simd::current());
        if let Some(side) = own {
            held[side] = OWN[side] * rayon::current_num_threads();
        }
        // The left one may be in chunks.
        let floats = [steps + LANES, steps].map(|steps| self.planes() * (steps + 1));
        [rows.width.min(held[0]) * floats[0], columns.width.min(held[1]) * floats[1]]
    }
}

/// The stride for buffers that are used together: an odd number of cache lines, because lines a
/// power of two apart map to the same few cache sets.
pub(super) fn padded(floats: usize) -> usize {
    (floats.div_ceil(LANES) | 1) * LANES
}

/// The most floats of planes of whole maps that are held at a time. They should stay in the
/// last-level cache.
const HELD: usize = 6 << 20;
/// How many of these are reserved for a part of one operand, if the other one fits into the rest as
/// a whole. An operand that is held as a whole is transformed only once.
const PART: usize = 1 << 20;

/// The number of rows and columns to hold at a time, given their numbers and the `floats` of each.
fn held([rows, columns]: [usize; 2], floats: usize) -> [usize; 2] {
    let part = |whole: usize| (HELD - whole * floats).min(2 * PART) / floats;
    let whole = (HELD - PART) / floats;
    if rows <= whole {
        [rows, part(rows)]
    } else if columns <= whole {
        [part(columns), columns]
    } else {
        [4 * PART / floats, 2 * PART / floats]
    }
}

/// Rows and columns of a block of the result, which is one task. Its sums in all planes (at most
/// 94) stay in the second-level cache until they are transformed.
const BLOCK: [usize; 2] = [28, 64];

/// The same as [`HELD`] for tiles. They have more planes and as a rule more rows, so there is less
/// to gain from whole operands than from large parts of both.
const HELD_TILES: usize = 8 << 20;
/// The columns and the least rows of tiles to hold at a time.
const COLUMNS: usize = 64;
const TILES: usize = 64;

/// The most steps of the depth of a piece of a weight gradient. More would hardly make the inverse
/// transforms of all pieces cheaper.
const STEPS: usize = 256;
/// The most rows of a block of tiles.
const TALL: usize = 84;

/// The rows or columns of tiles that a task transforms itself: their planes should stay in the
/// second-level cache.
const OWN: [usize; 2] = [28, 32];

/// The number of rows and columns to hold at a time, and the size of a block, if each task
/// transforms its own rows (`side` 0) or columns (1). All of these are transformed again for each
/// part of the other operand, so the parts are large.
fn held_beside_own(side: usize, mut held: [usize; 2], floats: usize) -> ([usize; 2], [usize; 2]) {
    let other = 1 - side;
    let mut block = [OWN[0], COLUMNS];
    block[side] = OWN[side];
    held[other] = held[other].min((HELD_TILES / floats).max(block[other]));
    (held, block)
}

/// The number of rows and columns to hold at a time for tiles, and the size of a block. Blocks are
/// few and large, because every plane is read for each of them; their sums may leave the
/// second-level cache.
fn held_of_tiles([rows, columns]: [usize; 2], floats: usize) -> ([usize; 2], [usize; 2]) {
    let threads = rayon::current_num_threads();
    let most = (HELD_TILES / floats).max(32);
    // All columns if that leaves enough rows, because each operand is then transformed only once.
    // Otherwise all rows, for the same reason. Otherwise parts of both.
    let (enough, some) = (rows.min(TILES), columns.min((COLUMNS / 2 * threads).max(COLUMNS)));
    let held = if columns + enough <= most {
        [(most - columns).min((HELD_TILES / 4 / floats).max(TILES)), columns]
    } else if rows + columns.min(COLUMNS) <= most {
        [rows, some.min(most - rows)]
    } else {
        let columns = columns.min(COLUMNS).min(most / 2);
        [most - columns, columns]
    };
    // Groups of equal size.
    let equal = |all: usize, most: usize| all.div_ceil(all.div_ceil(most.max(1)).max(1));
    let rows = equal(rows, held[0]);
    let held = [rows.next_multiple_of(TALLEST), held[1]];
    let tasks_across = held[1].div_ceil(COLUMNS / 2);
    let down = (2 * threads).div_ceil(tasks_across);
    let height = equal(rows, rows.div_ceil(down).clamp(28, TALL));
    (held, [height.next_multiple_of(TALLEST), COLUMNS / 2])
}

/// The blocks of the result. They are smaller if there would be too few for all threads.
fn blocks(
    rows: &[Panel],
    columns: &[Panel],
    [height, width]: [usize; 2],
    parallel: bool,
) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let (rows, wide) = (groups(rows, height), groups(columns, width));
    let enough = !parallel || rows.len() * wide.len() >= 8 || width <= COLUMNS / 2;
    (rows, if enough { wide } else { groups(columns, width / 2) })
}
