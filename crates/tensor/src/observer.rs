//! [`TapeObserver`]: someone who looks on while a tape is written and swept, and changes nothing.
//!
//! A tape that is [observed](crate::Tape::observed) tells of every node that is made and of every node that the sweep passes. An ordinary
//! tape asks once a node whether anybody looks; that is all it costs.

use core::fmt;
use core::panic::Location;
use std::cell::RefCell;

use kernels::Element;

use crate::op::{Op, Saves};
use crate::shape::Shape;
use crate::tape::NodeId;
use crate::tensor::Tensor;
use crate::var::Var;

/// Someone who looks on.
pub trait TapeObserver<T: Element = f32> {
    /// A node was put on the tape.
    fn made(&self, made: &Made<'_, T>);

    /// The sweep has passed a node: its gradient is complete, and its op's rules have been asked.
    fn swept(&self, swept: &Swept<'_, T>);
}

/// A node as it is made.
pub struct Made<'a, T: Element> {
    /// Its place.
    pub node: NodeId,
    /// The op; None for a variable.
    pub op: Option<&'a std::rc::Rc<dyn Op<T>>>,
    /// What it was made from, constants included, with the numbers that the op read.
    pub inputs: &'a [&'a Var<T>],
    /// Its value.
    pub value: &'a Tensor<T>,
    /// What it keeps for the derivative.
    pub saves: Saves,
    /// Who asked for it: the name of a variable, or the path of the layer.
    pub scope: &'a str,
    /// The line of code that called the op.
    pub at: &'static Location<'static>,
}

impl<T: Element> Made<'_, T> {
    fn op_name(&self) -> &'static str {
        self.op.map_or("variable", |op| op.name())
    }
}

/// A node as the sweep passes it.
pub struct Swept<'a, T: Element> {
    /// Its place.
    pub node: NodeId,
    /// Its op's name; `variable` for a variable.
    pub op: &'static str,
    /// Who asked for the node.
    pub scope: &'a str,
    /// The gradient of the output by its value: the sum of what its users have sent back.
    pub gradient: &'a Tensor<T>,
    /// What it sends back: the number of the input, the node there, and what is added to that one's gradient.
    pub contributions: &'a [(usize, NodeId, &'a Tensor<T>)],
}

/// A tensor that holds an infinity or a NaN, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonFinite {
    /// The op that made it.
    pub op: &'static str,
    /// What it is: the value of a layer, the gradient of a parameter.
    pub what: String,
    /// Its shape.
    pub shape: Shape,
    /// How many of its numbers are not finite.
    pub count: usize,
}

impl NonFinite {
    /// The report on `value`, if it holds a number that is not finite.
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

/// The watcher that looks for the first value or gradient that is not a finite number: to find out what went wrong.
#[derive(Debug, Default)]
pub struct FirstNonFinite(RefCell<Option<NonFinite>>);

impl FirstNonFinite {
    /// What it has found.
    pub fn found(&self) -> Option<NonFinite> {
        self.0.borrow().clone()
    }

    fn look_at<T: Element>(&self, op: &'static str, what: &str, value: &Tensor<T>) {
        let mut found = self.0.borrow_mut();
        if found.is_none() {
            *found = NonFinite::in_tensor(op, what, value);
        }
    }
}

impl<T: Element> TapeObserver<T> for FirstNonFinite {
    fn made(&self, made: &Made<'_, T>) {
        let what = if made.op.is_some() { format!("the value of `{}`", made.scope) } else { made.scope.into() };
        self.look_at(made.op_name(), &what, made.value);
    }

    fn swept(&self, swept: &Swept<'_, T>) {
        for (_, _, contribution) in swept.contributions {
            let what = format!("the gradient that reaches the input of `{}`", swept.scope);
            self.look_at(swept.op, &what, contribution);
        }
    }
}
