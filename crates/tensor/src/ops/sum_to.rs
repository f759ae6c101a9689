//! `sum_to`: sums over axes; every reduction goes through it.
//!
//! y is the sum over the axes along which y would be broadcast to the shape of x. Each element of x
//! counts once, so its gradient is a copy of y's: the adjoint of summing is broadcasting
//! ([`broadcast_to`](super::broadcast_to)). Nothing is saved.

use kernels::Element;

use crate::ops::{Entry, repeated_shapes};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "sum_to",
    idea: "Sums over axes.",
    forward: "y[j] = sum over i of x[i, j]",
    rule: "gx[i, j] = gy[j]",
    derivation: &[
        "y[j] = x[0, j] + x[1, j] + ...: each x[i, j] counts once",
        "moving it by d moves y[j] by d: the slope is 1",
        "so each gets a copy: gx[i, j] = gy[j]",
    ],
    saved: "nothing",
    shape: "the target shape, repeated along some axes, is x's",
    cost: "one addition per element of x forward, one copy backward",
    chapter: "c06_broadcasting",
    file: file!(),
    cases: || repeated_shapes(|_, large| large, |x, small| x.sum_to(small)),
};

struct SumTo;

impl<T: Element> Var<T> {
    /// The sum over the axes along which a tensor of `shape` would be broadcast to this one's
    /// shape.
    ///
    /// # Panics
    /// When `shape` does not broadcast to this one.
    #[track_caller]
    pub fn sum_to(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        let Some(steps) = shape.repetitions(self.shape()) else {
            panic!(
                "sum_to: {shape} does not repeat to {}: aligned at the last axis, each length must be equal or 1",
                self.shape()
            )
        };
        if *self.shape() == shape {
            return self.clone();
        }
        let mut y = self.value().clone();
        for [outer, repeated, inner] in steps.into_iter().rev() {
            y = Tensor::written([outer, inner], |to| T::sum_axis([outer, repeated, inner], y.data(), to));
        }
        Self::record(SumTo, &[self], y.reshape(shape))
    }

    /// The sum of all elements, of shape `[]`.
    #[track_caller]
    pub fn sum(&self) -> Self {
        self.sum_to([])
    }

    /// The mean of all elements, of shape `[]`.
    #[track_caller]
    pub fn mean(&self) -> Self {
        self.mean_to([])
    }

    /// As [`sum_to`](Var::sum_to), divided by the number of elements in each sum.
    ///
    /// # Panics
    /// When `shape` does not broadcast to this one.
    #[track_caller]
    pub fn mean_to(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        self.sum_to(shape).scale(shape.size() as f64 / self.value().size() as f64)
    }
}

impl<T: Element> Op<T> for SumTo {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx[i, j] = gy[j]`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy.broadcast_to(call.input_shape(0)))]
    }
}

impl Replay for SumTo {
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64> {
        inputs[0].sum_to(shape)
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }
}
