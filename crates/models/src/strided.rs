//! The convolutional networks that the DCGANs share, whose layers double or halve the resolution.
//!
//! After Radford, Metz and Chintala (2016) as in PyTorch's example: kernels of size 4 with stride
//! 2, so that all pixels are covered equally often; batch normalisation except in the generator's
//! last and the discriminator's first layer; ReLUs in the generator and leaky ones in the
//! discriminator; no biases.

use kernels::{Padding, TransposedPadding};
use nn::layers::{Activation, BatchNorm, Conv2d, ConvTranspose2d, Dense, Flatten, LayerNorm, Reshape};
use nn::{Dialect, InitScheme, Network};

use crate::trainer::options::DiscriminatorNorm;

/// The parameters of both networks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strided {
    /// Height and width of the images: one of [`SIZES`].
    pub(crate) size: usize,
    pub(crate) channels: usize,
    pub(crate) latent: usize,
    /// Channels of the layer next to the image; they double with each layer further away.
    pub(crate) width: usize,
    pub(crate) init: InitScheme,
    pub(crate) spectral_norm: bool,
    pub(crate) norm: DiscriminatorNorm,
}

/// The possible sizes of images.
pub(crate) const SIZES: [usize; 7] = [28, 32, 48, 64, 96, 128, 256];

/// Padding with which a transposed convolution of kernel size 4 and stride 2 doubles the size.
const DOUBLING: TransposedPadding = TransposedPadding::Explicit { padding: [1, 1], output_padding: [0, 0] };
/// Padding with which a convolution of kernel size 4 and stride 2 halves the size.
pub(crate) const ONE_PIXEL: Padding = Padding::Explicit([1; 4]);

/// The leaky ReLU of the discriminators.
pub(crate) const LEAKY: Activation = Activation::LeakyRelu(0.2);

impl Strided {
    /// The number of doublings, and the height and width of the smallest map.
    fn plan(&self) -> (u32, usize) {
        let doublings = match self.size {
            28 => 2,
            32 | 48 => 3,
            64 | 96 => 4,
            128 => 5,
            256 => 6,
            size => unreachable!("the settings allow no size {size}"),
        };
        (doublings, self.size >> doublings)
    }

    /// The generator: latents become a small map of many channels, which transposed convolutions
    /// double up to the size of the image; a tanh gives values from -1 to 1.
    pub(crate) fn generator(&self, seed: u64) -> Network {
        let (doublings, smallest) = self.plan();
        let widest = self.width << (doublings - 1);
        let first = ConvTranspose2d::new(widest, smallest).padding(TransposedPadding::Valid).without_bias();
        let start = Network::new("generator", &[self.latent], Dialect::Torch, seed)
            .with_init(self.init)
            .with("reshape", Reshape(vec![1, 1, self.latent]))
            .with("convt1", first)
            .with("bn1", BatchNorm::default())
            .with("relu1", Activation::Relu);
        (2..=doublings)
            .fold(start, |network, number| {
                network
                    .with(&format!("convt{number}"), doubling(widest >> (number - 1)))
                    .with(&format!("bn{number}"), BatchNorm::default())
                    .with(&format!("relu{number}"), Activation::Relu)
            })
            .with(&format!("convt{}", doublings + 1), doubling(self.channels))
            .with("tanh", Activation::Tanh)
    }

    /// The convolutions of the discriminator, up to the smallest map.
    fn halvings(&self, seed: u64) -> Network {
        let (doublings, _) = self.plan();
        let start = Network::new("discriminator", &[self.size, self.size, self.channels], Dialect::Torch, seed)
            .with_init(self.init)
            .spectral_norm(self.spectral_norm)
            .with("conv1", halving(self.width))
            .with("lrelu1", LEAKY);
        (2..=doublings).fold(start, |network, number| {
            normalised(network, number, biased_halving(self.width << (number - 1)), self.norm)
        })
    }

    /// The discriminator, which ends in a convolution over the whole smallest map. Its output is
    /// the logit of the probability that the image is real.
    pub(crate) fn discriminator(&self, seed: u64) -> Network {
        let (doublings, smallest) = self.plan();
        let last = Conv2d::new(1, smallest).padding(Padding::Valid).without_bias();
        self.halvings(seed).with(&format!("conv{}", doublings + 1), last).with("flatten", Flatten)
    }

    /// The discriminator that ends in a dense layer instead, with a bias.
    pub(crate) fn discriminator_with_dense_end(&self, seed: u64) -> Network {
        self.halvings(seed).with("flatten", Flatten).with("dense", Dense::new(1))
    }
}

/// Adds layer number `number` to a discriminator: a convolution, the normalisation, and a leaky
/// ReLU. The convolution has a bias only without normalisation, which has a bias of its own.
pub(crate) fn normalised(network: Network, number: u32, conv: Conv2d, norm: DiscriminatorNorm) -> Network {
    let conv = if norm == DiscriminatorNorm::None { conv } else { conv.without_bias() };
    let network = network.with(&format!("conv{number}"), conv);
    let network = match norm {
        DiscriminatorNorm::Own => network.with(&format!("bn{number}"), BatchNorm::default()),
        DiscriminatorNorm::Layer => network.with(&format!("ln{number}"), LayerNorm::default()),
        DiscriminatorNorm::None => network,
    };
    network.with(&format!("lrelu{number}"), LEAKY)
}

/// A transposed convolution that doubles height and width.
pub(crate) fn doubling(filters: usize) -> ConvTranspose2d {
    ConvTranspose2d::new(filters, 4).stride(2).padding(DOUBLING).without_bias()
}

/// A convolution that halves height and width, with a bias.
pub(crate) fn biased_halving(filters: usize) -> Conv2d {
    Conv2d::new(filters, 4).stride(2).padding(ONE_PIXEL)
}

/// The same without a bias.
pub(crate) fn halving(filters: usize) -> Conv2d {
    biased_halving(filters).without_bias()
}
