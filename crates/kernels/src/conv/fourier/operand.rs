//! An operand of the products: gathered in tiles, and transformed to packed planes.

use core::ops::Range;

use super::Axis;
use super::product::padded;
use super::tiles::{Factor, Place, Tile};
use super::transform::{Direct, Forward};
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
/// The steps of the depth that all panels transform in turn.
const TURN: usize = 16;
/// The most steps of the depth that a task transforms.
const STEPS: usize = 64;

/// How the planes of an operand are packed: each panel with all its planes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    /// The steps from the start of one plane to the next.
    pub(super) plane: usize,
    /// Whether a panel is in chunks of [`LANES`] steps ([`CHUNKED`](crate::gemm::micro::CHUNKED)).
    pub(super) chunked: bool,
}

impl Packing {
    /// The packing of an operand with these lanes and some steps in each phase of its depth.
    pub(super) fn new(factor: &Factor, lanes: Axis, [phases, steps]: [usize; 2]) -> Self {
        let chunked = lanes == Axis::Image && factor.transform.is_winograd();
        // One step or chunk more, so that planes are not a power of two apart.
        let plane = if chunked { phases * steps.next_multiple_of(LANES) + LANES } else { phases * steps + 1 };
        Self { plane, chunked }
    }
}

impl Operand<'_> {
    /// All planes of the operand, packed into panels.
    pub(super) fn transform(&self) -> Scratch {
        let steps_each = self.depth.2.len();
        let packing = Packing::new(self.factor, self.lanes.0, [self.depth.1, steps_each]);
        if packing.chunked {
            return self.in_chunks(packing);
        }
        if self.factor.transform.is_winograd() && self.factor.stride(self.lanes.0) == 1 {
            return self.in_lanes(packing);
        }
        self.gathered(packing)
    }

    /// Memory for the planes of all panels.
    fn planes(&self, packing: Packing) -> Scratch {
        let width: usize = self.panels.iter().map(|panel| panel.width).sum();
        Scratch::new(width * packing.plane * self.factor.transform.planes)
    }

    /// Lanes are tiles, and the steps of a tile are contiguous channels, which are transformed 16
    /// at a time, straight from the tensor.
    fn in_chunks(&self, packing: Packing) -> Scratch {
        let Self { isa, parallel, factor, data, lanes, ref depth, panels } = *self;
        let (phases, steps) = (depth.1, depth.2.len());
        let all_steps = packing.plane * factor.transform.planes;
        let mut planes = self.planes(packing);
        let shared = Shared::new(&mut planes);
        for_each_task(parallel, panels.len(), |task| {
            let panel = panels[task];
            let plane = packing.plane * panel.width;
            let start = (panel.at - panels[0].at) * all_steps;
            // The phases of a tile take turns, because their pixels are neighbours.
            let tile = |i: usize| {
                let (row, phase) = (i / phases, i % phases);
                (row < panel.len).then(|| factor.tile(phase, factor.place(lanes.0, panel.start + row)))
            };
            let mut tiles = (tile(0), tile(1));
            for i in 0..phases * panel.len {
                let (Some(here), next) = tiles else { break };
                let (row, phase) = (i / phases, i % phases);
                // SAFETY: no two tasks have the same panel.
                let to = unsafe { shared.claim() };
                isa.run(Direct {
                    transform: &factor.transform,
                    source: data,
                    tile: here,
                    next,
                    first: depth.2.start,
                    count: steps,
                    to,
                    at: start + phase * steps.next_multiple_of(LANES) * panel.width + row * LANES,
                    step: LANES * panel.width,
                    plane,
                    room: usize::MAX,
                });
                tiles = (next, tile(i + 2));
            }
        });
        planes
    }

    /// The lanes of a step are contiguous channels, which are transformed 16 at a time, straight
    /// from the tensor.
    fn in_lanes(&self, packing: Packing) -> Scratch {
        let Self { isa, parallel, factor, data, lanes, ref depth, panels } = *self;
        let (depth_axis, phases, steps) = (depth.0, depth.1, depth.2.len());
        let all_steps = packing.plane * factor.transform.planes;
        let mut planes = self.planes(packing);
        let shared = Shared::new(&mut planes);
        // All panels take turns with a few steps, which stay in the cache.
        let pieces = steps.div_ceil(TURN);
        let lane_phases = panels.last().map_or(0, |panel| panel.start / lanes.1) + 1;
        for_each_task(parallel, phases.max(lane_phases) * pieces, |task| {
            // At most one of the two axes has phases.
            let (phase, piece) = (task / pieces, task % pieces * TURN);
            let depth_phase = if phases > 1 { phase } else { 0 };
            let end = steps.min(piece + TURN);
            let tiles: Vec<Tile> =
                (piece..end).map(|step| factor.tile(phase, factor.place(depth_axis, depth.2.start + step))).collect();
            for panel in panels.iter().filter(|panel| panel.start / lanes.1 == phase - depth_phase) {
                let start = (panel.at - panels[0].at) * all_steps + depth_phase * steps * panel.width;
                for (i, step) in (piece..end).enumerate() {
                    // SAFETY: no two tasks have the same phase and steps.
                    let to = unsafe { shared.claim() };
                    isa.run(Direct {
                        transform: &factor.transform,
                        source: data,
                        tile: tiles[i],
                        next: tiles.get(i + 1).copied(),
                        first: panel.start % lanes.1,
                        count: panel.len,
                        to,
                        at: start + step * panel.width,
                        step: LANES,
                        plane: packing.plane * panel.width,
                        room: (end - step) * panel.width,
                    });
                }
            }
        });
        planes
    }

    /// Any operand: its tiles are gathered first.
    fn gathered(&self, packing: Packing) -> Scratch {
        let Self { isa, parallel, factor, data, lanes, ref depth, panels } = *self;
        let (depth_axis, phases, steps) = (depth.0, depth.1, depth.2.len());
        let at_a_time = (GATHERED / factor.transform.size() / SQUARE * SQUARE).clamp(SQUARE, STEPS);
        let (plane_steps, pieces) = (packing.plane, steps.div_ceil(at_a_time));
        let all_steps = plane_steps * factor.transform.planes;
        let mut planes = self.planes(packing);
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
