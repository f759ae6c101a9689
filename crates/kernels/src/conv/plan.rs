//! The geometry of direct convolutions, and every choice that depends on their shape.
//!
//! The convolution and its input gradient are the same problem: each position of the result sums
//! over the pixels under its taps. Along one axis, position p reads the pixel `step * p + t +
//! shift` of its source through tap t.
//!
//! * Convolution: step is the stride and shift is minus the padding.
//! * Input gradient: with q = p + padding, the taps that reach input pixel p are those with t = q
//!   mod stride, and tap t reads output pixel (q - t) / stride. The input pixels therefore fall
//!   into stride * stride **phases** of equal remainder, and each phase is a problem of its own
//!   with every stride-th tap. Its pixels are read backwards as t grows. Mirroring the image
//!   reverses that, so that adjacent taps are adjacent in memory, as in the convolution.

use core::ops::Range;

use crate::geometry::ConvGeometry;

/// The problem along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    /// Pixels of the source.
    pub(crate) source: usize,
    /// Whether the source is mirrored: pixel s is at source - 1 - s.
    pub(crate) mirrored: bool,
    /// The number of taps.
    pub(crate) taps: usize,
    /// The first tap within the whole kernel, and the distance between two taps there.
    pub(crate) kernel: [usize; 2],
    /// The number of positions in the result.
    pub(crate) positions: usize,
    /// The first position within the whole result, and the distance between two positions there.
    pub(crate) result: [usize; 2],
    /// The distance in pixels from one position to the next.
    pub(crate) step: isize,
    /// The pixel that position 0 reads through tap 0.
    pub(crate) shift: isize,
}

impl Axis {
    /// The forward convolution along `axis`.
    pub(crate) fn forward(g: &ConvGeometry, axis: usize) -> Self {
        Self {
            source: g.input[axis],
            mirrored: false,
            taps: g.kernel[axis],
            kernel: [0, 1],
            positions: g.output[axis],
            result: [0, 1],
            step: g.stride[axis] as isize,
            shift: -(g.pad[axis] as isize),
        }
    }

    /// The input gradient along `axis`: one phase for each remainder of (pixel + padding) modulo
    /// the stride.
    pub(crate) fn backward(g: &ConvGeometry, axis: usize) -> Vec<Self> {
        let (stride, pad, source) = (g.stride[axis], g.pad[axis], g.output[axis]);
        let phase = |remainder: usize| {
            // The first pixel with this remainder: pixel + pad = remainder + stride * turns.
            let turns = pad.saturating_sub(remainder).div_ceil(stride);
            let first = remainder + stride * turns - pad;
            Self {
                source,
                mirrored: true,
                taps: g.kernel[axis].saturating_sub(remainder).div_ceil(stride),
                kernel: [remainder, stride],
                positions: g.input[axis].saturating_sub(first).div_ceil(stride),
                result: [first, stride],
                // Pixel turns + p - t, mirrored.
                step: -1,
                shift: source as isize - 1 - turns as isize,
            }
        };
        (0..stride).map(phase).filter(|axis| axis.positions > 0).collect()
    }

    /// The pixel under tap 0, which may be padding.
    fn origin(&self, position: usize) -> isize {
        self.step * position as isize + self.shift
    }

    /// The taps through which `position` reads real pixels.
    pub(crate) fn valid(&self, position: usize) -> Range<usize> {
        let origin = self.origin(position);
        let clip = |tap: isize| tap.clamp(0, self.taps as isize) as usize;
        let (start, end) = (clip(-origin), clip(self.source as isize - origin));
        if start < end { start..end } else { 0..0 }
    }

    /// Ranges of positions that read real pixels through the same taps.
    fn classes(&self) -> Vec<Range<usize>> {
        let mut classes: Vec<Range<usize>> = Vec::new();
        for position in 0..self.positions {
            match classes.last_mut() {
                Some(class) if self.valid(class.start) == self.valid(position) => class.end += 1,
                _ => classes.push(position..position + 1),
            }
        }
        classes
    }
}

/// A range of positions along an axis, cut into blocks of equal size, and the pixels that each
/// block reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strip {
    pub(crate) positions: Range<usize>,
    /// The number of blocks, and of positions in each. The last block may reach beyond the range.
    pub(crate) blocks: usize,
    pub(crate) size: usize,
    /// The first pixel that block 0 reads; block b begins `step * size * b` pixels further.
    pub(crate) first: isize,
    /// The number of pixels that each block reads.
    pub(crate) pixels: usize,
}

