//! `broadcast_to`: repeats a tensor along axes; also the broadcasting of element-wise ops.
//!
//! Every element of x appears several times in y, so its gradient is the sum over all copies: the
//! adjoint of repeating is summing ([`sum_to`](super::sum_to)), and vice versa. Nothing is saved.

use kernels::{Binary, Element};

use crate::ops::{Entry, repeated_shapes};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "broadcast_to",
    idea: "Repeats a tensor along axes of length 1, or new ones in front.",
    forward: "y[i, j] = x[j]",
    rule: "gx[j] = sum over i of gy[i, j]",
    derivation: &[
        "y[i, j] = x[j] for every i: x[j] is copied",
        "moving x[j] by d moves all its copies by d",
        "so its gradient is the sum over the copies: gx[j] = sum over i of gy[i, j]",
    ],
    saved: "nothing",
    shape: "x's axes, aligned at the last, are 1 or those of the target shape",
    cost: "one copy per element of y forward, one addition per element of gy backward",
    chapter: "c06_broadcasting",
    file: file!(),
    cases: || repeated_shapes(|small, _| small, |x, large| x.broadcast_to(large)),
};

struct BroadcastTo;

impl<T: Element> Var<T> {
    /// Broadcasts the tensor to `shape`: aligned at the last axis, axes of length 1 and missing
    /// axes are repeated.
    ///
    /// # Panics
    /// When the shapes are not compatible.
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        let Some(steps) = self.shape().repetitions(&shape) else {
            panic!(
                "broadcast_to: {} does not repeat to {shape}: aligned at the last axis, each length must be equal or 1",
                self.shape()
            )
        };
        if *self.shape() == shape {
            return self.clone();
        }
        let mut y = self.value().clone();
        for [outer, repeated, inner] in steps {
            y = Tensor::written([outer, repeated, inner], |to| T::repeat_axis([outer, repeated, inner], y.data(), to));
        }
        Self::record(BroadcastTo, &[self], y.reshape(shape))
    }
}

impl<T: Element> Op<T> for BroadcastTo {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx[j] = sum over i of gy[i, j]`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy.sum_to(call.input_shape(0)))]
    }
}

impl Replay for BroadcastTo {
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64> {
        inputs[0].broadcast_to(shape)
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }
}

/// The forward pass of add, sub, mul and div: `kernel` on pairs of elements of `a` and `b`. If b is
/// a row (such as a bias), or a constant that is repeated along adjacent axes (such as a number per
/// image or pixel), it is read in place; otherwise both are first broadcast to their common shape.
/// (The node of a broadcast collects the gradients of all its users before it sums them. Without
/// it, each would be summed separately, with other rounding.)
#[track_caller]
pub(super) fn pairwise<T: Element>(op: impl Op<T>, kernel: Binary, a: &Var<T>, b: &Var<T>) -> Var<T> {
    let name = op.name();
    let Some(common) = a.shape().broadcast(b.shape()) else {
        panic!(
            "{name}: {} and {} do not broadcast: aligned at the last axis, lengths must be equal or 1",
            a.shape(),
            b.shape()
        )
    };
    let is_row = a.shape().ends_with(b.shape());
    let in_place = *a.shape() == common && (is_row || !b.is_tracked());
    let steps = if in_place { b.shape().repetitions(&common) } else { None };
    let shape = match steps.as_deref() {
        Some([]) => [1, 1, common.size()],
        Some(&[shape]) => shape,
        _ => return pairwise(op, kernel, &a.broadcast_to(common), &b.broadcast_to(common)),
    };
    let y = Tensor::written(common, |y| T::binary_repeated(kernel, shape, a.value().data(), b.value().data(), y));
    Var::record(op, &[a, b], y)
}
