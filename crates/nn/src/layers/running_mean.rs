//! [`RunningMean`]: passes everything on, and keeps the mean of it.

use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::network::{BuildContext, Kind, Layer};

/// y = x, for flat inputs. The mean of each number over the batch enters a running mean at every training pass that learns: of the old
/// one the share `keep` stays.
#[derive(Clone, Debug)]
pub struct RunningMean {
    keep: f64,
    mean: Tensor,
}

impl RunningMean {
    /// What its mean is called among the tensors of its network.
    pub const NAME: &str = "mean";

    /// With a mean that starts at 0.
    pub fn new(keep: f64) -> Self {
        Self { keep, mean: Tensor::zeros([0]) }
    }
}

impl Layer for RunningMean {
    fn describe(&self) -> String {
        format!("RunningMean keep {}", self.keep)
    }

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        let &[size] = site.input else {
            return Err("a running mean is kept of flat inputs: put a Flatten before it".into());
        };
        self.mean = Tensor::zeros([size]);
        Ok(site.input.to_vec())
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        if ctx.is_training() {
            let old = ctx.updated(Self::NAME).unwrap_or(&self.mean).clone();
            let batch = x.detach().mean_to([1, old.size()]);
            let next = |i: usize| {
                self.keep * f64::from(old.data()[i]) + (1.0 - self.keep) * f64::from(batch.value().data()[i])
            };
            ctx.update(Self::NAME, || Tensor::from_fn(*old.shape(), |i| next(i) as f32));
        }
        x.clone()
    }

    fn tensors(&self) -> Vec<(&'static str, Kind, &Tensor)> {
        vec![(Self::NAME, Kind::Buffer, &self.mean)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, Kind, &mut Tensor)> {
        vec![(Self::NAME, Kind::Buffer, &mut self.mean)]
    }
}
