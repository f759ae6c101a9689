//! [`Sizes`]: how large a growing GAN is, and how it grows; [`Maps`]: how many channels each level
//! has.

use nn::layers::MinibatchStddev;
use serde::{Deserialize, Serialize};

use super::critic::GROUP;
use super::growth::Growth;
use crate::trainer::common::{CommonOptions, InstanceNoise};
use crate::{SettingsError, in_range};

/// The settings that all growing GANs share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sizes {
    /// Final height and width of the images: a power of two from 8 to 1024.
    pub size: usize,
    /// Channels of the images: 1 for grey, 3 for colour, 4 for colour with transparency.
    pub channels: usize,
    /// The features at resolution r have 2 * fmap_base / r channels...
    pub fmap_base: usize,
    /// ...but at most this many.
    pub fmap_max: usize,
    /// Real images per step; large images come in smaller batches.
    pub batch: usize,
    /// Thousands of images per resolution before the next one is faded in.
    pub stable_kimg: f64,
    /// Thousands of images per fade.
    pub fade_kimg: f64,
    /// Thousands of images that the networks have already seen when the run starts; `--from` sets
    /// it, so that networks of another run go on growing where they were.
    pub resume_kimg: f64,
    /// Whether the moving average follows faster at first, and again after blocks are added or
    /// fully faded in: in short runs it would otherwise retain much of the initial weights.
    pub ema_ramp_up: bool,
    /// The settings that every system has.
    #[serde(flatten)]
    pub common: CommonOptions,
    /// Instance noise.
    #[serde(flatten)]
    pub noise: InstanceNoise,
}

impl Default for Sizes {
    /// The authors' settings for 1024x1024.
    fn default() -> Self {
        Self {
            size: 1024,
            channels: 3,
            fmap_base: 8192,
            fmap_max: 512,
            batch: 128,
            stable_kimg: 600.0,
            fade_kimg: 600.0,
            resume_kimg: 0.0,
            ema_ramp_up: false,
            common: CommonOptions::default(),
            noise: InstanceNoise::default(),
        }
    }
}

impl Sizes {
    /// The sizes of the preset called `name`, which all growing GANs have: `original` for
    /// 1024x1024, `cpu` for 32x32 and up to 64 channels, `grey` for the same without colour,
    /// `cpu64` for 64x64.
    pub fn preset(name: &str) -> Option<Self> {
        let small = Self { size: 32, fmap_base: 512, fmap_max: 64, batch: 16, ..Self::default() };
        let cpu = Self { stable_kimg: 8.0, fade_kimg: 8.0, ema_ramp_up: true, ..small };
        match name {
            "original" => Some(Self::default()),
            "cpu" => Some(cpu),
            "grey" => Some(Self { channels: 1, ..cpu }),
            "cpu64" => Some(Self { size: 64, fmap_base: 1024, ..cpu }),
            _ => None,
        }
    }

    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// The first setting out of its range.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.maps().check(self.size)?;
        self.common.check()?;
        self.common.check_batch_norm([])?;
        self.noise.check()?;
        let growth = self.growth(0)?;
        let batches = (0..=self.last()).map(|level| growth.batch(level));
        self.common.check_shards(batches.clone())?;
        batches.into_iter().try_for_each(|batch| self.common.check_groups(MinibatchStddev(GROUP), batch))
    }

    /// The schedule, starting at this level.
    pub(crate) fn growth(&self, first: usize) -> Result<Growth, SettingsError> {
        Growth::new([first, self.last()], [self.stable_kimg, self.fade_kimg], self.batch)?.resumed(self.resume_kimg)
    }

    /// The level of the largest images.
    pub(crate) fn last(&self) -> usize {
        self.size.ilog2() as usize - 2
    }

    /// The channels of each level.
    pub(crate) fn maps(&self) -> Maps {
        Maps { channels: self.channels, base: self.fmap_base, most: self.fmap_max }
    }
}

/// The channels of images and features.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maps {
    /// Channels of an image: 1, 3 or 4.
    pub(crate) channels: usize,
    /// The features at resolution r have 2 * base / r channels...
    pub(crate) base: usize,
    /// ...but at most this many.
    pub(crate) most: usize,
}

impl Maps {
    /// Checks the settings, for images of this height and width.
    pub(crate) fn check(self, size: usize) -> Result<(), SettingsError> {
        let refuse = |key, why: String| Err(SettingsError { key, why });
        if !size.is_power_of_two() || !(8..=1024).contains(&size) {
            return refuse("size", format!("{size} is not one of 8, 16, 32, 64, 128, 256, 512, 1024"));
        }
        if ![1, 3, 4].contains(&self.channels) {
            let why = "is none of 1 (grey), 3 (colour), 4 (colour with transparency)";
            return refuse("channels", format!("{} {why}", self.channels));
        }
        in_range("fmap_base", self.base as f64, size as f64 / 2.0, 65_536.0)?;
        in_range("fmap_max", self.most as f64, 1.0, 4096.0)
    }

    /// Channels of the features at this level.
    pub(crate) fn of(self, level: usize) -> usize {
        (self.base >> (level + 1)).min(self.most)
    }

    /// Size of the latents: the channels that a level below 4x4 would have.
    pub(crate) fn latent(self) -> usize {
        self.base.min(self.most)
    }
}

/// Why the growing systems and `stylegan2`, whose layers are similar, lack the switch `key`.
pub(crate) fn missing_switch(key: &str) -> Option<&'static str> {
    Some(match key {
        "instance_noise" => return None,
        "spectral_norm" => {
            "its layers scale their weights at run time, and a penalty already limits the discriminator's gradient"
        }
        "minibatch_std" => "its discriminator always sees the deviation within the batch",
        "g_dropout" | "g_dropout_at_sampling" => {
            "its generator has no dropout: samples are drawn with the average of its weights"
        }
        "out_act" => "its generator ends without an activation; values beyond -1 and 1 are cut off",
        "d_norm" => "its discriminator has no normalisation layers",
        "latent_kind" => "its latents are normalised to a sphere in the first layer",
        "clip_value" | "clip_norm" => "its weights are scaled at run time, so Adam's steps already have a similar size",
        _ => {
            "it uses the authors' training step: one update of each network, with a fixed loss; `folder` has this setting"
        }
    })
}
