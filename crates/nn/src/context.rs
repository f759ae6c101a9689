//! [`ForwardContext`]: one walk through networks, and the modes that it is made in.
//!
//! A network is only its weights; what happens to them in a step is the pass's business:
//!
//! * **training or inference**: whether dropout drops and batch normalisation uses the batch's own statistics;
//! * **frozen or not**: whether the weights are put on the tape, to be differentiated by, or are constants. In a frozen
//!   stretch no weight gradient is ever computed, and running statistics stay.
//!
//! [`differentiate`] makes a training pass and its gradients.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use kernels::{BiasActivation, Key};
use tensor::{FirstNonFinite, NonFinite, Options, Tape, Tensor, Var, grad};

use crate::observer::{self, ForwardCall, Passed};

/// What a pass draws its random numbers from: the run's seed, the training step, and what the pass is for, as one step can
/// lead through the same layer twice.
#[derive(Clone, Copy, Debug)]
pub struct RngContext {
    /// The run's seed.
    pub seed: u64,
    /// The training step.
    pub step: u64,
    /// Such as `discriminator step`.
    pub purpose: &'static str,
}

/// One walk through networks.
pub struct ForwardContext {
    tape: Tape,
    /// None in inference.
    training: Option<RngContext>,
    frozen: bool,
    path: Vec<String>,
    bound: Vec<(String, Var)>,
    updates: Vec<(String, Tensor)>,
    /// How often a layer has asked for random numbers.
    visits: HashMap<String, u32>,
    /// What comes after the layer at hand.
    following: Following,
    /// What parameters of these names are instead of what they are.
    instead: BTreeMap<String, Tensor>,
    /// What styles the layers of the stretch at hand.
    style: Option<Var>,
    /// What constants of these names are instead of what they are.
    given: BTreeMap<String, Var>,
}

/// The small layers after the one at hand, which may do their work with its own, in the same walk through memory: an activation, then
/// a dropout, either of them or none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Following {
    slope: Option<f64>,
    dropout: Option<(f64, String)>,
    /// How many of them the layer at hand has done.
    done: usize,
}

/// A layer that another one can do with its own work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fusion {
    /// A leaky ReLU with this slope, which must not be negative.
    LeakyRelu(f64),
    /// Dropout at this rate.
    Dropout(f64),
}

impl ForwardContext {
    /// Inference: no dropout, running statistics, nothing recorded.
    pub fn inference() -> Self {
        Self::with(Tape::new(), None, true)
    }

    /// Inference with other [constants](ForwardContext::constant) than those of the layers, by their full names (`generator.noise.map`), which may be
    /// differentiated by.
    pub fn inference_with(given: BTreeMap<String, Var>) -> Self {
        Self { given, ..Self::inference() }
    }

    /// Training, recorded on `tape`.
    pub fn training(tape: &Tape, draw: RngContext) -> Self {
        Self::with(tape.clone(), Some(draw), false)
    }

    fn with(tape: Tape, training: Option<RngContext>, frozen: bool) -> Self {
        let (path, bound, updates, visits, following, instead) = Default::default();
        let (style, given) = Default::default();
        Self { tape, training, frozen, path, bound, updates, visits, following, instead, style, given }
    }

    /// Walks through `body` with all weights frozen: gradients flow through, none is computed for a weight. Training or
    /// inference is not changed by it: dropout keeps dropping.
    pub fn frozen<R>(&mut self, body: impl FnOnce(&mut Self) -> R) -> R {
        let outer = core::mem::replace(&mut self.frozen, true);
        let result = body(self);
        self.frozen = outer;
        result
    }

    /// Walks through `body` with `name` added to the path of names.
    pub fn scoped<R>(&mut self, name: &str, body: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(name.into());
        let tape = self.tape.clone();
        let result = tape.scoped(name, || body(self));
        self.path.pop();
        result
    }

