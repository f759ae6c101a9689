//! stylegan: a GAN that grows like [`progan`](crate::systems::progan), whose generator starts from
//! a learned constant and is controlled by a style at each layer (Karras, Laine and Aila, "A
//! style-based generator architecture for generative adversarial networks", 2019).
//!
//! The [mapping network](crate::style::mapping) maps a latent to a style. Each resolution has two
//! layers:
//!
//! ```text
//! enlarge, convolve, blur (the first; at 4x4 a learned constant)    convolve (the second)
//! + noise    + bias    leaky ReLU    instance normalisation    scale and shift by the style
//! ```
//!
//! Because the features are normalised at each layer, a style affects its own layer only: those of
//! the low resolutions control coarse features. In training, two latents may share an image (style
//! mixing), so that the layers do not rely on each other. The discriminator is regularised with R1.

use nn::layers::{AdaIn, Bias, Blur, Constant, Conv2d, Equalised, Noise, UpSampling2d};
use nn::{Dialect, ForwardContext, Network};
use serde::{Deserialize, Serialize};
use tensor::{Tensor, Var};

use crate::catalogue::{OriginalLog, Preset, SystemEntry, TrainingData, boxed, preset_table, settings_from};
use crate::growing::{
    self, Critic, Growing, GrowingSpec, Maps, Painter, Regularizer, Sizes, Stage, Stylist, ToRgb, resolution,
};
use crate::strided::LEAKY;
use crate::style::mapping;
use crate::trainer::averaging::{Averaging, Decay};
use crate::{SettingsError, in_range};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "stylegan",
    about: "grows like progan; a style vector controls each layer, so pictures can be mixed",
    presets: &[
        Preset { name: "cpu", about: "32x32, colour, up to 64 channels: 120,000 images shown", steps: 7500 },
        Preset { name: "grey", about: "the same for grey pictures", steps: 7500 },
        Preset { name: "cpu64", about: "64x64, colour: 144,000 images shown", steps: 9000 },
        Preset {
            name: "original",
            about: "the authors' configuration: 1024x1024, 25 million images shown; years on a small CPU",
            steps: 4_895_300,
        },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(trainer(&settings_from(settings)?, seed)),
    data: TrainingData::Any,
    log: OriginalLog::NvidiaTicks,
    missing_switch,
};

/// The settings of a run. The defaults are the authors', at 1024x1024.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The sizes of images and networks, and their growth, which begins at 8x8.
    #[serde(flatten)]
    pub sizes: Sizes,
    /// The learning rate of both networks; 1.5 times as large at 128x128, 2 times at 256x256, 3
    /// times above.
    pub learning_rate: f64,
    /// The weight of the R1 penalty on the discriminator's gradient on reals.
    pub r1: f64,
    /// The discriminator's target for reals: 1, or a little less (one-sided label smoothing).
    pub label_smooth: f64,
    /// The probability of style mixing in training.
    pub style_mixing: f64,
    /// The half-life of the generator's moving average in thousands of images; samples are drawn
    /// with the average.
    pub ema_kimg: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sizes: Sizes::default(),
            learning_rate: 1e-3,
            r1: 10.0,
            label_smooth: 1.0,
            style_mixing: 0.9,
            ema_kimg: 10.0,
        }
    }
}

impl crate::Settings for Settings {
    fn preset(name: &str) -> Option<Self> {
        let sizes = Sizes::preset(name)?;
        if name == "original" {
            return Some(Self { sizes, ..Self::default() });
        }
        // A run of this preset processes 1/200 of the authors' images, so the learning rate is
        // higher: with 0.001, all faces have the same pose after 3,000 steps. The weight of R1
        // scales with the number of pixels (StyleGAN2-ADA: 0.0002 times the pixels, divided by the
        // batch): 10 is for 1024x1024, and too much for a small discriminator.
        Some(Self { sizes, learning_rate: 5e-3, r1: 1.0, ..Self::default() })
    }

    fn check(&self) -> Result<(), SettingsError> {
        self.sizes.check()?;
        in_range("learning_rate", self.learning_rate, 1e-12, 10.0)?;
        in_range("r1", self.r1, 0.0, 1e6)?;
        in_range("label_smooth", self.label_smooth, 0.5, 1.0)?;
        in_range("style_mixing", self.style_mixing, 0.0, 1.0)?;
        in_range("ema_kimg", self.ema_kimg, 1e-3, 1e6)
    }
}

/// Why this system and `stylegan2` lack the switch `key`.
pub(crate) fn missing_switch(key: &str) -> Option<&'static str> {
    match key {
        "r1" | "label_smooth" => None,
        "ema" => Some("it always keeps an average of the generator, with the half-life ema_kimg"),
        "gradient_penalty" => Some("its discriminator is regularised by r1; `progan` has gradient_penalty"),
        _ => growing::missing_switch(key),
    }
}

/// The first level: 8x8.
const FIRST: usize = 1;

/// The generator: a mapping network from latents to styles, and layers that make images from
/// styles.
pub struct Generator {
    name: String,
    mapping: Network,
    /// Two for each level.
    layers: Vec<Network>,
    to_rgb: ToRgb,
    style_mixing: f64,
}