impl Strip {
    fn new(axis: &Axis, positions: Range<usize>, blocks: usize) -> Self {
        let size = positions.len().div_ceil(blocks);
        // The pixels that block 0 reads. The others read as many, because only positions with equal
        // taps are cut.
        let mut seen: Option<Range<isize>> = None;
        for position in positions.start..positions.start + size {
            let (taps, origin) = (axis.valid(position), axis.origin(position));
            if !taps.is_empty() {
                let (low, high) = (origin + taps.start as isize, origin + taps.end as isize);
                seen = Some(seen.map_or(low..high, |seen| seen.start.min(low)..seen.end.max(high)));
            }
        }
        let seen = seen.unwrap_or(0..0);
        Self { blocks: positions.len().div_ceil(size), positions, size, first: seen.start, pixels: seen.len() }
    }

    /// All positions in one block, and all pixels.
    fn whole(axis: &Axis) -> Self {
        Self { positions: 0..axis.positions, blocks: 1, size: axis.positions, first: 0, pixels: axis.source }
    }

    /// Whether the packed pixels are the same as those of another strip of the same source.
    pub(crate) fn packs_like(&self, other: &Self) -> bool {
        self.blocks == 1 && other.blocks == 1 && self.first == other.first && self.pixels == other.pixels
    }

    /// The position in memory of a pixel of a packed block; `None` where the last block reaches
    /// beyond the image.
    pub(crate) fn pixel(&self, axis: &Axis, block: usize, pixel: usize) -> Option<usize> {
        let at = self.first + axis.step * (self.size * block) as isize + pixel as isize;
        let at = usize::try_from(at).ok().filter(|&at| at < axis.source)?;
        Some(if axis.mirrored { axis.source - 1 - at } else { at })
    }

    /// The first pixel within the packed block that position `r` of each block reads through tap 0.
    /// (It may be negative; valid taps lead to real pixels.)
    pub(crate) fn origin(&self, axis: &Axis, r: usize) -> isize {
        axis.origin(self.positions.start + r) - self.first
    }

    /// Whether every block has a position `r`.
    pub(crate) fn is_whole(&self, r: usize) -> bool {
        self.positions.start + self.size * (self.blocks - 1) + r < self.positions.end
    }

    /// The place of position `r` of a block in the result, if the block has it.
    pub(crate) fn in_result(&self, axis: &Axis, block: usize, r: usize) -> Option<usize> {
        let position = self.positions.start + self.size * block + r;
        (position < self.positions.end).then(|| axis.result[0] + axis.result[1] * position)
    }
}

/// Rows that should share one pass over the weights; with fewer, the weights are read too often.
const ROWS: usize = 64;
/// The smallest batch whose images alone fill the rows.
const BATCH: usize = 32;

/// Cuts the map of positions into rectangles, each as a pair of strips.
///
/// The rows of the product are images: each tile computes one position of several images. All
/// images of a batch have the border in the same place, so the inner loop needs no test for it and
/// multiplies no padding. With fewer than [`BATCH`] images, each image is cut into blocks that play
/// the role of images. The positions of all blocks must then read through the same taps, so the
/// inner part of the map is one rectangle, and borders and corners are others.
///
/// All phases of an input gradient read the same mirrored images. A large batch is packed whole,
/// once for all phases.
pub(crate) fn rectangles(batch: usize, axes: &[Axis; 2]) -> Vec<[Strip; 2]> {
    if batch >= BATCH {
        return vec![[0, 1].map(|i| Strip::whole(&axes[i]))];
    }
    let mut rectangles = Vec::new();
    for y in axes[0].classes() {
        for x in axes[1].classes() {
            // First down, then across, because blocks of whole rows share the most pixels.
            let down = ROWS.div_ceil(batch.max(1)).min(y.len());
            let across = ROWS.div_ceil(batch.max(1) * down).min(x.len());
            rectangles.push([Strip::new(&axes[0], y.clone(), down), Strip::new(&axes[1], x.clone(), across)]);
        }
    }
    rectangles
}
