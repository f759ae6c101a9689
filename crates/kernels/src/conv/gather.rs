//! The forward convolution and the input gradient: products of packed pixels and packed weights.
//!
//! Nothing is lowered to a matrix. The image is packed once (a transpose: for each pixel and channel, the numbers of some
//! images side by side), the weights are packed once, and each tile of the result is summed over **runs** of
//! both: for every row of the kernel, the taps that see real pixels are neighbours in the packed image and neighbours
//! in the packed weights. So the 25-fold copy of im2col never exists, and no padding is ever multiplied.

use super::plan::{Axis, Strip, rectangles};
use super::scatter::Scatter;
use crate::gemm::block::{Block, Columns, NOWHERE, Operand, Shared, for_each_piece};
use crate::gemm::blocking::{COLUMNS, SERIAL, Tiling};
use crate::gemm::micro::Run;
use crate::gemm::pack::{PackLanes, PackSteps, SQUARE};
use crate::gemm::panels::{Panel, Panels};
use crate::gemm::scratch::Scratch;
use crate::gemm::{for_each_task, groups, run_on};
use crate::geometry::ConvGeometry;
use crate::simd::{self, Isa};

/// One phase of a gather, its weights packed.
struct Phase {
    axes: [Axis; 2],
    /// Where its weights begin in packed memory, in steps.
    weights: usize,
}

/// A rectangle of positions.
struct Patch {
    phase: usize,
    strips: [Strip; 2],
    /// The operand of pixels: lanes are (image, block down, block across).
    lanes: Panels,
    /// Where its pixels begin in packed memory, in floats.
    pixels: usize,
    /// An earlier patch has packed them.
    shared: bool,
    /// The groups of left and right panels that make blocks.
    groups: (Vec<core::ops::Range<usize>>, Vec<core::ops::Range<usize>>),
    /// The number of its first task.
    task: usize,
    /// The place of the first position of each lane in the result.
    places: Vec<usize>,
}

impl Patch {
    fn packed_pixels(&self) -> usize {
        self.strips[0].pixels * self.strips[1].pixels
    }

    fn positions(&self) -> usize {
        self.strips[0].size * self.strips[1].size
    }

    fn tasks(&self) -> usize {
        self.positions() * self.groups.0.len() * self.groups.1.len()
    }

    /// Image and blocks of a lane.
    fn lane(&self, lane: usize) -> [usize; 3] {
        let [down, across] = [self.strips[0].blocks, self.strips[1].blocks];
        [lane / (down * across), lane / across % down, lane % across]
    }
}

/// How a gather is cut into tasks, and what it packs.
struct Layout {
    patches: Vec<Patch>,
    /// The panels of the weights.
    columns: Panels,
    /// Floats of the packed pixels.
    pixels: usize,
    tasks: usize,
    tiling: Tiling,
}

/// A gather: `to`, of `columns` channels, from `source`, of `depth` channels.
struct Gather<'a> {
    isa: Isa,
    source: &'a [f32],
    weights: &'a [f32],
    to: Shared,
    batch: usize,
    depth: usize,
    columns: usize,
    /// Height and width of the result.
    result: [usize; 2],
    kernel_width: usize,
    /// The weights of a tap are stored (column, depth), not (depth, column).
    transposed: bool,
    phases: Vec<Phase>,
    parallel: bool,
}

/// See [`Element::conv2d`](crate::Element::conv2d).
pub(crate) fn conv2d(g: &ConvGeometry, x: &[f32], w: &[f32], y: &mut [f32]) {
    forward(g, x, w, y).run();
}

fn forward<'a>(g: &ConvGeometry, x: &'a [f32], w: &'a [f32], y: &mut [f32]) -> Gather<'a> {
    let axes = [Axis::forward(g, 0), Axis::forward(g, 1)];
    Gather {
        isa: simd::current(),
        source: x,
        weights: w,
        to: Shared::new(y),
        batch: g.batch,
        depth: g.in_channels,
        columns: g.out_channels,
        result: g.output,
        kernel_width: g.kernel[1],
        transposed: false,
        phases: vec![Phase { axes, weights: 0 }],
        parallel: g.dense_products() > SERIAL,
    }
}

/// See [`Element::conv2d_input_grad`](crate::Element::conv2d_input_grad).
pub(crate) fn conv2d_input_grad(g: &ConvGeometry, gy: &[f32], w: &[f32], gx: &mut [f32]) {
    backward(g, gy, w, gx).run();
}

