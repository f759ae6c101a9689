//! `abs`: the absolute value of each element.
//!
//! y = |x|; dy/dx = sign(x), where the sign at the kink, x = 0, is taken to be 0, as in PyTorch:
//! the mean of the slopes on both sides, so that a pixel that is already right gets no gradient. It
//! saves x.

use kernels::{Binary, Element, Unary};

use crate::arithmetic::ElementContext;
use crate::ops::{Case, Domain, Entry, elementwise, sample};
use crate::replay::kept;
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "abs",
    idea: "The distance from 0.",
    forward: "y = |x|",
    rule: "gx = sign(x) * gy, with sign(0) = 0",
    derivation: &[
        "right of 0, y = x: the slope is 1",
        "left of 0, y = -x: the slope is -1",
        "at 0 the two slopes differ; their mean, 0, is used",
        "so dy/dx = sign(x), and gx = gy * dy/dx = sign(x) * gy",
    ],
    saved: "x: its sign decides",
    shape: "y has the shape of x",
    cost: "one operation per element forward, one backward",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || elementwise(Domain::AwayFromZero, |x| x.abs()),
};

/// The entry of the derivative, which is an op of its own.
pub const GRAD_ENTRY: Entry = Entry {
    name: "abs_grad",
    idea: "The backward pass of abs.",
    forward: "gx = sign(x) * g",
    rule: "gg = sign(x) * gy; no gradient for x",
    derivation: &[
        "for a fixed x, gx = sign(x) * g is g times a constant",
        "so the slope with respect to g is sign(x), as in the forward pass",
        "sign(x) is flat on both sides of 0: its slope is 0, so x gets no gradient",
    ],
    saved: "x, as part of the op: its signs are needed again",
    shape: "gx has the shape of g, which is that of x",
    cost: "one operation per element in both directions",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || {
        let with_signs = |case: Case| {
            let signs = Var::constant(sample(Domain::AwayFromZero, 77, case.inputs[0].shape()));
            Case::new(case.label, case.inputs, move |v| AbsGrad::apply(&signs, &v[0]))
        };
        elementwise(Domain::Any, Var::clone).into_iter().map(with_signs).collect()
    },
};

struct Abs;

impl<T: Element> Var<T> {
    /// |x|, elementwise.
    #[track_caller]
    pub fn abs(&self) -> Self {
        let y = Tensor::written(*self.shape(), |y| T::unary(Unary::Abs, self.value().data(), y));
        Self::record(Abs, &[self], y)
    }
}

impl<T: Element> Op<T> for Abs {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::input(0)
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = sign(x) * gy, with sign(0) = 0`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(AbsGrad::apply(&call.input(0), gy))]
    }
}

impl Replay for Abs {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].abs()
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(format!("abs({})", at.x(0)))
    }
}

/// Multiplies the gradient by the sign of x.
struct AbsGrad<T: Element> {
    x: Tensor<T>,
}

impl<T: Element> AbsGrad<T> {
    /// The gradient `g` times the sign of `x`. It is linear in g, and the sign is constant except
    /// at the kink, so no gradient flows to x.
    #[track_caller]
    fn apply(x: &Var<T>, g: &Var<T>) -> Var<T> {
        let x = x.value().clone();
        let gx = Tensor::written(*g.shape(), |gx| T::binary(Binary::AbsGrad, x.data(), g.value().data(), gx));
        Var::record(Self { x }, &[g], gx)
    }
}

impl<T: Element> Op<T> for AbsGrad<T> {
    fn name(&self) -> &'static str {
        GRAD_ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gg = sign(x) * gy; no gradient for x`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(Self::apply(&Var::constant(self.x.clone()), gy))]
    }
}

impl<T: Element> Replay for AbsGrad<T> {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        AbsGrad::apply(&kept(&self.x, inputs[0].shape()), &inputs[0])
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }
}

#[cfg(test)]
mod tests {
    use crate::{Options, Tape, Tensor, grad};

    #[test]
    fn nothing_is_pushed_where_it_is_right() {
        let tape = Tape::<f32>::new();
        let x = tape.variable("x", Tensor::new(&[4], vec![-2.0, -0.0, 0.0, 3.0]));
        let y = x.abs();
        assert_eq!(y.value().data(), [2.0, 0.0, 0.0, 3.0]);
        assert_eq!(grad(&y.sum(), &[x], Options::default())[0].value().data(), [-1.0, 0.0, 0.0, 1.0]);
    }
}
