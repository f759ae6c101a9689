//! [`Attributes`]: those of an operation, as data.

use core::ops::Range;

use kernels::FirGeometry;

/// The attributes of an op as data. Whoever translates a recorded computation for another program
/// needs them, besides the inputs and the shapes.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Attributes {
    /// No attributes, or none that are described as data.
    #[default]
    None,
    /// scale * x + shift.
    Affine {
        /// The factor.
        scale: f64,
        /// The addend.
        shift: f64,
    },
    /// x + bias, followed by a leaky ReLU of this slope, if there is one.
    BiasActivation {
        /// The slope where x + bias is negative.
        slope: Option<f64>,
    },
    /// x restricted to [low, high].
    Clamp {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// A filter with resampling.
    Fir(FirGeometry),
    /// x where x > 0, else slope * x.
    LeakyRelu {
        /// The slope where x is negative.
        slope: f64,
    },
    /// A product of two matrices, of which some are transposed.
    Matmul {
        /// Whether the first and the second matrix are transposed.
        transposed: [bool; 2],
    },
    /// A part along one axis.
    Slice {
        /// The axis.
        axis: usize,
        /// The part.
        range: Range<usize>,
    },
}
