//! NEON, of 64-bit ARM.

use core::arch::aarch64::*;

use super::RegisterTiles;
use super::registers128::Registers128;

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

impl Registers128 for Neon {
    // 32 registers of 4 floats: a tile of 6 x 1 takes 24 for its sums and leaves 8 for the
    // operands.
    const TILES: RegisterTiles = RegisterTiles { registers_per_vector: 4, tallest: [0, 6, 2, 2, 1, 0, 0, 0, 0] };
    type F4 = float32x4_t;
    type U4 = uint32x4_t;
    type M4 = uint32x4_t;

    #[inline(always)]
    unsafe fn load_4(self, from: *const f32) -> float32x4_t {
        // SAFETY: the caller's promise.
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn store_4(self, x: float32x4_t, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { vst1q_f32(to, x) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> float32x4_t {
        neon!(vdupq_n_f32(x))
    }
    #[inline(always)]
    fn splat_u(self, x: u32) -> uint32x4_t {
        neon!(vdupq_n_u32(x))
    }
    methods! {
        add(a: F4, b: F4) -> F4 { neon!(vaddq_f32(a, b)) }
        sub(a: F4, b: F4) -> F4 { neon!(vsubq_f32(a, b)) }
        mul(a: F4, b: F4) -> F4 { neon!(vmulq_f32(a, b)) }
        div(a: F4, b: F4) -> F4 { neon!(vdivq_f32(a, b)) }
        sqrt(a: F4) -> F4 { neon!(vsqrtq_f32(a)) }
        less(a: F4, b: F4) -> M4 { neon!(vcltq_f32(a, b)) }
        less_equal(a: F4, b: F4) -> M4 { neon!(vcleq_f32(a, b)) }
        equal(a: F4, b: F4) -> M4 { neon!(vceqq_f32(a, b)) }
        select(m: M4, yes: F4, no: F4) -> F4 { neon!(vbslq_f32(m, yes, no)) }
        float_to_bits(a: F4) -> U4 { neon!(vreinterpretq_u32_f32(a)) }
        bits_to_float(a: U4) -> F4 { neon!(vreinterpretq_f32_u32(a)) }
        add_u(a: U4, b: U4) -> U4 { neon!(vaddq_u32(a, b)) }
        swap_pairs_u(a: U4) -> U4 { neon!(vrev64q_u32(a)) }
        and_u(a: U4, b: U4) -> U4 { neon!(vandq_u32(a, b)) }
        or_u(a: U4, b: U4) -> U4 { neon!(vorrq_u32(a, b)) }
        xor_u(a: U4, b: U4) -> U4 { neon!(veorq_u32(a, b)) }
        less_u(a: U4, b: U4) -> M4 { neon!(vcltq_u32(a, b)) }
    }
    #[inline(always)]
    fn mul_add(self, a: [float32x4_t; 4], b: [float32x4_t; 4], c: [float32x4_t; 4]) -> [float32x4_t; 4] {
        let fused = |i: usize| neon!(vfmaq_f32(c[i], a[i], b[i]));
        [fused(0), fused(1), fused(2), fused(3)]
    }
    #[inline(always)]
    fn mul_even_u(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        neon!({
            let [a, b] = [vmovn_u64(vreinterpretq_u64_u32(a)), vmovn_u64(vreinterpretq_u64_u32(b))];
            vreinterpretq_u32_u64(vmull_u32(a, b))
        })
    }
    #[inline(always)]
    fn interleave_u(self, a: uint32x4_t, b: uint32x4_t) -> (uint32x4_t, uint32x4_t) {
        neon!((vzip1q_u32(a, b), vzip2q_u32(a, b)))
    }
    #[inline(always)]
    fn interleave_pairs_u(self, a: uint32x4_t, b: uint32x4_t) -> (uint32x4_t, uint32x4_t) {
        neon!({
            let (a, b) = (vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b));
            (vreinterpretq_u32_u64(vzip1q_u64(a, b)), vreinterpretq_u32_u64(vzip2q_u64(a, b)))
        })
    }
    #[inline(always)]
    fn shift_left_u<const N: u32>(self, a: uint32x4_t) -> uint32x4_t {
        neon!(vshlq_u32(a, vdupq_n_s32(N as i32)))
    }
    #[inline(always)]
    fn shift_right_u<const N: u32>(self, a: uint32x4_t) -> uint32x4_t {
        neon!(vshlq_u32(a, vdupq_n_s32(-(N as i32))))
    }
}
