//! [`ForwardContext`]: the mode in which networks are applied, and what they leave behind.
//!
//! A [`Network`](crate::Network) holds only its weights. The context decides how they are used:
//!
//! * **training or inference**: in training, dropout drops, batch normalisation uses the statistics
//!   of the batch, and operations are recorded on a tape;
//! * **frozen or not**: parameters of a frozen network are constants. Gradients flow through it,
//!   but no gradient is computed for its parameters, and its running statistics do not change.
//!
//! [`differentiate`] runs a forward pass in training mode and computes the gradients.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use kernels::{BiasActivation, Key, Precision};
use tensor::{FirstNonFinite, NonFinite, Options, ShardGroup, Tape, Tensor, Var, vjp_with};

use crate::lockstep;
use crate::observer::{self, ForwardCall, StepResult};
use crate::overlap::{self, GradientBuckets};
use crate::trace::Recorder;

/// Selects the random numbers of a forward pass: the run's seed, the training step, and the purpose
/// of the pass, since one training step can apply the same layer several times.
#[derive(Clone, Copy, Debug)]
pub struct RngContext {
    /// The run's seed.
    pub seed: u64,
    /// The training step.
    pub step: u64,
    /// For example `discriminator step`.
    pub purpose: &'static str,
}

/// The mode and the bookkeeping of one forward pass through one or several networks.
pub struct ForwardContext {
    tape: Tape,
    /// None in inference.
    training: Option<RngContext>,
    /// The random numbers of dropout in inference, if it drops there.
    dropout: Option<RngContext>,
    frozen: bool,
    /// See [`precision`](ForwardContext::precision).
    precision: Precision,
    /// The names of the networks and layers that are being applied, the outermost first.
    path: Vec<String>,
    /// The parameters on the tape.
    bound: Vec<(String, Var)>,
    /// The new values of buffers.
    updates: Vec<(String, Tensor)>,
    /// How often each layer has requested a random stream.
    visits: HashMap<String, u32>,
    fusible: Fusible,
    /// Values that replace the parameters with these names.
    parameter_overrides: BTreeMap<String, Tensor>,
    /// Values that replace the [constants](ForwardContext::constant) with these names.
    constant_overrides: BTreeMap<String, Var>,
    /// See [`styled`](ForwardContext::styled).
    style: Option<Var>,
    /// Records the layers, for [`trace`](crate::trace()).
    recorder: Option<Rc<Recorder>>,
    /// See [`shard_group`](ForwardContext::shard_group).
    shard_group: Option<Rc<dyn ShardGroup>>,
}

/// The element-wise layers after the current one that can be fused with it into one operation: an
/// activation, then a dropout, each of them optional.
#[derive(Clone, Debug, Default)]
struct Fusible {
    slope: Option<f64>,
    /// The rate and the path of the layer.
    dropout: Option<(f64, String)>,
    /// How many layers the current layer has fused with itself.
    fused: usize,
}

/// A layer that can be fused with the one before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fusion {
    /// A leaky ReLU with this slope, which must not be negative.
    LeakyRelu(f64),
    /// Dropout with this rate.
    Dropout(f64),
}

impl ForwardContext {
    /// Inference: no dropout, running statistics, nothing recorded.
    pub fn inference() -> Self {
        Self::new(Tape::new(), None, true)
    }

    /// Inference in which the [constants](ForwardContext::constant) with these full names (such as
    /// `generator.noise.map`) have other values. These may be variables of a tape.
    pub fn inference_with(constant_overrides: BTreeMap<String, Var>) -> Self {
        Self { constant_overrides, ..Self::inference() }
    }

    /// Inference with dropout, whose random numbers `rng` selects. Layers that add noise in
    /// training add it too.
    pub fn inference_with_dropout(rng: RngContext) -> Self {
        Self { dropout: Some(rng), ..Self::inference() }
    }

    /// Inference, recorded on `tape` and by `recorder`.
    pub(crate) fn traced(tape: &Tape, recorder: Rc<Recorder>) -> Self {
        Self { recorder: Some(recorder), ..Self::new(tape.clone(), None, true) }
    }

    /// Training, recorded on `tape`.
    pub fn training(tape: &Tape, rng: RngContext) -> Self {
        let shard_group = lockstep::current().map(|member| member as Rc<dyn ShardGroup>);
        Self { shard_group, ..Self::new(tape.clone(), Some(rng), false) }
    }

