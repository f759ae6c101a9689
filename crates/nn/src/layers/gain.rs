//! [`Gain`]: multiplies by a constant.

use tensor::Var;

use crate::context::ForwardContext;
use crate::layer::{BuildContext, Layer};
use crate::spec::LayerSpec;

/// Multiplies all elements by this constant. sqrt(2) after a leaky ReLU restores the mean square of
/// its input.
#[derive(Clone, Copy, Debug)]
pub struct Gain(pub f64);

impl Layer for Gain {
    fn describe(&self) -> String {
        format!("Gain {:.4}", self.0)
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        Ok(ctx.input.to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::Gain(self.0))
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        x.scale(self.0)
    }
}
