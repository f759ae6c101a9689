//! `conv2d`, its input gradient and its weight gradient: three ops that are closed under
//! differentiation.
//!
//! The number T(x, w, g) = <conv(x, w), g> is linear in each of x, w and g. Its three partial
//! derivatives are
//!
//! * with respect to g: conv(x, w), the convolution (`conv2d`);
//! * with respect to x: the transposed convolution of g (`conv2d_input_grad`);
//! * with respect to w: the correlation of x and g (`conv2d_weight_grad`).
//!
//! The derivative of any of the three with respect to one of its two arguments is another of the
//! three. So six rules, two per op, close the family at every order, and three kernels compute it.
//! Each op saves an argument if the gradient of the other one needs it.

use kernels::{ConvGeometry, Convolution, Element, Padding, Precision, TransposedPadding};

use crate::meta;
use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The entry of the convolution.
pub const ENTRY: Entry = Entry {
    name: "conv2d",
    idea: "A small window of weights slides over an image.",
    forward: "y(n,oy,ox,o) = sum over ky,kx,i of x(n, oy*s-p+ky, ox*s-p+kx, i) * w(ky,kx,i,o)",
    rule: "gx = conv2d_input_grad(gy, w), gw = conv2d_weight_grad(x, gy)",
    derivation: &[
        "T(x, w, g) = sum of y * g = <conv(x, w), g> is linear in x, w and g",
        "the gradient of x is the derivative of T(x, w, gy) with respect to x:",
        "each x(n,y,x,i) is multiplied by gy(n,oy,ox,o) and by the tap w(ky,kx,i,o)",
        "of every window that covers it: gx = conv2d_input_grad(gy, w)",
        "each tap of w is used in all windows: gw = conv2d_weight_grad(x, gy)",
    ],
    saved: "w for the gradient with respect to x, x for that with respect to w; only what is needed",
    shape: "x (n, h, w, in), w (kh, kw, in, out) to y (n, oh, ow, out), oh = (h + padding - kh) / stride + 1",
    cost: "n * oh * ow * kh * kw * in * out multiply-adds forward; the same again backward for each of gx and gw",
    chapter: "c08_convolution",
    file: file!(),
    cases: || cases(|g| [g.x_shape(), g.w_shape()], |g, a, b| a.conv2d_with(b, g)),
};

/// The entry of the input gradient.
pub const INPUT_GRAD_ENTRY: Entry = Entry {
    name: "conv2d_input_grad",
    idea: "The input gradient of the convolution: a transposed convolution.",
    forward: "gx(n,y,x,i) = sum of gy(n,oy,ox,o) * w(ky,kx,i,o) over all taps that read (y,x)",
    rule: "for the cotangent v: ggy = conv2d(v, w), gw = conv2d_weight_grad(v, gy)",
    derivation: &[
        "T(x, w, g) = <conv(x, w), g>; this op is its derivative with respect to x",
        "for a cotangent v, <v, gx> = T(v, w, g), which is linear in w and g",
        "gradient of g: conv2d(v, w); gradient of w: conv2d_weight_grad(v, g)",
    ],
    saved: "w for the gradient with respect to gy, gy for that with respect to w; only what is needed",
    shape: "gy (n, oh, ow, out), w (kh, kw, in, out) to gx (n, h, w, in)",
    cost: "as many multiply-adds as the convolution, in each direction",
    chapter: "c08_convolution",
    file: file!(),
    cases: || cases(|g| [g.y_shape(), g.w_shape()], |g, a, b| a.conv2d_input_grad(b, g)),
};

/// The entry of the weight gradient.
pub const WEIGHT_GRAD_ENTRY: Entry = Entry {
    name: "conv2d_weight_grad",
    idea: "The weight gradient of the convolution: the image correlated with the gradient.",
    forward: "gw(ky,kx,i,o) = sum over n,oy,ox of x(n, oy*s-p+ky, ox*s-p+kx, i) * gy(n,oy,ox,o)",
    rule: "for the cotangent v: gx = conv2d_input_grad(gy, v), ggy = conv2d(x, v)",
    derivation: &[
        "T(x, w, g) = <conv(x, w), g>; this op is its derivative with respect to w",
        "for a cotangent v, <v, gw> = T(x, v, g), which is linear in x and g",
        "with respect to x: conv2d_input_grad(g, v); with respect to g: conv2d(x, v)",
    ],
    saved: "gy for the gradient with respect to x, x for that with respect to gy; only what is needed",
    shape: "x (n, h, w, in), gy (n, oh, ow, out) to gw (kh, kw, in, out)",
    cost: "as many multiply-adds as the convolution, in each direction",
    chapter: "c08_convolution",
    file: file!(),
    cases: || cases(|g| [g.x_shape(), g.y_shape()], |g, a, b| a.conv2d_weight_grad(b, g)),
};

