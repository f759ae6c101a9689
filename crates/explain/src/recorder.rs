//! [`Recorder`]: records everything that happens in a training step.
//!
//! It keeps a handle of every tensor that it sees. A shared tensor is never overwritten, so this
//! changes no bit of the step. And because no buffer is reused meanwhile, the address of a constant
//! identifies its origin: the weight of a frozen network, a value that was computed earlier, or
//! data.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use nn::optim::StateSlot;
use nn::{Formulas, ForwardCall, ParameterUpdate, RngContext, StepObserver, StepResult};
use tensor::{NodeId, Op, RecordedNode, Saves, SweptNode, TapeObserver, Tensor, Var};

use crate::summary::squares;

/// Everything that happened in a step.
#[derive(Default)]
pub struct Recording {
    /// The tapes, in order.
    pub tapes: Vec<TapeRecord>,
    /// The forward calls without a tape.
    pub inferred: Vec<CallRecord>,
    /// The updates of parameters, in order.
    pub updates: Vec<UpdateRecord>,
    /// The order of all of these.
    pub moments: Vec<Moment>,
}

impl Recording {
    /// Moves the last call of the last tape to the calls without a tape if it made fakes and
    /// recorded no node: a frozen generator records nothing, because its latents are constants.
    fn move_inferred(&mut self) {
        let Some(tape) = self.tapes.last_mut() else { return };
        let last = tape.calls.len().checked_sub(1);
        let has_nodes = tape.nodes.iter().any(|node| node.call == last);
        if let Some(call) = tape.calls.pop_if(|call| call.network.starts_with("generator") && !has_nodes) {
            self.inferred.push(call);
            // Before the tape, on which other nodes read the fakes.
            let at = self.moments.len().saturating_sub(1);
            self.moments.insert(at, Moment::Inferred(self.inferred.len() - 1));
        }
    }
}

/// A part of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A forward call without a tape, by its number.
    Inferred(usize),
    /// A tape with its sweep.
    Tape(usize),
    /// An update of a parameter.
    Updated(usize),
}

/// A tape and its sweep.
#[derive(Default)]
pub struct TapeRecord {
    /// The purpose of the tape: `discriminator step`.
    pub purpose: String,
    /// Its nodes, as on the tape.
    pub nodes: Vec<NodeRecord>,
    /// The constants that they read.
    pub constants: Vec<ConstantRecord>,
    /// The forward calls of networks.
    pub calls: Vec<CallRecord>,
    /// The nodes in the order of the sweep; the first one is the loss.
    pub order: Vec<NodeId>,
    /// The loss with all parameters moved along the negative gradient.
    pub what_if: Option<Moved>,
}

impl TapeRecord {
    /// What a forward call of a discriminator receives.
    pub(crate) fn examples_of(&self, call: &CallRecord) -> Examples {
        let origin = |call: &CallRecord| {
            let constant = self.constants.iter().find(|constant| constant.value == call.input)?;
            Some(&constant.origin)
        };
        let others = || self.calls.iter().filter(|other| other.network == call.network);
        match origin(call) {
            Some(Origin::Inferred(call, row)) => Examples::Fakes { call: *call, row: *row },
            // Data, if another call receives fakes.
            Some(Origin::Data) if others().any(|other| matches!(origin(other), Some(Origin::Inferred(..)))) => {
                Examples::Reals
            }
            _ => Examples::Unknown,
        }
    }
}

/// What a forward call of a discriminator receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Examples {
    /// Reals.
    Reals,
    /// The fakes of a `call` without a tape, from this `row` of the input on.
    Fakes { call: usize, row: usize },
    /// The recording does not tell.
    Unknown,
}

/// A forward call of a network.
pub struct CallRecord {
    /// The network's name.
    pub network: String,
    /// Whether the network was in training mode.
    pub training: bool,
    /// Whether its weights were frozen.
    pub frozen: bool,
    /// The input.
    pub input: Tensor,
    /// The output.
    pub output: Option<Tensor>,
}

