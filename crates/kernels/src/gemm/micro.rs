//! The register tile: where all the arithmetic of matrix products and convolutions happens.
//!
//! A CPU of our kind starts two fused multiply-adds per cycle, and each takes four cycles: at least eight independent
//! sums must be under way, or the multipliers wait. It loads two vectors per cycle from the first-level cache: every
//! number loaded must be used more than once. A **tile** of H rows and V vectors of columns answers both. It keeps
//! H * V vectors of sums in registers; per step of the depth it loads V vectors of the right panel and H single numbers
//! of the left one (each copied to all lanes by the load itself), and makes H * V multiply-adds of these H + V loads.
//!
//! With AVX-512 there are 32 registers: 28 sums leave room for two columns and two broadcasts. So 14 x 2 is the tile for
//! large products, and 6 x 4 and 3 x 8 are for fewer rows, where 14 x 2 would have too few sums. AVX2 has 16 half as
//! wide: 6 x 1 (12 of its registers), 2 x 2, 1 x 4. All of them add up each element in the same order.
//!
//! The depth comes as a list of **runs**, stretches where both panels are read without a jump: one for a matrix
//! product; for a convolution one per row of the kernel, as the taps that would read padding are left out.

use super::panels::Panel;
use crate::simd::{Kernel, LANES, Simd};

/// A stretch of the depth: `len` steps from step `a` of the left panel and step `b` of the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Step of the left panel.
    pub(crate) a: usize,
    /// Step of the right panel.
    pub(crate) b: usize,
    /// Steps.
    pub(crate) len: usize,
}

/// Where a tile of sums is in memory: row r begins at `base + rows[r]` and is `LANES * V` floats long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) base: *mut f32,
    pub(crate) rows: *const usize,
}

/// Memory to fetch into the second-level cache, a little with every step of the depth. An address may point anywhere: fetching
/// ahead is only advice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead {
    pub(crate) at: *const f32,
    /// Bytes per step.
    pub(crate) step: usize,
}

impl Ahead {
    #[inline(always)]
    fn fetch(&mut self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 CPU has the instruction, and it accepts any address.
        unsafe {
            use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T1>(self.at.cast());
        }
        self.at = self.at.wrapping_byte_add(self.step);
    }
}

/// Steps between the fetch of a line of the left panel and its use.
const DISTANCE: usize = 64;

/// Fetches the line of `at` into the first-level cache.
#[inline(always)]
pub(crate) fn fetch_near(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as for `Ahead::fetch`.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
}

/// What a tile does: sums = `from` (or zeros) + the products over all runs, to `to`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tile<'a> {
    /// The left panel.
    pub(crate) a: *const f32,
    /// From row to row and from step to step of the left panel, one of them 1: (1, H) if it is packed.
    pub(crate) a_strides: [usize; 2],
    /// The right panel: `LANES * V` floats at each step.
    pub(crate) b: *const f32,
    /// From step to step of the right panel: `LANES * V` if it is packed.
    pub(crate) b_step: usize,
    /// What a later tile will read from far away; fetched meanwhile.
    pub(crate) ahead: Ahead,
    pub(crate) runs: &'a [Run],
    pub(crate) from: Option<Place>,
    pub(crate) to: Place,
}

/// H rows, V vectors. `SPREAD`: the rows of the left panel lie apart, and neighbouring steps side by side.
struct Sized<'a, const H: usize, const V: usize, const SPREAD: bool>(Tile<'a>);

