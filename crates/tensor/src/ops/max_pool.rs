//! `max_pool`: the maximum over blocks of pixels.
//!
//! y(n, y, x, c) = the largest number of x over the block, per channel. A small change of x does
//! not change which one is the largest, so y gathers elements of x: dy/dx = 1 at the index of the
//! largest, 0 elsewhere (the first of equal numbers, as in PyTorch). The gradient is scattered to
//! the same indices ([`scatter`](SCATTER_ENTRY)), and the gradient of that gathers from them again.
//! Both are linear, so no second derivative reaches x. Only the indices are saved.

use std::sync::Arc;

use kernels::{Element, UpsampleGeometry};

use crate::arithmetic::ElementContext;
use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "max_pool",
    idea: "The largest number of each block of pixels.",
    forward: "y(n,y,x,c) = max over the block of x",
    rule: "gx = scatter(gy): to the index of the largest, 0 elsewhere",
    derivation: &[
        "y is one of the numbers of its block: the largest",
        "moving that one moves y by as much: the slope is 1",
        "moving another a little does not change which is largest: the slope is 0",
        "so gy goes to the index of the largest, and 0 to the others",
    ],
    saved: "the index of the largest number of each block",
    shape: "(n, h, w, c) to (n, h / size, w / size, c)",
    cost: "one comparison per element of x forward; backward one move per element of y",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || cases(UpsampleGeometry::large_shape, |g, _, x| x.max_pool(g.factor)),
};

/// The entry of the derivative, which is an op of its own.
pub const SCATTER_ENTRY: Entry = Entry {
    name: "scatter",
    idea: "The backward pass of max_pool.",
    forward: "gx = g at the chosen index of each block, 0 elsewhere",
    rule: "gg = gy at the chosen indices; no gradient for x",
    derivation: &[
        "for fixed indices, gx(index) = g: each g is moved, and the rest is 0",
        "so the gradient with respect to g is gathered from the same indices",
        "a small change of x does not change the indices: x gets no gradient",
    ],
    saved: "the indices, as part of the op",
    shape: "(n, h / size, w / size, c) to (n, h, w, c)",
    cost: "one move per element of g in both directions",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || cases(UpsampleGeometry::small_shape, |g, choice, x| choice(g).scatter(x)),
};

/// Chooses from other images.
type Other = fn(UpsampleGeometry) -> Choice;

fn cases(
    shape: fn(&UpsampleGeometry) -> [usize; 4],
    apply: fn(UpsampleGeometry, Other, &Var<f64>) -> Var<f64>,
) -> Vec<Case> {
    let smalls = [[1, 1, 1, 1], [1, 2, 3, 1], [2, 3, 2, 2], [1, 1, 5, 2], [3, 2, 2, 1], [1, 3, 1, 3]];
    let factors = [[2, 2], [1, 1], [2, 3], [3, 1]];
    let geometries = smalls.into_iter().flat_map(|[batch, h, w, channels]| {
        factors.map(|factor| UpsampleGeometry { batch, input: [h, w], channels, factor })
    });
    let other: Other = |g| Choice::of(g, &apart(&g.large_shape(), 7)).0;
    let case = |g: UpsampleGeometry| {
        let inputs = vec![apart(&shape(&g), 1)];
        Case::new(format!("{:?} times {:?}", g.small_shape(), g.factor), inputs, move |v| apply(g, other, &v[0]))
    };
    geometries.map(case).collect()
}

/// Numbers in random order that differ so much that a small change does not change which one is the
/// largest.
fn apart(shape: &[usize], seed: u32) -> Tensor<f64> {
    let drawn = sample(Domain::Any, seed, shape);
    let rank = |i: usize| drawn.data().iter().filter(|x| **x < drawn.data()[i]).count() as f64;
    Tensor::from_fn(shape, |i| 4.0 * rank(i) / drawn.size() as f64 - 2.0)
}

/// The index of the largest element of each block.
#[derive(Clone)]
struct Choice {
    g: UpsampleGeometry,
    indices: Arc<[u32]>,
}

struct MaxPool {
    choice: Choice,
    /// Whether the choice was made from the op's own input, rather than from other images.
    of_input: bool,
}

