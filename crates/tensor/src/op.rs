//! [`Op`]: an operation as the tape sees it; [`Call`]: a recorded operation as its gradient rules
//! see it.

use kernels::Element;

use crate::attributes::Attributes;
use crate::replay::Replay;
use crate::shape::Shape;
use crate::tape::{NodeId, Operand, Tape};
use crate::tensor::Tensor;
use crate::var::Var;

/// The values that an op saves for its gradient rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saves {
    inputs: u32,
    output: bool,
}

impl Saves {
    /// Nothing: the gradient depends on shapes only.
    pub const NOTHING: Self = Self { inputs: 0, output: false };
    /// The op's value.
    pub const OUTPUT: Self = Self { inputs: 0, output: true };

    /// Input number `i`.
    pub const fn input(i: usize) -> Self {
        Self { inputs: 1 << i, output: false }
    }

    /// The values of `self` and those of `other`.
    pub const fn and(self, other: Self) -> Self {
        Self { inputs: self.inputs | other.inputs, output: self.output | other.output }
    }

    /// Whether input number `i` is saved.
    pub fn keeps_input(self, i: usize) -> bool {
        self.inputs >> i & 1 == 1
    }

    /// Whether the op's value is saved.
    pub fn keeps_output(self) -> bool {
        self.output
    }

    /// `self` if `condition` holds, nothing otherwise.
    pub const fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::NOTHING }
    }
}

/// An operation with its attributes (such as a stride, an axis or a random stream), as it is
/// recorded on the tape.
pub trait Op<T: Element>: 'static {
    /// The name in the registry, such as `conv2d`.
    fn name(&self) -> &'static str;

    /// The attributes as text, such as `stride 2x2`; empty if there are none.
    fn attributes(&self) -> String {
        String::new()
    }

    /// The attributes as data; the default describes none.
    fn attribute_data(&self) -> Attributes {
        Attributes::None
    }

    /// The values that [`vjp`](Op::vjp) reads, if gradients can be needed only for inputs with
    /// `tracked[i]`.
    fn saves(&self, tracked: &[bool]) -> Saves;

    /// Whether the op has gradient rules. An op without them panics if an input is tracked.
    fn has_rule(&self) -> bool {
        true
    }

    /// How to recompute the op in `f64`, for checks and explanations; None, the default, if this is
    /// not possible. Ops of this crate return [`Replay::as_replay`].
    fn replay(&self) -> Option<&dyn Replay> {
        None
    }

    /// The gradient rules: from `gy`, the gradient of the final output with respect to this op's
    /// value, the gradient with respect to each input for which [`Call::wants`] is true; None for
    /// the others. The rules are written in differentiable ops, so gradients of gradients need
    /// nothing more.
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>>;
}

/// A recorded call of an op, as its gradient rules see it.
pub struct Call<'a, T: Element> {
    pub(crate) op: &'static str,
    pub(crate) inputs: &'a [Operand<T>],
    pub(crate) output: Option<&'a Tensor<T>>,
    pub(crate) shape: Shape,
    pub(crate) id: NodeId,
    pub(crate) wants: &'a [bool],
    /// The tape, if the sweep itself is recorded.
    pub(crate) recording: Option<&'a Tape<T>>,
}

impl<T: Element> Call<'_, T> {
    /// Whether the gradient with respect to input `i` is needed.
    pub fn wants(&self, i: usize) -> bool {
        self.wants[i]
    }

    /// Whether the sweep is recorded, to be differentiated again. A fused rule is not
    /// differentiable, so its op must then compose the rule of ops.
    pub fn recording(&self) -> bool {
        self.recording.is_some()
    }

    /// Input `i`: tracked if the sweep is recorded, otherwise a constant.
    ///
    /// # Panics
    /// When [`Op::saves`] does not include it.
    pub fn input(&self, i: usize) -> Var<T> {
        let Operand { node, value, .. } = &self.inputs[i];
        let Some(value) = value.clone() else { panic!("op `{}` reads its input {i}, but does not save it", self.op) };
        match (self.recording, node) {
            (Some(tape), Some(node)) => Var::tracked(value, tape.clone(), *node),
            _ => Var::constant(value),
        }
    }

    /// The shape of input `i`.
    pub fn input_shape(&self, i: usize) -> Shape {
        self.inputs[i].shape
    }

    /// The op's value: tracked if the sweep is recorded, otherwise a constant.
    ///
    /// # Panics
    /// When [`Op::saves`] does not include it.
    pub fn output(&self) -> Var<T> {
        let Some(value) = self.output.cloned() else {
            panic!("op `{}` reads its output, but does not save it", self.op)
        };
        match self.recording {
            Some(tape) => Var::tracked(value, tape.clone(), self.id),
            None => Var::constant(value),
        }
    }

    /// The shape of the op's value.
    pub fn shape(&self) -> Shape {
        self.shape
    }
}
