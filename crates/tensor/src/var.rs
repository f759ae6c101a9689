//! [`Var`]: a value that may be recorded on a tape.

use core::fmt;
use std::rc::Rc;

use kernels::Element;

use crate::op::Op;
use crate::shape::Shape;
use crate::tape::{Node, NodeId, Operand, Tape};
use crate::tensor::Tensor;

/// A tensor that is either a constant or tracked: the value of a node of a [`Tape`]. All operations
/// are methods (see [`ops`](crate::ops)). The result of an operation on constants is a constant;
/// otherwise the operation is recorded.
///
/// The operators `+`, `-`, `*` and `/` work between values, references and numbers of type `f64`.
/// Two tensors broadcast as in NumPy: aligned at the last axis, axes of length 1 and missing axes
/// are repeated.
///
/// ```
/// use tensor::{Options, Tape, Tensor, grad};
///
/// let tape = Tape::new();
/// let x = tape.variable("x", Tensor::new(&[2], vec![1.0, 2.0_f32]));
/// let y = 2.0 * &x * &x - &x / 4.0 + 1.0;
/// assert_eq!(y.value().data(), [2.75, 8.5]);
/// let gradient = grad(&y.sum(), &[x], Options::default()).remove(0); // 4 x - 1 / 4
/// assert_eq!(gradient.value().data(), [3.75, 7.75]);
/// ```
///
/// A clone is cheap and shares the value.
#[derive(Clone)]
pub struct Var<T: Element = f32> {
    value: Tensor<T>,
    node: Option<(Tape<T>, NodeId)>,
}

impl<T: Element> Var<T> {
    /// A value with respect to which no gradient can be computed.
    pub fn constant(value: Tensor<T>) -> Self {
        Self { value, node: None }
    }

    pub(crate) fn tracked(value: Tensor<T>, tape: Tape<T>, node: NodeId) -> Self {
        Self { value, node: Some((tape, node)) }
    }

    /// The value.
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The value, by move.
    pub fn into_value(self) -> Tensor<T> {
        self.value
    }

    /// The value's shape.
    pub fn shape(&self) -> &Shape {
        self.value.shape()
    }

    /// Whether it is recorded on a tape, so that gradients flow through it.
    pub fn is_tracked(&self) -> bool {
        self.node.is_some()
    }

    /// The same value as a constant, through which no gradient flows.
    pub fn detach(&self) -> Self {
        Self::constant(self.value.clone())
    }

    /// The tape and the node on it.
    pub fn node(&self) -> Option<(&Tape<T>, NodeId)> {
        self.node.as_ref().map(|(tape, node)| (tape, *node))
    }

    /// The element of a value with exactly one element.
    ///
    /// # Panics
    /// When there is not exactly one.
    #[track_caller]
    pub fn item(&self) -> T {
        self.value.item()
    }

    /// Records the `value` that `op` computed from `inputs` on their tape, with what its gradient
    /// rules need. If all inputs are constants, the result is a constant.
    ///
    /// # Panics
    /// When the inputs are on different tapes, or the op has no gradient rule and an input is
    /// tracked.
    #[track_caller]
    pub fn record(op: impl Op<T>, inputs: &[&Self], value: Tensor<T>) -> Self {
        let mut nodes = inputs.iter().filter_map(|input| input.node());
        let Some((tape, _)) = nodes.next() else { return Self::constant(value) };
        let name = op.name();
        assert!(nodes.all(|(other, _)| other.is(tape)), "{name}: the inputs are on different tapes");
        assert!(
            op.has_rule(),
            "{name}: this op has no gradient rule, but an input is tracked; `detach` it if no gradient is meant to flow"
        );
        let scope = tape.scope();

        let tracked: Vec<bool> = inputs.iter().map(|input| input.is_tracked()).collect();
        let saves = op.saves(&tracked);
        let operand = |(i, input): (usize, &&Self)| Operand {
            node: input.node().map(|(_, node)| node),
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
    /// As [`record`](Var::record), for an op on `self` and `others` that saves no input and
    /// overwrites the value of `self`: in place if the buffer is not shared, otherwise in a copy
    /// (for instance if an observer needs the input).
    #[track_caller]
    pub(crate) fn record_in_place(self, op: impl Op<T>, others: &[&Self], write: impl FnOnce(&mut [T])) -> Self {
        let observed = |var: &&Self| var.node().is_some_and(|(tape, _)| tape.observer().is_some());
        let seen = [&[&self], others].concat().iter().any(observed).then(|| self.clone());
        let Self { mut value, node } = self;
        let numbers = value.data_mut();
        if !numbers.is_empty() {
            write(numbers);
        }
        // Stands for the input: it has its node and shape, but no longer its elements.
        let input = seen.unwrap_or_else(|| Self { value: value.clone(), node });
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
        match &self.node {
            Some((_, node)) => write!(f, "Var #{node} {:?}", self.value),
            None => write!(f, "Var constant {:?}", self.value),
        }
    }
}
