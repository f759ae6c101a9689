//! The products of all planes: which parts of the operands are held, transformed and multiplied at
//! a time.

use core::ops::Range;

use super::block::{Inverse, Products};
use super::transform::{Forward, Role};
use super::{Axis, Factor, Fourier};
use crate::gemm::block::Block;
use crate::gemm::blocking::{SERIAL, Tiling};
use crate::gemm::for_each_task;
use crate::gemm::pack::{PackLanes, PackSteps};
use crate::gemm::panels::{Panel, groups};
use crate::gemm::scratch::Scratch;
use crate::shared::{Region, Shared};
use crate::simd::{self, Isa, LANES};

impl Fourier {
    /// Computes result(row, column) = sum over the depth of left(row, depth) * right(depth, column)
    /// in every plane. The axes are those of the rows, the depth and the columns.
    pub(super) fn product(&self, axes: [Axis; 3], roles: [Role; 3], left: &[f32], right: &[f32], result: &mut [f32]) {
        let isa = simd::current();
        let parallel = self.geometry.dense_products() > SERIAL;
        let [rows, depth, columns] = axes.map(|axis| self.extent(axis));
        let [left_factor, right_factor, result_factor] = roles.map(|role| self.factor(role));
        let steps = depth[0] * depth[1];
        let tiling = Tiling::unswapped(isa, rows[1], columns[1], steps);
        let row_panels = tiling.rows(rows[1]).repeated(rows[0]);
        let column_panels = tiling.columns(columns[1]).repeated(columns[0]);
        let planes = result_factor.transform.planes;
        // One step more per plane, so that planes are not a power of two apart.
        let plane_steps = steps + 1;
        let all_steps = planes * plane_steps;
        let shared = Shared::new(result);
        let transform = |factor, data, lanes, panels| {
            Operand { isa, parallel, factor, data, lanes, depth: (axes[1], depth), panels }.transform()
        };
        let [most_rows, most_columns] = held([row_panels.width, column_panels.width], all_steps);
        let (row_groups, column_groups) = (row_panels.groups(most_rows), column_panels.groups(most_columns));
        let mut right_planes = None;
        for rows_held in row_groups {
            let rows_held = &row_panels.list[rows_held];
            let left = transform(&left_factor, left, (axes[0], rows), rows_held);
            for columns_held in column_groups.iter().cloned() {
                let columns_held = &column_panels.list[columns_held];
                if column_groups.len() > 1 {
                    right_planes = None; // First, so that its memory is free for the next part.
                }
                let right = right_planes
                    .get_or_insert_with(|| transform(&right_factor, right, (axes[2], columns), columns_held));
                let (row_groups, column_groups) = blocks(rows_held, columns_held, parallel);
                for_each_task(parallel, row_groups.len() * column_groups.len(), |task| {
                    let rows_here = &rows_held[row_groups[task % row_groups.len()].clone()];
                    let columns_here = &columns_held[column_groups[task / row_groups.len()].clone()];
                    let plane = padded(Block::scratch_len(rows_here, columns_here));
                    let mut sums = Scratch::new(plane * planes);
                    let left = &left[(rows_here[0].at - rows_held[0].at) * all_steps..];
                    let right = &right[(columns_here[0].at - columns_held[0].at) * all_steps..];
                    isa.run(Products {
                        left,
                        right,
                        rows: rows_here,
                        columns: columns_here,
                        steps: [steps, plane_steps],
                        planes,
                        sums: &mut sums,
                        plane,
                    });
                    // SAFETY: no two tasks have the same rows and columns.
                    let to = unsafe { shared.claim() };
                    isa.run(Inverse {
                        factor: &result_factor,
                        planes: &sums,
                        plane,
                        rows: rows_here,
                        columns: columns_here,
                        lengths: [rows[1], columns[1]],
                        row_stride: result_factor.stride(axes[0]),
                        to,
                    });
                });
            }
        }
    }
}

