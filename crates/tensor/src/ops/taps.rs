//! `spread_taps`, `fold_taps` and `turn_taps`: transformations of kernels, for convolutions of
//! up-sampled images.
//!
//! In a convolution of stride 1 of up-sampled images, each pixel of the small image is multiplied
//! by several adjacent taps: x * w1 + x * w2 = x * (w1 + w2). So the taps are summed first, and one
//! transposed convolution whose stride is the factor is applied to the small images. With 5 x 5
//! taps and blocks of 2 x 2 this takes 6 x 6 = 36 products per small pixel instead of 4 * 25 = 100,
//! and the large images are never computed.
//!
//! * `spread_taps` adds up the taps: ws(u, v) = sum over the block's (r, s) of w(u - r, v - s),
//!   where that tap exists.
//! * `fold_taps` is its adjoint: w(u, v) = sum over (r, s) of ws(u + r, v + s). Each of the two is
//!   the other's rule.
//! * `turn_taps` makes a convolution of stride 1 a transposed one: wt(u, v, b, a) = w(kh - 1 - u,
//!   kw - 1 - v, a, b). It is its own adjoint.
//!
//! All are linear, so nothing is saved.

use kernels::{ConvGeometry, Element, Padding, Precision, TapsGeometry, TransposedPadding};

use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Saves, Tensor, Var};

/// The entry of the spreading.
pub const SPREAD_ENTRY: Entry = Entry {
    name: "spread_taps",
    idea: "Adds up the taps that read the same block of equal pixels.",
    forward: "y(u,v,a,b) = sum over r < fy, s < fx of w(u-r, v-s, a, b)",
    rule: "gw = fold_taps(gy): each tap gets the gradients of all that it was added to",
    derivation: &[
        "each tap of w is added into fy * fx taps of y",
        "its gradient is the sum of theirs: gw(u,v) = sum of gy(u+r, v+s)",
        "that is fold_taps(gy)",
    ],
    saved: "nothing: it is linear, and the factor is an attribute",
    shape: "(kh, kw, a, b) to (kh + fy - 1, kw + fx - 1, a, b)",
    cost: "fy * fx additions per tap, in both directions",
    chapter: "c08_convolution",
    file: file!(),
    cases: || cases(TapsGeometry::shape, |g, w| w.spread_taps(g.factor)),
};

/// The entry of its adjoint.
pub const FOLD_ENTRY: Entry = Entry {
    name: "fold_taps",
    idea: "The adjoint of spread_taps: every tap is the sum over a block of taps.",
    forward: "y(u,v,a,b) = sum over r < fy, s < fx of w(u+r, v+s, a, b)",
    rule: "gw = spread_taps(gy)",
    derivation: &[
        "each tap of w is added into up to fy * fx taps of y",
        "its gradient is the sum of theirs: gw(u,v) = sum of gy(u-r, v-s)",
        "that is spread_taps(gy): the two are each other's adjoint",
    ],
    saved: "nothing: it is linear, and the factor is an attribute",
    shape: "(kh + fy - 1, kw + fx - 1, a, b) to (kh, kw, a, b)",
    cost: "fy * fx additions per tap, in both directions",
    chapter: "c08_convolution",
    file: file!(),
    cases: || cases(TapsGeometry::spread_shape, |g, w| w.fold_taps(g.factor)),
};

/// The entry of the turning.
pub const TURN_ENTRY: Entry = Entry {
    name: "turn_taps",
    idea: "Rotates a kernel by half a turn and exchanges its channels: turns a convolution of stride 1 into a transposed one.",
    forward: "y(u,v,b,a) = w(kh-1-u, kw-1-v, a, b)",
    rule: "gw = turn_taps(gy)",
    derivation: &[
        "every tap is moved to one new place, its channels exchanged",
        "so its gradient is moved back from there",
        "half a turn twice, and two exchanges, change nothing: gw = turn_taps(gy)",
    ],
    saved: "nothing",
    shape: "(kh, kw, a, b) to (kh, kw, b, a)",
    cost: "one move per tap, in both directions",
    chapter: "c08_convolution",
    file: file!(),
    cases: || cases(TapsGeometry::shape, |_, w| w.turn_taps()),
};

