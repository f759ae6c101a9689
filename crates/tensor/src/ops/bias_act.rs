//! `bias_act`: the fused epilogue of a linear layer, y = dropout(leaky_relu(x + bias)), in one pass
//! over memory.
//!
//! Each part is optional. The value has the same bits as `add`, `leaky_relu` and `dropout` one
//! after the other, and so do the gradients:
//!
//! ```text
//! g = m gy where y > 0, else slope * m gy        gx = g        gbias = sum of g over the rows
//! ```
//!
//! with m the mask of the dropout. Only y is saved, which the next layer saves anyway: for slope >=
//! 0 it has the sign of x + bias (which does not matter where an element was dropped), and the
//! random bits of the mask are drawn again. x is no longer needed, so y takes its memory unless it
//! is shared. An ordinary sweep computes both gradients in one kernel; a recorded sweep composes
//! them of ops.

use kernels::{BiasActivation, Element, Key};

use crate::ops::leaky_relu::LeakyReluGrad;
use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Attributes, Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "bias_act",
    idea: "Bias, leaky ReLU and dropout after a layer, in one pass over memory.",
    forward: "y = dropout(leaky_relu(x + bias)), each part optional",
    rule: "g = gy times the mask, times slope where y <= 0; gx = g, gbias = g summed over the rows",
    derivation: &[
        "three steps one after the other: u = x + bias, r = leaky_relu(u), y = m * r",
        "backward in the reverse order: gr = m * gy, with the same mask",
        "gu = gr where u > 0, slope * gr elsewhere",
        "gx = gu, and the bias is in every row: gbias = sum of gu over the rows",
    ],
    saved: "y if there is a leaky ReLU: it has the sign of x + bias; the mask is drawn again",
    shape: "x is (..., c), the bias is (c); y has the shape of x and may take its memory",
    cost: "one pass over x forward, one backward, instead of three each",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases,
};

fn cases() -> Vec<Case> {
    let shapes: [&[usize]; 6] = [&[1, 1], &[3, 5], &[7, 2], &[2, 2, 3, 4], &[1, 3, 1, 7], &[4, 1]];
    let parts = [(Some(0.3), Some(0.4)), (None, None), (Some(0.3), None), (None, Some(0.4)), (Some(0.0), Some(0.25))];
    let case = |(shape, (slope, rate)): (&[usize], (Option<f64>, Option<f64>))| {
        let settings = BiasActivation { slope, dropout: rate.map(|rate| (rate, Key::new(1, 2))) };
        // x + bias stays away from the kink.
        let (x, bias) = (sample(Domain::AwayFromZero, 1, shape), sample(Domain::Any, 2, &shape[shape.len() - 1..]));
        let bias = Tensor::from_fn(*bias.shape(), |i| 0.05 * bias.data()[i]);
        let label = |with: &str| format!("{shape:?}, slope {slope:?}, rate {rate:?}, {with} bias");
        [
            Case::new(label("with"), vec![x.clone(), bias], move |v| v[0].clone().bias_act(Some(&v[1]), settings)),
            Case::new(label("without"), vec![x], move |v| v[0].clone().bias_act(None, settings)),
        ]
    };
    shapes.into_iter().flat_map(|shape| parts.map(|parts| (shape, parts))).flat_map(case).collect()
}

struct BiasActivationOp {
    settings: BiasActivation,
    biased: bool,
}

impl<T: Element> Var<T> {
    /// dropout(leaky_relu(self + bias)), each part optional. The bias is paired with each row, the
    /// last axis. The value overwrites that of `self` unless it is shared.
    ///
    /// # Panics
    /// When the bias is not one number per column, the slope is negative, or the rate is not in [0,
    /// 1).
    #[track_caller]
    pub fn bias_act(self, bias: Option<&Self>, settings: BiasActivation) -> Self {
        if let Some(bias) = bias {
            let fits = bias.shape().len() == 1 && self.shape().ends_with(bias.shape());
            assert!(fits, "bias_act: a bias {} for rows of {}", bias.shape(), self.shape());
        }
        assert!(
            settings.slope.is_none_or(|slope| slope >= 0.0),
            "bias_act: the slope {:?} is negative",
            settings.slope
        );
        self.record_in_place(BiasActivationOp { settings, biased: bias.is_some() }, bias.as_slice(), |y| {
            T::bias_act(settings, bias.map(|bias| bias.value().data()), y);
        })
    }
}

impl<T: Element> Op<T> for BiasActivationOp {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        let bias = self.biased.then(|| "bias".into());
        let slope = self.settings.slope.map(|slope| format!("slope {slope}"));
        let rate = self.settings.dropout.map(|(rate, _)| format!("rate {rate}"));
        [bias, slope, rate].into_iter().flatten().collect::<Vec<String>>().join(", ")
    }

    fn attribute_data(&self) -> Attributes {
        match self.settings {
            BiasActivation { slope, dropout: None } => Attributes::BiasActivation { slope },
            _ => Attributes::None,
        }
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::OUTPUT.when(self.settings.slope.is_some())
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `g = gy times the mask, times slope where y <= 0; gx = g, gbias = g summed over the rows`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let [gx, gbias] = if call.recording() { self.composed(call, gy) } else { self.fused(call, gy) };
        if self.biased { vec![gx, gbias] } else { vec![gx] }
    }
}

impl Replay for BiasActivationOp {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].clone().bias_act(inputs.get(1), self.settings)
    }

    fn rows(&self) -> Rows {
        Rows::First
    }
}

impl BiasActivationOp {
    /// Both gradients in one kernel.
    fn fused<T: Element>(&self, call: &Call<T>, gy: &Var<T>) -> [Option<Var<T>>; 2] {
        let wants_bias = self.biased && call.wants(1);
        if self.settings == BiasActivation::default() {
            return [Some(gy.clone()), wants_bias.then(|| gy.sum_to(call.input_shape(1)))];
        }
        let y = self.settings.slope.map(|_| call.output());
        let y = y.as_ref().map_or(&[][..], |y| y.value().data());
        let mut gbias = wants_bias.then(|| Tensor::zeros(call.input_shape(1)));
        let gx = Tensor::written(*gy.shape(), |gx| {
            T::bias_act_grad(self.settings, y, gy.value().data(), gx, gbias.as_mut().map(Tensor::data_mut));
        });
        [Some(Var::constant(gx)), gbias.map(Var::constant)]
    }

    /// The same composed of ops.
    fn composed<T: Element>(&self, call: &Call<T>, gy: &Var<T>) -> [Option<Var<T>>; 2] {
        let mut g = gy.clone();
        if let Some((rate, key)) = self.settings.dropout {
            g = g.dropout(rate, key);
        }
        if let Some(slope) = self.settings.slope {
            g = LeakyReluGrad::apply(slope, &call.output(), &g);
        }
        let gbias = (self.biased && call.wants(1)).then(|| g.sum_to(call.input_shape(1)));
        [Some(g), gbias]
    }
}
