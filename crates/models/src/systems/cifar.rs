//! cifar: a convolutional GAN for one class of CIFAR-10, horses by default.
//!
//! The networks and the step are those of the example in *Deep Learning with Python* (Chollet,
//! 2017, section 8.5), in the Keras dialect, with its conventions: **the label 1 means fake and 0
//! real**, images are not shuffled, fakes and reals share a batch, and the labels are slightly
//! noisy. Two flaws of the original are corrected by default and can be restored: `seed_range`
//! (reals in [0, 1] against a tanh) and `seed_labels` (targets above 1).

use kernels::Padding;
use nn::layers::{Activation, Conv2d, ConvTranspose2d, Dense, Dropout, Flatten, Reshape};
use nn::{Dialect, Network, RmsProp};
use serde::{Deserialize, Serialize};

use crate::catalogue::{
    OriginalLog, Preset, SystemEntry, TrainingData, boxed, has_every_switch, preset_table, settings_from,
};
use crate::trainer::batch_sampler::BatchSampler;
use crate::trainer::common::CommonOptions;
use crate::trainer::gan::GanTrainer;
use crate::trainer::options::{Batches, Bce, NoiseDirection, TrainingOptions};
use crate::trainer::spec::{Fakes, GanSpec, Range};
use crate::trainer::update::{Schedule, Update};
use crate::{Settings as _, SettingsError, in_range};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "cifar",
    about: "32x32 photographs of one class, horses by default: convolutions without batch norm, RMSprop",
    presets: &[
        Preset { name: "cpu", about: "a quarter of the channels", steps: 2000 },
        Preset {
            name: "original",
            about: "the original network: batch 20, 10000 steps; days on a small CPU",
            steps: 10_000,
        },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(trainer(&settings_from(settings)?, seed)),
    data: TrainingData::Cifar10 { class: "horse" },
    log: OriginalLog::DeepLearningWithPython,
    missing_switch: has_every_switch,
};

/// The settings of a run. The defaults are the book's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Real images per turn of the discriminator, and as many fakes.
    pub batch: usize,
    /// Size of the latents.
    pub latent: usize,
    /// Channels of the generator's first map.
    pub first: usize,
    /// Channels of the generator's other maps.
    pub width: usize,
    /// Channels of the discriminator's maps.
    pub d_width: usize,
    /// The learning rates at update t = 0, 1, ... are divided by 1 + decay t.
    pub decay: f64,
    /// Whether the images are shuffled anew for each epoch.
    pub shuffle: bool,
    /// Whether the reals stay in [0, 1], as in the original, though the generator's outputs lie in
    /// [-1, 1].
    pub seed_range: bool,
    /// Whether label noise moves the targets of fakes above 1, as in the original, with the clipped
    /// loss, which accepts such targets.
    pub seed_labels: bool,
    /// The options of the trainer.
    #[serde(flatten)]
    pub options: TrainingOptions,
}

impl Default for Settings {
    fn default() -> Self {
        let options = TrainingOptions {
            fake_is_one: true,
            label_noise: 0.05,
            d_batches: Batches::Mixed,
            d_learning_rate: 8e-4,
            g_learning_rate: 4e-4,
            clip_value: 1.0,
            common: CommonOptions { d_dropout: 0.4, ..CommonOptions::default() },
            ..TrainingOptions::default()
        };
        Self {
            batch: 20,
            latent: 32,
            first: 128,
            width: 256,
            d_width: 128,
            decay: 1e-8,
            shuffle: false,
            seed_range: false,
            seed_labels: false,
            options,
        }
    }
}

impl crate::Settings for Settings {
    fn preset(name: &str) -> Option<Self> {
        match name {
            "original" => Some(Self::default()),
            "cpu" => Some(Self { first: 32, width: 64, d_width: 64, ..Self::default() }),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        in_range("batch", self.batch as f64, 1.0, 4096.0)?;
        in_range("latent", self.latent as f64, 1.0, 4096.0)?;
        in_range("first", self.first as f64, 1.0, 1024.0)?;
        in_range("width", self.width as f64, 1.0, 1024.0)?;
        in_range("d_width", self.d_width as f64, 1.0, 1024.0)?;
        in_range("decay", self.decay, 0.0, 1.0)?;
        self.options().check_without_norm()
    }
}

impl Settings {
    /// The trainer's options, including those implied by `seed_labels`.
    fn options(&self) -> TrainingOptions {
        let options = self.options.clone();
        if self.seed_labels {
            TrainingOptions { label_noise_way: NoiseDirection::Outward, bce: Bce::KerasClip, ..options }
        } else {
            options
        }
    }
}

/// The negative slope of every leaky ReLU: Keras' default.
const SLOPE: Activation = Activation::LeakyRelu(0.3);

/// The discriminator: four convolutions without padding, and a dense layer with the logit of the
/// probability that the image is fake.
pub fn discriminator(s: &Settings, seed: u64) -> Network {
    let conv = |kernel, stride| Conv2d::new(s.d_width, kernel).stride(stride).padding(Padding::Valid);
    Network::new("discriminator", &[32, 32, 3], Dialect::Keras, seed)
        .spectral_norm(s.options.spectral_norm)
        .with("conv1", conv(3, 1))
        .with("lrelu1", SLOPE)
        .with("conv2", conv(4, 2))
        .with("lrelu2", SLOPE)
        .with("conv3", conv(4, 2))
        .with("lrelu3", SLOPE)
        .with("conv4", conv(4, 2))
        .with("lrelu4", SLOPE)
        .with("flatten", Flatten)
        .with("dropout", Dropout(s.options.common.d_dropout.max(0.0)))
        .with("dense", Dense::new(1))
}

/// The generator: a small map of many channels, a transposed convolution that doubles its size, and
/// convolutions that smooth it.
pub fn generator(s: &Settings, seed: u64) -> Network {
    Network::new("generator", &[s.latent], Dialect::Keras, seed)
        .with("dense", Dense::new(16 * 16 * s.first))
        .with("lrelu1", SLOPE)
        .with("reshape", Reshape(vec![16, 16, s.first]))
        .with("conv1", Conv2d::new(s.width, 5))
        .with("lrelu2", SLOPE)
        .with("convt", ConvTranspose2d::new(s.width, 4).stride(2))
        .with("lrelu3", SLOPE)
        .with("conv2", Conv2d::new(s.width, 5))
        .with("lrelu4", SLOPE)
        .with("conv3", Conv2d::new(s.width, 5))
        .with("lrelu5", SLOPE)
        .with("conv4", Conv2d::new(3, 7))
        .with("tanh", Activation::Tanh)
}

/// The trainer with these settings.
///
/// # Errors
/// When a setting is out of range or contradicts another.
pub fn trainer(s: &Settings, seed: u64) -> Result<GanTrainer, SettingsError> {
    s.check()?;
    let spec = GanSpec {
        name: "cifar",
        latent: s.latent,
        batch: s.batch,
        g_batch: None,
        range: if s.seed_range { Range::Mismatched } else { Range::Symmetric },
        sampler: BatchSampler::new(s.shuffle, true),
        fakes: Fakes::Inference,
        update: Update::new(RmsProp { rho: 0.9, epsilon: 1e-7 }).schedule(Schedule::InverseTime { decay: s.decay }),
        generator_first: false,
    };
    GanTrainer::new(spec, &s.options(), seed, || [discriminator(s, seed), generator(s, seed)])
}
