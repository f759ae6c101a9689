//! quickdraw: a DCGAN that learns to draw from people's doodles.
//!
//! The networks, the optimisers and the order of a step are those of the notebook "Generative adversarial networks" of *Deep
//! Learning Illustrated* (Krohn, Beyleveld, Bassens, 2019), in the Keras dialect. Two networks play a game: the
//! **discriminator** looks at a drawing and says how real it finds it; the **generator** makes drawings from random latents, and
//! learns from how the discriminator's verdict on them would change.

use kernels::Key;
use nn::layers::{
    Activation, BatchNorm, Conv2d, ConvTranspose2d, Dense, Dropout, Flatten, Reshape, Running, UpSampling2d,
};
use nn::losses::{accuracy, bce_keras_clip, bce_with_logits};
use nn::{Dialect, ForwardContext, Network, Optimizer, RngContext, Stateful, differentiate};
use serde::{Deserialize, Serialize};
use tensor::{NonFinite, Tensor, Var};

use crate::catalogue::{OriginalLog, Preset, SystemEntry, TrainingData, boxed, preset_table, settings_from};
use crate::step_metrics::{D_ACC, D_LOSS, G_ACC, G_LOSS, MetricDescription, StepMetrics};
use crate::trainer::adversarial::{Side, targets};
use crate::trainer::diff_augment::{Augment, augmented};
use crate::trainer::image_pool::ImagePool;
pub use crate::trainer::options::Bce;
use crate::trainer::options::{Batches, TrainingOptions};
use crate::trainer::penalty;
use crate::trainer::spec::Range;
use crate::{FromLatents, LatentKind, Sampler, Settings as _, SettingsError, System, distinct_indices, in_range};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "quickdraw",
    about: "28x28 doodles of apples: convolutions, dropout, batch norm, RMSprop",
    presets: &[
        Preset { name: "original", about: "the original notebook: batch 128, 2000 steps", steps: 2000 },
        Preset { name: "cpu", about: "a discriminator half as deep, batch 32: several times faster", steps: 2000 },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(Quickdraw::new(settings_from(settings)?, seed)),
    data: TrainingData::Doodles,
    log: OriginalLog::QuickdrawNotebook,
    missing_switch: missing_switch,
};

/// What can be changed about a quickdraw run. The default is the notebook's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Real drawings a step, and as many fakes.
    pub batch: usize,
    /// Random numbers behind a drawing, each uniform in [-1, 1).
    pub latent: usize,
    /// Channels after the discriminator's first layer; each further one doubles them.
    pub depth: usize,
    /// The share that dropout forgets.
    pub dropout: f64,
    /// The discriminator's step size, at first.
    pub d_learning_rate: f64,
    /// The discriminator's step size at update t is d_learning_rate / (1 + d_decay * t).
    pub d_decay: f64,
    /// The generator's step size, at first.
    pub g_learning_rate: f64,
    /// The generator's step size at update t is g_learning_rate / (1 + g_decay * t).
    pub g_decay: f64,
    /// Bound of each gradient element.
    pub clip: f64,
    /// The share of the running statistics that stays at an update.
    pub bn_keep: f64,
    /// How the running statistics follow the batches'.
    pub bn_running: BnRunning,
    /// The form of the loss.
    pub bce: Bce,
    /// The discriminator's target for reals: 1, or a little less (one-sided label smoothing).
    pub label_smooth: f64,
    /// The probability that the discriminator is told the wrong side of a drawing.
    pub label_flip: f64,
    /// The deviation of the noise that is added to all that the discriminator sees, at first.
    pub instance_noise: f64,
    /// After so many steps that noise has shrunk to 0, evenly.
    pub instance_noise_steps: u64,
    /// How many earlier fakes the discriminator is shown from; 0 is none.
    pub replay_pool: usize,
    /// The share that an average of the generator's weights keeps at a step; samples are drawn with the average. 0 is none.
    pub ema: f64,
    /// Whether the discriminator's weights are divided by their spectral norms.
    pub spectral_norm: bool,
    /// The weight of the penalty on the discriminator's gradient on reals, which is to be 0 (R1); 0 is none.
    pub r1: f64,
    /// How all that the discriminator sees is changed at random: none or several of color, translation, cutout.
    pub diff_augment: Vec<Augment>,
}

