//! [`Equalised`]: the equalised learning rate (Karras, Aila, Laine and Lehtinen, "Progressive
//! growing of GANs for improved quality, stability, and variation", 2018).
//!
//! The weights of all layers are initialised from the same distribution. Each layer multiplies its
//! weights at run time by the standard deviation that He's initialisation would have given them,
//! gain / sqrt(fan in). Adam moves every weight by about the step size, whatever the scale of its
//! gradient, so all layers then learn at the same relative speed. Without this, layers with small
//! weights learn faster.

use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::{InitScheme, Initializer};
use crate::layers::SpectralNorm;

/// How a layer scales its weights and biases at run time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equalised {
    /// The gain of the activation that follows: sqrt(2) for (leaky) ReLUs, 1 for none.
    pub gain: f64,
    /// The layer's learning rate relative to others. Its initial weights are larger by 1 /
    /// multiplier, and both weights and bias are multiplied by it at run time.
    pub multiplier: f64,
}

impl Equalised {
    /// With gain sqrt(2), for a layer followed by a (leaky) ReLU.
    pub const RELU: Self = Self { gain: core::f64::consts::SQRT_2, multiplier: 1.0 };
    /// With gain 1, for a layer without activation.
    pub const LINEAR: Self = Self { gain: 1.0, multiplier: 1.0 };

    /// The initialisers of a layer: normal weights, biases 0; `usual` without equalising.
    pub(crate) fn init_scheme(this: Option<Self>, usual: InitScheme) -> InitScheme {
        this.map_or(usual, |Self { multiplier, .. }| {
            let weight = Initializer::Normal { mean: 0.0, deviation: 1.0 / multiplier };
            InitScheme { weight, bias: Initializer::Constant(0.0), ..usual }
        })
    }

    /// The factor of a weight. Its last axis is the layer's outputs.
    pub(crate) fn factor(self, weight: &Tensor) -> f64 {
        let outputs = *weight.shape().last().expect("a weight has axes");
        let fan_in = weight.size() / outputs;
        self.gain / (fan_in as f64).sqrt() * self.multiplier
    }

    /// The factors of a layer with this weight and perhaps a bias
    /// ([`Layer::factors`](crate::Layer::factors)).
    pub(crate) fn factors(this: Option<Self>, weight: &Tensor, bias: Option<&Tensor>) -> Vec<(&'static str, f64)> {
        let Some(this) = this else { return Vec::new() };
        let bias = bias.map(|_| ("bias", this.multiplier)).filter(|(_, multiplier)| *multiplier != 1.0);
        [("weight", this.factor(weight))].into_iter().chain(bias).collect()
    }

    /// The scaled weight. The last axis of `weight` is the layer's outputs.
    pub(crate) fn weight(this: Option<Self>, weight: Var) -> Var {
        let Some(this) = this else { return weight };
        weight.scale(this.factor(weight.value()))
    }

    /// The weight and the bias of a layer as it uses them in inference: scaled, and divided by the
    /// spectral norm.
    pub(crate) fn effective(
        this: Option<Self>,
        spectral: Option<&SpectralNorm>,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> (Tensor, Option<Tensor>) {
        let scaled = Self::weight(this, Var::constant(weight.clone()));
        let weight = SpectralNorm::applied(spectral, &mut ForwardContext::inference(), scaled);
        let bias = bias.map(|bias| Self::bias(this, Var::constant(bias.clone())).into_value());
        (weight.into_value(), bias)
    }

    /// The scaled bias.
    pub(crate) fn bias(this: Option<Self>, bias: Var) -> Var {
        match this {
            Some(Self { multiplier, .. }) if multiplier != 1.0 => bias.scale(multiplier),
            _ => bias,
        }
    }
}
