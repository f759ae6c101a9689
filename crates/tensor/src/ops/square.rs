//! `square`: the square of each element.
//!
//! y = x^2, dy/dx = 2 x. It saves x.

use kernels::{Element, Unary};

use crate::arithmetic::ElementContext;
use crate::ops::{Domain, Entry, elementwise};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "square",
    idea: "Each number times itself.",
    forward: "y = x^2",
    rule: "gx = 2 * x * gy",
    derivation: &[
        "(x + d)^2 = x^2 + 2 * x * d + d^2, and d^2 is negligible compared with d",
        "so dy/dx = 2 * x, and gx = 2 * x * gy",
    ],
    saved: "x, from which the slope is computed",
    shape: "y has the shape of x",
    cost: "one product per element forward, two backward",
    chapter: "c05_tensors",
    file: file!(),
    cases: || elementwise(Domain::Any, |x| x.square()),
};

struct Square;

impl<T: Element> Var<T> {
    /// x * x, elementwise.
    #[track_caller]
    pub fn square(&self) -> Self {
        let y = Tensor::written(*self.shape(), |y| T::unary(Unary::Square, self.value().data(), y));
        Self::record(Square, &[self], y)
    }
}

impl<T: Element> Op<T> for Square {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::input(0)
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = 2 * x * gy`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some((gy * &call.input(0)).scale(2.0))]
    }
}

impl Replay for Square {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].square()
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        let x = at.x(0);
        Some(format!("{x} * {x}"))
    }

    fn slope_arithmetic(&self, at: &ElementContext, _input: usize) -> Option<String> {
        Some(format!("2 * {}", at.x(0)))
    }
}
