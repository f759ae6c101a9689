//! WebAssembly SIMD.
//!
//! WebAssembly has no way to ask for a feature at run time: an engine without the instructions
//! rejects the whole module. So the set exists in modules that are compiled with
//! `-Ctarget-feature=+simd128`, and wherever such a module runs, the instructions are there.
//!
//! There is no fused multiply-add among them. [`Simd::mul_add`] computes in `f64`, two lanes at a
//! time, and recomputes the few vectors in [doubt](super::portable::in_doubt) exactly.

use core::arch::wasm32::*;

use super::portable::{DOUBTFUL_SUM, SMALL_ADDEND, fused_multiply_adds};
use super::registers128::Registers128;
use super::{RegisterTiles, Simd};

/// The module was compiled with `simd128`.
#[derive(Clone, Copy, Debug)]
pub struct Wasm128(());

impl Wasm128 {
    /// The token; every engine that accepts this module has the instructions.
    #[inline]
    pub fn detect() -> Option<Self> {
        Some(Self(()))
    }
}

/// The parts in which the instruction sets of WebAssembly differ. They share all other operations.
pub trait MultiplyAdd: Copy + Send + Sync + 'static {
    /// The register tiles of this instruction set.
    const TILES: RegisterTiles;
    /// See [`Simd::mul_add`].
    fn mul_add(self, a: [v128; 4], b: [v128; 4], c: [v128; 4]) -> [v128; 4];
}

impl<T: MultiplyAdd> Registers128 for T {
    const TILES: RegisterTiles = <T as MultiplyAdd>::TILES;
    type F4 = v128;
    type U4 = v128;
    type M4 = v128;

    #[inline(always)]
    unsafe fn load_4(self, from: *const f32) -> v128 {
        // SAFETY: the caller's promise.
        unsafe { v128_load(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store_4(self, x: v128, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { v128_store(to.cast(), x) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> v128 {
        f32x4_splat(x)
    }
    #[inline(always)]
    fn splat_u(self, x: u32) -> v128 {
        u32x4_splat(x)
    }
    methods! {
        add(a: F4, b: F4) -> F4 { f32x4_add(a, b) }
        sub(a: F4, b: F4) -> F4 { f32x4_sub(a, b) }
        mul(a: F4, b: F4) -> F4 { f32x4_mul(a, b) }
        div(a: F4, b: F4) -> F4 { f32x4_div(a, b) }
        sqrt(a: F4) -> F4 { f32x4_sqrt(a) }
        less(a: F4, b: F4) -> M4 { f32x4_lt(a, b) }
        less_equal(a: F4, b: F4) -> M4 { f32x4_le(a, b) }
        equal(a: F4, b: F4) -> M4 { f32x4_eq(a, b) }
        select(m: M4, yes: F4, no: F4) -> F4 { v128_bitselect(yes, no, m) }
        float_to_bits(a: F4) -> U4 { a }
        bits_to_float(a: U4) -> F4 { a }
        add_u(a: U4, b: U4) -> U4 { i32x4_add(a, b) }
        swap_pairs_u(a: U4) -> U4 { i32x4_shuffle::<1, 0, 3, 2>(a, a) }
        and_u(a: U4, b: U4) -> U4 { v128_and(a, b) }
        or_u(a: U4, b: U4) -> U4 { v128_or(a, b) }
        xor_u(a: U4, b: U4) -> U4 { v128_xor(a, b) }
        less_u(a: U4, b: U4) -> M4 { u32x4_lt(a, b) }
    }
    #[inline(always)]
    fn mul_add(self, a: [v128; 4], b: [v128; 4], c: [v128; 4]) -> [v128; 4] {
        MultiplyAdd::mul_add(self, a, b, c)
    }
    #[inline(always)]
    fn mul_even_u(self, a: v128, b: v128) -> v128 {
        u64x2_extmul_low_u32x4(i32x4_shuffle::<0, 2, 0, 2>(a, a), i32x4_shuffle::<0, 2, 0, 2>(b, b))
    }
    #[inline(always)]
    fn interleave_u(self, a: v128, b: v128) -> (v128, v128) {
        (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b))
    }
    #[inline(always)]
    fn interleave_pairs_u(self, a: v128, b: v128) -> (v128, v128) {
        (i64x2_shuffle::<0, 2>(a, b), i64x2_shuffle::<1, 3>(a, b))
    }
    #[inline(always)]
    fn shift_left_u<const N: u32>(self, a: v128) -> v128 {
        i32x4_shl(a, N)
    }
    #[inline(always)]
    fn shift_right_u<const N: u32>(self, a: v128) -> v128 {
        u32x4_shr(a, N)
    }
}

/// Lanes 2 and 3 of four floats as two doubles.
#[inline(always)]
fn promote_high(a: v128) -> v128 {
    f64x2_promote_low_f32x4(i64x2_shuffle::<1, 1>(a, a))
}

impl MultiplyAdd for Wasm128 {
    // The intermediate doubles take most registers, so the sums of any tile are spilled.
    const TILES: RegisterTiles = RegisterTiles { registers_per_vector: 4, tallest: [0, 4, 1, 1, 1, 0, 0, 0, 0] };

    #[inline(always)]
    fn mul_add(self, a: [v128; 4], b: [v128; 4], c: [v128; 4]) -> [v128; 4] {
        let mut result = c;
        let mut doubts = u32x4_splat(0);
        for i in 0..4 {
            let (a, b, c) = (a[i], b[i], c[i]);
            let low = f64x2_mul(f64x2_promote_low_f32x4(a), f64x2_promote_low_f32x4(b));
            let low = f64x2_add(low, f64x2_promote_low_f32x4(c));
            let high = f64x2_add(f64x2_mul(promote_high(a), promote_high(b)), promote_high(c));
            result[i] = i64x2_shuffle::<0, 2>(f32x4_demote_f64x2_zero(low), f32x4_demote_f64x2_zero(high));
            // `in_doubt` for four lanes. Both sides of its second comparison have their top bit
            // flipped, because x86-64 only compares signed numbers.
            let low_words = i32x4_shuffle::<0, 2, 4, 6>(low, high);
            let tie = i32x4_eq(i32x4_shl(low_words, 3), u32x4_splat(DOUBTFUL_SUM));
            const TOP: u32 = 1 << 31;
            let small = i32x4_add(i32x4_shl(c, 1), u32x4_splat(TOP - 1));
            let small = i32x4_lt(small, u32x4_splat(SMALL_ADDEND ^ TOP));
            doubts = v128_or(doubts, v128_or(tie, small));
        }
        if v128_any_true(doubts) {
            let [a, b, c] = [self.to_array(a), self.to_array(b), self.to_array(c)];
            return self.load(&fused_multiply_adds(&a, &b, &c));
        }
        result
    }
}