/// An operand of the product, before packing and transformation.
struct Operand<'a> {
    isa: Isa,
    parallel: bool,
    factor: &'a Factor,
    data: &'a [f32],
    /// The axis of the lanes, rows or columns, with its [phases, length].
    lanes: (Axis, [usize; 2]),
    /// The axis of the depth, with its [phases, length].
    depth: (Axis, [usize; 2]),
    panels: &'a [Panel],
}

/// Steps of the depth that a task transforms.
const STEPS: usize = 64;

impl Operand<'_> {
    /// All planes of the operand, packed into panels.
    fn transform(&self) -> Scratch {
        let Self { isa, parallel, factor, data, lanes, depth, panels } = *self;
        let (lane_stride, step_stride) = (factor.stride(lanes.0), factor.stride(depth.0));
        let ([_, lanes], [phases, steps]) = (lanes.1, depth.1);
        let (plane_steps, pieces) = (phases * steps + 1, steps.div_ceil(STEPS));
        let all_steps = plane_steps * factor.transform.planes;
        let mut planes = Scratch::new(panels.iter().map(|panel| panel.width).sum::<usize>() * all_steps);
        let shared = Shared::new(&mut planes);
        for_each_task(parallel, panels.len() * phases * pieces, |task| {
            let panel = panels[task / (phases * pieces)];
            let (depth_phase, first) = (task / pieces % phases, task % pieces * STEPS);
            let count = STEPS.min(steps - first);
            // At most one of the two axes has phases.
            let phase = (panel.start / lanes).max(depth_phase);
            let local = Panel { start: panel.start % lanes, at: 0, ..panel };
            let numbers = count * panel.width;
            let stride = padded(numbers.next_multiple_of(LANES));
            let mut tiles = Scratch::new(stride * factor.transform.size());
            for (offset, tile) in factor.offsets[phase].iter().zip(tiles.chunks_exact_mut(stride)) {
                let tile = &mut tile[..numbers];
                match *offset {
                    None => tile.fill(0.0),
                    Some(offset) if lane_stride == 1 => {
                        let (source, to) = (&data[offset + first * step_stride..], Region::whole(tile));
                        let (panels, steps) = (&[local][..], 0..count);
                        isa.run(PackSteps { panels, source, stride: step_stride, steps, depth: count, to });
                    }
                    Some(offset) => {
                        let lane = |l| Some(offset + (local.start + l) * lane_stride + first);
                        isa.run(PackLanes { panel: local, source: data, lane, chunk: count, to: tile });
                    }
                }
            }
            let start = (panel.at - panels[0].at) * all_steps + (depth_phase * steps + first) * panel.width;
            // SAFETY: no two tasks have the same panel and steps.
            let to = unsafe { shared.claim() };
            isa.run(Forward {
                transform: &factor.transform,
                tiles: &tiles,
                stride,
                count: numbers,
                to,
                start,
                plane: plane_steps * panel.width,
            });
        });
        planes
    }
}

/// The stride for buffers that are used together: an odd number of cache lines, because lines a
/// power of two apart map to the same few cache sets.
fn padded(floats: usize) -> usize {
    (floats.div_ceil(LANES) | 1) * LANES
}

/// The most floats of planes that are held at a time. They should stay in the last-level cache.
const HELD: usize = 6 << 20;
/// How many of these are reserved for a part of one operand, if the other one fits into the rest as
/// a whole. An operand that is held as a whole is transformed only once.
const PART: usize = 1 << 20;

/// The floats to hold of two operands, given the floats of their planes.
pub(super) fn held_at_a_time([left, right]: [usize; 2]) -> [usize; 2] {
    if left + right <= HELD { [left, right] } else { [HELD - PART, PART] }
}

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

/// The blocks of the result. They are smaller if there would be too few for all threads.
fn blocks(rows: &[Panel], columns: &[Panel], parallel: bool) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let [height, width] = BLOCK;
    let (rows, wide) = (groups(rows, height), groups(columns, width));
    let enough = !parallel || rows.len() * wide.len() >= 8;
    (rows, if enough { wide } else { groups(columns, width / 2) })
}