/// Why there is no such switch here.
fn missing_switch(key: &str) -> Option<&'static str> {
    match key {
        "bce" | "label_smooth" | "label_flip" | "instance_noise" | "replay_pool" | "ema" | "spectral_norm" | "r1" => {
            None
        }
        "clip_value" => Some("here it is called clip"),
        "d_norm" => Some("its discriminator has no batch normalisation that it could replace"),
        _ => Some(
            "the notebook's step is spelt out here; `dcgan --preset mnist28` learns the same drawings and has this switch",
        ),
    }
}

/// The running statistics' kind of average.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BnRunning {
    /// Plain, from mean 0 and variance 1.
    Ema,
    /// Without the weight of its start (Keras 2.1.4 to 2.2.5).
    EmaDebiased,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch: 128,
            latent: 32,
            depth: 64,
            dropout: 0.4,
            d_learning_rate: 8e-4,
            d_decay: 6e-8,
            g_learning_rate: 4e-4,
            g_decay: 3e-8,
            clip: 1.0,
            bn_keep: 0.9,
            bn_running: BnRunning::Ema,
            bce: Bce::Logits,
            label_smooth: 1.0,
            label_flip: 0.0,
            instance_noise: 0.0,
            instance_noise_steps: 10_000,
            replay_pool: 0,
            ema: 0.0,
            spectral_norm: false,
            r1: 0.0,
            diff_augment: Vec::new(),
        }
    }
}

