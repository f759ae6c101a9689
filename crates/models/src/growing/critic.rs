//! [`Critic`]: the growing discriminator, for images of the current resolution.

use nn::layers::{AveragePool2d, Blur, Conv2d, Dense, Equalised, Flatten, MinibatchStddev};
use nn::{Dialect, ForwardContext, Network};
use tensor::Var;

use super::growth::{Stage, resolution};
use super::{Maps, lerp};
use crate::strided::LEAKY;

/// For each resolution an input layer (`from_rgb`), for each but the lowest a block that halves it,
/// and the head at 4x4, which also sees the standard deviation within the batch.
pub struct Critic {
    /// For each level, image to features.
    from_rgb: Vec<Network>,
    /// For each level: features to those of the level below; for the lowest: to the output.
    blocks: Vec<Network>,
}

/// The name of the whole network.
pub(super) const NAME: &str = "discriminator";

impl Critic {
    /// New networks for the levels up to `last`, with weights drawn from `seed`.
    pub(crate) fn new(maps: Maps, last: usize, seed: u64) -> Self {
        Self::of(maps, last, seed, |block| block)
    }

    /// Like [`new`](Self::new), with a blur before each block's second convolution, whose output is
    /// halved.
    pub(crate) fn blurring(maps: Maps, last: usize, seed: u64) -> Self {
        Self::of(maps, last, seed, |block| block.with("blur", Blur))
    }

    /// `between` adds the layers between the two convolutions of a block.
    fn of(maps: Maps, last: usize, seed: u64, between: impl Fn(Network) -> Network) -> Self {
        let network =
            |part: String, input: &[usize]| Network::new(&format!("{NAME}.{part}"), input, Dialect::Torch, seed);
        let from_rgb = (0..=last).map(|level| {
            let size = resolution(level);
            network(format!("rgb{size}x{size}"), &[size, size, maps.channels])
                .with("conv", Conv2d::new(maps.of(level), 1).equalised(Equalised::RELU))
                .with("lrelu", LEAKY)
        });
        let blocks = (0..=last).map(|level| {
            let (size, features) = (resolution(level), maps.of(level));
            let block = network(format!("{size}x{size}"), &[size, size, features]);
            let conv = |features| Conv2d::new(features, 3).equalised(Equalised::RELU);
            if level > 0 {
                return between(block.with("conv1", conv(features)).with("lrelu1", LEAKY))
                    .with("conv2", conv(maps.of(level - 1)))
                    .with("lrelu2", LEAKY)
                    .with("pool", AveragePool2d([2, 2]));
            }
            block
                .with("stddev", MinibatchStddev(GROUP))
                .with("conv", conv(features))
                .with("lrelu1", LEAKY)
                .with("flatten", Flatten)
                .with("dense1", Dense::new(maps.latent()).equalised(Equalised::RELU))
                .with("lrelu2", LEAKY)
                .with("dense2", Dense::new(1).equalised(Equalised::LINEAR))
        });
        Self { from_rgb: from_rgb.collect(), blocks: blocks.collect() }
    }

    /// The outputs on images of shape (n, h, w, c) of the stage's resolution, shape (n, 1).
    pub(crate) fn score(&self, ctx: &mut ForwardContext, images: &Var, stage: Stage) -> Var {
        ctx.forward_of(NAME, images, |ctx| {
            let level = stage.level;
            let features = self.from_rgb[level].forward_part(ctx, images);
            let mut features = self.blocks[level].forward_part(ctx, &features);
            if level > 0 {
                if stage.is_fading() {
                    let smaller = images.average_pool([2, 2]);
                    let before = self.from_rgb[level - 1].forward_part(ctx, &smaller);
                    features = lerp(&before, &features, stage.alpha);
                }
                features = (0..level).rev().fold(features, |x, level| self.blocks[level].forward_part(ctx, &x));
            }
            features
        })
    }

    /// The networks.
    pub fn parts(&self) -> Vec<&Network> {
        self.from_rgb.iter().chain(&self.blocks).rev().collect()
    }

    /// The same networks, mutable.
    pub fn parts_mut(&mut self) -> Vec<&mut Network> {
        self.from_rgb.iter_mut().chain(&mut self.blocks).rev().collect()
    }
}

/// The group size of the minibatch standard deviation.
pub(super) const GROUP: usize = 4;
