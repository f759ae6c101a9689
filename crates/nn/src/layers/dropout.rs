//! [`Dropout`]: sets random elements to 0 in training.

use tensor::Var;

use crate::context::{ForwardContext, Fusion};
use crate::layer::{BuildContext, Layer};
use crate::spec::LayerSpec;

/// Sets each element to 0 with this probability, in training only, and divides the others by 1 -
/// rate, so that the expected value stays the same (Srivastava et al. 2014).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout(pub f64);

impl Layer for Dropout {
    fn describe(&self) -> String {
        format!("Dropout {}", self.0)
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        if !(0.0..1.0).contains(&self.0) {
            return Err(format!("a dropout rate must be in [0, 1), not {}", self.0));
        }
        Ok(ctx.input.to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::Identity)
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        match ctx.key() {
            Some(key) if self.0 > 0.0 => x.dropout(self.0, key),
            _ => x.clone(),
        }
    }

    fn dropout_rate_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.0)
    }

    fn fusion(&self) -> Option<Fusion> {
        Some(Fusion::Dropout(self.0))
    }
}
