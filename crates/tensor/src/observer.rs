//! [`TapeObserver`]: watches a computation and its reverse sweep without changing them.
//!
//! An [observed](crate::Tape::observed) tape notifies its observer of every node that is recorded
//! and of every node that the reverse sweep has processed. On other tapes this costs one test per
//! node.

use core::fmt;
use core::panic::Location;
use std::cell::RefCell;

use kernels::Element;

use crate::op::{Op, Saves};
use crate::shape::Shape;
use crate::tape::NodeId;
use crate::tensor::Tensor;
use crate::var::Var;

/// Receives the events of a tape.
pub trait TapeObserver<T: Element = f32> {
    /// A node is being recorded.
    fn node_recorded(&self, node: &RecordedNode<'_, T>);

    /// The reverse sweep has processed a node: its gradient is complete, and its op's rules were
    /// applied.
    fn node_swept(&self, node: &SweptNode<'_, T>);
}

/// A node that is being recorded.
pub struct RecordedNode<'a, T: Element> {
    /// Its number on the tape.
    pub id: NodeId,
    /// The op; None for a variable.
    pub op: Option<&'a std::rc::Rc<dyn Op<T>>>,
    /// Its inputs, including constants, with the values that the op read.
    pub inputs: &'a [&'a Var<T>],
    /// Its value.
    pub value: &'a Tensor<T>,
    /// What it saves for the gradient rules.
    pub saves: Saves,
    /// The name of a variable, or the path of the layer that called the op.
    pub scope: &'a str,
    /// The source location that called the op.
    pub at: &'static Location<'static>,
}

impl<T: Element> RecordedNode<'_, T> {
    fn op_name(&self) -> &'static str {
        self.op.map_or("variable", |op| op.name())
    }
}

/// A node that the reverse sweep has processed.
pub struct SweptNode<'a, T: Element> {
    /// Its number on the tape.
    pub id: NodeId,
    /// The name of its op; `variable` for a variable.
    pub op: &'static str,
    /// The path of the layer that called the op.
    pub scope: &'a str,
    /// The gradient of the output with respect to its value: the sum of the contributions of its
    /// users.
    pub gradient: &'a Tensor<T>,
    /// Its contributions to the gradients of its inputs: the number of the input, the node there,
    /// and the addend.
    pub contributions: &'a [(usize, NodeId, &'a Tensor<T>)],
}

/// The report of a tensor with infinite or NaN elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonFinite {
    /// The op that computed it.
    pub op: &'static str,
    /// What it is, such as the value of a layer or the gradient of a parameter.
    pub what: String,
    /// Its shape.
    pub shape: Shape,
    /// The number of elements that are not finite.
    pub count: usize,
}

impl NonFinite {
    /// The report on `value`, if it has an element that is not finite.
    pub fn in_tensor<T: Element>(op: &'static str, what: &str, value: &Tensor<T>) -> Option<Self> {
        let count = value.count_non_finite();
        (count > 0).then(|| Self { op, what: what.into(), shape: *value.shape(), count })
    }
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, what, shape, count } = self;
        write!(f, "{what} (op `{op}`, shape {shape}): {count} of {} numbers are infinite or NaN", shape.size())
    }
}

impl std::error::Error for NonFinite {}

/// An observer that finds the first value or gradient that is not finite.
#[derive(Debug, Default)]
pub struct FirstNonFinite(RefCell<Option<NonFinite>>);

impl FirstNonFinite {
    /// The first such tensor, if there was one.
    pub fn found(&self) -> Option<NonFinite> {
        self.0.borrow().clone()
    }

    fn check<T: Element>(&self, op: &'static str, what: &str, value: &Tensor<T>) {
        let mut found = self.0.borrow_mut();
        if found.is_none() {
            *found = NonFinite::in_tensor(op, what, value);
        }
    }
}

impl<T: Element> TapeObserver<T> for FirstNonFinite {
    fn node_recorded(&self, node: &RecordedNode<'_, T>) {
        let what = match node.op {
            Some(_) if node.scope.is_empty() => "a value outside the networks".into(),
            Some(_) => format!("the value of `{}`", node.scope),
            None => node.scope.into(),
        };
        self.check(node.op_name(), &what, node.value);
    }

    fn node_swept(&self, node: &SweptNode<'_, T>) {
        for (_, _, contribution) in node.contributions {
            let what = match node.scope {
                "" => "a gradient outside the networks".into(),
                scope => format!("the gradient that reaches the input of `{scope}`"),
            };
            self.check(node.op, &what, contribution);
        }
    }
}
