//! [`InstanceNorm`]: each channel of each image gets mean 0 and variance 1.

use tensor::Var;

use crate::context::ForwardContext;
use crate::network::{BuildContext, Layer};

/// Instance normalisation as PyTorch's `InstanceNorm2d` does it: epsilon 1e-5, nothing to learn, and no running statistics, so
/// that training and inference are the same.
#[derive(Clone, Copy, Debug)]
pub struct InstanceNorm;

const EPSILON: f64 = 1e-5;

impl Layer for InstanceNorm {
    fn describe(&self) -> String {
        "InstanceNorm".into()
    }

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        let [_, _, _] = site.input else { return Err("instance normalisation needs images (h, w, c)".into()) };
        Ok(site.input.to_vec())
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let slope = ctx.finish_slope();
        x.instance_norm(EPSILON, slope)
    }
}
