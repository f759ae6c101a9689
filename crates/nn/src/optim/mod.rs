//! Optimisers: how gradients change the parameters of networks.

use std::collections::BTreeMap;

pub use kernels::optimizer::rules::*;
pub use kernels::optimizer::{StateSlot, UpdateRule};
use tensor::Tensor;

use crate::context::Gradients;
use crate::layer::TensorKind;
use crate::network::Network;
use crate::observer::{self, ParameterUpdate};
use crate::state::{State, Stateful};

pub mod formula;
pub use formula::Formulas;

/// Updates the parameters of one or several networks, and holds the state that its
/// [rule](UpdateRule) keeps between updates.
///
/// An update first prepares the gradients: all of them are scaled together
/// ([`clip_norm`](Self::clip_norm)), each element is clipped ([`clip`](Self::clip)), and the weight
/// decay is added ([`weight_decay`](Self::weight_decay)). Then it applies the rule to each element.
/// The [`formulas`](Self::formulas) of an update list all of this.
#[derive(Clone, Debug)]
pub struct Optimizer {
    name: String,
    rule: UpdateRule,
    learning_rate: f64,
    decay: f64,
    clip: f64,
    clip_norm: f64,
    weight_decay: f64,
    updates: u64,
    /// The rule's state of each parameter, in the order of its slots.
    state: BTreeMap<String, Vec<Tensor>>,
}

impl Optimizer {
    /// An optimiser of the parameters of `network`, without decay, clipping or weight decay.
    pub fn new(network: &Network, rule: impl Into<UpdateRule>, learning_rate: f64) -> Self {
        Self::of_several(network.name(), &[network], rule, learning_rate)
    }

    /// One optimiser, called `name`, of the parameters of all `networks`.
    pub fn of_several(name: &str, networks: &[&Network], rule: impl Into<UpdateRule>, learning_rate: f64) -> Self {
        let rule = rule.into();
        let mut state = BTreeMap::new();
        for (name, kind, tensor) in networks.iter().flat_map(|network| network.tensors()) {
            if kind == TensorKind::Parameter {
                state.insert(name, vec![Tensor::zeros(*tensor.shape()); rule.state().len()]);
            }
        }
        let (decay, clip, clip_norm, weight_decay, updates) = (0.0, f64::INFINITY, f64::INFINITY, 0.0, 0);
        Self { name: name.into(), rule, learning_rate, decay, clip, clip_norm, weight_decay, updates, state }
    }

    /// RMSprop with the defaults of Keras 2: rho 0.9, epsilon 1e-7.
    pub fn rms_prop(network: &Network, learning_rate: f64) -> Self {
        Self::new(network, RmsProp { rho: 0.9, epsilon: 1e-7 }, learning_rate)
    }

    /// Adam with PyTorch's epsilon, 1e-8.
    pub fn adam(network: &Network, learning_rate: f64, beta1: f64, beta2: f64) -> Self {
        Self::new(network, Adam { beta1, beta2, epsilon: 1e-8 }, learning_rate)
    }

    /// With the step size learning_rate / (1 + decay * (t - 1)) at update t = 1, 2, ... (Keras 2).
    pub fn decay(self, decay: f64) -> Self {
        Self { decay, ..self }
    }

    /// With each element of a gradient clipped to [-clip, clip].
    pub fn clip(self, clip: f64) -> Self {
        Self { clip, ..self }
    }

    /// With the norm of all gradients of an update, as one vector, clipped to `clip_norm`, as
    /// PyTorch's `clip_grad_norm_` does it.
    pub fn clip_norm(self, clip_norm: f64) -> Self {
        Self { clip_norm, ..self }
    }

