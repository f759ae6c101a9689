//! WebAssembly SIMD: a vector is four registers of 128 bits.
//!
//! WebAssembly has no way to ask for a feature at run time: an engine without the instructions
//! rejects the whole module. So the set exists in modules that are compiled with
//! `-Ctarget-feature=+simd128`, and wherever such a module runs, the instructions are there.
//!
//! There is no fused multiply-add among them. [`Simd::mul_add`] computes in `f64`, two lanes at a
//! time, and recomputes the few vectors in [doubt](super::portable::in_doubt) exactly.

use core::arch::wasm32::*;

use super::portable::{DOUBTFUL_SUM, SMALL_ADDEND, fused_multiply_adds};
use super::{Kernel, LANES, RegisterTiles, SQUARE, Simd, wasm128};

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

/// Applies a function of registers to all four of a vector.
macro_rules! quarters {
    ($f:ident($($x:ident),+)) => {
        [$f($($x[0]),+), $f($($x[1]),+), $f($($x[2]),+), $f($($x[3]),+)]
    };
}

/// Declares functions of registers, which must be inlined into the kernel that uses them.
macro_rules! registers {
    ($($name:ident($($x:ident),+) { $body:expr })+) => {$(
        #[inline(always)]
        pub(super) fn $name($($x: v128),+) -> v128 {
            $body
        }
    )+};
}
registers! {
    swap_pairs(a) { i32x4_shuffle::<1, 0, 3, 2>(a, a) }
    first_pairs(a, b) { i64x2_shuffle::<0, 2>(a, b) }
    second_pairs(a, b) { i64x2_shuffle::<1, 3>(a, b) }
    mul_even(a, b) { u64x2_extmul_low_u32x4(i32x4_shuffle::<0, 2, 0, 2>(a, a), i32x4_shuffle::<0, 2, 0, 2>(b, b)) }
}

/// The operations of every token of WebAssembly, except the multiply-add.
macro_rules! wasm_operations {
    () => {
        type F = [v128; 4];
        type U = [v128; 4];
        type M = [v128; 4];

        #[inline(always)]
        fn transpose(self, rows: [&[f32; SQUARE]; SQUARE], to: &mut [f32], stride: usize) {
            wasm128::transpose(rows, to, stride)
        }
        #[inline(always)]
        fn splat(self, x: f32) -> Self::F {
            [f32x4_splat(x); 4]
        }
        #[inline(always)]
        fn load(self, x: &[f32; LANES]) -> Self::F {
            wasm128::load(x)
        }
        #[inline(always)]
        fn store(self, x: Self::F, to: &mut [f32; LANES]) {
            let to: *mut v128 = to.as_mut_ptr().cast();
            // SAFETY: these are the 16 floats of `to`; the instruction accepts any alignment.
            unsafe {
                v128_store(to, x[0]);
                v128_store(to.add(1), x[1]);
                v128_store(to.add(2), x[2]);
                v128_store(to.add(3), x[3]);
            }
        }
        methods! {
            add(a: F, b: F) -> F { quarters!(f32x4_add(a, b)) }
            sub(a: F, b: F) -> F { quarters!(f32x4_sub(a, b)) }
            mul(a: F, b: F) -> F { quarters!(f32x4_mul(a, b)) }
            div(a: F, b: F) -> F { quarters!(f32x4_div(a, b)) }
            sqrt(a: F) -> F { quarters!(f32x4_sqrt(a)) }
            less(a: F, b: F) -> M { quarters!(f32x4_lt(a, b)) }
            less_equal(a: F, b: F) -> M { quarters!(f32x4_le(a, b)) }
            equal(a: F, b: F) -> M { quarters!(f32x4_eq(a, b)) }
            select(m: M, yes: F, no: F) -> F { quarters!(v128_bitselect(yes, no, m)) }
            float_to_bits(a: F) -> U { a }
            bits_to_float(a: U) -> F { a }
            add_u(a: U, b: U) -> U { quarters!(i32x4_add(a, b)) }
            mul_even_u(a: U, b: U) -> U { quarters!(mul_even(a, b)) }
            swap_pairs_u(a: U) -> U { quarters!(swap_pairs(a)) }
            and_u(a: U, b: U) -> U { quarters!(v128_and(a, b)) }
            or_u(a: U, b: U) -> U { quarters!(v128_or(a, b)) }
            xor_u(a: U, b: U) -> U { quarters!(v128_xor(a, b)) }
            less_u(a: U, b: U) -> M { quarters!(u32x4_lt(a, b)) }
        }
        #[inline(always)]
        fn splat_u(self, x: u32) -> Self::U {
            [u32x4_splat(x); 4]
        }
        #[inline(always)]
        fn load_u(self, x: &[u32; LANES]) -> Self::U {
            wasm128::load(x)
        }
        #[inline(always)]
        fn interleave_pairs_u(self, a: Self::U, b: Self::U) -> (Self::U, Self::U) {
            (quarters!(first_pairs(a, b)), quarters!(second_pairs(a, b)))
        }
        #[inline(always)]
        fn shift_left_u<const N: u32>(self, a: Self::U) -> Self::U {
            [i32x4_shl(a[0], N), i32x4_shl(a[1], N), i32x4_shl(a[2], N), i32x4_shl(a[3], N)]
        }
        #[inline(always)]
        fn shift_right_u<const N: u32>(self, a: Self::U) -> Self::U {
            [u32x4_shr(a[0], N), u32x4_shr(a[1], N), u32x4_shr(a[2], N), u32x4_shr(a[3], N)]
        }
    };
}
#[cfg(target_feature = "relaxed-simd")]
pub(super) use {quarters, wasm_operations};

