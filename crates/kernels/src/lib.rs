//! The numerical kernels of Backdraw: slices in, slices out, on every core and with every instruction set, and always the
//! same bits.
//!
//! Start at [`Element`], the list of all kernels; [`reference`](mod@reference) has each as a plain loop, and [`fast_path`]
//! tells how the matrix product and the convolutions get from there to most of what the machine can do.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod allocations;
mod columns;
mod conv;
mod dropout;
pub mod element;
#[doc = include_str!("fast_path.md")]
pub mod fast_path {}
mod finish;
mod fir;
mod gemm;
pub mod geometry;
mod map;
pub mod math;
mod norm;
mod normal;
pub mod optimizer;
mod pieces;
mod pool;
pub mod random;
mod reduce;
pub mod reference;
mod reflect;
mod resample;
pub mod scalar;
pub mod simd;
#[cfg(test)]
mod testing;
pub mod timing;
mod vector_words;

pub use conv::Convolution;
pub use element::{Binary, Element, Finish, Gemm, Norm, Real, Unary};
pub use fir::{Fir, FirGeometry};
pub use geometry::{ConvGeometry, Padding, ReflectGeometry, TapsGeometry, TransposedPadding, UpsampleGeometry};
pub use random::Key;
