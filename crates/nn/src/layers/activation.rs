//! [`Activation`]: a non-linear function between two linear layers.

use tensor::Var;

use crate::context::{ForwardContext, Fusion};
use crate::layer::{BuildContext, Layer};
use crate::spec::LayerSpec;

/// A function of each element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// x where x > 0, slope * x elsewhere. (The default slope is 0.3 in Keras, 0.01 in PyTorch.)
    LeakyRelu(f64),
    /// 1 / (1 + e^-x)
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// log(1 + e^x)
    Softplus,
}

impl Activation {
    /// Whether its values are bounded, as those of the last layer of a network often have to be.
    pub(crate) fn is_bounded(self) -> bool {
        matches!(self, Activation::Sigmoid | Activation::Tanh)
    }
}

impl Layer for Activation {
    fn describe(&self) -> String {
        match self {
            Activation::Relu => "ReLU".into(),
            Activation::LeakyRelu(slope) => format!("LeakyReLU {slope}"),
            Activation::Sigmoid => "Sigmoid".into(),
            Activation::Tanh => "Tanh".into(),
            Activation::Softplus => "Softplus".into(),
        }
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        Ok(ctx.input.to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::Activation(*self))
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        match *self {
            Activation::Relu => x.relu(),
            Activation::LeakyRelu(slope) => x.leaky_relu(slope),
            Activation::Sigmoid => x.sigmoid(),
            Activation::Tanh => x.tanh(),
            Activation::Softplus => x.softplus(),
        }
    }

    fn activation(&self) -> Option<Activation> {
        Some(*self)
    }

    fn fusion(&self) -> Option<Fusion> {
        match *self {
            Activation::Relu => Some(Fusion::LeakyRelu(0.0)),
            Activation::LeakyRelu(slope) if slope >= 0.0 => Some(Fusion::LeakyRelu(slope)),
            _ => None,
        }
    }
}
