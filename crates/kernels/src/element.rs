//! [`Element`]: the number types that the engine computes with, and all that can be done with slices of them.
//!
//! `f32` is for training: the fast kernels of this crate. `f64` is for checking: the plain loops of
//! [`mod@reference`]. This trait is also the list of all kernels, in one place.

use core::fmt::{Debug, Display};
use core::ops::{Add, Div, Mul, Neg, Sub};

use crate::fir::FirGeometry;
use crate::geometry::{ConvGeometry, ReflectGeometry, TapsGeometry, UpsampleGeometry};
use crate::random::Key;
use crate::timing::{Kind, Work, time};
use crate::{dropout, finish, fir, map, norm, normal, pool, reduce, reference, reflect, resample, scalar};

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
    /// The same number.
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
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
}

macro_rules! real {
    ($T:ident, $mul_add:expr) => {
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
        }
    };
}
real!(f32, crate::simd::fused_multiply_add);
real!(f64, scalar::fused_multiply_add);

/// A function of one number, applied to each element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// scale * x + shift, one rounding
    Affine {
        /// Factor.
        scale: f64,
        /// What is added.
        shift: f64,
    },
    /// x * x
    Square,
    /// The square root.
    Sqrt,
    /// 1 / x
    Reciprocal,
    /// e^x
    Exp,
    /// The natural logarithm.
    Log,
    /// x where x > 0, else slope * x. Slope 0 is ReLU.
    LeakyRelu {
        /// The factor for x <= 0.
        slope: f64,
    },
    /// |x|
    Abs,
    /// 1 / (1 + e^-x)
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// log(1 + e^x), without overflow: max(x, 0) + log(1 + e^-|x|)
    Softplus,
    /// x forced into [low, high] (a NaN stays)
    Clamp {
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
    },
}

impl Unary {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Affine { .. } => "affine",
            Self::Square => "square",
            Self::Sqrt => "sqrt",
            Self::Reciprocal => "reciprocal",
            Self::Exp => "exp",
            Self::Log => "log",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Abs => "abs",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Softplus => "softplus",
            Self::Clamp { .. } => "clamp",
        }
    }
}

/// A function of two numbers, applied to pairs of elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Binary {
    /// a + b
    Add,
    /// a - b
    Sub,
    /// a * b
    Mul,
    /// a / b
    Div,
    /// (x, g): g where x > 0, else slope * g: the derivative of [`Unary::LeakyRelu`] times g
    LeakyReluGrad {
        /// The factor for x <= 0.
        slope: f64,
    },
    /// (x, g): g where x > 0, -g where x < 0, 0 where x = 0: the derivative of |x| times g
    AbsGrad,
    /// (x, g): g where low <= x <= high, else 0: the derivative of [`Unary::Clamp`] times g
    ClampGrad {
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// (y, g): g * y * (1 - y): the derivative of the sigmoid, from its value y, times g
    SigmoidGrad,
    /// (y, g): g * (1 - y * y): the derivative of tanh, from its value y, times g
    TanhGrad,
    /// (x, g): g * sigmoid(x): the derivative of softplus times g
    SoftplusGrad,
}

impl Binary {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::LeakyReluGrad { .. } => "leaky_relu_grad",
            Self::AbsGrad => "abs_grad",
            Self::ClampGrad { .. } => "clamp_grad",
            Self::SigmoidGrad => "sigmoid_grad",
            Self::TanhGrad => "tanh_grad",
            Self::SoftplusGrad => "softplus_grad",
        }
    }
}

/// What follows a linear layer, each part if it is there: dropout(leaky_relu(x + bias)).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Finish {
    /// The slope of the leaky ReLU for x <= 0, itself >= 0: the sign of the value then tells the side.
    pub slope: Option<f64>,
    /// The rate of the dropout, and the stream that decides what is dropped.
    pub dropout: Option<(f64, Key)>,
}

/// Batch normalisation, and the leaky ReLU that may follow it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    /// Added to the variance, to keep the quotient finite.
    pub epsilon: f64,
    /// The slope of the leaky ReLU for a value <= 0.
    pub slope: Option<f64>,
}

