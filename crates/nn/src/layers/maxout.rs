//! [`Maxout`]: linear pieces, of which the highest counts.

use tensor::Var;

use crate::context::ForwardContext;
use crate::network::{BuildContext, Layer};

/// Of each so many neighbours the largest (Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks", 2013). After
/// a dense layer of units * pieces outputs, each unit is a convex function of the layer's input, which is learned.
#[derive(Clone, Copy, Debug)]
pub struct Maxout(pub usize);

impl Layer for Maxout {
    fn describe(&self) -> String {
        format!("Maxout of {}", self.0)
    }

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        match *site.input {
            [inputs] if self.0 > 0 && inputs.is_multiple_of(self.0) => Ok(vec![inputs / self.0]),
            _ => Err(format!("maxout needs a flat input of a multiple of {} numbers", self.0)),
        }
    }

    fn forward(&self, _pass: &mut ForwardContext, x: &Var) -> Var {
        x.maxout(self.0)
    }
}
