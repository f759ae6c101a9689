//! `instance_norm`: normalises each channel of each image to mean 0 and variance 1.
//!
//! Per image and channel, over its n pixels (Ulyanov, Vedaldi and Lempitsky 2016):
//!
//! ```text
//! mu = mean(x)    v = mean((x - mu)^2)    s = sqrt(v + epsilon)    y = (x - mu) / s
//! ```
//!
//! It is batch normalisation of each image separately, without scale and shift, and so is its
//! gradient:
//!
//! ```text
//! gx = (gy - mean(gy) - y * mean(gy * y)) / s
//! ```
//!
//! The saved values, the fused and the recorded rule, and the optional leaky ReLU are as in
//! [`batch_norm`](crate::ops::batch_norm).

use kernels::{Element, Norm};

use crate::arithmetic::ElementContext;
use crate::ops::batch_norm::{leaky_relu_arithmetic, normalised, normalised_arithmetic};
use crate::ops::leaky_relu::LeakyReluGrad;
use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "instance_norm",
    idea: "Mean 0 and variance 1 for every channel of every image.",
    forward: "y = (x - mean) / sqrt(variance + epsilon), per image and channel",
    rule: "gx = (gy - mean(gy) - y * mean(gy * y)) / s",
    derivation: &[
        "per image and channel: y = (x - mu) / s with s = sqrt(v + epsilon)",
        "x influences y in three ways: directly by 1/s,",
        "through mu (dmu/dx = 1/n), and through s (ds/dx = y/n)",
        "gx = gy/s - sum(gy)/(n*s) - y * sum(gy * y)/(n*s)",
        "gx = (gy - mean(gy) - y * mean(gy * y)) / s",
    ],
    saved: "x, and mean and variance of each image and channel, which are small: y is recomputed from them",
    shape: "x and y are (n, h, w, c)",
    cost: "forward two passes over x (statistics, then y); backward two (the two means, then gx)",
    chapter: "c10_normalisation",
    file: file!(),
    cases,
};

fn cases() -> Vec<Case> {
    let shapes = [
        [1, 2, 2, 1],
        [2, 1, 2, 3],
        [1, 3, 2, 2],
        [2, 3, 5, 1],
        [3, 2, 2, 5],
        [1, 1, 7, 2],
        [2, 2, 3, 3],
        [1, 5, 1, 4],
        [4, 1, 3, 1],
        [1, 4, 3, 7],
        [2, 2, 1, 1],
        [1, 2, 1, 9],
        [5, 2, 2, 1],
        [1, 3, 3, 3],
        [2, 4, 4, 2],
        [1, 1, 13, 1],
        [3, 3, 1, 2],
        [2, 1, 5, 4],
        [1, 6, 2, 2],
    ];
    let case = |shape: [usize; 4]| {
        let inputs = vec![sample(Domain::Any, 1, &shape)];
        Case::new(format!("{shape:?}"), inputs, |v| v[0].instance_norm(0.1, None))
    };
    // With a leaky ReLU; no value is near its kink.
    let values = vec![1.0, -2.0, 2.0, 3.0, -1.5, 1.5, -3.0, -1.0, 2.0, 1.0, -1.0, 0.5];
    let bent = Case::new("with a leaky ReLU", vec![Tensor::new(&[2, 3, 1, 2], values)], |v| {
        v[0].instance_norm(0.1, Some(0.3))
    });
    shapes.map(case).into_iter().chain([bent]).collect()
}

struct InstanceNorm<T: Element> {
    /// Mean and biased variance, of shape (images, 1, 1, channels).
    statistics: [Tensor<T>; 2],
    norm: Norm,
}

impl<T: Element> Var<T> {
    /// Normalises images `self`, of shape (n, h, w, c), each by its own statistics, followed by a
    /// leaky ReLU if there is a slope. The bits are those of two separate ops, but memory is read
    /// only once.
    ///
    /// # Panics
    /// When `self` does not have the shape of images, or is empty.
    #[track_caller]
    pub fn instance_norm(&self, epsilon: f64, slope: Option<f64>) -> Self {
        let &[images, _, _, channels] = &**self.shape() else {
            panic!("instance_norm: {} is not (n, h, w, c)", self.shape())
        };
        assert!(self.value().size() > 0, "instance_norm: nothing to normalise in {}", self.shape());
        let (x, norm) = (self.value().data(), Norm { epsilon, slope });
        let mut mean = Tensor::zeros([images, 1, 1, channels]);
        let variance = Tensor::written(*mean.shape(), |variance| {
            T::instance_statistics(images, x, mean.data_mut(), variance);
        });
        let op = InstanceNorm { statistics: [mean, variance], norm };
        let y = op.normalised(norm, self.value());
        Self::record(op, &[self], y)
    }
}

impl<T: Element> Op<T> for InstanceNorm<T> {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        let slope = self.norm.slope.map_or(String::new(), |slope| format!(", slope {slope}"));
        format!("epsilon {}{slope}", self.norm.epsilon)
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::input(0)
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = (gy - mean(gy) - y * mean(gy * y)) / s`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let x = call.input(0);
        vec![Some(if call.recording() { self.composed(&x, gy) } else { self.fused(&x, gy) })]
    }
}

impl<T: Element> Replay for InstanceNorm<T> {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].instance_norm(self.norm.epsilon, self.norm.slope)
    }

    fn rows(&self) -> Rows {
        Rows::First
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        let [_, height, width, channels] = [0, 1, 2, 3].map(|axis| at.value.shape()[axis]);
        let image = height * width * channels;
        let first = at.at / image * image + at.at % channels;
        let numbers = at.inputs[0].data()[first..].iter().copied().step_by(channels).take(height * width);
        Some(leaky_relu_arithmetic(at, self.norm.slope, normalised_arithmetic(at, numbers, self.norm.epsilon)))
    }
}

impl<T: Element> InstanceNorm<T> {
    fn data(&self) -> [&[T]; 2] {
        [self.statistics[0].data(), self.statistics[1].data()]
    }

    fn normalised(&self, norm: Norm, x: &Tensor<T>) -> Tensor<T> {
        Tensor::written(*x.shape(), |y| T::instance_norm(norm, x.shape()[0], x.data(), self.data(), y))
    }

    /// The gradient in one kernel.
    fn fused(&self, x: &Var<T>, gy: &Var<T>) -> Var<T> {
        let inputs = [x.value().data(), gy.value().data()];
        Var::constant(Tensor::written(*x.shape(), |gx| {
            T::instance_norm_grad(self.norm, x.shape()[0], inputs, self.data(), gx);
        }))
    }

    /// The same, composed of ops.
    fn composed(&self, x: &Var<T>, gy: &Var<T>) -> Var<T> {
        let per_image = *self.statistics[0].shape();
        let (normal, deviation) = normalised(x, |x| x.mean_to(per_image), self.norm.epsilon);
        let gy = match self.norm.slope {
            Some(slope) => LeakyReluGrad::apply(slope, &normal, gy),
            None => gy.clone(),
        };
        let along = &normal * &(&gy * &normal).mean_to(per_image);
        &(&(&gy - &gy.mean_to(per_image)) - &along) / &deviation
    }
}
