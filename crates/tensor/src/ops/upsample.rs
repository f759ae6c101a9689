//! `upsample` and `downsample_sum`: every pixel becomes a block of equal pixels; every block is
//! summed into one pixel.
//!
//! y(n, y, x, c) = x(n, y / fy, x / fx, c), rounded down. The gradient of a pixel is the sum over
//! its block: the two ops are adjoint, so each is the other's rule. Nothing is saved.

use kernels::{Element, UpsampleGeometry};

use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The entry of up-sampling.
pub const ENTRY: Entry = Entry {
    name: "upsample",
    idea: "Every pixel becomes a block of equal pixels.",
    forward: "y(n,y,x,c) = x(n, y/fy, x/fx, c)",
    rule: "gx = downsample_sum(gy): the sum over each block",
    derivation: &[
        "a pixel of x is copied into a block of fy * fx pixels of y",
        "moving it by d moves all of them by d",
        "so its gradient is the sum over the block",
    ],
    saved: "nothing: the factor is an attribute",
    shape: "(n, h, w, c) to (n, h * fy, w * fx, c)",
    cost: "one copy per element of y forward, one addition backward",
    chapter: "c08_convolution",
    file: file!(),
    cases: || cases(UpsampleGeometry::small_shape, |g, x| x.upsample(g.factor)),
};

/// The entry of its adjoint.
pub const SUM_ENTRY: Entry = Entry {
    name: "downsample_sum",
    idea: "Every block of pixels is summed into one.",
    forward: "y(n,y,x,c) = sum over the block of x",
    rule: "gx = upsample(gy): each pixel of the block gets the sum's gradient",
    derivation: &[
        "a pixel of y is the sum of a block: each pixel of x counts once",
        "so each gets a copy of its block's gradient: upsample(gy)",
    ],
    saved: "nothing: the factor is an attribute",
    shape: "(n, h * fy, w * fx, c) to (n, h, w, c)",
    cost: "one addition per element of x forward, one copy backward",
    chapter: "c08_convolution",
    file: file!(),
    cases: || cases(UpsampleGeometry::large_shape, |g, x| x.downsample_sum(g.factor)),
};

fn cases(shape: fn(&UpsampleGeometry) -> [usize; 4], apply: fn(UpsampleGeometry, &Var<f64>) -> Var<f64>) -> Vec<Case> {
    let smalls = [[1, 1, 1, 1], [1, 2, 3, 1], [2, 3, 2, 5], [1, 1, 7, 2], [3, 2, 2, 1], [1, 5, 1, 3]];
    let factors = [[2, 2], [1, 1], [2, 3], [5, 1]];
    let geometries = smalls.into_iter().flat_map(|[batch, h, w, channels]| {
        factors.map(|factor| UpsampleGeometry { batch, input: [h, w], channels, factor })
    });
    let case = |g: UpsampleGeometry| {
        let inputs = vec![sample(Domain::Any, 1, &shape(&g))];
        Case::new(format!("{:?} times {:?}", g.small_shape(), g.factor), inputs, move |v| apply(g, &v[0]))
    };
    geometries.map(case).collect()
}

struct Upsample([usize; 2]);
struct DownsampleSum([usize; 2]);

impl<T: Element> Var<T> {
    /// Nearest-neighbour up-sampling of images (n, h, w, c) by `factor` (height, width): (n, h *
    /// height, w * width, c).
    ///
    /// # Panics
    /// When `self` does not have the shape of images.
    #[track_caller]
    pub fn upsample(&self, factor: [usize; 2]) -> Self {
        let &[batch, h, w, channels] = &**self.shape() else {
            panic!("upsample: {} is not (n, h, w, c)", self.shape())
        };
        let g = UpsampleGeometry { batch, input: [h, w], channels, factor };
        let y = Tensor::written(g.large_shape(), |y| T::upsample(&g, self.value().data(), y));
        Self::record(Upsample(factor), &[self], y)
    }

    /// The sum over each block of `factor` (height, width) pixels of images (n, h, w, c): (n, h /
    /// height, w / width, c).
    ///
    /// # Panics
    /// When `self` does not have the shape of images, or they cannot be divided into such blocks.
    #[track_caller]
    pub fn downsample_sum(&self, factor: [usize; 2]) -> Self {
        let &[batch, h, w, channels] = &**self.shape() else {
            panic!("downsample_sum: {} is not (n, h, w, c)", self.shape())
        };
        let whole = h.is_multiple_of(factor[0]) && w.is_multiple_of(factor[1]);
        assert!(whole, "downsample_sum: {h}x{w} pixels are not whole blocks of {factor:?}");
        let g = UpsampleGeometry { batch, input: [h / factor[0], w / factor[1]], channels, factor };
        let y = Tensor::written(g.small_shape(), |y| T::downsample_sum(&g, self.value().data(), y));
        Self::record(DownsampleSum(factor), &[self], y)
    }
}

impl<T: Element> Op<T> for Upsample {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("{}x{}", self.0[0], self.0[1])
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = downsample_sum(gy): the sum over each block`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy.downsample_sum(self.0))]
    }
}

impl Replay for Upsample {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].upsample(self.0)
    }

    fn rows(&self) -> Rows {
        Rows::First
    }
}

impl<T: Element> Op<T> for DownsampleSum {
    fn name(&self) -> &'static str {
        SUM_ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("{}x{}", self.0[0], self.0[1])
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = upsample(gy): each pixel of the block gets the sum's gradient`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy.upsample(self.0))]
    }
}

impl Replay for DownsampleSum {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].downsample_sum(self.0)
    }

    fn rows(&self) -> Rows {
        Rows::First
    }
}
