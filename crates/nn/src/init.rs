//! Initialisers, and the two dialects that differ in their defaults.

use kernels::{Element as _, Key};
use rand_distr::{Distribution, Uniform};
use tensor::Tensor;

/// The framework whose defaults a network follows: they differ in initialisation, batch
/// normalisation and slopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Keras 2 on TensorFlow: Glorot-uniform weights, zero biases, BatchNorm with epsilon 1e-3 and
    /// momentum 0.99, LeakyReLU slope 0.3.
    Keras,
    /// PyTorch: uniform weights and biases within 1 / sqrt(fan in), BatchNorm with epsilon 1e-5 and
    /// [momentum](crate::layers::BatchNorm) 0.9 (in PyTorch's own terms 0.1), LeakyReLU slope 0.01.
    Torch,
}

/// The number of inputs that each output of a layer depends on, and the number of outputs that
/// depend on each input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fan {
    /// Inputs per output, as the dialect counts them.
    pub input: usize,
    /// Outputs per input.
    pub output: usize,
}

/// The distribution that weights are drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initializer {
    /// All elements have this value.
    Constant(f64),
    /// Uniform within +- sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010).
    GlorotUniform,
    /// Uniform within +- gain * sqrt(3 / fan in), with gain = sqrt(2 / (1 + slope^2)) (He et al.
    /// 2015). PyTorch's default for weights has slope sqrt(5), and so the bound 1 / sqrt(fan in).
    KaimingUniform {
        /// The slope of the leaky ReLU that follows.
        slope: f64,
    },
    /// Uniform within +- bound.
    Uniform {
        /// The bound.
        bound: f64,
    },
    /// Normal.
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        deviation: f64,
    },
}

impl Initializer {
    /// The bound of a uniform distribution; None for other distributions.
    pub fn limit(self, fan: Fan) -> Option<f64> {
        match self {
            Initializer::GlorotUniform => Some((6.0 / (fan.input + fan.output) as f64).sqrt()),
            Initializer::KaimingUniform { slope } => Some((6.0 / ((1.0 + slope * slope) * fan.input as f64)).sqrt()),
            Initializer::Uniform { bound } => Some(bound),
            Initializer::Constant(_) | Initializer::Normal { .. } => None,
        }
    }

    /// A tensor with elements drawn from the random stream `key`.
    pub fn draw(self, shape: &[usize], fan: Fan, key: Key) -> Tensor {
        match (self, self.limit(fan)) {
            (Initializer::Constant(value), _) => Tensor::full(shape, value as f32),
            (_, Some(limit)) => uniform(shape, -limit, limit, key),
            (Initializer::Normal { mean, deviation }, _) => normal(shape, mean, deviation, key),
            _ => unreachable!("every other initialiser has a limit"),
        }
    }
}

/// The initialisers of a network, unless a layer has its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InitScheme {
    /// Weights of dense layers and convolutions.
    pub weight: Initializer,
    /// Their biases.
    pub bias: Initializer,
    /// Scales of normalisation layers. (Their shifts start at 0.)
    pub scale: Initializer,
}

impl InitScheme {
    /// Normal weights with mean 0 and this standard deviation, biases 0, scales 1.
    pub fn normal(deviation: f64) -> Self {
        let weight = Initializer::Normal { mean: 0.0, deviation };
        Self { weight, bias: Initializer::Constant(0.0), scale: Initializer::Constant(1.0) }
    }

    /// The scheme of DCGAN (Radford, Metz and Chintala 2016): normal weights with mean 0 and normal
    /// scales with mean 1, both with standard deviation 0.02; biases 0.
    pub fn dcgan() -> Self {
        Self { scale: Initializer::Normal { mean: 1.0, deviation: 0.02 }, ..Self::normal(0.02) }
    }
}

impl Dialect {
    /// The default initialisers.
    pub fn init_scheme(self) -> InitScheme {
        InitScheme { weight: self.weight_init(), bias: self.bias_init(), scale: Initializer::Constant(1.0) }
    }

    /// The default initialiser of weights.
    pub fn weight_init(self) -> Initializer {
        match self {
            Dialect::Keras => Initializer::GlorotUniform,
            Dialect::Torch => Initializer::KaimingUniform { slope: 5f64.sqrt() },
        }
    }

    /// The default initialiser of biases. (PyTorch draws them within the bound of the weights.)
    pub fn bias_init(self) -> Initializer {
        match self {
            Dialect::Keras => Initializer::Constant(0.0),
            Dialect::Torch => self.weight_init(),
        }
    }
}

