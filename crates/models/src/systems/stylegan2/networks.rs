//! The two networks of StyleGAN2 (configuration F): a generator that sums the images of all
//! resolutions, and a residual discriminator. Neither grows: both have all layers from the first
//! step on.

use core::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use kernels::{Fir, Key, Padding};
use nn::layers::{
    Bias, Constant, Conv2d, Dense, Equalised, Filter, Flatten, Gain, MinibatchStddev, ModulatedConv2d, Noise, Residual,
};
use nn::{Dialect, ForwardContext, Initializer, Network};
use tensor::{Shape, Tensor, Var};

use super::{Settings, path_length};
use crate::growing::resolution;
use crate::strided::LEAKY;
use crate::style::mapping;

/// The generator: a mapping network from latents to styles, a learned constant, and for each level
/// layers that make features, each modulated by a style, and an output layer (`rgb`).
pub struct Generator {
    name: String,
    style_mixing: f64,
    mapping: Network,
    constant: Network,
    /// For each level except the first, a layer that doubles the resolution of the features.
    doubling: Vec<Network>,
    /// For each level, a layer that keeps the resolution.
    keeping: Vec<Network>,
    to_rgb: Vec<Network>,
}

impl Generator {
    /// New networks, with weights drawn from `seed` and `name`.
    pub fn new(name: &str, s: &Settings, seed: u64) -> Self {
        let (maps, style) = (s.maps(), s.maps().latent());
        let network =
            |part: String, input: &[usize]| Network::new(&format!("{name}.{part}"), input, Dialect::Torch, seed);
        // A convolution, and the layers that follow every convolution.
        let layer = |part: String, input: &[usize], conv: ModulatedConv2d| {
            network(part, input)
                .with("conv", conv)
                .with("noise", Noise::shared())
                .with("bias", Bias::default())
                .with("lrelu", LEAKY)
                .with("gain", Gain(SQRT_2))
        };
        let conv = |level: usize| ModulatedConv2d::new(maps.of(level), 3, style);
        let features = |level: usize| [resolution(level), resolution(level), maps.of(level)];
        let size = |level: usize| format!("{0}x{0}", resolution(level));
        let levels = 0..=s.last();

        let normal = Initializer::Normal { mean: 0.0, deviation: 1.0 };
        let constant = Constant::new(&features(0)).init(normal);
        let up = |level: usize| layer(format!("{}_up", size(level)), &features(level - 1), conv(level).doubling());
        let keep = |level: usize| layer(format!("{}_conv", size(level)), &features(level), conv(level));
        let rgb = |level: usize| {
            network(format!("rgb{}", size(level)), &features(level))
                .with("conv", ModulatedConv2d::new(maps.channels, 1, style).without_demodulation())
                .with("bias", Bias::default())
        };
        Self {
            name: name.into(),
            style_mixing: s.style_mixing,
            mapping: mapping::network_with_gains(name, [style; 2], s.mapping_layers, seed),
            constant: network(format!("{}_constant", size(0)), &[style]).with("constant", constant),
            doubling: levels.clone().skip(1).map(up).collect(),
            keeping: levels.clone().map(keep).collect(),
            to_rgb: levels.map(rgb).collect(),
        }
    }

    /// The number of layers that take a style. An output layer takes the same style as the layer
    /// after it.
    pub fn layers(&self) -> usize {
        2 * self.keeping.len()
    }

    /// The styles of latents, shape (n, style).
    pub fn styles(&self, ctx: &mut ForwardContext, latents: &Var) -> Var {
        ctx.forward_of(&self.name, latents, |ctx| self.mapping.forward_part(ctx, latents))
    }

    /// The mean of all styles, shape (style).
    pub fn mean_style(&self) -> &Tensor {
        mapping::mean_style(&self.mapping)
    }

    /// The weights of the affine maps from the style of each layer, shape (style, channels). An
    /// output layer shares its style with the layer after it.
    pub fn style_weights(&self) -> Vec<Tensor> {
        let of = |networks: &[&Network]| mapping::style_weights(networks, "conv.style_weight");
        let layer = |layer: usize| match (layer, layer.div_ceil(2)) {
            (0, _) => of(&[&self.keeping[0]]),
            (layer, level) if layer % 2 == 0 => of(&[&self.keeping[level]]),
            (_, level) if level == self.keeping.len() => of(&[&self.to_rgb[level - 1]]),
            (_, level) => of(&[&self.to_rgb[level - 1], &self.doubling[level - 1]]),
        };
        (0..self.layers()).map(layer).collect()
    }

    /// Images from latents of shape (n, latent).
    pub fn paint(&self, ctx: &mut ForwardContext, latents: &Var) -> Var {
        ctx.forward_of(&self.name, latents, |ctx| {
            let styles = self.mixed_styles(ctx, latents);
            self.synthesised(ctx, &styles)
        })
    }

