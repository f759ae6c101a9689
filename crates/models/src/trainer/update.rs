//! [`Update`]: the optimisers of a GAN and their schedules.

use kernels::scalar::powi;
use nn::optim::{Adam, UpdateRule};
use nn::{Network, Optimizer};

use crate::trainer::options::TrainingOptions;

/// How both networks are updated. The learning rates are settings of the user.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Update {
    pub(crate) rule: UpdateRule,
    pub(crate) weight_decay: f64,
    pub(crate) schedule: Schedule,
}

/// How the step size changes during training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Schedule {
    Constant,
    /// Divided by 1 + decay (t - 1) at update t = 1, 2, ..., as in Keras 2.
    InverseTime {
        decay: f64,
    },
    /// Falls linearly to 0 within this many training steps.
    Linear {
        steps: u64,
    },
    /// Divided by `factor` at each update, down to `floor`. Over the first `updates` updates the
    /// momentum goes from the first value to the second.
    Exponential {
        factor: f64,
        floor: f64,
        momentum: [f64; 2],
        updates: u64,
    },
}

impl Update {
    /// This rule with a constant step size.
    pub(crate) fn new(rule: impl Into<UpdateRule>) -> Self {
        Self { rule: rule.into(), weight_decay: 0.0, schedule: Schedule::Constant }
    }

    /// Adam with PyTorch's epsilon.
    pub(crate) fn adam(beta1: f64, beta2: f64) -> Self {
        Self::new(Adam { beta1, beta2, epsilon: 1e-8 })
    }

    /// With this schedule.
    pub(crate) fn schedule(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }

    /// The optimiser of a network, with the clipping of the options.
    pub(crate) fn optimizer(self, network: &Network, learning_rate: f64, options: &TrainingOptions) -> Optimizer {
        let optimizer = Optimizer::new(network, self.rule, learning_rate).weight_decay(self.weight_decay);
        let optimizer = match self.schedule {
            Schedule::InverseTime { decay } => optimizer.decay(decay),
            _ => optimizer,
        };
        let bound = |bound: f64| if bound > 0.0 { bound } else { f64::INFINITY };
        optimizer.clip(bound(options.clip_value)).clip_norm(bound(options.clip_norm))
    }

    /// Sets the learning rate and the momentum of the next update, if they follow a schedule. There
    /// are `updates` updates per training step.
    pub(crate) fn prepare(self, optimizer: &mut Optimizer, learning_rate: f64, updates: usize) {
        let done = optimizer.updates();
        match self.schedule {
            Schedule::Exponential { factor, floor, momentum: [first, last], updates: within } => {
                optimizer.set_learning_rate((learning_rate / powi(factor, done)).max(floor));
                optimizer.set_momentum(first + (last - first) * (done as f64 / within as f64).min(1.0));
            }
            Schedule::Linear { steps } => {
                let left = 1.0 - (done / updates as u64) as f64 / steps as f64;
                optimizer.set_learning_rate(learning_rate * left.max(0.0));
            }
            Schedule::Constant | Schedule::InverseTime { .. } => {}
        }
    }
}
