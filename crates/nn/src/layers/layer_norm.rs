//! [`LayerNorm`]: each image is normalised to mean 0 and variance 1 over all its pixels and
//! channels.

use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::Fan;
use crate::layer::{BuildContext, Layer, TensorKind};
use crate::spec::LayerSpec;

/// Layer normalisation (Ba, Kiros and Hinton 2016) of images (h, w, c):
/// `(x - mean) / sqrt(variance + 1e-5)` over height, width and channels of each image, followed by
/// a learned scale and shift per channel. Unlike with batch normalisation, the output for an image
/// does not depend on the rest of the batch, which a gradient penalty requires.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    scale: Tensor,
    shift: Tensor,
}

impl Default for LayerNorm {
    fn default() -> Self {
        Self { scale: Tensor::zeros([0]), shift: Tensor::zeros([0]) }
    }
}

const EPSILON: f64 = 1e-5;

impl Layer for LayerNorm {
    fn describe(&self) -> String {
        "LayerNorm".into()
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &[_, _, channels] = ctx.input else { return Err("layer normalisation needs images (h, w, c)".into()) };
        let fan = Fan { input: 1, output: 1 };
        self.scale = ctx.draw("scale", ctx.init.scale, &[channels], fan);
        self.shift = Tensor::zeros([channels]);
        Ok(ctx.input.to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        let [scale, shift] = [&self.scale, &self.shift].map(Clone::clone);
        Some(LayerSpec::LayerNorm { scale, shift, epsilon: EPSILON })
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let (scale, shift) = (ctx.parameter("scale", &self.scale), ctx.parameter("shift", &self.shift));
        // Treats all elements of an image as pixels of one channel, whose statistics are then those
        // of the image.
        let (images, size) = (x.shape()[0], x.value().size());
        let normalised = x.reshape([images, size / images, 1, 1]).instance_norm(EPSILON, None).reshape(*x.shape());
        let scaled = &normalised * &scale;
        ctx.bias_act(scaled, Some(&shift))
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        vec![("scale", TensorKind::Parameter, &self.scale), ("shift", TensorKind::Parameter, &self.shift)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        vec![("scale", TensorKind::Parameter, &mut self.scale), ("shift", TensorKind::Parameter, &mut self.shift)]
    }
}
