//! Optimisers: what to do with a gradient.

use std::collections::BTreeMap;

use kernels::{Adam, Element, RmsProp, Sgd};
use tensor::Tensor;

use crate::context::Gradients;
use crate::network::{Kind, Network};
use crate::observer::{self, Updated};
use crate::state::{State, Stateful};

pub mod formula;
pub use formula::Formulas;

/// The update rule, and its constants. Its formulas are its [lines](Rule::lines).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Divides by a running root mean square (Tieleman and Hinton 2012).
    RmsProp {
        /// How much of the old mean square stays.
        rho: f64,
        /// Keeps the quotient finite; outside the root.
        epsilon: f64,
    },
    /// RMSprop with momentum and bias correction (Kingma and Ba 2015).
    Adam {
        /// How much of the old mean stays.
        beta1: f64,
        /// How much of the old mean square stays.
        beta2: f64,
        /// Keeps the quotient finite.
        epsilon: f64,
    },
    /// Adam as TensorFlow and Keras write it: the bias corrections go into the step size, so that epsilon is not
    /// corrected.
    AdamTf {
        /// How much of the old mean stays.
        beta1: f64,
        /// How much of the old mean square stays.
        beta2: f64,
        /// Keeps the quotient finite.
        epsilon: f64,
    },
    /// Plain steps, with momentum.
    Sgd {
        /// How much of the old velocity stays.
        momentum: f64,
        /// Nesterov's form.
        nesterov: bool,
    },
}

impl Rule {
    /// The names of what the rule remembers of each parameter.
    fn memory(self) -> &'static [&'static str] {
        match self {
            Rule::RmsProp { .. } => &["mean_square"],
            Rule::Adam { .. } | Rule::AdamTf { .. } => &["mean", "mean_square"],
            Rule::Sgd { .. } => &["velocity"],
        }
    }
}

/// Updates the parameters of a network, or of several at once, and remembers what the rule needs between updates.
#[derive(Clone, Debug)]
pub struct Optimizer {
    name: String,
    rule: Rule,
    learning_rate: f64,
    decay: f64,
    clip: f64,
    clip_norm: f64,
    weight_decay: f64,
    updates: u64,
    memory: BTreeMap<String, Vec<Tensor>>,
}

impl Optimizer {
    /// An optimiser of the parameters of `network`, with no decay and no clipping.
    pub fn new(network: &Network, rule: Rule, learning_rate: f64) -> Self {
        Self::of_several(network.name(), &[network], rule, learning_rate)
    }

    /// One optimiser, called `name`, of the parameters of all `networks`, with no decay and no clipping.
    pub fn of_several(name: &str, networks: &[&Network], rule: Rule, learning_rate: f64) -> Self {
        let mut memory = BTreeMap::new();
        for (name, kind, tensor) in networks.iter().flat_map(|network| network.tensors()) {
            if kind == Kind::Parameter {
                memory.insert(name, vec![Tensor::zeros(*tensor.shape()); rule.memory().len()]);
            }
        }
        let (decay, clip, clip_norm, weight_decay, updates) = (0.0, f64::INFINITY, f64::INFINITY, 0.0, 0);
        Self { name: name.into(), rule, learning_rate, decay, clip, clip_norm, weight_decay, updates, memory }
    }

    /// The old Keras RMSprop: rho 0.9, epsilon 1e-7 outside the root, no momentum.
    pub fn rms_prop(network: &Network, learning_rate: f64) -> Self {
        Self::new(network, Rule::RmsProp { rho: 0.9, epsilon: 1e-7 }, learning_rate)
    }

    /// Adam with PyTorch's epsilon, 1e-8.
    pub fn adam(network: &Network, learning_rate: f64, beta1: f64, beta2: f64) -> Self {
        Self::new(network, Rule::Adam { beta1, beta2, epsilon: 1e-8 }, learning_rate)
    }

    /// With the step size learning_rate / (1 + decay * t) at update t, from 0.
    pub fn decay(self, decay: f64) -> Self {
        Self { decay, ..self }
    }