    /// Walks through `body`, the network of this name on this input, or its [parts](crate::Network::forward_part) in whatever order:
    /// who listens hears of one walk.
    pub fn forward_of(&mut self, network: &str, input: &Var, body: impl FnOnce(&mut Self) -> Var) -> Var {
        let (training, frozen) = (self.is_training(), self.frozen);
        observer::tell(|observer| observer.forward_begins(&ForwardCall { network, training, frozen, input }));
        let y = self.scoped(network, body);
        observer::tell(|observer| observer.forward_ends(&y));
        y
    }

    /// Walks through `body`, whose layers may ask for `style`, of shape (batch, size): what all of them make of their inputs depends
    /// on it as well.
    pub fn styled<R>(&mut self, style: &Var, body: impl FnOnce(&mut Self) -> R) -> R {
        let outer = self.style.replace(style.clone());
        let result = body(self);
        self.style = outer;
        result
    }

    /// What styles the layer at hand.
    ///
    /// # Panics
    /// When nothing does.
    #[track_caller]
    pub fn style(&self) -> Var {
        self.style.clone().unwrap_or_else(|| panic!("{}: nothing styles it", self.path.join(".")))
    }

    /// Whether this is a training pass.
    pub fn is_training(&self) -> bool {
        self.training.is_some()
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}.{name}", self.path.join("."))
    }

    /// Puts `value`, which is no parameter, on the tape as something to differentiate by: the images of a gradient penalty.
    #[track_caller]
    pub fn variable(&self, name: &str, value: Tensor) -> Var {
        self.tape.variable(name, value)
    }

    /// The parameter `name` of the layer at hand: on the tape, unless it is frozen.
    #[track_caller]
    pub fn parameter(&mut self, name: &str, value: &Tensor) -> Var {
        if self.frozen {
            observer::tell(|observer| observer.frozen(&self.full_name(name), value));
            return Var::constant(value.clone());
        }
        let name = self.full_name(name);
        if let Some((_, var)) = self.bound.iter().find(|(bound, _)| *bound == name) {
            return var.clone();
        }
        let value = self.instead.get(&name).unwrap_or(value);
        let var = self.tape.variable(&name, value.clone());
        self.bound.push((name, var.clone()));
        var
    }

    /// The constant `name` of the layer at hand, which nobody learns; or what is given instead of it.
    pub fn constant(&self, name: &str, value: &Tensor) -> Var {
        self.given.get(&self.full_name(name)).cloned().unwrap_or_else(|| Var::constant(value.clone()))
    }

    /// The stream of random numbers of the layer at hand, another one at each visit; None in inference.
    pub fn key(&mut self) -> Option<Key> {
        self.key_of(self.path.join("."))
    }

    /// The same for the layer at `path`.
    fn key_of(&mut self, path: String) -> Option<Key> {
        let RngContext { seed, step, purpose } = self.training?;
        let visits = self.visits.entry(path.clone()).or_default();
        *visits += 1;
        let visit = if *visits == 1 { String::new() } else { format!(", visit {visits}") };
        Some(Key::named(seed, &format!("{purpose}: {path}{visit}")).at(step as u32))
    }

    /// Walks through `body`, a layer, with those `after` it in sight, by name and kind; returns how many of them it has done as
    /// well. On a [observed](Tape::observed) tape it does none: there every op is to show its own value.
    pub(crate) fn followed_by<'a, R>(
        &mut self,
        after: impl Iterator<Item = (&'a str, Option<Fusion>)>,
        body: impl FnOnce(&mut Self) -> R,
    ) -> (R, usize) {
        let mut following = Following::default();
        for (name, fusion) in after.take(if self.tape.observer().is_some() { 0 } else { 2 }) {
            match fusion {
                Some(Fusion::LeakyRelu(slope)) if following.slope.is_none() && following.dropout.is_none() => {
                    following.slope = Some(slope);
                }
                Some(Fusion::Dropout(rate)) if following.dropout.is_none() => {
                    following.dropout = Some((rate, self.full_name(name)));
                }
                _ => break,
            }
        }
        let outer = core::mem::replace(&mut self.following, following);
        let result = body(self);
        let following = core::mem::replace(&mut self.following, outer);
        (result, following.done)
    }

    /// For the end of a layer: y + bias, and with it, in one op, the activation and the dropout that come after the layer.
    #[track_caller]
    pub fn bias_act(&mut self, y: Var, bias: Option<&Var>) -> Var {
        let slope = self.finish_slope();
        let dropout = self.following.dropout.take().and_then(|(rate, path)| {
            self.following.done += 1;
            let key = self.key_of(path)?;
            (rate > 0.0).then_some((rate, key))
        });
        match (bias, slope, dropout) {
            (None, None, None) => y,
            _ => y.bias_act(bias, BiasActivation { slope, dropout }),
        }
    }

    /// For the end of a layer that does the activation that comes after it, but no dropout: its slope, if there is one.
    pub fn finish_slope(&mut self) -> Option<f64> {
        let slope = self.following.slope.take();
        self.following.done += usize::from(slope.is_some());
        slope
    }

    /// The buffer `name` of the layer at hand as this pass has left it so far, if it has updated it: a layer that is
    /// visited twice goes on from its own first update.
    pub fn updated(&self, name: &str) -> Option<&Tensor> {
        let name = self.full_name(name);
        self.updates.iter().rev().find(|(updated, _)| *updated == name).map(|(_, value)| value)
    }

    /// Sets the buffer `name` of the layer at hand once the step is made; not where weights are frozen.
    pub fn update(&mut self, name: &str, value: impl FnOnce() -> Tensor) {
        if !self.frozen {
            self.updates.push((self.full_name(name), value()));
        }
    }
}