/// A matrix product c = op(a) * op(b), all row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gemm {
    /// Rows of op(a) and c.
    pub m: usize,
    /// Columns of op(b) and c.
    pub n: usize,
    /// Columns of op(a), rows of op(b).
    pub k: usize,
    /// a is stored (k, m) and read transposed.
    pub transpose_a: bool,
    /// b is stored (n, k) and read transposed.
    pub transpose_b: bool,
}

/// A number type with all kernels. Every method panics when a slice's length does not fit the sizes it is given.
///
/// What is written here is the plain loop of each; a type that has something faster overrides it.
pub trait Element: Real {
    /// c = op(a) * op(b); c's old content is not read. Each element is one chain of fused multiply-adds over k = 0, 1, 2, ...
    fn gemm(gemm: Gemm, a: &[Self], b: &[Self], c: &mut [Self]) {
        reference::gemm(gemm, a, b, c);
    }
    /// y = conv(x, w). Each element is one chain over (ky, kx, in-channel). (Of small maps, `f32` does this and the two gradients
    /// in frequencies: see [`fast_path`](crate::fast_path).)
    fn conv2d(g: &ConvGeometry, x: &[Self], w: &[Self], y: &mut [Self]) {
        reference::conv2d(g, x, w, y);
    }
    /// gx = the gradient of <conv(x, w), gy> by x: the transposed convolution of gy. Each element is one chain over
    /// (ky, kx, out-channel).
    fn conv2d_input_grad(g: &ConvGeometry, gy: &[Self], w: &[Self], gx: &mut [Self]) {
        reference::conv2d_input_grad(g, gy, w, gx);
    }
    /// gw = the gradient of <conv(x, w), gy> by w. Each element is one chain over (oy, ox, image).
    fn conv2d_weight_grad(g: &ConvGeometry, x: &[Self], gy: &[Self], gw: &mut [Self]) {
        reference::conv2d_weight_grad(g, x, gy, gw);
    }
    /// Spreads the taps of the kernel w over a block of pixels; each element is summed over (down, right) in the block.
    fn spread_taps(g: &TapsGeometry, w: &[Self], spread: &mut [Self]) {
        reference::spread_taps(g, w, spread);
    }
    /// The adjoint: each tap is the sum over the taps that it was spread to, over (down, right) in the block.
    fn gather_taps(g: &TapsGeometry, spread: &[Self], w: &mut [Self]) {
        reference::gather_taps(g, spread, w);
    }
    /// Turns the kernel w by half a turn and transposes each tap.
    fn turn_taps(g: &TapsGeometry, w: &[Self], turned: &mut [Self]) {
        reference::turn_taps(g, w, turned);
    }
    /// y = op(x)
    fn unary(op: Unary, x: &[Self], y: &mut [Self]) {
        reference::unary(op, x, y);
    }
    /// y = op(a, b)
    fn binary(op: Binary, a: &[Self], b: &[Self], y: &mut [Self]) {
        reference::binary(op, a, b, y);
    }
    /// y = op(a, row), where `row` goes with each of a's consecutive rows of that length (a bias, say).
    fn binary_rows(op: Binary, a: &[Self], row: &[Self], y: &mut [Self]) {
        reference::binary_rows(op, a, row, y);
    }
    /// Sums the middle axis: x of shape (outer, reduced, inner) to y of shape (outer, inner).
    fn sum_axis(shape: [usize; 3], x: &[Self], y: &mut [Self]) {
        reference::sum_axis(shape, x, y);
    }
    /// Repeats along a new middle axis: x of shape (outer, inner) to y of shape (outer, repeated, inner).
    fn repeat_axis(shape: [usize; 3], x: &[Self], y: &mut [Self]) {
        reference::repeat_axis(shape, x, y);
    }
    /// Nearest-neighbour up-sampling.
    fn upsample(g: &UpsampleGeometry, x: &[Self], y: &mut [Self]) {
        reference::upsample(g, x, y);
    }
    /// The adjoint of up-sampling: each block of the large image is summed into one pixel.
    fn downsample_sum(g: &UpsampleGeometry, y: &[Self], x: &mut [Self]) {
        reference::downsample_sum(g, y, x);
    }
    /// Adds rows and columns that mirror the image at its edges.
    fn reflection_pad(g: &ReflectGeometry, x: &[Self], y: &mut [Self]) {
        reference::reflection_pad(g, x, y);
    }
    /// The adjoint of reflection padding: what each pixel and its mirror images hold is summed, over (row, column).
    fn reflection_fold(g: &ReflectGeometry, y: &[Self], x: &mut [Self]) {
        reference::reflection_fold(g, y, x);
    }
    /// A filter of few taps that blurs, enlarges or shrinks images. Each element is one chain over (tap down, tap right).
    fn fir(g: &FirGeometry, x: &[Self], y: &mut [Self]) {
        reference::fir(g, x, y);
    }
    /// The largest number of each block of the large images x, per channel, and its number within its image. Of equal ones the first;
    /// a NaN counts as the largest.
    fn max_pool(g: &UpsampleGeometry, x: &[Self], y: &mut [Self], chosen: &mut [u32]) {
        reference::max_pool(g, x, y, chosen);
    }
    /// y = the numbers of x that [`max_pool`](Element::max_pool) has chosen.
    fn pick(g: &UpsampleGeometry, chosen: &[u32], x: &[Self], y: &mut [Self]) {
        reference::pick(g, chosen, x, y);
    }
    /// The adjoint of [`pick`](Element::pick): x = y at the places chosen, 0 elsewhere.
    fn unpick(g: &UpsampleGeometry, chosen: &[u32], y: &[Self], x: &mut [Self]) {
        reference::unpick(g, chosen, y, x);
    }
    /// Mean and biased variance of each of the `mean.len()` channels of x (the last axis).
    fn channel_statistics(x: &[Self], mean: &mut [Self], variance: &mut [Self]) {
        reference::channel_statistics(x, mean, variance);
    }
    /// y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, per channel, with the statistics [mean, variance] and the
    /// affine map [gamma, beta]; bent by a leaky ReLU, if the norm has a slope.
    fn batch_norm(norm: Norm, x: &[Self], statistics: [&[Self]; 2], affine: [&[Self]; 2], y: &mut [Self]) {
        reference::batch_norm(norm, x, statistics, affine, y);
    }
    /// The gradients of training-mode batch normalisation, where the statistics are those of x itself, for an incoming gy:
    /// writes gx, and [ggamma, gbeta] per channel. With xh = (x - mean) / s, s = sqrt(variance + epsilon), and g = gy
    /// before the bend, if there is one:
    /// gbeta = sum g, ggamma = sum g * xh, gx = gamma / s * (g - gbeta / n - xh * ggamma / n).
    fn batch_norm_grad(
        norm: Norm,
        inputs: [&[Self]; 2],
        statistics: [&[Self]; 2],
        affine: [&[Self]; 2],
        gx: &mut [Self],
        parameters: [&mut [Self]; 2],
    ) {
        reference::batch_norm_grad(norm, inputs, statistics, affine, gx, parameters);
    }
    /// Mean and biased variance of each channel (the last axis) of each of so many images: `mean` and `variance` are of shape
    /// (images, channels).
    fn instance_statistics(images: usize, x: &[Self], mean: &mut [Self], variance: &mut [Self]) {
        reference::instance_statistics(images, x, mean, variance);
    }
    /// y = (x - mean) / sqrt(variance + epsilon) with the statistics [mean, variance] of every image's channels; bent by a leaky
    /// ReLU, if the norm has a slope.
    fn instance_norm(norm: Norm, images: usize, x: &[Self], statistics: [&[Self]; 2], y: &mut [Self]) {
        reference::instance_norm(norm, images, x, statistics, y);
    }
    /// The gradient of instance normalisation, where the statistics are those of x itself, for the inputs [x, gy]: as
    /// [`batch_norm_grad`](Element::batch_norm_grad) with gamma 1, image by image.
    fn instance_norm_grad(norm: Norm, images: usize, inputs: [&[Self]; 2], statistics: [&[Self]; 2], gx: &mut [Self]) {
        reference::instance_norm_grad(norm, images, inputs, statistics, gx);
    }
    /// Inverted dropout: y = x / (1 - rate) where word i of the stream `key` is at least rate * 2^32, else 0.
    fn dropout(key: Key, rate: f64, x: &[Self], y: &mut [Self]) {
        reference::dropout(key, rate, x, y);
    }
    /// Numbers with the standard normal distribution from the words of the stream `key`: number i is the same, however many there
    /// are.
    fn normal(key: Key, y: &mut [Self]) {
        reference::normal(key, y);
    }
    /// x <- dropout(leaky_relu(x + bias)), as far as asked: the same bits as from one after the other. The bias goes with each of
    /// x's consecutive rows of its length.
    fn finish(finish: Finish, bias: Option<&[Self]>, x: &mut [Self]) {
        reference::finish(finish, bias, x);
    }
    /// The gradients of [`finish`](Element::finish) for an incoming gy: writes gx, and gbias where it is asked for, the same
    /// bits as from one after the other. `y` is the value, which is only read if there is a slope (it may be empty
    /// otherwise).
    fn finish_grad(finish: Finish, y: &[Self], gy: &[Self], gx: &mut [Self], gbias: Option<&mut [Self]>) {
        reference::finish_grad(finish, y, gy, gx, gbias);
    }
    /// How many elements are infinite or NaN.
    fn count_non_finite(x: &[Self]) -> usize {
        reference::count_non_finite(x)
    }
}

