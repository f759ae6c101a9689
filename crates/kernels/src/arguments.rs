//! The settings of kernels: what a call does beyond its slices.

use crate::random::Key;

/// What may follow a linear layer, each part optional: dropout(leaky_relu(x + bias)).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BiasActivation {
    /// The slope of the leaky ReLU for x <= 0. It must not be negative, so that the value has the
    /// sign of x.
    pub slope: Option<f64>,
    /// The rate of the dropout, and the random stream that decides which elements are dropped.
    pub dropout: Option<(f64, Key)>,
}

/// Batch or instance normalisation, and the leaky ReLU that may follow it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    /// Added to the variance, to avoid division by zero.
    pub epsilon: f64,
    /// The slope of the leaky ReLU for values <= 0.
    pub slope: Option<f64>,
}

/// A matrix product c = op(a) * op(b), all row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gemm {
    /// Rows of op(a) and c.
    pub m: usize,
    /// Columns of op(b) and c.
    pub n: usize,
    /// Columns of op(a), rows of op(b).
    pub k: usize,
    /// a is stored (k, m) and read transposed.
    pub transpose_a: bool,
    /// b is stored (n, k) and read transposed.
    pub transpose_b: bool,
}

/// One update of RMSprop, elementwise (Keras up to 2.x): with g clipped to [-clip, clip],
/// s <- rho * s + (1 - rho) * g^2, then theta <- theta - learning_rate * g / (sqrt(s) + epsilon).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// The step size, decay included.
    pub learning_rate: f64,
    /// The decay of the mean square.
    pub rho: f64,
    /// Added to the root, to avoid division by zero.
    pub epsilon: f64,
    /// The bound of each gradient element; infinite for none.
    pub clip: f64,
}

/// One update of Adam (Kingma and Ba 2015, in PyTorch's form): m <- beta1 * m + (1 - beta1) * g, v
/// <- beta2 * v + (1 - beta2) * g^2, theta <- theta - learning_rate * (m / c1) / (sqrt(v / c2) +
/// epsilon), with the bias corrections c1 = 1 - beta1^t and c2 = 1 - beta2^t.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// The step size.
    pub learning_rate: f64,
    /// The decay of the first moment.
    pub beta1: f64,
    /// The decay of the second moment.
    pub beta2: f64,
    /// Added to the root, to avoid division by zero.
    pub epsilon: f64,
    /// The number of this update, from 1.
    pub t: u64,
}

/// One update of stochastic gradient descent with momentum: v <- momentum * v + g, theta <- theta -
/// learning_rate * v (or, in Nesterov's form, theta <- theta - learning_rate * (g + momentum * v)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// The step size.
    pub learning_rate: f64,
    /// The decay of the velocity.
    pub momentum: f64,
    /// Whether to use Nesterov's form.
    pub nesterov: bool,
}
