//! `reciprocal`: one over each element.
//!
//! y = 1 / x, dy/dx = -1 / x^2 = -y^2. It saves y.

use kernels::{Element, Unary};

use crate::arithmetic::ElementContext;
use crate::ops::{Domain, Entry, elementwise};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "reciprocal",
    idea: "One over the number.",
    forward: "y = 1 / x",
    rule: "gx = -y^2 * gy",
    derivation: &[
        "y * x = 1; moving both a little keeps it: dy * x + y * dx = 0",
        "so dy/dx = -y / x = -y^2, and gx = -y^2 * gy",
    ],
    saved: "y, from which the slope is computed",
    shape: "y has the shape of x",
    cost: "one division per element forward, two products backward",
    chapter: "c05_tensors",
    file: file!(),
    cases: || elementwise(Domain::AwayFromZero, |x| x.reciprocal()),
};

struct Reciprocal;

impl<T: Element> Var<T> {
    /// 1 / x, elementwise.
    #[track_caller]
    pub fn reciprocal(&self) -> Self {
        let y = Tensor::written(*self.shape(), |y| T::unary(Unary::Reciprocal, self.value().data(), y));
        Self::record(Reciprocal, &[self], y)
    }
}

impl<T: Element> Op<T> for Reciprocal {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::OUTPUT
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = -y^2 * gy`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some((gy * &call.output().square()).neg())]
    }
}

impl Replay for Reciprocal {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].reciprocal()
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(format!("1 / {}", at.x(0)))
    }

    fn slope_arithmetic(&self, at: &ElementContext, _input: usize) -> Option<String> {
        Some(format!("{} * {}", at.n(-at.value.data()[at.at]), at.y()))
    }
}
