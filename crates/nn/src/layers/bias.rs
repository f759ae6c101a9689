//! [`Bias`]: a number for each channel, added.

use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::network::{BuildContext, Kind, Layer};

/// x + b, with one number for each channel, which starts at 0: for layers whose bias comes later than their weights.
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

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        let &channels = site.input.last().ok_or("a bias needs a channel axis")?;
        self.0 = Tensor::zeros([channels]);
        Ok(site.input.to_vec())
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let bias = ctx.parameter("bias", &self.0);
        ctx.bias_act(x.clone(), Some(&bias))
    }

    fn tensors(&self) -> Vec<(&'static str, Kind, &Tensor)> {
        vec![("bias", Kind::Parameter, &self.0)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, Kind, &mut Tensor)> {
        vec![("bias", Kind::Parameter, &mut self.0)]
    }
}
