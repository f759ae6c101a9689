//! Packing: copying an operand into panels, in the order in which the tile reads it.
//!
//! There are two kinds of sources. Where the lanes of a panel (rows or columns) are contiguous in
//! memory, each step of the depth is one short copy: [`PackSteps`]. Where the *steps* are
//! contiguous (in a row-major left operand, or in the channels of a pixel), the panel is the
//! transpose of its source: [`PackLanes`]. The tile does not see the difference.

use core::ops::Range;

use super::panels::Panel;
use crate::shared::Region;
use crate::simd::{Kernel, LANES, SQUARE, Simd, prefetch_l1};

/// Steps between the prefetch of a line that [`PackSteps`] reads and its use.
const DISTANCE: usize = 8;

/// Packs some steps of several panels from a source in which the lanes of each step are contiguous.
///
/// Each step is read once, for all panels, because the next step of a large matrix is on a
/// different memory page.
pub(crate) struct PackSteps<'a> {
    pub(crate) panels: &'a [Panel],
    /// Lane l of the first of these steps is `source[l]`; the next step is `stride` further.
    pub(crate) source: &'a [f32],
    pub(crate) stride: usize,
    /// The range of these steps in the packed depth, and the length of that.
    pub(crate) steps: Range<usize>,
    pub(crate) depth: usize,
    /// Packed memory for `panels`, of which this owns the steps of each.
    pub(crate) to: Region<'a>,
}

impl Kernel for PackSteps<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { panels, source, stride, steps, depth, mut to } = self;
        let Some(first) = panels.first() else { return };
        if steps.is_empty() {
            return;
        }
        assert!(panels.iter().all(|panel| first.at <= panel.at));
        assert!(panels.iter().all(|panel| (panel.at - first.at + panel.width) * depth <= to.len()));
        assert!(panels.iter().all(|panel| (steps.len() - 1) * stride + panel.start + panel.len <= source.len()));
        assert!(steps.end <= depth && panels.iter().all(|panel| panel.len <= panel.width));
        for (d, step) in steps.enumerate() {
            for panel in panels {
                // SAFETY: by the assertions, `source` holds `panel.len` numbers here, and step
                // `step` of the panel is inside `to`; the region owns it.
                unsafe {
                    let from = source.as_ptr().add(d * stride + panel.start);
                    let later = from.wrapping_add(DISTANCE * stride);
                    prefetch_l1(later);
                    if panel.len > LANES {
                        prefetch_l1(later.wrapping_add(LANES));
                    }
                    let to = to.as_mut_ptr().add((panel.at - first.at) * depth + step * panel.width);
                    if panel.len == 2 * LANES {
                        let halves = [s.load(&*from.cast()), s.load(&*from.add(LANES).cast())];
                        s.store(halves[0], &mut *to.cast());
                        s.store(halves[1], &mut *to.add(LANES).cast());
                    } else {
                        let from = core::slice::from_raw_parts(from, panel.len);
                        copy_short(from, core::slice::from_raw_parts_mut(to, panel.width));
                    }
                }
            }
        }
    }
}

/// Copies `from` and fills the rest of `to` with zeros. Rows are short: copying a few vectors, the
/// last two of which overlap, costs less than a call of `memcpy`.
#[inline(always)]
pub(crate) fn copy_short(from: &[f32], to: &mut [f32]) {
    let (body, rest) = to.split_at_mut(from.len());
    if from.len() >= 16 {
        copy_vectors::<16>(from, body);
    } else if from.len() >= 8 {
        copy_vectors::<8>(from, body);
    } else if from.len() >= 4 {
        copy_vectors::<4>(from, body);
    } else {
        for (to, from) in body.iter_mut().zip(from) {
            *to = *from;
        }
    }
    for to in rest {
        *to = 0.0;
    }
}

/// Copies at least N floats, N at a time.
#[inline(always)]
fn copy_vectors<const N: usize>(from: &[f32], to: &mut [f32]) {
    for (to, from) in to.as_chunks_mut::<N>().0.iter_mut().zip(from.as_chunks::<N>().0) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        *to = *from;
    }
}

/// Packs one panel from a source in which the steps of each lane are contiguous.
pub(crate) struct PackLanes<'a, F> {
    pub(crate) panel: Panel,
    /// Lane l of the panel is `source[lane(l)..]`, one float per step, or zeros if it is `None`.
    pub(crate) source: &'a [f32],
    pub(crate) lane: F,
    /// The steps are divided into chunks of this length (one per pixel, say), which are packed from
    /// the last to the first. With all steps in one chunk, the order is that of the source.
    pub(crate) chunk: usize,
    /// Packed memory for some whole chunks, `panel.width` floats for each step.
    pub(crate) to: &'a mut [f32],
}

/// The source of a lane whose offset is `None`.
static ZEROS: [f32; SQUARE] = [0.0; SQUARE];

impl<F: Fn(usize) -> Option<usize>> Kernel for PackLanes<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { panel: Panel { len, width, .. }, source, lane, chunk, to } = self;
        let steps = to.len() / width;
        // Eight lanes at a time. The last eight may overlap those before, which writes some numbers
        // twice.
        let mut first = 0;
        while first < width {
            if width > SQUARE {
                first = first.min(width - SQUARE);
            }
            let mut lanes = [(&ZEROS[..], false); SQUARE];
            for (l, slot) in lanes.iter_mut().enumerate() {
                if let Some(at) = (first + l < len).then(|| lane(first + l)).flatten() {
                    *slot = (&source[at..at + steps], true);
                }
            }
            let kept = SQUARE.min(width - first);
            let real = lanes[..kept].iter().all(|(_, real)| *real);
            for start in (0..steps).step_by(chunk) {
                let to = &mut to[(steps - chunk - start) * width..][..chunk * width];
                // Squares of eight steps. Where the panel is narrower than a square, a step writes
                // beyond its end and the next step overwrites that, so there has to be a next one.
                // The rest goes number by number.
                let room = (chunk * width).saturating_sub(first + SQUARE) / width + 1;
                let whole = if chunk * width < first + SQUARE || kept < SQUARE && !real {
                    0
                } else {
                    chunk.min(room) / SQUARE * SQUARE
                };
                if real {
                    // Lanes beyond the panel repeat its last one.
                    let rows: [&[f32]; SQUARE] = core::array::from_fn(|l| &lanes[l.min(kept - 1)].0[start..][..chunk]);
                    let rows = rows.map(<[f32]>::as_ptr);
                    for step in (0..whole).step_by(SQUARE) {
                        // SAFETY: every row has `chunk` numbers, of which `whole` form whole
                        // squares.
                        let rows = unsafe { rows.map(|row| &*row.add(step).cast()) };
                        s.transpose(rows, &mut to[step * width + first..], width);
                    }
                } else {
                    for step in (0..whole).step_by(SQUARE) {
                        let mut rows = [&ZEROS; SQUARE];
                        for (row, (from, real)) in rows.iter_mut().zip(lanes) {
                            let at = if real { start + step } else { 0 };
                            *row = from[at..].first_chunk().expect("`whole` ends with a square");
                        }
                        s.transpose(rows, &mut to[step * width + first..], width);
                    }
                }
                for (l, (from, real)) in lanes.into_iter().enumerate().take(kept) {
                    for step in whole..chunk {
                        to[step * width + first + l] = if real { from[start + step] } else { 0.0 };
                    }
                }
            }
            first += SQUARE;
        }
    }
}