    /// With `weight_decay` times the parameter added to each gradient after clipping (L2
    /// regularisation: the gradient of weight_decay / 2 times the sum of squares).
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay, ..self }
    }

    /// Returns to the state before the first update.
    pub fn reset(&mut self) {
        self.updates = 0;
        self.state.values_mut().flatten().for_each(|state| *state = Tensor::zeros(*state.shape()));
    }

    /// The number of updates since the optimiser was created or [reset](Self::reset).
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Changes the momentum of [`Sgd`] from the next update on; other rules are left unchanged.
    /// Like the step size, the momentum is not part of the [`State`].
    pub fn set_momentum(&mut self, momentum: f64) {
        if let UpdateRule::Sgd(sgd) = &mut self.rule {
            sgd.momentum = momentum;
        }
    }

    /// Changes the step size from the next update on. It is not part of the [`State`]: a schedule
    /// must set it before every update.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }

    /// Updates `network` by `gradients`, and stores its new running statistics.
    ///
    /// # Panics
    /// When a gradient names a parameter that the network does not have.
    pub fn step(&mut self, network: &mut Network, gradients: &Gradients) {
        self.step_several(&mut [network], gradients);
    }

    /// Updates all `networks` by `gradients`, and stores their new running statistics.
    ///
    /// # Panics
    /// When a gradient names a parameter that none of the networks has.
    pub fn step_several(&mut self, networks: &mut [&mut Network], gradients: &Gradients) {
        let observer = observer::current().map(|observer| (observer, self.formulas(gradients)));
        let update = self.next_update(gradients);
        self.updates = update.t;
        let tensors = networks.iter_mut().flat_map(|network| network.tensors_mut());
        let mut parameters: BTreeMap<_, _> = tensors.map(|(name, _, tensor)| (name, tensor)).collect();
        for (name, gradient) in &gradients.parameters {
            let theta = parameters.get_mut(name).unwrap_or_else(|| panic!("{}: no parameter `{name}`", self.name));
            let state = self.state.get_mut(name).unwrap_or_else(|| panic!("{}: `{name}` is not optimised", self.name));
            let before = observer.as_ref().map(|(observer, _)| {
                if observer.records_updates() {
                    return (theta.clone(), state.clone());
                }
                // A shared tensor would get a second buffer from the pool, which never shrinks. A
                // vector is freed after the update.
                (Tensor::new(theta.shape(), theta.data().to_vec()), Vec::new())
            });
            let mut slices: Vec<&mut [f32]> = state.iter_mut().map(Tensor::data_mut).collect();
            self.rule.update(update, gradient.data(), &mut slices, theta.data_mut());
            if let (Some((observer, formulas)), Some((before, state_before))) = (&observer, &before) {
                let parameter = name;
                let (after, state_after) = (&**theta, &**state);
                observer.parameter_updated(&ParameterUpdate {
                    parameter,
                    formulas,
                    gradient,
                    before,
                    after,
                    state_before,
                    state_after,
                });
            }
        }
        for (name, value) in &gradients.buffers {
            let buffer = parameters.get_mut(name).unwrap_or_else(|| panic!("{}: no buffer `{name}`", self.name));
            **buffer = value.clone();
        }
    }

    /// The settings of the next update, by these gradients.
    fn next_update(&self, gradients: &Gradients) -> kernels::optimizer::Update {
        let clips_norm = self.clip_norm < f64::INFINITY;
        let scale = clips_norm.then(|| self.clip_norm / (norm(gradients) + 1e-6));
        kernels::optimizer::Update {
            t: self.updates + 1,
            learning_rate: self.learning_rate / (1.0 + self.decay * self.updates as f64),
            scale: scale.filter(|scale| *scale < 1.0),
            clip: self.clip,
            weight_decay: self.weight_decay,
        }
    }

    /// The formulas of the next update, by these gradients, with their constants.
    pub fn formulas(&self, gradients: &Gradients) -> Formulas {
        let (mut lines, mut constants) =
            (Vec::new(), vec![("t", (self.updates + 1) as f64), ("rate", self.learning_rate)]);
        let mut option = |set: bool, line, more: &[(&'static str, f64)]| {
            if set {
                lines.push(line);
                constants.extend(more);
            }
        };
        option(self.decay > 0.0, formula::DECAY, &[("decay", self.decay)]);
        let clips_norm = self.clip_norm < f64::INFINITY;
        let length = if clips_norm { norm(gradients) } else { 0.0 };
        option(clips_norm, formula::CLIP_NORM, &[("clip_norm", self.clip_norm), ("length", length)]);
        option(self.clip < f64::INFINITY, formula::CLIP, &[("clip", self.clip)]);
        option(self.weight_decay > 0.0, formula::WEIGHT_DECAY, &[("weight_decay", self.weight_decay)]);
        lines.extend(self.rule.lines());
        constants.extend(self.rule.constants());
        Formulas { rule: self.rule, lines, constants }
    }

    fn counter_name(&self) -> String {
        format!("optimizer.{}.updates", self.name)
    }
}

impl Stateful for Optimizer {
    fn save(&self, state: &mut State) {
        state.counters.insert(self.counter_name(), self.updates);
        for (parameter, tensors) in &self.state {
            for (slot, tensor) in self.rule.state().iter().zip(tensors) {
                state.tensors.insert(state_name(parameter, slot.name), tensor.clone());
            }
        }
    }

    fn load(&mut self, state: &State) {
        self.updates = state.counters[&self.counter_name()];
        for (parameter, tensors) in &mut self.state {
            for (slot, tensor) in self.rule.state().iter().zip(tensors) {
                *tensor = state.tensors[&state_name(parameter, slot.name)].clone();
            }
        }
    }
}

/// The Euclidean norm of all gradients together, as one vector.
fn norm(gradients: &Gradients) -> f64 {
    let square = |g: &f32| f64::from(*g) * f64::from(*g);
    let sums = gradients.parameters.iter().map(|(_, gradient)| gradient.data().iter().map(square).sum::<f64>());
    sums.sum::<f64>().sqrt()
}

fn state_name(parameter: &str, slot: &str) -> String {
    format!("optimizer.{parameter}.{slot}")
}
