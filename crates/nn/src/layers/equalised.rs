//! [`Equalised`]: the equalised learning rate (Karras, Aila, Laine and Lehtinen, "Progressive growing of GANs", 2018).
//!
//! All weights start from the same distribution, and a layer multiplies its own at run time by what the usual initialisation would have
//! given them: gain / sqrt(fan in). As Adam moves every weight by about the step size whatever its gradient, all layers then learn at
//! the same pace; otherwise those with small weights would learn faster.

use tensor::Var;

use crate::init::{InitScheme, Initializer};

/// How a layer scales its weights and biases at run time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equalised {
    /// The gain of the activation that follows: sqrt(2) for a ReLU and its kin, 1 for none.
    pub gain: f64,
    /// How fast the layer learns, 1 as the others: its weights start larger by 1 / multiplier, and they and its bias are multiplied by
    /// it at run time.
    pub multiplier: f64,
}

impl Equalised {
    /// With the gain sqrt(2), for a layer that a leaky ReLU follows.
    pub const BENT: Self = Self { gain: core::f64::consts::SQRT_2, multiplier: 1.0 };
    /// With the gain 1, for a layer that nothing follows.
    pub const LINEAR: Self = Self { gain: 1.0, multiplier: 1.0 };

    /// Where the tensors of a layer start: normal weights, biases 0; `usual` without equalising.
    pub(crate) fn start(this: Option<Self>, usual: InitScheme) -> InitScheme {
        this.map_or(usual, |Self { multiplier, .. }| {
            let weight = Initializer::Normal { mean: 0.0, deviation: 1.0 / multiplier };
            InitScheme { weight, bias: Initializer::Constant(0.0), ..usual }
        })
    }

    /// The weight to use instead of `weight`, whose last axis is the layer's outputs.
    pub(crate) fn weight(this: Option<Self>, weight: Var) -> Var {
        let Some(Self { gain, multiplier }) = this else { return weight };
        let outputs = *weight.shape().last().expect("a weight has axes");
        let fan_in = weight.value().size() / outputs;
        weight.scale(gain / (fan_in as f64).sqrt() * multiplier)
    }

    /// The bias to use instead of `bias`.
    pub(crate) fn bias(this: Option<Self>, bias: Var) -> Var {
        match this {
            Some(Self { multiplier, .. }) if multiplier != 1.0 => bias.scale(multiplier),
            _ => bias,
        }
    }
}
