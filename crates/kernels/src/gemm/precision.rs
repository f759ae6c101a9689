//! [`Product`]: what the micro-kernel does with the words of packed panels.
//!
//! Packed panels consist of 32-bit words, and the micro-kernel only passes them to
//! [`Product::multiply_add`]. A word is one number and covers one step of the depth, or a pair of
//! bf16 numbers that covers two steps. Everything between packing and tile counts the depth in
//! words.

use super::pairs::Format;
use crate::simd::Simd;

/// The arithmetic of the micro-kernel.
pub(crate) trait Product: Copy {
    /// Whether it benefits from [`Simd::dot_pairs`] as an instruction.
    const USES_PAIRS: bool;

    /// sum + a * b in each lane, where a and b are words of packed panels.
    fn multiply_add<S: Simd>(self, s: S, a: S::F, b: S::F, sum: S::F) -> S::F;
}

/// Words are `f32` numbers; each product is one fused multiply-add.
#[derive(Clone, Copy)]
pub(crate) struct Numbers;

impl Product for Numbers {
    const USES_PAIRS: bool = false;

    #[inline(always)]
    fn multiply_add<S: Simd>(self, s: S, a: S::F, b: S::F, sum: S::F) -> S::F {
        s.mul_add(a, b, sum)
    }
}

/// Words are pairs of bf16 numbers: [`Format::Pair`].
#[derive(Clone, Copy)]
pub(crate) struct Pairs;

impl Product for Pairs {
    const USES_PAIRS: bool = true;

    #[inline(always)]
    fn multiply_add<S: Simd>(self, s: S, a: S::F, b: S::F, sum: S::F) -> S::F {
        s.dot_pairs(s.float_to_bits(a), s.float_to_bits(b), sum)
    }
}

/// Whether words of this format are pairs, on an instruction set that can multiply them.
///
/// # Panics
/// When the words are pairs and the instruction set has no instruction for them.
#[inline(always)]
pub(crate) fn multiplies_pairs<S: Simd>(format: Format) -> bool {
    assert!(S::DOT_PAIRS || format != Format::Pair, "this instruction set cannot multiply pairs");
    S::DOT_PAIRS && format == Format::Pair
}
