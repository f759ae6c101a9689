//! mnist: fully connected networks for hand-written digits.
//!
//! The networks and the order of a step are those of the first GAN in Udacity's deep learning
//! course (`gan-mnist`), in the PyTorch dialect: small layers, leaky ReLUs, dropout in both
//! networks, smoothed labels.

use nn::layers::{Activation, Dense, Dropout, Flatten, Reshape};
use nn::{Dialect, Network};
use serde::{Deserialize, Serialize};

use crate::catalogue::{
    OriginalLog, Preset, SystemEntry, TrainingData, boxed, has_every_switch, preset_table, settings_from,
};
use crate::trainer::batch_sampler::BatchSampler;
use crate::trainer::gan::GanTrainer;
use crate::trainer::options::TrainingOptions;
use crate::trainer::spec::{Fakes, GanSpec};
use crate::{LatentKind, Settings as _, SettingsError, in_range};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "mnist",
    about: "28x28 digits: fully connected layers and dropout, after Udacity's course",
    presets: &[
        Preset { name: "cpu", about: "the original networks, 20 epochs of MNIST", steps: 20 * 938 },
        Preset {
            name: "original",
            about: "the original configuration: batch 64, 100 epochs of MNIST",
            steps: 100 * 938,
        },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(trainer(&settings_from(settings)?, seed)),
    data: TrainingData::Digits,
    log: OriginalLog::UdacityMnist,
    missing_switch: has_every_switch,
};

/// The settings of a run. The defaults are the course's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Real images per turn of the discriminator, and as many fakes.
    pub batch: usize,
    /// Size of the latents.
    pub latent: usize,
    /// The dropout rate in both networks.
    pub dropout: f64,
    /// beta1 of Adam.
    pub beta1: f64,
    /// Whether the images are shuffled anew for each epoch.
    pub shuffle: bool,
    /// The options of the trainer.
    #[serde(flatten)]
    pub options: TrainingOptions,
}

impl Default for Settings {
    fn default() -> Self {
        let options = TrainingOptions {
            label_smooth: 0.9,
            latent_kind: LatentKind::Uniform,
            d_learning_rate: 2e-3,
            g_learning_rate: 2e-3,
            ..TrainingOptions::default()
        };
        Self { batch: 64, latent: 100, dropout: 0.3, beta1: 0.9, shuffle: true, options }
    }
}

impl crate::Settings for Settings {
    fn preset(name: &str) -> Option<Self> {
        // The original is small enough for any CPU: only the number of steps differs.
        matches!(name, "original" | "cpu").then(Self::default)
    }

    fn check(&self) -> Result<(), SettingsError> {
        in_range("batch", self.batch as f64, 1.0, 4096.0)?;
        in_range("latent", self.latent as f64, 1.0, 4096.0)?;
        in_range("dropout", self.dropout, 0.0, 0.95)?;
        in_range("beta1", self.beta1, 0.0, 0.999_999)?;
        self.options.check_without_norm()
    }
}

/// The discriminator: three layers of shrinking width, and one output, the logit of the probability
/// that the image is real.
pub fn discriminator(s: &Settings, seed: u64) -> Network {
    let start = Network::new("discriminator", &[28, 28, 1], Dialect::Torch, seed)
        .spectral_norm(s.options.spectral_norm)
        .with("flatten", Flatten);
    hidden(start, [128, 64, 32], s.dropout).with("dense4", Dense::new(1))
}

/// The generator: three layers of growing width; a tanh gives values from -1 to 1.
pub fn generator(s: &Settings, seed: u64) -> Network {
    let start = Network::new("generator", &[s.latent], Dialect::Torch, seed);
    hidden(start, [32, 64, 128], s.dropout)
        .with("dense4", Dense::new(28 * 28))
        .with("tanh", Activation::Tanh)
        .with("reshape", Reshape(vec![28, 28, 1]))
}

fn hidden(start: Network, units: [usize; 3], dropout: f64) -> Network {
    (1..).zip(units).fold(start, |network, (number, units)| {
        network
            .with(&format!("dense{number}"), Dense::new(units))
            .with(&format!("lrelu{number}"), Activation::LeakyRelu(0.2))
            .with(&format!("dropout{number}"), Dropout(dropout))
    })
}

/// The trainer with these settings: the discriminator's losses on reals and fakes are added, and
/// fakes are made in training mode.
///
/// # Errors
/// When a setting is out of its range or contradicts another.
pub fn trainer(s: &Settings, seed: u64) -> Result<GanTrainer, SettingsError> {
    s.check()?;
    let (sampler, fakes) = (BatchSampler::new(s.shuffle, false), Fakes::Training);
    let spec = GanSpec { sampler, fakes, ..GanSpec::example("mnist", s.latent, s.batch, s.beta1) };
    GanTrainer::new(spec, &s.options, seed, || [discriminator(s, seed), generator(s, seed)])
}
