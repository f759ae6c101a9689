//! [`PixelNorm`]: every pixel's channels get the mean square 1.

use tensor::Var;

use crate::context::ForwardContext;
use crate::network::{BuildContext, Layer};

/// x / sqrt(mean over the channels of x^2 + 1e-8), for images and for flat inputs (Karras et al. 2018). Nothing is learned.
#[derive(Clone, Copy, Debug)]
pub struct PixelNorm;

const EPSILON: f64 = 1e-8;

impl Layer for PixelNorm {
    fn describe(&self) -> String {
        "PixelNorm".into()
    }

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        Ok(site.input.to_vec())
    }

    fn forward(&self, _pass: &mut ForwardContext, x: &Var) -> Var {
        x.pixel_norm(EPSILON)
    }
}
