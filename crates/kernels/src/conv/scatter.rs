//! The last step of tiles whose rows are channels and whose lanes are pixels: to where each pixel's channels lie side by side.

use core::ops::Range;

use crate::gemm::block::{NOWHERE, Shared};
use crate::gemm::pack::{SQUARE, transpose};
use crate::gemm::panels::Panel;
use crate::simd::{Kernel, Simd};

/// Writes the transpose of a block of sums: squares are turned in registers, so that every pixel gets its channels in short runs.
pub(crate) struct Scatter<'a> {
    /// A row for each channel, `stride` floats from one to the next; in each the pixels, as in the panels.
    pub(crate) sums: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) channels: Range<usize>,
    pub(crate) panels: &'a [Panel],
    /// Where channel 0 of each pixel of the panels is in the result, or [`NOWHERE`].
    pub(crate) places: &'a [usize],
    pub(crate) to: Shared,
}

impl Kernel for Scatter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { sums, stride, channels: Range { start, end }, panels, places, to } = self;
        let channels = end - start;
        let row = |channel: usize, lane: usize| &sums[channel * stride + lane..];
        let whole = channels / SQUARE * SQUARE;
        for panel in panels {
            // A panel's width is a multiple of the square's side.
            for first in (0..panel.len).step_by(SQUARE) {
                let places = &places[panel.start - panels[0].start + first..];
                let places = &places[..SQUARE.min(panel.len - first)];
                let lane = panel.at - panels[0].at + first;
                for channel in (0..whole).step_by(SQUARE) {
                    let mut rows = [&[0.0; SQUARE]; SQUARE];
                    for (r, from) in rows.iter_mut().enumerate() {
                        *from = row(channel + r, lane).first_chunk().expect("a whole square");
                    }
                    let mut turned = [0.0; SQUARE * SQUARE];
                    transpose::<S>(rows, &mut turned, SQUARE);
                    for (from, &place) in turned.as_chunks::<SQUARE>().0.iter().zip(places) {
                        if place != NOWHERE {
                            // SAFETY: the channels of this pixel are this task's own.
                            let to = unsafe { to.part(place + start + channel..place + start + channel + SQUARE) };
                            *to.first_chunk_mut().expect("as long as the square") = *from;
                        }
                    }
                }
                for channel in whole..channels {
                    for (sum, &place) in row(channel, lane).iter().zip(places) {
                        if place != NOWHERE {
                            // SAFETY: as above.
                            let to = unsafe { to.part(place + start + channel..place + start + channel + 1) };
                            to[0] = *sum;
                        }
                    }
                }
            }
        }
    }
}
