//! Packing of weights and pixels for direct convolutions.

use super::{Direct, Patch, Phase};
use crate::gemm::for_each_task;
use crate::gemm::pack::{PackLanes, PackSteps};
use crate::gemm::panels::{Panel, Panels};
use crate::gemm::scratch::Scratch;
use crate::shared::Shared;
use crate::simd::SQUARE;

/// Reverses the order of chunks of this size.
fn reverse(data: &mut [f32], size: usize) {
    let count = data.len() / size;
    for i in 0..count / 2 {
        let (front, back) = data.split_at_mut((count - 1 - i) * size);
        front[i * size..][..size].swap_with_slice(&mut back[..size]);
    }
}

impl Direct<'_> {
    /// Packs the weights into panels of columns, each in the order (phase, tap down, tap across,
    /// depth).
    pub(super) fn pack_weights(&self, weights: &[f32], columns: &Panels) -> Scratch {
        let steps = self.weight_steps();
        let mut packed = Scratch::new(columns.width * steps);
        let shared = Shared::new(&mut packed);
        // One task per row of taps and, where the weights have to be transposed, per panel.
        let rows: Vec<(&Phase, usize)> =
            self.phases.iter().flat_map(|phase| (0..phase.axes[0].taps).map(move |row| (phase, row))).collect();
        let parts = if self.transposed { columns.list.len() } else { 1 };
        for_each_task(self.parallel, rows.len() * parts, |task| {
            // SAFETY: no two tasks have the same taps and panels.
            let mut to = unsafe { shared.claim() };
            let (phase, down) = rows[task / parts];
            let [y, x] = phase.axes;
            for across in 0..x.taps {
                let tap = (y.kernel[0] + y.kernel[1] * down) * self.kernel_width + x.kernel[0] + x.kernel[1] * across;
                let source = &weights[tap * self.depth * self.columns..][..self.depth * self.columns];
                let start = phase.weights + (down * x.taps + across) * self.depth;
                if self.transposed {
                    let panel = columns.list[task % parts];
                    let start = panel.at * steps + start * panel.width;
                    let to = to.part(start..start + self.depth * panel.width);
                    let lane = |l| Some((panel.start + l) * self.depth);
                    self.isa.run(PackLanes { panel, source, lane, chunk: self.depth, to });
                } else {
                    let (panels, stride) = (&columns.list[..], self.columns);
                    let range = start..start + self.depth;
                    self.isa.run(PackSteps { panels, source, stride, steps: range, depth: steps, to: to.reborrow() });
                }
            }
        });
        packed
    }

    /// Packs the pixels of all patches into panels of lanes, each in the order (pixel down, pixel
    /// across, depth). Patches that read the same pixels share them.
    pub(super) fn pack_pixels(&self, source: &[f32], patches: &[Patch], floats: usize) -> Scratch {
        let mut packed = Scratch::new(floats);
        let shared = Shared::new(&mut packed);
        let work: Vec<(&Patch, Panel)> = patches
            .iter()
            .filter(|patch| !patch.shared)
            .flat_map(|patch| patch.lanes.list.iter().map(move |panel| (patch, *panel)))
            .collect();
        // Tasks per panel, each with some rows of pixels.
        const PIECES: usize = 4;
        for_each_task(self.parallel, work.len() * PIECES, |task| {
            // SAFETY: no two tasks have the same panel and rows of pixels.
            let mut to = unsafe { shared.claim() };
            let (patch, panel) = work[task / PIECES];
            let [y, x] = self.phases[patch.phase].axes;
            let [strip_y, strip_x] = &patch.strips;
            let rows = strip_y.pixels;
            let lanes: Vec<[usize; 3]> = (panel.start..panel.start + panel.len).map(|lane| patch.lane(lane)).collect();
            let mut pack = |row: usize, pixels: core::ops::Range<usize>| {
                let start = (row * strip_x.pixels + pixels.start) * self.depth;
                let start = patch.pixels + panel.at * patch.packed_pixels() * self.depth + start * panel.width;
                let to = to.part(start..start + pixels.len() * self.depth * panel.width);
                // The pixel with the lowest address is the first or, mirrored, the last.
                let lowest = if x.mirrored { pixels.end - 1 } else { pixels.start };
                let lane = |lane: usize| {
                    let [image, down, across] = *lanes.get(lane)?;
                    let (row, pixel) = (strip_y.pixel(&y, down, row)?, strip_x.pixel(&x, across, lowest)?);
                    Some(((image * y.source + row) * x.source + pixel) * self.depth)
                };
                // Pixels with few channels are mirrored after packing, so that squares can span
                // several pixels.
                let after = x.mirrored && self.depth < SQUARE;
                let chunk = self.depth * if x.mirrored && !after { 1 } else { pixels.len() };
                self.isa.run(PackLanes { panel, source, lane, chunk, to: &mut *to });
                if after {
                    reverse(to, self.depth * panel.width);
                }
            };
            // Where every block has all its pixels, each row of them is contiguous in memory.
            let whole = strip_x.pixels > 0 && strip_x.pixel(&x, strip_x.blocks - 1, strip_x.pixels - 1).is_some();
            for row in rows * (task % PIECES) / PIECES..rows * (task % PIECES + 1) / PIECES {
                if whole && strip_x.pixel(&x, strip_x.blocks - 1, 0).is_some() {
                    pack(row, 0..strip_x.pixels);
                } else {
                    (0..strip_x.pixels).for_each(|pixel| pack(row, pixel..pixel + 1));
                }
            }
        });
        packed
    }
}