/// A node of a tape.
pub struct NodeRecord {
    /// The op; None for a variable.
    pub op: Option<Rc<dyn Op<f32>>>,
    /// Its inputs.
    pub inputs: Vec<Source>,
    /// Its value.
    pub value: Tensor,
    /// What it saves for the sweep.
    pub saves: Saves,
    /// The name of a variable, or the path of the layer.
    pub scope: String,
    /// The forward call that recorded it, by its number.
    pub call: Option<usize>,
    /// The file and the line that called the op.
    pub at: (&'static str, u32),
    /// The gradient of the loss with respect to it.
    pub gradient: Option<Tensor>,
    /// Its contributions: the number of the input, and the addend.
    pub sent: Vec<(usize, Tensor)>,
}

/// The source of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A node of the same tape.
    Node(NodeId),
    /// A constant of the tape, by its number.
    Constant(usize),
}

/// A constant that a tape reads.
pub struct ConstantRecord {
    /// Its value.
    pub value: Tensor,
    /// Its origin.
    pub origin: Origin,
}

/// The origin of a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The weight with this name, of a frozen network.
    Frozen(String),
    /// The value of a node: the number of the tape, and the node.
    Node(usize, NodeId),
    /// The output of a forward call without a tape: the number of the call, and the row of its
    /// output at which the constant begins.
    Inferred(usize, usize),
    /// Data, or a number.
    Data,
}

/// The loss along the negative gradient.
pub struct Moved {
    /// The step sizes: theta - size * gradient.
    pub sizes: Vec<f64>,
    /// The loss at each.
    pub loss: Vec<f64>,
    /// The squared norm of the gradient over all parameters.
    pub square: f64,
}

/// The update of a parameter.
pub struct UpdateRecord {
    /// The tape that its gradient comes from.
    pub tape: usize,
    /// The parameter's name.
    pub parameter: String,
    /// The formulas, with the constants of this update.
    pub formulas: Formulas,
    /// The gradient, before clipping.
    pub gradient: Tensor,
    /// The parameter before the update.
    pub before: Tensor,
    /// The parameter after the update.
    pub after: Tensor,
    /// The optimiser's state of the parameter.
    pub state: Vec<SlotRecord>,
}

/// One tensor of an optimiser's state of a parameter.
pub struct SlotRecord {
    /// Its symbol in the formulas and its name.
    pub slot: StateSlot,
    /// Its value before the update.
    pub before: Tensor,
    /// Its value after the update.
    pub after: Tensor,
}

/// The address of a buffer, and the shape in which it is used.
type Address = (usize, Vec<usize>);

fn address(tensor: &Tensor) -> Address {
    (tensor.data().as_ptr() as usize, tensor.shape().to_vec())
}

#[derive(Default)]
struct Notes {
    recording: Recording,
    /// The names of frozen weights, by the addresses of their buffers. The tensors keep the buffers
    /// alive.
    frozen: HashMap<usize, (String, Tensor)>,
    /// The node of each buffer.
    values: HashMap<usize, (usize, NodeId)>,
    /// The constants of each tape.
    constants: Vec<BTreeMap<Address, usize>>,
    /// The forward call in progress.
    current: Option<CallRecord>,
}

/// Records a step.
#[derive(Clone, Default)]
pub struct Recorder(Rc<RefCell<Notes>>);

impl Recorder {
    /// Runs `step`, and returns the recording with the result.
    pub fn record<R>(step: impl FnOnce() -> R) -> (Recording, R) {
        let recorder = Self::default();
        let result = nn::observe(Rc::new(recorder.clone()), step);
        (recorder.take(), result)
    }

    /// An observer that records a tape made outside of [`nn::differentiate`], for
    /// [`Tape::observed`](tensor::Tape::observed).
    pub fn tape_observer(&self, purpose: &str) -> Rc<dyn TapeObserver> {
        let mut notes = self.0.borrow_mut();
        let tape = notes.recording.tapes.len();
        notes.recording.tapes.push(TapeRecord { purpose: purpose.into(), ..TapeRecord::default() });
        notes.recording.moments.push(Moment::Tape(tape));
        notes.constants.push(BTreeMap::new());
        Rc::new(TapeRecorder { recorder: self.clone(), tape })
    }

