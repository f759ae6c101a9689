//! `softplus`: a smooth ReLU, and the basis of cross-entropy losses of logits.
//!
//! y = log(1 + e^x), computed as max(x, 0) + log(1 + e^-|x|) so that nothing overflows; dy/dx =
//! sigmoid(x). It saves x. An ordinary sweep uses one fused kernel; a recorded sweep composes the
//! rule of ops.

use kernels::{Binary, Element, Unary};

use crate::arithmetic::ElementContext;
use crate::ops::{Domain, Entry, elementwise, slope_times};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "softplus",
    idea: "A smooth max(x, 0): minus the log of a probability given by its logit.",
    forward: "y = log(1 + e^x)",
    rule: "gx = sigmoid(x) * gy",
    derivation: &[
        "y = log(1 + e^x)",
        "dy/dx = e^x / (1 + e^x) = 1 / (1 + e^-x) = sigmoid(x)",
        "so gx = sigmoid(x) * gy",
    ],
    saved: "x: the slope is its sigmoid",
    shape: "y has the shape of x",
    cost: "one exponential and one logarithm per element forward, one sigmoid backward",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || elementwise(Domain::Any, |x| x.softplus()),
};

struct Softplus;

impl<T: Element> Var<T> {
    /// log(1 + e^x), elementwise, without overflow.
    #[track_caller]
    pub fn softplus(&self) -> Self {
        let y = Tensor::written(*self.shape(), |y| T::unary(Unary::Softplus, self.value().data(), y));
        Self::record(Softplus, &[self], y)
    }
}

impl<T: Element> Op<T> for Softplus {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::input(0)
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = sigmoid(x) * gy`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(slope_times(call, Binary::SoftplusGrad, &call.input(0), gy, Var::sigmoid))]
    }
}

impl Replay for Softplus {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].softplus()
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(format!("softplus({})", at.x(0)))
    }

    fn slope_arithmetic(&self, at: &ElementContext, _input: usize) -> Option<String> {
        Some(format!("sigmoid({})", at.x(0)))
    }
}
