//! wgan-gp: Wasserstein GANs with a gradient penalty (Gulrajani, Ahmed, Arjovsky, Dumoulin and
//! Courville, "Improved training of Wasserstein GANs", 2017), in the authors' variants for digits,
//! for colour images of 32x32, and for points in the plane, where the critic can be plotted.
//!
//! The critic's output is not a probability but a score: its mean over the reals minus its mean
//! over the fakes estimates their Wasserstein distance, provided that the critic is 1-Lipschitz,
//! which the [penalty](crate::trainer::options::TrainingOptions) enforces. A well-trained critic
//! gives a better estimate, so it gets several updates per update of the generator: five here.

use kernels::TransposedPadding;
use nn::layers::{
    Activation, AveragePool2d, BatchNorm, Conv2d, ConvTranspose2d, Crop2d, Dense, Flatten, GlobalMean, LayerNorm,
    Reshape, Residual, UpSampling2d,
};
use nn::{Dialect, InitScheme, Initializer, Network};
use serde::{Deserialize, Serialize};

use crate::catalogue::{
    OriginalLog, Preset, SystemEntry, TrainingData, boxed, has_every_switch, preset_table, settings_from,
};
use crate::strided::LEAKY;
use crate::trainer::gan::GanTrainer;
use crate::trainer::options::{Loss, TrainingOptions};
use crate::trainer::spec::{Fakes, GanSpec, Range};
use crate::trainer::update::{Schedule, Update};
use crate::{Mixture, Settings as _, SettingsError, in_range};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "wgan-gp",
    about: "Wasserstein GANs with a gradient penalty, for 28x28 digits, 32x32 colour images, or points in the plane",
    presets: &[
        Preset { name: "cpu", about: "the authors' network for digits, half the channels", steps: 2000 },
        Preset { name: "original", about: "the authors' network for digits: batch 50, 200,000 steps", steps: 200_000 },
        Preset { name: "cpu32", about: "32x32, colour, half the channels of cifar", steps: 3000 },
        Preset {
            name: "cifar",
            about: "the authors' network for CIFAR-10: layer normalisation, 200,000 steps",
            steps: 200_000,
        },
        Preset {
            name: "gauss8",
            about: "no images: points in the plane, in 8 clusters; 128 units per layer, batch 256",
            steps: 15_000,
        },
        Preset { name: "gauss25", about: "the same with 25 clusters", steps: 20_000 },
        Preset {
            name: "gauss8-wide",
            about: "8 clusters with the authors' networks, 512 units per layer",
            steps: 100_000,
        },
        Preset { name: "resnet", about: "the authors' residual networks for CIFAR-10, 100,000 steps", steps: 100_000 },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(trainer(&settings_from(settings)?, seed)),
    data: TrainingData::Any,
    log: OriginalLog::ByName,
    missing_switch: has_every_switch,
};

/// The settings of a run. The defaults are the authors' for digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The networks.
    pub variant: Variant,
    /// Real images per update of the critic, and as many fakes.
    pub batch: usize,
    /// Channels of the layer next to the image; for residual networks, channels of every block; for
    /// points, units of each layer.
    pub width: usize,
    /// Size of the latents.
    pub latent: usize,
    /// beta1 of Adam.
    pub beta1: f64,
    /// Which 7x7 pixels the generator for digits keeps after its first transposed convolution.
    pub window: Window,
    /// The options of the trainer.
    #[serde(flatten)]
    pub options: TrainingOptions,
}

/// A pair of networks of the authors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// For MNIST, 28x28, grey.
    Mnist,
    /// For CIFAR-10, 32x32, colour: convolutions with layer normalisation.
    Cifar,
    /// For CIFAR-10: residual blocks; the generator learns from twice as many fakes, and the
    /// learning rate falls to 0 within 100,000 steps.
    Resnet,
    /// For points in the plane in eight modes on a circle.
    Gauss8,
    /// For points in the plane in twenty-five modes on a grid.
    Gauss25,
}

/// Which 7x7 pixels of the output of a transposed convolution of 4x4, with kernel size 5 and stride
/// 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// The authors' choice: the 8x8 pixels of TensorFlow's SAME padding without the last row and
    /// column.
    Cropped,
    /// The central 7x7, one pixel further down and to the right: for runs older than this setting.
    Centred,
}

