//! dcgan: deep convolutional GANs (Radford, Metz and Chintala, "Unsupervised representation
//! learning with deep convolutional generative adversarial networks", 2016), in five variants.

use kernels::{Padding, TransposedPadding};
use nn::layers::{Activation, BatchNorm, Conv2d, ConvTranspose2d, Dense, Flatten, Reshape};
use nn::{Dialect, InitScheme, Network};
use serde::{Deserialize, Serialize};

use crate::catalogue::{
    OriginalLog, Preset, SystemEntry, TrainingData, boxed, has_every_switch, preset_table, settings_from,
};
use crate::strided::{LEAKY, Strided, biased_halving, doubling, halving, normalised};
use crate::trainer::batch_sampler::BatchSampler;
use crate::trainer::gan::GanTrainer;
use crate::trainer::options::TrainingOptions;
use crate::trainer::spec::{Fakes, GanSpec};
use crate::trainer::update::Update;
use crate::{LatentKind, Settings as _, SettingsError, in_range};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "dcgan",
    about: "deep convolutional GANs for images of 28, 32 or 64 pixels, grey or colour, in five variants",
    presets: &[
        Preset { name: "cpu", about: "PyTorch's example for 64x64, a quarter of the channels", steps: 5000 },
        Preset { name: "original", about: "PyTorch's example: 64x64, batch 64, 25 epochs of CelebA", steps: 25 * 3165 },
        Preset { name: "mnist28", about: "28x28, grey", steps: 3000 },
        Preset { name: "cpu32", about: "32x32, colour, half the channels of cifar32", steps: 6000 },
        Preset { name: "cifar32", about: "32x32, colour, batch 128, 25 epochs of CIFAR-10", steps: 25 * 390 },
        Preset { name: "svhn", about: "32x32, Udacity's network for house numbers, 50 epochs", steps: 50 * 572 },
        Preset { name: "radford", about: "64x64, the paper's network, batch 128", steps: 25 * 1582 },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(trainer(&settings_from(settings)?, seed)),
    data: TrainingData::Any,
    log: OriginalLog::PyTorchDcgan,
    missing_switch: has_every_switch,
};

/// The settings of a run. The defaults are those of PyTorch's example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The networks and the order of a step.
    pub variant: Variant,
    /// Real images per turn of the discriminator, and as many fakes.
    pub batch: usize,
    /// 1 for grey images, 3 for colour, 4 for colour with transparency.
    pub channels: usize,
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

/// A published DCGAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// PyTorch's example, 64x64.
    Official,
    /// The authors' program, 64x64: kernels of size 5, the generator is updated first, and the two
    /// networks take alternate mini-batches.
    Radford,
    /// Udacity's version for house numbers, 32x32.
    Svhn,
    /// A version for CIFAR-10, 32x32.
    Cifar32,
    /// A version for MNIST, 28x28.
    Mnist28,
}

impl Default for Settings {
    fn default() -> Self {
        let (variant, channels, width) = (Variant::Official, 3, 64);
        Self { variant, batch: 64, channels, width, latent: 100, beta1: 0.5, options: TrainingOptions::default() }
    }
}

impl crate::Settings for Settings {
    fn preset(name: &str) -> Option<Self> {
        let plain = Self::default();
        let uniform = TrainingOptions { latent_kind: LatentKind::Uniform, ..TrainingOptions::default() };
        match name {
            "original" => Some(plain),
            "cpu" => Some(Self { width: 16, ..plain }),
            "radford" => Some(Self { variant: Variant::Radford, batch: 128, width: 128, options: uniform, ..plain }),
            "svhn" => Some(Self { variant: Variant::Svhn, batch: 128, width: 32, options: uniform, ..plain }),
            "cifar32" => Some(Self { variant: Variant::Cifar32, batch: 128, ..plain }),
            "cpu32" => Some(Self { variant: Variant::Cifar32, width: 32, ..plain }),
            "mnist28" => Some(Self { variant: Variant::Mnist28, channels: 1, ..plain }),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        in_range("batch", self.batch as f64, 2.0, 4096.0)?;
        in_range("channels", self.channels as f64, 1.0, 4.0)?;
        in_range("width", self.width as f64, 1.0, 512.0)?;
        in_range("latent", self.latent as f64, 1.0, 4096.0)?;
        in_range("beta1", self.beta1, 0.0, 0.999_999)?;
        self.options.check()
    }
}

impl Settings {
    /// Height and width of the images.
    pub fn size(&self) -> usize {
        match self.variant {
            Variant::Official | Variant::Radford => 64,
            Variant::Svhn | Variant::Cifar32 => 32,
            Variant::Mnist28 => 28,
        }
    }

