//! [`PicturesGan`]: a small convolutional GAN for pictures of 28 x 28 pixels.
//!
//! The generator is that of quickdraw with a quarter of its channels, and the discriminator has two
//! convolutions. Both are small enough to train in a browser within minutes. Ink is 1, paper 0.

use kernels::Key;
use kernels::random::{index, words};
use nn::layers::{Activation, BatchNorm, Conv2d, ConvTranspose2d, Dense, Dropout, Flatten, Reshape, UpSampling2d};
use nn::losses::{logistic_discriminator, logistic_generator};
use nn::{Dialect, ForwardContext, Network, Optimizer, State};
use tensor::{NonFinite, Options, Tape, Tensor, grad};

use crate::adversaries::{self, Adversaries};
use crate::doodle::{Doodle, SIDE};
use crate::session::Step;
use crate::settings::{Choice, Kind, SEED, Setting, Settings, number};

/// Pixels of a picture.
pub const PIXELS: usize = SIDE * SIDE;
/// Built-in pictures of each kind.
pub const BUILT_IN: usize = 1000;

const RATES: &[f64] = &[0.0002, 0.0005, 0.001, 0.002, 0.005];

/// The settings of the GAN for pictures.
pub(crate) static SETTINGS: [Setting; 8] = [
    Setting {
        key: "data",
        label: "Pictures",
        about: "What the GAN learns to draw.",
        kind: Kind::Choice(&[
            Choice::new("digits", "Digits", "A thousand handwritten digits, drawn by Backdraw itself."),
            Choice::new("apples", "Apples", "A thousand doodles of apples, drawn by Backdraw itself."),
            Choice::new(
                "doodles",
                "Your doodles",
                "Draw a few pictures of one thing. The GAN sees each of them shifted by a pixel or two.",
            ),
        ]),
        live: false,
    },
    Setting {
        key: "d_rate",
        label: "Learning rate of D",
        about: "Higher: D notices flaws sooner. Too high: it is certain of everything, and G learns nothing.",
        kind: number(0.0005, 0.0, 1.0, false, RATES),
        live: true,
    },
    Setting {
        key: "g_rate",
        label: "Learning rate of G",
        about: "Higher: pictures change faster. Too high: all of them look alike.",
        kind: number(0.001, 0.0, 1.0, false, RATES),
        live: true,
    },
    Setting {
        key: "k",
        label: "Turns of D per step",
        about: "More turns keep D ahead of G, at the cost of time.",
        kind: number(1.0, 1.0, 10.0, true, &[1.0, 2.0, 3.0]),
        live: true,
    },
    Setting {
        key: "g_turns",
        label: "Turns of G per step",
        about: "More than one lets G exploit a D that stands still.",
        kind: number(1.0, 1.0, 10.0, true, &[1.0, 2.0, 5.0]),
        live: true,
    },
    Setting {
        key: "batch",
        label: "Batch",
        about: "Reals per turn, and as many fakes. Larger: steadier, and slower.",
        kind: number(32.0, 2.0, 256.0, true, &[16.0, 32.0, 64.0]),
        live: false,
    },
    Setting {
        key: "latent",
        label: "Latents",
        about: "Numbers from which G makes a picture. Each has a slider below.",
        kind: number(8.0, 1.0, 64.0, true, &[2.0, 4.0, 8.0, 16.0]),
        live: false,
    },
    SEED,
];

/// The generator: `latent` numbers become a 7 x 7 map, which is up-sampled twice.
pub(crate) fn generator(latent: usize, seed: u64) -> Network {
    let norm = || BatchNorm::with_momentum(0.9);
    Network::new("generator", &[latent], Dialect::Keras, seed)
        .with("dense", Dense::new(7 * 7 * 32))
        .with("relu1", Activation::LeakyRelu(0.2))
        .with("reshape", Reshape(vec![7, 7, 32]))
        .with("up1", UpSampling2d([2, 2]))
        .with("convt1", ConvTranspose2d::new(16, 5))
        .with("norm1", norm())
        .with("relu2", Activation::Relu)
        .with("up2", UpSampling2d([2, 2]))
        .with("convt2", ConvTranspose2d::new(8, 5))
        .with("norm2", norm())
        .with("relu3", Activation::Relu)
        .with("conv", Conv2d::new(1, 5))
        .with("sigmoid", Activation::Sigmoid)
}

fn discriminator(seed: u64) -> Network {
    Network::new("discriminator", &[SIDE, SIDE, 1], Dialect::Keras, seed)
        .with("conv1", Conv2d::new(16, 5).stride(2))
        .with("relu1", Activation::LeakyRelu(0.2))
        .with("dropout1", Dropout(0.3))
        .with("conv2", Conv2d::new(32, 5).stride(2))
        .with("relu2", Activation::LeakyRelu(0.2))
        .with("dropout2", Dropout(0.3))
        .with("flatten", Flatten)
        .with("dense", Dense::new(1))
}

