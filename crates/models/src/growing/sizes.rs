//! [`Sizes`]: how large a growing GAN is, and how it grows; [`Maps`]: how many channels it has where.

use serde::{Deserialize, Serialize};

use super::growth::Growth;
use crate::trainer::common::{CommonOptions, InstanceNoise};
use crate::{SettingsError, in_range};

/// What can be changed about every growing GAN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sizes {
    /// Height and width of the images at the end: a power of two from 8 to 1024.
    pub size: usize,
    /// Channels of the images: 1 or 3.
    pub channels: usize,
    /// Channels of the features: so many divided by the resolution, twice over...
    pub fmap_base: usize,
    /// ...but no more than so many.
    pub fmap_max: usize,
    /// Real images a step at most; large images come in smaller batches.
    pub batch: usize,
    /// Thousands of images that each resolution learns from before the next one is faded in.
    pub stable_kimg: f64,
    /// Thousands of images that a fade takes.
    pub fade_kimg: f64,
    /// Whether the average of the generator follows faster at first, and again whenever blocks come or count fully: in short runs it would
    /// otherwise hold much of what the blocks were before they learned anything.
    pub ema_ramp_up: bool,
    /// What every system has.
    #[serde(flatten)]
    pub common: CommonOptions,
    /// Instance noise.
    #[serde(flatten)]
    pub noise: InstanceNoise,
}

impl Default for Sizes {
    /// The authors' own, at 1024x1024.
    fn default() -> Self {
        Self {
            size: 1024,
            channels: 3,
            fmap_base: 8192,
            fmap_max: 512,
            batch: 128,
            stable_kimg: 600.0,
            fade_kimg: 600.0,
            ema_ramp_up: false,
            common: CommonOptions::default(),
            noise: InstanceNoise::default(),
        }
    }
}

impl Sizes {
    /// The sizes for a CPU: 32x32 pixels, up to 64 channels.
    pub fn cpu() -> Self {
        let small = Self { size: 32, fmap_base: 512, fmap_max: 64, batch: 16, ..Self::default() };
        Self { stable_kimg: 8.0, fade_kimg: 8.0, ema_ramp_up: true, ..small }
    }

    /// Whether every one is in its range.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.maps().check(self.size)?;
        self.noise.check()?;
        self.growth(0).map(drop)
    }

    /// The schedule from this level on.
    pub(crate) fn growth(&self, first: usize) -> Result<Growth, SettingsError> {
        Growth::new([first, self.last()], [self.stable_kimg, self.fade_kimg], self.batch)
    }

    /// The level of the largest images.
    pub(crate) fn last(&self) -> usize {
        self.size.ilog2() as usize - 2
    }

    /// How many features there are where.
    pub(crate) fn maps(&self) -> Maps {
        Maps { channels: self.channels, base: self.fmap_base, most: self.fmap_max }
    }
}

/// How many channels images and features have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maps {
    /// Of an image: 1 or 3.
    pub(crate) channels: usize,
    /// Of the features, so many divided by the resolution, twice over...
    pub(crate) base: usize,
    /// ...but no more than so many.
    pub(crate) most: usize,
}

impl Maps {
    /// Whether there are networks of them for images of this height and width.
    pub(crate) fn check(self, size: usize) -> Result<(), SettingsError> {
        let refuse = |key, why: String| Err(SettingsError { key, why });
        if !size.is_power_of_two() || !(8..=1024).contains(&size) {
            return refuse("size", format!("{size} is not one of 8, 16, 32, 64, 128, 256, 512, 1024"));
        }
        if ![1, 3].contains(&self.channels) {
            return refuse("channels", format!("{} is neither 1 (grey) nor 3 (colour)", self.channels));
        }
        in_range("fmap_base", self.base as f64, size as f64 / 2.0, 65_536.0)?;
        in_range("fmap_max", self.most as f64, 1.0, 4096.0)
    }

    /// Features at this level.
    pub(crate) fn of(self, level: usize) -> usize {
        (self.base >> (level + 1)).min(self.most)
    }

    /// Random numbers behind an image: as many as there would be features one level below 4x4.
    pub(crate) fn latent(self) -> usize {
        self.base.min(self.most)
    }
}

/// Why the growing systems, and `stylegan2`, whose networks are made alike, have no such switch.
pub(crate) fn missing_switch(key: &str) -> Option<&'static str> {
    Some(match key {
        "instance_noise" => return None,
        "spectral_norm" => {
            "its layers scale their weights as they go, and a penalty bounds the discriminator's slope already"
        }
        "d_norm" => "its discriminator normalises nothing",
        "latent_kind" => "its latents are normalised to a sphere in the first layer",
        "clip_value" | "clip_norm" => "its weights are scaled as they go, so that Adam's steps are alike already",
        _ => "its step is the authors': one turn of each network with a loss of its own; `folder` has this switch",
    })
}
