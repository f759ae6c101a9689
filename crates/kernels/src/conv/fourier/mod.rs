//! Convolutions of small maps by Fourier transforms: fewer multiplications than the direct sum has.
//!
//! On a map of a few pixels almost every output reads almost every pixel, through another tap each time. In frequencies
//! a convolution is one product per frequency instead: the 4 x 4 map under a 5 x 5 kernel has 196 products of pixel
//! and tap, its 6 x 6 transform has 52. Each frequency is a matrix product over channels and images, done by the
//! tiles and blocks of [`gemm`](crate::gemm); before and after stand the small transforms of [`transform`].
//!
//! * **How many points?** The transform is cyclic: what leaves at one side enters at the other. That may happen, as long
//!   as it only hits outputs that nobody asked for. With n pixels, taps from offset d to D (0 is the tap on the
//!   output's own pixel) and m outputs, max(n - d, m + D) points are enough, fewer than a linear convolution needs.
//! * **Strides.** With stride s, outputs read each of the s * s sub-grids of pixels through a stride-1 convolution of its
//!   own. So sub-grids (**phases**) are channels: s * s times as many, and their products are summed before the way back.
//! * **All three members** of the family come from one trilinear form, <conv(x, w), g>: x, w and g each have a
//!   [`Transform`] to planes; the member that is wanted is the transposed transform of a product of the other two.
//!
//! Rounding: let B, G, A be the three transforms as matrices. Every plane of x and w is a sum of few products, each plane of
//! the result a chain over k channels (images, for the weight gradient), each result a sum of few planes. So the
//! error of y is at most γ(k + c) A' (G|w| · B|x|) with the moduli of all matrices, γ(n) = n u / (1 - n u), u = 2^-24 and c
//! the lengths of the transforms' sums added up (Higham 2002, section 3.1; for fast convolutions Barabasz et al., "Error
//! analysis and improving the accuracy of Winograd convolution for deep neural networks", 2020). The entries of the
//! matrices are cosines, at most √2 after Gauss' trick, so that this is near the bound of the direct sum; a test
//! holds all three members to it.

#[cfg(test)]
mod tests;
mod transform;

use core::ops::Range;

use super::Convolution;
use crate::gemm::block::{Block, Shared};
use crate::gemm::blocking::{SERIAL, Tiling};
use crate::gemm::micro::{Ahead, Place, Run, TALLEST, Tile, multiply_tile};
use crate::gemm::pack::{PackLanes, PackSteps, copy_short};
use crate::gemm::panels::{Panel, groups};
use crate::gemm::scratch::Scratch;
use crate::gemm::{for_each_task, run_on};
use crate::geometry::ConvGeometry;
use crate::simd::{self, Isa, Kernel, LANES, Simd};
use transform::{LENGTHS, LONGEST, Role, Spread, Transform, collect};

/// What the three tensors are indexed by, apart from places: x by image and input, w by input and output channel, y by image and
/// output channel. An input is a channel of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Index {
    Image,
    Input,
    Output,
}

/// One of the three tensors.
struct Factor {
    transform: Transform,
    /// Where each number of the tile is in the tensor, for each phase; nothing where it has none.
    places: Vec<Vec<Option<usize>>>,
    /// The tensor's other two indices, and the distance of neighbours along each.
    strides: [(Index, usize); 2],
}

impl Factor {
    fn stride(&self, index: Index) -> usize {
        self.strides.iter().find(|(own, _)| *own == index).map_or(0, |(_, stride)| *stride)
    }
}

/// A convolution in frequencies: the transforms, and the sizes of the products.
pub(crate) struct Fourier {
    geometry: ConvGeometry,
    points: [usize; 2],
    /// Sub-grids of pixels.
    phases: [usize; 2],
    /// Pixels of a sub-grid at most, and the taps on it.
    pixels: [usize; 2],
    taps: [Range<isize>; 2],
}

/// Input and output channels from which on the products are worth their transforms.
const CHANNELS: usize = 64;

impl Fourier {
    /// The convolution in frequencies, where that pays. A choice by shape, and not by the number of images: a sample is
    /// the same in any batch.
    pub(crate) fn choose(g: &ConvGeometry) -> Option<Self> {
        let fourier = Self::new(g)?;
        let [planes, direct] = [fourier.products(), g.useful_products() / g.batch.max(1)];
        let wide = (g.in_channels * fourier.phases[0] * fourier.phases[1]).min(g.out_channels) >= CHANNELS;
        (wide && 3 * planes < 2 * direct).then_some(fourier)
    }

