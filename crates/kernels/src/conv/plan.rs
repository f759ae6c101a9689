//! Every choice of shape for the convolutions, in one place, and the geometry that the choices are about.
//!
//! The forward convolution and the input gradient are the same problem seen from two sides, here called a *gather*: each
//! position of a result map gathers the pixels under its taps. Along one axis, the pixel that position p reads through
//! tap t is `step * p + t + shift`.
//!
//! * Forward: step is the stride, shift is minus the padding.
//! * Input gradient: with q = p + padding, the taps that reach input pixel p are those with tap = q mod stride, and tap t
//!   reads output pixel (q - t) / stride. So the input pixels fall into stride * stride **phases** of equal remainder, each a
//!   gather of its own with every stride-th tap. Its pixels are read backwards as t grows; reading the
//!   image in a mirror turns that forwards, so that neighbouring taps lie side by side in memory, as in the forward case.

use core::ops::Range;

use crate::geometry::ConvGeometry;

/// A gather along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    /// Pixels of the source.
    pub(crate) source: usize,
    /// The source is read in a mirror: pixel s stands at source - 1 - s.
    pub(crate) mirrored: bool,
    /// Taps.
    pub(crate) taps: usize,
    /// The first tap in the whole kernel, and the distance of two taps there.
    pub(crate) kernel: [usize; 2],
    /// Positions of the result.
    pub(crate) positions: usize,
    /// The first position in the whole result, and the distance of two positions there.
    pub(crate) place: [usize; 2],
    /// Pixels from one position to the next.
    pub(crate) step: isize,
    /// Pixel of position 0 and tap 0.
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
            place: [0, 1],
            step: g.stride[axis] as isize,
            shift: -(g.pad[axis] as isize),
        }
    }

    /// The input gradient along `axis`, a phase for each remainder of (pixel + padding) by the stride.
    pub(crate) fn backward(g: &ConvGeometry, axis: usize) -> Vec<Self> {
        let (stride, pad, source) = (g.stride[axis], g.pad[axis], g.output[axis]);
        let phase = |remainder: usize| {
            // The first pixel with that remainder: pixel + pad = remainder + stride * turns.
            let turns = pad.saturating_sub(remainder).div_ceil(stride);
            let first = remainder + stride * turns - pad;
            Self {
                source,
                mirrored: true,
                taps: g.kernel[axis].saturating_sub(remainder).div_ceil(stride),
                kernel: [remainder, stride],
                positions: g.input[axis].saturating_sub(first).div_ceil(stride),
                place: [first, stride],
                // Pixel turns + p - t, in the mirror.
                step: -1,
                shift: source as isize - 1 - turns as isize,
            }
        };
        (0..stride).map(phase).filter(|axis| axis.positions > 0).collect()
    }

    /// The pixel of tap 0, real or not.
    fn origin(&self, position: usize) -> isize {
        self.step * position as isize + self.shift
    }

    /// The taps through which `position` sees real pixels.
    pub(crate) fn valid(&self, position: usize) -> Range<usize> {
        let origin = self.origin(position);
        let clip = |tap: isize| tap.clamp(0, self.taps as isize) as usize;
        let (start, end) = (clip(-origin), clip(self.source as isize - origin));
        if start < end { start..end } else { 0..0 }
    }

    /// Neighbouring positions that see real pixels through the same taps.
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

/// Some positions along an axis, cut into blocks of equal size, and the pixels that each block needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strip {
    pub(crate) positions: Range<usize>,
    /// Blocks, and positions in each (the last block may reach beyond the end).
    pub(crate) blocks: usize,
    pub(crate) size: usize,
    /// The first pixel that block 0 needs; block b begins `step * size * b` pixels further.
    pub(crate) first: isize,
    /// Pixels that each block needs.
    pub(crate) pixels: usize,
}

impl Strip {
    fn new(axis: &Axis, positions: Range<usize>, blocks: usize) -> Self {
        let size = positions.len().div_ceil(blocks);
        // The pixels that block 0 sees; the others see as many, as blocks are only cut where all taps are alike.
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

    /// Whether the packed pixels are the same as of another strip of the same source.
    pub(crate) fn packs_like(&self, other: &Self) -> bool {
        self.blocks == 1 && other.blocks == 1 && self.first == other.first && self.pixels == other.pixels
    }

    /// The pixel of a block's packed image, in memory's order, or nothing where a last block reaches beyond the image.
    pub(crate) fn pixel(&self, axis: &Axis, block: usize, pixel: usize) -> Option<usize> {
        let at = self.first + axis.step * (self.size * block) as isize + pixel as isize;
        let at = usize::try_from(at).ok().filter(|&at| at < axis.source)?;
        Some(if axis.mirrored { axis.source - 1 - at } else { at })
    }

    /// The first pixel, within the packed image, that position `r` of each block reads through tap 0 (taps that are valid
    /// make it positive).
    pub(crate) fn origin(&self, axis: &Axis, r: usize) -> isize {
        axis.origin(self.positions.start + r) - self.first
    }

    /// Whether every block has a position `r`.
    pub(crate) fn is_whole(&self, r: usize) -> bool {
        self.positions.start + self.size * (self.blocks - 1) + r < self.positions.end
    }

    /// Where position `r` of a block is in the result, if the block has it.
    pub(crate) fn place(&self, axis: &Axis, block: usize, r: usize) -> Option<usize> {
        let position = self.positions.start + self.size * block + r;
        (position < self.positions.end).then(|| axis.place[0] + axis.place[1] * position)
    }
}

/// Rows that a packed panel's neighbours should offer together: with fewer, the weights are read too often.
const ROWS: usize = 64;
/// Images from which on a batch fills the rows by itself.
const BATCH: usize = 32;

/// Cuts the map of positions into rectangles, each as a pair of strips.
///
/// The rows of the product are images: every tile computes one position, of several images. So no border needs a
/// test, and no padding is multiplied, as the images of a batch all have the border at the same place. With fewer than
/// [`BATCH`] images, each image is cut into blocks that count as images of their own. For that the positions must see
/// the same taps in every block: the inner part of the map is one rectangle, the borders and corners are others.
///
/// All phases of an input gradient read the same images, in the same mirror. With a large batch they are packed whole, once
/// for all phases.
pub(crate) fn rectangles(batch: usize, axes: &[Axis; 2]) -> Vec<[Strip; 2]> {
    if batch >= BATCH {
        return vec![[0, 1].map(|i| Strip::whole(&axes[i]))];
    }
    let mut rectangles = Vec::new();
    for y in axes[0].classes() {
        for x in axes[1].classes() {
            // First down, then across: blocks of whole rows share the most pixels.
            let down = ROWS.div_ceil(batch.max(1)).min(y.len());
            let across = ROWS.div_ceil(batch.max(1) * down).min(x.len());
            rectangles.push([Strip::new(&axes[0], y.clone(), down), Strip::new(&axes[1], x.clone(), across)]);
        }
    }
    rectangles
}
