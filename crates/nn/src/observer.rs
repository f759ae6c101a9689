//! [`StepObserver`]: someone who listens while networks learn, and changes nothing.
//!
//! [`listen`] seats an audience for as long as a function runs, on its thread. From then on every training pass is written on a tape
//! that the audience [watches](tensor::TapeObserver), and the audience is told what a tape cannot know: which networks are walked through,
//! which weights are frozen, and what the optimisers do. With nobody in the seat, each of these places asks once whether there is
//! somebody; that is all it costs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tensor::{TapeObserver, Tensor, Var};

use crate::context::{Gradients, RngContext};
use crate::optim::Formulas;

/// Someone who listens.
pub trait StepObserver {
    /// A training pass begins. The watcher looks on while its tape is written and swept.
    fn step_begins(&self, draw: RngContext) -> Rc<dyn TapeObserver>;

    /// The pass is swept. What is done in here is not listened to.
    fn step_ends(&self, passed: &Passed<'_>);

    /// A walk through a network begins.
    fn forward_begins(&self, walk: &ForwardCall<'_>);

    /// It ends, with this output.
    fn forward_ends(&self, output: &Var);

    /// A walk has met a parameter that is frozen, so that it is a constant for this pass.
    fn frozen(&self, name: &str, value: &Tensor);

    /// An optimiser has updated a parameter.
    fn updated(&self, updated: &Updated<'_>);
}

/// A walk through a network.
pub struct ForwardCall<'a> {
    /// The network's name.
    pub network: &'a str,
    /// Whether it walks as in training: dropout, the batch's own statistics.
    pub training: bool,
    /// Whether its weights are frozen.
    pub frozen: bool,
    /// What it is given.
    pub input: &'a Var,
}

/// A training pass that is swept.
pub struct Passed<'a> {
    /// What it found.
    pub gradients: &'a Gradients,
    /// The loss of the same pass with these values for the parameters of these names.
    pub loss_with: &'a dyn Fn(BTreeMap<String, Tensor>) -> f64,
}

/// The update of a parameter.
pub struct Updated<'a> {
    /// The parameter's name.
    pub parameter: &'a str,
    /// What the update does to each element, with the constants of this update.
    pub formulas: &'a Formulas,
    /// The gradient, before it was clipped.
    pub gradient: &'a Tensor,
    /// The parameter before.
    pub before: &'a Tensor,
    /// The parameter after.
    pub after: &'a Tensor,
    /// The names of what the rule remembers of it.
    pub names: &'static [&'static str],
    /// What it remembered before, under each name.
    pub memory_before: &'a [Tensor],
    /// What it remembers now.
    pub memory: &'a [Tensor],
}

thread_local! {
    static SEAT: RefCell<Option<Rc<dyn StepObserver>>> = const { RefCell::new(None) };
}

/// Puts its audience back when it goes, however the function that it stands for ends.
struct Leave(Option<Rc<dyn StepObserver>>);

impl Drop for Leave {
    fn drop(&mut self) {
        SEAT.replace(self.0.take());
    }
}

fn seated<R>(observer: Option<Rc<dyn StepObserver>>, body: impl FnOnce() -> R) -> R {
    let _leave = Leave(SEAT.replace(observer));
    body()
}

/// Runs `body` while `observer` listens to all that this thread does.
pub fn listen<R>(observer: Rc<dyn StepObserver>, body: impl FnOnce() -> R) -> R {
    seated(Some(observer), body)
}

/// Runs `body` while nobody listens.
pub(crate) fn unheard<R>(body: impl FnOnce() -> R) -> R {
    seated(None, body)
}

/// Who listens, if anybody does.
pub(crate) fn current() -> Option<Rc<dyn StepObserver>> {
    SEAT.with_borrow(Clone::clone)
}

/// Tells it to who listens.
pub(crate) fn tell(what: impl FnOnce(&dyn StepObserver)) {
    if let Some(observer) = current() {
        what(&*observer);
    }
}
