//! [`Element`]: the number types of the engine, and the list of all kernels.
//!
//! `f32` is for training and runs the fast kernels of this crate. `f64` is for checking and runs
//! the plain loops of [`mod@reference`].
//!
//! To add a kernel, write its plain loop in `reference/` and its fast path in a file of its own,
//! each an ordinary function with the same arguments, and add a row here. To add an element-wise
//! function of one or two numbers, add a row to [`elementwise`] instead; nothing changes here.
//! Optimisers have a list of their own, in [`optimizer`](crate::optimizer).

use crate::arguments::{BiasActivation, Gemm, Norm};
use crate::elementwise::{self, Binary, Unary};
use crate::fir::{self, FirGeometry};
use crate::geometry::{ConvGeometry, ReflectGeometry, TapsGeometry, UpsampleGeometry};
use crate::random::Key;
use crate::real::Real;
use crate::timing::{Category, Work, time};
use crate::windows::{self, WindowGeometry};
use crate::{bias_act, conv, dropout, gemm, norm, normal, pool, reduce, reference, reflect, resample};

/// Declares the trait [`Element`] and its implementations from a list of kernels.
///
/// A row is the signature of a kernel, then `{ category, work => fast path }`. For example, the row
///
/// ```text
/// /// y = op(x)
/// fn unary(op: Unary, x: &[Self], y: &mut [Self])
///     { Memory op.name(), Floats(2 * x.len()) => elementwise::unary }
/// ```
///
/// becomes a method of the trait, which is the plain loop; `f64` keeps it:
///
/// ```text
/// /// y = op(x)
/// fn unary(op: Unary, x: &[Self], y: &mut [Self]) {
///     reference::unary(op, x, y)
/// }
/// ```
///
/// and a method of `f32`, which is the fast path, timed:
///
/// ```text
/// fn unary(op: Unary, x: &[Self], y: &mut [Self]) {
///     let work = Work::Floats(2 * x.len());
///     time(Category::Memory, op.name(), work, || elementwise::unary(op, x, y))
/// }
/// ```
///
/// Without an expression after the category, the kernel appears in timings under its own name.
macro_rules! kernels {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $Type:ty),+ $(,)?) $(-> $Result:ty)?
        { $category:ident $($label:expr)?, $work:ident($amount:expr) => $fast:path }
    )+) => {
        /// A number type with all kernels. Every method panics when the length of a slice does not
        /// fit the other arguments.
        ///
        /// The provided methods are the plain loops; a type with a faster implementation overrides
        /// them.
        pub trait Element: Real {
            $(
                $(#[$doc])*
                fn $name($($argument: $Type),+) $(-> $Result)? {
                    reference::$name($($argument),+)
                }
            )+
        }

        impl Element for f64 {}

        impl Element for f32 {
            $(
                fn $name($($argument: $Type),+) $(-> $Result)? {
                    let label = label!($name $($label)?);
                    time(Category::$category, label, Work::$work($amount), || $fast($($argument),+))
                }
            )+
        }
    };
}

/// The label of a row, or else the name of the kernel.
macro_rules! label {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $label:expr) => {
        $label
    };
}

