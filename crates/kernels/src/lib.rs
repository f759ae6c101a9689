//! The numerical kernels of Backdraw. They read and write slices, use all cores and the best
//! instruction set, and give the same bits whichever of them they use.
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
pub mod math;
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

pub use arguments::{BiasActivation, Gemm, Norm, Precision};
pub use conv::Convolution;
pub use element::Element;
pub use elementwise::{Binary, Unary};
pub use fir::{Fir, FirGeometry};
pub use geometry::{ConvGeometry, Padding, ReflectGeometry, TapsGeometry, TransposedPadding, UpsampleGeometry};
pub use random::Key;
pub use real::Real;
