//! NEON, of 64-bit ARM: a vector is four registers of 128 bits.

use core::arch::aarch64::*;

use super::{Kernel, LANES, RegisterTiles, SQUARE, Simd};

/// The target has NEON, as every 64-bit ARM CPU does on which an operating system runs.
#[derive(Clone, Copy, Debug)]
pub struct Neon(());

impl Neon {
    /// The token; every CPU of this target has the instructions.
    #[inline]
    pub fn detect() -> Option<Self> {
        Some(Self(()))
    }
}

/// Applies intrinsics that touch no memory.
macro_rules! neon {
    ($call:expr) => {{
        // SAFETY: this module exists only where the whole target has NEON; the intrinsics touch no
        // memory.
        unsafe { $call }
    }};
}

/// Applies an intrinsic to all four registers of a vector.
macro_rules! quarters {
    ($f:ident($($x:ident),+)) => {
        neon!([$f($($x[0]),+), $f($($x[1]),+), $f($($x[2]),+), $f($($x[3]),+)])
    };
}

/// The products of the even words.
#[inline(always)]
fn mul_even(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
    neon!({
        let [a, b] = [vmovn_u64(vreinterpretq_u64_u32(a)), vmovn_u64(vreinterpretq_u64_u32(b))];
        vreinterpretq_u32_u64(vmull_u32(a, b))
    })
}

/// The first pairs of words of both.
#[inline(always)]
fn first_pairs(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
    neon!(vreinterpretq_u32_u64(vzip1q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b))))
}

/// The second pairs of words of both.
#[inline(always)]
fn second_pairs(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
    neon!(vreinterpretq_u32_u64(vzip2q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b))))
}

/// Shifts words to the left, or to the right if the count is negative.
#[inline(always)]
fn shift(a: [uint32x4_t; 4], count: i32) -> [uint32x4_t; 4] {
    let count = [neon!(vdupq_n_s32(count)); 4];
    quarters!(vshlq_u32(a, count))
}

/// Not inlined, so that all callers share one copy.
#[inline(never)]
fn run_neon<K: Kernel>(token: Neon, kernel: K) -> K::Output {
    kernel.run(token)
}

