//! The numerical kernels of Backdraw: slices in, slices out, on every core and with every instruction set, and always the
//! same bits.
//!
//! Start at [`Element`], the list of all kernels; [`reference`](mod@reference) has each as a plain loop.

mod columns;
mod conv;
mod dropout;
pub mod element;
mod finish;
mod gemm;
pub mod geometry;
mod map;
pub mod math;
mod norm;
mod optimizer;
mod pieces;
pub mod random;
mod reduce;
pub mod reference;
mod resample;
pub mod simd;
#[cfg(test)]
mod testing;

pub use element::{Adam, Binary, Element, Finish, Gemm, Norm, Real, RmsProp, Sgd, Unary};
pub use geometry::{ConvGeometry, Padding, TransposedPadding, UpsampleGeometry};
pub use random::Key;