    /// Where the map is small enough.
    fn new(g: &ConvGeometry) -> Option<Self> {
        let (mut points, mut pixels, mut taps) = ([0; 2], [0; 2], [0..0, 0..0]);
        for axis in 0..2 {
            let (stride, pad) = (g.stride[axis] as isize, g.pad[axis] as isize);
            // Tap t of output p reads pixel stride * p + t - pad: number p + offset of its sub-grid.
            let offsets = (-pad).div_euclid(stride)..(g.kernel[axis] as isize - 1 - pad).div_euclid(stride) + 1;
            pixels[axis] = g.input[axis].div_ceil(g.stride[axis]);
            let needed = (pixels[axis] as isize - offsets.start).max(g.output[axis] as isize + offsets.end - 1);
            let fits = |length: &usize| *length as isize >= needed && *length as isize >= offsets.len() as isize;
            points[axis] = LENGTHS.into_iter().find(fits)?;
            taps[axis] = offsets;
        }
        let small = |axis: usize| g.output[axis] <= points[axis] && pixels[axis] <= points[axis];
        let real = g.batch > 0 && g.in_channels > 0 && g.out_channels > 0 && small(0) && small(1);
        real.then_some(Self { geometry: *g, points, phases: g.stride, pixels, taps })
    }

    /// Multiplications for one image.
    fn products(&self) -> usize {
        // Frequency 0, and N / 2 if N is even.
        let real = |n: usize| 2 - n % 2;
        let [ny, nx] = self.points;
        let real_points = real(ny) * real(nx);
        let planes = real_points + (ny * nx - real_points) / 2 * 3;
        planes * self.phases[0] * self.phases[1] * self.geometry.in_channels * self.geometry.out_channels
    }

    fn factor(&self, role: Role) -> Factor {
        let g = &self.geometry;
        let [phases_y, phases_x] = self.phases;
        let phases: Vec<[usize; 2]> = (0..phases_y).flat_map(|y| (0..phases_x).map(move |x| [y, x])).collect();
        let (tile, offset) = match role {
            Role::Pixels => (self.pixels, [0; 2]),
            Role::Taps => ([0, 1].map(|i| self.taps[i].len()), [0, 1].map(|i| self.taps[i].start)),
            Role::Outputs => (g.output, [0; 2]),
        };
        // Where number i of a phase's tile is on an axis of the tensor.
        let at = |axis: usize, phase: usize, i: usize| {
            let (i, stride) = (i as isize, g.stride[axis] as isize);
            let (at, size) = match role {
                Role::Pixels => (i * stride + phase as isize, g.input[axis]),
                Role::Taps => ((i + offset[axis]) * stride + phase as isize + g.pad[axis] as isize, g.kernel[axis]),
                Role::Outputs => (i, g.output[axis]),
            };
            usize::try_from(at).ok().filter(|&at| at < size)
        };
        let (width, channels, image) = match role {
            Role::Pixels => (g.input[1], g.in_channels, g.input[0] * g.input[1] * g.in_channels),
            Role::Taps => (g.kernel[1], g.in_channels * g.out_channels, 0),
            Role::Outputs => (g.output[1], g.out_channels, g.output[0] * g.output[1] * g.out_channels),
        };
        let phases = if role == Role::Outputs { vec![[0, 0]] } else { phases };
        let place =
            |[y, x]: [usize; 2], i: usize| Some((at(0, y, i / tile[1])? * width + at(1, x, i % tile[1])?) * channels);
        let places = phases.iter().map(|&phase| (0..tile[0] * tile[1]).map(|i| place(phase, i)).collect()).collect();
        let strides = match role {
            Role::Pixels => [(Index::Image, image), (Index::Input, 1)],
            Role::Taps => [(Index::Input, g.out_channels), (Index::Output, 1)],
            Role::Outputs => [(Index::Image, image), (Index::Output, 1)],
        };
        Factor { transform: Transform::new(role, tile, offset, self.points), places, strides }
    }

    /// Phases of an index, and its length in each.
    fn extent(&self, index: Index) -> [usize; 2] {
        match index {
            Index::Image => [1, self.geometry.batch],
            Index::Input => [self.phases[0] * self.phases[1], self.geometry.in_channels],
            Index::Output => [1, self.geometry.out_channels],
        }
    }