impl Generator {
    /// New networks for the levels up to `last`, with weights drawn from `seed` and `name`.
    pub(crate) fn new(name: &str, maps: Maps, last: usize, style_mixing: f64, seed: u64) -> Self {
        let style = maps.latent();
        let network = |size: usize, part: &str, input: &[usize]| {
            Network::new(&format!("{name}.{size}x{size}_{part}"), input, Dialect::Torch, seed)
        };
        let epilogue = |network: Network| {
            network
                .with("noise", Noise::default())
                .with("bias", Bias::default())
                .with("lrelu", LEAKY)
                .with("adain", AdaIn::new(style))
        };
        let layers = (0..=last).flat_map(|level| {
            let (size, features) = (resolution(level), maps.of(level));
            let conv = || Conv2d::new(features, 3).without_bias().equalised(Equalised::RELU);
            let first = if level == 0 {
                network(size, "constant", &[style]).with("constant", Constant::new(&[size, size, features]))
            } else {
                network(size, "up", &[size / 2, size / 2, maps.of(level - 1)])
                    .with("up", UpSampling2d([2, 2]))
                    .with("conv", conv())
                    .with("blur", Blur)
            };
            [first, network(size, "conv", &[size, size, features]).with("conv", conv())].map(epilogue)
        });
        let (mapping, to_rgb) = (mapping::network(name, style, style, seed), ToRgb::new(name, maps, last, seed));
        Self { name: name.into(), mapping, layers: layers.collect(), to_rgb, style_mixing }
    }

    /// Images from one style per layer, within a forward pass.
    fn synthesised(&self, ctx: &mut ForwardContext, styles: &[Var], stage: Stage) -> Var {
        let wanted = self.layers(stage.level);
        assert!(styles.len() == wanted, "{}: {} styles for {wanted} layers", self.name, styles.len());
        self.to_rgb.image(ctx, stage, &styles[0], |ctx, level, x| {
            (2 * level..2 * level + 2)
                .fold(x.clone(), |x, layer| ctx.styled(&styles[layer], |ctx| self.layers[layer].forward_part(ctx, &x)))
        })
    }
}

impl Painter for Generator {
    fn paint(&self, ctx: &mut ForwardContext, latents: &Var, stage: Stage) -> Var {
        ctx.forward_of(&self.name, latents, |ctx| {
            let layers = self.layers(stage.level);
            let styles = mapping::mixed_styles(&self.mapping, ctx, latents, layers, self.style_mixing);
            self.synthesised(ctx, &styles, stage)
        })
    }

    fn parts(&self) -> Vec<&Network> {
        [&self.mapping].into_iter().chain(&self.layers).chain(self.to_rgb.parts()).collect()
    }

    fn parts_mut(&mut self) -> Vec<&mut Network> {
        [&mut self.mapping].into_iter().chain(&mut self.layers).chain(self.to_rgb.parts_mut()).collect()
    }

    fn stylist(&self) -> Option<&dyn Stylist> {
        Some(self)
    }
}

impl Stylist for Generator {
    fn styles(&self, ctx: &mut ForwardContext, latents: &Var) -> Var {
        ctx.forward_of(&self.name, latents, |ctx| self.mapping.forward_part(ctx, latents))
    }

    fn mean_style(&self) -> &Tensor {
        mapping::mean_style(&self.mapping)
    }

    fn layers(&self, level: usize) -> usize {
        2 * (level + 1)
    }

    fn style_weights(&self, level: usize) -> Vec<Tensor> {
        let layers = &self.layers[..self.layers(level)];
        layers.iter().map(|layer| mapping::style_weights(&[layer], "adain.weight")).collect()
    }

    fn paint_styled(&self, ctx: &mut ForwardContext, styles: &[Var], stage: Stage) -> Var {
        ctx.forward_of(&self.name, &styles[0], |ctx| self.synthesised(ctx, styles, stage))
    }
}

/// The trainer with these settings.
///
/// # Errors
/// When a setting is out of its range.
pub fn trainer(s: &Settings, seed: u64) -> Result<Growing<Generator>, SettingsError> {
    crate::Settings::check(s)?;
    let (maps, last) = (s.sizes.maps(), s.sizes.last());
    let spec = GrowingSpec {
        name: "stylegan",
        latent: maps.latent(),
        regularizer: Regularizer::OnReals { weight: s.r1 },
        averaging: Averaging { decay: Decay::HalfLife { kimg: s.ema_kimg }, ramp_up: s.sizes.ema_ramp_up },
        learning_rate: |base, resolution| match resolution {
            ..=64 => base,
            65..=128 => 1.5 * base,
            129..=256 => 2.0 * base,
            _ => 3.0 * base,
        },
        base_learning_rate: s.learning_rate,
        label_smooth: s.label_smooth,
        sizes: s.sizes.clone(),
    };
    let generator = |name: &str| Generator::new(name, maps, last, s.style_mixing, seed);
    Ok(Growing::new(spec, s.sizes.growth(FIRST)?, Critic::blurring(maps, last, seed), seed, generator))
}
