//! `finish`: what follows a linear layer, in one walk through memory: y = dropout(leaky_relu(x + bias)).
//!
//! Each part may be missing. The value is the same, bit for bit, as from `add`, `leaky_relu` and `dropout` one after the other; so are
//! the gradients:
//!
//! ```text
//! g = m gy where y > 0, else slope * m gy        gx = g        gbias = sum of g over the rows
//! ```
//!
//! with m the mask of the dropout. Only y is kept, which the next layer keeps anyway: for slope >= 0 its sign tells the side of the
//! kink (where an element was dropped the side does not matter), and the mask's random bits are drawn again. So x is not needed
//! any more, and y takes its memory if nobody else holds it. An ordinary sweep computes both gradients in one kernel; a recorded
//! one is made of ops.

use kernels::{Element, Finish, Key};

use crate::ops::leaky_relu::LeakyReluGrad;
use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The row of the registry.
pub const ENTRY: Entry = Entry {
    name: "finish",
    idea: "Bias, leaky ReLU and dropout after a layer, in one walk through memory.",
    forward: "y = dropout(leaky_relu(x + bias)), each part if it is there",
    rule: "g = gy times the mask, times slope where y <= 0; gx = g, gbias = g summed over the rows",
    derivation: &[
        "three steps one after the other: u = x + bias, r = leaky_relu(u), y = m * r",
        "back in the opposite order: gr = m * gy, by the same mask",
        "gu = gr where u > 0, slope * gr elsewhere",
        "gx = gu, and the bias is in every row: gbias = sum of gu over the rows",
    ],
    saved: "y if there is a leaky ReLU: its sign tells the side of the kink; the mask is drawn again",
    shape: "x is (..., c), the bias is (c); y has the shape of x and may take its memory",
    cost: "one walk over x forward, one backward, instead of three each",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases,
};

fn cases() -> Vec<Case> {
    let shapes: [&[usize]; 6] = [&[1, 1], &[3, 5], &[7, 2], &[2, 2, 3, 4], &[1, 3, 1, 7], &[4, 1]];
    let parts = [(Some(0.3), Some(0.4)), (None, None), (Some(0.3), None), (None, Some(0.4)), (Some(0.0), Some(0.25))];
    let case = |(shape, (slope, rate)): (&[usize], (Option<f64>, Option<f64>))| {
        let finish = Finish { slope, dropout: rate.map(|rate| (rate, Key::new(1, 2))) };
        // x + bias stays away from the kink.
        let (x, bias) = (sample(Domain::AwayFromZero, 1, shape), sample(Domain::Any, 2, &shape[shape.len() - 1..]));
        let bias = Tensor::from_fn(*bias.shape(), |i| 0.05 * bias.data()[i]);
        let label = |with: &str| format!("{shape:?}, slope {slope:?}, rate {rate:?}, {with} bias");
        [
            Case::new(label("with"), vec![x.clone(), bias], move |v| v[0].clone().finish(Some(&v[1]), finish)),
            Case::new(label("without"), vec![x], move |v| v[0].clone().finish(None, finish)),
        ]
    };
    shapes.into_iter().flat_map(|shape| parts.map(|parts| (shape, parts))).flat_map(case).collect()
}

struct FinishOp {
    finish: Finish,
    biased: bool,
}

impl<T: Element> Var<T> {
    /// dropout(leaky_relu(self + bias)), as far as asked: the bias goes with each row, the last axis. Written over `self` if
    /// nobody else holds its value.
    ///
    /// # Panics
    /// When the bias is not one number per column, the slope is negative, or the rate is not in [0, 1).
    #[track_caller]
    pub fn finish(self, bias: Option<&Self>, finish: Finish) -> Self {
        if let Some(bias) = bias {
            let fits = bias.shape().len() == 1 && self.shape().ends_with(bias.shape());
            assert!(fits, "finish: a bias {} for rows of {}", bias.shape(), self.shape());
        }
        assert!(finish.slope.is_none_or(|slope| slope >= 0.0), "finish: the slope {:?} is negative", finish.slope);
        self.record_in_place(FinishOp { finish, biased: bias.is_some() }, bias.as_slice(), |y| {
            T::finish(finish, bias.map(|bias| bias.value().data()), y);
        })
    }
}

impl<T: Element> Op<T> for FinishOp {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        let bias = self.biased.then(|| "bias".into());
        let slope = self.finish.slope.map(|slope| format!("slope {slope}"));
        let rate = self.finish.dropout.map(|(rate, _)| format!("rate {rate}"));
        [bias, slope, rate].into_iter().flatten().collect::<Vec<String>>().join(", ")
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::OUTPUT.when(self.finish.slope.is_some())
    }

    fn replay(&self) -> Option<&dyn Replay> {
        Some(self)
    }

    /// `g = gy times the mask, times slope where y <= 0; gx = g, gbias = g summed over the rows`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let [gx, gbias] = if call.recording() { self.composed(call, gy) } else { self.fused(call, gy) };
        if self.biased { vec![gx, gbias] } else { vec![gx] }
    }
}

impl Replay for FinishOp {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].clone().finish(inputs.get(1), self.finish)
    }

    fn rows(&self) -> Rows {
        Rows::First
    }
}

impl FinishOp {
    /// Both gradients in one kernel.
    fn fused<T: Element>(&self, call: &Call<T>, gy: &Var<T>) -> [Option<Var<T>>; 2] {
        let wants_bias = self.biased && call.wants(1);
        if self.finish == Finish::default() {
            return [Some(gy.clone()), wants_bias.then(|| gy.sum_to(call.input_shape(1)))];
        }
        let y = self.finish.slope.map(|_| call.output());
        let y = y.as_ref().map_or(&[][..], |y| y.value().data());
        let mut gbias = wants_bias.then(|| Tensor::zeros(call.input_shape(1)));
        let gx = Tensor::written(*gy.shape(), |gx| {
            T::finish_grad(self.finish, y, gy.value().data(), gx, gbias.as_mut().map(Tensor::data_mut));
        });
        [Some(Var::constant(gx)), gbias.map(Var::constant)]
    }

    /// The same as ops.
    fn composed<T: Element>(&self, call: &Call<T>, gy: &Var<T>) -> [Option<Var<T>>; 2] {
        let mut g = gy.clone();
        if let Some((rate, key)) = self.finish.dropout {
            g = g.dropout(rate, key);
        }
        if let Some(slope) = self.finish.slope {
            g = LeakyReluGrad::apply(slope, &call.output(), &g);
        }
        let gbias = (self.biased && call.wants(1)).then(|| g.sum_to(call.input_shape(1)));
        [Some(g), gbias]
    }
}