/// Geometries of every kind: one pixel, H != W, kh != kw, strides, all paddings, batch 1,
/// transposed.
pub(crate) fn geometries() -> Vec<ConvGeometry> {
    use Padding::{Explicit, Same, Valid};
    let list = [
        ([1, 1, 1, 1], [1, 1], 1, [1, 1], Valid),
        ([1, 3, 3, 1], [3, 3], 1, [1, 1], Same),
        ([2, 4, 5, 2], [3, 2], 3, [1, 1], Same),
        ([1, 5, 4, 3], [2, 3], 2, [1, 1], Valid),
        ([3, 7, 7, 1], [5, 5], 2, [2, 2], Same),
        ([1, 7, 5, 2], [5, 3], 1, [2, 1], Same),
        ([2, 6, 7, 1], [4, 4], 2, [2, 2], Explicit([1, 1, 1, 1])),
        ([1, 6, 5, 2], [3, 3], 2, [2, 2], Explicit([0, 1, 1, 0])),
        ([1, 2, 3, 1], [5, 5], 2, [1, 1], Same),
        ([2, 3, 2, 2], [1, 1], 3, [1, 1], Same),
        ([1, 5, 5, 1], [1, 1], 2, [2, 2], Valid),
        ([1, 8, 3, 1], [3, 1], 1, [3, 1], Valid),
        ([1, 3, 8, 1], [1, 3], 1, [1, 3], Same),
        ([2, 5, 3, 1], [2, 2], 1, [3, 2], Same),
        ([1, 4, 4, 5], [3, 3], 1, [1, 1], Same),
        ([1, 4, 4, 1], [3, 3], 7, [1, 1], Same),
        ([1, 9, 4, 1], [4, 2], 2, [3, 2], Explicit([2, 1, 0, 1])),
        ([5, 2, 2, 1], [2, 2], 1, [1, 1], Valid),
    ];
    let plain = list.map(|(x, kernel, out, stride, padding)| ConvGeometry::new(x, kernel, out, stride, padding));
    let torch = TransposedPadding::Explicit { padding: [1, 1], output_padding: [1, 0] };
    let transposed = [
        ([1, 3, 4, 2], [5, 5], 1, [1, 1], TransposedPadding::Same),
        ([2, 2, 3, 1], [4, 3], 2, [2, 2], TransposedPadding::Same),
        ([1, 2, 2, 2], [5, 4], 1, [2, 3], TransposedPadding::Valid),
        ([1, 3, 2, 1], [3, 4], 2, [2, 2], torch),
    ]
    .map(|(x, kernel, out, stride, padding)| ConvGeometry::transposed(x, kernel, out, stride, padding));
    plain.into_iter().chain(transposed).map(|g| g.expect("a possible geometry")).collect()
}

fn cases(
    shapes: fn(&ConvGeometry) -> [[usize; 4]; 2],
    apply: fn(ConvGeometry, &Var<f64>, &Var<f64>) -> Var<f64>,
) -> Vec<Case> {
    let case = |g: ConvGeometry| {
        let inputs = shapes(&g).iter().zip(1..).map(|(shape, seed)| sample(Domain::Any, seed, shape)).collect();
        Case::new(describe(&g), inputs, move |v| apply(g, &v[0], &v[1]))
    };
    geometries().into_iter().map(case).collect()
}

fn describe(g: &ConvGeometry) -> String {
    let [x, k, s, p, y] = [g.input, g.kernel, g.stride, g.pad, g.output].map(|[a, b]| format!("{a}x{b}"));
    format!("{x}x{} to {y}x{}, kernel {k}, stride {s}, pad {p}", g.in_channels, g.out_channels)
}

#[derive(Clone, Copy)]
enum Member {
    Forward,
    InputGrad,
    WeightGrad,
}

/// A member of the family: one of the three, with the geometry.
struct Conv2d {
    member: Member,
    geometry: ConvGeometry,
}

