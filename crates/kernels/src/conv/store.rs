//! Writing tiles whose rows are channels and whose lanes are pixels to images, in which the
//! channels of a pixel are contiguous.

use core::ops::Range;

use crate::gemm::block::NOWHERE;
use crate::gemm::panels::Panel;
use crate::shared::Region;
use crate::simd::{Kernel, SQUARE, Simd};

/// Writes the transpose of a block of sums. Squares are transposed in registers, so that each pixel
/// receives its channels in short contiguous parts.
pub(crate) struct StoreTransposed<'a> {
    /// One row per channel, `stride` floats apart, which holds the pixels as in the panels.
    pub(crate) sums: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) channels: Range<usize>,
    pub(crate) panels: &'a [Panel],
    /// The offset of channel 0 of each pixel of the panels in the result, or [`NOWHERE`].
    pub(crate) offsets: &'a [usize],
    /// The result, of which this owns these channels of these pixels.
    pub(crate) to: Region<'a>,
}

impl Kernel for StoreTransposed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { sums, stride, channels: Range { start, end }, panels, offsets, mut to } = self;
        let channels = end - start;
        let row = |channel: usize, lane: usize| &sums[channel * stride + lane..];
        let whole = channels / SQUARE * SQUARE;
        for panel in panels {
            // The width of a panel is a multiple of the side of a square.
            for first in (0..panel.len).step_by(SQUARE) {
                let offsets = &offsets[panel.start - panels[0].start + first..];
                let offsets = &offsets[..SQUARE.min(panel.len - first)];
                let lane = panel.at - panels[0].at + first;
                for channel in (0..whole).step_by(SQUARE) {
                    let mut rows = [&[0.0; SQUARE]; SQUARE];
                    for (r, from) in rows.iter_mut().enumerate() {
                        *from = row(channel + r, lane).first_chunk().expect("a whole square");
                    }
                    let mut turned = [0.0; SQUARE * SQUARE];
                    s.transpose(rows, &mut turned, SQUARE);
                    for (from, &offset) in turned.as_chunks::<SQUARE>().0.iter().zip(offsets) {
                        if offset != NOWHERE {
                            let to = to.part(offset + start + channel..offset + start + channel + SQUARE);
                            *to.first_chunk_mut().expect("as long as the square") = *from;
                        }
                    }
                }
                for channel in whole..channels {
                    for (sum, &offset) in row(channel, lane).iter().zip(offsets) {
                        if offset != NOWHERE {
                            to.part(offset + start + channel..offset + start + channel + 1)[0] = *sum;
                        }
                    }
                }
            }
        }
    }
}
