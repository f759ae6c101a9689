//! The settings of [`quickdraw`](crate::systems::quickdraw) and its entry in the catalogue.

use serde::{Deserialize, Serialize};

use super::Quickdraw;
use crate::catalogue::{OriginalLog, Preset, SystemEntry, TrainingData, boxed, preset_table, settings_from};
use crate::trainer::common::{CommonOptions, InstanceNoise, OWN, check_dropout};
pub use crate::trainer::options::Bce;
use crate::trainer::options::{Batches, TrainingOptions};
use crate::{SettingsError, in_range};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "quickdraw",
    about: "28x28 doodles of apples: convolutions, dropout, batch norm, RMSprop",
    presets: &[
        Preset { name: "original", about: "the notebook: batch 128, 2000 steps", steps: 2000 },
        Preset {
            name: "cpu",
            about: "a discriminator with half the channels, batch 32: several times faster",
            steps: 2000,
        },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(Quickdraw::new(settings_from(settings)?, seed)),
    data: TrainingData::Doodles,
    log: OriginalLog::QuickdrawNotebook,
    missing_switch,
};

/// The settings of a quickdraw run. The defaults are those of the notebook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Real drawings per step, and as many fakes.
    pub batch: usize,
    /// Size of the latents, each number uniform in [-1, 1).
    pub latent: usize,
    /// Channels after the discriminator's first layer; each following layer doubles them.
    pub depth: usize,
    /// The dropout rate of both networks, unless `d_dropout` or `g_dropout` overrides it.
    pub dropout: f64,
    /// The dropout rate of the generator; [`OWN`] for `dropout`.
    pub g_dropout: f64,
    /// Whether the generator's dropout is applied when sampling, too. The dropped elements of an
    /// image depend only on its latents.
    pub g_dropout_at_sampling: bool,
    /// The discriminator's initial learning rate.
    pub d_learning_rate: f64,
    /// The discriminator's learning rate is d_learning_rate / (1 + d_decay * t) at update t = 0, 1,
    /// and so on.
    pub d_decay: f64,
    /// The generator's initial learning rate.
    pub g_learning_rate: f64,
    /// The generator's learning rate is g_learning_rate / (1 + g_decay * t) at update t = 0, 1, and
    /// so on.
    pub g_decay: f64,
    /// Each gradient element is clipped to [-clip, clip].
    pub clip: f64,
    /// The momentum of batch normalisation in Keras' sense, the weight of the old running
    /// statistics (PyTorch's momentum is 1 minus this).
    #[serde(alias = "bn_keep")]
    pub bn_momentum: f64,
    /// How the running statistics are averaged over the batches.
    pub bn_running: BnRunning,
    /// How the binary cross-entropy is calculated.
    pub bce: Bce,
    /// The discriminator's target for reals: 1, or a little less (one-sided label smoothing).
    pub label_smooth: f64,
    /// The probability that the label of a drawing is flipped in the discriminator's loss.
    pub label_flip: f64,
    /// Instance noise.
    #[serde(flatten)]
    pub noise: InstanceNoise,
    /// Capacity of the pool of earlier fakes that the discriminator is also trained on; 0 for none.
    pub replay_pool: usize,
    /// The decay of the generator's moving average, with which samples are drawn; 0 for none.
    pub ema: f64,
    /// Whether the discriminator's weights are divided by their spectral norms.
    pub spectral_norm: bool,
    /// The weight of the R1 penalty on the discriminator's gradient on reals; 0 for none.
    pub r1: f64,
    /// The settings that every system has.
    #[serde(flatten)]
    pub common: CommonOptions,
}

/// How the running statistics of batch normalisation are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BnRunning {
    /// An exponential moving average that starts from mean 0 and variance 1.
    Ema,
    /// Like `Ema`, but without the bias of the initial values (Keras 2.1.4 to 2.2.5).
    EmaDebiased,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch: 128,
            latent: 32,
            depth: 64,
            dropout: 0.4,
            g_dropout: OWN,
            g_dropout_at_sampling: false,
            d_learning_rate: 8e-4,
            d_decay: 6e-8,
            g_learning_rate: 4e-4,
            g_decay: 3e-8,
            clip: 1.0,
            bn_momentum: 0.9,
            bn_running: BnRunning::Ema,
            bce: Bce::Logits,
            label_smooth: 1.0,
            label_flip: 0.0,
            noise: InstanceNoise::default(),
            replay_pool: 0,
            ema: 0.0,
            spectral_norm: false,
            r1: 0.0,
            common: CommonOptions::default(),
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
        check_dropout("g_dropout", self.g_dropout)?;
        if self.g_dropout_at_sampling && self.rates()[1] == 0.0 {
            let why = "the generator has no dropout: set g_dropout too";
            return Err(SettingsError { key: "g_dropout_at_sampling", why: why.into() });
        }
        in_range("d_learning_rate", self.d_learning_rate, 1e-12, 10.0)?;
        in_range("g_learning_rate", self.g_learning_rate, 1e-12, 10.0)?;
        in_range("d_decay", self.d_decay, 0.0, 1.0)?;
        in_range("g_decay", self.g_decay, 0.0, 1.0)?;
        in_range("clip", self.clip, 1e-12, 1e12)?;
        in_range("bn_momentum", self.bn_momentum, 0.0, 0.999_999)?;
        self.options().check()?;
        self.common.check_shards([self.batch])
    }
}

impl Settings {
    /// The dropout rates of the discriminator and of the generator.
    pub(super) fn rates(&self) -> [f64; 2] {
        [self.common.d_dropout, self.g_dropout].map(|rate| if rate == OWN { self.dropout } else { rate })
    }

    /// The options that other systems have as well.
    pub(super) fn options(&self) -> TrainingOptions {
        TrainingOptions {
            bce: self.bce,
            label_smooth: self.label_smooth,
            label_flip: self.label_flip,
            noise: self.noise.clone(),
            replay_pool: self.replay_pool,
            ema: self.ema,
            spectral_norm: self.spectral_norm,
            r1: self.r1,
            d_batches: Batches::Mixed,
            common: self.common.clone(),
            ..TrainingOptions::default()
        }
    }
}

/// Why this system lacks the switch `key`.
fn missing_switch(key: &str) -> Option<&'static str> {
    match key {
        "bce"
        | "label_smooth"
        | "label_flip"
        | "instance_noise"
        | "replay_pool"
        | "ema"
        | "spectral_norm"
        | "r1"
        | "g_dropout"
        | "g_dropout_at_sampling" => None,
        "clip_value" => Some("the setting is called clip here"),
        "d_norm" => Some("its discriminator has no batch normalisation to replace"),
        _ => Some(
            "it uses the notebook's training step; `dcgan --preset mnist28` learns the same drawings and has this setting",
        ),
    }
}
