//! `sync_batch_norm`: batch normalisation of a shard by the statistics of the whole batch.
//!
//! Each shard holds n of the N rows of the batch, and records the op on a tape of its own. The
//! formulas are those of [`batch_norm`](crate::ops::batch_norm), with means over all N rows:
//!
//! ```text
//! mu = mean(x)    v = mean((x - mu)^2)    s = sqrt(v + epsilon)
//! xh = (x - mu) / s    y = gamma * xh + beta
//! gbeta = sum(gy)    ggamma = sum(gy * xh)    gx = gamma / s * (gy - mean(gy) - xh * mean(gy * xh))
//! ```
//!
//! gbeta and ggamma are the contributions of the shard: each shard has its own copy of the
//! parameters, whose gradients are added after the reverse sweep. The means in gx contain the
//! gradients that the other shards send through mu and v.
//!
//! v is computed from the statistics of the shards, mu_s and v_s (Chan, Golub and LeVeque,
//! "Updating formulae and a pairwise algorithm for computing sample variances", 1979):
//!
//! ```text
//! v = mean(v_s) + mean((mu_s - mu)^2) = mean(v_s) + mean(mu_s^2) - mu^2    over the shards
//! ```
//!
//! The last form needs one message instead of two. It is a difference of squares, but only the
//! variance between the shards is computed in this way, and in `f64`, in which the square of an
//! `f32` is exact: the error is small compared with that of rounding x to `f32`.

use std::rc::Rc;

use kernels::{Element, Norm};

use crate::arithmetic::ElementContext;
use crate::ops::all_reduce::{replicas, sums};
use crate::ops::batch_norm::{attributes, cases_of, check_shapes, normalised, value_arithmetic};
use crate::ops::leaky_relu::LeakyReluGrad;
use crate::ops::{Case, Entry};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, ShardGroup, Statistics, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "sync_batch_norm",
    idea: "Batch normalisation of a shard by the statistics of the whole batch.",
    forward: "y = gamma * (x - mean) / sqrt(variance + epsilon) + beta",
    rule: "gbeta = sum gy, ggamma = sum gy * xh, gx = gamma / s * (gy - mean(gy) - xh * mean(gy * xh))",
    derivation: &[
        "as in batch_norm, but mean and variance are over the rows of all shards",
        "gamma and beta act on the shard's rows, so their sums are over these only:",
        "gbeta = sum gy and ggamma = sum gy * xh",
        "x influences the xh of all shards through mu and s",
        "so the two means in gx are over the gy of all shards:",
        "gx = gamma / s * (gy - mean(gy) - xh * mean(gy * xh))",
    ],
    saved: "x and gamma, and mean and variance of each channel, which are small: xh is recomputed from them",
    shape: "x is (..., channels), gamma and beta are (channels); y has the shape of x",
    cost: "as batch_norm, and one all_reduce forward and one backward",
    chapter: "c10_normalisation",
    file: file!(),
    cases,
};

fn cases() -> Vec<Case> {
    cases_of(|v, slope| v[0].sync_batch_norm(&v[1], &v[2], 0.1, slope, &replicas(3)).0)
}

struct SyncBatchNorm<T: Element> {
    /// Those of the whole batch.
    statistics: Statistics<T>,
    norm: Norm,
    group: Rc<dyn ShardGroup>,
}

impl<T: Element> Var<T> {
    /// Like [`batch_norm_relu`](Var::batch_norm_relu), but with the statistics of all shards of
    /// `group`, which have the same size. `self`, of shape (..., channels), is the part of this
    /// shard. Also returns the statistics of the whole batch.
    ///
    /// # Panics
    /// When the shapes do not fit, or the shard is empty.
    #[track_caller]
    pub fn sync_batch_norm(
        &self,
        gamma: &Self,
        beta: &Self,
        epsilon: f64,
        slope: Option<f64>,
        group: &Rc<dyn ShardGroup>,
    ) -> (Self, Statistics<T>) {
        let channels = check_shapes(ENTRY.name, self, gamma, beta);
        let (x, norm) = (self.value(), Norm { epsilon, slope });
        let statistics = of_all_shards(&Statistics::of(x, channels), &**group);
        let y = Tensor::written(*self.shape(), |y| {
            let affine = [gamma.value().data(), beta.value().data()];
            T::batch_norm(norm, x.data(), statistics.data(), affine, y);
        });
        let op = SyncBatchNorm { statistics: statistics.clone(), norm, group: Rc::clone(group) };
        (Self::record(op, &[self, gamma, beta], y), statistics)
    }
}