    fn new(tape: Tape, training: Option<RngContext>, frozen: bool) -> Self {
        let (path, bound, updates, visits, fusible, style) = Default::default();
        let (parameter_overrides, constant_overrides) = Default::default();
        Self {
            tape,
            training,
            dropout: None,
            frozen,
            precision: Precision::F32,
            path,
            bound,
            updates,
            visits,
            fusible,
            parameter_overrides,
            constant_overrides,
            style,
            recorder: None,
            shard_group: None,
        }
    }

    /// Runs `body` with all parameters frozen. This does not change the mode: in training, dropout
    /// still drops and batch normalisation still uses the statistics of the batch.
    pub fn frozen<R>(&mut self, body: impl FnOnce(&mut Self) -> R) -> R {
        let outer = core::mem::replace(&mut self.frozen, true);
        let result = body(self);
        self.frozen = outer;
        result
    }

    /// The precision in which dense layers and convolutions multiply: that of the
    /// [network](crate::Network::set_precision) that is being applied.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Runs `body` with products in this precision.
    pub(crate) fn in_precision<R>(&mut self, precision: Precision, body: impl FnOnce(&mut Self) -> R) -> R {
        let outer = core::mem::replace(&mut self.precision, precision);
        let result = body(self);
        self.precision = outer;
        result
    }

    /// Runs `body` with `name` appended to the path of names.
    pub fn scoped<R>(&mut self, name: &str, body: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(name.into());
        let tape = self.tape.clone();
        let result = tape.scoped(name, || body(self));
        self.path.pop();
        result
    }

    /// Runs `body`, which applies the network called `network`, or all of its
    /// [parts](crate::Network::forward_part), to `input`. Observers see one call of one network.
    pub fn forward_of(&mut self, network: &str, input: &Var, body: impl FnOnce(&mut Self) -> Var) -> Var {
        let (training, frozen) = (self.is_training(), self.frozen);
        observer::notify(|observer| observer.forward_begins(&ForwardCall { network, training, frozen, input }));
        let y = self.scoped(network, body);
        observer::notify(|observer| observer.forward_ends(&y));
        y
    }

    /// Runs `body` with `style`, of shape (batch, size), as the input of style-based layers.
    pub fn styled<R>(&mut self, style: &Var, body: impl FnOnce(&mut Self) -> R) -> R {
        let outer = self.style.replace(style.clone());
        let result = body(self);
        self.style = outer;
        result
    }

    /// The style of the current layer, of shape (batch, size).
    ///
    /// # Panics
    /// Outside [`styled`](ForwardContext::styled).
    #[track_caller]
    pub fn style(&self) -> Var {
        self.style.clone().unwrap_or_else(|| panic!("{}: the layer needs a style", self.path.join(".")))
    }

    /// Whether parameters are frozen.
    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Whether this is training, not inference.
    pub fn is_training(&self) -> bool {
        self.training.is_some()
    }

    /// The shards of the batch, in training, if batch normalisation is
    /// [synchronised](crate::Shards::synchronised).
    pub fn shard_group(&self) -> Option<Rc<dyn ShardGroup>> {
        // WebAssembly has no threads for shards. The compiler then leaves out what is synchronised.
        if cfg!(target_family = "wasm") { None } else { self.shard_group.clone() }
    }

    /// What records the layers, if this pass is traced.
    pub(crate) fn recorder(&self) -> Option<Rc<Recorder>> {
        self.recorder.clone()
    }

    /// The full name of the current layer.
    pub(crate) fn path(&self) -> String {
        self.path.join(".")
    }

    pub(crate) fn full_name(&self, name: &str) -> String {
        format!("{}.{name}", self.path.join("."))
    }

    /// Records `value` as a variable that is not a parameter, for gradients with respect to it: the
    /// images of a gradient penalty.
    #[track_caller]
    pub fn variable(&self, name: &str, value: Tensor) -> Var {
        self.tape.variable(name, value)
    }

    /// The parameter `name` of the current layer: a variable of the tape, or a constant if it is
    /// frozen.
    #[track_caller]
    pub fn parameter(&mut self, name: &str, value: &Tensor) -> Var {
        if self.frozen {
            observer::notify(|observer| observer.parameter_frozen(&self.full_name(name), value));
            return Var::constant(value.clone());
        }
        let name = self.full_name(name);
        if let Some((_, var)) = self.bound.iter().find(|(bound, _)| *bound == name) {
            return var.clone();
        }
        let value = self.parameter_overrides.get(&name).unwrap_or(value);
        let var = self.tape.variable(&name, value.clone());
        self.bound.push((name, var.clone()));
        var
    }

