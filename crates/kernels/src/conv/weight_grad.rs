//! The weight gradient: for every tap, the product of the pixels under it (in-channels as rows) and
//! the output's gradient (out-channels as columns), summed over (output row, output column, image).
//!
//! Both are packed once, with the images of each pixel adjacent, in the order of the sum. The
//! pixels that one tap reads along an output row lie a stride apart. The image columns are
//! therefore stored by their remainder modulo the stride: this makes the pixels adjacent, and each
//! output row is one span.
//!
//! In bf16, the pairs of the sum are images: image pairs take the place of images. A single image
//! is split into two by output rows ([`Paired`]).

use core::ops::Range;

use super::Convolution;
use crate::gemm::block::{Block, Columns, Operand};
use crate::gemm::blocking::{COLUMNS, DEPTH, SERIAL, Tiling};
use crate::gemm::micro::Span;
use crate::gemm::pack::copy_short;
use crate::gemm::pairs::{Format, PairRows, Words, convert, for_each_pair};
use crate::gemm::panels::{Panel, Panels};
use crate::gemm::scratch::Scratch;
use crate::gemm::{for_each_task, groups};
use crate::geometry::ConvGeometry;
use crate::shared::{Region, Shared};
use crate::simd::{self, Isa, Kernel, Simd};

/// Packs one row of pixels of all images into panels of channels, each in the order (row, column,
/// image).
struct PackRow<'a> {
    /// (image, row, column, channel)
    shape: [usize; 4],
    images: &'a [f32],
    row: usize,
    /// The position of each column in packed memory.
    positions: &'a [usize],
    panels: &'a [Panel],
    /// Packed memory, of which this owns one row of pixels in each panel.
    to: Region<'a>,
}

impl Kernel for PackRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { shape: [batch, rows, columns, channels], images, row, positions, panels, mut to } = self;
        // This order reads the images from front to back and writes each column of a panel from
        // front to back.
        for image in 0..batch {
            let from = &images[(image * rows + row) * columns * channels..][..columns * channels];
            for (pixel, position) in from.chunks_exact(channels).zip(positions) {
                for panel in panels {
                    let step = (row * columns + position) * batch + image;
                    let start = (panel.at * rows * columns * batch) + step * panel.width;
                    copy_short(&pixel[panel.start..panel.start + panel.len], to.part(start..start + panel.width));
                }
            }
        }
    }
}

fn pack_images(
    isa: Isa,
    shape: [usize; 4],
    images: &[f32],
    positions: &[usize],
    panels: &Panels,
    parallel: bool,
) -> Scratch {
    let [batch, rows, columns, _] = shape;
    let mut packed = Scratch::new(panels.width * rows * columns * batch);
    let shared = Shared::new(&mut packed);
    for_each_task(parallel, rows, |row| {
        // SAFETY: each task has its own row of pixels.
        let to = unsafe { shared.claim() };
        isa.run(PackRow { shape, images, row, positions, panels: &panels.list, to });
    });
    packed
}

/// A stretch of the sum: some images at some adjacent columns of one output row. (Either all images
/// or one column.)
struct Segment {
    row: usize,
    columns: Range<usize>,
    images: Range<usize>,
}

/// Cuts the sum over (row, column, image) into pieces of about [`DEPTH`] steps.
fn pieces(g: &ConvGeometry) -> Vec<Vec<Segment>> {
    let [rows, columns] = g.output;
    let mut pieces: Vec<Vec<Segment>> = Vec::new();
    if g.batch >= DEPTH {
        let parts = g.batch.div_ceil(DEPTH);
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            for part in 0..parts {
                let images = g.batch * part / parts..g.batch * (part + 1) / parts;
                pieces.push(vec![Segment { row, columns: column..column + 1, images }]);
            }
        }
        return pieces;
    }
    // The number of pixels in a piece.
    let wanted = DEPTH.div_ceil(g.batch.max(1));
    let mut room = 0;
    for row in 0..rows {
        let mut next = 0;
        while next < columns {
            if room == 0 {
                pieces.push(Vec::new());
                room = wanted;
            }
            let end = columns.min(next + room);
            if let Some(piece) = pieces.last_mut() {
                piece.push(Segment { row, columns: next..end, images: 0..g.batch });
            }
            room -= end - next;
            next = end;
        }
    }
    pieces
}

/// The most sums of a task. Several taps share a task where they fit, so that the pixels it reads
/// serve all of them.
const SUMS: usize = 1 << 16;

/// The tiles, and the panels of x and of gy.
fn panels(isa: Isa, g: &ConvGeometry) -> (Tiling, Panels, Panels) {
    let [channels, columns] = [g.in_channels, g.out_channels];
    let tiling = Tiling::choose(isa, channels, columns, g.output[0] * g.output[1] * g.batch);
    if tiling.swapped {
        (tiling, tiling.columns(channels), tiling.rows(columns))
    } else {
        (tiling, tiling.rows(channels), tiling.columns(columns))
    }
}

