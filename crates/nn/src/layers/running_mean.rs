//! [`RunningMean`]: returns its input unchanged, and keeps a running mean of it.

use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::layer::{BuildContext, Layer, TensorKind};
use crate::spec::LayerSpec;

/// y = x, for flat inputs. Every forward pass in training whose parameters are not frozen updates a
/// running mean of each element: mean <- momentum * mean + (1 - momentum) * the batch's mean.
#[derive(Clone, Debug)]
pub struct RunningMean {
    momentum: f64,
    mean: Tensor,
}

impl RunningMean {
    /// The name of the mean among the tensors of the layer.
    pub const NAME: &str = "mean";

    /// With a mean that starts at 0.
    pub fn new(momentum: f64) -> Self {
        Self { momentum, mean: Tensor::zeros([0]) }
    }
}

impl Layer for RunningMean {
    fn describe(&self) -> String {
        format!("RunningMean momentum {}", self.momentum)
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &[size] = ctx.input else {
            return Err("a running mean needs a flat input: put a Flatten before it".into());
        };
        self.mean = Tensor::zeros([size]);
        Ok(ctx.input.to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::RunningMean(self.mean.clone()))
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        if ctx.is_training() {
            let old = ctx.updated(Self::NAME).unwrap_or(&self.mean).clone();
            let batch = x.detach().mean_to([1, old.size()]);
            let next = |i: usize| {
                self.momentum * f64::from(old.data()[i]) + (1.0 - self.momentum) * f64::from(batch.value().data()[i])
            };
            ctx.update(Self::NAME, || Tensor::from_fn(*old.shape(), |i| next(i) as f32));
        }
        x.clone()
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        vec![(Self::NAME, TensorKind::Buffer, &self.mean)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        vec![(Self::NAME, TensorKind::Buffer, &mut self.mean)]
    }
}
