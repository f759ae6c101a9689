//! The settings of kernels: the parameters of a call apart from its slices.

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