    pub(crate) fn conv2d(&self, x: &[f32], w: &[f32], y: &mut [f32]) {
        self.product([Index::Image, Index::Input, Index::Output], [Role::Pixels, Role::Taps, Role::Outputs], x, w, y);
    }

    pub(crate) fn conv2d_input_grad(&self, gy: &[f32], w: &[f32], gx: &mut [f32]) {
        self.product([Index::Image, Index::Output, Index::Input], [Role::Outputs, Role::Taps, Role::Pixels], gy, w, gx);
    }

    pub(crate) fn conv2d_weight_grad(&self, x: &[f32], gy: &[f32], gw: &mut [f32]) {
        self.product([Index::Input, Index::Image, Index::Output], [Role::Pixels, Role::Outputs, Role::Taps], x, gy, gw);
    }

    /// Floats of the planes of the two operands that a call holds, about: the least part of what does not fit is held at a time.
    pub(crate) fn packed(&self, call: Convolution) -> [usize; 2] {
        let g = &self.geometry;
        let planes = self.points[0] * self.points[1];
        let inputs = planes * self.phases[0] * self.phases[1] * g.in_channels;
        let [pixels, taps, outputs] = [inputs * g.batch, inputs * g.out_channels, planes * g.batch * g.out_channels];
        let [left, right] = match call {
            Convolution::Forward => [pixels, taps],
            Convolution::InputGrad => [outputs, taps],
            Convolution::WeightGrad => [pixels, outputs],
        };
        if left + right <= HELD { [left, right] } else { [HELD - PART, PART] }
    }

    /// In every plane, result(row, column) = sum over the depth of left(row, depth) * right(depth, column).
    fn product(&self, indices: [Index; 3], roles: [Role; 3], left: &[f32], right: &[f32], result: &mut [f32]) {
        let isa = simd::current();
        let parallel = self.geometry.dense_products() > SERIAL;
        let [rows, depth, columns] = indices.map(|index| self.extent(index));
        let [left_factor, right_factor, result_factor] = roles.map(|role| self.factor(role));
        let steps = depth[0] * depth[1];
        let tiling = Tiling::unswapped(isa, rows[1], columns[1], steps);
        let row_panels = tiling.rows(rows[1]).repeated(rows[0]);
        let column_panels = tiling.columns(columns[1]).repeated(columns[0]);
        let planes = result_factor.transform.planes;
        // A line more in each plane keeps the planes from lying a power of two apart.
        let plane_steps = steps + 1;
        let all_steps = planes * plane_steps;
        let to = Shared::new(result);
        let spread = |factor, data, lanes, panels| {
            Operands { isa, parallel, factor, data, lanes, depth: (indices[1], depth), panels }.spread()
        };
        let [most_rows, most_columns] = held([row_panels.width, column_panels.width], all_steps);
        let (row_groups, column_groups) = (row_panels.groups(most_rows), column_panels.groups(most_columns));
        let mut right_planes = None;
        for rows_held in row_groups {
            let rows_held = &row_panels.list[rows_held];
            let left = spread(&left_factor, left, (indices[0], rows), rows_held);
            for columns_held in column_groups.iter().cloned() {
                let columns_held = &column_panels.list[columns_held];
                if column_groups.len() > 1 {
                    right_planes = None; // first, so that its memory is free for the next
                }
                let right = right_planes
                    .get_or_insert_with(|| spread(&right_factor, right, (indices[2], columns), columns_held));
                let (row_groups, column_groups) = blocks(rows_held, columns_held, parallel);
                for_each_task(parallel, row_groups.len() * column_groups.len(), |task| {
                    let rows_here = &rows_held[row_groups[task % row_groups.len()].clone()];
                    let columns_here = &columns_held[column_groups[task / row_groups.len()].clone()];
                    let size = apart(Block::scratch_len(rows_here, columns_here));
                    let mut sums = Scratch::new(size * planes);
                    let left = &left[(rows_here[0].at - rows_held[0].at) * all_steps..];
                    let right = &right[(columns_here[0].at - columns_held[0].at) * all_steps..];
                    let products = Products {
                        left,
                        right,
                        rows: rows_here,
                        columns: columns_here,
                        steps: [steps, plane_steps],
                        planes,
                        sums: &mut sums,
                        plane: size,
                    };
                    run_on(isa, products);
                    let collect = Collect {
                        factor: &result_factor,
                        planes: &sums,
                        plane: size,
                        rows: rows_here,
                        columns: columns_here,
                        lengths: [rows[1], columns[1]],
                        row_stride: result_factor.stride(indices[0]),
                        to,
                    };
                    // Every task has its own rows or columns: no two write the same element.
                    run_on(isa, collect);
                });
            }
        }
    }
}