fn cases(shape: fn(&TapsGeometry) -> [usize; 4], apply: fn(TapsGeometry, &Var<f64>) -> Var<f64>) -> Vec<Case> {
    let kernels = [[1, 1, 1, 1], [1, 2, 3, 1], [5, 5, 2, 3], [3, 1, 1, 4], [2, 4, 2, 2]];
    let factors = [[2, 2], [1, 1], [2, 3], [5, 1]];
    let geometries = kernels
        .into_iter()
        .flat_map(|[kh, kw, a, b]| factors.map(|factor| TapsGeometry { kernel: [kh, kw], channels: [a, b], factor }));
    let case = |g: TapsGeometry| {
        let inputs = vec![sample(Domain::Any, 1, &shape(&g))];
        Case::new(format!("{:?} times {:?}", g.shape(), g.factor), inputs, move |v| apply(g, &v[0]))
    };
    geometries.map(case).collect()
}

/// The three maps; the first two with their factor.
enum Taps {
    Spread([usize; 2]),
    Fold([usize; 2]),
    Turn,
}

#[track_caller]
fn kernel_shape<T: Element>(op: &str, w: &Var<T>) -> [usize; 4] {
    (&**w.shape()).try_into().unwrap_or_else(|_| panic!("{op}: {} is not (kh, kw, a, b)", w.shape()))
}

/// The shapes of the up-sampled images and of the kernel, whose axis `input` is the one that reads
/// the images.
#[track_caller]
fn large_shapes<T: Element>(op: &str, x: &Var<T>, factor: [usize; 2], w: &Var<T>, input: usize) -> [[usize; 4]; 2] {
    let (&[n, h, width, channels], Ok(kernel)) = (&**x.shape(), <[usize; 4]>::try_from(&**w.shape())) else {
        panic!("{op}: images {} and weight {} must have 4 axes each", x.shape(), w.shape())
    };
    assert!(
        channels == kernel[input] && !factor.contains(&0),
        "{op}: images {} times {factor:?} have {channels} channels, but the weight {} reads {}",
        x.shape(),
        w.shape(),
        kernel[input]
    );
    [[n, h * factor[0], width * factor[1], channels], kernel]
}

impl<T: Element> Var<T> {
    /// The taps of the kernel `self`, (kh, kw, a, b), added up over blocks of `factor` pixels:
    /// (kh + fy - 1, kw + fx - 1, a, b).
    ///
    /// # Panics
    /// When `self` does not have the shape of a kernel, or a factor is 0.
    #[track_caller]
    pub fn spread_taps(&self, factor: [usize; 2]) -> Self {
        let [kh, kw, a, b] = kernel_shape("spread_taps", self);
        assert!(kh > 0 && kw > 0 && !factor.contains(&0), "spread_taps: {} over blocks of {factor:?}", self.shape());
        let g = TapsGeometry { kernel: [kh, kw], channels: [a, b], factor };
        let y = Tensor::written(g.spread_shape(), |y| T::spread_taps(&g, self.value().data(), y));
        Self::record(Taps::Spread(factor), &[self], y)
    }

    /// The adjoint of [`spread_taps`](Var::spread_taps): (kh + fy - 1, kw + fx - 1, a, b) to (kh,
    /// kw, a, b).
    ///
    /// # Panics
    /// When `self` does not have the shape of a kernel larger than a block, or a factor is 0.
    #[track_caller]
    pub fn fold_taps(&self, factor: [usize; 2]) -> Self {
        let [kh, kw, a, b] = kernel_shape("fold_taps", self);
        let fits = kh >= factor[0] && kw >= factor[1] && !factor.contains(&0);
        assert!(fits, "fold_taps: {} over blocks of {factor:?}", self.shape());
        let g = TapsGeometry { kernel: [kh + 1 - factor[0], kw + 1 - factor[1]], channels: [a, b], factor };
        let y = Tensor::written(g.shape(), |y| T::fold_taps(&g, self.value().data(), y));
        Self::record(Taps::Fold(factor), &[self], y)
    }

