//! The settings of [`stylegan2`](crate::systems::stylegan2).

use nn::layers::MinibatchStddev;
use serde::{Deserialize, Serialize};

use super::Lazy;
use super::networks::GROUP;
use crate::growing::Maps;
use crate::trainer::common::{CommonOptions, InstanceNoise};
use crate::{SettingsError, in_range};

/// The settings of a run. The defaults are the authors' configuration F, at 1024x1024.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Height and width of the images: a power of two from 8 to 1024.
    pub size: usize,
    /// Channels of the images: 1 for grey, 3 for colour, 4 for colour with transparency.
    pub channels: usize,
    /// The features at resolution r have 2 * fmap_base / r channels, but at most `fmap_max`.
    pub fmap_base: usize,
    /// The largest number of channels, which is also the size of latents and styles.
    pub fmap_max: usize,
    /// Layers of the mapping network.
    pub mapping_layers: usize,
    /// Real images per step.
    pub batch: usize,
    /// The learning rate of both networks.
    pub learning_rate: f64,
    /// The weight of the R1 penalty on the discriminator's gradient on reals.
    pub r1: f64,
    /// The number of steps between two updates with this penalty.
    pub r1_interval: usize,
    /// The discriminator's target for reals: 1, or a little less (one-sided label smoothing).
    pub label_smooth: f64,
    /// The weight of the path length penalty.
    pub path_weight: f64,
    /// The number of steps between two updates with this penalty, which use half a batch.
    pub path_interval: usize,
    /// The weight of the new path lengths in their running mean.
    pub path_decay: f64,
    /// The probability of style mixing in training.
    pub style_mixing: f64,
    /// The half-life of the generator's moving average in thousands of images; samples are drawn
    /// with the average.
    pub ema_kimg: f64,
    /// Whether the average follows faster at first: in short runs it would otherwise retain much of
    /// the initial weights.
    pub ema_ramp_up: bool,
    /// The settings that every system has.
    #[serde(flatten)]
    pub common: CommonOptions,
    /// Instance noise.
    #[serde(flatten)]
    pub noise: InstanceNoise,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            size: 1024,
            channels: 3,
            fmap_base: 16_384,
            fmap_max: 512,
            mapping_layers: 8,
            batch: 32,
            learning_rate: 0.002,
            r1: 10.0,
            r1_interval: 16,
            label_smooth: 1.0,
            path_weight: 2.0,
            path_interval: 4,
            path_decay: 0.01,
            style_mixing: 0.9,
            ema_kimg: 10.0,
            ema_ramp_up: false,
            common: CommonOptions::default(),
            noise: InstanceNoise::default(),
        }
    }
}

impl crate::Settings for Settings {
    fn preset(name: &str) -> Option<Self> {
        let authors = Self::default();
        let small = Self {
            size: 32,
            fmap_base: 2048,
            fmap_max: 64,
            mapping_layers: 2,
            batch: 16,
            ema_ramp_up: true,
            ..authors
        };
        // The same values as in the small presets of `stylegan`, for the same reasons.
        let cpu = Self { learning_rate: 5e-3, r1: 1.0, ..small };
        match name {
            "original" => Some(Self::default()),
            "cpu" => Some(cpu),
            "grey" => Some(Self { channels: 1, ..cpu }),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        self.maps().check(self.size)?;
        self.common.check()?;
        self.common.check_batch_norm([])?;
        in_range("mapping_layers", self.mapping_layers as f64, 1.0, 64.0)?;
        in_range("batch", self.batch as f64, 1.0, 4096.0)?;
        self.common.check_shards([self.batch])?;
        self.common.check_groups(MinibatchStddev(GROUP), self.batch)?;
        if self.path_weight > 0.0 {
            self.common.check_shards([self.path_batch()])?;
        }
        in_range("learning_rate", self.learning_rate, 1e-12, 10.0)?;
        in_range("r1", self.r1, 0.0, 1e6)?;
        in_range("label_smooth", self.label_smooth, 0.5, 1.0)?;
        self.noise.check()?;
        in_range("r1_interval", self.r1_interval as f64, 1.0, 1e6)?;
        in_range("path_weight", self.path_weight, 0.0, 1e6)?;
        in_range("path_interval", self.path_interval as f64, 1.0, 1e6)?;
        in_range("path_decay", self.path_decay, 0.0, 1.0)?;
        in_range("style_mixing", self.style_mixing, 0.0, 1.0)?;
        in_range("ema_kimg", self.ema_kimg, 1e-3, 1e6)
    }
}

impl Settings {
    /// The channels of each level.
    pub(super) fn maps(&self) -> Maps {
        Maps { channels: self.channels, base: self.fmap_base, most: self.fmap_max }
    }

    /// The level of the images, counted from 0 for 4x4.
    pub(super) fn last(&self) -> usize {
        self.size.ilog2() as usize - 2
    }

    /// Latents of an update with the path length penalty: half a batch.
    pub(super) fn path_batch(&self) -> usize {
        (self.batch / 2).max(1)
    }

    /// The penalty on the discriminator.
    pub fn on_reals(&self) -> Lazy {
        Lazy { weight: self.r1, interval: self.r1_interval }
    }

    /// The penalty on the generator.
    pub fn on_paths(&self) -> Lazy {
        Lazy { weight: self.path_weight, interval: self.path_interval }
    }
}