impl Variant {
    /// The distribution of the reals, if they are points.
    fn mixture(self) -> Option<Mixture> {
        match self {
            Self::Gauss8 => Some(Mixture::Ring8),
            Self::Gauss25 => Some(Mixture::Grid25),
            Self::Mnist | Self::Cifar | Self::Resnet => None,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let options = TrainingOptions {
            loss: Loss::Wasserstein,
            gradient_penalty: 10.0,
            k: 5,
            d_learning_rate: 1e-4,
            g_learning_rate: 1e-4,
            ..TrainingOptions::default()
        };
        let window = Window::Cropped;
        Self { variant: Variant::Mnist, batch: 50, width: 64, latent: 128, beta1: 0.5, window, options }
    }
}

impl crate::Settings for Settings {
    fn preset(name: &str) -> Option<Self> {
        let digits = Self::default();
        let colour = Self { variant: Variant::Cifar, batch: 64, ..digits.clone() };
        let points = || {
            let options = TrainingOptions { gradient_penalty: 0.1, ..digits.options.clone() };
            Self { variant: Variant::Gauss8, batch: 256, width: 128, latent: 2, options, ..digits.clone() }
        };
        match name {
            "original" => Some(digits),
            "cpu" => Some(Self { width: 32, ..digits }),
            "cifar" => Some(colour),
            "gauss8" => Some(points()),
            "gauss8-wide" => Some(Self { width: 512, ..points() }),
            "gauss25" => Some(Self { variant: Variant::Gauss25, ..points() }),
            "cpu32" => Some(Self { width: 32, ..colour }),
            "resnet" => {
                let options = TrainingOptions { d_learning_rate: 2e-4, g_learning_rate: 2e-4, ..digits.options };
                Some(Self { variant: Variant::Resnet, width: 128, beta1: 0.0, options, ..colour })
            }
            _ => None,
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        in_range("batch", self.batch as f64, 1.0, 4096.0)?;
        in_range("width", self.width as f64, 1.0, 512.0)?;
        in_range("latent", self.latent as f64, 1.0, 4096.0)?;
        in_range("beta1", self.beta1, 0.0, 0.999_999)?;
        if self.variant.mixture().is_some() && !self.options.common.diff_augment.is_empty() {
            let why = "it changes images, but this variant learns from points: leave it empty";
            return Err(SettingsError { key: "diff_augment", why: why.into() });
        }
        self.options.check_without_norm()
    }
}

/// The authors' initial values: Glorot's uniform weights for dense layers and shortcuts, biases 0.
/// (For other convolutions, see [`he_glorot`].)
const INIT: InitScheme = InitScheme {
    weight: Initializer::GlorotUniform,
    bias: Initializer::Constant(0.0),
    scale: Initializer::Constant(1.0),
};

/// Uniform weights of standard deviation sqrt(4 / (fan in + fan out)): twice Glorot's variance, as
/// He et al. derive for ReLUs. With a stride, the fan on the large side counts only the taps that
/// touch one pixel.
fn he_glorot([small, large]: [usize; 2], kernel: usize, stride: usize) -> Initializer {
    let taps = (kernel * kernel) as f64;
    let fans = taps * (large as f64 + small as f64 / (stride * stride) as f64);
    Initializer::Uniform { bound: (12.0 / fans).sqrt() }
}

/// A convolution of kernel size 5 and stride 2, for an input of `from` channels.
fn halving(from: usize, filters: usize) -> Conv2d {
    Conv2d::new(filters, 5).stride(2).weight_init(he_glorot([filters, from], 5, 2))
}

/// A transposed convolution of kernel size 5 and stride 2, for an input of `from` channels.
fn doubling(from: usize, filters: usize) -> ConvTranspose2d {
    ConvTranspose2d::new(filters, 5).stride(2).weight_init(he_glorot([from, filters], 5, 2))
}

/// A convolution of kernel size 3 and stride 1, for an input of `from` channels.
fn keeping(from: usize, filters: usize) -> Conv2d {
    Conv2d::new(filters, 3).weight_init(he_glorot([from, filters], 3, 1))
}

/// A 1x1 convolution, for shortcuts.
fn pixelwise(filters: usize) -> Conv2d {
    Conv2d::new(filters, 1)
}

/// The critic.
pub fn critic(s: &Settings, seed: u64) -> Network {
    let image: &[usize] = match s.variant {
        Variant::Mnist => &[28, 28, 1],
        Variant::Cifar | Variant::Resnet => &[32, 32, 3],
        Variant::Gauss8 | Variant::Gauss25 => &[2],
    };
    let network =
        Network::new("critic", image, Dialect::Torch, seed).with_init(INIT).spectral_norm(s.options.spectral_norm);
    match s.variant {
        Variant::Resnet => residual_critic(network, s.width),
        Variant::Gauss8 | Variant::Gauss25 => hidden(network, s.width).with("dense4", Dense::new(1)),
        Variant::Mnist | Variant::Cifar => {
            let normalised = s.variant == Variant::Cifar;
            let plain = network.with("conv1", halving(image[2], s.width)).with("lrelu1", LEAKY);
            let layers = (2..=3).fold(plain, |network, number| {
                let from = s.width << (number - 2);
                let network = network.with(&format!("conv{number}"), halving(from, 2 * from));
                let network =
                    if normalised { network.with(&format!("ln{number}"), LayerNorm::default()) } else { network };
                network.with(&format!("lrelu{number}"), LEAKY)
            });
            layers.with("flatten", Flatten).with("dense", Dense::new(1))
        }
    }
}

/// The three hidden layers of both networks for points, with He's initial weights (2015).
fn hidden(network: Network, width: usize) -> Network {
    (1..=3).fold(network, |network, number| {
        let dense = Dense::new(width).weight_init(Initializer::KaimingUniform { slope: 0.0 });
        network.with(&format!("dense{number}"), dense).with(&format!("relu{number}"), Activation::Relu)
    })
}

fn residual_critic(network: Network, width: usize) -> Network {
    let first = Residual::new()
        .with("conv1", keeping(3, width))
        .with("relu", Activation::Relu)
        .with("conv2", keeping(width, width))
        .with("pool", AveragePool2d([2, 2]))
        .shortcut("pool", AveragePool2d([2, 2]))
        .shortcut("conv", pixelwise(width));
    let block = || {
        Residual::new()
            .with("relu1", Activation::Relu)
            .with("conv1", keeping(width, width))
            .with("relu2", Activation::Relu)
            .with("conv2", keeping(width, width))
    };
    let down = block().with("pool", AveragePool2d([2, 2]));
    network
        .with("res1", first)
        .with("res2", down.shortcut("conv", pixelwise(width)).shortcut("pool", AveragePool2d([2, 2])))
        .with("res3", block())
        .with("res4", block())
        .with("relu", Activation::Relu)
        .with("mean", GlobalMean)
        .with("dense", Dense::new(1))
}

/// The generator.
pub fn generator(s: &Settings, seed: u64) -> Network {
    let (network, width) = (Network::new("generator", &[s.latent], Dialect::Torch, seed).with_init(INIT), s.width);
    let widest = [4, 4, 4 * width];
    let dense = Dense::new(widest.iter().product());
    match s.variant {
        Variant::Gauss8 | Variant::Gauss25 => hidden(network, width).with("dense4", Dense::new(2)),
        Variant::Mnist => {
            let small =
                network.with("dense", dense).with("relu1", Activation::Relu).with("reshape", Reshape(widest.to_vec()));
            let first = doubling(4 * width, 2 * width);
            let seven = match s.window {
                Window::Cropped => {
                    small.with("convt1", first).with("relu2", Activation::Relu).with("crop", Crop2d([7, 7]))
                }
                Window::Centred => small.with("convt1", first.padding(SEVEN)).with("relu2", Activation::Relu),
            };
            seven
                .with("convt2", doubling(2 * width, width))
                .with("relu3", Activation::Relu)
                .with("convt3", doubling(width, 1))
                .with("sigmoid", Activation::Sigmoid)
        }
        Variant::Cifar => network
            .with("dense", dense)
            .with("bn1", BatchNorm::default())
            .with("relu1", Activation::Relu)
            .with("reshape", Reshape(widest.to_vec()))
            .with("convt1", doubling(4 * width, 2 * width))
            .with("bn2", BatchNorm::default())
            .with("relu2", Activation::Relu)
            .with("convt2", doubling(2 * width, width))
            .with("bn3", BatchNorm::default())
            .with("relu3", Activation::Relu)
            .with("convt3", doubling(width, 3))
            .with("tanh", Activation::Tanh),
        Variant::Resnet => {
            let start = network.with("dense", Dense::new(4 * 4 * width)).with("reshape", Reshape(vec![4, 4, width]));
            let block = || {
                Residual::new()
                    .with("bn1", BatchNorm::default())
                    .with("relu1", Activation::Relu)
                    .with("up", UpSampling2d([2, 2]))
                    .with("conv1", keeping(width, width))
                    .with("bn2", BatchNorm::default())
                    .with("relu2", Activation::Relu)
                    .with("conv2", keeping(width, width))
                    .shortcut("up", UpSampling2d([2, 2]))
                    .shortcut("conv", pixelwise(width))
            };
            (1..=3)
                .fold(start, |network, number| network.with(&format!("res{number}"), block()))
                .with("bn", BatchNorm::default())
                .with("relu", Activation::Relu)
                .with("conv", keeping(width, 3))
                .with("tanh", Activation::Tanh)
        }
    }
}

const SEVEN: TransposedPadding = TransposedPadding::Explicit { padding: [2, 2], output_padding: [0, 0] };

/// The trainer with these settings: the critic gets `k` updates, each on new reals and latents; the
/// generator is updated after them.
///
/// # Errors
/// When a setting is out of its range or contradicts another.
pub fn trainer(s: &Settings, seed: u64) -> Result<GanTrainer, SettingsError> {
    s.check()?;
    let spec = GanSpec::example("wgan-gp", s.latent, s.batch, s.beta1);
    let adam = Update::adam(s.beta1, 0.9);
    let spec = GanSpec { fakes: Fakes::Training, update: adam, ..spec };
    let range = s.variant.mixture().map_or(spec.range, Range::Points);
    let spec = match s.variant {
        Variant::Mnist => GanSpec { range: Range::Unit, ..spec },
        Variant::Cifar | Variant::Gauss8 | Variant::Gauss25 => GanSpec { range, ..spec },
        Variant::Resnet => GanSpec {
            range: Range::Dequantised,
            g_batch: Some(2 * s.batch),
            update: adam.schedule(Schedule::Linear { steps: 100_000 }),
            ..spec
        },
    };
    GanTrainer::new(spec, &s.options, seed, || [critic(s, seed), generator(s, seed)])
}
