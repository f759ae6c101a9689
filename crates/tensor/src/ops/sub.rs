//! `sub`: the difference of two tensors.
//!
//! y = a - b: slopes 1 and -1. Nothing is saved.

use core::ops;

use kernels::{Binary, Element};

use crate::ops::{Domain, Entry, broadcast_to, broadcasting};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "sub",
    idea: "The difference; the gradient of the second input has the opposite sign.",
    forward: "y = a - b",
    rule: "ga = gy, gb = -gy (summed over repeated axes)",
    derivation: &[
        "y[i] = a[i] - b[i]: moving a[i] by d moves y[i] by d, moving b[i] by -d",
        "so ga = gy and gb = -gy; what was repeated is summed",
    ],
    saved: "nothing: the slopes are 1 and -1 whatever the numbers are",
    shape: "a and b broadcast: aligned at the last axis, an axis of length 1 (or missing) repeats",
    cost: "one subtraction per element forward; backward a change of sign, and the sum over what was repeated",
    chapter: "c06_broadcasting",
    file: file!(),
    cases: || broadcasting(Domain::Any, |a, b| a - b),
};

struct Sub;

/// a - b, elementwise, with broadcasting: aligned at the last axis, axes of length 1 and missing
/// axes are repeated.
///
/// # Panics
/// When the shapes are not compatible.
impl<T: Element> ops::Sub for &Var<T> {
    type Output = Var<T>;

    #[track_caller]
    fn sub(self, other: Self) -> Var<T> {
        broadcast_to::pairwise(Sub, Binary::Sub, self, other)
    }
}

impl<T: Element> Op<T> for Sub {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `ga = gy, gb = -gy (summed over repeated axes)`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let [a, b] = [call.input_shape(0), call.input_shape(1)];
        vec![call.wants(0).then(|| gy.sum_to(a)), call.wants(1).then(|| gy.sum_to(b).neg())]
    }
}

impl Replay for Sub {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        &inputs[0] - &inputs[1]
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }
}
