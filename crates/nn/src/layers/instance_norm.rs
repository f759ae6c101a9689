//! [`InstanceNorm`]: each channel of each image gets mean 0 and variance 1.

use tensor::Var;

use crate::network::{Layer, Site};
use crate::pass::Pass;

/// Instance normalisation as PyTorch's `InstanceNorm2d` does it: epsilon 1e-5, nothing to learn, and no running statistics, so
/// that training and inference are the same.
#[derive(Clone, Copy, Debug)]
pub struct InstanceNorm;

const EPSILON: f64 = 1e-5;

impl Layer for InstanceNorm {
    fn describe(&self) -> String {
        "InstanceNorm".into()
    }

    fn build(&mut self, site: &Site) -> Result<Vec<usize>, String> {
        let [_, _, _] = site.input else { return Err("instance normalisation needs images (h, w, c)".into()) };
        Ok(site.input.to_vec())
    }

    fn forward(&self, pass: &mut Pass, x: &Var) -> Var {
        let slope = pass.finish_slope();
        x.instance_norm(EPSILON, slope)
    }
}