fn backward<'a>(g: &ConvGeometry, gy: &'a [f32], w: &'a [f32], gx: &mut [f32]) -> Gather<'a> {
    let mut phases: Vec<Phase> = Vec::new();
    for y in Axis::backward(g, 0) {
        for x in Axis::backward(g, 1) {
            let weights = phases.last().map_or(0, |p| p.weights + p.axes[0].taps * p.axes[1].taps * g.out_channels);
            phases.push(Phase { axes: [y, x], weights });
        }
    }
    Gather {
        isa: simd::current(),
        source: gy,
        weights: w,
        to: Shared::new(gx),
        batch: g.batch,
        depth: g.out_channels,
        columns: g.in_channels,
        result: g.input,
        kernel_width: g.kernel[1],
        transposed: true,
        phases,
        parallel: g.dense_products() > SERIAL,
    }
}

/// Floats of the packed pixels and of the packed weights, which a call of [`conv2d`] or, `back`, of [`conv2d_input_grad`] holds.
pub(crate) fn packed(g: &ConvGeometry, back: bool) -> [usize; 2] {
    let gather = if back { backward(g, &[], &[], &mut []) } else { forward(g, &[], &[], &mut []) };
    if gather.phases.is_empty() || gather.depth == 0 {
        return [0; 2];
    }
    let Layout { columns, pixels, .. } = gather.layout();
    [pixels, columns.width * gather.weight_steps()]
}

/// Puts chunks of this size in the opposite order.
fn reverse(data: &mut [f32], size: usize) {
    let count = data.len() / size;
    for i in 0..count / 2 {
        let (front, back) = data.split_at_mut((count - 1 - i) * size);
        front[i * size..][..size].swap_with_slice(&mut back[..size]);
    }
}

