//! [`Op`]: what an operation is to the tape; [`Call`]: what a recorded one shows to its rules.

use kernels::Element;

use crate::replay::Replay;
use crate::shape::Shape;
use crate::tape::{NodeId, Operand, Tape};
use crate::tensor::Tensor;
use crate::var::Var;

/// What an op keeps for its derivative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saves {
    inputs: u32,
    output: bool,
}

impl Saves {
    /// Nothing: the derivative depends on shapes only.
    pub const NOTHING: Self = Self { inputs: 0, output: false };
    /// The value of the op itself.
    pub const OUTPUT: Self = Self { inputs: 0, output: true };

    /// Input number `i`.
    pub const fn input(i: usize) -> Self {
        Self { inputs: 1 << i, output: false }
    }

    /// Both what `self` and what `other` say.
    pub const fn and(self, other: Self) -> Self {
        Self { inputs: self.inputs | other.inputs, output: self.output | other.output }
    }

    /// Whether input number `i` is kept.
    pub fn keeps_input(self, i: usize) -> bool {
        self.inputs >> i & 1 == 1
    }

    /// Whether the op's own value is kept.
    pub fn keeps_output(self) -> bool {
        self.output
    }

    /// What `self` says, if `condition` holds; nothing otherwise.
    pub const fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::NOTHING }
    }
}

/// An operation with its attributes (a stride, an axis, a key): what the tape records and the sweep asks for gradients.
pub trait Op<T: Element>: 'static {
    /// The name in the registry, such as `conv2d`.
    fn name(&self) -> &'static str;

    /// The attributes in words, such as `stride 2x2`; empty if there are none.
    fn attributes(&self) -> String {
        String::new()
    }

    /// Which values [`vjp`](Op::vjp) will read, when the inputs with `tracked[i]` are those that it may be asked for.
    fn saves(&self, tracked: &[bool]) -> Saves;

    /// Whether the op has a derivative. One without refuses tracked inputs, by name.
    fn has_rule(&self) -> bool {
        true
    }

    /// How to make it again in `f64`, for checks and explanations. None, the default: it cannot be.
    fn replay(&self) -> Option<&dyn Replay> {
        None
    }

    /// The rules, one per input: given `gy`, the gradient of the final output by this op's value, the gradient by each
    /// input that `call` wants ([`Call::wants`]); None for the others. Written in differentiable ops, so that gradients
    /// of gradients need nothing more.
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>>;
}

/// A recorded call of an op, as its rules see it.
pub struct Call<'a, T: Element> {
    pub(crate) op: &'static str,
    pub(crate) inputs: &'a [Operand<T>],
    pub(crate) output: Option<&'a Tensor<T>>,
    pub(crate) shape: Shape,
    pub(crate) id: NodeId,
    pub(crate) wants: &'a [bool],
    /// The tape, when the sweep itself is recorded.
    pub(crate) recording: Option<&'a Tape<T>>,
}

impl<T: Element> Call<'_, T> {
    /// Whether the gradient by input `i` is asked for.
    pub fn wants(&self, i: usize) -> bool {
        self.wants[i]
    }

    /// Whether the sweep is recorded, to be differentiated again. A fused rule, which is not made of ops, must then
    /// give way to one that is.
    pub fn recording(&self) -> bool {
        self.recording.is_some()
    }

    /// Input `i`: tracked when the sweep is recorded, a constant otherwise.
    ///
    /// # Panics
    /// When the op did not say that it saves it.
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

    /// The op's value: tracked when the sweep is recorded, a constant otherwise.
    ///
    /// # Panics
    /// When the op did not say that it saves it.
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