/// The approximate multiply-adds of a turn of the discriminator and of one of the generator.
pub(crate) fn work(settings: &Settings) -> [f64; 2] {
    // Pixels of the map that a convolution writes, times its channels, times 5 x 5.
    let discriminator = 25.0 * (14.0 * 14.0 * 16.0 + 7.0 * 7.0 * 16.0 * 32.0);
    let generator = 25.0 * (14.0 * 14.0 * 32.0 * 16.0 + 28.0 * 28.0 * (16.0 * 8.0 + 8.0));
    adversaries::work(settings, [discriminator, generator], 0.0)
}

/// The GAN for pictures.
pub struct PicturesGan {
    both: Adversaries,
    reals: Reals,
}

/// What the GAN learns from.
enum Reals {
    /// PIXELS bytes each, 255 for ink.
    BuiltIn(Vec<u8>),
    Doodles(Vec<Doodle>),
}

impl Reals {
    /// A batch chosen by the stream `key`, shape (count, SIDE, SIDE, 1).
    fn batch(&self, count: usize, key: Key) -> Tensor {
        let mut batch = Tensor::zeros([count, SIDE, SIDE, 1]);
        for (number, picture) in batch.data_mut().chunks_exact_mut(PIXELS).enumerate() {
            let [which, right, down, _] = words(key, number as u32);
            match self {
                Self::BuiltIn(bytes) => {
                    let first = index(which, bytes.len() / PIXELS) * PIXELS;
                    let bytes = &bytes[first..first + PIXELS];
                    picture.iter_mut().zip(bytes).for_each(|(ink, byte)| *ink = f32::from(*byte) / 255.0);
                }
                Self::Doodles(doodles) => {
                    let away = [right, down].map(|word| index(word, 9) as f32 * 0.5 - 2.0);
                    doodles[index(which, doodles.len())].draw(away, picture);
                }
            }
        }
        batch
    }
}

impl PicturesGan {
    /// # Errors
    /// When there is nothing to learn from.
    pub(crate) fn new(settings: &Settings, pictures: &[u8], doodles: &[Doodle]) -> Result<Self, String> {
        let reals = match settings.word("data") {
            "doodles" if doodles.is_empty() => return Err("there are no doodles to learn from: draw some first".into()),
            "doodles" => Reals::Doodles(doodles.to_vec()),
            word if pictures.len() < PIXELS => return Err(format!("the pictures of {word} are missing")),
            _ => Reals::BuiltIn(pictures.to_vec()),
        };
        let seed = settings.count("seed") as u64;
        let networks = [discriminator(seed), generator(settings.count("latent"), seed)];
        let optimizers = [&networks[0], &networks[1]].map(|network| Optimizer::adam(network, 0.0, 0.5, 0.999));
        Ok(Self { both: Adversaries::new(settings, networks, optimizers), reals })
    }

    /// The state from which the hash is calculated.
    pub fn state(&self) -> State {
        self.both.state()
    }

    /// The turns of the discriminator and of the generator so far.
    pub fn turns(&self) -> [u64; 2] {
        self.both.turns
    }

    /// The size of the latents.
    pub fn latent(&self) -> usize {
        self.both.latent
    }

    /// The generator.
    pub fn generator(&self) -> &Network {
        &self.both.generator
    }

    /// One turn of the discriminator.
    ///
    /// # Errors
    /// When a value is not finite; nothing is changed then.
    pub(crate) fn discriminator_turn(&mut self, settings: &Settings) -> Result<Step, NonFinite> {
        let reals = self.reals.batch(self.both.batch, self.both.key("reals"));
        self.both.discriminator_turn(settings, reals, true, |_, _, outputs| {
            let loss = logistic_discriminator(&outputs.of_reals, &outputs.of_fakes);
            [loss.clone(), loss]
        })
    }

    /// One turn of the generator.
    ///
    /// # Errors
    /// When a value is not finite; nothing is changed then.
    pub(crate) fn generator_turn(&mut self, settings: &Settings) -> Result<Step, NonFinite> {
        self.both.generator_turn(settings, true, logistic_generator)
    }

    /// The latents of the sheet that the page shows, shape (count, latent).
    pub(crate) fn sheet_latents(&self, count: usize) -> Tensor {
        self.both.shown_latents(count)
    }

    /// `count` reals for display.
    pub(crate) fn reals(&self, count: usize) -> Tensor {
        self.reals.batch(count, self.both.shown_reals())
    }
}

/// The gradient of the ink of one pixel of the picture of `latents`, shape (1, latent), with
/// respect to these: shape (1, latent).
pub fn slopes(generator: &Network, latents: &Tensor, pixel: usize) -> Tensor {
    let tape = Tape::new();
    let latents = tape.variable("latents", latents.clone());
    let picture = generator.forward(&mut ForwardContext::inference(), &latents);
    let ink = picture.reshape([PIXELS]).slice(0, pixel..pixel + 1).sum();
    grad(&ink, &[latents], Options::default()).remove(0).into_value()
}