/// An operand of the product before it is packed and transformed.
struct Operands<'a> {
    isa: Isa,
    parallel: bool,
    factor: &'a Factor,
    data: &'a [f32],
    /// What the lanes of the panels are: rows or columns.
    lanes: (Index, [usize; 2]),
    depth: (Index, [usize; 2]),
    panels: &'a [Panel],
}

/// Steps of the depth that are transformed at a time.
const STEPS: usize = 64;

impl Operands<'_> {
    /// All planes of the operand, each packed in panels.
    fn spread(&self) -> Scratch {
        let Self { isa, parallel, factor, data, lanes, depth, panels } = *self;
        let (lane_stride, step_stride) = (factor.stride(lanes.0), factor.stride(depth.0));
        let ([_, lanes], [phases, steps]) = (lanes.1, depth.1);
        let (plane_steps, pieces) = (phases * steps + 1, steps.div_ceil(STEPS));
        let all_steps = plane_steps * factor.transform.planes;
        let mut planes = Scratch::new(panels.iter().map(|panel| panel.width).sum::<usize>() * all_steps);
        let to = Shared::new(&mut planes);
        for_each_task(parallel, panels.len() * phases * pieces, |task| {
            let panel = panels[task / (phases * pieces)];
            let (depth_phase, first) = (task / pieces % phases, task % pieces * STEPS);
            let count = STEPS.min(steps - first);
            // Either the lanes or the depth are in phases, or neither is.
            let phase = (panel.start / lanes).max(depth_phase);
            let local = Panel { start: panel.start % lanes, at: 0, ..panel };
            let numbers = count * panel.width;
            let stride = apart(numbers.next_multiple_of(LANES));
            let mut tiles = Scratch::new(stride * factor.transform.size());
            for (place, tile) in factor.places[phase].iter().zip(tiles.chunks_exact_mut(stride)) {
                let tile = &mut tile[..numbers];
                match *place {
                    None => tile.fill(0.0),
                    Some(place) if lane_stride == 1 => {
                        let (source, to) = (&data[place + first * step_stride..], Shared::new(tile));
                        let (panels, steps) = (&[local][..], 0..count);
                        run_on(isa, PackSteps { panels, source, stride: step_stride, steps, depth: count, to });
                    }
                    Some(place) => {
                        let lane = |l| Some(place + (local.start + l) * lane_stride + first);
                        run_on(isa, PackLanes { panel: local, source: data, lane, chunk: count, to: tile });
                    }
                }
            }
            let start = (panel.at - panels[0].at) * all_steps + (depth_phase * steps + first) * panel.width;
            // Every task has its own panel and steps.
            run_on(
                isa,
                Spread {
                    transform: &factor.transform,
                    tiles: &tiles,
                    stride,
                    count: numbers,
                    to,
                    start,
                    plane: plane_steps * panel.width,
                },
            );
        });
        planes
    }
}

/// A distance for things that are worked on together: an odd number of cache lines, as lines that lie some power of two
/// apart all fight for the same few places of a cache.
fn apart(floats: usize) -> usize {
    (floats.div_ceil(LANES) | 1) * LANES
}

/// Floats of planes that are held at a time: they should stay in the last-level cache. The rest is room for one operand as a whole,
/// so that it is transformed only once, and for a part of the other one.
const HELD: usize = 6 << 20;
const PART: usize = 1 << 20;

/// Rows and columns that are held at a time, of as many with `floats` each.
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

/// Rows and columns of a block of the result, which is one task. Its sums in all planes (94 at most) stay in the second-level cache
/// until they are collected.
const BLOCK: [usize; 2] = [28, 64];

/// Columns of a block at most: for very few rows, one panel of eight vectors is wider than a block.
const WIDEST: usize = 8 * LANES;

/// The blocks of the result; smaller ones if there are too few for all threads.
fn blocks(rows: &[Panel], columns: &[Panel], parallel: bool) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let [height, width] = BLOCK;
    let (rows, wide) = (groups(rows, height), groups(columns, width));
    let enough = !parallel || rows.len() * wide.len() >= 8;
    (rows, if enough { wide } else { groups(columns, width / 2) })
}