impl Simd for Neon {
    // 32 registers of 4 floats: a tile of 6 x 1 takes 24 for its sums and leaves 8 for the
    // operands.
    const TILES: RegisterTiles = RegisterTiles { registers_per_vector: 4, tallest: [0, 6, 2, 2, 1, 0, 0, 0, 0] };
    type F = [float32x4_t; 4];
    type U = [uint32x4_t; 4];
    type M = [uint32x4_t; 4];

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        run_neon(self, kernel)
    }
    /// By blocks of 4x4, each in two rounds of exchanges.
    #[inline(always)]
    fn transpose(self, rows: [&[f32; SQUARE]; SQUARE], to: &mut [f32], stride: usize) {
        assert!(to.len() >= (SQUARE - 1) * stride + SQUARE);
        let to: *mut u32 = to.as_mut_ptr().cast();
        for half in [0, 4] {
            let columns = |first: usize| {
                // SAFETY: `half` is 0 or 4, so these are four of the eight floats of the row.
                let row = |r: usize| unsafe { vld1q_u32(rows[first + r].as_ptr().add(half).cast()) };
                let [a, b, c, d] = [row(0), row(1), row(2), row(3)];
                let ([ab_low, ab_high], [cd_low, cd_high]) =
                    neon!(([vzip1q_u32(a, b), vzip2q_u32(a, b)], [vzip1q_u32(c, d), vzip2q_u32(c, d)]));
                [
                    first_pairs(ab_low, cd_low),
                    second_pairs(ab_low, cd_low),
                    first_pairs(ab_high, cd_high),
                    second_pairs(ab_high, cd_high),
                ]
            };
            for (c, (upper, lower)) in columns(0).into_iter().zip(columns(4)).enumerate() {
                // SAFETY: column half + c <= 7, so the 8 floats are inside `to` by the assertion.
                unsafe {
                    let to = to.add((half + c) * stride);
                    vst1q_u32(to, upper);
                    vst1q_u32(to.add(4), lower);
                }
            }
        }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::F {
        [neon!(vdupq_n_f32(x)); 4]
    }
    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::F {
        let x = x.as_ptr();
        // SAFETY: these are the 16 floats of `x`; the instruction accepts any alignment.
        unsafe { [vld1q_f32(x), vld1q_f32(x.add(4)), vld1q_f32(x.add(8)), vld1q_f32(x.add(12))] }
    }
    #[inline(always)]
    fn store(self, x: Self::F, to: &mut [f32; LANES]) {
        let to = to.as_mut_ptr();
        // SAFETY: these are the 16 floats of `to`; the instruction accepts any alignment.
        unsafe {
            vst1q_f32(to, x[0]);
            vst1q_f32(to.add(4), x[1]);
            vst1q_f32(to.add(8), x[2]);
            vst1q_f32(to.add(12), x[3]);
        }
    }
    methods! {
        add(a: F, b: F) -> F { quarters!(vaddq_f32(a, b)) }
        sub(a: F, b: F) -> F { quarters!(vsubq_f32(a, b)) }
        mul(a: F, b: F) -> F { quarters!(vmulq_f32(a, b)) }
        div(a: F, b: F) -> F { quarters!(vdivq_f32(a, b)) }
        mul_add(a: F, b: F, c: F) -> F { quarters!(vfmaq_f32(c, a, b)) }
        sqrt(a: F) -> F { quarters!(vsqrtq_f32(a)) }
        less(a: F, b: F) -> M { quarters!(vcltq_f32(a, b)) }
        less_equal(a: F, b: F) -> M { quarters!(vcleq_f32(a, b)) }
        equal(a: F, b: F) -> M { quarters!(vceqq_f32(a, b)) }
        select(m: M, yes: F, no: F) -> F { quarters!(vbslq_f32(m, yes, no)) }
        float_to_bits(a: F) -> U { quarters!(vreinterpretq_u32_f32(a)) }
        bits_to_float(a: U) -> F { quarters!(vreinterpretq_f32_u32(a)) }
        add_u(a: U, b: U) -> U { quarters!(vaddq_u32(a, b)) }
        and_u(a: U, b: U) -> U { quarters!(vandq_u32(a, b)) }
        or_u(a: U, b: U) -> U { quarters!(vorrq_u32(a, b)) }
        xor_u(a: U, b: U) -> U { quarters!(veorq_u32(a, b)) }
        swap_pairs_u(a: U) -> U { quarters!(vrev64q_u32(a)) }
        less_u(a: U, b: U) -> M { quarters!(vcltq_u32(a, b)) }
    }
    #[inline(always)]
    fn splat_u(self, x: u32) -> Self::U {
        [neon!(vdupq_n_u32(x)); 4]
    }
    #[inline(always)]
    fn load_u(self, x: &[u32; LANES]) -> Self::U {
        let x = x.as_ptr();
        // SAFETY: these are the 16 words of `x`; the instruction accepts any alignment.
        unsafe { [vld1q_u32(x), vld1q_u32(x.add(4)), vld1q_u32(x.add(8)), vld1q_u32(x.add(12))] }
    }
    #[inline(always)]
    fn mul_even_u(self, a: Self::U, b: Self::U) -> Self::U {
        [mul_even(a[0], b[0]), mul_even(a[1], b[1]), mul_even(a[2], b[2]), mul_even(a[3], b[3])]
    }
    #[inline(always)]
    fn interleave_pairs_u(self, a: Self::U, b: Self::U) -> (Self::U, Self::U) {
        let mut both = (a, b);
        for i in 0..4 {
            both.0[i] = first_pairs(a[i], b[i]);
            both.1[i] = second_pairs(a[i], b[i]);
        }
        both
    }
    #[inline(always)]
    fn shift_left_u<const N: u32>(self, a: Self::U) -> Self::U {
        shift(a, N as i32)
    }
    #[inline(always)]
    fn shift_right_u<const N: u32>(self, a: Self::U) -> Self::U {
        shift(a, -(N as i32))
    }
}
