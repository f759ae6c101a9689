//! `batch_norm`: normalises each channel of a batch to mean 0 and variance 1, then scales and
//! shifts it.
//!
//! Per channel, over the n rows of x (Ioffe and Szegedy 2015):
//!
//! ```text
//! mu = mean(x)    v = mean((x - mu)^2)    s = sqrt(v + epsilon)
//! xh = (x - mu) / s    y = gamma * xh + beta
//! ```
//!
//! The gradient, including the dependence on x through mu and v:
//!
//! ```text
//! gbeta = sum(gy)    ggamma = sum(gy * xh)    gx = gamma / s * (gy - gbeta / n - xh * ggamma / n)
//! ```
//!
//! x, gamma and the two statistics, which are small, are saved. An ordinary sweep computes the
//! three gradients in one fused kernel. A recorded sweep composes them of ops, starting from x, so
//! that the second derivative includes the dependence of mu and v on x.
//!
//! A leaky ReLU after the normalisation can be part of the op. gy is then first multiplied by its
//! slope. The side of the kink on which an element lies is recomputed from x, for which beta is
//! saved too.

use kernels::{Element, Norm};

use crate::arithmetic::{ElementContext, sum};
use crate::ops::leaky_relu::LeakyReluGrad;
use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "batch_norm",
    idea: "Mean 0 and variance 1 for every channel of the batch, then a learned scale and shift.",
    forward: "y = gamma * (x - mean) / sqrt(variance + epsilon) + beta",
    rule: "gbeta = sum gy, ggamma = sum gy * xh, gx = gamma / s * (gy - gbeta / n - xh * ggamma / n)",
    derivation: &[
        "per channel xh = (x - mu) / s, s = sqrt(v + epsilon), y = gamma * xh + beta",
        "beta is added to every row, gamma multiplies xh in every row:",
        "gbeta = sum gy and ggamma = sum gy * xh",
        "gh = gamma * gy is the gradient of xh; x influences xh in three ways:",
        "directly by 1/s, through mu (dmu/dx = 1/n), through s (ds/dx = xh/n)",
        "gx = (gh - mean(gh) - xh * mean(gh * xh)) / s",
        "mean(gh) = gamma * gbeta / n and mean(gh * xh) = gamma * ggamma / n, so",
        "gx = gamma / s * (gy - gbeta / n - xh * ggamma / n)",
    ],
    saved: "x and gamma, and mean and variance of each channel, which are small: xh is recomputed from them",
    shape: "x is (..., channels), gamma and beta are (channels); y has the shape of x",
    cost: "forward two passes over x (statistics, then y); backward two (the two sums, then gx)",
    chapter: "c10_normalisation",
    file: file!(),
    cases,
};

fn cases() -> Vec<Case> {
    cases_of(|v, slope| v[0].batch_norm_relu(&v[1], &v[2], 0.1, slope).0)
}

/// The cases of a function of x, gamma and beta, and the slope of a leaky ReLU.
pub(super) fn cases_of(apply: fn(&[Var<f64>], Option<f64>) -> Var<f64>) -> Vec<Case> {
    let flat = [[2, 1], [3, 1], [2, 5], [5, 2], [7, 3], [4, 4], [13, 1], [3, 11], [6, 2], [17, 2]].map(Vec::from);
    let images = [
        [1, 2, 2, 1],
        [2, 1, 1, 3],
        [1, 3, 2, 2],
        [2, 3, 5, 1],
        [3, 2, 2, 5],
        [1, 1, 7, 2],
        [2, 2, 3, 3],
        [1, 5, 1, 4],
        [4, 1, 3, 1],
        [1, 4, 3, 7],
    ]
    .map(Vec::from);
    let case = move |shape: Vec<usize>| {
        let channels = [shape[shape.len() - 1]];
        let inputs = vec![
            sample(Domain::Any, 1, &shape),
            sample(Domain::AwayFromZero, 2, &channels),
            sample(Domain::Any, 3, &channels),
        ];
        Case::new(format!("{shape:?}"), inputs, move |v| apply(v, None))
    };
    // With a leaky ReLU; no value is near its kink.
    let bent = Case::new(
        "with a leaky ReLU",
        vec![
            Tensor::new(&[4, 2], vec![1.0, -2.0, 2.0, 3.0, -1.5, 0.5, -3.0, -1.0]),
            Tensor::new(&[2], vec![1.5, -0.5]),
            Tensor::new(&[2], vec![0.1, 0.3]),
        ],
        move |v| apply(v, Some(0.3)),
    );
    flat.into_iter().chain(images).map(case).chain([bent]).collect()
}

