//! The convolution and its input gradient: products of packed pixels and packed weights.
//!
//! Nothing is lowered to a matrix. The images are packed once (as a transpose: for each pixel and
//! channel, the numbers of several images are adjacent), and so are the weights. Each tile of the
//! result is summed over **spans** of both: for each row of the kernel, the taps that read real
//! pixels are contiguous in the packed image and in the packed weights. So no pixel is copied for
//! each tap, as in im2col, and no padding is multiplied.

mod pack;

use super::Convolution;
use super::plan::{Axis, Strip, rectangles};
use super::store::StoreTransposed;
use crate::gemm::block::{Block, Columns, NOWHERE, Operand, for_each_depth_piece};
use crate::gemm::blocking::{COLUMNS, SERIAL, Tiling};
use crate::gemm::micro::Span;
use crate::gemm::pairs::{Format, convert};
use crate::gemm::panels::Panels;
use crate::gemm::scratch::Scratch;
use crate::gemm::{for_each_task, groups};
use crate::geometry::ConvGeometry;
use crate::shared::{Region, Shared};
use crate::simd::{self, Isa};

/// One phase of the problem.
struct Phase {
    axes: [Axis; 2],
    /// The start of its weights in packed memory, in steps.
    weights: usize,
}

/// A rectangle of positions, and how it is divided into blocks.
struct Patch {
    phase: usize,
    strips: [Strip; 2],
    /// The panels of the pixels, whose lanes are (image, block down, block across).
    lanes: Panels,
    /// The start of its pixels in packed memory, in floats.
    pixels: usize,
    /// Whether an earlier patch packs the same pixels.
    shared: bool,
    /// The groups of left and right panels that form blocks.
    groups: (Vec<core::ops::Range<usize>>, Vec<core::ops::Range<usize>>),
    /// The index of its first task.
    task: usize,
    /// The offset of the first position of each lane in the result.
    offsets: Vec<usize>,
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

    /// The image and the blocks of a lane.
    fn lane(&self, lane: usize) -> [usize; 3] {
        let [down, across] = [self.strips[0].blocks, self.strips[1].blocks];
        [lane / (down * across), lane / across % down, lane % across]
    }
}

/// How the problem is cut into tasks, and the memory for its operands.
struct Layout {
    patches: Vec<Patch>,
    /// The panels of the weights.
    columns: Panels,
    /// The number of packed floats of pixels.
    pixels: usize,
    tasks: usize,
    tiling: Tiling,
}

/// A convolution or input gradient: a result of `columns` channels from a source of `depth`
/// words for each pixel.
struct Direct<'a> {
    isa: Isa,
    format: Format,
    source: &'a [f32],
    weights: &'a [f32],
    batch: usize,
    /// Channels of the source, and the words for them.
    channels: usize,
    depth: usize,
    columns: usize,
    /// Height and width of the result.
    result: [usize; 2],
    kernel_width: usize,
    /// Whether the weights of a tap are stored (column, depth) rather than (depth, column).
    transposed: bool,
    phases: Vec<Phase>,
    parallel: bool,
}

/// See [`Element::conv2d`](crate::Element::conv2d).
pub(crate) fn conv2d(g: &ConvGeometry, x: &[f32], w: &[f32], y: &mut [f32]) {
    forward(g, x, w).run(y);
}

