//! progan: a GAN that grows from images of 4x4 pixels to large ones (Karras, Aila, Laine and
//! Lehtinen, "Progressive growing of GANs for improved quality, stability, and variation", 2018).
//! [`growing`](mod@crate::growing) implements the growth and the training step; this module adds
//! the generator and ProGAN's loss, that of a Wasserstein critic with a gradient penalty.

use nn::layers::{Bias, Conv2d, Dense, Equalised, PixelNorm, Reshape, UpSampling2d};
use nn::{Dialect, ForwardContext, Network};
use serde::{Deserialize, Serialize};
use tensor::Var;

use crate::catalogue::{OriginalLog, Preset, SystemEntry, TrainingData, boxed, preset_table, settings_from};
use crate::growing::{self, Critic, Growing, GrowingSpec, Maps, Painter, Regularizer, Sizes, Stage, ToRgb, resolution};
use crate::strided::LEAKY;
use crate::trainer::averaging::{Averaging, Decay};
use crate::{SettingsError, in_range};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "progan",
    about: "grows from 4x4 pixels to large pictures of any kind, grey or colour",
    presets: &[
        Preset { name: "cpu", about: "32x32, colour, up to 64 channels: 112,000 images shown", steps: 7000 },
        Preset { name: "grey", about: "the same for grey pictures", steps: 7000 },
        Preset { name: "cpu64", about: "64x64, colour: 144,000 images shown", steps: 9000 },
        Preset {
            name: "original",
            about: "the authors' configuration: 1024x1024, 12 million images shown; months on a small CPU",
            steps: 1_354_672,
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
    /// The sizes of images and networks, and their growth.
    #[serde(flatten)]
    pub sizes: Sizes,
    /// The learning rate of both networks; 1.5 times as large at 1024x1024.
    pub learning_rate: f64,
    /// The weight of the gradient penalty between reals and fakes, which pulls the gradient norm to
    /// 1.
    pub gradient_penalty: f64,
    /// The weight of the mean square of the scores on reals, which keeps them near 0.
    pub drift: f64,
    /// The decay of the generator's moving average, with which samples are drawn.
    pub ema: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sizes: Sizes::default(), learning_rate: 1e-3, gradient_penalty: 10.0, drift: 1e-3, ema: 0.999 }
    }
}

impl crate::Settings for Settings {
    fn preset(name: &str) -> Option<Self> {
        Some(Self { sizes: Sizes::preset(name)?, ..Self::default() })
    }

    fn check(&self) -> Result<(), SettingsError> {
        self.sizes.check()?;
        in_range("learning_rate", self.learning_rate, 1e-12, 10.0)?;
        in_range("gradient_penalty", self.gradient_penalty, 0.0, 1e6)?;
        in_range("drift", self.drift, 0.0, 1e6)?;
        in_range("ema", self.ema, 0.0, 0.999_999)
    }
}

/// Why this system lacks the switch `key`.
fn missing_switch(key: &str) -> Option<&'static str> {
    match key {
        "gradient_penalty" | "ema" => None,
        "r1" => Some("its critic is regularised by gradient_penalty; `stylegan` grows as well and has r1"),
        "label_smooth" | "label_noise" | "soft_labels" | "bce" => {
            Some("its Wasserstein critic has no targets; `stylegan` grows as well and has label_smooth")
        }
        _ => growing::missing_switch(key),
    }
}

/// The generator: for each level a block that makes features, and an output layer (`to_rgb`).
pub struct Generator {
    name: String,
    /// The first computes features from latents; each of the others doubles the resolution of the
    /// level below.
    blocks: Vec<Network>,
    to_rgb: ToRgb,
}

impl Generator {
    /// New networks for the levels up to `last`, with weights drawn from `seed` and `name`.
    pub(crate) fn new(name: &str, maps: Maps, last: usize, seed: u64) -> Self {
        let network =
            |part: String, input: &[usize]| Network::new(&format!("{name}.{part}"), input, Dialect::Torch, seed);
        let blocks = (0..=last).map(|level| {
            let (size, features) = (resolution(level), maps.of(level));
            let conv = || Conv2d::new(features, 3).equalised(Equalised::RELU);
            if level > 0 {
                let below = resolution(level - 1);
                return network(format!("{size}x{size}"), &[below, below, maps.of(level - 1)])
                    .with("up", UpSampling2d([2, 2]))
                    .with("conv1", conv())
                    .with("lrelu1", LEAKY)
                    .with("norm1", PixelNorm)
                    .with("conv2", conv())
                    .with("lrelu2", LEAKY)
                    .with("norm2", PixelNorm);
            }
            // In the authors' first implementation this is a padded 4x4 convolution of a 1x1 map.
            // Each output pixel uses only one of the 16 taps, hence the smaller gain.
            let dense = Equalised { gain: core::f64::consts::SQRT_2 / 4.0, ..Equalised::RELU };
            network(format!("{size}x{size}"), &[maps.latent()])
                .with("norm", PixelNorm)
                .with("dense", Dense::new(size * size * features).without_bias().equalised(dense))
                .with("reshape", Reshape(vec![size, size, features]))
                .with("bias", Bias::default())
                .with("lrelu1", LEAKY)
                .with("norm1", PixelNorm)
                .with("conv", conv())
                .with("lrelu2", LEAKY)
                .with("norm2", PixelNorm)
        });
        Self { name: name.into(), blocks: blocks.collect(), to_rgb: ToRgb::new(name, maps, last, seed) }
    }
}

impl Painter for Generator {
    fn paint(&self, ctx: &mut ForwardContext, latents: &Var, stage: Stage) -> Var {
        ctx.forward_of(&self.name, latents, |ctx| {
            self.to_rgb.image(ctx, stage, latents, |ctx, level, x| self.blocks[level].forward_part(ctx, x))
        })
    }

    fn parts(&self) -> Vec<&Network> {
        self.blocks.iter().chain(self.to_rgb.parts()).collect()
    }

    fn parts_mut(&mut self) -> Vec<&mut Network> {
        self.blocks.iter_mut().chain(self.to_rgb.parts_mut()).collect()
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
        name: "progan",
        latent: maps.latent(),
        regularizer: Regularizer::Between { weight: s.gradient_penalty, drift: s.drift },
        averaging: Averaging { decay: Decay::Share(s.ema), ramp_up: s.sizes.ema_ramp_up },
        learning_rate: |base, resolution| if resolution >= 1024 { 1.5 * base } else { base },
        base_learning_rate: s.learning_rate,
        label_smooth: 1.0,
        sizes: s.sizes.clone(),
    };
    let generator = |name: &str| Generator::new(name, maps, last, seed);
    Ok(Growing::new(spec, s.sizes.growth(0)?, Critic::new(maps, last, seed), seed, generator))
}