    /// Takes the recording so far.
    pub fn take(&self) -> Recording {
        core::mem::take(&mut *self.0.borrow_mut()).recording
    }
}

impl Notes {
    /// The number of the constant `value` of a tape.
    fn constant(&mut self, tape: usize, value: &Tensor) -> usize {
        if let Some(number) = self.constants[tape].get(&address(value)) {
            return *number;
        }
        let origin = self.origin(value);
        let constants = &mut self.recording.tapes[tape].constants;
        constants.push(ConstantRecord { value: value.clone(), origin });
        self.constants[tape].insert(address(value), constants.len() - 1);
        constants.len() - 1
    }

    fn origin(&self, value: &Tensor) -> Origin {
        let place = value.data().as_ptr() as usize;
        if let Some((name, _)) = self.frozen.get(&place) {
            return Origin::Frozen(name.clone());
        }
        if let Some((tape, node)) = self.values.get(&place) {
            return Origin::Node(*tape, *node);
        }
        // Fakes are often concatenated with reals in a new buffer, and are found by comparison.
        for (number, call) in self.recording.inferred.iter().enumerate().rev() {
            if let Some(row) = call.output.as_ref().and_then(|output| rows_within(output, value)) {
                return Origin::Inferred(number, row);
            }
        }
        Origin::Data
    }
}

/// The first row of `part` within `whole`, if it is at its beginning or its end.
fn rows_within(part: &Tensor, whole: &Tensor) -> Option<usize> {
    let (rows, all) = (*part.shape().first()?, *whole.shape().first()?);
    let fits = rows > 0 && rows <= all && part.shape()[1..] == whole.shape()[1..] && part.size() > 1;
    let stands = |row: &usize| {
        let from = part.size() / rows * row;
        fits && whole.data()[from..from + part.size()] == *part.data()
    };
    if !fits {
        return None;
    }
    [0, all - rows].into_iter().find(stands)
}

struct TapeRecorder {
    recorder: Recorder,
    tape: usize,
}

impl TapeObserver for TapeRecorder {
    fn node_recorded(&self, node: &RecordedNode<'_, f32>) {
        let mut notes = self.recorder.0.borrow_mut();
        let source = |input: &&Var| match input.node() {
            Some((_, node)) => Source::Node(node),
            None => Source::Constant(notes.constant(self.tape, input.value())),
        };
        let inputs = node.inputs.iter().map(source).collect();
        let tape = &mut notes.recording.tapes[self.tape];
        // The tape was swept before, within the step: those gradients are ordinary values.
        if !tape.order.is_empty() {
            tape.order.clear();
            tape.nodes.iter_mut().for_each(|earlier| (earlier.gradient, earlier.sent) = (None, Vec::new()));
        }
        let open = tape.calls.last().is_some_and(|call| call.output.is_none());
        tape.nodes.push(NodeRecord {
            op: node.op.cloned(),
            inputs,
            value: node.value.clone(),
            saves: node.saves,
            scope: node.scope.into(),
            call: open.then(|| tape.calls.len() - 1),
            at: (node.at.file(), node.at.line()),
            gradient: None,
            sent: Vec::new(),
        });
        notes.values.insert(node.value.data().as_ptr() as usize, (self.tape, node.id));
    }

    fn node_swept(&self, node: &SweptNode<'_, f32>) {
        let mut notes = self.recorder.0.borrow_mut();
        let tape = &mut notes.recording.tapes[self.tape];
        tape.order.push(node.id);
        let record = &mut tape.nodes[node.id];
        record.gradient = Some(node.gradient.clone());
        record.sent = node.contributions.iter().map(|(input, _, sent)| (*input, (*sent).clone())).collect();
    }
}

impl StepObserver for Recorder {
    fn step_begins(&self, rng: RngContext) -> Option<Rc<dyn TapeObserver>> {
        Some(self.tape_observer(rng.purpose))
    }

