//! [`Unary`] and [`Binary`]: the element-wise functions, one row each.

use super::Visit;
use crate::math;
use crate::real::Real;
use crate::simd::Simd;

/// A function of `N` vectors.
pub(super) trait Function<const N: usize>: Copy + Sync {
    fn apply<S: Simd>(self, s: S, x: [S::F; N]) -> S::F;
}

/// Declares an enum of element-wise functions from a list.
///
/// A row is the function's documentation, variant and name; its parameters, each with a value for
/// tests; the function of numbers (`plain`) and the same on vectors (`vector`, with the token `s`).
/// Both must give the same bits, unless the row bounds the difference in units in the last place
/// (`vector within 3 ulp`). For example, the row
///
/// ```text
/// /// x where x > 0, else slope * x. Slope 0 is ReLU.
/// LeakyRelu "leaky_relu" {
///     /// The factor for x <= 0.
///     slope = 0.2,
/// }
///     plain { if x > zero() { x } else { x * slope } }
///     vector |s| { s.select(s.less(s.zero(), x), x, s.mul(x, slope)) }
/// ```
///
/// becomes the variant `LeakyRelu { slope: f64 }` of the enum, an arm of each of its methods:
///
/// ```text
/// name():   Self::LeakyRelu { .. } => "leaky_relu"
/// at([x]):  Self::LeakyRelu { slope } => {
///               let slope = R::from_f64(slope);
///               if x > zero() { x } else { x * slope }
///           }
/// visit(v): Self::LeakyRelu { slope } => v.visit(LeakyRelu { slope: slope as f32 })
/// ```
///
/// and a struct with the function of vectors, for which the loops are compiled:
///
/// ```text
/// struct LeakyRelu { slope: f32 }
/// impl Function<1> for LeakyRelu {
///     fn apply<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
///         let slope = s.splat(self.slope);
///         s.select(s.less(s.zero(), x), x, s.mul(x, slope))
///     }
/// }
/// ```
macro_rules! functions {
    (
        $(#[$enum_doc:meta])*
        $Enum:ident $x:tt of $count:literal
        $(
            $(#[$doc:meta])*
            $Op:ident $name:literal $({ $($(#[$field_doc:meta])* $field:ident = $example:expr,)+ })?
                plain { $($plain:tt)+ }
                vector $(within $ulps:literal ulp)? |$s:ident| { $($vector:tt)+ }
        )+
    ) => {
        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum $Enum {
            $($(#[$doc])* $Op $({ $($(#[$field_doc])* $field: f64,)+ })?,)+
        }

        impl $Enum {
            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Op { .. } => $name,)+
                }
            }

            /// Its value at one place: the plain loop's arithmetic.
            pub fn at<R: Real>(self, $x: [R; $count]) -> R {
                match self {
                    $(Self::$Op $({ $($field),+ })? => {
                        $($(let $field = R::from_f64($field);)+)?
                        $($plain)+
                    })+
                }
            }

            /// Calls `visitor` with the function of vectors.
            pub(super) fn visit(self, visitor: impl Visit<$count>) {
                match self {
                    $(Self::$Op $({ $($field),+ })? => visitor.visit($Op { $($($field: $field as f32),+)? }),)+
                }
            }

            /// Every function with the parameters of its row, and the allowed difference of its
            /// vectors from the plain loop, in units in the last place.
            #[cfg(test)]
            pub(crate) const EXAMPLES: &[(Self, u32)] = &[
                $((Self::$Op $({ $($field: $example),+ })?, 0 $(+ $ulps)?),)+
            ];
        }

        $(
            #[derive(Clone, Copy)]
            struct $Op { $($($field: f32),+)? }

            impl Function<$count> for $Op {
                #[inline(always)]
                fn apply<S: Simd>(self, $s: S, $x: [S::F; $count]) -> S::F {
                    $($(let $field = $s.splat(self.$field);)+)?
                    $($vector)+
                }
            }
        )+
    };
}

fn zero<R: Real>() -> R {
    R::default()
}

fn one<R: Real>() -> R {
    R::from_f64(1.0)
}

/// 1 / (1 + e^-x), by a formula that cannot overflow.
fn sigmoid<R: Real>(x: R) -> R {
    let e = (-x.abs()).exp();
    if x >= zero() { one::<R>() / (one::<R>() + e) } else { e / (one::<R>() + e) }
}

functions! {
    /// A function of one number, applied to each element.
    Unary [x] of 1

    /// scale * x + shift, with one rounding
    Affine "affine" {
        /// The factor.
        scale = 1.1,
        /// The summand.
        shift = -0.3,
    }
        plain { x.mul_add(scale, shift) }
        vector |s| { s.mul_add(x, scale, shift) }

    /// x * x
    Square "square"
        plain { x * x }
        vector |s| { s.mul(x, x) }

    /// The square root.
    Sqrt "sqrt"
        plain { x.sqrt() }
        vector |s| { s.sqrt(x) }

    /// 1 / x
    Reciprocal "reciprocal"
        plain { one::<R>() / x }
        vector |s| { s.div(s.splat(1.0), x) }

    /// e^x
    Exp "exp"
        plain { x.exp() }
        vector within 1 ulp |s| { math::exp(s, x) }

    /// The natural logarithm.
    Log "log"
        plain { x.ln() }
        vector within 1 ulp |s| { math::log(s, x) }

    /// x where x > 0, else slope * x. Slope 0 is ReLU.
    LeakyRelu "leaky_relu" {
        /// The factor for x <= 0.
        slope = 0.2,
    }
        plain { if x > zero() { x } else { x * slope } }
        vector |s| { s.select(s.less(s.zero(), x), x, s.mul(x, slope)) }

    /// |x|
    Abs "abs"
        plain { x.abs() }
        vector |s| { s.abs(x) }

    /// 1 / (1 + e^-x)
    Sigmoid "sigmoid"
        plain { sigmoid(x) }
        vector within 3 ulp |s| { math::sigmoid(s, x) }

    /// The hyperbolic tangent.
    Tanh "tanh"
        plain { x.tanh() }
        vector within 3 ulp |s| { math::tanh(s, x) }

    /// log(1 + e^x) without overflow: max(x, 0) + log(1 + e^-|x|)
    Softplus "softplus"
        plain { (if x > zero() { x } else { zero() }) + (-x.abs()).exp().ln_1p() }
        vector within 2 ulp |s| { math::softplus(s, x) }

    /// x limited to [low, high]; a NaN stays.
    Clamp "clamp" {
        /// The lower bound.
        low = -0.7,
        /// The upper bound.
        high = 1.3,
    }
        plain {
            let x = if x < low { low } else { x };
            if x > high { high } else { x }
        }
        vector |s| { s.min(s.max(x, low), high) }
}

functions! {
    /// A function of two numbers, applied to pairs of elements.
    Binary [a, b] of 2

    /// a + b
    Add "add"
        plain { a + b }
        vector |s| { s.add(a, b) }

    /// a - b
    Sub "sub"
        plain { a - b }
        vector |s| { s.sub(a, b) }

    /// a * b
    Mul "mul"
        plain { a * b }
        vector |s| { s.mul(a, b) }

    /// a / b
    Div "div"
        plain { a / b }
        vector |s| { s.div(a, b) }

    /// (x, g): the gradient of [`Unary::LeakyRelu`] at x, times g: g where x > 0, else slope * g
    LeakyReluGrad "leaky_relu_grad" {
        /// The factor for x <= 0.
        slope = 0.2,
    }
        plain { if a > zero() { b } else { b * slope } }
        vector |s| { s.select(s.less(s.zero(), a), b, s.mul(b, slope)) }

    /// (x, g): the gradient of [`Unary::Abs`] at x, times g: g where x > 0, -g where x < 0, 0 where
    /// x = 0
    AbsGrad "abs_grad"
        plain {
            if a > zero() {
                b
            } else if a < zero() {
                -b
            } else {
                zero()
            }
        }
        vector |s| {
            let negative = s.select(s.less(a, s.zero()), s.neg(b), s.zero());
            s.select(s.less(s.zero(), a), b, negative)
        }

    /// (x, g): the gradient of [`Unary::Clamp`] at x, times g: g where low <= x <= high, else 0
    ClampGrad "clamp_grad" {
        /// The lower bound.
        low = -0.7,
        /// The upper bound.
        high = 1.3,
    }
        plain { if low <= a && a <= high { b } else { zero() } }
        vector |s| {
            let inside = s.select(s.less_equal(a, high), b, s.zero());
            s.select(s.less_equal(low, a), inside, s.zero())
        }

    /// (y, g): the gradient of [`Unary::Sigmoid`] in terms of its value y, times g: g * y * (1 - y)
    SigmoidGrad "sigmoid_grad"
        plain { b * (a * (one::<R>() - a)) }
        vector |s| { s.mul(b, s.mul(a, s.sub(s.splat(1.0), a))) }

    /// (y, g): the gradient of [`Unary::Tanh`] in terms of its value y, times g: g * (1 - y * y)
    TanhGrad "tanh_grad"
        plain { b * (one::<R>() - a * a) }
        vector |s| { s.mul(b, s.sub(s.splat(1.0), s.mul(a, a))) }

    /// (x, g): the gradient of [`Unary::Softplus`] at x, times g: g * sigmoid(x)
    SoftplusGrad "softplus_grad"
        plain { b * sigmoid(a) }
        vector within 4 ulp |s| { s.mul(b, math::sigmoid(s, a)) }
}
