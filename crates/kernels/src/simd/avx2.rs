//! AVX2 and FMA: a vector is two 256-bit registers.

use core::arch::x86_64::*;

use super::x86::{self, x86_token};
use super::{Kernel, LANES, RegisterTiles, SQUARE, Simd};

x86_token! {
    /// The CPU has AVX2 and FMA.
    Avx2, enter_avx2, ["avx2", "fma"]
}

/// Applies an intrinsic to both halves.
macro_rules! halves {
    ($f:ident($($x:ident),+)) => {{
        // SAFETY: the token proves that the CPU has AVX2 and FMA; these intrinsics touch no memory.
        unsafe { [$f($($x[0]),+), $f($($x[1]),+)] }
    }};
    ($f:ident::<$n:tt>($($x:ident),+)) => {{
        // SAFETY: as above.
        unsafe { [$f::<$n>($($x[0]),+), $f::<$n>($($x[1]),+)] }
    }};
}

impl Simd for Avx2 {
    // 16 registers of 8 floats: a tile of 6 x 1 takes 12 for its sums and leaves 4 for the
    // operands. 3 x 2 would need one register too many.
    const TILES: RegisterTiles = RegisterTiles { registers_per_vector: 2, tallest: [0, 6, 2, 2, 1, 0, 0, 0, 0] };
    type F = [__m256; 2];
    type U = [__m256i; 2];
    type M = [__m256; 2];

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves that the CPU has the features of `enter_avx2`.
        unsafe { enter_avx2(self, kernel) }
    }
    #[inline(always)]
    fn transpose(self, rows: [&[f32; SQUARE]; SQUARE], to: &mut [f32], stride: usize) {
        // SAFETY: the token proves AVX2, which includes AVX.
        unsafe { x86::transpose(rows, to, stride) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::F {
        // SAFETY: the token proves AVX2.
        unsafe { [_mm256_set1_ps(x); 2] }
    }
    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::F {
        // SAFETY: the token proves AVX2; `x` is 16 floats, so both unaligned 8-float reads are
        // inside it.
        unsafe { [_mm256_loadu_ps(x.as_ptr()), _mm256_loadu_ps(x.as_ptr().add(8))] }
    }
    #[inline(always)]
    fn store(self, x: Self::F, to: &mut [f32; LANES]) {
        // SAFETY: the token proves AVX2; `to` is 16 floats, so both unaligned 8-float writes are
        // inside it.
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), x[0]);
            _mm256_storeu_ps(to.as_mut_ptr().add(8), x[1]);
        }
    }
    methods! {
        add(a: F, b: F) -> F { halves!(_mm256_add_ps(a, b)) }
        sub(a: F, b: F) -> F { halves!(_mm256_sub_ps(a, b)) }
        mul(a: F, b: F) -> F { halves!(_mm256_mul_ps(a, b)) }
        div(a: F, b: F) -> F { halves!(_mm256_div_ps(a, b)) }
        mul_add(a: F, b: F, c: F) -> F { halves!(_mm256_fmadd_ps(a, b, c)) }
        sqrt(a: F) -> F { halves!(_mm256_sqrt_ps(a)) }
        less(a: F, b: F) -> M { halves!(_mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) }
        less_equal(a: F, b: F) -> M { halves!(_mm256_cmp_ps::<_CMP_LE_OQ>(a, b)) }
        equal(a: F, b: F) -> M { halves!(_mm256_cmp_ps::<_CMP_EQ_OQ>(a, b)) }
        select(m: M, yes: F, no: F) -> F { halves!(_mm256_blendv_ps(no, yes, m)) }
        float_to_bits(a: F) -> U { halves!(_mm256_castps_si256(a)) }
        bits_to_float(a: U) -> F { halves!(_mm256_castsi256_ps(a)) }
        add_u(a: U, b: U) -> U { halves!(_mm256_add_epi32(a, b)) }
        mul_even_u(a: U, b: U) -> U { halves!(_mm256_mul_epu32(a, b)) }
        swap_pairs_u(a: U) -> U { halves!(_mm256_shuffle_epi32::<0b10_11_00_01>(a)) }
        and_u(a: U, b: U) -> U { halves!(_mm256_and_si256(a, b)) }
        or_u(a: U, b: U) -> U { halves!(_mm256_or_si256(a, b)) }
        xor_u(a: U, b: U) -> U { halves!(_mm256_xor_si256(a, b)) }
    }
    #[inline(always)]
    fn splat_u(self, x: u32) -> Self::U {
        // SAFETY: the token proves AVX2.
        unsafe { [_mm256_set1_epi32(x as i32); 2] }
    }
    #[inline(always)]
    fn interleave_pairs_u(self, a: Self::U, b: Self::U) -> (Self::U, Self::U) {
        (halves!(_mm256_unpacklo_epi64(a, b)), halves!(_mm256_unpackhi_epi64(a, b)))
    }
    #[inline(always)]
    fn shift_left_u<const N: u32>(self, a: Self::U) -> Self::U {
        let count = [self.shift_count(N); 2];
        halves!(_mm256_sll_epi32(a, count))
    }
    #[inline(always)]
    fn shift_right_u<const N: u32>(self, a: Self::U) -> Self::U {
        let count = [self.shift_count(N); 2];
        halves!(_mm256_srl_epi32(a, count))
    }
    #[inline(always)]
    fn less_u(self, a: Self::U, b: Self::U) -> Self::M {
        // There is only a signed comparison: flipping the top bits turns one order into the other.
        let top = self.splat_u(0x8000_0000);
        let (a, b) = (self.xor_u(a, top), self.xor_u(b, top));
        self.bits_to_float(halves!(_mm256_cmpgt_epi32(b, a)))
    }
}

impl Avx2 {
    /// A shift count in a register; a constant one becomes an immediate when it is compiled.
    #[inline(always)]
    fn shift_count(self, n: u32) -> __m128i {
        // SAFETY: the token proves AVX2, which includes SSE2.
        unsafe { _mm_cvtsi32_si128(n as i32) }
    }
}