    /// With each gradient element forced into [-clip, clip].
    pub fn clip(self, clip: f64) -> Self {
        Self { clip, ..self }
    }

    /// With all gradients of an update together, as one vector, made no longer than `clip_norm`, as PyTorch's
    /// `clip_grad_norm_` does it.
    pub fn clip_norm(self, clip_norm: f64) -> Self {
        Self { clip_norm, ..self }
    }

    /// With weight_decay times the parameter added to each gradient after it was clipped (a penalty of half the sum of
    /// squares, L2).
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay, ..self }
    }

    /// Forgets all that it remembers of earlier updates: it is as new.
    pub fn reset(&mut self) {
        self.updates = 0;
        self.memory.values_mut().flatten().for_each(|memory| *memory = Tensor::zeros(*memory.shape()));
    }

    /// How many updates it has made since it was new.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Changes the momentum of plain steps ([`Rule::Sgd`]) from the next update on; other rules have none to change. As the step
    /// size, it is not part of the state.
    pub fn set_momentum(&mut self, next: f64) {
        if let Rule::Sgd { momentum, .. } = &mut self.rule {
            *momentum = next;
        }
    }

    /// Changes the step size from the next update on: for schedules that the decay does not cover. It is not part of the state;
    /// whoever has a schedule sets it before every update.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }

    /// One update of `network` by `gradients`, and its new running statistics.
    ///
    /// # Panics
    /// When a gradient names a parameter that the network does not have.
    pub fn step(&mut self, network: &mut Network, gradients: &Gradients) {
        self.step_several(&mut [network], gradients);
    }

    /// One update of all `networks` by `gradients`, and their new running statistics.
    ///
    /// # Panics
    /// When a gradient names a parameter that none of the networks has.
    pub fn step_several(&mut self, networks: &mut [&mut Network], gradients: &Gradients) {
        let learning_rate = self.learning_rate / (1.0 + self.decay * self.updates as f64);
        let listener = observer::current().map(|listener| (listener, self.formulas(gradients)));
        self.updates += 1;
        let tensors = networks.iter_mut().flat_map(|network| network.tensors_mut());
        let mut parameters: BTreeMap<_, _> = tensors.map(|(name, _, tensor)| (name, tensor)).collect();
        let scale = self.norm_scale(gradients);
        let clip = if self.clips_in_rule() { self.clip } else { f64::INFINITY };
        for (name, gradient) in &gradients.parameters {
            let theta = parameters.get_mut(name).unwrap_or_else(|| panic!("{}: no parameter `{name}`", self.name));
            let prepared = self.prepared(gradient, scale, theta);
            let memory =
                self.memory.get_mut(name).unwrap_or_else(|| panic!("{}: `{name}` is not optimised", self.name));
            let before = listener.as_ref().map(|_| (theta.clone(), memory.clone()));
            update(self.rule, learning_rate, clip, self.updates, &prepared, memory, theta.data_mut());
            if let (Some((listener, formulas)), Some((before, memory_before))) = (&listener, &before) {
                listener.updated(&Updated {
                    parameter: name,
                    formulas,
                    gradient,
                    before,
                    after: theta,
                    names: self.rule.memory(),
                    memory_before,
                    memory,
                });
            }
        }
        for (name, value) in &gradients.buffers {
            let buffer = parameters.get_mut(name).unwrap_or_else(|| panic!("{}: no buffer `{name}`", self.name));
            **buffer = value.clone();
        }
    }

    /// The next update, by these gradients, as formulas.
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
        let bounded = self.clip_norm < f64::INFINITY;
        let length = if bounded { length(gradients) } else { 0.0 };
        option(bounded, formula::CLIP_NORM, &[("clip_norm", self.clip_norm), ("length", length)]);
        option(self.clip < f64::INFINITY, formula::CLIP, &[("clip", self.clip)]);
        option(self.weight_decay > 0.0, formula::WEIGHT_DECAY, &[("weight_decay", self.weight_decay)]);
        lines.extend(self.rule.lines());
        constants.extend(self.rule.constants());
        Formulas { rule: self.rule, lines, constants }
    }

    /// The factor that makes the gradients as short as they must be, if they must.
    fn norm_scale(&self, gradients: &Gradients) -> Option<f32> {
        if self.clip_norm == f64::INFINITY {
            return None;
        }
        let scale = self.clip_norm / (length(gradients) + 1e-6);
        (scale < 1.0).then_some(scale as f32)
    }

    /// Whether the rule clips each element itself: RMSprop does, unless something is to be added after it.
    fn clips_in_rule(&self) -> bool {
        matches!(self.rule, Rule::RmsProp { .. }) && self.weight_decay == 0.0
    }

    /// The gradient that the rule gets: scaled, clipped, and with the weight decay.
    fn prepared(&self, gradient: &Tensor, scale: Option<f32>, theta: &Tensor) -> Tensor {
        let mut g = gradient.clone();
        if let Some(scale) = scale {
            g.data_mut().iter_mut().for_each(|g| *g *= scale);
        }
        if self.clip < f64::INFINITY && !self.clips_in_rule() {
            g = tensor::Var::constant(g).clamp(-self.clip, self.clip).into_value();
        }
        if self.weight_decay > 0.0 {
            let factor = self.weight_decay as f32;
            g.data_mut().iter_mut().zip(theta.data()).for_each(|(g, theta)| *g += factor * theta);
        }
        g
    }

    fn counter_name(&self) -> String {
        format!("optimizer.{}.updates", self.name)
    }
}