impl crate::Settings for Settings {
    fn preset(name: &str) -> Option<Self> {
        match name {
            "original" => Some(Self::default()),
            "cpu" => Some(Self { batch: 32, depth: 32, ..Self::default() }),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        in_range("batch", self.batch as f64, 2.0, 4096.0)?;
        in_range("latent", self.latent as f64, 1.0, 4096.0)?;
        in_range("depth", self.depth as f64, 1.0, 256.0)?;
        in_range("dropout", self.dropout, 0.0, 0.95)?;
        in_range("d_learning_rate", self.d_learning_rate, 1e-12, 10.0)?;
        in_range("g_learning_rate", self.g_learning_rate, 1e-12, 10.0)?;
        in_range("d_decay", self.d_decay, 0.0, 1.0)?;
        in_range("g_decay", self.g_decay, 0.0, 1.0)?;
        in_range("clip", self.clip, 1e-12, 1e12)?;
        in_range("bn_keep", self.bn_keep, 0.0, 0.999_999)?;
        self.options().check()
    }
}

impl Settings {
    /// The switches that other systems have as well.
    fn options(&self) -> TrainingOptions {
        TrainingOptions {
            bce: self.bce,
            label_smooth: self.label_smooth,
            label_flip: self.label_flip,
            instance_noise: self.instance_noise,
            instance_noise_steps: self.instance_noise_steps,
            replay_pool: self.replay_pool,
            ema: self.ema,
            spectral_norm: self.spectral_norm,
            r1: self.r1,
            d_batches: Batches::Mixed,
            ..TrainingOptions::default()
        }
    }
}

/// The discriminator: four convolutions that halve the drawing and double the channels, and one number at the end: the logit of
/// the probability that the drawing is real.
pub fn discriminator(s: &Settings, seed: u64) -> Network {
    Network::new("discriminator", &[28, 28, 1], Dialect::Keras, seed)
        .spectral_norm(s.spectral_norm)
        .with("conv1", Conv2d::new(s.depth, 5).stride(2))
        .with("relu1", Activation::Relu)
        .with("dropout1", Dropout(s.dropout))
        .with("conv2", Conv2d::new(s.depth * 2, 5).stride(2))
        .with("relu2", Activation::Relu)
        .with("dropout2", Dropout(s.dropout))
        .with("conv3", Conv2d::new(s.depth * 4, 5).stride(2))
        .with("relu3", Activation::Relu)
        .with("dropout3", Dropout(s.dropout))
        .with("conv4", Conv2d::new(s.depth * 8, 5))
        .with("relu4", Activation::Relu)
        .with("dropout4", Dropout(s.dropout))
        .with("flatten", Flatten)
        .with("dense", Dense::new(1))
}

/// The generator: latents become a small map of 64 channels, which is up-sampled twice and smoothed by transposed
/// convolutions; a sigmoid gives ink from 0 to 1.
pub fn generator(s: &Settings, seed: u64) -> Network {
    let running = match s.bn_running {
        BnRunning::Ema => Running::Ema,
        BnRunning::EmaDebiased => Running::EmaDebiased,
    };
    let norm = || BatchNorm::keeping(s.bn_keep).running(running);
    Network::new("generator", &[s.latent], Dialect::Keras, seed)
        .with("dense", Dense::new(7 * 7 * 64))
        .with("bn1", norm())
        .with("relu1", Activation::Relu)
        .with("reshape", Reshape(vec![7, 7, 64]))
        .with("dropout", Dropout(s.dropout))
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

const METRICS: [MetricDescription; 4] = [D_LOSS, D_ACC, G_LOSS, G_ACC];

/// The two networks and their optimisers.
pub struct Quickdraw {
    settings: Settings,
    options: TrainingOptions,
    seed: u64,
    /// Says how real a drawing is.
    pub discriminator: Network,
    /// Makes drawings.
    pub generator: Network,
    discriminator_optimizer: Optimizer,
    generator_optimizer: Optimizer,
    /// The average of the generator's weights, and the earlier fakes: of the switches `ema` and `replay_pool`.
    average: Option<Network>,
    pool: ImagePool,
}

impl Quickdraw {
    /// Fresh networks, with weights decided by `seed`.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn new(settings: Settings, seed: u64) -> Result<Self, SettingsError> {
        settings.check()?;
        let (discriminator, generator) = (discriminator(&settings, seed), generator(&settings, seed));
        let optimizer = |network, learning_rate, decay| {
            Optimizer::rms_prop(network, learning_rate).decay(decay).clip(settings.clip)
        };
        let discriminator_optimizer = optimizer(&discriminator, settings.d_learning_rate, settings.d_decay);
        let generator_optimizer = optimizer(&generator, settings.g_learning_rate, settings.g_decay);
        let average = (settings.ema > 0.0).then(|| self::generator(&settings, seed).renamed("average"));
        let pool = ImagePool::new("pool", settings.replay_pool, discriminator.input_shape());
        let options = settings.options();
        Ok(Self {
            settings,
            options,
            seed,
            discriminator,
            generator,
            discriminator_optimizer,
            generator_optimizer,
            average,
            pool,
        })
    }

    fn random(&self, purpose: &'static str, step: u64) -> RngContext {
        RngContext { seed: self.seed, step, purpose }
    }

    fn loss(&self, logits: &Var, labels: &Tensor) -> Var {
        match self.settings.bce {
            Bce::Logits => bce_with_logits(logits, labels),
            Bce::KerasClip => bce_keras_clip(&logits.sigmoid(), labels),
        }
    }

    /// The drawings as the discriminator is shown them.
    fn augmented(&self, images: &Var, whose: &str, step: u64) -> Var {
        let key = |purpose: &str| Key::named(self.seed, &format!("{purpose} of {whose}")).at(step as u32);
        let images = augmented(images, &self.settings.diff_augment, Range::Unit.span(), key("augmentation"));
        self.options.with_noise(images, step, || key("instance noise"))
    }

    /// The discriminator learns to tell `reals` from the generator's fakes of these latents, in one batch, the reals first. The
    /// fakes are made in inference: running statistics, no dropout, no gradient. Returns the loss and the accuracy before the
    /// update.
    ///
    /// # Errors
    /// When something is not finite; nothing is updated then.
    pub fn train_discriminator(&mut self, step: u64, reals: &Tensor, latents: &Tensor) -> Result<[f64; 2], NonFinite> {
        let fakes = self.generator.infer(latents);
        let fakes = match self.settings.replay_pool {
            0 => fakes,
            _ => self.pool.query(&fakes, Key::named(self.seed, "pool").at(step as u32)),
        };
        let sides = Tensor::full([reals.shape()[0], 1], 1.0).concat(&Tensor::zeros([fakes.shape()[0], 1]));
        let labels = |side, images: &Tensor, stream| {
            targets(&self.options, side, images.shape()[0], Key::named(self.seed, stream).at(step as u32))
        };
        let labels =
            labels(Side::Real, reals, "labels of reals").concat(&labels(Side::Fake, &fakes, "labels of fakes"));
        let images = Var::constant(reals.concat(&fakes));
        let (gradients, result) =
            differentiate(self.random("discriminator step", step), |ctx: &mut ForwardContext| {
                let images = self.augmented(&images, "discriminator step", step);
                let logits = self.discriminator.forward(ctx, &images);
                let mut loss = self.loss(&logits, &labels);
                if self.settings.r1 > 0.0 {
                    let judge = |ctx: &mut ForwardContext, images: &Var| self.discriminator.forward(ctx, images);
                    let shown = images.value().rows(0..reals.shape()[0]);
                    loss = &loss + &penalty::on_reals(ctx, judge, self.settings.r1, &shown).loss;
                }
                let result = [f64::from(loss.item()), accuracy(&logits, &sides)];
                (loss, result)
            })?;
        self.discriminator_optimizer.step(&mut self.discriminator, &gradients);
        Ok(result)
    }

    /// The generator learns to make the discriminator call its drawings real. Both walk in training mode, dropout included; the
    /// discriminator is frozen: the gradient flows through it to the generator. Returns the loss and the accuracy before
    /// the update.
    ///
    /// # Errors
    /// When something is not finite; nothing is updated then.
    pub fn train_generator(&mut self, step: u64, latents: &Tensor) -> Result<[f64; 2], NonFinite> {
        let labels = Tensor::full([latents.shape()[0], 1], 1.0);
        let latents = Var::constant(latents.clone());
        let (gradients, result) = differentiate(self.random("generator step", step), |ctx: &mut ForwardContext| {
            let fakes = self.generator.forward(ctx, &latents);
            let fakes = self.augmented(&fakes, "generator step", step);
            let logits = ctx.frozen(|ctx| self.discriminator.forward(ctx, &fakes));
            let loss = self.loss(&logits, &labels);
            let result = [f64::from(loss.item()), accuracy(&logits, &labels)];
            (loss, result)
        })?;
        self.generator_optimizer.step(&mut self.generator, &gradients);
        Ok(result)
    }

    fn step_latents(&self, purpose: &str, step: u64) -> Tensor {
        let key = Key::named(self.seed, purpose).at(step as u32);
        LatentKind::Uniform.draw(self.settings.batch, self.settings.latent, key)
    }
}

impl FromLatents for Quickdraw {
    fn kind(&self) -> LatentKind {
        LatentKind::Uniform
    }

    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        LatentKind::Uniform.draw(count, self.settings.latent, Key::named(seed, stream))
    }

