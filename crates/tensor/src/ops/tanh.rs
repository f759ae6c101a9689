//! `tanh`: maps each element to (-1, 1).
//!
//! y = tanh(x), dy/dx = 1 - y^2. It saves y.
//! An ordinary sweep uses one fused kernel; a recorded sweep composes the rule of ops.

use kernels::{Binary, Element, Unary};

use crate::arithmetic::ElementContext;
use crate::ops::{Domain, Entry, elementwise, slope_times};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "tanh",
    idea: "Maps any number to (-1, 1), such as to the range of a pixel.",
    forward: "y = tanh(x)",
    rule: "gx = (1 - y^2) * gy",
    derivation: &[
        "y = s / c with s = (e^x - e^-x) / 2 and c = (e^x + e^-x) / 2",
        "ds/dx = c and dc/dx = s, so dy/dx = (c * c - s * s) / c^2",
        "= 1 - (s / c)^2 = 1 - y^2",
        "so gx = (1 - y^2) * gy",
    ],
    saved: "y, from which the slope is computed",
    shape: "y has the shape of x",
    cost: "one exponential and one division per element forward, two products backward",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || elementwise(Domain::Any, |x| x.tanh()),
};

struct Tanh;

impl<T: Element> Var<T> {
    /// The hyperbolic tangent, elementwise.
    #[track_caller]
    pub fn tanh(&self) -> Self {
        let y = Tensor::written(*self.shape(), |y| T::unary(Unary::Tanh, self.value().data(), y));
        Self::record(Tanh, &[self], y)
    }
}

impl<T: Element> Op<T> for Tanh {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::OUTPUT
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = (1 - y^2) * gy`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(slope_times(call, Binary::TanhGrad, &call.output(), gy, |y| y.square().neg().add_scalar(1.0)))]
    }
}

impl Replay for Tanh {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].tanh()
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(format!("tanh({})", at.x(0)))
    }

    fn slope_arithmetic(&self, at: &ElementContext, _input: usize) -> Option<String> {
        let y = at.y();
        Some(format!("1 - {y} * {y}"))
    }
}