    /// The path lengths of the images of latents, shape (n).
    pub(crate) fn path_lengths(&self, ctx: &mut ForwardContext, latents: &Var, directions: Key) -> Var {
        let mut lengths = None;
        ctx.forward_of(&self.name, latents, |ctx| {
            let styles = self.mixed_styles(ctx, latents);
            let normal = |shape: &Shape| nn::init::normal(shape, 0.0, 1.0, directions);
            let [images, found] = path_length::lengths(&styles, |styles| self.synthesised(ctx, styles), normal);
            lengths = Some(found);
            images
        });
        lengths.expect("forward_of calls its closure")
    }

    /// The styles of latents for each layer, with style mixing in training.
    fn mixed_styles(&self, ctx: &mut ForwardContext, latents: &Var) -> Vec<Var> {
        mapping::mixed_styles(&self.mapping, ctx, latents, self.layers(), self.style_mixing)
    }

    /// Images from one style per layer, each of shape (n, style).
    ///
    /// # Panics
    /// When the number of styles is not that of the layers.
    pub fn paint_styled(&self, ctx: &mut ForwardContext, styles: &[Var]) -> Var {
        ctx.forward_of(&self.name, &styles[0], |ctx| self.synthesised(ctx, styles))
    }

    /// Images, (almost) in [-1, 1], from one style per layer, within a forward pass: the output of
    /// each level is added to the enlarged image of the level below.
    fn synthesised(&self, ctx: &mut ForwardContext, styles: &[Var]) -> Var {
        assert!(styles.len() == self.layers(), "{}: {} styles for {} layers", self.name, styles.len(), self.layers());
        let styled = |ctx: &mut ForwardContext, layer: usize, network: &Network, x: &Var| {
            ctx.styled(&styles[layer], |ctx| network.forward_part(ctx, x))
        };
        let mut features = self.constant.forward_part(ctx, &styles[0]);
        features = styled(ctx, 0, &self.keeping[0], &features);
        let mut picture = styled(ctx, 1, &self.to_rgb[0], &features);
        for level in 1..self.keeping.len() {
            features = styled(ctx, 2 * level - 1, &self.doubling[level - 1], &features);
            features = styled(ctx, 2 * level, &self.keeping[level], &features);
            let more = styled(ctx, 2 * level + 1, &self.to_rgb[level], &features);
            picture = &picture.fir(&Fir::up2()) + &more;
        }
        picture
    }

    /// The networks.
    pub fn parts(&self) -> Vec<&Network> {
        let Self { mapping, constant, doubling, keeping, to_rgb, .. } = self;
        [mapping, constant].into_iter().chain(keeping).chain(doubling).chain(to_rgb).collect()
    }

    /// The same networks, mutable.
    pub fn parts_mut(&mut self) -> Vec<&mut Network> {
        let Self { mapping, constant, doubling, keeping, to_rgb, .. } = self;
        [mapping, constant].into_iter().chain(keeping).chain(doubling).chain(to_rgb).collect()
    }
}

/// The group size of the minibatch standard deviation.
pub(super) const GROUP: usize = 4;

/// The discriminator, from images of shape (n, size, size, channels) to logits (n, 1).
pub fn discriminator(s: &Settings, seed: u64) -> Network {
    let (maps, last) = (s.maps(), s.last());
    let conv = |features, kernel| Conv2d::new(features, kernel).equalised(Equalised::LINEAR);
    let bent = |network: Network, name: &str, conv: Conv2d| {
        let network = network.with(name, conv).with(&format!("lrelu_{name}"), LEAKY);
        network.with(&format!("gain_{name}"), Gain(SQRT_2))
    };
    let image = [s.size, s.size, s.channels];
    let network = Network::new("discriminator", &image, Dialect::Torch, seed);
    let network = (1..=last).rev().fold(bent(network, "from_rgb", conv(maps.of(last), 1)), |network, level| {
        // The authors divide the sum of both branches by sqrt(2). In the main branch that cancels
        // the gain of sqrt(2) after the second activation; in the shortcut it is part of the
        // weights.
        let half = Equalised { gain: FRAC_1_SQRT_2, ..Equalised::LINEAR };
        let block = Residual::new()
            .with("conv1", conv(maps.of(level), 3))
            .with("lrelu1", LEAKY)
            .with("gain1", Gain(SQRT_2))
            .with("blur", Filter(Fir::before_strided(3)))
            .with("conv2", conv(maps.of(level - 1), 3).stride(2).padding(Padding::Valid))
            .with("lrelu2", LEAKY)
            .shortcut("down", Filter(Fir::down2()))
            .shortcut("conv", Conv2d::new(maps.of(level - 1), 1).without_bias().equalised(half));
        network.with(&format!("{0}x{0}", resolution(level)), block)
    });
    let network = network.with("stddev", MinibatchStddev(GROUP));
    bent(network, "conv", conv(maps.of(0), 3))
        .with("flatten", Flatten)
        .with("dense1", Dense::new(maps.latent()).equalised(Equalised::LINEAR))
        .with("lrelu_dense1", LEAKY)
        .with("gain_dense1", Gain(SQRT_2))
        .with("dense2", Dense::new(1).equalised(Equalised::LINEAR))
}
