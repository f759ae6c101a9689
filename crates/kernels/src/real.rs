//! [`Real`]: the numbers that the plain loops compute with.

use core::fmt::{Debug, Display};
use core::ops::{Add, Div, Mul, Neg, Sub};

use crate::scalar;

/// A real number, for plain loops.
pub trait Real:
    Copy
    + Default
    + PartialOrd
    + Debug
    + Display
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The nearest number of this type.
    fn from_f64(x: f64) -> Self;
    /// The same number in `f64`.
    fn to_f64(self) -> f64;
    /// self * b + c with a single rounding.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// e^self
    fn exp(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// log(1 + self)
    fn ln_1p(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// |self|
    fn abs(self) -> Self;
    /// Whether it is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// An operand of a [`Precision::Bf16`](crate::Precision::Bf16) product: an `f32` is
    /// [rounded](crate::bf16::round), an `f64` is not, because it is meant for checking.
    fn bf16_operand(self) -> Self;
}

macro_rules! real {
    ($T:ident, $mul_add:expr, $bf16_operand:expr) => {
        impl Real for $T {
            fn from_f64(x: f64) -> Self {
                x as $T
            }
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            fn mul_add(self, b: Self, c: Self) -> Self {
                $mul_add(self, b, c)
            }
            fn exp(self) -> Self {
                scalar::exp(f64::from(self)) as $T
            }
            fn ln(self) -> Self {
                scalar::ln(f64::from(self)) as $T
            }
            fn ln_1p(self) -> Self {
                scalar::ln_1p(f64::from(self)) as $T
            }
            fn tanh(self) -> Self {
                scalar::tanh(f64::from(self)) as $T
            }
            fn sqrt(self) -> Self {
                $T::sqrt(self)
            }
            fn abs(self) -> Self {
                $T::abs(self)
            }
            fn is_finite(self) -> bool {
                $T::is_finite(self)
            }
            fn bf16_operand(self) -> Self {
                $bf16_operand(self)
            }
        }
    };
}
real!(f32, crate::simd::fused_multiply_add, crate::bf16::round);
real!(f64, scalar::fused_multiply_add, core::convert::identity);
