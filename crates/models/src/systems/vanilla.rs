//! vanilla: the original GAN algorithm, with k updates of the discriminator per update of the
//! generator (Goodfellow et al., "Generative adversarial nets", 2014).
//!
//! There are two pairs of networks: the multi-layer perceptrons of Keras-GAN, in the Keras dialect,
//! and the paper's own for MNIST, with a maxout discriminator and gradient descent with momentum.
//! One initial value differs from the paper's program: the bias of the generator's last layer
//! starts at 0, not at the logit of each pixel's mean over the data, because networks are built
//! here before any data is read.

use nn::layers::{Activation, BatchNorm, Dense, Dropout, Flatten, Maxout, Reshape};
use nn::{AdamTf, Dialect, Initializer, Network, Sgd};
use serde::{Deserialize, Serialize};

use crate::catalogue::{
    OriginalLog, Preset, SystemEntry, TrainingData, boxed, has_every_switch, preset_table, settings_from,
};
use crate::trainer::batch_sampler::BatchSampler;
use crate::trainer::gan::GanTrainer;
use crate::trainer::options::{Batches, Loss, TrainingOptions};
use crate::trainer::spec::{Fakes, GanSpec, Range};
use crate::trainer::update::{Schedule, Update};
use crate::{LatentKind, Settings as _, SettingsError, in_range};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "vanilla",
    about: "28x28 digits: the first GAN's algorithm, k discriminator updates per generator update",
    presets: &[
        Preset {
            name: "cpu",
            about: "Keras-GAN's multi-layer perceptrons, batch 128, 20 epochs of MNIST",
            steps: 20 * 469,
        },
        Preset { name: "original", about: "the same networks with batches of 5, 13 epochs", steps: 13 * 12_000 },
        Preset {
            name: "paper",
            about: "the paper's network: a maxout discriminator, momentum, batch 100",
            steps: 20 * 600,
        },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(trainer(&settings_from(settings)?, seed)),
    data: TrainingData::Digits,
    log: OriginalLog::KerasGan,
    missing_switch: has_every_switch,
};

/// The settings of a run. The defaults are Keras-GAN's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The networks.
    pub net: Net,
    /// Images per update of the generator. With `net = "mlp"` the discriminator gets the same
    /// number in total, half of them real; with `net = "paper"` it gets this many reals and this
    /// many fakes.
    pub batch: usize,
    /// Height and width of the images.
    pub size: usize,
    /// 1 for grey images, 3 for colour, 4 for colour with transparency.
    pub channels: usize,
    /// Size of the latents.
    pub latent: usize,
    /// beta1 of Adam (`net = "mlp"`).
    pub beta1: f64,
    /// The momentum reaches 0.7 after this many updates (`net = "paper"`).
    pub momentum_steps: u64,
    /// The options of the trainer.
    #[serde(flatten)]
    pub options: TrainingOptions,
}

/// The networks and their optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Net {
    /// Leaky ReLUs and batch normalisation, Adam.
    Mlp,
    /// ReLUs against maxout and dropout, gradient descent with momentum.
    Paper,
}

impl Default for Settings {
    fn default() -> Self {
        let options = TrainingOptions { d_batches: Batches::TwoUpdates, ..TrainingOptions::default() };
        let (net, momentum_steps) = (Net::Mlp, 150_000);
        Self { net, batch: 128, size: 28, channels: 1, latent: 100, beta1: 0.5, momentum_steps, options }
    }
}

impl crate::Settings for Settings {
    fn preset(name: &str) -> Option<Self> {
        match name {
            "original" => Some(Self { batch: 5, ..Self::default() }),
            "cpu" => Some(Self::default()),
            "paper" => {
                let options = TrainingOptions {
                    loss: Loss::Nonsaturating,
                    latent_kind: LatentKind::Uniform,
                    d_batches: Batches::Mixed,
                    d_learning_rate: 0.1,
                    g_learning_rate: 0.1,
                    ..TrainingOptions::default()
                };
                Some(Self { net: Net::Paper, batch: 100, options, ..Self::default() })
            }
            _ => None,
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        in_range("batch", self.batch as f64, 2.0, 4096.0)?;
        in_range("size", self.size as f64, 4.0, 256.0)?;
        in_range("channels", self.channels as f64, 1.0, 4.0)?;
        in_range("latent", self.latent as f64, 1.0, 4096.0)?;
        in_range("beta1", self.beta1, 0.0, 0.999_999)?;
        in_range("momentum_steps", self.momentum_steps as f64, 1.0, 1e12)?;
        self.options.check_without_norm()
    }
}

impl Settings {
    fn image(&self) -> Vec<usize> {
        vec![self.size, self.size, self.channels]
    }

