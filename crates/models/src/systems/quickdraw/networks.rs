//! The networks of [`quickdraw`](crate::systems::quickdraw), in the Keras dialect.

use nn::layers::{
    Activation, BatchNorm, Conv2d, ConvTranspose2d, Dense, Dropout, Flatten, Reshape, Running, UpSampling2d,
};
use nn::{Dialect, Network};

use super::settings::{BnRunning, Settings};

/// The discriminator: four convolutions, and a dense layer whose one output is the logit of the
/// probability that the drawing is real. The first three convolutions have stride 2, and each one
/// after the first doubles the channels.
pub fn discriminator(s: &Settings, seed: u64) -> Network {
    let [rate, _] = s.rates();
    Network::new("discriminator", &[28, 28, 1], Dialect::Keras, seed)
        .spectral_norm(s.spectral_norm)
        .with("conv1", Conv2d::new(s.depth, 5).stride(2))
        .with("relu1", Activation::Relu)
        .with("dropout1", Dropout(rate))
        .with("conv2", Conv2d::new(s.depth * 2, 5).stride(2))
        .with("relu2", Activation::Relu)
        .with("dropout2", Dropout(rate))
        .with("conv3", Conv2d::new(s.depth * 4, 5).stride(2))
        .with("relu3", Activation::Relu)
        .with("dropout3", Dropout(rate))
        .with("conv4", Conv2d::new(s.depth * 8, 5))
        .with("relu4", Activation::Relu)
        .with("dropout4", Dropout(rate))
        .with("flatten", Flatten)
        .with("dense", Dense::new(1))
}

/// The generator: a dense layer turns latents into a 7x7 map of 64 channels, which is up-sampled
/// twice and smoothed by transposed convolutions; a sigmoid gives ink from 0 to 1.
pub fn generator(s: &Settings, seed: u64) -> Network {
    let running = match s.bn_running {
        BnRunning::Ema => Running::Ema,
        BnRunning::EmaDebiased => Running::EmaDebiased,
    };
    let norm = || BatchNorm::with_momentum(s.bn_momentum).running(running);
    Network::new("generator", &[s.latent], Dialect::Keras, seed)
        .with("dense", Dense::new(7 * 7 * 64))
        .with("bn1", norm())
        .with("relu1", Activation::Relu)
        .with("reshape", Reshape(vec![7, 7, 64]))
        .with("dropout", Dropout(s.rates()[1]))
        .with("up1", UpSampling2d([2, 2]))
        .with("convt1", ConvTranspose2d::new(32, 5))
        .with("bn2", norm())
        .with("relu2", Activation::Relu)
        .with("up2", UpSampling2d([2, 2]))
        .with("convt2", ConvTranspose2d::new(16, 5))
        .with("bn3", norm())
        .with("relu3", Activation::Relu)
        .with("convt3", ConvTranspose2d::new(8, 5))
        .with("bn4", norm())
        .with("relu4", Activation::Relu)
        .with("conv", Conv2d::new(1, 5))
        .with("sigmoid", Activation::Sigmoid)
}
