//! The networks of [`cyclegan`](crate::systems::cyclegan), in both variants, in the PyTorch
//! dialect.

use kernels::{Padding, TransposedPadding};
use nn::layers::{
    Activation, BatchNorm, Conv2d, ConvTranspose2d, InstanceNorm, ReflectionPad2d, Residual, UpSampling2d,
};
use nn::{Dialect, InitScheme, Network};

use super::{Settings, Upsample, Variant};
use crate::strided::{ONE_PIXEL, doubling, halving};

/// A generator called `name`: images (size, size, 3) in [-1, 1] to images of the same shape and
/// range.
pub fn generator(s: &Settings, name: &str, seed: u64) -> Network {
    let network = Network::new(name, &[s.size, s.size, 3], Dialect::Torch, seed);
    match s.variant {
        Variant::Official => residual_generator(network, s),
        Variant::Course => course_generator(network, s),
    }
}

/// A discriminator called `name`: images (size, size, 3) in [-1, 1] to a map of outputs, one per
/// patch of the image.
pub fn discriminator(s: &Settings, name: &str, seed: u64) -> Network {
    let network = Network::new(name, &[s.size, s.size, 3], Dialect::Torch, seed);
    match s.variant {
        Variant::Official => patch_discriminator(network, s),
        Variant::Course => course_discriminator(network, s),
    }
}

/// The authors' "ResNet generator": two convolutions of stride 2, residual blocks, two up-sampling
/// layers. Initial weights are from N(0, 0.02).
fn residual_generator(network: Network, s: &Settings) -> Network {
    let width = s.generator_width;
    let mut network = network
        .with_init(InitScheme::normal(0.02))
        .with("pad1", ReflectionPad2d(3))
        .with("conv1", Conv2d::new(width, 7).padding(Padding::Valid))
        .with("norm1", InstanceNorm)
        .with("relu1", Activation::Relu)
        .with("conv2", Conv2d::new(width * 2, 3).stride(2).padding(ONE_PIXEL))
        .with("norm2", InstanceNorm)
        .with("relu2", Activation::Relu)
        .with("conv3", Conv2d::new(width * 4, 3).stride(2).padding(ONE_PIXEL))
        .with("norm3", InstanceNorm)
        .with("relu3", Activation::Relu);
    for number in 1..=s.blocks {
        let block = Residual::new()
            .with("pad1", ReflectionPad2d(1))
            .with("conv1", Conv2d::new(width * 4, 3).padding(Padding::Valid))
            .with("norm1", InstanceNorm)
            .with("relu", Activation::Relu)
            .with("pad2", ReflectionPad2d(1))
            .with("conv2", Conv2d::new(width * 4, 3).padding(Padding::Valid))
            .with("norm2", InstanceNorm);
        network = network.with(&format!("res{number}"), block);
    }
    for (number, filters) in [(4, width * 2), (5, width)] {
        let called = |what: &str| format!("{what}{number}");
        network = match s.upsample {
            Upsample::Transposed => {
                let padding = TransposedPadding::Explicit { padding: [1; 2], output_padding: [1; 2] };
                let doubling = ConvTranspose2d::new(filters, 3).stride(2).padding(padding);
                network.with(&called("convt"), doubling)
            }
            Upsample::ResizeConv => network
                .with(&called("up"), UpSampling2d([2, 2]))
                .with(&called("pad"), ReflectionPad2d(1))
                .with(&called("conv"), Conv2d::new(filters, 3).padding(Padding::Valid)),
        };
        network = network.with(&called("norm"), InstanceNorm).with(&called("relu"), Activation::Relu);
    }
    network
        .with("pad6", ReflectionPad2d(3))
        .with("conv6", Conv2d::new(3, 7).padding(Padding::Valid))
        .with("tanh", Activation::Tanh)
}

/// The authors' "PatchGAN": each output sees 70x70 pixels.
fn patch_discriminator(network: Network, s: &Settings) -> Network {
    let (width, leaky) = (s.discriminator_width, Activation::LeakyRelu(0.2));
    network
        .with_init(InitScheme::normal(0.02))
        .with("conv1", Conv2d::new(width, 4).stride(2).padding(ONE_PIXEL))
        .with("relu1", leaky)
        .with("conv2", Conv2d::new(width * 2, 4).stride(2).padding(ONE_PIXEL))
        .with("norm2", InstanceNorm)
        .with("relu2", leaky)
        .with("conv3", Conv2d::new(width * 4, 4).stride(2).padding(ONE_PIXEL))
        .with("norm3", InstanceNorm)
        .with("relu3", leaky)
        .with("conv4", Conv2d::new(width * 8, 4).padding(ONE_PIXEL))
        .with("norm4", InstanceNorm)
        .with("relu4", leaky)
        .with("conv5", Conv2d::new(1, 4).padding(ONE_PIXEL))
}

/// The course's generator: three convolutions of stride 2, residual blocks, three transposed ones.
/// None of the convolutions has a bias, whether batch normalisation follows or not; the initial
/// weights are PyTorch's defaults.
fn course_generator(network: Network, s: &Settings) -> Network {
    let width = s.generator_width;
    let mut network = network
        .with("conv1", halving(width))
        .with("norm1", BatchNorm::default())
        .with("relu1", Activation::Relu)
        .with("conv2", halving(width * 2))
        .with("norm2", BatchNorm::default())
        .with("relu2", Activation::Relu)
        .with("conv3", halving(width * 4))
        .with("norm3", BatchNorm::default())
        .with("relu3", Activation::Relu);
    for number in 1..=s.blocks {
        let same = || Conv2d::new(width * 4, 3).padding(ONE_PIXEL).without_bias();
        let block = Residual::new()
            .with("conv1", same())
            .with("norm1", BatchNorm::default())
            .with("relu", Activation::Relu)
            .with("conv2", same())
            .with("norm2", BatchNorm::default());
        network = network.with(&format!("res{number}"), block);
    }
    network
        .with("convt4", doubling(width * 2))
        .with("norm4", BatchNorm::default())
        .with("relu4", Activation::Relu)
        .with("convt5", doubling(width))
        .with("norm5", BatchNorm::default())
        .with("relu5", Activation::Relu)
        .with("convt6", doubling(3))
        .with("tanh", Activation::Tanh)
}

/// The course's discriminator: four convolutions of stride 2, with plain ReLUs.
fn course_discriminator(network: Network, s: &Settings) -> Network {
    let width = s.discriminator_width;
    network
        .with("conv1", halving(width))
        .with("relu1", Activation::Relu)
        .with("conv2", halving(width * 2))
        .with("norm2", BatchNorm::default())
        .with("relu2", Activation::Relu)
        .with("conv3", halving(width * 4))
        .with("norm3", BatchNorm::default())
        .with("relu3", Activation::Relu)
        .with("conv4", halving(width * 8))
        .with("norm4", BatchNorm::default())
        .with("relu4", Activation::Relu)
        .with("conv5", Conv2d::new(1, 4).padding(ONE_PIXEL).without_bias())
}
