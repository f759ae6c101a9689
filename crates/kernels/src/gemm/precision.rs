//! [`Precision`]: how products are made, the seam for a path with reduced precision.
//!
//! Packed panels consist of 32-bit words, and the micro-kernel does nothing with a word of either
//! panel but pass it to [`Precision::multiply_add`]. With [`F32`], a word is one number and covers
//! one step of the depth.
//!
//! A bf16 path would add three things:
//!
//! 1. `Bf16` here, whose word is a pair of bf16 numbers: two consecutive steps of the depth. Its
//!    `multiply_add` makes two fused multiply-adds per lane, the odd step first, by one instruction
//!    where the CPU has it (`vdpbf16ps`) and by two shifts and two multiply-adds elsewhere, with
//!    the same bits.
//! 2. The rounding of operands, where they are packed: [`pack`](super::pack) for all panels and the
//!    transforms of [`conv::fourier`](crate::conv) for planes. All code between packing and tile
//!    counts depth in words, so it stays as it is; a depth of an odd number of steps is padded with
//!    a zero there.
//! 3. The choice: an argument beside the geometry ([`Gemm`](crate::Gemm),
//!    [`ConvGeometry`](crate::ConvGeometry)), not a global mode, because results depend on it. It
//!    replaces the constant [`F32`] at the calls of `multiply_tile`.

use crate::simd::Simd;

/// The arithmetic of the micro-kernel.
pub(crate) trait Precision: Copy {
    /// sum + a * b in each lane, where a and b are words of packed panels.
    fn multiply_add<S: Simd>(self, s: S, a: S::F, b: S::F, sum: S::F) -> S::F;
}

/// Words are `f32` numbers; each product is one fused multiply-add.
#[derive(Clone, Copy)]
pub(crate) struct F32;

impl Precision for F32 {
    #[inline(always)]
    fn multiply_add<S: Simd>(self, s: S, a: S::F, b: S::F, sum: S::F) -> S::F {
        s.mul_add(a, b, sum)
    }
}