    /// The constant `name` of the current layer, which is not learned, or the value that replaces
    /// it ([`inference_with`](ForwardContext::inference_with)).
    pub fn constant(&self, name: &str, value: &Tensor) -> Var {
        self.constant_overrides.get(&self.full_name(name)).cloned().unwrap_or_else(|| Var::constant(value.clone()))
    }

    /// The random stream of the current layer, which differs each time the layer is applied; None
    /// in inference without dropout.
    pub fn key(&mut self) -> Option<Key> {
        self.key_of(self.path.join("."))
    }

    /// The random stream of the layer at `path`.
    fn key_of(&mut self, path: String) -> Option<Key> {
        let RngContext { seed, step, purpose } = self.training.or(self.dropout)?;
        let visits = self.visits.entry(path.clone()).or_default();
        *visits += 1;
        let visit = if *visits == 1 { String::new() } else { format!(", visit {visits}") };
        Some(Key::named(seed, &format!("{purpose}: {path}{visit}")).at(step as u32))
    }

    /// Runs `body`, which applies a layer, and lets it fuse the layers `after` it, given by name
    /// and fusion. Returns how many it has fused. On an [observed](Tape::observed) tape nothing is
    /// fused, so that the value of every layer can be seen.
    pub(crate) fn with_fusible<'a, R>(
        &mut self,
        after: impl Iterator<Item = (&'a str, Option<Fusion>)>,
        body: impl FnOnce(&mut Self) -> R,
    ) -> (R, usize) {
        let mut fusible = Fusible::default();
        for (name, fusion) in after.take(if self.tape.observer().is_some() { 0 } else { 2 }) {
            match fusion {
                Some(Fusion::LeakyRelu(slope)) if fusible.slope.is_none() && fusible.dropout.is_none() => {
                    fusible.slope = Some(slope);
                }
                Some(Fusion::Dropout(rate)) if fusible.dropout.is_none() => {
                    fusible.dropout = Some((rate, self.full_name(name)));
                }
                _ => break,
            }
        }
        let outer = core::mem::replace(&mut self.fusible, fusible);
        let result = body(self);
        let fusible = core::mem::replace(&mut self.fusible, outer);
        (result, fusible.fused)
    }

    /// Completes a layer: y + bias, followed, in the same operation, by the activation and the
    /// dropout that come after the layer.
    #[track_caller]
    pub fn bias_act(&mut self, y: Var, bias: Option<&Var>) -> Var {
        let slope = self.fused_slope();
        let dropout = self.fusible.dropout.take().and_then(|(rate, path)| {
            self.fusible.fused += 1;
            let key = self.key_of(path)?;
            (rate > 0.0).then_some((rate, key))
        });
        match (bias, slope, dropout) {
            (None, None, None) => y,
            _ => y.bias_act(bias, BiasActivation { slope, dropout }),
        }
    }

    /// For a layer that can fuse an activation but no dropout: the slope of the leaky ReLU that
    /// comes after it, which the caller must then apply.
    pub fn fused_slope(&mut self) -> Option<f64> {
        let slope = self.fusible.slope.take();
        self.fusible.fused += usize::from(slope.is_some());
        slope
    }

    /// The new value of the buffer `name` of the current layer, if this pass has updated it. A
    /// layer that is applied twice continues from its own first update.
    pub fn updated(&self, name: &str) -> Option<&Tensor> {
        let name = self.full_name(name);
        self.updates.iter().rev().find(|(updated, _)| *updated == name).map(|(_, value)| value)
    }

    /// Sets the new value of the buffer `name` of the current layer, to be stored with the
    /// optimiser's update. Does nothing where the parameters are frozen.
    pub fn update(&mut self, name: &str, value: impl FnOnce() -> Tensor) {
        if !self.frozen {
            self.updates.push((self.full_name(name), value()));
        }
    }
}

/// The gradients of a loss with respect to every parameter that was not frozen, and the new values
/// of the buffers (running statistics), in the order of the forward pass.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// Parameter names and gradients.
    pub parameters: Vec<(String, Tensor)>,
    /// Buffer names and new values.
    pub buffers: Vec<(String, Tensor)>,
}