impl Stateful for Optimizer {
    fn save(&self, state: &mut State) {
        state.counters.insert(self.counter_name(), self.updates);
        for (name, memory) in &self.memory {
            for (what, tensor) in self.rule.memory().iter().zip(memory) {
                state.tensors.insert(slot_name(name, what), tensor.clone());
            }
        }
    }

    fn load(&mut self, state: &State) {
        self.updates = state.counters[&self.counter_name()];
        for (name, memory) in &mut self.memory {
            for (what, tensor) in self.rule.memory().iter().zip(memory) {
                *tensor = state.tensors[&slot_name(name, what)].clone();
            }
        }
    }
}

/// The length of all gradients together, as one vector.
fn length(gradients: &Gradients) -> f64 {
    let square = |g: &f32| f64::from(*g) * f64::from(*g);
    let sums = gradients.parameters.iter().map(|(_, gradient)| gradient.data().iter().map(square).sum::<f64>());
    sums.sum::<f64>().sqrt()
}

fn slot_name(parameter: &str, what: &str) -> String {
    format!("optimizer.{parameter}.{what}")
}

/// One update of one parameter; `t` counts from 1. Only RMSprop clips here.
fn update(rule: Rule, learning_rate: f64, clip: f64, t: u64, g: &Tensor, memory: &mut [Tensor], theta: &mut [f32]) {
    match (rule, memory) {
        (Rule::RmsProp { rho, epsilon }, [mean_square]) => {
            f32::rms_prop(RmsProp { learning_rate, rho, epsilon, clip }, g.data(), mean_square.data_mut(), theta);
        }
        (Rule::Adam { beta1, beta2, epsilon }, [m, v]) => {
            f32::adam(Adam { learning_rate, beta1, beta2, epsilon, t }, g.data(), [m.data_mut(), v.data_mut()], theta);
        }
        (Rule::AdamTf { beta1, beta2, epsilon }, [m, v]) => {
            // sqrt(v / c2) + epsilon / sqrt(c2) is (sqrt(v) + epsilon) / sqrt(c2): only epsilon's scale differs.
            let correction = 1.0 - kernels::reference::power(beta2, t);
            let adam = Adam { learning_rate, beta1, beta2, epsilon: epsilon / correction.sqrt(), t };
            f32::adam(adam, g.data(), [m.data_mut(), v.data_mut()], theta);
        }
        (Rule::Sgd { momentum, nesterov }, [velocity]) => {
            f32::sgd(Sgd { learning_rate, momentum, nesterov }, g.data(), velocity.data_mut(), theta);
        }
        _ => unreachable!("the memory was made for the rule"),
    }
}
