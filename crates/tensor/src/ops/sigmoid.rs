//! `sigmoid`: maps each element to (0, 1).
//!
//! y = 1 / (1 + e^-x). With dy/dx = e^-x / (1 + e^-x)^2 = y (1 - y) only y has to be saved.
//! An ordinary sweep uses one fused kernel; a recorded sweep composes the rule of ops.

use kernels::{Binary, Element, Unary};

use crate::arithmetic::ElementContext;
use crate::ops::{Domain, Entry, elementwise, slope_times};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "sigmoid",
    idea: "Maps any number to (0, 1), such as a logit to a probability.",
    forward: "y = 1 / (1 + e^-x)",
    rule: "gx = y * (1 - y) * gy",
    derivation: &[
        "y = 1 / (1 + e^-x)",
        "dy/dx = e^-x / (1 + e^-x)^2",
        "= y * e^-x / (1 + e^-x), and e^-x / (1 + e^-x) = 1 - y",
        "so dy/dx = y * (1 - y), and gx = y * (1 - y) * gy",
    ],
    saved: "y, from which the slope is computed",
    shape: "y has the shape of x",
    cost: "one exponential and one division per element forward, two products backward",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || elementwise(Domain::Any, |x| x.sigmoid()),
};

struct Sigmoid;

impl<T: Element> Var<T> {
    /// 1 / (1 + e^-x), elementwise.
    #[track_caller]
    pub fn sigmoid(&self) -> Self {
        let y = Tensor::written(*self.shape(), |y| T::unary(Unary::Sigmoid, self.value().data(), y));
        Self::record(Sigmoid, &[self], y)
    }
}

impl<T: Element> Op<T> for Sigmoid {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::OUTPUT
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = y * (1 - y) * gy`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(slope_times(call, Binary::SigmoidGrad, &call.output(), gy, |y| y * &y.neg().add_scalar(1.0)))]
    }
}

impl Replay for Sigmoid {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].sigmoid()
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(format!("1 / (1 + exp({}))", at.n(-at.input(0))))
    }

    fn slope_arithmetic(&self, at: &ElementContext, _input: usize) -> Option<String> {
        let y = at.y();
        Some(format!("{y} * (1 - {y})"))
    }
}
