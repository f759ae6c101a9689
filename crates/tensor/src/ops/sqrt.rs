//! `sqrt`: the square root of each element.
//!
//! y = sqrt(x), dy/dx = 1 / (2 y). It saves y. The slope is infinite at 0.

use kernels::{Element, Unary};

use crate::arithmetic::ElementContext;
use crate::ops::{Domain, Entry, elementwise};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "sqrt",
    idea: "The number whose square is x.",
    forward: "y = sqrt(x)",
    rule: "gx = gy / (2 * y)",
    derivation: &[
        "y * y = x; moving both a little: 2 * y * dy = dx",
        "so dy/dx = 1 / (2 * y), and gx = gy / (2 * y)",
        "at 0 the slope is infinite",
    ],
    saved: "y, from which the slope is computed",
    shape: "y has the shape of x",
    cost: "one root per element forward, one division backward",
    chapter: "c10_normalisation",
    file: file!(),
    cases: || elementwise(Domain::Positive, |x| x.sqrt()),
};

struct Sqrt;

impl<T: Element> Var<T> {
    /// The square root, elementwise; NaN below zero. Its slope is infinite at 0: add a small number
    /// first where that can happen.
    #[track_caller]
    pub fn sqrt(&self) -> Self {
        let y = Tensor::written(*self.shape(), |y| T::unary(Unary::Sqrt, self.value().data(), y));
        Self::record(Sqrt, &[self], y)
    }
}

impl<T: Element> Op<T> for Sqrt {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::OUTPUT
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = gy / (2 * y)`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some((gy / &call.output()).scale(0.5))]
    }
}

impl Replay for Sqrt {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].sqrt()
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(format!("sqrt({})", at.x(0)))
    }

    fn slope_arithmetic(&self, at: &ElementContext, _input: usize) -> Option<String> {
        Some(format!("1 / (2 * {})", at.y()))
    }
}