/// The statistics of a batch: the mean and the biased variance of each channel.
#[derive(Clone, Debug)]
pub struct Statistics<T: Element = f32> {
    /// The mean of each channel.
    pub mean: Tensor<T>,
    /// The mean squared deviation of each channel.
    pub variance: Tensor<T>,
    /// The number of values per channel.
    pub count: usize,
}

impl<T: Element> Statistics<T> {
    /// The statistics of x, of shape (..., channels).
    pub(super) fn of(x: &Tensor<T>, channels: usize) -> Self {
        let mut mean = Tensor::zeros([channels]);
        let variance =
            Tensor::written([channels], |variance| T::channel_statistics(x.data(), mean.data_mut(), variance));
        Self { mean, variance, count: x.size() / channels }
    }

    /// The mean and the variance.
    pub(super) fn data(&self) -> [&[T]; 2] {
        [self.mean.data(), self.variance.data()]
    }
}

struct BatchNorm<T: Element> {
    statistics: Statistics<T>,
    norm: Norm,
}

impl<T: Element> Var<T> {
    /// Normalises `self`, of shape (..., channels), by its own statistics, scales it by `gamma` and
    /// shifts it by `beta`, both of shape (channels). Also returns the statistics.
    ///
    /// # Panics
    /// When the shapes do not fit, or the batch is empty.
    #[track_caller]
    pub fn batch_norm(&self, gamma: &Self, beta: &Self, epsilon: f64) -> (Self, Statistics<T>) {
        self.batch_norm_relu(gamma, beta, epsilon, None)
    }

    /// As [`batch_norm`](Var::batch_norm), followed by a leaky ReLU if there is a slope. The bits
    /// are those of two separate ops, but memory is read only once.
    #[track_caller]
    pub fn batch_norm_relu(
        &self,
        gamma: &Self,
        beta: &Self,
        epsilon: f64,
        slope: Option<f64>,
    ) -> (Self, Statistics<T>) {
        let channels = check_shapes(ENTRY.name, self, gamma, beta);
        let (x, norm) = (self.value(), Norm { epsilon, slope });
        let statistics = Statistics::of(x, channels);
        let y = Tensor::written(*self.shape(), |y| {
            let affine = [gamma.value().data(), beta.value().data()];
            T::batch_norm(norm, x.data(), statistics.data(), affine, y);
        });
        let op = BatchNorm { statistics: statistics.clone(), norm };
        (Self::record(op, &[self, gamma, beta], y), statistics)
    }
}

/// Checks the shapes of the inputs of the op `name`, and returns the number of channels.
#[track_caller]
pub(super) fn check_shapes<T: Element>(name: &str, x: &Var<T>, gamma: &Var<T>, beta: &Var<T>) -> usize {
    let (channels, gamma, beta) = (*x.shape().last().unwrap_or(&0), gamma.shape(), beta.shape());
    let fits = **gamma == [channels] && **beta == [channels];
    assert!(fits, "{name}: gamma {gamma} and beta {beta} must be [{channels}], the last axis of {}", x.shape());
    assert!(x.value().size() > 0, "{name}: nothing to normalise in {}", x.shape());
    channels
}

