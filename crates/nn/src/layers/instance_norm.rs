//! [`InstanceNorm`]: each channel of each image is normalised to mean 0 and variance 1.

use tensor::Var;

use crate::context::ForwardContext;
use crate::layer::{BuildContext, Layer};
use crate::spec::LayerSpec;

/// Instance normalisation (Ulyanov, Vedaldi and Lempitsky 2016) of images (h, w, c), with the
/// defaults of PyTorch's `InstanceNorm2d`: epsilon 1e-5, no learned scale or shift, and no running
/// statistics, so training and inference are the same.
#[derive(Clone, Copy, Debug)]
pub struct InstanceNorm;

const EPSILON: f64 = 1e-5;

impl Layer for InstanceNorm {
    fn describe(&self) -> String {
        "InstanceNorm".into()
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let [_, _, _] = ctx.input else { return Err("instance normalisation needs images (h, w, c)".into()) };
        Ok(ctx.input.to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::InstanceNorm { epsilon: EPSILON })
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let slope = ctx.fused_slope();
        x.instance_norm(EPSILON, slope)
    }
}
