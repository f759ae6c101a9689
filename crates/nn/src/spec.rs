//! [`LayerSpec`]: what a layer computes in inference, as data.
//!
//! Programs that translate a network for other software, such as the export of a run, read the
//! specifications instead of the layers. The weights in a specification are those that the layer
//! uses: an [equalised](crate::layers::Equalised) weight is already scaled, a spectrally normalised
//! one already divided.

use kernels::{Fir, Padding, TransposedPadding};
use tensor::Tensor;

use crate::layers::Activation;

/// What a layer computes in inference. The layouts are those of the layers: images (n, h, w, c).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LayerSpec {
    /// x: a dropout.
    Identity,
    /// x, whose mean over the batches of training, of shape (c), programs outside of the network
    /// use.
    RunningMean(Tensor),
    /// A function of each element.
    Activation(Activation),
    /// x w + b.
    Dense {
        /// Shape (in, out).
        weight: Tensor,
        /// Shape (out).
        bias: Option<Tensor>,
    },
    /// A convolution.
    Conv2d {
        /// Shape (kh, kw, in, out).
        weight: Tensor,
        /// Shape (out).
        bias: Option<Tensor>,
        /// Vertical and horizontal.
        stride: [usize; 2],
        /// The zeros around the image.
        padding: Padding,
    },
    /// A transposed convolution.
    ConvTranspose2d {
        /// Shape (kh, kw, out, in).
        weight: Tensor,
        /// Shape (out).
        bias: Option<Tensor>,
        /// Vertical and horizontal.
        stride: [usize; 2],
        /// How the output is sized.
        padding: TransposedPadding,
    },
    /// (x - mean) / sqrt(variance + epsilon) * gamma + beta, all four of shape (c).
    BatchNorm {
        /// The scale.
        gamma: Tensor,
        /// The shift.
        beta: Tensor,
        /// The running mean.
        mean: Tensor,
        /// The running variance.
        variance: Tensor,
        /// Added to the variance.
        epsilon: f64,
    },
    /// Each channel of each image normalised to mean 0 and variance 1.
    InstanceNorm {
        /// Added to the variance.
        epsilon: f64,
    },
    /// Each image normalised to mean 0 and variance 1, then scaled and shifted per channel.
    LayerNorm {
        /// Shape (c).
        scale: Tensor,
        /// Shape (c).
        shift: Tensor,
        /// Added to the variance.
        epsilon: f64,
    },
    /// x / sqrt(mean of x^2 over the channels + epsilon).
    PixelNorm {
        /// Added to the mean square.
        epsilon: f64,
    },
    /// x + b, with b of shape (c).
    Bias(Tensor),
    /// x times this number.
    Gain(f64),
    /// A filter with resampling.
    Filter(Fir),
    /// Each pixel becomes a block of this height and width.
    UpSampling2d([usize; 2]),
    /// A border of this many mirrored pixels.
    ReflectionPad2d(usize),
    /// The upper left part, of this height and width.
    Crop2d([usize; 2]),
    /// The same elements in this shape (without the batch axis), in memory order: channels vary
    /// fastest.
    Reshape(Vec<usize>),
    /// All axes except the batch axis combined into one, in memory order.
    Flatten,
    /// The maximum of blocks of this height and width.
    MaxPool2d([usize; 2]),
    /// The mean of blocks of this height and width.
    AveragePool2d([usize; 2]),
    /// The mean of each channel over all pixels.
    GlobalMean,
    /// The maximum of groups of this many consecutive inputs.
    Maxout(usize),
    /// This value for each member of the batch.
    Constant(Tensor),
    /// x + map * weight, with one map for all images.
    Noise {
        /// Shape (1, 1, 1, c), or (1, 1, 1, 1) if all channels share one weight.
        weight: Tensor,
        /// The fixed map of inference, shape (1, h, w, 1).
        map: Tensor,
    },
    /// Adaptive instance normalisation: (s, b) = style w + bias; x normalised per channel and
    /// image, times s + 1, plus b.
    AdaIn {
        /// Shape (style, 2 c).
        weight: Tensor,
        /// Shape (2 c).
        bias: Tensor,
        /// Added to the variance.
        epsilon: f64,
    },
    /// A convolution whose input channels are scaled by a function of the style
    /// ([`ModulatedConv2d`](crate::layers::ModulatedConv2d)).
    ModulatedConv2d {
        /// Shape (k, k, in, out).
        weight: Tensor,
        /// Shape (style, in).
        style_weight: Tensor,
        /// Shape (in).
        style_bias: Tensor,
        /// Whether height and width are doubled.
        doubling: bool,
        /// Whether the output channels are divided by the norms of their weights.
        demodulated: bool,
    },
}

impl LayerSpec {
    /// Whether the layer reads the [style](crate::ForwardContext::style).
    pub fn takes_style(&self) -> bool {
        matches!(self, Self::AdaIn { .. } | Self::ModulatedConv2d { .. })
    }

    /// The number that keeps the layer from dividing by 0.
    pub fn epsilon(&self) -> Option<f64> {
        match self {
            Self::BatchNorm { epsilon, .. }
            | Self::InstanceNorm { epsilon }
            | Self::LayerNorm { epsilon, .. }
            | Self::PixelNorm { epsilon }
            | Self::AdaIn { epsilon, .. } => Some(*epsilon),
            Self::ModulatedConv2d { demodulated: true, .. } => Some(tensor::DEMODULATION_EPSILON),
            _ => None,
        }
    }
}
