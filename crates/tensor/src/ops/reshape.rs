//! `reshape`: the same elements in another shape.
//!
//! y = x with another shape; the gradient gets the shape of x. Nothing is saved, and nothing is
//! copied.

use kernels::Element;

use crate::ops::{Domain, Entry, elementwise};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "reshape",
    idea: "The same numbers in a different shape.",
    forward: "y = x",
    rule: "gx = gy in x's shape",
    derivation: &[
        "number i of y, in memory order, is number i of x: the slope is 1",
        "so gx is gy, seen in x's shape again",
    ],
    saved: "nothing",
    shape: "the two shapes have the same number of elements",
    cost: "none: the buffer is shared, in both directions",
    chapter: "c05_tensors",
    file: file!(),
    cases: || elementwise(Domain::Any, |x| x.reshape([x.value().size(), 1]).square()),
};

struct Reshape;

impl<T: Element> Var<T> {
    /// The same elements, in memory order, in another shape of the same size.
    ///
    /// # Panics
    /// When the sizes differ.
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Self {
        Self::record(Reshape, &[self], self.value().reshape(shape))
    }
}

impl<T: Element> Op<T> for Reshape {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = gy in x's shape`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy.reshape(call.input_shape(0)))]
    }
}

impl Replay for Reshape {
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64> {
        inputs[0].reshape(shape)
    }

    fn rows(&self) -> Rows {
        Rows::First
    }
}