#[track_caller]
fn expect_shape<T: Element>(op: &str, what: &str, var: &Var<T>, wanted: [usize; 4], g: &ConvGeometry) {
    assert!(**var.shape() == wanted, "{op}: {what} has shape {}, not {wanted:?} ({})", var.shape(), describe(g));
}

impl<T: Element> Var<T> {
    /// The convolution of images `self`, (n, h, w, in), with `weight`, (kh, kw, in, out): (n, oh,
    /// ow, out).
    ///
    /// # Panics
    /// When the shapes do not fit each other, or the kernel is larger than the padded image.
    #[track_caller]
    pub fn conv2d(&self, weight: &Self, stride: [usize; 2], padding: Padding) -> Self {
        self.conv2d_in(Precision::F32, weight, stride, padding)
    }

    /// As [`conv2d`](Var::conv2d), in this precision. So are all products of its gradients.
    ///
    /// # Panics
    /// When the shapes do not fit each other, or the kernel is larger than the padded image.
    #[track_caller]
    pub fn conv2d_in(&self, precision: Precision, weight: &Self, stride: [usize; 2], padding: Padding) -> Self {
        let (&[n, h, w, channels], &[kh, kw, input, out]) = (&**self.shape(), &**weight.shape()) else {
            panic!("conv2d: images {} and weight {} must have 4 axes each", self.shape(), weight.shape())
        };
        assert!(
            channels == input,
            "conv2d: images {} have {channels} channels, but the weight {} reads {input}",
            self.shape(),
            weight.shape()
        );
        let g = ConvGeometry::new([n, h, w, channels], [kh, kw], out, stride, padding);
        let g = g.unwrap_or_else(|why| panic!("conv2d: {why} (images {})", self.shape()));
        self.conv2d_with(weight, g.with_precision(precision))
    }

    /// The transposed convolution of images `self`, (n, h, w, in), with `weight`, (kh, kw, out,
    /// in): (n, oh, ow, out).
    ///
    /// # Panics
    /// When the shapes do not fit each other, or the output would be empty.
    #[track_caller]
    pub fn conv_transpose2d(&self, weight: &Self, stride: [usize; 2], padding: TransposedPadding) -> Self {
        self.conv_transpose2d_in(Precision::F32, weight, stride, padding)
    }

    /// As [`conv_transpose2d`](Var::conv_transpose2d), in this precision. So are all products of
    /// its gradients.
    ///
    /// # Panics
    /// When the shapes do not fit each other, or the output would be empty.
    #[track_caller]
    pub fn conv_transpose2d_in(
        &self,
        precision: Precision,
        weight: &Self,
        stride: [usize; 2],
        padding: TransposedPadding,
    ) -> Self {
        let (&[n, h, w, channels], &[kh, kw, out, input]) = (&**self.shape(), &**weight.shape()) else {
            panic!("conv_transpose2d: images {} and weight {} must have 4 axes each", self.shape(), weight.shape())
        };
        assert!(
            channels == input,
            "conv_transpose2d: images {} have {channels} channels, but the weight {} reads {input}",
            self.shape(),
            weight.shape()
        );
        let g = ConvGeometry::transposed([n, h, w, channels], [kh, kw], out, stride, padding);
        let g = g.unwrap_or_else(|why| panic!("conv_transpose2d: {why} (images {})", self.shape()));
        self.conv2d_input_grad(weight, g.with_precision(precision))
    }

    /// [`conv2d`](Var::conv2d) with a geometry that is already known.
    ///
    /// # Panics
    /// When the shapes are not those of the geometry.
    #[track_caller]
    pub fn conv2d_with(&self, weight: &Self, g: ConvGeometry) -> Self {
        expect_shape("conv2d", "the image", self, g.x_shape(), &g);
        expect_shape("conv2d", "the weight", weight, g.w_shape(), &g);
        meta::convolve::<T>(Convolution::Forward, &g);
        let y = Tensor::written(g.y_shape(), |y| T::conv2d(&g, self.value().data(), weight.value().data(), y));
        Self::record(Conv2d { member: Member::Forward, geometry: g }, &[self, weight], y)
    }