    /// The kernel `self`, (kh, kw, a, b), rotated by 180 degrees, with its channels exchanged: (kh,
    /// kw, b, a).
    ///
    /// # Panics
    /// When `self` does not have the shape of a kernel.
    #[track_caller]
    pub fn turn_taps(&self) -> Self {
        let [kh, kw, a, b] = kernel_shape("turn_taps", self);
        let g = TapsGeometry { kernel: [kh, kw], channels: [a, b], factor: [1, 1] };
        let y = Tensor::written([kh, kw, b, a], |y| T::turn_taps(&g, self.value().data(), y));
        Self::record(Taps::Turn, &[self], y)
    }

    /// `self.upsample(factor).conv_transpose2d_in(precision, weight, [1, 1], padding)`, up to
    /// rounding, without computing the large images.
    ///
    /// # Panics
    /// When the shapes do not fit each other, or the output would be empty.
    #[track_caller]
    pub fn upsample_conv_transpose2d(
        &self,
        precision: Precision,
        weight: &Self,
        factor: [usize; 2],
        padding: TransposedPadding,
    ) -> Self {
        let name = "upsample_conv_transpose2d";
        let [large, [kh, kw, out, _]] = large_shapes(name, self, factor, weight, 3);
        let g = ConvGeometry::transposed(large, [kh, kw], out, [1, 1], padding);
        let g = g.unwrap_or_else(|why| panic!("{name}: {why} (images {} times {factor:?})", self.shape()));
        self.conv2d_input_grad(&weight.spread_taps(factor), g.of_small_images(factor).with_precision(precision))
    }

    /// `self.upsample(factor).conv2d_in(precision, weight, [1, 1], padding)`, up to rounding,
    /// without computing the large images (unless an explicit padding is as wide as the kernel:
    /// then it is these two ops).
    ///
    /// # Panics
    /// When the shapes do not fit each other, or the kernel is larger than the padded image.
    #[track_caller]
    pub fn upsample_conv2d(&self, precision: Precision, weight: &Self, factor: [usize; 2], padding: Padding) -> Self {
        let name = "upsample_conv2d";
        let [large, [kh, kw, _, out]] = large_shapes(name, self, factor, weight, 2);
        let g = ConvGeometry::new(large, [kh, kw], out, [1, 1], padding);
        let g = g.unwrap_or_else(|why| panic!("{name}: {why} (images {} times {factor:?})", self.shape()));
        let g = g.with_precision(precision);
        match g.as_transposed() {
            Some(g) => self.conv2d_input_grad(&weight.turn_taps().spread_taps(factor), g.of_small_images(factor)),
            None => self.upsample(factor).conv2d_with(weight, g),
        }
    }
}

impl<T: Element> Op<T> for Taps {
    fn name(&self) -> &'static str {
        match self {
            Self::Spread(_) => SPREAD_ENTRY.name,
            Self::Fold(_) => FOLD_ENTRY.name,
            Self::Turn => TURN_ENTRY.name,
        }
    }

    fn attributes(&self) -> String {
        match self {
            Self::Spread([down, across]) | Self::Fold([down, across]) => format!("{down}x{across}"),
            Self::Turn => String::new(),
        }
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// * spread_taps: `gw = fold_taps(gy): each tap gets the gradients of all that it was added to`
    /// * fold_taps: `gw = spread_taps(gy)`
    /// * turn_taps: `gw = turn_taps(gy)`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(match *self {
            Self::Spread(factor) => gy.fold_taps(factor),
            Self::Fold(factor) => gy.spread_taps(factor),
            Self::Turn => gy.turn_taps(),
        })]
    }
}

impl Replay for Taps {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        match *self {
            Self::Spread(factor) => inputs[0].spread_taps(factor),
            Self::Fold(factor) => inputs[0].fold_taps(factor),
            Self::Turn => inputs[0].turn_taps(),
        }
    }
}
