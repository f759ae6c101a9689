//! `exp`: e to the power of each element.
//!
//! y = e^x is its own derivative: dy/dx = y. It saves y.

use kernels::{Element, Unary};

use crate::arithmetic::ElementContext;
use crate::ops::{Domain, Entry, elementwise};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "exp",
    idea: "e to the power x.",
    forward: "y = e^x",
    rule: "gx = y * gy",
    derivation: &[
        "e^(x + d) = e^x * e^d, and e^d is about 1 + d for a small d",
        "so e^x grows by e^x * d: the slope is e^x = y",
        "gx = y * gy",
    ],
    saved: "y, which is the slope itself",
    shape: "y has the shape of x",
    cost: "one exponential per element forward, one product backward",
    chapter: "c05_tensors",
    file: file!(),
    cases: || elementwise(Domain::Any, |x| x.exp()),
};

struct Exp;

impl<T: Element> Var<T> {
    /// e^x, elementwise.
    #[track_caller]
    pub fn exp(&self) -> Self {
        let y = Tensor::written(*self.shape(), |y| T::unary(Unary::Exp, self.value().data(), y));
        Self::record(Exp, &[self], y)
    }
}

impl<T: Element> Op<T> for Exp {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::OUTPUT
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = y * gy`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy * &call.output())]
    }
}

impl Replay for Exp {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].exp()
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(format!("exp({})", at.x(0)))
    }
}
