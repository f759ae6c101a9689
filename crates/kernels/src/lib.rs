//! Slices in, slices out: the numerical kernels of Backdraw.

pub mod random;
pub mod simd;
