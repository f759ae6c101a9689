//! [`Maxout`]: the maximum of groups of inputs.

use tensor::Var;

use crate::context::ForwardContext;
use crate::layer::{BuildContext, Layer};
use crate::spec::LayerSpec;

/// The maximum of each group of this many consecutive inputs (Goodfellow, Warde-Farley, Mirza,
/// Courville and Bengio, "Maxout networks", 2013). After a dense layer of units * pieces outputs,
/// each unit is a learned convex, piecewise linear function of that layer's input.
#[derive(Clone, Copy, Debug)]
pub struct Maxout(pub usize);

impl Layer for Maxout {
    fn describe(&self) -> String {
        format!("Maxout of {}", self.0)
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        match *ctx.input {
            [inputs] if self.0 > 0 && inputs.is_multiple_of(self.0) => Ok(vec![inputs / self.0]),
            _ => Err(format!("maxout needs a flat input whose size is a multiple of {}", self.0)),
        }
    }

    fn is_hidden_activation(&self) -> bool {
        true
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::Maxout(self.0))
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        x.maxout(self.0)
    }
}
