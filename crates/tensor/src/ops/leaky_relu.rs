//! `leaky_relu`: a piecewise linear function with a kink at 0.
//!
//! y = x where x > 0, else slope * x; dy/dx = 1 or slope (the slope at 0 itself is taken to be
//! `slope`, as PyTorch and TensorFlow do). Slope 0 is ReLU. For slope >= 0 the value y has the sign
//! of x, so y is saved, which the next layer saves anyway.

use kernels::{Binary, Element, Unary};

use crate::ops::{Case, Domain, Entry, elementwise, sample};
use crate::replay::kept;
use crate::shape::Shape;
use crate::{Attributes, Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "leaky_relu",
    idea: "Passes positive numbers and scales negative ones.",
    forward: "y = x if x > 0 else slope * x",
    rule: "gx = gy if x > 0 else slope * gy",
    derivation: &[
        "right of 0, y = x: the slope is 1",
        "left of 0, y = slope * x: the slope is `slope`; at 0 itself too",
        "so gx = gy or slope * gy: the gradient is scaled where x was",
    ],
    saved: "y: for slope >= 0 it has the sign of x, and the next layer keeps it anyway",
    shape: "y has the shape of x",
    cost: "one operation per element forward, one backward",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || elementwise(Domain::AwayFromZero, |x| x.leaky_relu(0.3)),
};

/// The entry of the derivative, which is an op of its own.
pub const GRAD_ENTRY: Entry = Entry {
    name: "leaky_relu_grad",
    idea: "The backward pass of leaky_relu.",
    forward: "gx = g if x > 0 else slope * g",
    rule: "gg = gy if x > 0 else slope * gy; no gradient for x",
    derivation: &[
        "for a fixed x, gx is g or slope * g, element by element: linear in g",
        "so the gradient with respect to g is scaled at the same places",
        "which side x is on does not change when x moves a little:",
        "x gets no gradient, so the second derivative costs nothing",
    ],
    saved: "x, as part of the op: it determines where to scale",
    shape: "gx has the shape of g, which is that of x",
    cost: "one operation per element in both directions",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || {
        let with_mask = |case: Case| {
            let mask = Var::constant(sample(Domain::AwayFromZero, 77, case.inputs[0].shape()));
            Case::new(case.label, case.inputs, move |v| LeakyReluGrad::apply(0.3, &mask, &v[0]))
        };
        elementwise(Domain::Any, Var::clone).into_iter().map(with_mask).collect()
    },
};

struct LeakyRelu {
    slope: f64,
}

impl<T: Element> Var<T> {
    /// x where x > 0, else slope * x.
    #[track_caller]
    pub fn leaky_relu(&self, slope: f64) -> Self {
        let op = Unary::LeakyRelu { slope };
        let y = Tensor::written(*self.shape(), |y| T::unary(op, self.value().data(), y));
        Self::record(LeakyRelu { slope }, &[self], y)
    }

    /// max(x, 0).
    #[track_caller]
    pub fn relu(&self) -> Self {
        self.leaky_relu(0.0)
    }
}

impl<T: Element> Op<T> for LeakyRelu {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("slope {}", self.slope)
    }

    fn attribute_data(&self) -> Attributes {
        Attributes::LeakyRelu { slope: self.slope }
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        if self.slope >= 0.0 { Saves::OUTPUT } else { Saves::input(0) }
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = gy if x > 0 else slope * gy`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let x = if self.slope >= 0.0 { call.output() } else { call.input(0) };
        vec![Some(LeakyReluGrad::apply(self.slope, &x, gy))]
    }
}

impl Replay for LeakyRelu {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].leaky_relu(self.slope)
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }
}

/// Selects the slope by x and multiplies the gradient by it.
pub(super) struct LeakyReluGrad<T: Element> {
    slope: f64,
    x: Tensor<T>,
}

impl<T: Element> LeakyReluGrad<T> {
    /// The gradient `g` times the slope of the op at `x`. It is linear in g, and the slope is
    /// constant except at the kinks, so no gradient flows to x.
    #[track_caller]
    pub(super) fn apply(slope: f64, x: &Var<T>, g: &Var<T>) -> Var<T> {
        let x = x.value().clone();
        let op = Binary::LeakyReluGrad { slope };
        let gx = Tensor::written(*g.shape(), |gx| T::binary(op, x.data(), g.value().data(), gx));
        Var::record(Self { slope, x }, &[g], gx)
    }
}

impl<T: Element> Op<T> for LeakyReluGrad<T> {
    fn name(&self) -> &'static str {
        GRAD_ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("slope {}", self.slope)
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gg = gy if x > 0 else slope * gy; no gradient for x`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(Self::apply(self.slope, &Var::constant(self.x.clone()), gy))]
    }
}

impl<T: Element> Replay for LeakyReluGrad<T> {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        LeakyReluGrad::apply(self.slope, &kept(&self.x, inputs[0].shape()), &inputs[0])
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }
}