/// The lengths of the packed x and the packed gy of a call of [`conv2d_weight_grad`], and of the
/// buffer in which they are converted.
pub(crate) fn packed(g: &ConvGeometry) -> [usize; 3] {
    let Paired { format, words: g, .. } = Paired::new(g);
    let (_, x, y) = panels(simd::current(), &g);
    let [x_size, y_size] = [g.input, g.output].map(|size| size[0] * size[1] * g.batch);
    let converted = if format == Format::Float { 0 } else { (x_size * g.in_channels).max(y_size * g.out_channels) };
    [x.width * x_size, y.width * y_size, converted]
}

/// The problem in words of a format.
///
/// With two or more images, a word holds two of them, and the problem has fewer images. A single
/// image is regarded as two: output row 2 q of the first one and row 2 q + 1 of the second one are
/// row q of the new output. The stride between rows is then twice as long. As row 2 q + 1 reads
/// `stride` rows below row 2 q, a row of the new input is a row of x and the one `stride` below it,
/// where a row outside x is zero. (Products with such zeros are the only ones with padding.)
struct Paired<'a> {
    format: Format,
    /// The geometry.
    g: &'a ConvGeometry,
    /// The geometry in words.
    words: ConvGeometry,
    /// Rows of the new input before row 0 of x, if output rows are paired.
    before: Option<usize>,
}

impl<'a> Paired<'a> {
    fn new(g: &'a ConvGeometry) -> Self {
        let format = Format::choose(simd::current(), g.effective_precision(Convolution::WeightGrad));
        if format == Format::Float || g.batch != 1 {
            return Self { format, g, words: ConvGeometry { batch: format.words(g.batch), ..*g }, before: None };
        }
        let before = g.pad[0].min(g.stride[0]);
        let words = ConvGeometry {
            batch: format.words(2),
            input: [g.input[0] + before, g.input[1]],
            output: [g.output[0].div_ceil(2), g.output[1]],
            stride: [2 * g.stride[0], g.stride[1]],
            pad: [g.pad[0] - before, g.pad[1]],
            ..*g
        };
        Self { format, g, words, before: Some(before) }
    }

    /// The words of x.
    fn x<'b>(&self, isa: Isa, parallel: bool, x: &'b [f32]) -> Words<'b> {
        let [batch, rows, columns, channels] = self.g.x_shape();
        let Some(before) = self.before else {
            return convert(self.format, isa, parallel, [1, batch, rows * columns * channels], x);
        };
        let of = |row| self.rows_of(row, before);
        self.pair_rows(isa, parallel, x, [self.words.input[0], columns * channels], of)
    }

    /// The two rows of x in a row of the new input.
    fn rows_of(&self, row: usize, before: usize) -> [Option<usize>; 2] {
        [0, self.g.stride[0]].map(|below| (row + below).checked_sub(before).filter(|row| *row < self.g.input[0]))
    }

    /// Whether a row of the input in words has any pixels of x.
    fn has_pixels(&self, row: usize) -> bool {
        self.before.is_none_or(|before| self.rows_of(row, before) != [None; 2])
    }

    /// The words of gy.
    fn gy<'b>(&self, isa: Isa, parallel: bool, gy: &'b [f32]) -> Words<'b> {
        let [batch, rows, columns, channels] = self.g.y_shape();
        if self.before.is_none() {
            return convert(self.format, isa, parallel, [1, batch, rows * columns * channels], gy);
        }
        let of = |row| [2 * row, 2 * row + 1].map(|row| Some(row).filter(|row| *row < rows));
        self.pair_rows(isa, parallel, gy, [self.words.output[0], columns * channels], of)
    }

    /// The words of `rows` pairs of rows of length `len`. `of` gives the two rows of each pair.
    fn pair_rows<'b>(
        &self,
        isa: Isa,
        parallel: bool,
        image: &[f32],
        [rows, len]: [usize; 2],
        of: impl Fn(usize) -> [Option<usize>; 2] + Sync,
    ) -> Words<'b> {
        let mut words = Scratch::new(self.words.batch * rows * len);
        let shared = Shared::new(&mut words);
        for_each_pair(parallel, rows, len, |pair, range| {
            let rows_here = of(pair).map(|row| Some(&image[row? * len..][range.clone()]));
            let at = pair * len + range.start;
            // SAFETY: no two calls have the same row and range.
            let to = unsafe { shared.claim() };
            let at = [at, at + rows * len];
            isa.run(PairRows { format: self.format, rows: rows_here, to, at, len: range.len() });
        });
        Words::Converted(words)
    }
}

