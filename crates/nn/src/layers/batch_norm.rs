//! [`BatchNorm`]: each channel is normalised to mean 0 and variance 1, then scaled and shifted.

use tensor::{Statistics, Tensor, Var};

use crate::context::ForwardContext;
use crate::init::{Dialect, Fan, Initializer};
use crate::layer::{BuildContext, Layer, TensorKind};
use crate::spec::LayerSpec;

/// The kind of average that the running statistics are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Running {
    /// running <- momentum * running + (1 - momentum) * batch, starting at mean 0 and variance 1.
    #[default]
    Ema,
    /// The same, corrected for its start as in Adam: after the first update it equals the
    /// statistics of the first batch (Keras 2.1.4 to 2.2.5).
    EmaDebiased,
}

/// Batch normalisation (Ioffe and Szegedy, "Batch normalization: accelerating deep network training
/// by reducing internal covariate shift", 2015) over all axes but the last, with a learned scale
/// and shift per channel.
///
/// Training uses the mean and the variance of the batch and updates running averages of them, which
/// inference uses. If the batch consists of several shards, these are the statistics of the shard,
/// or those of the whole batch with [`Shards::synchronised`](crate::Shards::synchronised).
/// **Momentum** has Keras' meaning in both dialects, the weight of the old average:
///
/// ```text
/// running <- momentum * running + (1 - momentum) * batch
/// ```
///
/// PyTorch's parameter of that name is the weight of the new value: 1 - momentum. The variance that
/// enters the average is the unbiased one. The dialects differ in their defaults: momentum 0.99 and
/// epsilon 1e-3 in Keras, 0.9 and 1e-5 in PyTorch.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// None for the dialect's default.
    momentum: Option<f64>,
    running: Running,
    epsilon: f64,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    /// The number of updates of a debiased average.
    updates: Option<Tensor>,
}

impl BatchNorm {
    /// With this [momentum](BatchNorm), in Keras' sense.
    pub fn with_momentum(momentum: f64) -> Self {
        Self { momentum: Some(momentum), ..Self::default() }
    }

    /// With this kind of running average.
    pub fn running(self, running: Running) -> Self {
        Self { running, ..self }
    }
}

impl Default for BatchNorm {
    /// With the dialect's momentum: 0.99 for Keras, 0.9 for PyTorch.
    fn default() -> Self {
        let [gamma, beta, running_mean, running_var] = [const { [0; 1] }; 4].map(Tensor::zeros);
        let (momentum, running, updates) = (None, Running::Ema, None);
        Self { momentum, running, epsilon: 0.0, gamma, beta, running_mean, running_var, updates }
    }
}

impl Layer for BatchNorm {
    fn describe(&self) -> String {
        format!("BatchNorm momentum {}", self.momentum.unwrap_or_default())
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &channels = ctx.input.last().ok_or("batch normalisation needs a channel axis")?;
        let (epsilon, momentum) = match ctx.dialect {
            Dialect::Keras => (1e-3, 0.99),
            Dialect::Torch => (1e-5, 0.9),
        };
        self.epsilon = epsilon;
        self.momentum = self.momentum.or(Some(momentum));
        let draw = |name, init| ctx.draw(name, init, &[channels], Fan { input: 1, output: 1 });
        let constant = |name, value| draw(name, Initializer::Constant(value));
        (self.gamma, self.beta) = (draw("gamma", ctx.init.scale), constant("beta", 0.0));
        (self.running_mean, self.running_var) = (constant("running_mean", 0.0), constant("running_var", 1.0));
        self.updates = (self.running == Running::EmaDebiased).then(|| Tensor::zeros([1]));
        Ok(ctx.input.to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        let [gamma, beta] = [&self.gamma, &self.beta].map(Clone::clone);
        let [mean, variance] = [&self.running_mean, &self.running_var].map(Clone::clone);
        Some(LayerSpec::BatchNorm { gamma, beta, mean, variance, epsilon: self.epsilon })
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let (gamma, beta) = (ctx.parameter("gamma", &self.gamma), ctx.parameter("beta", &self.beta));
        if !ctx.is_training() {
            let [mean, variance] = [&self.running_mean, &self.running_var].map(|t| Var::constant(t.clone()));
            let scale = &gamma / &variance.add_scalar(self.epsilon).sqrt();
            return ctx.bias_act(x * &scale, Some(&(&beta - &(&mean * &scale))));
        }
        let slope = ctx.fused_slope();
        let (y, statistics) = match ctx.shard_group() {
            None => x.batch_norm_relu(&gamma, &beta, self.epsilon, slope),
            Some(group) => x.sync_batch_norm(&gamma, &beta, self.epsilon, slope, &group),
        };
        let latest = |name, own: &Tensor| ctx.updated(name).unwrap_or(own).clone();
        let running = [latest("running_mean", &self.running_mean), latest("running_var", &self.running_var)];
        let updates = self.updates.as_ref().map(|updates| latest("updates", updates).item());
        let [mean, variance] = self.next_average(running, updates, &statistics);
        ctx.update("running_mean", || mean);
        ctx.update("running_var", || variance);
        if let Some(updates) = updates {
            ctx.update("updates", || Tensor::full([1], updates + 1.0));
        }
        y
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        let updates = self.updates.iter().map(|updates| ("updates", TensorKind::Internal, updates));
        let all = [
            ("gamma", TensorKind::Parameter, &self.gamma),
            ("beta", TensorKind::Parameter, &self.beta),
            ("running_mean", TensorKind::Buffer, &self.running_mean),
            ("running_var", TensorKind::Buffer, &self.running_var),
        ];
        all.into_iter().chain(updates).collect()
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        let updates = self.updates.iter_mut().map(|updates| ("updates", TensorKind::Internal, updates));
        let all = [
            ("gamma", TensorKind::Parameter, &mut self.gamma),
            ("beta", TensorKind::Parameter, &mut self.beta),
            ("running_mean", TensorKind::Buffer, &mut self.running_mean),
            ("running_var", TensorKind::Buffer, &mut self.running_var),
        ];
        all.into_iter().chain(updates).collect()
    }
}

impl BatchNorm {
    /// The running mean and variance after a batch with these statistics; `updates` is the number
    /// of earlier updates of a debiased average.
    fn next_average(&self, running: [Tensor; 2], updates: Option<f32>, batch: &Statistics) -> [Tensor; 2] {
        let momentum = self.momentum.expect("set when the layer was built");
        let bessel = batch.count as f64 / (batch.count.max(2) - 1) as f64;
        // A debiased average is b / (1 - momentum^t), where b is a plain average that starts at 0.
        // b is recovered from it.
        let correction = |t: f32| 1.0 - kernels::scalar::powi(momentum, t as u64);
        let (old, new) = match updates {
            None => (momentum, 1.0),
            Some(t) => (momentum * correction(t), 1.0 / correction(t + 1.0)),
        };
        let [mean, variance] = &running;
        [(mean, &batch.mean, 1.0), (variance, &batch.variance, bessel)].map(|(running, batch, factor)| {
            let next = |i| old * f64::from(running.data()[i]) + (1.0 - momentum) * factor * f64::from(batch.data()[i]);
            Tensor::from_fn(*running.shape(), |i| (new * next(i)) as f32)
        })
    }
}
