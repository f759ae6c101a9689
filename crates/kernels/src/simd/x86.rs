//! Shared parts of the x86-64 instruction sets.

use core::arch::x86_64::*;

use super::SQUARE;

/// Makes a token from one list of CPU features, so its detection and its `#[target_feature]` region
/// cannot differ.
macro_rules! x86_token {
    ($(#[$doc:meta])* $Token:ident, $enter:ident, [$($feature:tt),+]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Token(());

        impl $Token {
            /// The token, if the CPU has all its features.
            #[inline]
            pub fn detect() -> Option<Self> {
                if $(std::arch::is_x86_feature_detected!($feature))&&+ { Some(Self(())) } else { None }
            }
        }

        $(#[target_feature(enable = $feature)])+
        fn $enter<K: $crate::simd::Kernel>(token: $Token, kernel: K) -> K::Output {
            kernel.run(token)
        }
    };
}
pub(super) use x86_token;

#[inline(always)]
pub(super) fn prefetch_l1(at: *const f32) {
    // SAFETY: every x86-64 CPU has the instruction, and it accepts any address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
}

#[inline(always)]
pub(super) fn prefetch_l2(at: *const f32) {
    // SAFETY: as in `prefetch_l1`.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
}

/// [`Simd::transpose`](super::Simd::transpose) in three rounds of exchanges: of halves, of single
/// numbers between pairs of rows, and of pairs.
///
/// # Safety
/// The CPU has AVX.
#[target_feature(enable = "avx")]
pub(super) unsafe fn transpose(rows: [&[f32; SQUARE]; SQUARE], to: &mut [f32], stride: usize) {
    assert!(to.len() >= (SQUARE - 1) * stride + SQUARE);
    let to = to.as_mut_ptr();
    // Rows 4 apart share a register from the start: the loads do the exchange of halves.
    let load = |row: usize, half: usize| {
        let (low, high) = (rows[row].as_ptr(), rows[row + 4].as_ptr());
        // SAFETY: `half` is 0 or 4, so these are four of the eight floats of each row.
        unsafe {
            _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(_mm_loadu_ps(low.add(half))), _mm_loadu_ps(high.add(half)))
        }
    };
    for half in [0, 4] {
        let [a, b, c, d] = [load(0, half), load(1, half), load(2, half), load(3, half)];
        let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        let columns = [
            _mm256_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low),
            _mm256_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low),
            _mm256_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high),
            _mm256_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high),
        ];
        for (c, column) in columns.into_iter().enumerate() {
            // SAFETY: column half + c <= 7, so the 8 floats are inside `to` by the assertion.
            unsafe { _mm256_storeu_ps(to.add((half + c) * stride), column) };
        }
    }
}