/// Every kernel as its plain loop.
impl Element for f64 {}

impl Element for f32 {
    fn gemm(gemm: Gemm, a: &[Self], b: &[Self], c: &mut [Self]) {
        let work = Work::Products(gemm.m * gemm.n * gemm.k);
        time(Kind::MatrixProduct, "gemm", work, || crate::gemm::gemm(gemm, a, b, c));
    }
    fn conv2d(g: &ConvGeometry, x: &[Self], w: &[Self], y: &mut [Self]) {
        let work = Work::Products(g.useful_products());
        time(Kind::Convolution, "conv2d", work, || crate::conv::conv2d(g, x, w, y));
    }
    fn conv2d_input_grad(g: &ConvGeometry, gy: &[Self], w: &[Self], gx: &mut [Self]) {
        let work = Work::Products(g.useful_products());
        time(Kind::Convolution, "conv2d_input_grad", work, || crate::conv::conv2d_input_grad(g, gy, w, gx));
    }
    fn conv2d_weight_grad(g: &ConvGeometry, x: &[Self], gy: &[Self], gw: &mut [Self]) {
        let work = Work::Products(g.useful_products());
        time(Kind::Convolution, "conv2d_weight_grad", work, || crate::conv::conv2d_weight_grad(g, x, gy, gw));
    }
    fn unary(op: Unary, x: &[Self], y: &mut [Self]) {
        let work = Work::Floats(2 * x.len());
        time(Kind::Memory, op.name(), work, || map::unary(op, x, y));
    }
    fn binary(op: Binary, a: &[Self], b: &[Self], y: &mut [Self]) {
        let work = Work::Floats(3 * a.len());
        time(Kind::Memory, op.name(), work, || map::binary(op, a, b, y));
    }
    fn binary_rows(op: Binary, a: &[Self], row: &[Self], y: &mut [Self]) {
        let work = Work::Floats(2 * a.len());
        time(Kind::Memory, op.name(), work, || map::binary_rows(op, a, row, y));
    }
    fn sum_axis(shape: [usize; 3], x: &[Self], y: &mut [Self]) {
        let work = Work::Floats(shape.iter().product());
        time(Kind::Memory, "sum_axis", work, || reduce::sum_axis(shape, x, y));
    }
    fn repeat_axis(shape: [usize; 3], x: &[Self], y: &mut [Self]) {
        let work = Work::Floats(shape.iter().product());
        time(Kind::Memory, "repeat_axis", work, || reduce::repeat_axis(shape, x, y));
    }
    fn upsample(g: &UpsampleGeometry, x: &[Self], y: &mut [Self]) {
        let work = Work::Floats(x.len() + y.len());
        time(Kind::Memory, "upsample", work, || resample::upsample(g, x, y));
    }
    fn downsample_sum(g: &UpsampleGeometry, y: &[Self], x: &mut [Self]) {
        let work = Work::Floats(x.len() + y.len());
        time(Kind::Memory, "downsample_sum", work, || resample::downsample_sum(g, y, x));
    }
    fn reflection_pad(g: &ReflectGeometry, x: &[Self], y: &mut [Self]) {
        let work = Work::Floats(x.len() + y.len());
        time(Kind::Memory, "reflection_pad", work, || reflect::reflection_pad(g, x, y));
    }
    fn reflection_fold(g: &ReflectGeometry, y: &[Self], x: &mut [Self]) {
        let work = Work::Floats(x.len() + y.len());
        time(Kind::Memory, "reflection_fold", work, || reflect::reflection_fold(g, y, x));
    }
    fn fir(g: &FirGeometry, x: &[Self], y: &mut [Self]) {
        let work = Work::Floats(x.len() + y.len());
        time(Kind::Memory, "fir", work, || fir::fir(g, x, y));
    }
    fn max_pool(g: &UpsampleGeometry, x: &[Self], y: &mut [Self], chosen: &mut [u32]) {
        let work = Work::Floats(x.len() + y.len());
        time(Kind::Memory, "max_pool", work, || pool::max_pool(g, x, y, chosen));
    }
    fn pick(g: &UpsampleGeometry, chosen: &[u32], x: &[Self], y: &mut [Self]) {
        let work = Work::Floats(2 * y.len());
        time(Kind::Memory, "pick", work, || pool::pick(g, chosen, x, y));
    }
    fn unpick(g: &UpsampleGeometry, chosen: &[u32], y: &[Self], x: &mut [Self]) {
        let work = Work::Floats(x.len() + y.len());
        time(Kind::Memory, "unpick", work, || pool::unpick(g, chosen, y, x));
    }
    fn channel_statistics(x: &[Self], mean: &mut [Self], variance: &mut [Self]) {
        let work = Work::Floats(x.len());
        time(Kind::Memory, "channel_statistics", work, || norm::channel_statistics(x, mean, variance));
    }
    fn batch_norm(norm: Norm, x: &[Self], statistics: [&[Self]; 2], affine: [&[Self]; 2], y: &mut [Self]) {
        let work = Work::Floats(2 * x.len());
        time(Kind::Memory, "batch_norm", work, || norm::batch_norm(norm, x, statistics, affine, y));
    }
    fn batch_norm_grad(
        norm: Norm,
        inputs: [&[Self]; 2],
        statistics: [&[Self]; 2],
        affine: [&[Self]; 2],
        gx: &mut [Self],
        parameters: [&mut [Self]; 2],
    ) {
        let work = Work::Floats(3 * gx.len());
        time(Kind::Memory, "batch_norm_grad", work, || {
            norm::batch_norm_grad(norm, inputs, statistics, affine, gx, parameters);
        });
    }
    fn instance_statistics(images: usize, x: &[Self], mean: &mut [Self], variance: &mut [Self]) {
        let work = Work::Floats(x.len());
        time(Kind::Memory, "instance_statistics", work, || norm::instance_statistics(images, x, mean, variance));
    }
    fn instance_norm(norm: Norm, images: usize, x: &[Self], statistics: [&[Self]; 2], y: &mut [Self]) {
        let work = Work::Floats(2 * x.len());
        time(Kind::Memory, "instance_norm", work, || norm::instance_norm(norm, images, x, statistics, y));
    }
    fn instance_norm_grad(norm: Norm, images: usize, inputs: [&[Self]; 2], statistics: [&[Self]; 2], gx: &mut [Self]) {
        let work = Work::Floats(3 * gx.len());
        time(Kind::Memory, "instance_norm_grad", work, || {
            norm::instance_norm_grad(norm, images, inputs, statistics, gx);
        });
    }
    fn dropout(key: Key, rate: f64, x: &[Self], y: &mut [Self]) {
        let work = Work::Floats(2 * x.len());
        time(Kind::Memory, "dropout", work, || dropout::dropout(key, rate, x, y));
    }
    fn normal(key: Key, y: &mut [Self]) {
        time(Kind::Memory, "normal", Work::Floats(y.len()), || normal::normal(key, y));
    }
    fn finish(finish: Finish, bias: Option<&[Self]>, x: &mut [Self]) {
        let work = Work::Floats(2 * x.len());
        time(Kind::Memory, "finish", work, || finish::finish(finish, bias, x));
    }
    fn finish_grad(finish: Finish, y: &[Self], gy: &[Self], gx: &mut [Self], gbias: Option<&mut [Self]>) {
        let work = Work::Floats(3 * y.len());
        time(Kind::Memory, "finish_grad", work, || finish::finish_grad(finish, y, gy, gx, gbias));
    }
    fn count_non_finite(x: &[Self]) -> usize {
        let work = Work::Floats(x.len());
        time(Kind::Memory, "count_non_finite", work, || map::count_non_finite(x))
    }
}
