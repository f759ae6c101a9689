//! The numerical kernels of Backdraw: slices in, slices out, on every core and with every instruction set, and always the
//! same bits.
//!
//! Start at [`Element`], the list of all kernels; [`reference`] has each as a plain loop.

mod conv;
pub mod element;
mod gemm;
pub mod geometry;
pub mod random;
pub mod reference;
pub mod simd;

pub use element::{Adam, Binary, Element, Gemm, Real, RmsProp, Sgd, Unary};
pub use geometry::{ConvGeometry, Padding, TransposedPadding, UpsampleGeometry};
pub use random::Key;
