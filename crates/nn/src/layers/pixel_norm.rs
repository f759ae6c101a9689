//! [`PixelNorm`]: the channels of each pixel are scaled to mean square 1.

use tensor::Var;

use crate::context::ForwardContext;
use crate::layer::{BuildContext, Layer};
use crate::spec::LayerSpec;

/// x / sqrt(mean of x^2 over the channels + 1e-8), for images and flat inputs (Karras et al. 2018).
#[derive(Clone, Copy, Debug)]
pub struct PixelNorm;

const EPSILON: f64 = 1e-8;

impl Layer for PixelNorm {
    fn describe(&self) -> String {
        "PixelNorm".into()
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        Ok(ctx.input.to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::PixelNorm { epsilon: EPSILON })
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        x.pixel_norm(EPSILON)
    }
}
