//! [`Replay`]: recomputes a recorded op in `f64`, on other inputs.
//!
//! The tape of a training step records `f32` ops. To check one of them, or to show how one of its
//! elements is computed, [`Probe`](crate::Probe) recomputes the same op with the same attributes in
//! `f64`: on the recorded inputs, on perturbed ones, or on the first few rows of the batch, which
//! is often enough and much less work.

use kernels::Element;

use crate::arithmetic::ElementContext;
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::var::Var;

/// An op that can be recomputed.
pub trait Replay {
    /// Applies the op, with the same attributes, to `inputs`.
    ///
    /// `shape` is the shape of the value: the recorded one, or the one with as many rows (the
    /// length of the first axis) as the inputs that were cut according to [`rows`](Replay::rows).
    /// Random numbers are drawn by index, so the first rows keep theirs.
    ///
    /// # Panics
    /// When the shapes of the inputs do not fit the op.
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64>;

    /// This op, as [`Op::replay`](crate::Op::replay) returns it; None without the feature `replay`.
    /// A program that only trains, such as the page of the playground, is smaller without every op
    /// in `f64`.
    fn as_replay(&self) -> Option<&dyn Replay>
    where
        Self: Sized,
    {
        if cfg!(feature = "replay") { Some(self) } else { None }
    }

    /// The inputs on which the rows of the value depend.
    fn rows(&self) -> Rows {
        Rows::Whole
    }

    /// The arithmetic of one element of the value, such as `1 / (1 + exp(-0.3))`, in the grammar of
    /// [`evaluate`](crate::arithmetic::evaluate()). None, the default, for linear ops, where it is
    /// the sum of slope times input.
    fn value_arithmetic(&self, _at: &ElementContext) -> Option<String> {
        None
    }

    /// The arithmetic of the derivative of that element with respect to the element of input
    /// `input` that it depends on, such as `0.57 * (1 - 0.57)`. None, the default, if the number
    /// itself is enough.
    fn slope_arithmetic(&self, _at: &ElementContext, _input: usize) -> Option<String> {
        None
    }
}

/// The inputs on which the rows of an op's value, the slices along its first axis, depend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Every row depends on everything, so only the whole can be recomputed.
    Whole,
    /// Row r depends on row r of the first input and on all other inputs.
    First,
    /// Row r depends on row r of each input with as many axes and rows as the value, and on all
    /// other inputs: element-wise ops with broadcasting.
    Aligned,
    /// As [`First`](Rows::First), but the rows also depend on statistics of the whole batch. Fewer
    /// rows are a smaller batch with different numbers, on which the rule can still be checked.
    Batch,
}

impl Rows {
    /// Which inputs must be cut to their first rows to recompute the first rows of a value of shape
    /// `value` (or, for [`Batch`](Rows::Batch), a value of that shape). None if only the whole can
    /// be recomputed.
    pub fn cut(self, inputs: &[Shape], value: &Shape) -> Option<Vec<bool>> {
        let &rows = value.first()?;
        let cut: Vec<bool> = match self {
            Self::Whole => return None,
            Self::First | Self::Batch => {
                let has_rows = inputs[0].len() > 1 && inputs[0][0] == rows;
                (0..inputs.len()).map(|i| i == 0 && has_rows).collect()
            }
            Self::Aligned => inputs.iter().map(|x| x.len() == value.len() && x[0] == rows).collect(),
        };
        cut.contains(&true).then_some(cut)
    }

    /// Whether the first rows of the inputs give exactly the first rows of the value.
    pub fn keeps_numbers(self) -> bool {
        matches!(self, Self::First | Self::Aligned)
    }
}

/// The first elements of a tensor that an op has stored, in `f64`, as a constant of shape `like`.
pub(crate) fn kept<T: Element>(tensor: &Tensor<T>, like: &Shape) -> Var<f64> {
    Var::constant(Tensor::from_fn(*like, |i| tensor.data()[i].to_f64()))
}
