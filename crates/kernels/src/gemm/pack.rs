//! Packing: copying an operand into panels, in the order in which the tile will read it.
//!
//! There are two kinds of sources. Where neighbouring rows (columns) of the panel lie side by side in memory, each step of
//! the depth is one short copy. Where neighbouring *steps* lie side by side (a row-major left operand; the pixels of an
//! image, for which the depth is the channels), the panel is the transpose of what is read. Transposition is a matter of the packing alone:
//! the tile never knows.

use core::ops::Range;

use super::block::Shared;
use super::micro::fetch_near;
use super::panels::Panel;
use crate::simd::{Kernel, LANES, Simd};

/// Steps between the fetch of a line that [`PackSteps`] reads and its use.
const DISTANCE: usize = 8;

/// Packs some steps of several panels, from a source in which each step of the depth holds the lanes side by side.
///
/// Each step is read once, for all panels: in a large matrix the next step is on another memory page.
pub(crate) struct PackSteps<'a> {
    pub(crate) panels: &'a [Panel],
    /// Lane l at the first of these steps is `source[l]`, and the next step is `stride` further.
    pub(crate) source: &'a [f32],
    pub(crate) stride: usize,
    /// Which steps of the packed depth these are, and how many it has in all.
    pub(crate) steps: Range<usize>,
    pub(crate) depth: usize,
    /// Packed memory for `panels`.
    pub(crate) to: Shared,
}

impl Kernel for PackSteps<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { panels, source, stride, steps, depth, to } = self;
        let Some(first) = panels.first() else { return };
        if steps.is_empty() {
            return;
        }
        assert!(panels.iter().all(|panel| first.at <= panel.at));
        assert!(panels.iter().all(|panel| (panel.at - first.at + panel.width) * depth <= to.len));
        assert!(panels.iter().all(|panel| (steps.len() - 1) * stride + panel.start + panel.len <= source.len()));
        assert!(steps.end <= depth && panels.iter().all(|panel| panel.len <= panel.width));
        for (d, step) in steps.enumerate() {
            for panel in panels {
                // SAFETY: by the assertions, `panel.len` numbers are there to be read, and step `step` of the panel is
                // inside `to`; every panel and step has its own part, and no two tasks pack the same.
                unsafe {
                    let from = source.as_ptr().add(d * stride + panel.start);
                    let later = from.wrapping_add(DISTANCE * stride);
                    fetch_near(later);
                    if panel.len > LANES {
                        fetch_near(later.wrapping_add(LANES));
                    }
                    let to = to.pointer.add((panel.at - first.at) * depth + step * panel.width);
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

/// Copies and fills up with zeros. Short rows are a few vectors, the last two overlapping: a call to the system's copy
/// would cost more than that.
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

/// Packs one panel from a source in which each lane holds the steps of the depth side by side.
pub(crate) struct PackLanes<'a, F> {
    pub(crate) panel: Panel,
    /// Lane l of the panel is `source[lane(l)..]`, one float per step, or zeros if it is `None`.
    pub(crate) source: &'a [f32],
    pub(crate) lane: F,
    /// The steps come in chunks of this length (pixels, say), and the chunks are packed from the last to the first.
    /// All steps in one chunk: they are packed as they are.
    pub(crate) chunk: usize,
    /// Packed memory for some whole chunks, `panel.width` floats for each step.
    pub(crate) to: &'a mut [f32],
}

/// What a lane without a source reads.
static ZEROS: [f32; SQUARE] = [0.0; SQUARE];

impl<F: Fn(usize) -> Option<usize>> Kernel for PackLanes<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { panel: Panel { len, width, .. }, source, lane, chunk, to } = self;
        let steps = to.len() / width;
        // Eight lanes at a time; the last eight may overlap those before, which writes some numbers twice. Fewer than
        // eight in all go one number at a time.
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
                // Squares of eight steps. Where the panel is narrower than a square, what a step writes too much is
                // overwritten by the next; so there has to be a next one.
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
                        // SAFETY: every row has `chunk` numbers, and `whole` of them are whole squares.
                        let rows = unsafe { rows.map(|row| &*row.add(step).cast()) };
                        transpose::<S>(rows, &mut to[step * width + first..], width);
                    }
                } else {
                    for step in (0..whole).step_by(SQUARE) {
                        let mut rows = [&ZEROS; SQUARE];
                        for (row, (from, real)) in rows.iter_mut().zip(lanes) {
                            let at = if real { start + step } else { 0 };
                            *row = from[at..].first_chunk().expect("a whole square is left");
                        }
                        transpose::<S>(rows, &mut to[step * width + first..], width);
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

/// Side of the squares that are transposed in registers.
pub(crate) const SQUARE: usize = 8;

/// Writes column c of the square to `to[c * stride..]`, the first column first (they may overlap).
#[inline(always)]
pub(crate) fn transpose<S: Simd>(rows: [&[f32; SQUARE]; SQUARE], to: &mut [f32], stride: usize) {
    assert!(to.len() >= (SQUARE - 1) * stride + SQUARE);
    #[cfg(target_arch = "x86_64")]
    if S::ISA != crate::simd::Isa::Portable {
        // SAFETY: both other instruction sets have AVX; the assertion keeps the writes inside `to`.
        return unsafe { transpose_avx(rows, to.as_mut_ptr(), stride) };
    }
    for c in 0..SQUARE {
        for (to, row) in to[c * stride..].iter_mut().zip(rows) {
            *to = row[c];
        }
    }
}

/// Three rounds of exchanges: of single numbers between pairs of rows, of pairs, of halves.
///
/// # Safety
/// The CPU has AVX; `to` is good for the writes at `c * stride`, 8 floats each, for c < 8.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
unsafe fn transpose_avx(rows: [&[f32; SQUARE]; SQUARE], to: *mut f32, stride: usize) {
    use core::arch::x86_64::*;
    // Rows 4 apart share a register from the start, so that the last round is done by the loads.
    let load = |row: usize, half: usize| {
        let (low, high) = (rows[row].as_ptr(), rows[row + 4].as_ptr());
        // SAFETY: four of the eight floats of each row.
        unsafe {
            _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(_mm_loadu_ps(low.add(half))), _mm_loadu_ps(high.add(half)))
        }
    };
    for half in [0, 4] {
        let [a, b, c, d] = [load(0, half), load(1, half), load(2, half), load(3, half)];
        let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        let columns = [
            _mm256_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low),
            _mm256_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low),
            _mm256_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high),
            _mm256_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high),
        ];
        for (c, column) in columns.into_iter().enumerate() {
            // SAFETY: as the caller promises.
            unsafe { _mm256_storeu_ps(to.add((half + c) * stride), column) };
        }
    }
}
