//! The matrix product, and the machinery that convolutions share with it.
//!
//! From the inside out: [`micro`] multiplies two panels into a tile of registers; [`panels`] and [`pack`] bring the
//! operands into panels; [`sweep`] (for matrices) and [`block`] (for convolutions) combine panels while they are in the
//! near caches; [`blocking`] chooses all sizes; [`product`] cuts a matrix product into pieces and hands them to the
//! threads.

pub(crate) mod block;
pub(crate) mod blocking;
pub(crate) mod micro;
pub(crate) mod pack;
pub(crate) mod panels;
mod product;
pub(crate) mod scratch;
mod sweep;
#[cfg(test)]
pub(crate) mod tests;

use core::ops::Range;

use rayon::prelude::*;

use crate::simd::{self, Isa, Kernel, LANES};
use blocking::ROWS;
pub(crate) use product::gemm;

/// Runs `kernel` on this instruction set. A call of ours asks once which set to use and keeps to it, as its tiles are
/// made for the set's registers.
#[inline]
pub(crate) fn run_on<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    use simd::Simd;
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => simd::Avx512::detect().expect("only chosen where present").run(kernel),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => simd::Avx2::detect().expect("only chosen where present").run(kernel),
        _ => simd::Portable.run(kernel),
    }
}

/// Calls `work(0)`, ..., `work(count - 1)`, on all threads if there is enough to do.
pub(crate) fn for_each_task(parallel: bool, count: usize, work: impl Fn(usize) + Send + Sync) {
    if parallel && count > 1 {
        (0..count).into_par_iter().for_each(work);
    } else {
        (0..count).for_each(work);
    }
}

/// The blocks: groups of row panels and of column panels. A small product gets smaller ones, so that all threads have work.
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
