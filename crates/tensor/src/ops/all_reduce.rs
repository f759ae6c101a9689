//! `all_reduce`: the sum over the shards of a batch, each of which has a tape of its own.
//!
//! Every shard contributes a tensor of the same shape, and every shard receives the sum:
//!
//! ```text
//! y_r = x_0 + x_1 + ...    for every shard r
//! ```
//!
//! The losses of all shards are added, and each y_r depends on each x_s with slope 1. So the
//! gradient of x_s is the sum of the gradients of all y_r: the operation is its own adjoint, and
//! the reverse sweep of each shard contributes to the sweeps of all others. (Data-parallel
//! programs call the operation all-reduce.) Nothing is saved.
//!
//! The numbers are exchanged, and added, in `f64`.

use std::rc::Rc;

use kernels::Element;

use crate::ops::{Domain, Entry, elementwise};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "all_reduce",
    idea: "The sum over all shards of a batch, for each of them.",
    forward: "y = sum over shards of x",
    rule: "gx = sum over shards of gy",
    derivation: &[
        "y_r = x_0 + x_1 + ... for every shard r",
        "the loss is the sum of the losses of the shards, so all y_r influence it",
        "each x_s counts once in each y_r: the slope is 1",
        "so the contributions of all shards are added: gx_s = gy_0 + gy_1 + ...",
    ],
    saved: "nothing",
    shape: "x and y have the same shape, which is that of every shard",
    cost: "forward and backward: log2(ranks) messages each, and waiting for the other shards",
    chapter: "c10_normalisation",
    file: file!(),
    cases: || elementwise(Domain::Any, |x| x.all_reduce(&replicas(3))),
};

/// The shards of a batch whose forward and backward passes take place at the same time.
pub trait ShardGroup {
    /// The number of shards.
    fn count(&self) -> usize;

    /// The sum of the numbers of all shards; `own` are those of this shard. All shards must call
    /// this the same number of times, each time with the same number of numbers.
    fn sum(&self, own: Vec<f64>) -> Vec<f64>;

    /// Whether [`sum`](ShardGroup::sum) may be called at any time. Then ops that use the group can
    /// be [recomputed](Replay).
    fn is_always_present(&self) -> bool {
        false
    }
}

struct Replicas(usize);

impl ShardGroup for Replicas {
    fn count(&self) -> usize {
        self.0
    }

    fn sum(&self, own: Vec<f64>) -> Vec<f64> {
        own.into_iter().map(|x| self.0 as f64 * x).collect()
    }

    fn is_always_present(&self) -> bool {
        true
    }
}

/// `count` shards that all have the numbers of this one, for checks of ops.
pub fn replicas(count: usize) -> Rc<dyn ShardGroup> {
    Rc::new(Replicas(count))
}

#[derive(Clone)]
struct AllReduce(Rc<dyn ShardGroup>);

impl<T: Element> Var<T> {
    /// The sum over the shards of this group.
    #[track_caller]
    pub fn all_reduce(&self, group: &Rc<dyn ShardGroup>) -> Self {
        let [sum] = sums(&**group, [self.value()]);
        Self::record(AllReduce(Rc::clone(group)), &[self], sum)
    }
}

/// The sums of several tensors over the shards, which take one message.
pub(super) fn sums<T: Element, const N: usize>(group: &dyn ShardGroup, own: [&Tensor<T>; N]) -> [Tensor<T>; N] {
    let numbers = own.iter().flat_map(|own| own.data()).map(|x| x.to_f64()).collect();
    let sum = group.sum(numbers);
    let mut first = 0;
    own.map(|own| {
        let start = first;
        first += own.size();
        Tensor::from_fn(*own.shape(), |i| T::from_f64(sum[start + i]))
    })
}

impl<T: Element> Op<T> for AllReduce {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("{} shards", self.0.count())
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        if self.0.is_always_present() { self.as_replay() } else { None }
    }

    /// `gx = sum over shards of gy`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy.all_reduce(&self.0))]
    }
}

impl Replay for AllReduce {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].all_reduce(&self.0)
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }
}
