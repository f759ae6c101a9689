//! [`Var`]: a value, and its place on a tape.

use core::fmt;
use std::rc::Rc;

use kernels::Element;

use crate::op::Op;
use crate::shape::Shape;
use crate::tape::{Node, NodeId, Operand, Tape};
use crate::tensor::Tensor;

/// A tensor that knows how it was computed, if anybody will ask: a value plus, for a tracked one, its place on a
/// [`Tape`]. All operations are methods (see [`ops`](crate::ops)); what they make from constants only is a constant.
///
/// A clone is cheap and shares everything.
#[derive(Clone)]
pub struct Var<T: Element = f32> {
    value: Tensor<T>,
    place: Option<(Tape<T>, NodeId)>,
}

impl<T: Element> Var<T> {
    /// A value that is not differentiated by.
    pub fn constant(value: Tensor<T>) -> Self {
        Self { value, place: None }
    }

    pub(crate) fn tracked(value: Tensor<T>, tape: Tape<T>, node: NodeId) -> Self {
        Self { value, place: Some((tape, node)) }
    }

    /// The value.
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The value itself, without its place.
    pub fn into_value(self) -> Tensor<T> {
        self.value
    }

    /// The value's shape.
    pub fn shape(&self) -> &Shape {
        self.value.shape()
    }

    /// Whether a tape knows it, so that gradients flow through it.
    pub fn is_tracked(&self) -> bool {
        self.place.is_some()
    }

    /// The same value as a constant: the graph is cut here, no gradient flows back through it.
    pub fn detach(&self) -> Self {
        Self::constant(self.value.clone())
    }

    /// The tape and the place on it.
    pub fn place(&self) -> Option<(&Tape<T>, NodeId)> {
        self.place.as_ref().map(|(tape, node)| (tape, *node))
    }

    /// The number of a single-number variable.
    #[track_caller]
    pub fn item(&self) -> T {
        self.value.item()
    }

    /// The end of every op: gives the `value` that `op` computed from `inputs` its place on their tape, with what the
    /// derivative needs. From constants, the value is a constant.
    ///
    /// # Panics
    /// When the inputs are on different tapes; when the op has no rule and an input is tracked.
    #[track_caller]
    pub fn record(op: impl Op<T>, inputs: &[&Self], value: Tensor<T>) -> Self {
        let mut places = inputs.iter().filter_map(|input| input.place());
        let Some((tape, _)) = places.next() else { return Self::constant(value) };
        let name = op.name();
        assert!(places.all(|(other, _)| other.is(tape)), "{name}: the inputs are on different tapes");
        assert!(
            op.has_rule(),
            "{name}: this op has no gradient rule, but an input is tracked; `detach` it if no gradient is meant to flow"
        );
        let scope = tape.scope();

        let tracked: Vec<bool> = inputs.iter().map(|input| input.is_tracked()).collect();
        let saves = op.saves(&tracked);
        let operand = |(i, input): (usize, &&Self)| Operand {
            node: input.place().map(|(_, node)| node),
            shape: *input.shape(),
            value: saves.keeps_input(i).then(|| input.value.clone()),
        };
        let node = Node {
            op: Some(Rc::new(op)),
            inputs: inputs.iter().enumerate().map(operand).collect(),
            shape: *value.shape(),
            output: saves.keeps_output().then(|| value.clone()),
            scope,
            freed: false,
        };
        tape.push(node, inputs, value, saves)
    }
}

impl<T: Element> Var<T> {
    /// As [`record`](Var::record) of an op on `self` and `others` that keeps no input and writes its value over that of `self`: in place
    /// if nobody else holds it, to a copy otherwise (as when a watcher wants to see the input).
    #[track_caller]
    pub(crate) fn record_in_place(self, op: impl Op<T>, others: &[&Self], write: impl FnOnce(&mut [T])) -> Self {
        let observed = |var: &&Self| var.place().is_some_and(|(tape, _)| tape.observer().is_some());
        let seen = [&[&self], others].concat().iter().any(observed).then(|| self.clone());
        let Self { mut value, place } = self;
        let numbers = value.data_mut();
        if !numbers.is_empty() {
            write(numbers);
        }
        // It stands for the input: in its place and shape, but its numbers are gone.
        let input = seen.unwrap_or_else(|| Self { value: value.clone(), place });
        Self::record(op, &[&[&input], others].concat(), value)
    }
}

impl<T: Element> From<Tensor<T>> for Var<T> {
    fn from(value: Tensor<T>) -> Self {
        Self::constant(value)
    }
}

impl<T: Element> fmt::Debug for Var<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some((_, node)) => write!(f, "Var #{node} {:?}", self.value),
            None => write!(f, "Var constant {:?}", self.value),
        }
    }
}