    fn pixels(&self) -> usize {
        self.size * self.size * self.channels
    }
}

/// The discriminator.
pub fn discriminator(s: &Settings, seed: u64) -> Network {
    let start = Network::new("discriminator", &s.image(), Dialect::Keras, seed)
        .spectral_norm(s.options.spectral_norm)
        .with("flatten", Flatten);
    match s.net {
        Net::Mlp => start
            .with("dense1", Dense::new(512))
            .with("lrelu1", Activation::LeakyRelu(0.2))
            .with("dense2", Dense::new(256))
            .with("lrelu2", Activation::LeakyRelu(0.2))
            .with("dense3", Dense::new(1)),
        Net::Paper => {
            let dense = |units| Dense::new(units).weight_init(within(0.005));
            start
                .with("dropout1", Dropout(0.2))
                .with("dense1", dense(240 * 5))
                .with("maxout1", Maxout(5))
                .with("dropout2", Dropout(0.5))
                .with("dense2", dense(240 * 5))
                .with("maxout2", Maxout(5))
                .with("dropout3", Dropout(0.5))
                .with("dense3", dense(1))
        }
    }
}

/// The generator.
pub fn generator(s: &Settings, seed: u64) -> Network {
    let start = Network::new("generator", &[s.latent], Dialect::Keras, seed);
    let body = match s.net {
        Net::Mlp => (1..)
            .zip([256, 512, 1024])
            .fold(start, |network, (number, units)| {
                network
                    .with(&format!("dense{number}"), Dense::new(units))
                    .with(&format!("lrelu{number}"), Activation::LeakyRelu(0.2))
                    .with(&format!("bn{number}"), BatchNorm::with_momentum(0.8))
            })
            .with("dense4", Dense::new(s.pixels()))
            .with("tanh", Activation::Tanh),
        Net::Paper => {
            let dense = |units| Dense::new(units).weight_init(within(0.05));
            start
                .with("dense1", dense(1200))
                .with("relu1", Activation::Relu)
                .with("dense2", dense(1200))
                .with("relu2", Activation::Relu)
                .with("dense3", dense(s.pixels()))
                .with("sigmoid", Activation::Sigmoid)
        }
    };
    body.with("reshape", Reshape(s.image()))
}

fn within(bound: f64) -> Initializer {
    Initializer::Uniform { bound }
}

/// The trainer with these settings.
///
/// # Errors
/// When a setting is out of its range or contradicts another.
pub fn trainer(s: &Settings, seed: u64) -> Result<GanTrainer, SettingsError> {
    s.check()?;
    let (batch, g_batch, range, update) = match s.net {
        Net::Mlp => {
            let adam = AdamTf { beta1: s.beta1, beta2: 0.999, epsilon: 1e-7 };
            (s.batch / 2, Some(s.batch), Range::Symmetric, Update::new(adam))
        }
        Net::Paper => {
            let momentum = [0.5, 0.7];
            let schedule =
                Schedule::Exponential { factor: 1.000_004, floor: 1e-6, momentum, updates: s.momentum_steps };
            let sgd = Sgd { momentum: momentum[0], nesterov: false };
            (s.batch, None, Range::Unit, Update::new(sgd).schedule(schedule))
        }
    };
    let spec = GanSpec {
        name: "vanilla",
        latent: s.latent,
        batch,
        g_batch,
        range,
        sampler: BatchSampler::new(true, true),
        fakes: Fakes::Inference,
        update,
        generator_first: false,
    };
    GanTrainer::new(spec, &s.options, seed, || [discriminator(s, seed), generator(s, seed)])
}