    /// The gradient of a convolution with `weight`, (kh, kw, in, out), with respect to its images:
    /// (n, h, w, in), where `self`, (n, oh, ow, out), is the gradient with respect to its value.
    ///
    /// # Panics
    /// When the shapes are not those of the geometry.
    #[track_caller]
    pub fn conv2d_input_grad(&self, weight: &Self, g: ConvGeometry) -> Self {
        expect_shape("conv2d_input_grad", "the gradient", self, g.y_shape(), &g);
        expect_shape("conv2d_input_grad", "the weight", weight, g.w_shape(), &g);
        let (gy, w) = (self.value(), weight.value());
        meta::convolve::<T>(Convolution::InputGrad, &g);
        let gx = Tensor::written(g.x_shape(), |gx| T::conv2d_input_grad(&g, gy.data(), w.data(), gx));
        Self::record(Conv2d { member: Member::InputGrad, geometry: g }, &[self, weight], gx)
    }

    /// The gradient of a convolution of the images `self`, (n, h, w, in), with respect to its
    /// weight: (kh, kw, in, out), where `gy`, (n, oh, ow, out), is the gradient with respect to its
    /// value.
    ///
    /// # Panics
    /// When the shapes are not those of the geometry.
    #[track_caller]
    pub fn conv2d_weight_grad(&self, gy: &Self, g: ConvGeometry) -> Self {
        expect_shape("conv2d_weight_grad", "the image", self, g.x_shape(), &g);
        expect_shape("conv2d_weight_grad", "the gradient", gy, g.y_shape(), &g);
        let (x, gradient) = (self.value(), gy.value());
        meta::convolve::<T>(Convolution::WeightGrad, &g);
        let gw = Tensor::written(g.w_shape(), |gw| T::conv2d_weight_grad(&g, x.data(), gradient.data(), gw));
        Self::record(Conv2d { member: Member::WeightGrad, geometry: g }, &[self, gy], gw)
    }
}

impl<T: Element> Op<T> for Conv2d {
    fn name(&self) -> &'static str {
        match self.member {
            Member::Forward => ENTRY.name,
            Member::InputGrad => INPUT_GRAD_ENTRY.name,
            Member::WeightGrad => WEIGHT_GRAD_ENTRY.name,
        }
    }

    fn attributes(&self) -> String {
        let [k, s, p] =
            [self.geometry.kernel, self.geometry.stride, self.geometry.pad].map(|[a, b]| format!("{a}x{b}"));
        let precision = if self.geometry.precision == Precision::F32 { "" } else { " bf16" };
        format!("{k} stride {s} pad {p}{precision}")
    }

    fn saves(&self, tracked: &[bool]) -> Saves {
        Saves::input(1).when(tracked[0]).and(Saves::input(0).when(tracked[1]))
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// * conv2d: `gx = conv2d_input_grad(gy, w), gw = conv2d_weight_grad(x, gy)`
    /// * conv2d_input_grad: `for the cotangent v: ggy = conv2d(v, w), gw = conv2d_weight_grad(v,
    ///   gy)`
    /// * conv2d_weight_grad: `for the cotangent v: gx = conv2d_input_grad(gy, v), ggy = conv2d(x,
    ///   v)`
    fn vjp(&self, call: &Call<T>, v: &Var<T>) -> Vec<Option<Var<T>>> {
        let g = self.geometry;
        let (a, b) = (|| call.input(0), || call.input(1));
        let first = || match self.member {
            Member::Forward => v.conv2d_input_grad(&b(), g),
            Member::InputGrad => v.conv2d_with(&b(), g),
            Member::WeightGrad => b().conv2d_input_grad(v, g),
        };
        let second = || match self.member {
            Member::Forward => a().conv2d_weight_grad(v, g),
            Member::InputGrad => v.conv2d_weight_grad(&a(), g),
            Member::WeightGrad => a().conv2d_with(v, g),
        };
        vec![call.wants(0).then(first), call.wants(1).then(second)]
    }
}

impl Replay for Conv2d {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        let [a, b] = [&inputs[0], &inputs[1]];
        // Checks and explanations compare with the exact value.
        let g = ConvGeometry { batch: a.shape()[0], precision: Precision::F32, ..self.geometry };
        match self.member {
            Member::Forward => a.conv2d_with(b, g),
            Member::InputGrad => a.conv2d_input_grad(b, g),
            Member::WeightGrad => a.conv2d_weight_grad(b, g),
        }
    }

    fn rows(&self) -> Rows {
        if let Member::WeightGrad = self.member { Rows::Whole } else { Rows::First }
    }
}
