//! `div`: the elementwise quotient of two tensors.
//!
//! y = a / b: dy/da = 1 / b, dy/db = -a / b^2 = -y / b. It saves b, and y if b's gradient is
//! needed.

use core::ops;

use kernels::{Binary, Element};

use crate::arithmetic::ElementContext;
use crate::ops::{Domain, Entry, broadcast_to, broadcasting};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "div",
    idea: "The quotient.",
    forward: "y = a / b",
    rule: "ga = gy / b, gb = -y / b * gy (summed over repeated axes)",
    derivation: &[
        "y = a * (1 / b)",
        "with respect to a, the slope is 1 / b, so ga = gy / b",
        "with respect to b: d(1/b)/db = -1 / b^2, so the slope is -a / b^2 = -y / b",
        "so gb = -y / b * gy; what was repeated is summed",
    ],
    saved: "b, and y if b's gradient is needed: -y / b does not need a",
    shape: "a and b broadcast: aligned at the last axis, an axis of length 1 (or missing) repeats",
    cost: "one division per element forward; backward one for a, a product and a division for b",
    chapter: "c05_tensors",
    file: file!(),
    cases: || broadcasting(Domain::AwayFromZero, |a, b| a / b),
};

struct Div;

/// a / b, elementwise, with broadcasting: aligned at the last axis, axes of length 1 and missing
/// axes are repeated.
///
/// # Panics
/// When the shapes are not compatible.
impl<T: Element> ops::Div for &Var<T> {
    type Output = Var<T>;

    #[track_caller]
    fn div(self, other: Self) -> Var<T> {
        broadcast_to::pairwise(Div, Binary::Div, self, other)
    }
}

impl<T: Element> Op<T> for Div {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, tracked: &[bool]) -> Saves {
        Saves::input(1).and(Saves::OUTPUT.when(tracked[1]))
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `ga = gy / b, gb = -y / b * gy (summed over repeated axes)`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let [a, b] = [call.input_shape(0), call.input_shape(1)];
        vec![
            call.wants(0).then(|| (gy / &call.input(1)).sum_to(a)),
            call.wants(1).then(|| (&(gy * &call.output()) / &call.input(1)).sum_to(b).neg()),
        ]
    }
}

impl Replay for Div {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        &inputs[0] / &inputs[1]
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(format!("{} / {}", at.x(0), at.x(1)))
    }

    fn slope_arithmetic(&self, at: &ElementContext, input: usize) -> Option<String> {
        Some(if input == 0 {
            format!("1 / {}", at.x(1))
        } else {
            format!("{} / {}", at.n(-at.value.data()[at.at]), at.x(1))
        })
    }
}