    fn draw(&self, latents: &Tensor) -> Tensor {
        self.average.as_ref().unwrap_or(&self.generator).infer(latents)
    }

    fn draw_raw(&self, latents: &Tensor) -> Option<Tensor> {
        self.average.is_some().then(|| self.generator.infer(latents))
    }
}

impl System for Quickdraw {
    fn name(&self) -> &'static str {
        "quickdraw"
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        Some([28, 28, 1])
    }

    fn metrics(&self) -> &'static [MetricDescription] {
        &METRICS
    }

    fn batch_size(&self) -> usize {
        self.settings.batch
    }

    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>> {
        let key = Key::named(self.seed, "real batch").at(step as u32);
        vec![distinct_indices(key, self.settings.batch, available[0])]
    }

    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, NonFinite> {
        let latents = self.step_latents("discriminator latents", step);
        let [d_loss, d_acc] = self.train_discriminator(step, &reals[0], &latents)?;
        let latents = self.step_latents("generator latents", step);
        let [g_loss, g_acc] = self.train_generator(step, &latents)?;
        if let Some(average) = &mut self.average {
            average.follow(&self.generator, self.settings.ema);
        }
        Ok(StepMetrics::new(&METRICS, vec![d_loss, d_acc, g_loss, g_acc]))
    }

    fn samples(&self) -> Sampler<'_> {
        Sampler::Latents(self)
    }

    fn networks(&self) -> Vec<&Network> {
        vec![&self.discriminator, &self.generator]
    }

    fn parts(&self) -> Vec<&dyn Stateful> {
        vec![
            &self.discriminator,
            &self.generator,
            &self.average,
            &self.discriminator_optimizer,
            &self.generator_optimizer,
            &self.pool,
        ]
    }

    fn parts_mut(&mut self) -> Vec<&mut dyn Stateful> {
        vec![
            &mut self.discriminator,
            &mut self.generator,
            &mut self.average,
            &mut self.discriminator_optimizer,
            &mut self.generator_optimizer,
            &mut self.pool,
        ]
    }
}