impl<const H: usize, const V: usize, const SPREAD: bool> Kernel for Sized<'_, H, V, SPREAD> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Tile { a, a_strides: [row_step, a_step], b, b_step, mut ahead, runs, from, to } = self.0;
        // Constants where they are known: the addresses are then part of the instructions.
        let (row_step, a_step) = if SPREAD { (row_step, 1) } else { (1, a_step) };
        let mut sums = [[s.zero(); V]; H];
        if let Some(from) = from {
            for (r, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: `multiply_tile`'s caller vouches for H row offsets and `LANES * V` floats at each.
                    *sum = unsafe { s.load(&*from.base.add(*from.rows.add(r) + LANES * v).cast()) };
                }
            }
        }
        // A matrix that is not packed has its steps far apart, often in the same few places of the cache, and soon ends:
        // there, the part of the same step that the next tile reads is fetched.
        let distance = if a_step > TALLEST { H } else { DISTANCE * a_step };
        for run in runs {
            // SAFETY: the caller vouches that both panels hold every step of the run.
            let (mut a, mut b) = unsafe { (a.add(run.a * a_step), b.add(run.b * b_step)) };
            for _ in 0..run.len {
                ahead.fetch();
                if !SPREAD {
                    fetch_near(a.wrapping_add(distance));
                }
                // The fewer kind of operand is held in registers, the other passes by.
                if H >= V {
                    let mut columns = [s.zero(); V];
                    for (v, column) in columns.iter_mut().enumerate() {
                        // SAFETY: as above; this step of the panel is `LANES * V` floats.
                        *column = unsafe { s.load(&*b.add(LANES * v).cast()) };
                    }
                    for (r, sums) in sums.iter_mut().enumerate() {
                        // SAFETY: as above; this step of the panel is H floats.
                        let row = s.splat(unsafe { *a.add(r * row_step) });
                        for (sum, column) in sums.iter_mut().zip(columns) {
                            *sum = s.mul_add(row, column, *sum);
                        }
                    }
                } else {
                    let mut rows = [s.zero(); H];
                    for (r, row) in rows.iter_mut().enumerate() {
                        // SAFETY: as above.
                        *row = s.splat(unsafe { *a.add(r * row_step) });
                    }
                    for v in 0..V {
                        // SAFETY: as above.
                        let column = unsafe { s.load(&*b.add(LANES * v).cast()) };
                        for (sums, row) in sums.iter_mut().zip(rows) {
                            sums[v] = s.mul_add(row, column, sums[v]);
                        }
                    }
                }
                // The step after the last one may lie behind the panel, so the pointers wrap.
                (a, b) = (a.wrapping_add(a_step), b.wrapping_add(b_step));
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                // SAFETY: as for `from`.
                unsafe { s.store(sum, &mut *to.base.add(*to.rows.add(r) + LANES * v).cast()) };
            }
        }
    }
}

/// No tile is higher.
pub(crate) const TALLEST: usize = 14;

/// The greatest height of tiles of `vectors` vectors: as many sums as the registers hold beside the operands.
pub(crate) const fn tallest(accumulators: usize, vectors: usize) -> usize {
    let height = match vectors {
        // 3 x 2 on AVX2 and 7 x 4 on AVX-512 would be one register too many.
        2 if accumulators < 28 => accumulators / 3,
        4 if accumulators == 28 => 6,
        _ => accumulators / vectors,
    };
    if height > TALLEST { TALLEST } else { height }
}

/// Runs the tile of the height of the left panel and the width of the right one.
///
/// # Panics
/// When there is no such tile: `height * vectors` must not exceed the instruction set's accumulators, and `vectors` must
/// be 1, 2, 4 or 8.
///
/// # Safety
/// The panels hold every step that the runs name; `from` and `to` have as many row offsets as the left panel is high, and
/// at each of them as many floats, that no one else reads or writes meanwhile, as the right panel is wide.
#[inline(always)]
pub(crate) unsafe fn multiply_tile<S: Simd>(s: S, left: &Panel, right: &Panel, tile: Tile<'_>) {
    macro_rules! sizes {
        ($($h:literal x $v:literal),+) => {
            match (left.width, right.width / LANES) {
                // The comparison is between constants: tiles beyond the registers are not even compiled.
                $(($h, $v) => if $h * $v > S::ACCUMULATORS {
                    no_tile(left, right)
                } else if tile.a_strides[0] == 1 {
                    s.run(Sized::<$h, $v, false>(tile))
                } else {
                    s.run(Sized::<$h, $v, true>(tile))
                },)+
                _ => no_tile(left, right),
            }
        };
    }
    sizes!(
        1 x 1, 2 x 1, 3 x 1, 4 x 1, 5 x 1, 6 x 1, 7 x 1, 8 x 1, 9 x 1, 10 x 1, 11 x 1, 12 x 1, 13 x 1, 14 x 1,
        1 x 2, 2 x 2, 3 x 2, 4 x 2, 5 x 2, 6 x 2, 7 x 2, 8 x 2, 9 x 2, 10 x 2, 11 x 2, 12 x 2, 13 x 2, 14 x 2,
        1 x 4, 2 x 4, 3 x 4, 4 x 4, 5 x 4, 6 x 4,
        1 x 8, 2 x 8, 3 x 8
    );
}

#[cold]
fn no_tile(left: &Panel, right: &Panel) {
    unreachable!("no register tile for {left:?} and {right:?}")
}
