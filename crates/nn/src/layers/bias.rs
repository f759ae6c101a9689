//! [`Bias`]: adds a learned number to each channel.

use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::layer::{BuildContext, Layer, TensorKind};
use crate::spec::LayerSpec;

/// x + b, with one number per channel, 0 at first: for biases that are not added directly after the
/// weights.
#[derive(Clone, Debug)]
pub struct Bias(Tensor);

impl Default for Bias {
    fn default() -> Self {
        Self(Tensor::zeros([0]))
    }
}

impl Layer for Bias {
    fn describe(&self) -> String {
        "Bias".into()
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &channels = ctx.input.last().ok_or("a bias needs a channel axis")?;
        self.0 = Tensor::zeros([channels]);
        Ok(ctx.input.to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::Bias(self.0.clone()))
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let bias = ctx.parameter("bias", &self.0);
        ctx.bias_act(x.clone(), Some(&bias))
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        vec![("bias", TensorKind::Parameter, &self.0)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        vec![("bias", TensorKind::Parameter, &mut self.0)]
    }
}
