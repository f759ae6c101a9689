//! [`Replay`]: a recorded op made again, in `f64`, on other numbers.
//!
//! The tape of a training step holds `f32` ops. To check one of them, or to show where one of its numbers comes from, the same
//! op, with the same attributes, is made again in `f64`: on its own numbers, on numbers moved a little, or on the first few
//! rows of the batch only, which is often enough and much less work. [`Probe`](crate::Probe) does all of that.

use kernels::Element;

use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::var::Var;
use crate::worked::Place;

/// What an op says about itself so that it can be made again.
pub trait Replay {
    /// The op with the same attributes on `inputs`, all of them, in order.
    ///
    /// `shape` is that of the value: the recorded one, or the one with as many rows (the length of the first axis) as the
    /// inputs that [`rows`](Replay::rows) speaks of. Everything random is drawn by index, so the first rows keep their draws.
    ///
    /// # Panics
    /// When the inputs do not fit.
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64>;

    /// Where the rows of the value come from.
    fn rows(&self) -> Rows {
        Rows::Whole
    }

    /// The arithmetic of one element of the value with its numbers, such as `1 / (1 + exp(-0.3))`, in the grammar of
    /// [`evaluate`](crate::worked::evaluate()). None, the default, where the sum of slope times input says it: for linear ops.
    fn value_in_numbers(&self, _at: &Place) -> Option<String> {
        None
    }

    /// The arithmetic of the slope of that element by the element of input `input` that it is made from, such as
    /// `0.57 * (1 - 0.57)`. None, the default, where the number itself says enough.
    fn slope_in_numbers(&self, _at: &Place, _input: usize) -> Option<String> {
        None
    }
}

/// Where the rows of an op's value, the slices along its first axis, come from; hence what the first few of them need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// From everything: there is only the whole.
    Whole,
    /// Row r from row r of the first input and all of the others.
    First,
    /// Row r from row r of each input that has as many axes and as many rows as the value, and all of the others: elementwise,
    /// with broadcasting.
    Aligned,
    /// As [`First`](Rows::First), but the rows also meet in statistics of the whole batch. On fewer rows it is the same rule on
    /// a smaller batch: good for a check of the rule, but with other numbers.
    Batch,
}

impl Rows {
    /// Which of the inputs are to be cut to their first rows, so that they give the first rows of a value of shape `value`
    /// (or, for [`Batch`](Rows::Batch), something of their shape). None if only the whole makes sense.
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

    /// Whether the first rows of the inputs give the very numbers of the first rows of the value.
    pub fn keeps_numbers(self) -> bool {
        matches!(self, Self::First | Self::Aligned)
    }
}

/// What an op keeps in itself of a tensor that goes with its input row by row, in `f64` and as far as the input, of shape `like`,
/// goes.
pub(crate) fn kept<T: Element>(tensor: &Tensor<T>, like: &Shape) -> Var<f64> {
    Var::constant(Tensor::from_fn(*like, |i| tensor.data()[i].to_f64()))
}