/// Loads 16 numbers of 32 bits.
#[inline(always)]
pub(super) fn load<T>(x: &[T; LANES]) -> [v128; 4] {
    const { assert!(size_of::<T>() == 4) };
    let x: *const v128 = x.as_ptr().cast();
    // SAFETY: these are the 64 bytes of `x`; the instruction accepts any alignment.
    unsafe { [v128_load(x), v128_load(x.add(1)), v128_load(x.add(2)), v128_load(x.add(3))] }
}

/// [`Simd::transpose`] by blocks of 4x4, each in two rounds of exchanges.
#[inline(always)]
pub(super) fn transpose(rows: [&[f32; SQUARE]; SQUARE], to: &mut [f32], stride: usize) {
    assert!(to.len() >= (SQUARE - 1) * stride + SQUARE);
    let to = to.as_mut_ptr();
    for half in [0, 4] {
        let columns = |first: usize| {
            // SAFETY: `half` is 0 or 4, so these are four of the eight floats of the row.
            let row = |r: usize| unsafe { v128_load(rows[first + r].as_ptr().add(half).cast()) };
            let [a, b, c, d] = [row(0), row(1), row(2), row(3)];
            let (ab_low, ab_high) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
            let (cd_low, cd_high) = (i32x4_shuffle::<0, 4, 1, 5>(c, d), i32x4_shuffle::<2, 6, 3, 7>(c, d));
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
                v128_store(to.cast(), upper);
                v128_store(to.add(4).cast(), lower);
            }
        }
    }
}

/// Not inlined, so that all callers share one copy.
#[inline(never)]
fn run_wasm128<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Wasm128(()))
}

/// Lanes 2 and 3 of four floats as two doubles.
#[inline(always)]
fn promote_high(a: v128) -> v128 {
    f64x2_promote_low_f32x4(i64x2_shuffle::<1, 1>(a, a))
}

impl Simd for Wasm128 {
    wasm_operations!();

    // The intermediate doubles take most registers, so the sums of any tile are spilled.
    const TILES: RegisterTiles = RegisterTiles { registers_per_vector: 4, tallest: [0, 4, 1, 1, 1, 0, 0, 0, 0] };

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        run_wasm128(kernel)
    }
    #[inline(always)]
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        let mut result = c;
        let mut doubts = u32x4_splat(0);
        for i in 0..4 {
            let (a, b, c) = (a[i], b[i], c[i]);
            let low = f64x2_mul(f64x2_promote_low_f32x4(a), f64x2_promote_low_f32x4(b));
            let low = f64x2_add(low, f64x2_promote_low_f32x4(c));
            let high = f64x2_add(f64x2_mul(promote_high(a), promote_high(b)), promote_high(c));
            result[i] = first_pairs(f32x4_demote_f64x2_zero(low), f32x4_demote_f64x2_zero(high));
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
