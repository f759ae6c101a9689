//! What weights start from, and the two dialects that differ in it.

use kernels::Key;
use rand_distr::{Distribution, Normal, Uniform};
use tensor::Tensor;

/// The framework whose defaults a network follows: they differ in initialisation, batch normalisation and slopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Keras 2 on TensorFlow: Glorot-uniform weights, zero biases, BatchNorm epsilon 1e-3 and momentum 0.99 (the share that
    /// stays), LeakyReLU slope 0.3.
    Keras,
    /// PyTorch: uniform weights and biases within 1 / sqrt(fan in), BatchNorm epsilon 1e-5 and momentum 0.1 (the share that is
    /// new), LeakyReLU slope 0.01.
    Torch,
}

/// How many inputs reach an output of a layer, and how many outputs an input reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fan {
    /// Inputs of an output, as the dialect counts them.
    pub input: usize,
    /// Outputs of an input.
    pub output: usize,
}

/// The distribution that weights are drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// All the same.
    Constant(f64),
    /// Uniform within +- sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010).
    GlorotUniform,
    /// Uniform within +- gain * sqrt(3 / fan in), with gain = sqrt(2 / (1 + slope^2)) (He et al. 2015). PyTorch's
    /// default for weights is the slope sqrt(5), which makes the bound 1 / sqrt(fan in).
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
        /// Expectation.
        mean: f64,
        /// Standard deviation.
        deviation: f64,
    },
}

impl Init {
    /// The bound of a uniform distribution; None for the others.
    pub fn limit(self, fan: Fan) -> Option<f64> {
        match self {
            Init::GlorotUniform => Some((6.0 / (fan.input + fan.output) as f64).sqrt()),
            Init::KaimingUniform { slope } => Some((6.0 / ((1.0 + slope * slope) * fan.input as f64)).sqrt()),
            Init::Uniform { bound } => Some(bound),
            Init::Constant(_) | Init::Normal { .. } => None,
        }
    }

    /// A tensor drawn from the stream `key`.
    pub fn draw(self, shape: &[usize], fan: Fan, key: Key) -> Tensor {
        match (self, self.limit(fan)) {
            (Init::Constant(value), _) => Tensor::full(shape, value as f32),
            (_, Some(limit)) => uniform(shape, -limit, limit, key),
            (Init::Normal { mean, deviation }, _) => normal(shape, mean, deviation, key),
            _ => unreachable!("every other initialiser has a limit"),
        }
    }
}

/// Where the tensors of a network start, but for layers that say otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    /// Weights of dense layers and convolutions.
    pub weight: Init,
    /// Their biases.
    pub bias: Init,
    /// Scales of normalisations. (Their shifts start at 0.)
    pub scale: Init,
}

impl Start {
    /// Normal weights with mean 0 and this deviation; biases 0, scales 1.
    pub fn normal(deviation: f64) -> Self {
        let weight = Init::Normal { mean: 0.0, deviation };
        Self { weight, bias: Init::Constant(0.0), scale: Init::Constant(1.0) }
    }

    /// As Radford, Metz and Chintala start a DCGAN (2016): normal weights of mean 0 and normal scales of mean 1, both with
    /// deviation 0.02; biases 0.
    pub fn dcgan() -> Self {
        Self { scale: Init::Normal { mean: 1.0, deviation: 0.02 }, ..Self::normal(0.02) }
    }
}

impl Dialect {
    /// Where everything starts.
    pub fn start(self) -> Start {
        Start { weight: self.weight_init(), bias: self.bias_init(), scale: Init::Constant(1.0) }
    }

    /// Where weights start.
    pub fn weight_init(self) -> Init {
        match self {
            Dialect::Keras => Init::GlorotUniform,
            Dialect::Torch => Init::KaimingUniform { slope: 5f64.sqrt() },
        }
    }

    /// Where biases start. (PyTorch draws them within the weights' bound.)
    pub fn bias_init(self) -> Init {
        match self {
            Dialect::Keras => Init::Constant(0.0),
            Dialect::Torch => self.weight_init(),
        }
    }
}

/// Numbers drawn evenly from [low, high) by the stream `key`. The first numbers do not depend on how many there are.
pub fn uniform(shape: &[usize], low: f64, high: f64, key: Key) -> Tensor {
    let mut draws = key.draws();
    let distribution = Uniform::new(low as f32, high as f32).expect("low is below high");
    Tensor::from_fn(shape, |_| distribution.sample(&mut draws))
}

/// Numbers drawn from the normal distribution of this mean and deviation by the stream `key`. The first numbers do not depend
/// on how many there are.
pub fn normal(shape: &[usize], mean: f64, deviation: f64, key: Key) -> Tensor {
    let mut draws = key.draws();
    let distribution = Normal::new(mean as f32, deviation as f32).expect("a finite deviation");
    Tensor::from_fn(shape, |_| distribution.sample(&mut draws))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_fill_their_bounds_and_follow_their_key() {
        let fan = Fan { input: 25, output: 1600 };
        let limit = Init::GlorotUniform.limit(fan).unwrap();
        let weights = Init::GlorotUniform.draw(&[5, 5, 1, 64], fan, Key::named(1, "w"));
        let largest = weights.data().iter().fold(0f32, |largest, w| largest.max(w.abs()));
        assert!(f64::from(largest) <= limit && f64::from(largest) > 0.99 * limit);
        assert_eq!(weights, Init::GlorotUniform.draw(&[5, 5, 1, 64], fan, Key::named(1, "w")));
        assert_ne!(weights, Init::GlorotUniform.draw(&[5, 5, 1, 64], fan, Key::named(2, "w")));
        let normal = Init::Normal { mean: 1.0, deviation: 0.02 }.draw(&[10_000], fan, Key::named(1, "n"));
        let mean = normal.data().iter().sum::<f32>() / 10_000.0;
        assert!((mean - 1.0).abs() < 5.0 * 0.02 / 100.0, "{mean}");
    }
}