/// What a training pass found: the gradient of the loss by every parameter that was not frozen, and the new running
/// statistics, in the order of the walk.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// Parameter names and gradients.
    pub parameters: Vec<(String, Tensor)>,
    /// Buffer names and new values.
    pub buffers: Vec<(String, Tensor)>,
}

/// Makes a training pass, `forward`, which returns the loss and whatever else the caller wants to know; and the gradients of
/// the loss by all parameters that `forward` met unfrozen.
///
/// # Errors
/// When the loss, a gradient or a new running statistic is not finite. As a pass is a function of its inputs alone, it is
/// then made once more on a [observed](Tape::observed) tape, to name the first bad value: that costs nothing as long as all is well.
pub fn differentiate<R>(
    draw: RngContext,
    forward: impl Fn(&mut ForwardContext) -> (Var, R),
) -> Result<(Gradients, R), NonFinite> {
    let once = |tape: Tape| {
        let mut ctx = ForwardContext::training(&tape, draw);
        let (loss, result) = forward(&mut ctx);
        let (names, wanted): (Vec<_>, Vec<_>) = ctx.bound.into_iter().unzip();
        let gradients = grad(&loss, &wanted, Options::default()).into_iter().map(Var::into_value);
        let parameters = names.into_iter().zip(gradients).collect();
        (loss.into_value(), Gradients { parameters, buffers: ctx.updates }, result)
    };
    let listener = observer::current();
    let tape = listener.as_ref().map_or_else(Tape::new, |listener| Tape::observed(listener.step_begins(draw)));
    let (loss, gradients, result) = once(tape);
    let named = gradients.parameters.iter().map(|(name, g)| ("grad", format!("the gradient of `{name}`"), g));
    let buffers = gradients.buffers.iter().map(|(name, b)| ("batch_norm", format!("the new `{name}`"), b));
    let found = [("loss", format!("the loss of the {}", draw.purpose), &loss)].into_iter().chain(named).chain(buffers);
    let first = found.filter_map(|(op, what, tensor)| NonFinite::in_tensor(op, &what, tensor)).next();
    match first {
        None => {
            if let Some(listener) = listener {
                let loss_with = |instead| {
                    let mut ctx = ForwardContext { instead, ..ForwardContext::training(&Tape::new(), draw) };
                    f64::from(forward(&mut ctx).0.item())
                };
                let passed = Passed { gradients: &gradients, loss_with: &loss_with };
                observer::unheard(|| listener.step_ends(&passed));
            }
            Ok((gradients, result))
        }
        Some(outcome) => {
            let observer = Rc::new(FirstNonFinite::default());
            observer::unheard(|| once(Tape::observed(observer.clone())));
            Err(observer.found().unwrap_or(outcome))
        }
    }
}
