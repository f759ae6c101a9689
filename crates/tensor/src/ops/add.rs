//! `add`: the sum of two tensors.
//!
//! y = a + b: both slopes are 1, so the gradient is unchanged, summed over broadcast axes.
//! Nothing is saved.

use core::ops;

use kernels::{Binary, Element};

use crate::ops::{Domain, Entry, broadcast_to, broadcasting};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "add",
    idea: "The sum; the gradient goes to both.",
    forward: "y = a + b",
    rule: "ga = gy, gb = gy (summed over repeated axes)",
    derivation: &[
        "y[i] = a[i] + b[i]: moving a[i] by d moves y[i] by d",
        "so dy/da = 1 and dy/db = 1: gy passes on unchanged, to both",
        "an element that was repeated is in several sums:",
        "its gradient is the sum of theirs",
    ],
    saved: "nothing: the slopes are 1 whatever the numbers are",
    shape: "a and b broadcast: aligned at the last axis, an axis of length 1 (or missing) repeats",
    cost: "one addition per element forward; backward nothing, or the sum over what was repeated",
    chapter: "c06_broadcasting",
    file: file!(),
    cases: || broadcasting(Domain::Any, |a, b| a + b),
};

struct Add;

/// a + b, elementwise, with broadcasting: aligned at the last axis, axes of length 1 and missing
/// axes are repeated.
///
/// # Panics
/// When the shapes are not compatible.
impl<T: Element> ops::Add for &Var<T> {
    type Output = Var<T>;

    #[track_caller]
    fn add(self, other: Self) -> Var<T> {
        broadcast_to::pairwise(Add, Binary::Add, self, other)
    }
}

impl<T: Element> Op<T> for Add {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `ga = gy, gb = gy (summed over repeated axes)`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let [a, b] = [call.input_shape(0), call.input_shape(1)];
        vec![call.wants(0).then(|| gy.sum_to(a)), call.wants(1).then(|| gy.sum_to(b))]
    }
}

impl Replay for Add {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        &inputs[0] + &inputs[1]
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }
}