/// Runs `forward` in training mode and computes the gradients of its loss. `forward` returns the
/// loss, a scalar, and any further result of the caller's.
///
/// # Errors
/// When the loss, a gradient or the new value of a buffer is not finite. The step is then repeated
/// on an [observed](Tape::observed) tape to name the first operation with such a value. The
/// repetition gives the same numbers, because a step depends only on its inputs; a healthy step
/// does not pay for it.
///
/// # Panics
/// When the loss is not a single number.
pub fn differentiate<R>(
    rng: RngContext,
    forward: impl Fn(&mut ForwardContext) -> (Var, R),
) -> Result<(Gradients, R), NonFinite> {
    let once = |tape: Tape, buckets: Option<GradientBuckets>| {
        let mut ctx = ForwardContext::training(&tape, rng);
        let (loss, result) = forward(&mut ctx);
        let (names, wanted): (Vec<_>, Vec<_>) = ctx.bound.into_iter().unzip();
        assert!(loss.value().size() == 1, "differentiate: the loss, of shape {}, is not a single number", loss.shape());
        let one = Var::constant(Tensor::full(*loss.shape(), 1.0));
        let gradients = in_buckets(buckets, &names, |completed| {
            vjp_with(&loss, &one, &wanted, Options::default(), completed).into_iter().map(Var::into_value).collect()
        });
        let parameters = names.into_iter().zip(gradients).collect();
        (loss.into_value(), Gradients { parameters, buffers: ctx.updates }, result)
    };
    let (observer, member) = (observer::current(), lockstep::current());
    member.iter().for_each(|member| member.begin());
    let tape = observer.as_ref().and_then(|observer| observer.step_begins(rng)).map_or_else(Tape::new, Tape::observed);
    let (loss, gradients, result) = once(tape, overlap::gradient_buckets());
    let named = gradients.parameters.iter().map(|(name, g)| ("grad", format!("the gradient of `{name}`"), g));
    let buffers = gradients.buffers.iter().map(|(name, b)| ("batch_norm", format!("the new `{name}`"), b));
    let results = [("loss", format!("the loss of the {}", rng.purpose), &loss)].into_iter().chain(named).chain(buffers);
    let non_finite = results.filter_map(|(op, what, tensor)| NonFinite::in_tensor(op, &what, tensor)).next();
    match non_finite {
        None => {
            if let Some(observer) = observer {
                let loss_with = |parameter_overrides| {
                    let ctx = ForwardContext::training(&Tape::new(), rng);
                    f64::from(forward(&mut ForwardContext { parameter_overrides, ..ctx }).0.item())
                };
                let loss_with: &dyn Fn(BTreeMap<String, Tensor>) -> f64 = &loss_with;
                let step = StepResult { gradients: &gradients, loss_with: member.is_none().then_some(loss_with) };
                observer::unobserved(|| lockstep::outside(|| observer.step_ends(&step)));
            }
            Ok((gradients, result))
        }
        Some(non_finite) => {
            let first = Rc::new(FirstNonFinite::default());
            let again = || drop(once(Tape::observed(first.clone()), None));
            observer::unobserved(|| match &member {
                None => again(),
                Some(member) => member.repeat(again),
            });
            Err(first.found().unwrap_or(non_finite))
        }
    }
}

/// Returns the gradients of `sweep` with respect to the parameters `names`, and passes each of them
/// to `buckets`: as soon as it is complete if the sweep reports that, otherwise at the end.
fn in_buckets(
    buckets: Option<GradientBuckets>,
    names: &[String],
    sweep: impl FnOnce(&mut dyn FnMut(usize, &Tensor)) -> Vec<Tensor>,
) -> Vec<Tensor> {
    let Some(mut buckets) = buckets else { return sweep(&mut |_, _| {}) };
    let mut is_in_bucket = vec![false; names.len()];
    let gradients = sweep(&mut |number, gradient| {
        buckets.completed(&names[number], gradient);
        is_in_bucket[number] = true;
    });
    // The sweep does not report parameters on which the loss does not depend: zeros.
    let rest = (0..names.len()).filter(|number| !is_in_bucket[*number]);
    rest.for_each(|number| buckets.completed(&names[number], &gradients[number]));
    gradients
}