/// Numbers drawn uniformly from [low, high) by the random stream `key`. The first n numbers are the
/// same for every shape with at least n elements.
pub fn uniform(shape: &[usize], low: f64, high: f64, key: Key) -> Tensor {
    let mut draws = key.draws();
    let distribution = Uniform::new(low as f32, high as f32).expect("low is below high");
    Tensor::from_fn(shape, |_| distribution.sample(&mut draws))
}

/// Numbers drawn from the normal distribution by the random stream `key`. The first n numbers are
/// the same for every shape with at least n elements, and their bits are the same on every machine
/// ([`Element::normal`](kernels::Element::normal); the samplers of `rand_distr` use the system's
/// logarithm).
pub fn normal(shape: &[usize], mean: f64, deviation: f64, key: Key) -> Tensor {
    let (mean, deviation) = (mean as f32, deviation as f32);
    Tensor::written(shape, |numbers| {
        f32::normal(key, numbers);
        numbers.iter_mut().for_each(|number| *number = mean + deviation * *number);
    })
}

/// Standard normal numbers, where each number outside [-bound, bound] is drawn again until it is
/// inside: the truncation trick (Brock, Donahue and Simonyan, "Large scale GAN training for high
/// fidelity natural image synthesis", 2019). The other numbers are those of [`normal`], and the
/// first n numbers are the same for every shape with at least n elements.
///
/// # Panics
/// When `bound` is not positive, as no number would be inside.
pub fn truncated_normal(shape: &[usize], bound: f64, key: Key) -> Tensor {
    assert!(bound > 0.0, "truncated_normal: no number is within {bound}");
    let is_outside = |number: &f32| f64::from(number.abs()) > bound;
    let mut numbers = normal(shape, 0.0, 1.0, key);
    let mut outside: Vec<usize> = (0..numbers.size()).filter(|at| is_outside(&numbers.data()[*at])).collect();
    // Each round has its own stream, so a number does not depend on how many come after it.
    let mut again = key;
    while !outside.is_empty() {
        again.stream = again.stream.wrapping_add(1);
        let fresh = normal(&[outside.len()], 0.0, 1.0, again);
        outside.iter().zip(fresh.data()).for_each(|(at, number)| numbers.data_mut()[*at] = *number);
        outside.retain(|at| is_outside(&numbers.data()[*at]));
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_fill_their_bounds_and_depend_on_their_key() {
        let fan = Fan { input: 25, output: 1600 };
        let limit = Initializer::GlorotUniform.limit(fan).unwrap();
        let weights = Initializer::GlorotUniform.draw(&[5, 5, 1, 64], fan, Key::named(1, "w"));
        let largest = weights.data().iter().fold(0f32, |largest, w| largest.max(w.abs()));
        assert!(f64::from(largest) <= limit && f64::from(largest) > 0.99 * limit);
        assert_eq!(weights, Initializer::GlorotUniform.draw(&[5, 5, 1, 64], fan, Key::named(1, "w")));
        assert_ne!(weights, Initializer::GlorotUniform.draw(&[5, 5, 1, 64], fan, Key::named(2, "w")));
        let normal = Initializer::Normal { mean: 1.0, deviation: 0.02 }.draw(&[10_000], fan, Key::named(1, "n"));
        let mean = normal.data().iter().sum::<f32>() / 10_000.0;
        assert!((mean - 1.0).abs() < 5.0 * 0.02 / 100.0, "{mean}");
        let square = normal.data().iter().map(|x| (x - 1.0) * (x - 1.0)).sum::<f32>() / 10_000.0;
        assert!((square.sqrt() - 0.02).abs() < 5.0 * 0.02 / 141.0, "{square}");
        assert_eq!(super::normal(&[3], 1.0, 0.02, Key::named(1, "n")).data(), &normal.data()[..3]);
    }

    #[test]
    fn truncated_numbers_are_within_the_bound_and_normal_there() {
        let key = Key::named(1, "latents");
        let (whole, cut) = (normal(&[20_000], 0.0, 1.0, key), truncated_normal(&[20_000], 0.7, key));
        for (whole, cut) in whole.data().iter().zip(cut.data()) {
            assert!(cut.abs() <= 0.7 && (whole.abs() > 0.7 || whole == cut), "{whole} {cut}");
        }
        // The variance of a standard normal number, given that it is within 0.7:
        // 1 - 2 * 0.7 * phi(0.7) / P(within 0.7) = 0.15292.
        let variance = cut.data().iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 20_000.0;
        assert!((variance - 0.15292).abs() < 0.005, "{variance}");
        assert_eq!(truncated_normal(&[50, 4], 0.7, key).data(), &cut.data()[..200], "few are the first of many");
        assert_eq!(truncated_normal(&[200], 0.05, key).data().iter().filter(|x| x.abs() > 0.05).count(), 0);
    }
}
