//! The numerical kernels of Backdraw. They read and write slices, and use all cores and the best
//! instruction set. The number of cores and the instruction set do not change a bit of the results.
//!
//! Start with [`Element`], the list of all kernels. [`reference`](mod@reference) has the plain loop
//! of each, and [`fast_path`] explains how matrix products and convolutions get from there to most
//! of what a machine can do.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod allocations;
mod arguments;
pub mod bf16;
mod bias_act;
mod columns;
mod conv;
mod dropout;
mod element;
mod elementwise;
#[doc = include_str!("fast_path.md")]
pub mod fast_path {}
mod fir;
mod gemm;
mod geometry;
pub mod job_local;
pub mod math;
mod moving_average;
mod norm;
mod normal;
pub mod optimizer;
mod pieces;
mod pool;
pub mod random;
mod real;
mod reduce;
pub mod reference;
mod reflect;
mod resample;
pub mod scalar;
mod shared;
pub mod simd;
#[cfg(test)]
mod testing;
pub mod timing;
mod vector_words;
mod windows;

/// The version of the numerics: of everything that decides how the results of the kernels are
/// rounded. It goes up by one with each change that alters the bits of a run with default settings,
/// such as another algorithm for a convolution, another order of a sum or another approximation of
/// a function; the changelog has an entry for each. Runs record it, and print a message when they
/// are resumed with another version.
///
/// * 1: everything before versions were recorded.
/// * 2: convolutions with 64 or more channels on large maps are computed by transforms of tiles.
/// * 3: kernels of 2 or 3 taps (with strides, in each phase) are computed by transforms of Winograd
///   with 4 x 4 outputs, with 16 or more channels.
/// * 4: the same, also where the product of all sizes is a multiple of 2^64, which was taken for an
///   empty convolution: a choice that depended on the batch.
pub const NUMERICS: u32 = 4;

/// The optimisation level at which this crate was compiled, as in a profile of `Cargo.toml`: `0` to
/// `3`, `s` or `z`. Kernels that are not optimised are many times slower.
pub const OPT_LEVEL: &str = env!("KERNELS_OPT_LEVEL");

pub use arguments::{BiasActivation, Gemm, Norm, Precision};
pub use conv::Convolution;
pub use element::Element;
pub use elementwise::{Binary, Unary};
pub use fir::{Fir, FirGeometry};
pub use geometry::{ConvGeometry, Padding, ReflectGeometry, TapsGeometry, TransposedPadding, UpsampleGeometry};
pub use moving_average::moving_average;
pub use random::Key;
pub use real::Real;
pub use windows::WindowGeometry;