/// The products of a block, plane by plane.
struct Products<'a> {
    /// The panels of the rows and of the columns, each with all its planes.
    left: &'a [f32],
    right: &'a [f32],
    rows: &'a [Panel],
    columns: &'a [Panel],
    /// Steps of a plane, and from plane to plane.
    steps: [usize; 2],
    planes: usize,
    /// The sums, and the distance from plane to plane.
    sums: &'a mut [f32],
    plane: usize,
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { left, right, rows, columns, steps: [steps, plane_steps], planes, sums, plane } = self;
        let all_steps = planes * plane_steps;
        let widths = |panels: &[Panel]| panels.iter().map(|panel| panel.width).sum::<usize>();
        let stride = widths(columns);
        // What the unsafe code below relies on.
        assert!(steps <= plane_steps && left.len() >= widths(rows) * all_steps && right.len() >= stride * all_steps);
        assert!(plane >= widths(rows) * stride && sums.len() >= planes * plane);
        assert!(rows.iter().all(|panel| panel.len == panel.width && panel.len <= TALLEST));
        let mut lines = [0; TALLEST];
        for (r, line) in lines.iter_mut().enumerate() {
            *line = r * stride;
        }
        let runs = [Run { a: 0, b: 0, len: steps }];
        let start = |data: &[f32], panels: &[Panel], i: usize, p: usize| {
            data.as_ptr().wrapping_add((panels[i].at - panels[0].at) * all_steps + p * plane_steps * panels[i].width)
        };
        for p in 0..planes {
            for (c, column) in columns.iter().enumerate() {
                // While a right panel is in use, the next one is fetched: a part of it with every tile.
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
                        ahead: Ahead { at: next.wrapping_add(r * part), step: (4 * part).div_ceil(steps) },
                        runs: &runs,
                        from: None,
                        to: Place { base, rows: lines.as_ptr() },
                    };
                    // SAFETY: the assertions above; this task alone has its sums.
                    unsafe { multiply_tile(s, row, column, tile) };
                }
            }
        }
    }
}

/// The way back: the planes of a block become tiles of the result.
///
/// Neighbouring numbers of a tile may be far apart in the result, and by a power of two: one line of each, and the cache
/// has lost the first before its other half is written. So a row of tiles is staged, and each number's stretch written as a whole.
struct Collect<'a> {
    factor: &'a Factor,
    planes: &'a [f32],
    rows: &'a [Panel],
    columns: &'a [Panel],
    /// Length of the rows' and the columns' index in each phase.
    lengths: [usize; 2],
    row_stride: usize,
    /// From plane to plane.
    plane: usize,
    to: Shared,
}

impl Kernel for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { factor, planes, rows, columns, lengths: [rows_each, columns_each], row_stride, plane, to } = self;
        let stride: usize = columns.iter().map(|panel| panel.width).sum();
        let height: usize = rows.iter().map(|panel| panel.len).sum();
        assert!(plane >= height * stride && planes.len() >= plane * factor.transform.planes);
        assert!(stride <= WIDEST && factor.transform.size() <= LONGEST * LONGEST);
        let mut staged = [[0.0; WIDEST]; LONGEST * LONGEST];
        for r in 0..height {
            let (row_phase, row) = ((rows[0].start + r) / rows_each, (rows[0].start + r) % rows_each);
            for columns_here in columns.chunk_by(|a, b| a.start / columns_each == b.start / columns_each) {
                let first = columns_here[0];
                let (column_phase, column) = (first.start / columns_each, first.start % columns_each);
                for panel in columns_here {
                    for at in (panel.at..panel.at + panel.len).step_by(LANES) {
                        // SAFETY: a vector of row r and this panel in each plane, by the first assertion; by the second,
                        // `staged` has a place for each number of a tile and each column.
                        unsafe {
                            let from = planes.as_ptr().add(r * stride + at - columns[0].at);
                            collect(s, &factor.transform, from, plane, |number, value: S::F| {
                                s.store(value, &mut *staged[number].as_mut_ptr().add(at - first.at).cast());
                            });
                        }
                    }
                }
                let wide: usize = columns_here.iter().map(|panel| panel.len).sum();
                for (place, line) in factor.places[row_phase.max(column_phase)].iter().zip(&staged) {
                    let Some(place) = place else { continue };
                    let base = place + row * row_stride + column;
                    // SAFETY: every task has its own rows or columns.
                    copy_short(&line[..wide], unsafe { to.part(base..base + wide) });
                }
            }
        }
    }
}
