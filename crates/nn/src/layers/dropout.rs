//! [`Dropout`]: forgets a random share of its input while training.

use tensor::Var;

use crate::context::{ForwardContext, Fusion};
use crate::network::{BuildContext, Layer};

/// Sets each element to 0 with this probability, in training only; the others are scaled up to keep the expectation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout(pub f64);

impl Layer for Dropout {
    fn describe(&self) -> String {
        format!("Dropout {}", self.0)
    }

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        if !(0.0..1.0).contains(&self.0) {
            return Err(format!("a dropout rate must be in [0, 1), not {}", self.0));
        }
        Ok(site.input.to_vec())
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        match ctx.key() {
            Some(key) if self.0 > 0.0 => x.dropout(self.0, key),
            _ => x.clone(),
        }
    }

    fn fusion(&self) -> Option<Fusion> {
        Some(Fusion::Dropout(self.0))
    }
}
