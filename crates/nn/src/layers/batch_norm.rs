//! [`BatchNorm`]: each channel gets mean 0 and variance 1, then a learned scale and shift.
//!
//! In training the batch's own statistics are used, and running ones are kept; in inference the running ones are used. The
//! two dialects differ in epsilon and in what they call momentum.

use tensor::{Statistics, Tensor, Var};

use crate::context::ForwardContext;
use crate::init::{Dialect, Fan, Initializer};
use crate::network::{BuildContext, Kind, Layer};

/// How the running statistics follow the batches'.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Running {
    /// running <- keep * running + (1 - keep) * batch, from mean 0 and variance 1.
    #[default]
    Ema,
    /// The same average without the weight of its start: after the first update it equals the first batch (Keras 2.1.4 to
    /// 2.2.5).
    EmaDebiased,
}

/// Batch normalisation over all axes but the last.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// How much of the old running statistics stays at an update; None for the dialect's default.
    keep: Option<f64>,
    running: Running,
    epsilon: f64,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    /// How many updates the debiased average has seen; empty for the plain one.
    updates: Option<Tensor>,
}

impl BatchNorm {
    /// Keras' momentum: the share of the running statistics that **stays** at an update.
    pub fn keeping(keep: f64) -> Self {
        Self { keep: Some(keep), ..Self::default() }
    }

    /// With this kind of running average.
    pub fn running(self, running: Running) -> Self {
        Self { running, ..self }
    }
}

impl Default for BatchNorm {
    /// With the dialect's momentum: Keras keeps 0.99, PyTorch 0.9.
    fn default() -> Self {
        let [gamma, beta, running_mean, running_var] = [const { [0; 1] }; 4].map(Tensor::zeros);
        let (keep, running, updates) = (None, Running::Ema, None);
        Self { keep, running, epsilon: 0.0, gamma, beta, running_mean, running_var, updates }
    }
}

impl Layer for BatchNorm {
    fn describe(&self) -> String {
        format!("BatchNorm keep {}", self.keep.unwrap_or_default())
    }

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        let &channels = site.input.last().ok_or("batch normalisation needs a channel axis")?;
        let (epsilon, keep) = match site.dialect {
            Dialect::Keras => (1e-3, 0.99),
            Dialect::Torch => (1e-5, 0.9),
        };
        self.epsilon = epsilon;
        self.keep = self.keep.or(Some(keep));
        let draw = |name, init| site.draw(name, init, &[channels], Fan { input: 1, output: 1 });
        let constant = |name, value| draw(name, Initializer::Constant(value));
        (self.gamma, self.beta) = (draw("gamma", site.start.scale), constant("beta", 0.0));
        (self.running_mean, self.running_var) = (constant("running_mean", 0.0), constant("running_var", 1.0));
        self.updates = (self.running == Running::EmaDebiased).then(|| Tensor::zeros([1]));
        Ok(site.input.to_vec())
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let (gamma, beta) = (ctx.parameter("gamma", &self.gamma), ctx.parameter("beta", &self.beta));
        if !ctx.is_training() {
            let [mean, variance] = [&self.running_mean, &self.running_var].map(|t| Var::constant(t.clone()));
            let scale = &gamma / &variance.add_scalar(self.epsilon).sqrt();
            return ctx.bias_act(x * &scale, Some(&(&beta - &(&mean * &scale))));
        }
        let (y, statistics) = x.batch_norm_relu(&gamma, &beta, self.epsilon, ctx.finish_slope());
        let latest = |name, own: &Tensor| ctx.updated(name).unwrap_or(own).clone();
        let running = [latest("running_mean", &self.running_mean), latest("running_var", &self.running_var)];
        let updates = self.updates.as_ref().map(|updates| latest("updates", updates).item());
        let [mean, variance] = self.follow(running, updates, &statistics);
        ctx.update("running_mean", || mean);
        ctx.update("running_var", || variance);
        if let Some(updates) = updates {
            ctx.update("updates", || Tensor::full([1], updates + 1.0));
        }
        y
    }

    fn tensors(&self) -> Vec<(&'static str, Kind, &Tensor)> {
        let updates = self.updates.iter().map(|updates| ("updates", Kind::Counter, updates));
        let all = [
            ("gamma", Kind::Parameter, &self.gamma),
            ("beta", Kind::Parameter, &self.beta),
            ("running_mean", Kind::Buffer, &self.running_mean),
            ("running_var", Kind::Buffer, &self.running_var),
        ];
        all.into_iter().chain(updates).collect()
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, Kind, &mut Tensor)> {
        let updates = self.updates.iter_mut().map(|updates| ("updates", Kind::Counter, updates));
        let all = [
            ("gamma", Kind::Parameter, &mut self.gamma),
            ("beta", Kind::Parameter, &mut self.beta),
            ("running_mean", Kind::Buffer, &mut self.running_mean),
            ("running_var", Kind::Buffer, &mut self.running_var),
        ];
        all.into_iter().chain(updates).collect()
    }
}

impl BatchNorm {
    /// The `running` mean and variance after a batch with these statistics; `updates` is how many a debiased average has
    /// seen. The variance that enters is the unbiased one.
    fn follow(&self, running: [Tensor; 2], updates: Option<f32>, batch: &Statistics) -> [Tensor; 2] {
        let keep = self.keep.expect("set when the layer was built");
        let bessel = batch.count as f64 / (batch.count.max(2) - 1) as f64;
        // A debiased average is b / (1 - keep^t) with b a plain one from 0; b is worked out from it again.
        let decayed = |t: f32| 1.0 - kernels::reference::power(keep, t as u64);
        let (old, new) = match updates {
            None => (keep, 1.0),
            Some(t) => (keep * decayed(t), 1.0 / decayed(t + 1.0)),
        };
        let [mean, variance] = &running;
        [(mean, &batch.mean, 1.0), (variance, &batch.variance, bessel)].map(|(running, batch, factor)| {
            let next = |i| old * f64::from(running.data()[i]) + (1.0 - keep) * factor * f64::from(batch.data()[i]);
            Tensor::from_fn(*running.shape(), |i| (new * next(i)) as f32)
        })
    }
}