/// See [`Element::conv2d_weight_grad`](crate::Element::conv2d_weight_grad).
pub(crate) fn conv2d_weight_grad(g: &ConvGeometry, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    let isa = simd::current();
    let parallel = g.dense_products() > SERIAL;
    let paired = Paired::new(g);
    let (format, g) = (paired.format, &paired.words);
    let [batch, channels, columns] = [g.batch, g.in_channels, g.out_channels];
    let (tiling, x_panels, y_panels) = panels(isa, g);
    // The columns of the image are stored by their remainder.
    let stride = g.stride[1];
    let mut positions = vec![0; g.input[1]];
    for (position, column) in (0..stride).flat_map(|phase| (phase..g.input[1]).step_by(stride)).enumerate() {
        positions[column] = position;
    }
    let in_order: Vec<usize> = (0..g.output[1]).collect();
    let packed_x = pack_images(isa, g.x_shape(), &paired.x(isa, parallel, x), &positions, &x_panels, parallel);
    let packed_y = pack_images(isa, g.y_shape(), &paired.gy(isa, parallel, gy), &in_order, &y_panels, parallel);
    let (x_depth, y_depth) = (g.input[0] * g.input[1] * batch, g.output[0] * g.output[1] * batch);

    let (left, right) = if tiling.swapped { (&y_panels, &x_panels) } else { (&x_panels, &y_panels) };
    let taps = g.kernel[0] * g.kernel[1];
    let (rows, cols) = groups(left, right, COLUMNS, parallel && taps < 8);
    // Limit the taps per task, so that there are enough tasks.
    let blocks = rows.len() * cols.len();
    let together = (SUMS * blocks / (left.width * right.width)).min(taps * blocks / 8).clamp(1, taps);
    let pieces = pieces(g);
    let shared = Shared::new(gw);
    for_each_task(parallel, taps.div_ceil(together) * blocks, |task| {
        let taps = task / blocks * together..taps.min((task / blocks + 1) * together);
        let left = &left.list[rows[task % blocks / cols.len()].clone()];
        let right = &right.list[cols[task % cols.len()].clone()];
        let (x_part, y_part) = if tiling.swapped { (right, left) } else { (left, right) };
        let pixels = Operand { data: &packed_x[x_part[0].at * x_depth..], depth: x_depth, panels: x_part };
        let gradients = Operand { data: &packed_y[y_part[0].at * y_depth..], depth: y_depth, panels: y_part };
        let operands = if tiling.swapped { (gradients, pixels) } else { (pixels, gradients) };

        let size = Block::scratch_len(left, right);
        let mut sums = Scratch::new(size * taps.len());
        let range = |panels: &[Panel]| panels[0].start..panels[panels.len() - 1].start + panels[panels.len() - 1].len;
        let outputs: Vec<usize> = range(y_part).collect();
        // SAFETY: no two tasks have the same taps and channels.
        let mut to = unsafe { shared.claim() };
        let mut multiply = |tap: usize, spans: &[Span], first: bool, last: bool, sums: &mut [f32]| {
            let base = tap * channels * columns;
            let inputs: Vec<usize> =
                if last { range(x_part).map(|i| base + i * columns).collect() } else { Vec::new() };
            let (rows, columns) = match (last, tiling.swapped) {
                (false, _) => (&inputs, Columns::From(0)),
                (true, false) => (&inputs, Columns::From(outputs[0])),
                (true, true) => (&outputs, Columns::At(&inputs)),
            };
            let (left, right) = operands;
            isa.run(Block { format, left, right, spans, first, last, scratch: sums, to: to.reborrow(), rows, columns });
        };
        let valid: Vec<Range<usize>> = taps.clone().map(|tap| valid(g, tap % g.kernel[1])).collect();
        let mut begun = vec![false; taps.len()];
        let mut spans: Vec<Span> = Vec::new();
        for piece in &pieces {
            for (i, tap) in taps.clone().enumerate() {
                let (ky, kx) = (tap / g.kernel[1], tap % g.kernel[1]);
                spans.clear();
                for Segment { row, columns, images } in piece {
                    let (start, end) = (columns.start.max(valid[i].start), columns.end.min(valid[i].end));
                    let Some(y) = g.source(0, *row, ky).filter(|y| paired.has_pixels(*y)) else { continue };
                    let Some(x) = (start < end).then(|| g.source(1, start, kx)).flatten() else { continue };
                    let a = (y * g.input[1] + positions[x]) * batch + images.start;
                    let b = (row * g.output[1] + start) * batch + images.start;
                    let (a, b) = if tiling.swapped { (b, a) } else { (a, b) };
                    spans.push(Span { a, b, len: (end - start - 1) * batch + images.len() });
                }
                if !spans.is_empty() {
                    multiply(tap, &spans, !begun[i], false, &mut sums[i * size..(i + 1) * size]);
                    begun[i] = true;
                }
            }
        }
        for (i, tap) in taps.enumerate() {
            multiply(tap, &[], !begun[i], true, &mut sums[i * size..(i + 1) * size]);
        }
    });
}

/// The output columns that read real pixels through tap `kx` of a row.
fn valid(g: &ConvGeometry, kx: usize) -> Range<usize> {
    let real = |ox: &usize| g.source(1, *ox, kx).is_some();
    let first = (0..g.output[1]).find(real).unwrap_or(0);
    first..first + (first..g.output[1]).take_while(real).count()
}
