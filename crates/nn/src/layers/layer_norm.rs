//! [`LayerNorm`]: each image gets mean 0 and variance 1, over all its pixels and channels together.

use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::Fan;
use crate::network::{BuildContext, Kind, Layer};

/// Layer normalisation of images (Ba, Kiros and Hinton, 2016): (x - mean) / sqrt(variance + 1e-5) over height, width and channels of
/// each image; then a learned scale and shift for each channel. An image does not depend on the others of its batch, so a critic
/// whose gradient is penalised may use it, unlike batch normalisation.
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

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        let &[_, _, channels] = site.input else { return Err("layer normalisation needs images (h, w, c)".into()) };
        let fan = Fan { input: 1, output: 1 };
        self.scale = site.draw("scale", site.start.scale, &[channels], fan);
        self.shift = Tensor::zeros([channels]);
        Ok(site.input.to_vec())
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let (scale, shift) = (ctx.parameter("scale", &self.scale), ctx.parameter("shift", &self.shift));
        // All numbers of an image as the pixels of one channel: that channel's statistics are the image's.
        let (images, size) = (x.shape()[0], x.value().size());
        let normal = x.reshape([images, size / images, 1, 1]).instance_norm(EPSILON, None).reshape(*x.shape());
        let scaled = &normal * &scale;
        ctx.bias_act(scaled, Some(&shift))
    }

    fn tensors(&self) -> Vec<(&'static str, Kind, &Tensor)> {
        vec![("scale", Kind::Parameter, &self.scale), ("shift", Kind::Parameter, &self.shift)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, Kind, &mut Tensor)> {
        vec![("scale", Kind::Parameter, &mut self.scale), ("shift", Kind::Parameter, &mut self.shift)]
    }
}