fn forward<'a>(g: &ConvGeometry, x: &'a [f32], w: &'a [f32]) -> Direct<'a> {
    let axes = [Axis::forward(g, 0), Axis::forward(g, 1)];
    let isa = simd::current();
    let format = Format::choose(isa, g.effective_precision(Convolution::Forward));
    Direct {
        isa,
        format,
        source: x,
        weights: w,
        batch: g.batch,
        channels: g.in_channels,
        depth: format.words(g.in_channels),
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
    backward(g, gy, w).run(gx);
}

fn backward<'a>(g: &ConvGeometry, gy: &'a [f32], w: &'a [f32]) -> Direct<'a> {
    let isa = simd::current();
    let format = Format::choose(isa, g.effective_precision(Convolution::InputGrad));
    let depth = format.words(g.out_channels);
    let mut phases: Vec<Phase> = Vec::new();
    for y in Axis::backward(g, 0) {
        for x in Axis::backward(g, 1) {
            let weights = phases.last().map_or(0, |p| p.weights + p.axes[0].taps * p.axes[1].taps * depth);
            phases.push(Phase { axes: [y, x], weights });
        }
    }
    Direct {
        isa,
        format,
        source: gy,
        weights: w,
        batch: g.batch,
        channels: g.out_channels,
        depth,
        columns: g.in_channels,
        result: g.input,
        kernel_width: g.kernel[1],
        transposed: true,
        phases,
        parallel: g.dense_products() > SERIAL,
    }
}

/// The lengths of the packed pixels and weights of a call of [`conv2d`], or of
/// [`conv2d_input_grad`] if `input_grad`, and of the buffer in which operands are converted.
pub(crate) fn packed(g: &ConvGeometry, input_grad: bool) -> [usize; 3] {
    let problem = if input_grad { backward(g, &[], &[]) } else { forward(g, &[], &[]) };
    if problem.phases.is_empty() || problem.depth == 0 {
        return [0; 3];
    }
    let Layout { columns, pixels, .. } = problem.layout();
    let source = if input_grad { g.y_shape() } else { g.x_shape() };
    let converted = match problem.format {
        Format::Float => 0,
        _ => source[..3].iter().product::<usize>().max(g.kernel[0] * g.kernel[1] * problem.columns) * problem.depth,
    };
    [pixels, columns.width * problem.weight_steps(), converted]
}

impl Direct<'_> {
    fn run(self, to: &mut [f32]) {
        if to.is_empty() || self.phases.is_empty() {
            return;
        }
        if self.depth == 0 {
            return to.fill(0.0);
        }
        let Layout { patches, columns, pixels, tasks, tiling } = self.layout();
        let Self { isa, format, parallel, channels, .. } = self;
        let packed_pixels = {
            let source = convert(format, isa, parallel, [self.source.len() / channels, channels, 1], self.source);
            self.pack_pixels(&source, &patches, pixels)
        };
        let packed_weights = {
            let taps = self.weights.len() / (channels * self.columns);
            let shape =
                if self.transposed { [taps * self.columns, channels, 1] } else { [taps, channels, self.columns] };
            self.pack_weights(&convert(format, isa, parallel, shape, self.weights), &columns)
        };
        let steps = self.weight_steps();
        let shared = Shared::new(to);

        for_each_task(self.parallel, tasks, |task| {
            let patch = &patches[patches.partition_point(|patch| patch.task <= task) - 1];
            let task = task - patch.task;
            let blocks = [patch.groups.0.len(), patch.groups.1.len()];
            // Blocks of rows are outermost, then positions, then columns.
            let (left, rest) = (task / (patch.positions() * blocks[1]), task % (patch.positions() * blocks[1]));
            let (position, right) = (rest / blocks[1], rest % blocks[1]);
            let (left, right) = (patch.groups.0[left].clone(), patch.groups.1[right].clone());
            let (lanes, channels) = if tiling.swapped { (right, left) } else { (left, right) };
            let (lanes, channels) = (&patch.lanes.list[lanes], &columns.list[channels]);
            let size = patch.packed_pixels() * self.depth;
            let pixels =
                Operand { data: &packed_pixels[patch.pixels + lanes[0].at * size..], depth: size, panels: lanes };
            let weights = Operand { data: &packed_weights[channels[0].at * steps..], depth: steps, panels: channels };
            // SAFETY: no two tasks have the same position of the same lanes and channels, and no
            // two patches have a pixel in common.
            let to = unsafe { shared.claim() };
            self.position(patch, position, [pixels, weights], tiling.swapped, to);
        });
    }

    /// Divides the work into tasks, and lays out packed memory.
    fn layout(&self) -> Layout {
        // The tile size is chosen for the largest patch.
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
                    offsets: Vec::new(),
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
            // Each position is a task, so smaller blocks are needed only where there are few
            // positions.
            patch.groups = groups(left, right, COLUMNS, self.parallel && patch.positions() < 8);
            patch.task = tasks;
            tasks += patch.tasks();
            patch.offsets = (0..width).map(|lane| self.offset(patch, lane, [0, 0]).unwrap_or(NOWHERE)).collect();
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

    /// The depth of all phases together, in steps.
    fn weight_steps(&self) -> usize {
        self.phases.iter().map(|phase| phase.axes[0].taps * phase.axes[1].taps * self.depth).sum()
    }

    /// The offset of position (r, c) of a lane in the result, if the lane's block has it.
    fn offset(&self, patch: &Patch, lane: usize, [r, c]: [usize; 2]) -> Option<usize> {
        let [y, x] = &self.phases[patch.phase].axes;
        let [image, down, across] = patch.lane(lane);
        let (row, column) = (patch.strips[0].in_result(y, down, r)?, patch.strips[1].in_result(x, across, c)?);
        Some(((image * self.result[0] + row) * self.result[1] + column) * self.columns)
    }

    /// Computes a block at one position of each lane.
    fn position(
        &self,
        patch: &Patch,
        position: usize,
        [pixels, weights]: [Operand<'_>; 2],
        swapped: bool,
        mut to: Region<'_>,
    ) {
        let phase = &self.phases[patch.phase];
        let [y, x] = &phase.axes;
        let [strip_y, strip_x] = &patch.strips;
        let (r, c) = (position / strip_x.size, position % strip_x.size);

        // The depth: for each row of taps with real pixels, a span of the taps across with real
        // pixels.
        let (down, across) = (y.valid(strip_y.positions.start + r), x.valid(strip_x.positions.start + c));
        let (origin_y, origin_x) = (strip_y.origin(y, r), strip_x.origin(x, c));
        let mut spans: Vec<Span> = Vec::with_capacity(down.len());
        for tap in down {
            let row = (origin_y + tap as isize) as usize;
            let pixel = row * strip_x.pixels + (origin_x + across.start as isize) as usize;
            let span = Span {
                a: pixel * self.depth,
                b: phase.weights + (tap * x.taps + across.start) * self.depth,
                len: across.len() * self.depth,
            };
            match spans.last_mut() {
                Some(last) if last.a + last.len == span.a && last.b + last.len == span.b => last.len += span.len,
                _ => spans.push(span),
            }
        }
        spans.retain(|span| span.len > 0);

        // The offsets in the result of the pixel of each lane.
        let first = pixels.panels[0].start;
        let count: usize = pixels.panels.iter().map(|panel| panel.len).sum();
        let [step_y, step_x] = [y.result[1], x.result[1]];
        let offset = (r * step_y * self.result[1] + c * step_x) * self.columns;
        let offsets: Vec<usize> = if strip_y.is_whole(r) && strip_x.is_whole(c) {
            patch.offsets[first..first + count].iter().map(|first| first + offset).collect()
        } else {
            (first..first + count).map(|lane| self.offset(patch, lane, [r, c]).unwrap_or(NOWHERE)).collect()
        };
        let first_channel = weights.panels[0].start;
        let (left, right) = if swapped { (weights, pixels) } else { (pixels, weights) };
        if swapped {
            for span in &mut spans {
                (span.a, span.b) = (span.b, span.a);
            }
        }
        // Even a single piece needs scratch memory, for tiles that cannot be written directly.
        let mut scratch = Scratch::new(Block::scratch_len(left.panels, right.panels));
        for_each_depth_piece(&spans, |spans, first, last| {
            self.isa.run(Block {
                format: self.format,
                left,
                right,
                spans,
                first,
                // Sums with channels as rows stay in scratch.
                last: last && !swapped,
                scratch: &mut scratch,
                to: to.reborrow(),
                rows: &offsets,
                columns: Columns::From(first_channel),
            });
        });
        if swapped {
            let panels = right.panels;
            let stride = panels.iter().map(|panel| panel.width).sum();
            let channels: usize = left.panels.iter().map(|panel| panel.len).sum();
            let channels = first_channel..first_channel + channels;
            self.isa.run(StoreTransposed { sums: &scratch, stride, channels, panels, offsets: &offsets, to });
        }
    }
}
