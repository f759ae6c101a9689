//! The weight gradient: for every tap, the product of the pixels under it (in-channels as rows) and the output's gradient
//! (out-channels as columns), summed over (output row, output column, image).
//!
//! Both are packed once, the images side by side within each pixel: that is the order of the sum. The pixels that one tap
//! sees while the output column runs lie a stride apart, so the columns of the image are stored by their remainder:
//! then they are neighbours, and each output row is one run.

use crate::gemm::block::{Block, Columns, Operand, Shared, for_each_piece};
use crate::gemm::blocking::{SERIAL, Tiling};
use crate::gemm::micro::Run;
use crate::gemm::pack::PackSteps;
use crate::gemm::panels::Panels;
use crate::gemm::scratch::Scratch;
use crate::gemm::{for_each_task, groups, run_on};
use crate::geometry::ConvGeometry;
use crate::simd::{self, Isa};

/// Packs a batch of images: panels of channels, in each (row, column by `order`, image).
fn pack_images(
    isa: Isa,
    [batch, rows, columns, channels]: [usize; 4],
    images: &[f32],
    order: &[usize],
    panels: &Panels,
    parallel: bool,
) -> Scratch {
    let depth = rows * columns * batch;
    let mut packed = Scratch::new(panels.width * depth);
    let to = Shared::new(&mut packed);
    for_each_task(parallel, panels.list.len() * rows, |task| {
        let (panel, row) = (panels.list[task % panels.list.len()], task / panels.list.len());
        for (at, &column) in order.iter().enumerate() {
            let start = panel.at * depth + (row * columns + at) * batch * panel.width;
            // SAFETY: every panel and pixel has its own part.
            let to = unsafe { to.part(start..start + batch * panel.width) };
            let step = |image: usize| ((image * rows + row) * columns + column) * channels + panel.start;
            run_on(isa, PackSteps { panel, source: images, step, to });
        }
    });
    packed
}

/// See [`Element::conv2d_weight_grad`](crate::Element::conv2d_weight_grad).
pub(crate) fn conv2d_weight_grad(g: &ConvGeometry, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    super::assert_lengths(g, x, gw, gy);
    if gw.is_empty() {
        return;
    }
    let isa = simd::current();
    let parallel = g.dense_products() > SERIAL;
    let [batch, channels, columns] = [g.batch, g.in_channels, g.out_channels];
    let tiling = Tiling::choose(isa, channels, columns, g.output[0] * g.output[1] * batch);
    let (x_panels, y_panels) = if tiling.swapped {
        (tiling.columns(channels), tiling.rows(columns))
    } else {
        (tiling.rows(channels), tiling.columns(columns))
    };
    // The image's columns by their remainder; `place` is the inverse.
    let stride = g.stride[1];
    let x_order: Vec<usize> = (0..stride).flat_map(|phase| (phase..g.input[1]).step_by(stride)).collect();
    let mut place = vec![0; g.input[1]];
    for (at, &column) in x_order.iter().enumerate() {
        place[column] = at;
    }
    let y_order: Vec<usize> = (0..g.output[1]).collect();
    let packed_x = pack_images(isa, g.x_shape(), x, &x_order, &x_panels, parallel);
    let packed_y = pack_images(isa, g.y_shape(), gy, &y_order, &y_panels, parallel);
    let (x_depth, y_depth) = (g.input[0] * g.input[1] * batch, g.output[0] * g.output[1] * batch);

    let (left, right) = if tiling.swapped { (&y_panels, &x_panels) } else { (&x_panels, &y_panels) };
    let taps = g.kernel[0] * g.kernel[1];
    let (rows, cols) = groups(left, right, parallel && taps < 8);
    let to = Shared::new(gw);
    for_each_task(parallel, taps * rows.len() * cols.len(), |task| {
        let (tap, block) = (task / (rows.len() * cols.len()), task % (rows.len() * cols.len()));
        let left = &left.list[rows[block / cols.len()].clone()];
        let right = &right.list[cols[block % cols.len()].clone()];
        let (x_part, y_part) = if tiling.swapped { (right, left) } else { (left, right) };
        let pixels = Operand { data: &packed_x[x_part[0].at * x_depth..], depth: x_depth, panels: x_part };
        let gradients = Operand { data: &packed_y[y_part[0].at * y_depth..], depth: y_depth, panels: y_part };

        let (ky, kx) = (tap / g.kernel[1], tap % g.kernel[1]);
        // The output columns that see real pixels through this tap are neighbours.
        let seen = |ox: &usize| g.source(1, *ox, kx).is_some();
        let first = (0..g.output[1]).find(seen).unwrap_or(0);
        let count = (first..g.output[1]).take_while(seen).count();
        let mut runs: Vec<Run> = Vec::with_capacity(g.output[0]);
        for oy in 0..g.output[0] {
            let (Some(row), Some(column)) = (g.source(0, oy, ky), g.source(1, first, kx)) else { continue };
            let a = (row * g.input[1] + place[column]) * batch;
            let b = (oy * g.output[1] + first) * batch;
            runs.push(if tiling.swapped {
                Run { a: b, b: a, len: count * batch }
            } else {
                Run { a, b, len: count * batch }
            });
        }
        runs.retain(|run| run.len > 0);

        let base = tap * channels * columns;
        let span = |panels: &[crate::gemm::panels::Panel]| {
            panels[0].start..panels[panels.len() - 1].start + panels[panels.len() - 1].len
        };
        let inputs: Vec<usize> = span(x_part).map(|i| base + i * columns).collect();
        let outputs: Vec<usize> = span(y_part).collect();
        let mut scratch = Scratch::new(Block::scratch_len(left, right));
        let (left, right) = if tiling.swapped { (gradients, pixels) } else { (pixels, gradients) };
        for_each_piece(&runs, |runs, first, last| {
            let block = Block {
                left,
                right,
                runs,
                first,
                last,
                scratch: &mut scratch,
                to,
                rows: if tiling.swapped { &outputs } else { &inputs },
                columns: if tiling.swapped { Columns::At(&inputs) } else { Columns::From(outputs[0]) },
            };
            // Every task has its own taps or channels: no two write the same element.
            run_on(isa, block);
        });
    });
}
