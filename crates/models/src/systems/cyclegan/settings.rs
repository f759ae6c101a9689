//! The settings of [`cyclegan`](crate::systems::cyclegan).

use serde::{Deserialize, Serialize};

use crate::trainer::common::CommonOptions;
use crate::{SettingsError, in_range};

/// The settings of a run. The defaults are the authors'.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The networks and the order of a step.
    pub variant: Variant,
    /// Images of each domain per step.
    pub batch: usize,
    /// Height and width of the images: a multiple of 4 (of 8 for the course's networks).
    pub size: usize,
    /// Residual blocks per generator. (The authors use 9 from 256 pixels on, and 6 for 128.)
    pub blocks: usize,
    /// Channels after a generator's first layer.
    pub generator_width: usize,
    /// Channels after a discriminator's first layer.
    pub discriminator_width: usize,
    /// How a generator up-samples.
    pub upsample: Upsample,
    /// The weight of the cycle loss.
    pub cycle: f64,
    /// The weight of the identity loss relative to the cycle loss; 0 for none.
    pub identity: f64,
    /// Capacity of each discriminator's pool of earlier fakes; 0 for none.
    pub pool: usize,
    /// The initial learning rate.
    pub learning_rate: f64,
    /// beta1 of Adam.
    pub beta1: f64,
    /// Steps per epoch of the learning rate schedule.
    pub epoch: usize,
    /// Epochs with the initial learning rate.
    pub constant: usize,
    /// Epochs over which the learning rate then falls linearly, almost to 0. Later epochs use the
    /// last value.
    pub decay: usize,
    /// The settings that every system has.
    #[serde(flatten)]
    pub common: CommonOptions,
}

/// The networks and the order of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// The authors': instance normalisation; the generators are updated first; the discriminators'
    /// losses are halved.
    Official,
    /// The smaller one of Udacity's course: batch normalisation; the discriminators are updated
    /// first, on fresh fakes; their losses are not halved.
    Course,
}

/// How a generator up-samples small maps to the full size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Upsample {
    /// Transposed convolutions of stride 2.
    Transposed,
    /// Nearest-neighbour up-sampling, then a convolution: no checkerboard artefacts. (Only for the
    /// authors' networks.)
    ResizeConv,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            variant: Variant::Official,
            batch: 1,
            size: 256,
            blocks: 9,
            generator_width: 64,
            discriminator_width: 64,
            upsample: Upsample::Transposed,
            cycle: 10.0,
            identity: 0.5,
            pool: 50,
            learning_rate: 2e-4,
            beta1: 0.5,
            epoch: 1000,
            constant: 100,
            decay: 100,
            common: CommonOptions::default(),
        }
    }
}

impl crate::Settings for Settings {
    fn preset(name: &str) -> Option<Self> {
        let course = Self { variant: Variant::Course, blocks: 6, identity: 0.0, pool: 0, ..Self::default() };
        match name {
            "original" => Some(Self::default()),
            "cpu" => Some(Self {
                size: 64,
                blocks: 6,
                generator_width: 16,
                discriminator_width: 32,
                epoch: 30,
                ..Self::default()
            }),
            "course" => Some(Self { batch: 16, size: 128, ..course }),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        self.common.check()?;
        in_range("batch", self.batch as f64, 1.0, 256.0)?;
        self.common.check_shards([self.batch])?;
        in_range("size", self.size as f64, 32.0, 1024.0)?;
        let multiple = if self.variant == Variant::Course { 8 } else { 4 };
        if !self.size.is_multiple_of(multiple) {
            return Err(SettingsError { key: "size", why: format!("{} is not a multiple of {multiple}", self.size) });
        }
        if self.variant == Variant::Course && self.upsample == Upsample::ResizeConv {
            let why = "the course's generator has transposed convolutions only";
            return Err(SettingsError { key: "upsample", why: why.into() });
        }
        in_range("blocks", self.blocks as f64, 1.0, 64.0)?;
        in_range("generator_width", self.generator_width as f64, 1.0, 256.0)?;
        in_range("discriminator_width", self.discriminator_width as f64, 1.0, 256.0)?;
        in_range("cycle", self.cycle, 0.0, 1e6)?;
        in_range("identity", self.identity, 0.0, 1e6)?;
        in_range("pool", self.pool as f64, 0.0, 1000.0)?;
        in_range("learning_rate", self.learning_rate, 1e-12, 10.0)?;
        in_range("beta1", self.beta1, 0.0, 0.999_999)?;
        in_range("epoch", self.epoch as f64, 1.0, 1e9)?;
        in_range("constant", self.constant as f64, 0.0, 1e9)?;
        in_range("decay", self.decay as f64, 0.0, 1e9)
    }
}

impl Settings {
    /// The factor of the learning rate in epoch `n`, from 1: 1 - max(0, n - constant) / (decay +
    /// 1).
    pub fn learning_rate_factor(&self, n: u64) -> f64 {
        let into = n.saturating_sub(self.constant as u64).min(self.decay as u64);
        1.0 - into as f64 / (self.decay as f64 + 1.0)
    }
}

/// Why this system lacks the switch `key`.
pub(super) fn missing_switch(key: &str) -> Option<&'static str> {
    Some(match key {
        "g_dropout" | "g_dropout_at_sampling" => {
            "its generators translate without dropout, as the authors' do, so that a translation is always the same"
        }
        "minibatch_std" => "its batches are usually of one image, which has no deviation",
        "out_act" => "its generators end in a tanh and see images from -1 to 1",
        "replay_pool" => "the setting is called pool here",
        "latent_kind" | "ema" => "it translates pictures and has no latents",
        _ => {
            "it uses the authors' training step: least squares, one update of each network; it has pool, identity and cycle"
        }
    })
}
