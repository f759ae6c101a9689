//! The settings of kernels: the parameters of a call apart from its slices.

use core::fmt;

use crate::random::Key;

/// How the products of matrix products and convolutions are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// From the `f32` numbers themselves.
    #[default]
    F32,
    /// From [bf16 numbers](crate::bf16), to which the operands are rounded. The sums are `f32`.
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::F32, Self::Bf16];

    /// The name: `f32` or `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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
///
/// A [`Precision::Bf16`] takes effect where k is at least 2.
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
    /// How the products are computed.
    pub precision: Precision,
}

impl Gemm {
    /// The number of multiply-adds.
    pub(crate) fn products(&self) -> u64 {
        [self.m, self.n, self.k].map(|size| size as u64).iter().product()
    }

    /// The precision that is in effect: a sum of one product has no [pairs](crate::bf16).
    pub(crate) fn effective_precision(&self) -> Precision {
        if self.k > 1 { self.precision } else { Precision::F32 }
    }
}