impl<T: Element> Op<T> for BatchNorm<T> {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        attributes(self.norm)
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::input(0).and(Saves::input(1)).and(Saves::input(2).when(self.norm.slope.is_some()))
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gbeta = sum gy, ggamma = sum gy * xh, gx = gamma / s * (gy - gbeta / n - xh * ggamma / n)`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let gradients = if call.recording() { self.composed(call, gy) } else { self.fused(call, gy) };
        gradients.into_iter().enumerate().map(|(i, g)| call.wants(i).then_some(g)).collect()
    }
}

impl<T: Element> Replay for BatchNorm<T> {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].batch_norm_relu(&inputs[1], &inputs[2], self.norm.epsilon, self.norm.slope).0
    }

    fn rows(&self) -> Rows {
        Rows::Batch
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(value_arithmetic(at, self.norm))
    }
}

/// The attributes of a normalisation, as text.
pub(super) fn attributes(norm: Norm) -> String {
    let slope = norm.slope.map_or(String::new(), |slope| format!(", slope {slope}"));
    format!("epsilon {}{slope}", norm.epsilon)
}

/// The arithmetic of an element of the value of batch normalisation.
pub(super) fn value_arithmetic(at: &ElementContext, norm: Norm) -> String {
    let channels = at.inputs[1].size();
    let channel = at.at % channels;
    let numbers = at.inputs[0].data().iter().copied().skip(channel).step_by(channels);
    let normal = normalised_arithmetic(at, numbers, norm.epsilon);
    let [gamma, beta] = [&at.inputs[1], &at.inputs[2]].map(|row| at.n(row.data()[channel]));
    leaky_relu_arithmetic(at, norm.slope, sum([format!("{gamma} * {normal}"), beta]))
}

/// `(x - mean) / sqrt(variance + epsilon)` for one element, where `numbers` are the elements of its
/// channel.
pub(super) fn normalised_arithmetic(
    at: &ElementContext,
    numbers: impl Iterator<Item = f64> + Clone,
    epsilon: f64,
) -> String {
    let count = numbers.clone().count() as f64;
    let mean = numbers.clone().sum::<f64>() / count;
    let variance = numbers.map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
    let centred = sum([at.x(0), at.n(-mean)]);
    format!("({centred}) / sqrt({} + {})", at.n(variance), at.n(epsilon))
}

/// `straight`, multiplied by the slope of the op's leaky ReLU if the element is negative. The slope
/// is positive, so the value has the sign of its argument.
pub(super) fn leaky_relu_arithmetic(at: &ElementContext, slope: Option<f64>, straight: String) -> String {
    match slope {
        Some(slope) if at.value.data()[at.at] <= 0.0 => format!("{} * ({straight})", at.n(slope)),
        _ => straight,
    }
}

impl<T: Element> BatchNorm<T> {
    /// The three gradients in one kernel.
    fn fused(&self, call: &Call<T>, gy: &Var<T>) -> [Var<T>; 3] {
        let (x, gamma) = (call.input(0), call.input(1));
        // (Without a leaky ReLU beta is not read; any row of its length will do.)
        let beta = if self.norm.slope.is_some() { call.input(2) } else { gamma.clone() };
        let (mut ggamma, mut gbeta) = (Tensor::zeros(*gamma.shape()), Tensor::zeros(*gamma.shape()));
        let gx = Tensor::written(*x.shape(), |gx| {
            let (inputs, affine) = ([x.value().data(), gy.value().data()], [gamma.value().data(), beta.value().data()]);
            let parameters = [ggamma.data_mut(), gbeta.data_mut()];
            T::batch_norm_grad(self.norm, inputs, self.statistics.data(), affine, gx, parameters);
        });
        [gx, ggamma, gbeta].map(Var::constant)
    }

    /// The same three gradients, composed of ops.
    fn composed(&self, call: &Call<T>, gy: &Var<T>) -> [Var<T>; 3] {
        let (x, gamma, share) = (&call.input(0), &call.input(1), 1.0 / self.statistics.count as f64);
        let (normal, deviation) = normalised(x, |x| x.mean_to(*gamma.shape()), self.norm.epsilon);
        let gy = match self.norm.slope {
            Some(slope) => LeakyReluGrad::apply(slope, &(&(&normal * gamma) + &call.input(2)).detach(), gy),
            None => gy.clone(),
        };
        let (gbeta, ggamma) = (gy.sum_to(*gamma.shape()), (&gy * &normal).sum_to(*gamma.shape()));
        let inner = &(&gy - &gbeta.scale(share)) - &(&normal * &ggamma.scale(share));
        [&inner * &(gamma / &deviation), ggamma, gbeta]
    }
}

/// (x - mean) / s and s = sqrt(variance + epsilon), composed of ops.
pub(super) fn normalised<T: Element>(x: &Var<T>, mean: impl Fn(&Var<T>) -> Var<T>, epsilon: f64) -> (Var<T>, Var<T>) {
    let centred = x - &mean(x);
    let deviation = mean(&centred.square()).add_scalar(epsilon).sqrt();
    (&centred / &deviation, deviation)
}