struct Scatter(Choice);

impl Choice {
    /// The choice of the images `x`, and the chosen numbers.
    fn of<T: Element>(g: UpsampleGeometry, x: &Tensor<T>) -> (Self, Tensor<T>) {
        let mut indices = vec![0; if x.is_meta() { 0 } else { g.small_shape().iter().product() }];
        let y = Tensor::written(g.small_shape(), |y| T::max_pool(&g, x.data(), y, &mut indices));
        (Self { g, indices: indices.into() }, y)
    }

    /// The choice for the first `batch` images.
    fn first(&self, batch: usize) -> Self {
        let g = UpsampleGeometry { batch, ..self.g };
        let indices = &self.indices[..g.small_shape().iter().product()];
        Self { g, indices: indices.into() }
    }

    #[track_caller]
    fn gather<T: Element>(&self, x: &Var<T>) -> Var<T> {
        let y = Tensor::written(self.g.small_shape(), |y| T::gather(&self.g, &self.indices, x.value().data(), y));
        Var::record(MaxPool { choice: self.clone(), of_input: false }, &[x], y)
    }

    #[track_caller]
    fn scatter<T: Element>(&self, y: &Var<T>) -> Var<T> {
        let x = Tensor::written(self.g.large_shape(), |x| T::scatter(&self.g, &self.indices, y.value().data(), x));
        Var::record(Scatter(self.clone()), &[y], x)
    }
}

impl<T: Element> Var<T> {
    /// The maximum of each channel over blocks of `size` (height, width) pixels of images (n, h, w,
    /// c): (n, h / height, w / width, c).
    ///
    /// # Panics
    /// When `self` does not have the shape of images, or they cannot be divided into such blocks.
    #[track_caller]
    pub fn max_pool(&self, size: [usize; 2]) -> Self {
        let &[batch, h, w, channels] = &**self.shape() else {
            panic!("max_pool: {} is not (n, h, w, c)", self.shape())
        };
        let whole = h.is_multiple_of(size[0]) && w.is_multiple_of(size[1]);
        assert!(whole, "max_pool: {h}x{w} pixels are not whole blocks of {size:?}");
        let g = UpsampleGeometry { batch, input: [h / size[0], w / size[1]], channels, factor: size };
        let (choice, y) = Choice::of(g, self.value());
        Self::record(MaxPool { choice, of_input: true }, &[self], y)
    }
}

/// The elements of the block from which element `at` of the maxima is chosen.
fn block_of(g: &UpsampleGeometry, at: usize) -> impl Iterator<Item = usize> {
    let ([_, h, w, channels], [down, across]) = (g.small_shape(), g.factor);
    let (channel, x, y, image) = (at % channels, at / channels % w, at / channels / w % h, at / channels / w / h);
    let pixel = move |r, s| ((image * h * down + y * down + r) * w * across + x * across + s) * channels + channel;
    (0..down).flat_map(move |r| (0..across).map(move |s| pixel(r, s)))
}

impl<T: Element> Op<T> for MaxPool {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("{}x{}", self.choice.g.factor[0], self.choice.g.factor[1])
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = scatter(gy): to the index of the largest, 0 elsewhere`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(self.choice.scatter(gy))]
    }
}

impl Replay for MaxPool {
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64> {
        if self.of_input {
            inputs[0].max_pool(self.choice.g.factor)
        } else {
            self.choice.first(shape[0]).gather(&inputs[0])
        }
    }

    fn rows(&self) -> Rows {
        Rows::First
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        let block: Vec<_> = block_of(&self.choice.g, at.at).map(|i| at.n(at.inputs[0].data()[i])).collect();
        self.of_input.then(|| format!("max({})", block.join(", ")))
    }
}

impl<T: Element> Op<T> for Scatter {
    fn name(&self) -> &'static str {
        SCATTER_ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("{}x{}", self.0.g.factor[0], self.0.g.factor[1])
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gg = gy at the chosen indices; no gradient for x`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(self.0.gather(gy))]
    }
}

impl Replay for Scatter {
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64> {
        self.0.first(shape[0]).scatter(&inputs[0])
    }

    fn rows(&self) -> Rows {
        Rows::First
    }
}