kernels! {
    /// c = op(a) * op(b); the old content of c is not read. Each element is one chain of fused
    /// multiply-adds over k = 0, 1, 2, ...
    fn gemm(gemm: Gemm, a: &[Self], b: &[Self], c: &mut [Self])
        { MatrixProduct, Products(gemm.products()) => gemm::gemm }

    /// y = conv(x, w). Each element is one chain over (ky, kx, in-channel). (With many channels,
    /// `f32` computes the convolution and its two gradients by transforms, as different sums: see
    /// [`fast_path`](crate::fast_path).)
    fn conv2d(g: &ConvGeometry, x: &[Self], w: &[Self], y: &mut [Self])
        { Convolution, Products(g.useful_products()) => conv::conv2d }

    /// gx = the gradient of <conv(x, w), gy> with respect to x, the transposed convolution of gy.
    /// Each element is one chain over (ky, kx, out-channel).
    fn conv2d_input_grad(g: &ConvGeometry, gy: &[Self], w: &[Self], gx: &mut [Self])
        { Convolution, Products(g.useful_products()) => conv::conv2d_input_grad }

    /// gw = the gradient of <conv(x, w), gy> with respect to w. Each element is one chain over (oy,
    /// ox, image).
    fn conv2d_weight_grad(g: &ConvGeometry, x: &[Self], gy: &[Self], gw: &mut [Self])
        { Convolution, Products(g.useful_products()) => conv::conv2d_weight_grad }

    /// Spreads the taps of the kernel w over a block of pixels; each element is summed over (down,
    /// right) in the block.
    fn spread_taps(g: &TapsGeometry, w: &[Self], spread: &mut [Self])
        { Memory, Floats(w.len() + spread.len()) => reference::spread_taps }

    /// The adjoint of [`spread_taps`](Element::spread_taps): each tap is the sum of the taps to
    /// which it was spread, over (down, right) in the block.
    fn fold_taps(g: &TapsGeometry, spread: &[Self], w: &mut [Self])
        { Memory, Floats(w.len() + spread.len()) => reference::fold_taps }

    /// Turns the kernel w by half a turn and transposes each tap.
    fn turn_taps(g: &TapsGeometry, w: &[Self], turned: &mut [Self])
        { Memory, Floats(2 * w.len()) => reference::turn_taps }

    /// y = op(x)
    fn unary(op: Unary, x: &[Self], y: &mut [Self])
        { Memory op.name(), Floats(2 * x.len()) => elementwise::unary }

    /// y = op(a, b)
    fn binary(op: Binary, a: &[Self], b: &[Self], y: &mut [Self])
        { Memory op.name(), Floats(3 * a.len()) => elementwise::binary }

    /// y = op(a, b) with b repeated along a middle axis, as a bias is: a and y of shape (outer,
    /// repeated, inner), b of shape (outer, inner).
    fn binary_repeated(op: Binary, shape: [usize; 3], a: &[Self], b: &[Self], y: &mut [Self])
        { Memory op.name(), Floats(2 * a.len() + b.len()) => elementwise::binary_repeated }

    /// sum <- sum + x
    fn add_assign(x: &[Self], sum: &mut [Self])
        { Memory, Floats(3 * x.len()) => elementwise::add_assign }

    /// Sums over the middle axis: x of shape (outer, reduced, inner) to y of shape (outer, inner).
    fn sum_axis(shape: [usize; 3], x: &[Self], y: &mut [Self])
        { Memory, Floats(shape.iter().product()) => reduce::sum_axis }

    /// Repeats along a new middle axis: x of shape (outer, inner) to y of shape (outer, repeated,
    /// inner).
    fn repeat_axis(shape: [usize; 3], x: &[Self], y: &mut [Self])
        { Memory, Floats(shape.iter().product()) => reduce::repeat_axis }

    /// Nearest-neighbour up-sampling.
    fn upsample(g: &UpsampleGeometry, x: &[Self], y: &mut [Self])
        { Memory, Floats(x.len() + y.len()) => resample::upsample }

    /// The adjoint of [`upsample`](Element::upsample): each block of the large image is summed into
    /// one pixel.
    fn downsample_sum(g: &UpsampleGeometry, y: &[Self], x: &mut [Self])
        { Memory, Floats(x.len() + y.len()) => resample::downsample_sum }

    /// Adds rows and columns that mirror the image at its edges.
    fn reflection_pad(g: &ReflectGeometry, x: &[Self], y: &mut [Self])
        { Memory, Floats(x.len() + y.len()) => reflect::reflection_pad }

    /// The adjoint of [`reflection_pad`](Element::reflection_pad): each pixel is the sum of itself
    /// and its mirror images, over (row, column).
    fn reflection_fold(g: &ReflectGeometry, y: &[Self], x: &mut [Self])
        { Memory, Floats(x.len() + y.len()) => reflect::reflection_fold }

    /// A filter with few taps that blurs, enlarges or shrinks images. Each element is one chain
    /// over (tap down, tap right).
    fn fir(g: &FirGeometry, x: &[Self], y: &mut [Self])
        { Memory, Floats(x.len() + y.len()) => fir::fir }

    /// y = the largest number of each block of the large images x, per channel; `indices` = its
    /// index within its image. The first of equal numbers is chosen; a NaN counts as the largest.
    fn max_pool(g: &UpsampleGeometry, x: &[Self], y: &mut [Self], indices: &mut [u32])
        { Memory, Floats(x.len() + y.len()) => pool::max_pool }

    /// y = the elements of x at the indices of [`max_pool`](Element::max_pool).
    fn gather(g: &UpsampleGeometry, indices: &[u32], x: &[Self], y: &mut [Self])
        { Memory, Floats(2 * y.len()) => pool::gather }

    /// The adjoint of [`gather`](Element::gather): x = y at the indices, 0 elsewhere.
    fn scatter(g: &UpsampleGeometry, indices: &[u32], y: &[Self], x: &mut [Self])
        { Memory, Floats(x.len() + y.len()) => pool::scatter }

    /// y = the largest number of each window of the images x, per channel. A NaN counts as the
    /// largest. Padding does not count.
    fn window_max(g: &WindowGeometry, x: &[Self], y: &mut [Self])
        { Memory, Floats(x.len() + y.len()) => windows::window_max }

    /// y = the mean of each window of the images x, per channel: the sum, row by row, divided by
    /// the number of pixels. Padding does not count.
    fn window_mean(g: &WindowGeometry, x: &[Self], y: &mut [Self])
        { Memory, Floats(x.len() + y.len()) => windows::window_mean }

    /// The mean and biased variance of each of the `mean.len()` channels of x, its last axis.
    fn channel_statistics(x: &[Self], mean: &mut [Self], variance: &mut [Self])
        { Memory, Floats(x.len()) => norm::channel_statistics }

    /// y = gamma * (x - mean) / sqrt(variance + epsilon) + beta per channel, with the statistics
    /// [mean, variance] and the affine map [gamma, beta]; followed by a leaky ReLU if the norm has
    /// a slope.
    fn batch_norm(norm: Norm, x: &[Self], statistics: [&[Self]; 2], affine: [&[Self]; 2], y: &mut [Self])
        { Memory, Floats(2 * x.len()) => norm::batch_norm }

    /// The gradients of batch normalisation in training mode, where the statistics are those of x,
    /// for the inputs [x, gy]. Writes gx, and the parameters [ggamma, gbeta] per channel. With xh =
    /// (x - mean) / s, s = sqrt(variance + epsilon), and g the gradient with respect to the value
    /// before the leaky ReLU: gbeta = sum g, ggamma = sum g * xh, gx = gamma / s * (g - gbeta / n -
    /// xh * ggamma / n).
    fn batch_norm_grad(
        norm: Norm,
        inputs: [&[Self]; 2],
        statistics: [&[Self]; 2],
        affine: [&[Self]; 2],
        gx: &mut [Self],
        parameters: [&mut [Self]; 2],
    ) { Memory, Floats(3 * gx.len()) => norm::batch_norm_grad }

    /// The first half of [`batch_norm_grad`](Element::batch_norm_grad) for a part of a batch. The
    /// inputs [x, gy] are those of the part, the statistics [mean, variance] those of the whole
    /// batch. Writes the part's contributions to the gradients [ggamma, gbeta].
    fn batch_norm_grad_sums(
        norm: Norm,
        inputs: [&[Self]; 2],
        statistics: [&[Self]; 2],
        affine: [&[Self]; 2],
        parameters: [&mut [Self]; 2],
    ) { Memory, Floats(inputs[0].len() + inputs[1].len()) => norm::batch_norm_grad_sums }

    /// The second half: writes gx of the part. `means` are [ggamma, gbeta] of the whole batch,
    /// divided by its number of rows.
    fn batch_norm_grad_input(
        norm: Norm,
        inputs: [&[Self]; 2],
        statistics: [&[Self]; 2],
        affine: [&[Self]; 2],
        means: [&[Self]; 2],
        gx: &mut [Self],
    ) { Memory, Floats(3 * gx.len()) => norm::batch_norm_grad_input }

    /// The mean and biased variance of each channel (the last axis) of each image; `mean` and
    /// `variance` have the shape (images, channels).
    fn instance_statistics(images: usize, x: &[Self], mean: &mut [Self], variance: &mut [Self])
        { Memory, Floats(x.len()) => norm::instance_statistics }

    /// y = (x - mean) / sqrt(variance + epsilon) with the statistics [mean, variance] of the
    /// channels of each image; followed by a leaky ReLU if the norm has a slope.
    fn instance_norm(norm: Norm, images: usize, x: &[Self], statistics: [&[Self]; 2], y: &mut [Self])
        { Memory, Floats(2 * x.len()) => norm::instance_norm }

    /// The gradient of instance normalisation, where the statistics are those of x, for the inputs
    /// [x, gy]: as [`batch_norm_grad`](Element::batch_norm_grad) with gamma 1, for each image.
    fn instance_norm_grad(norm: Norm, images: usize, inputs: [&[Self]; 2], statistics: [&[Self]; 2], gx: &mut [Self])
        { Memory, Floats(3 * gx.len()) => norm::instance_norm_grad }

    /// Inverted dropout: y = x / (1 - rate) where word i of the stream `key` is at least rate *
    /// 2^32, else 0.
    fn dropout(key: Key, rate: f64, x: &[Self], y: &mut [Self])
        { Memory, Floats(2 * x.len()) => dropout::dropout }

    /// Standard normal numbers from the words of the stream `key`. Number i does not depend on how
    /// many are drawn.
    fn normal(key: Key, y: &mut [Self])
        { Memory, Floats(y.len()) => normal::normal }

    /// x <- dropout(leaky_relu(x + bias)), each part optional, with the same bits as the separate
    /// kernels. The bias is paired with each consecutive row of x of its length.
    fn bias_act(settings: BiasActivation, bias: Option<&[Self]>, x: &mut [Self])
        { Memory, Floats(2 * x.len()) => bias_act::bias_act }

    /// The gradients of [`bias_act`](Element::bias_act) for an incoming gy: writes gx, and gbias if
    /// requested, with the same bits as the separate kernels. `y` is the value; it is only read if
    /// there is a slope, and may be empty otherwise.
    fn bias_act_grad(
        settings: BiasActivation,
        y: &[Self],
        gy: &[Self],
        gx: &mut [Self],
        gbias: Option<&mut [Self]>,
    ) { Memory, Floats(3 * gx.len()) => bias_act::bias_act_grad }

    /// The number of elements that are infinite or NaN.
    fn count_non_finite(x: &[Self]) -> usize
        { Memory, Floats(x.len()) => elementwise::count_non_finite }
}
