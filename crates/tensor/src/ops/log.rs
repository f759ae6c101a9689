//! `log`: the natural logarithm of each element.
//!
//! y = log(x), dy/dx = 1 / x. It saves x.

use kernels::{Element, Unary};

use crate::arithmetic::ElementContext;
use crate::ops::{Domain, Entry, elementwise};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "log",
    idea: "The power of e that gives x.",
    forward: "y = log(x)",
    rule: "gx = gy / x",
    derivation: &["x = e^y, so dx/dy = e^y = x", "so dy/dx = 1 / x, and gx = gy / x"],
    saved: "x, to divide by",
    shape: "y has the shape of x",
    cost: "one logarithm per element forward, one division backward",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || elementwise(Domain::Positive, |x| x.log()),
};

struct Log;

impl<T: Element> Var<T> {
    /// The natural logarithm, elementwise; minus infinity at 0, NaN below.
    #[track_caller]
    pub fn log(&self) -> Self {
        let y = Tensor::written(*self.shape(), |y| T::unary(Unary::Log, self.value().data(), y));
        Self::record(Log, &[self], y)
    }
}

impl<T: Element> Op<T> for Log {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::input(0)
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = gy / x`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy / &call.input(0))]
    }
}

impl Replay for Log {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].log()
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(format!("log({})", at.x(0)))
    }

    fn slope_arithmetic(&self, at: &ElementContext, _input: usize) -> Option<String> {
        Some(format!("1 / {}", at.x(0)))
    }
}
