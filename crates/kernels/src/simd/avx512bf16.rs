//! AVX-512 with BF16: as [`Avx512`], with an instruction for pairs of bf16 numbers.

use core::arch::x86_64::*;
use core::mem::transmute;

use super::avx512::{Avx512, avx512, avx512_operations};
use super::x86::{self, x86_token};
use super::{Kernel, LANES, RegisterTiles, SQUARE, Simd};

x86_token! {
    /// The CPU has AVX-512 BF16, AVX-512 F, AVX2 and FMA.
    Avx512Bf16, enter_avx512bf16, ["avx512bf16", "avx512f", "avx2", "fma"]
}

impl Simd for Avx512Bf16 {
    avx512_operations!();

    const DOT_PAIRS: bool = true;

    /// Kernels without pairs run as [`Avx512`], so that they are compiled only once.
    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        if !K::USES_PAIRS {
            return Avx512::of(self).run(kernel);
        }
        // SAFETY: the token proves that the CPU has the features of `enter_avx512bf16`.
        unsafe { enter_avx512bf16(self, kernel) }
    }
    #[inline(always)]
    fn dot_pairs(self, a: Self::U, b: Self::U, sum: Self::F) -> Self::F {
        // SAFETY: the token proves AVX-512 BF16. The casts are between vectors of 64 bytes of which
        // every pattern of bits is valid.
        unsafe { _mm512_dpbf16_ps(sum, transmute::<__m512i, __m512bh>(a), transmute::<__m512i, __m512bh>(b)) }
    }
}