    fn step_ends(&self, result: &StepResult<'_>) {
        let moved = moved(result, &self.0.borrow());
        if let Some(tape) = self.0.borrow_mut().recording.tapes.last_mut() {
            tape.what_if = moved;
        }
    }

    fn forward_begins(&self, call: &ForwardCall<'_>) {
        let record = CallRecord {
            network: call.network.into(),
            training: call.training,
            frozen: call.frozen,
            input: call.input.value().clone(),
            output: None,
        };
        let mut notes = self.0.borrow_mut();
        // A forward call without a tape is identified at its end, if it recorded no node.
        match notes.recording.moments.last() {
            Some(Moment::Tape(tape)) if notes.recording.tapes[*tape].order.is_empty() => {
                let tape = *tape;
                notes.recording.tapes[tape].calls.push(record);
            }
            _ => notes.current = Some(record),
        }
    }

    fn forward_ends(&self, output: &Var) {
        let mut notes = self.0.borrow_mut();
        let ended = Some(output.value().clone());
        match notes.current.take() {
            Some(call) => {
                let recording = &mut notes.recording;
                recording.inferred.push(CallRecord { output: ended, ..call });
                recording.moments.push(Moment::Inferred(recording.inferred.len() - 1));
            }
            None => {
                let call = notes.recording.tapes.last_mut().and_then(|tape| tape.calls.last_mut());
                if let Some(call) = call {
                    call.output = ended;
                }
                if output.node().is_none() {
                    notes.recording.move_inferred();
                }
            }
        }
    }

    fn parameter_frozen(&self, name: &str, value: &Tensor) {
        let place = value.data().as_ptr() as usize;
        self.0.borrow_mut().frozen.insert(place, (name.into(), value.clone()));
    }

    fn parameter_updated(&self, update: &ParameterUpdate<'_>) {
        let recording = &mut self.0.borrow_mut().recording;
        let slots = update.formulas.rule.state().iter().zip(update.state_before.iter().zip(update.state_after));
        let state = slots.map(|(slot, (before, after))| SlotRecord {
            slot: *slot,
            before: before.clone(),
            after: after.clone(),
        });
        recording.updates.push(UpdateRecord {
            tape: recording.tapes.len().saturating_sub(1),
            parameter: update.parameter.into(),
            formulas: update.formulas.clone(),
            gradient: update.gradient.clone(),
            before: update.before.clone(),
            after: update.after.clone(),
            state: state.collect(),
        });
        recording.moments.push(Moment::Updated(recording.updates.len() - 1));
    }
}

/// The loss at four steps along the negative gradient. The largest would halve the loss if it fell
/// linearly.
fn moved(result: &StepResult<'_>, notes: &Notes) -> Option<Moved> {
    let loss_with = result.loss_with?;
    let tape = notes.recording.tapes.last()?;
    let loss = f64::from(tape.nodes[*tape.order.first()?].value.item());
    let gradients = &result.gradients.parameters;
    let square: f64 = gradients.iter().map(|(_, gradient)| squares(gradient.data().iter().copied())).sum();
    if square == 0.0 {
        return None;
    }
    let largest = 0.5 * loss.abs().max(1e-3) / square;
    let sizes: Vec<f64> = [0.0, 0.125, 0.25, 0.5, 1.0].map(|share| share * largest).into();
    let parameter = |name: &str| tape.nodes.iter().find(|node| node.op.is_none() && node.scope == name);
    let at = |size: f64| {
        let shifted = |(name, gradient): &(String, Tensor)| {
            let theta = &parameter(name)?.value;
            let shift = |i: usize| (f64::from(theta.data()[i]) - size * f64::from(gradient.data()[i])) as f32;
            Some((name.clone(), Tensor::from_fn(*theta.shape(), shift)))
        };
        loss_with(gradients.iter().filter_map(shifted).collect())
    };
    let losses = sizes[1..].iter().map(|size| at(*size));
    let loss = std::iter::once(loss).chain(losses).collect();
    Some(Moved { sizes, loss, square })
}