impl Gather<'_> {
    fn run(self) {
        if self.to.len == 0 || self.phases.is_empty() {
            return;
        }
        if self.depth == 0 {
            // SAFETY: the whole result, which this call alone writes.
            return unsafe { self.to.part(0..self.to.len) }.fill(0.0);
        }
        let Layout { patches, columns, pixels, tasks, tiling } = self.layout();
        let packed_pixels = self.pack_pixels(&patches, pixels);
        let packed_weights = self.pack_weights(&columns);
        let steps = self.weight_steps();

        for_each_task(self.parallel, tasks, |task| {
            let patch = &patches[patches.partition_point(|patch| patch.task <= task) - 1];
            let task = task - patch.task;
            let blocks = [patch.groups.0.len(), patch.groups.1.len()];
            // Blocks of rows outermost, then positions, then columns.
            let (left, rest) = (task / (patch.positions() * blocks[1]), task % (patch.positions() * blocks[1]));
            let (position, right) = (rest / blocks[1], rest % blocks[1]);
            let (left, right) = (patch.groups.0[left].clone(), patch.groups.1[right].clone());
            let (lanes, channels) = if tiling.swapped { (right, left) } else { (left, right) };
            let (lanes, channels) = (&patch.lanes.list[lanes], &columns.list[channels]);
            let size = patch.packed_pixels() * self.depth;
            let pixels =
                Operand { data: &packed_pixels[patch.pixels + lanes[0].at * size..], depth: size, panels: lanes };
            let weights = Operand { data: &packed_weights[channels[0].at * steps..], depth: steps, panels: channels };
            self.position(patch, position, pixels, weights, tiling.swapped);
        });
    }

    /// How the work is cut, and where everything lies in packed memory.
    fn layout(&self) -> Layout {
        // The tile suits the largest patch.
        let mut patches: Vec<Patch> = Vec::new();
        for (phase, Phase { axes, .. }) in self.phases.iter().enumerate() {
            for strips in rectangles(self.batch, axes) {
                let lanes = Panels { list: Vec::new(), width: self.batch * strips[0].blocks * strips[1].blocks };
                patches.push(Patch {
                    phase,
                    strips,
                    lanes,
                    pixels: 0,
                    shared: false,
                    groups: Default::default(),
                    task: 0,
                    places: Vec::new(),
                });
            }
        }
        let lanes = patches.iter().max_by_key(|p| p.positions() * p.lanes.width).map_or(1, |p| p.lanes.width);
        let taps = self.phases[0].axes.map(|axis| axis.taps);
        let tiling = Tiling::choose(self.isa, lanes, self.columns, taps[0] * taps[1] * self.depth);
        let columns = if tiling.swapped { tiling.rows(self.columns) } else { tiling.columns(self.columns) };

        let (mut pixels, mut tasks) = (0, 0);
        for i in 0..patches.len() {
            let (earlier, patch) = patches.split_at_mut(i);
            let patch = &mut patch[0];
            let width = patch.lanes.width;
            patch.lanes = if tiling.swapped { tiling.columns(width) } else { tiling.rows(width) };
            let (left, right) = if tiling.swapped { (&columns, &patch.lanes) } else { (&patch.lanes, &columns) };
            // Positions are tasks of their own, so only few of them need smaller blocks.
            patch.groups = groups(left, right, COLUMNS, self.parallel && patch.positions() < 8);
            patch.task = tasks;
            tasks += patch.tasks();
            patch.places = (0..width).map(|lane| self.place(patch, lane, [0, 0]).unwrap_or(NOWHERE)).collect();
            let alike = |other: &&Patch| (0..2).all(|axis| other.strips[axis].packs_like(&patch.strips[axis]));
            match earlier.iter().find(alike).map(|other| other.pixels) {
                Some(at) => (patch.pixels, patch.shared) = (at, true),
                None => {
                    patch.pixels = pixels;
                    pixels += patch.packed_pixels() * self.depth * patch.lanes.width;
                }
            }
        }
        Layout { patches, columns, pixels, tasks, tiling }
    }

    /// Steps of the depth of all phases together.
    fn weight_steps(&self) -> usize {
        self.phases.iter().map(|phase| phase.axes[0].taps * phase.axes[1].taps * self.depth).sum()
    }

    /// Packs the weights of all phases: panels of columns, in each the phases, in each (tap down, tap across, depth).
    fn pack_weights(&self, columns: &Panels) -> Scratch {
        let steps = self.weight_steps();
        let mut packed = Scratch::new(columns.width * steps);
        let to = Shared::new(&mut packed);
        // A piece of work for each row of taps and, where columns are to be made of stored rows, each panel.
        let rows: Vec<(&Phase, usize)> =
            self.phases.iter().flat_map(|phase| (0..phase.axes[0].taps).map(move |row| (phase, row))).collect();
        let parts = if self.transposed { columns.list.len() } else { 1 };
        for_each_task(self.parallel, rows.len() * parts, |task| {
            let (phase, down) = rows[task / parts];
            let [y, x] = phase.axes;
            for across in 0..x.taps {
                let tap = (y.kernel[0] + y.kernel[1] * down) * self.kernel_width + x.kernel[0] + x.kernel[1] * across;
                let source = &self.weights[tap * self.depth * self.columns..][..self.depth * self.columns];
                let start = phase.weights + (down * x.taps + across) * self.depth;
                if self.transposed {
                    let panel = columns.list[task % parts];
                    let start = panel.at * steps + start * panel.width;
                    // SAFETY: every panel and tap has its own part.
                    let to = unsafe { to.part(start..start + self.depth * panel.width) };
                    let lane = |l| Some((panel.start + l) * self.depth);
                    run_on(self.isa, PackLanes { panel, source, lane, chunk: self.depth, to });
                } else {
                    let (panels, stride) = (&columns.list[..], self.columns);
                    let range = start..start + self.depth;
                    run_on(self.isa, PackSteps { panels, source, stride, steps: range, depth: steps, to });
                }
            }
        });
        packed
    }

    /// Packs the pixels of all patches, those that several share once: panels of lanes, in each (pixel down, pixel across, depth).
    fn pack_pixels(&self, patches: &[Patch], floats: usize) -> Scratch {
        let mut packed = Scratch::new(floats);
        let to = Shared::new(&mut packed);
        let work: Vec<(&Patch, Panel)> = patches
            .iter()
            .filter(|patch| !patch.shared)
            .flat_map(|patch| patch.lanes.list.iter().map(move |panel| (patch, *panel)))
            .collect();
        // A piece of work for each panel and some rows of pixels.
        const PIECES: usize = 4;
        for_each_task(self.parallel, work.len() * PIECES, |task| {
            let (patch, panel) = work[task / PIECES];
            let [y, x] = self.phases[patch.phase].axes;
            let [strip_y, strip_x] = &patch.strips;
            let rows = strip_y.pixels;
            let lanes: Vec<[usize; 3]> = (panel.start..panel.start + panel.len).map(|lane| patch.lane(lane)).collect();
            let pack = |row: usize, pixels: core::ops::Range<usize>| {
                let start = (row * strip_x.pixels + pixels.start) * self.depth;
                let start = patch.pixels + panel.at * patch.packed_pixels() * self.depth + start * panel.width;
                // SAFETY: every panel and row has its own part.
                let to = unsafe { to.part(start..start + pixels.len() * self.depth * panel.width) };
                // The pixel of lowest address is the first or, in the mirror, the last.
                let lowest = if x.mirrored { pixels.end - 1 } else { pixels.start };
                let lane = |lane: usize| {
                    let [image, down, across] = *lanes.get(lane)?;
                    let (row, pixel) = (strip_y.pixel(&y, down, row)?, strip_x.pixel(&x, across, lowest)?);
                    Some(((image * y.source + row) * x.source + pixel) * self.depth)
                };
                // Pixels of few channels are mirrored after they are packed, as squares of several pixels can be turned then.
                let after = x.mirrored && self.depth < SQUARE;
                let chunk = self.depth * if x.mirrored && !after { 1 } else { pixels.len() };
                run_on(self.isa, PackLanes { panel, source: self.source, lane, chunk, to: &mut *to });
                if after {
                    reverse(to, self.depth * panel.width);
                }
            };
            // Where every block has all its pixels, a row of them is one stretch of memory.
            let whole = strip_x.pixels > 0 && strip_x.pixel(&x, strip_x.blocks - 1, strip_x.pixels - 1).is_some();
            for row in rows * (task % PIECES) / PIECES..rows * (task % PIECES + 1) / PIECES {
                if whole && strip_x.pixel(&x, strip_x.blocks - 1, 0).is_some() {
                    pack(row, 0..strip_x.pixels);
                } else {
                    (0..strip_x.pixels).for_each(|pixel| pack(row, pixel..pixel + 1));
                }
            }
        });
        packed
    }

    /// Where position (r, c) of a lane is in the result, if the lane's block has it.
    fn place(&self, patch: &Patch, lane: usize, [r, c]: [usize; 2]) -> Option<usize> {
        let [y, x] = &self.phases[patch.phase].axes;
        let [image, down, across] = patch.lane(lane);
        let (row, column) = (patch.strips[0].place(y, down, r)?, patch.strips[1].place(x, across, c)?);
        Some(((image * self.result[0] + row) * self.result[1] + column) * self.columns)
    }

    /// Computes a block at one position (of each lane).
    fn position(&self, patch: &Patch, position: usize, pixels: Operand<'_>, weights: Operand<'_>, swapped: bool) {
        let phase = &self.phases[patch.phase];
        let [y, x] = &phase.axes;
        let [strip_y, strip_x] = &patch.strips;
        let (r, c) = (position / strip_x.size, position % strip_x.size);

        // The depth: for each row of taps with real pixels, the taps across with real pixels.
        let (down, across) = (y.valid(strip_y.positions.start + r), x.valid(strip_x.positions.start + c));
        let (origin_y, origin_x) = (strip_y.origin(y, r), strip_x.origin(x, c));
        let mut runs: Vec<Run> = Vec::with_capacity(down.len());
        for tap in down {
            let row = (origin_y + tap as isize) as usize;
            let pixel = row * strip_x.pixels + (origin_x + across.start as isize) as usize;
            let run = Run {
                a: pixel * self.depth,
                b: phase.weights + (tap * x.taps + across.start) * self.depth,
                len: across.len() * self.depth,
            };
            match runs.last_mut() {
                Some(last) if last.a + last.len == run.a && last.b + last.len == run.b => last.len += run.len,
                _ => runs.push(run),
            }
        }
        runs.retain(|run| run.len > 0);

        // The places in the result: of each lane's pixel, and of each channel in it.
        let first = pixels.panels[0].start;
        let count: usize = pixels.panels.iter().map(|panel| panel.len).sum();
        let [step_y, step_x] = [y.place[1], x.place[1]];
        let offset = (r * step_y * self.result[1] + c * step_x) * self.columns;
        let places: Vec<usize> = if strip_y.is_whole(r) && strip_x.is_whole(c) {
            patch.places[first..first + count].iter().map(|place| place + offset).collect()
        } else {
            (first..first + count).map(|lane| self.place(patch, lane, [r, c]).unwrap_or(NOWHERE)).collect()
        };
        let first_channel = weights.panels[0].start;
        let (left, right) = if swapped { (weights, pixels) } else { (pixels, weights) };
        if swapped {
            for run in &mut runs {
                (run.a, run.b) = (run.b, run.a);
            }
        }
        // A single piece needs scratch as well, for tiles that are not written directly.
        let mut scratch = Scratch::new(Block::scratch_len(left.panels, right.panels));
        for_each_piece(&runs, |runs, first, last| {
            let block = Block {
                left,
                right,
                runs,
                first,
                // Sums with channels as rows stay in scratch.
                last: last && !swapped,
                scratch: &mut scratch,
                to: self.to,
                rows: &places,
                columns: Columns::From(first_channel),
            };
            // Every task has its own positions, lanes or channels: no two write the same element.
            run_on(self.isa, block);
        });
        if swapped {
            let panels = right.panels;
            let stride = panels.iter().map(|panel| panel.width).sum();
            let channels: usize = left.panels.iter().map(|panel| panel.len).sum();
            let channels = first_channel..first_channel + channels;
            run_on(self.isa, Scatter { sums: &scratch, stride, channels, panels, places: &places, to: self.to });
        }
    }
}