    fn strided(&self) -> Strided {
        let Self { channels, latent, width, .. } = *self;
        let TrainingOptions { spectral_norm, d_norm: norm, .. } = self.options;
        let init = if self.variant == Variant::Svhn { Dialect::Torch.init_scheme() } else { InitScheme::dcgan() };
        Strided { size: self.size(), channels, latent, width, init, spectral_norm, norm }
    }
}

/// The discriminator.
pub fn discriminator(s: &Settings, seed: u64) -> Network {
    match s.variant {
        Variant::Official | Variant::Cifar32 => s.strided().discriminator(seed),
        Variant::Mnist28 => s.strided().discriminator_with_dense_end(seed),
        Variant::Radford => radford_discriminator(s, seed),
        Variant::Svhn => course_discriminator(&s.strided(), seed),
    }
}

/// The generator.
pub fn generator(s: &Settings, seed: u64) -> Network {
    match s.variant {
        Variant::Official | Variant::Cifar32 | Variant::Mnist28 => s.strided().generator(seed),
        Variant::Radford => radford_generator(s, seed),
        Variant::Svhn => course_generator(&s.strided(), seed),
    }
}

fn radford_discriminator(s: &Settings, seed: u64) -> Network {
    let conv = |filters| Conv2d::new(filters, 5).stride(2).padding(Padding::Explicit([2; 4]));
    let start = Network::new("discriminator", &[64, 64, s.channels], Dialect::Torch, seed)
        .with_init(InitScheme::dcgan())
        .spectral_norm(s.options.spectral_norm)
        .with("conv1", conv(s.width).without_bias())
        .with("lrelu1", LEAKY);
    (2..=4)
        .fold(start, |network, number| normalised(network, number, conv(s.width << (number - 1)), s.options.d_norm))
        .with("flatten", Flatten)
        .with("dense", Dense::new(1).without_bias())
}

fn radford_generator(s: &Settings, seed: u64) -> Network {
    let padding = TransposedPadding::Explicit { padding: [2, 2], output_padding: [1, 1] };
    let convt = |filters| ConvTranspose2d::new(filters, 5).stride(2).padding(padding).without_bias();
    let start = Network::new("generator", &[s.latent], Dialect::Torch, seed)
        .with_init(InitScheme::dcgan())
        .with("dense", Dense::new(4 * 4 * 8 * s.width).without_bias())
        .with("bn1", BatchNorm::default())
        .with("relu1", Activation::Relu)
        .with("reshape", Reshape(vec![4, 4, 8 * s.width]));
    (2..=4)
        .fold(start, |network, number| {
            network
                .with(&format!("convt{number}"), convt((8 * s.width) >> (number - 1)))
                .with(&format!("bn{number}"), BatchNorm::default())
                .with(&format!("relu{number}"), Activation::Relu)
        })
        .with("convt5", convt(s.channels))
        .with("tanh", Activation::Tanh)
}

/// The discriminator of Udacity's course for images of 32x32, shared by its house numbers and its
/// faces: three convolutions of stride 2, and a dense layer.
pub(crate) fn course_discriminator(c: &Strided, seed: u64) -> Network {
    let first = Network::new("discriminator", &[32, 32, c.channels], Dialect::Torch, seed)
        .with_init(c.init)
        .spectral_norm(c.spectral_norm)
        .with("conv1", halving(c.width))
        .with("lrelu1", LEAKY);
    (2..=3)
        .fold(first, |network, number| normalised(network, number, biased_halving(c.width << (number - 1)), c.norm))
        .with("flatten", Flatten)
        .with("dense", Dense::new(1))
}

/// The generator of the course: a dense layer without an activation, and three transposed
/// convolutions of stride 2.
pub(crate) fn course_generator(c: &Strided, seed: u64) -> Network {
    Network::new("generator", &[c.latent], Dialect::Torch, seed)
        .with_init(c.init)
        .with("dense", Dense::new(4 * 4 * 4 * c.width))
        .with("reshape", Reshape(vec![4, 4, 4 * c.width]))
        .with("convt1", doubling(2 * c.width))
        .with("bn1", BatchNorm::default())
        .with("relu1", Activation::Relu)
        .with("convt2", doubling(c.width))
        .with("bn2", BatchNorm::default())
        .with("relu2", Activation::Relu)
        .with("convt3", doubling(c.channels))
        .with("tanh", Activation::Tanh)
}

/// The trainer with these settings. In PyTorch's example the generator learns from the same fakes
/// as the discriminator; the course generates new ones; the paper's authors give the generator one
/// mini-batch and the discriminator the next.
///
/// # Errors
/// When a setting is out of its range or contradicts another.
pub fn trainer(s: &Settings, seed: u64) -> Result<GanTrainer, SettingsError> {
    s.check()?;
    let example = GanSpec::example("dcgan", s.latent, s.batch, s.beta1);
    let spec = match s.variant {
        Variant::Official | Variant::Cifar32 | Variant::Mnist28 => example,
        Variant::Svhn => GanSpec { fakes: Fakes::Training, ..example },
        Variant::Radford => GanSpec {
            fakes: Fakes::Training,
            generator_first: true,
            sampler: BatchSampler::new(true, true).skipping(),
            update: Update { weight_decay: 1e-5, ..example.update },
            ..example
        },
    };
    GanTrainer::new(spec, &s.options, seed, || [discriminator(s, seed), generator(s, seed)])
}
