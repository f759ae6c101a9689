//! folder: a GAN for users' own images, of a size from 28 to 256.
//!
//! The networks are those of the DCGANs, as deep as the size requires; the step is that of
//! PyTorch's example.

use nn::{InitScheme, Network};
use serde::{Deserialize, Serialize};

use crate::catalogue::{
    OriginalLog, Preset, SystemEntry, TrainingData, boxed, has_every_switch, preset_table, settings_from,
};
use crate::strided::{SIZES, Strided};
use crate::trainer::gan::GanTrainer;
use crate::trainer::options::TrainingOptions;
use crate::trainer::spec::GanSpec;
use crate::{Settings as _, SettingsError, in_range};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "folder",
    about: "any folder of pictures, resized to 28 to 256 pixels, grey, colour or with transparency",
    presets: &[
        Preset { name: "cpu", about: "32x32, half the channels", steps: 3000 },
        Preset { name: "original", about: "64x64, batch 32", steps: 20_000 },
        Preset { name: "cpu128", about: "128x128, a quarter of the channels, batch 16", steps: 10_000 },
        Preset { name: "cpu256", about: "256x256, an eighth of the channels, batch 8", steps: 20_000 },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(trainer(&settings_from(settings)?, seed)),
    data: TrainingData::Folder,
    log: OriginalLog::PyTorchDcgan,
    missing_switch: has_every_switch,
};

/// The settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Height and width that the images are scaled to: 28, 32, 48, 64, 96, 128 or 256.
    pub size: usize,
    /// 1 for grey images, 3 for colour, 4 for colour with transparency.
    pub channels: usize,
    /// Real images per turn of the discriminator, and as many fakes.
    pub batch: usize,
    /// Channels of the layer next to the image; they double with each layer further away.
    pub width: usize,
    /// Size of the latents.
    pub latent: usize,
    /// beta1 of Adam.
    pub beta1: f64,
    /// The options of the trainer.
    #[serde(flatten)]
    pub options: TrainingOptions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            size: 64,
            channels: 3,
            batch: 32,
            width: 64,
            latent: 100,
            beta1: 0.5,
            options: TrainingOptions::default(),
        }
    }
}

impl crate::Settings for Settings {
    fn preset(name: &str) -> Option<Self> {
        match name {
            "original" => Some(Self::default()),
            "cpu" => Some(Self { size: 32, width: 32, ..Self::default() }),
            "cpu128" => Some(Self { size: 128, width: 16, batch: 16, ..Self::default() }),
            "cpu256" => Some(Self { size: 256, width: 8, batch: 8, ..Self::default() }),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        if !SIZES.contains(&self.size) {
            let sizes: Vec<String> = SIZES.iter().map(usize::to_string).collect();
            return Err(SettingsError { key: "size", why: format!("{} is none of {}", self.size, sizes.join(", ")) });
        }
        in_range("channels", self.channels as f64, 1.0, 4.0)?;
        in_range("batch", self.batch as f64, 2.0, 4096.0)?;
        in_range("width", self.width as f64, 1.0, 256.0)?;
        in_range("latent", self.latent as f64, 1.0, 4096.0)?;
        in_range("beta1", self.beta1, 0.0, 0.999_999)?;
        self.options.check()
    }
}

/// The discriminator and the generator.
pub fn networks(s: &Settings, seed: u64) -> [Network; 2] {
    let Settings { size, channels, latent, width, .. } = *s;
    let TrainingOptions { spectral_norm, d_norm: norm, .. } = s.options;
    let pair = Strided { size, channels, latent, width, init: InitScheme::dcgan(), spectral_norm, norm };
    [pair.discriminator(seed), pair.generator(seed)]
}

/// The trainer with these settings.
///
/// # Errors
/// When a setting is out of its range or contradicts another.
pub fn trainer(s: &Settings, seed: u64) -> Result<GanTrainer, SettingsError> {
    s.check()?;
    let spec = GanSpec::example("folder", s.latent, s.batch, s.beta1);
    GanTrainer::new(spec, &s.options, seed, || networks(s, seed))
}
