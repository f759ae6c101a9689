//! An operand of the products: gathered in tiles, and transformed to packed planes.

use core::ops::Range;

use super::Axis;
use super::product::padded;
use super::tiles::{Factor, Place};
use super::transform::Forward;
use crate::gemm::for_each_task;
use crate::gemm::pack::{PackLanes, copy_short};
use crate::gemm::panels::Panel;
use crate::gemm::scratch::Scratch;
use crate::shared::Shared;
use crate::simd::{Isa, Kernel, LANES, SQUARE, Simd, prefetch_l1};

/// An operand before packing and transformation.
pub(super) struct Operand<'a> {
    pub(super) isa: Isa,
    pub(super) parallel: bool,
    pub(super) factor: &'a Factor,
    pub(super) data: &'a [f32],
    /// The axis of the lanes, rows or columns, and its length in each phase.
    pub(super) lanes: (Axis, usize),
    /// The axis of the depth, the number of its phases, and the part of each that is wanted.
    pub(super) depth: (Axis, usize, Range<usize>),
    pub(super) panels: &'a [Panel],
}

/// The most numbers that a task gathers for each lane: steps times elements of a tile. They should
/// stay in the second-level cache.
const GATHERED: usize = 64 * 64;
/// The most steps of the depth that a task transforms.
const STEPS: usize = 64;

impl Operand<'_> {
    /// All planes of the operand, packed into panels.
    pub(super) fn transform(&self) -> Scratch {
        let Self { isa, parallel, factor, data, lanes, ref depth, panels } = *self;
        let (depth_axis, phases, steps) = (depth.0, depth.1, depth.2.len());
        let at_a_time = (GATHERED / factor.transform.size() / SQUARE * SQUARE).clamp(SQUARE, STEPS);
        let (plane_steps, pieces) = (phases * steps + 1, steps.div_ceil(at_a_time));
        let all_steps = plane_steps * factor.transform.planes;
        let mut planes = Scratch::new(panels.iter().map(|panel| panel.width).sum::<usize>() * all_steps);
        let shared = Shared::new(&mut planes);
        for_each_task(parallel, panels.len() * phases * pieces, |task| {
            let panel = panels[task / (phases * pieces)];
            let (depth_phase, piece) = (task / pieces % phases, task % pieces * at_a_time);
            let count = at_a_time.min(steps - piece);
            // At most one of the two axes has phases.
            let phase = (panel.start / lanes.1).max(depth_phase);
            let local = Panel { start: panel.start % lanes.1, at: 0, ..panel };
            let numbers = count * panel.width;
            let stride = padded(numbers.next_multiple_of(LANES));
            let mut tiles = Scratch::new(stride * factor.transform.size());
            let contiguous = lanes.0 != Axis::Image && factor.stride(lanes.0) == 1;
            let first = depth.2.start + piece;
            let places: Vec<Place> = if contiguous {
                (first..first + count).map(|step| factor.place(depth_axis, step)).collect()
            } else {
                (local.start..local.start + local.len).map(|lane| factor.place(lanes.0, lane)).collect()
            };
            for (element, tile) in factor.elements(phase).zip(tiles.chunks_exact_mut(stride)) {
                let (offset, to) = (|i: usize| element.offset(places[i]), &mut tile[..numbers]);
                if contiguous {
                    isa.run(PackOffsets { panel: local, source: data, step: offset, to });
                } else {
                    // The steps are contiguous.
                    let lane = |l| Some(offset(l)? + first);
                    isa.run(PackLanes { panel: local, source: data, lane, chunk: count, to });
                }
            }
            let start = (panel.at - panels[0].at) * all_steps + (depth_phase * steps + piece) * panel.width;
            // SAFETY: no two tasks have the same panel and steps.
            let to = unsafe { shared.claim() };
            isa.run(Forward {
                transform: &factor.transform,
                tiles: &tiles,
                stride,
                count: numbers,
                to,
                start,
                plane: plane_steps * panel.width,
            });
        });
        planes
    }
}

/// Steps between the prefetch of a line that [`PackOffsets`] reads and its use.
const DISTANCE: usize = 8;

/// Packs one panel from a source in which the lanes of each step are contiguous.
struct PackOffsets<'a, F> {
    panel: Panel,
    source: &'a [f32],
    /// The offset of lane 0 at each step; zeros if it is `None`.
    step: F,
    /// Packed memory, `panel.width` floats for each step.
    to: &'a mut [f32],
}

impl<F: Fn(usize) -> Option<usize>> Kernel for PackOffsets<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { panel: Panel { start, len, width, .. }, source, step, to } = self;
        let steps = to.len() / width;
        for (d, to) in to.chunks_exact_mut(width).enumerate() {
            if let Some(later) = (d + DISTANCE < steps).then(|| step(d + DISTANCE)).flatten() {
                let later = source.as_ptr().wrapping_add(later + start);
                prefetch_l1(later);
                if len > LANES {
                    prefetch_l1(later.wrapping_add(LANES));
                }
            }
            match step(d) {
                Some(at) => copy_short(&source[at + start..at + start + len], to),
                None => to.fill(0.0),
            }
        }
    }
}
