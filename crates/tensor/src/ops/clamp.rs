//! `clamp`: restricts each element to an interval.
//!
//! y = min(max(x, low), high); dy/dx = 1 inside the interval (its ends too), 0 outside. It saves x.

use kernels::{Binary, Element, Unary};

use crate::arithmetic::ElementContext;
use crate::ops::{Case, Domain, Entry, elementwise, sample};
use crate::replay::kept;
use crate::shape::Shape;
use crate::{Attributes, Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "clamp",
    idea: "Limits numbers to [low, high].",
    forward: "y = min(max(x, low), high)",
    rule: "gx = gy if low <= x <= high else 0",
    derivation: &[
        "inside [low, high], y = x: the slope is 1",
        "outside, y stays at the bound however x moves: the slope is 0",
        "so gx = gy inside (the bounds too), 0 outside",
    ],
    saved: "x: it determines whether the element is inside the bounds",
    shape: "y has the shape of x",
    cost: "two comparisons per element forward, two backward",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || elementwise(Domain::AwayFromZero, |x| x.clamp(-0.1, 3.0)),
};

/// The entry of the derivative, which is an op of its own.
pub const GRAD_ENTRY: Entry = Entry {
    name: "clamp_grad",
    idea: "The backward pass of clamp.",
    forward: "gx = g if low <= x <= high else 0",
    rule: "gg = gy if low <= x <= high else 0; no gradient for x",
    derivation: &[
        "for a fixed x, gx is g or 0, element by element: linear in g",
        "so the gradient with respect to g passes where g passed",
        "which side x is on does not change when x moves a little:",
        "nothing reaches x",
    ],
    saved: "x, as part of the op: it determines where the gradient passes",
    shape: "gx has the shape of g, which is that of x",
    cost: "two comparisons per element in both directions",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || {
        let with_mask = |case: Case| {
            let mask = Var::constant(sample(Domain::AwayFromZero, 77, case.inputs[0].shape()));
            Case::new(case.label, case.inputs, move |v| ClampGrad::apply(Clamp { low: -0.1, high: 3.0 }, &mask, &v[0]))
        };
        elementwise(Domain::Any, Var::clone).into_iter().map(with_mask).collect()
    },
};

#[derive(Clone, Copy)]
struct Clamp {
    low: f64,
    high: f64,
}

impl<T: Element> Var<T> {
    /// x restricted to [low, high].
    #[track_caller]
    pub fn clamp(&self, low: f64, high: f64) -> Self {
        let op = Unary::Clamp { low, high };
        let y = Tensor::written(*self.shape(), |y| T::unary(op, self.value().data(), y));
        Self::record(Clamp { low, high }, &[self], y)
    }
}

impl<T: Element> Op<T> for Clamp {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("[{}, {}]", self.low, self.high)
    }

    fn attribute_data(&self) -> Attributes {
        Attributes::Clamp { low: self.low, high: self.high }
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::input(0)
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = gy if low <= x <= high else 0`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let x = call.input(0);
        vec![Some(ClampGrad::apply(*self, &x, gy))]
    }
}

impl Replay for Clamp {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].clamp(self.low, self.high)
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(format!("min(max({}, {}), {})", at.x(0), at.n(self.low), at.n(self.high)))
    }
}

/// Selects the slope by x and multiplies the gradient by it.
struct ClampGrad<T: Element> {
    of: Clamp,
    x: Tensor<T>,
}

impl<T: Element> ClampGrad<T> {
    /// The gradient `g` times the slope of the op at `x`. It is linear in g, and the slope is
    /// constant except at the kinks, so no gradient flows to x.
    #[track_caller]
    fn apply(of: Clamp, x: &Var<T>, g: &Var<T>) -> Var<T> {
        let Clamp { low, high } = of;
        let x = x.value().clone();
        let op = Binary::ClampGrad { low, high };
        let gx = Tensor::written(*g.shape(), |gx| T::binary(op, x.data(), g.value().data(), gx));
        Var::record(Self { of, x }, &[g], gx)
    }
}

impl<T: Element> Op<T> for ClampGrad<T> {
    fn name(&self) -> &'static str {
        GRAD_ENTRY.name
    }

    fn attributes(&self) -> String {
        Op::<T>::attributes(&self.of)
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gg = gy if low <= x <= high else 0; no gradient for x`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(Self::apply(self.of, &Var::constant(self.x.clone()), gy))]
    }
}

impl<T: Element> Replay for ClampGrad<T> {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        ClampGrad::apply(self.of, &kept(&self.x, inputs[0].shape()), &inputs[0])
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }
}
