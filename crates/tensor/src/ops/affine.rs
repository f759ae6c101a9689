//! `affine`: each element times one constant, plus another.
//!
//! y = scale * x + shift, dy/dx = scale. Nothing is saved.

use kernels::{Element, Unary};

use crate::arithmetic::{ElementContext, product, sum};
use crate::ops::{Domain, Entry, elementwise};
use crate::shape::Shape;
use crate::{Attributes, Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "affine",
    idea: "A constant factor and a constant shift.",
    forward: "y = scale * x + shift",
    rule: "gx = scale * gy",
    derivation: &[
        "y = scale * x + shift: moving x by d moves y by scale * d",
        "so dy/dx = scale, and gx = scale * gy; the shift has no influence",
    ],
    saved: "nothing: the factor is a constant of the op",
    shape: "y has the shape of x",
    cost: "one multiply-add per element forward, one product backward",
    chapter: "c05_tensors",
    file: file!(),
    cases: || elementwise(Domain::Any, |x| x.affine(-1.75, 0.5)),
};

struct Affine {
    scale: f64,
    shift: f64,
}

impl<T: Element> Var<T> {
    /// scale * x + shift, elementwise, rounded once.
    #[track_caller]
    pub fn affine(&self, scale: f64, shift: f64) -> Self {
        let y = Tensor::written(*self.shape(), |y| T::unary(Unary::Affine { scale, shift }, self.value().data(), y));
        Self::record(Affine { scale, shift }, &[self], y)
    }

    /// Each element times `factor`.
    #[track_caller]
    pub fn scale(&self, factor: f64) -> Self {
        self.affine(factor, 0.0)
    }

    /// Each element plus `shift`.
    #[track_caller]
    pub fn add_scalar(&self, shift: f64) -> Self {
        self.affine(1.0, shift)
    }

    /// -x, elementwise.
    #[track_caller]
    pub fn neg(&self) -> Self {
        self.affine(-1.0, 0.0)
    }
}

impl<T: Element> Op<T> for Affine {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("x * {} + {}", self.scale, self.shift)
    }

    fn attribute_data(&self) -> Attributes {
        Attributes::Affine { scale: self.scale, shift: self.shift }
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = scale * gy`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy.scale(self.scale))]
    }
}

impl Replay for Affine {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].affine(self.scale, self.shift)
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        let [scale, shift] = [self.scale, self.shift].map(|number| at.n(number));
        Some(sum([product(&at.x(0), &scale)].into_iter().chain((self.shift != 0.0).then_some(shift))))
    }
}
