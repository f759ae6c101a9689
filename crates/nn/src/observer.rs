//! [`StepObserver`]: watches training steps without changing them.
//!
//! [`observe`] installs an observer on the current thread while a function runs. The observer is
//! notified of what a tape does not know: which networks are applied, what their activations
//! return, which parameters are frozen, what the optimisers do, and the values that a step has
//! [named](name_value). If it has a [`TapeObserver`], every training step is also recorded on a
//! tape with it. Without an observer, each of these places costs one look at a thread-local
//! variable.

use std::collections::BTreeMap;
use std::rc::Rc;

use kernels::job_local::JobLocal;
use tensor::{TapeObserver, Tensor, Var};

use crate::context::{Gradients, RngContext};
use crate::layers::Activation;
use crate::optim::Formulas;

/// Receives the events of training steps, in the order in which they happen.
pub trait StepObserver {
    /// A call of [`differentiate`](crate::differentiate) begins. The returned observer sees its
    /// tape, while it is recorded and during the reverse sweep. Layers do not fuse operations on
    /// such a tape, so it takes more time and memory than one without an observer.
    fn step_begins(&self, _rng: RngContext) -> Option<Rc<dyn TapeObserver>> {
        None
    }

    /// The gradients are computed. What this method computes itself is not observed.
    fn step_ends(&self, _step: &StepResult<'_>) {}

    /// A network is about to be applied.
    fn forward_begins(&self, _call: &ForwardCall<'_>) {}

    /// The network was applied, with this output.
    fn forward_ends(&self, _output: &Var) {}

    /// An activation layer was applied.
    fn activation_applied(&self, _call: &ActivationCall<'_>) {}

    /// A network has used a frozen parameter, which is a constant in this step.
    fn parameter_frozen(&self, _name: &str, _value: &Tensor) {}

    /// An optimiser has updated a parameter.
    fn parameter_updated(&self, _update: &ParameterUpdate<'_>) {}

    /// Whether the observer keeps tensors of updates, or reads [`ParameterUpdate::state_before`].
    /// Otherwise an update takes less memory: that of a copy of the parameter, for a moment.
    fn records_updates(&self) -> bool {
        true
    }

    /// The step has given a value a name ([`name_value`]): the value called `name` of `owner`.
    fn value_named(&self, _owner: &str, _name: &str, _value: &Tensor) {}
}

/// A network that is applied to an input.
pub struct ForwardCall<'a> {
    /// The network's name.
    pub network: &'a str,
    /// Whether the network is in training mode.
    pub training: bool,
    /// Whether its parameters are frozen.
    pub frozen: bool,
    /// The input.
    pub input: &'a Var,
}

/// An activation layer that was applied.
pub struct ActivationCall<'a> {
    /// The layer's full name: `discriminator.relu1`.
    pub layer: &'a str,
    /// The function.
    pub activation: Activation,
    /// Whether the parameters of its network are frozen.
    pub frozen: bool,
    /// Its output. If the activation was fused with a dropout, elements are also 0 because they
    /// were dropped.
    pub output: &'a Var,
}

/// The result of a call of [`differentiate`](crate::differentiate).
pub struct StepResult<'a> {
    /// The gradients and the new buffers.
    pub gradients: &'a Gradients,
    /// Computes the loss of the same step again, with these values for the parameters of these
    /// names. None with [synchronised](crate::Shards::synchronised) batch normalisation: the loss
    /// then also depends on other shards, in whose passes the parameters would have to change too.
    pub loss_with: Option<&'a dyn Fn(BTreeMap<String, Tensor>) -> f64>,
}

/// The update of a parameter by an optimiser.
pub struct ParameterUpdate<'a> {
    /// The parameter's name.
    pub parameter: &'a str,
    /// The formulas of the update, with its constants.
    pub formulas: &'a Formulas,
    /// The gradient, before clipping.
    pub gradient: &'a Tensor,
    /// The parameter before the update.
    pub before: &'a Tensor,
    /// The parameter after the update.
    pub after: &'a Tensor,
    /// The rule's [state](crate::UpdateRule::state) of the parameter before the update; empty if
    /// the observer [does not record updates](StepObserver::records_updates).
    pub state_before: &'a [Tensor],
    /// The same after the update.
    pub state_after: &'a [Tensor],
}

thread_local! {
    static OBSERVER: JobLocal<Rc<dyn StepObserver>> = const { JobLocal::new() };
}

/// Restores the outer observer when it is dropped, also in a panic.
struct Restore(Option<Rc<dyn StepObserver>>);

impl Drop for Restore {
    fn drop(&mut self) {
        OBSERVER.with(|own| own.replace(self.0.take()));
    }
}

fn with_observer<R>(observer: Option<Rc<dyn StepObserver>>, body: impl FnOnce() -> R) -> R {
    let _restore = Restore(OBSERVER.with(|own| own.replace(observer)));
    body()
}

/// Runs `body` while `observer` observes all training steps of this thread.
pub fn observe<R>(observer: Rc<dyn StepObserver>, body: impl FnOnce() -> R) -> R {
    with_observer(Some(observer), body)
}

/// Runs `body` without an observer.
pub(crate) fn unobserved<R>(body: impl FnOnce() -> R) -> R {
    with_observer(None, body)
}

/// This thread's observer.
pub(crate) fn current() -> Option<Rc<dyn StepObserver>> {
    OBSERVER.with(JobLocal::get)
}

/// Calls `event` with this thread's observer, if it has one.
pub(crate) fn notify(event: impl FnOnce(&dyn StepObserver)) {
    if let Some(observer) = current() {
        event(&*observer);
    }
}

/// Tells the observer of this thread, if it has one, that `value` is what `owner` calls `name`. So
/// a training step can report values, such as the scores of a batch, which are not among its
/// metrics.
pub fn name_value(owner: &str, name: &str, value: impl FnOnce() -> Tensor) {
    notify(|observer| observer.value_named(owner, name, &value()));
}
