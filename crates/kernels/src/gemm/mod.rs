//! The matrix product, and the machinery that convolutions share with it.
//!
//! From the inside out: [`micro`] multiplies two panels into a tile of registers, in a
//! [`precision`]; [`pairs`] rounds the operands of bf16 products; [`panels`] and [`pack`] bring
//! operands into panels; [`sweep`] (for matrices) and [`block`] (for convolutions) combine panels
//! while they are in the nearest caches; [`blocking`] chooses all sizes; [`product`] divides a
//! matrix product among threads.

pub(crate) mod block;
pub(crate) mod blocking;
pub(crate) mod micro;
pub(crate) mod pack;
pub(crate) mod pairs;
pub(crate) mod panels;
pub(crate) mod precision;
mod product;
pub(crate) mod scratch;
mod sweep;
#[cfg(test)]
pub(crate) mod tests;

use core::ops::Range;

use rayon::prelude::*;

use crate::job_local::wait;
use crate::simd::LANES;
use blocking::ROWS;
pub(crate) use product::gemm;

/// Calls `work(0)`, ..., `work(count - 1)`, on all threads of the pool if `parallel`.
pub(crate) fn for_each_task(parallel: bool, count: usize, work: impl Fn(usize) + Sync) {
    /// One copy for all kinds of work.
    fn run(parallel: bool, count: usize, work: &(dyn Fn(usize) + Sync)) {
        if parallel && count > 1 {
            wait(|| (0..count).into_par_iter().for_each(work));
        } else {
            (0..count).for_each(work);
        }
    }
    run(parallel, count, &work);
}

/// The blocks of a result: groups of row panels and of column panels. Small products get small
/// ones, so that all threads have work.
pub(crate) fn groups(
    rows: &panels::Panels,
    columns: &panels::Panels,
    mut width: usize,
    parallel: bool,
) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let mut height = ROWS;
    loop {
        let groups = (rows.groups(height), columns.groups(width));
        if !parallel || groups.0.len() * groups.1.len() >= 8 || height <= 28 && width <= 2 * LANES {
            return groups;
        }
        // Halve the longer side.
        if height > 28 && height * 2 > width { height /= 2 } else { width /= 2 }
    }
}
