//! [`Gain`]: everything times one number.

use tensor::Var;

use crate::context::ForwardContext;
use crate::network::{BuildContext, Layer};

/// Everything times a constant: the square root of 2 after a leaky ReLU makes up for what that takes off the mean square. Nothing is
/// learned.
#[derive(Clone, Copy, Debug)]
pub struct Gain(pub f64);

impl Layer for Gain {
    fn describe(&self) -> String {
        format!("Gain {:.4}", self.0)
    }

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        Ok(site.input.to_vec())
    }

    fn forward(&self, _pass: &mut ForwardContext, x: &Var) -> Var {
        x.scale(self.0)
    }
}
