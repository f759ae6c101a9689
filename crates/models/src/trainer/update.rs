//! [`Update`]: what a game makes of gradients.

use nn::{Network, Optimizer, Rule};

use crate::trainer::options::TrainingOptions;

/// How both networks are updated; the step sizes are the user's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Update {
    /// Adam, the weights pulled towards 0 by `l2`.
    Adam { beta1: f64, beta2: f64, l2: f64 },
    /// Adam with a step size that falls evenly to 0 within so many steps of the game.
    AdamFading { beta1: f64, beta2: f64, steps: u64 },
    /// Adam as Keras writes it.
    AdamKeras { beta1: f64 },
    /// The old Keras RMSprop, with the step size divided by 1 + decay t.
    RmsProp { decay: f64 },
    /// Plain steps. The step size is divided by `factor` at each update, down to `floor`; the
    /// momentum goes from the first to the second value within so many updates.
    Sgd { factor: f64, floor: f64, momentum: [f64; 2], updates: u64 },
}

impl Update {
    /// The optimiser of a network, with the bounds of the switches.
    pub(crate) fn optimizer(self, network: &Network, learning_rate: f64, options: &TrainingOptions) -> Optimizer {
        let new = |rule| Optimizer::new(network, rule, learning_rate);
        let optimizer = match self {
            Update::Adam { beta1, beta2, l2 } => Optimizer::adam(network, learning_rate, beta1, beta2).weight_decay(l2),
            Update::AdamFading { beta1, beta2, .. } => Optimizer::adam(network, learning_rate, beta1, beta2),
            Update::AdamKeras { beta1 } => new(Rule::AdamTf { beta1, beta2: 0.999, epsilon: 1e-7 }),
            Update::RmsProp { decay } => Optimizer::rms_prop(network, learning_rate).decay(decay),
            Update::Sgd { momentum, .. } => new(Rule::Sgd { momentum: momentum[0], nesterov: false }),
        };
        let bound = |bound: f64| if bound > 0.0 { bound } else { f64::INFINITY };
        optimizer.clip(bound(options.clip_value)).clip_norm(bound(options.clip_norm))
    }

    /// Sets the step size and the momentum of the next update, if they follow a schedule; a step of
    /// the game makes so many `updates`.
    pub(crate) fn prepare(self, optimizer: &mut Optimizer, learning_rate: f64, updates: usize) {
        let done = optimizer.updates();
        match self {
            Update::Sgd { factor, floor, momentum: [first, last], updates: within } => {
                optimizer.set_learning_rate((learning_rate / kernels::reference::power(factor, done)).max(floor));
                optimizer.set_momentum(first + (last - first) * (done as f64 / within as f64).min(1.0));
            }
            Update::AdamFading { steps, .. } => {
                let left = 1.0 - (done / updates as u64) as f64 / steps as f64;
                optimizer.set_learning_rate(learning_rate * left.max(0.0));
            }
            Update::Adam { .. } | Update::AdamKeras { .. } | Update::RmsProp { .. } => {}
        }
    }
}
