//! `mul`: the elementwise product of two tensors.
//!
//! y = a b: dy/da = b, dy/db = a. It saves each factor that the other one's gradient needs.

use core::ops;

use kernels::{Binary, Element};

use crate::ops::{Domain, Entry, broadcast_to, broadcasting};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "mul",
    idea: "The product; each factor's slope is the other factor.",
    forward: "y = a * b",
    rule: "ga = b * gy, gb = a * gy (summed over repeated axes)",
    derivation: &[
        "moving a by d moves y = a * b by b * d: dy/da = b",
        "the same for b: dy/db = a",
        "so ga = b * gy and gb = a * gy; what was repeated is summed",
    ],
    saved: "b for the gradient with respect to a, a for that with respect to b; only what is needed",
    shape: "a and b broadcast: aligned at the last axis, an axis of length 1 (or missing) repeats",
    cost: "one product per element forward, one backward for each factor",
    chapter: "c05_tensors",
    file: file!(),
    cases: || broadcasting(Domain::Any, |a, b| a * b),
};

struct Mul;

/// a * b, elementwise, with broadcasting: aligned at the last axis, axes of length 1 and missing
/// axes are repeated.
///
/// # Panics
/// When the shapes are not compatible.
impl<T: Element> ops::Mul for &Var<T> {
    type Output = Var<T>;

    #[track_caller]
    fn mul(self, other: Self) -> Var<T> {
        broadcast_to::pairwise(Mul, Binary::Mul, self, other)
    }
}

impl<T: Element> Op<T> for Mul {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, tracked: &[bool]) -> Saves {
        Saves::input(1).when(tracked[0]).and(Saves::input(0).when(tracked[1]))
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `ga = b * gy, gb = a * gy (summed over repeated axes)`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let [a, b] = [call.input_shape(0), call.input_shape(1)];
        vec![
            call.wants(0).then(|| (gy * &call.input(1)).sum_to(a)),
            call.wants(1).then(|| (gy * &call.input(0)).sum_to(b)),
        ]
    }
}

impl Replay for Mul {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        &inputs[0] * &inputs[1]
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }
}
