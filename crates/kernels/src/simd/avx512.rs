//! AVX-512: a vector is one 512-bit register.

use core::arch::x86_64::*;

use super::avx512bf16::Avx512Bf16;
use super::x86::{self, x86_token};
use super::{Kernel, LANES, RegisterTiles, SQUARE, Simd};

x86_token! {
    /// The CPU has AVX-512 F (and the AVX2 and FMA that come with it).
    Avx512, enter_avx512, ["avx512f", "avx2", "fma"]
}

impl Avx512 {
    /// The part of a larger token.
    #[inline(always)]
    pub(super) fn of(_: Avx512Bf16) -> Self {
        Self(())
    }
}

/// Calls an intrinsic that touches no memory.
macro_rules! avx512 {
    ($call:expr) => {{
        // SAFETY: the token proves that the CPU has AVX-512 F; the intrinsic touches no memory.
        unsafe { $call }
    }};
}

/// The operations of every token that includes AVX-512 F.
macro_rules! avx512_operations {
    () => {
        // 32 registers of 16 floats: a tile of 14 x 2 takes 28 for its sums and leaves room for two
        // vectors of columns and two broadcast rows. 6 x 4 and 3 x 8 serve products with few rows.
        // 7 x 4 would need one register too many.
        const TILES: RegisterTiles = RegisterTiles { registers_per_vector: 1, tallest: [0, 14, 14, 9, 6, 0, 0, 0, 3] };
        type F = __m512;
        type U = __m512i;
        type M = __mmask16;

        #[inline(always)]
        fn transpose(self, rows: [&[f32; SQUARE]; SQUARE], to: &mut [f32], stride: usize) {
            // SAFETY: the token proves AVX-512, which includes AVX.
            unsafe { x86::transpose(rows, to, stride) }
        }
        #[inline(always)]
        fn splat(self, x: f32) -> Self::F {
            avx512!(_mm512_set1_ps(x))
        }
        #[inline(always)]
        fn load(self, x: &[f32; LANES]) -> Self::F {
            // SAFETY: the token proves AVX-512 F; `x` is the 16 floats that are read, unaligned.
            unsafe { _mm512_loadu_ps(x.as_ptr()) }
        }
        #[inline(always)]
        fn store(self, x: Self::F, to: &mut [f32; LANES]) {
            // SAFETY: the token proves AVX-512 F; `to` is the 16 floats that are written,
            // unaligned.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), x) }
        }
        methods! {
            add(a: F, b: F) -> F { avx512!(_mm512_add_ps(a, b)) }
            sub(a: F, b: F) -> F { avx512!(_mm512_sub_ps(a, b)) }
            mul(a: F, b: F) -> F { avx512!(_mm512_mul_ps(a, b)) }
            div(a: F, b: F) -> F { avx512!(_mm512_div_ps(a, b)) }
            mul_add(a: F, b: F, c: F) -> F { avx512!(_mm512_fmadd_ps(a, b, c)) }
            sqrt(a: F) -> F { avx512!(_mm512_sqrt_ps(a)) }
            less(a: F, b: F) -> M { avx512!(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b)) }
            less_equal(a: F, b: F) -> M { avx512!(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b)) }
            equal(a: F, b: F) -> M { avx512!(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b)) }
            select(m: M, yes: F, no: F) -> F { avx512!(_mm512_mask_blend_ps(m, no, yes)) }
            float_to_bits(a: F) -> U { avx512!(_mm512_castps_si512(a)) }
            bits_to_float(a: U) -> F { avx512!(_mm512_castsi512_ps(a)) }
            add_u(a: U, b: U) -> U { avx512!(_mm512_add_epi32(a, b)) }
            mul_even_u(a: U, b: U) -> U { avx512!(_mm512_mul_epu32(a, b)) }
            swap_pairs_u(a: U) -> U { avx512!(_mm512_shuffle_epi32::<0b10_11_00_01>(a)) }
            and_u(a: U, b: U) -> U { avx512!(_mm512_and_si512(a, b)) }
            or_u(a: U, b: U) -> U { avx512!(_mm512_or_si512(a, b)) }
            xor_u(a: U, b: U) -> U { avx512!(_mm512_xor_si512(a, b)) }
            less_u(a: U, b: U) -> M { avx512!(_mm512_cmplt_epu32_mask(a, b)) }
        }
        #[inline(always)]
        fn splat_u(self, x: u32) -> Self::U {
            avx512!(_mm512_set1_epi32(x as i32))
        }
        #[inline(always)]
        fn interleave_pairs_u(self, a: Self::U, b: Self::U) -> (Self::U, Self::U) {
            avx512!((_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b)))
        }
        #[inline(always)]
        fn shift_left_u<const N: u32>(self, a: Self::U) -> Self::U {
            avx512!(_mm512_slli_epi32::<N>(a))
        }
        #[inline(always)]
        fn shift_right_u<const N: u32>(self, a: Self::U) -> Self::U {
            avx512!(_mm512_srli_epi32::<N>(a))
        }
    };
}
pub(super) use {avx512, avx512_operations};

impl Simd for Avx512 {
    avx512_operations!();

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves that the CPU has the features of `enter_avx512`.
        unsafe { enter_avx512(self, kernel) }
    }
}