/// The statistics of the whole batch, from `own`, those of this shard.
fn of_all_shards<T: Element>(own: &Statistics<T>, group: &dyn ShardGroup) -> Statistics<T> {
    let [mean, variance] = own.data().map(|numbers| numbers.iter().map(|x| x.to_f64()).collect::<Vec<f64>>());
    let squares: Vec<f64> = mean.iter().map(|x| x * x).collect();
    let sum = group.sum([mean, squares, variance].concat());
    let (channels, count) = (own.mean.size(), group.count() as f64);
    let mean = |c: usize| sum[c] / count;
    let variance = |c: usize| {
        let between = sum[channels + c] / count - mean(c) * mean(c);
        sum[2 * channels + c] / count + between.max(0.0)
    };
    Statistics {
        mean: Tensor::from_fn([channels], |c| T::from_f64(mean(c))),
        variance: Tensor::from_fn([channels], |c| T::from_f64(variance(c))),
        count: own.count * group.count(),
    }
}

impl<T: Element> Op<T> for SyncBatchNorm<T> {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("{}, {} shards", attributes(self.norm), self.group.count())
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::input(0).and(Saves::input(1)).and(Saves::input(2).when(self.norm.slope.is_some()))
    }

    fn replay(&self) -> Option<&dyn Replay> {
        if self.group.is_always_present() { self.as_replay() } else { None }
    }

    /// `gbeta = sum gy, ggamma = sum gy * xh,
    /// gx = gamma / s * (gy - mean(gy) - xh * mean(gy * xh))`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let gradients = if call.recording() { self.composed(call, gy) } else { self.fused(call, gy) };
        gradients.into_iter().enumerate().map(|(i, g)| call.wants(i).then_some(g)).collect()
    }
}

impl<T: Element> Replay for SyncBatchNorm<T> {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].sync_batch_norm(&inputs[1], &inputs[2], self.norm.epsilon, self.norm.slope, &self.group).0
    }

    fn rows(&self) -> Rows {
        Rows::Batch
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(value_arithmetic(at, self.norm))
    }
}

impl<T: Element> SyncBatchNorm<T> {
    /// The three gradients in two kernels.
    fn fused(&self, call: &Call<T>, gy: &Var<T>) -> [Var<T>; 3] {
        let (x, gamma, statistics) = (call.input(0), call.input(1), self.statistics.data());
        // (Without a leaky ReLU beta is not read; any row of its length will do.)
        let beta = if self.norm.slope.is_some() { call.input(2) } else { gamma.clone() };
        let (inputs, affine) = ([x.value().data(), gy.value().data()], [gamma.value().data(), beta.value().data()]);
        let mut ggamma = Tensor::zeros(*gamma.shape());
        let gbeta = Tensor::written(*gamma.shape(), |gbeta| {
            T::batch_norm_grad_sums(self.norm, inputs, statistics, affine, [ggamma.data_mut(), gbeta]);
        });
        let means = sums(&*self.group, [&ggamma, &gbeta]).map(|sum| Var::constant(sum).scale(self.share()));
        let means = means.each_ref().map(|mean| mean.value().data());
        let gx = Tensor::written(*x.shape(), |gx| {
            T::batch_norm_grad_input(self.norm, inputs, statistics, affine, means, gx);
        });
        [gx, ggamma, gbeta].map(Var::constant)
    }

    /// The same three gradients, composed of ops.
    fn composed(&self, call: &Call<T>, gy: &Var<T>) -> [Var<T>; 3] {
        let (x, gamma, to) = (&call.input(0), &call.input(1), call.input_shape(1));
        let (normal, deviation) = normalised(x, |x| self.mean(&x.sum_to(to)), self.norm.epsilon);
        let gy = match self.norm.slope {
            Some(slope) => LeakyReluGrad::apply(slope, &(&(&normal * gamma) + &call.input(2)).detach(), gy),
            None => gy.clone(),
        };
        let (gbeta, ggamma) = (gy.sum_to(to), (&gy * &normal).sum_to(to));
        let inner = &(&gy - &self.mean(&gbeta)) - &(&normal * &self.mean(&ggamma));
        [&inner * &(gamma / &deviation), ggamma, gbeta]
    }

    /// The mean over the batch, from the sums of the shards.
    fn mean(&self, own_sum: &Var<T>) -> Var<T> {
        own_sum.all_reduce(&self.group).scale(self.share())
    }

    /// 1 / N
    fn share(&self) -> f64 {
        1.0 / self.statistics.count as f64
    }
}
