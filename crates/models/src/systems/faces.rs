//! faces: the face project of Udacity's deep learning course, in both of its versions.
//!
//! The current one generates 64x64 faces with the DCGAN of PyTorch's example and latents of size
//! 128. The older one generates 32x32 faces with networks that `width` (its `conv_dim`)
//! parametrises, with normal initial weights.

use nn::{InitScheme, Network};
use serde::{Deserialize, Serialize};

use crate::catalogue::{
    OriginalLog, Preset, SystemEntry, TrainingData, boxed, has_every_switch, preset_table, settings_from,
};
use crate::strided::Strided;
use crate::systems::dcgan::{course_discriminator, course_generator};
use crate::trainer::gan::GanTrainer;
use crate::trainer::options::TrainingOptions;
use crate::trainer::spec::{Fakes, GanSpec};
use crate::{LatentKind, Settings as _, SettingsError, in_range};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "faces",
    about: "64x64 or 32x32 faces, after the face project of Udacity's course",
    presets: &[
        Preset { name: "cpu", about: "64x64, a quarter of the channels", steps: 5000 },
        Preset {
            name: "original",
            about: "the current project: 64x64, batch 64, 15 epochs of 32600 faces",
            steps: 15 * 509,
        },
        Preset { name: "original32", about: "its earlier version: 32x32", steps: 8000 },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(trainer(&settings_from(settings)?, seed)),
    data: TrainingData::Faces,
    log: OriginalLog::UdacityFaces,
    missing_switch: has_every_switch,
};

/// The settings of a run. The defaults are the current project's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Height and width of the faces: 64, or 32 for the older version of the project.
    pub size: usize,
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
        Self { size: 64, batch: 64, width: 64, latent: 128, beta1: 0.5, options: TrainingOptions::default() }
    }
}

impl crate::Settings for Settings {
    fn preset(name: &str) -> Option<Self> {
        match name {
            "original" => Some(Self::default()),
            "cpu" => Some(Self { width: 16, ..Self::default() }),
            "original32" => {
                let options = TrainingOptions { latent_kind: LatentKind::Uniform, ..TrainingOptions::default() };
                Some(Self { size: 32, width: 32, latent: 100, options, ..Self::default() })
            }
            _ => None,
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        if !matches!(self.size, 32 | 64) {
            let why = format!("{} is neither 64, the current project's, nor 32, the older one's", self.size);
            return Err(SettingsError { key: "size", why });
        }
        in_range("batch", self.batch as f64, 2.0, 4096.0)?;
        in_range("width", self.width as f64, 1.0, 512.0)?;
        in_range("latent", self.latent as f64, 1.0, 4096.0)?;
        in_range("beta1", self.beta1, 0.0, 0.999_999)?;
        self.options.check()
    }
}

/// The discriminator and the generator.
pub fn networks(s: &Settings, seed: u64) -> [Network; 2] {
    let Settings { size, width, latent, .. } = *s;
    let TrainingOptions { spectral_norm, d_norm: norm, .. } = s.options;
    let init = if size == 64 { InitScheme::dcgan() } else { InitScheme::normal(0.02) };
    let pair = Strided { size, channels: 3, latent, width, init, spectral_norm, norm };
    if size == 64 {
        return [pair.discriminator(seed), pair.generator(seed)];
    }
    [course_discriminator(&pair, seed), course_generator(&pair, seed)]
}

/// The trainer with these settings.
///
/// # Errors
/// When a setting is out of its range or contradicts another.
pub fn trainer(s: &Settings, seed: u64) -> Result<GanTrainer, SettingsError> {
    s.check()?;
    let fakes = if s.size == 64 { Fakes::Shared } else { Fakes::Training };
    let spec = GanSpec { fakes, ..GanSpec::example("faces", s.latent, s.batch, s.beta1) };
    GanTrainer::new(spec, &s.options, seed, || networks(s, seed))
}
