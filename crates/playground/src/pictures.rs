//! [`PicturesGan`]: a small convolutional GAN for pictures of 28 x 28 pixels.
//!
//! The generator is that of quickdraw with a quarter of its channels, and the discriminator has two
//! convolutions. Both are small enough to train in a browser within minutes. Ink is 1, paper 0.

use kernels::Key;
use kernels::random::{index, words};
use models::LatentKind;
use nn::layers::{Activation, BatchNorm, Conv2d, ConvTranspose2d, Dense, Dropout, Flatten, Reshape, UpSampling2d};
use nn::losses::{logistic_discriminator, logistic_generator};
use nn::{Dialect, ForwardContext, Network, Optimizer, RngContext, State, Stateful, differentiate};
use tensor::{NonFinite, Options, Tape, Tensor, Var, grad};

use crate::doodle::{Doodle, SIDE};
use crate::session::Step;
use crate::settings::{Choice, Kind, Setting, Settings};

/// Pixels of a picture.
pub const PIXELS: usize = SIDE * SIDE;
/// Built-in pictures of each kind.
pub const BUILT_IN: usize = 1000;

const fn number(default: f64, low: f64, high: f64, whole: bool, offered: &'static [f64]) -> Kind {
    Kind::Number { default, low, high, whole, offered }
}

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
    Setting {
        key: "seed",
        label: "Seed",
        about: "The start of all random numbers. The same seed and settings give the same weights, bit for bit.",
        kind: number(1.0, 0.0, 1e9, true, &[1.0, 2.0, 3.0, 4.0, 5.0]),
        live: false,
    },
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

/// The two networks, their optimisers, and the turns so far.
pub struct PicturesGan {
    seed: u64,
    batch: usize,
    latent: usize,
    reals: Reals,
    discriminator: Network,
    generator: Network,
    d_optimizer: Optimizer,
    g_optimizer: Optimizer,
    turns: [u64; 2],
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
        let [seed, batch, latent] = ["seed", "batch", "latent"].map(|key| settings.count(key));
        let seed = seed as u64;
        let (discriminator, generator) = (discriminator(seed), generator(latent, seed));
        let [d_optimizer, g_optimizer] =
            [&discriminator, &generator].map(|network| Optimizer::adam(network, 0.0, 0.5, 0.999));
        Ok(Self { seed, batch, latent, reals, discriminator, generator, d_optimizer, g_optimizer, turns: [0, 0] })
    }

    /// The state from which the hash is calculated.
    pub fn state(&self) -> State {
        State::of([&self.discriminator as &dyn Stateful, &self.generator, &self.d_optimizer, &self.g_optimizer])
    }

    /// The turns of the discriminator and of the generator so far.
    pub fn turns(&self) -> [u64; 2] {
        self.turns
    }

    /// The size of the latents.
    pub fn latent(&self) -> usize {
        self.latent
    }

    /// The generator.
    pub fn generator(&self) -> &Network {
        &self.generator
    }

    /// One turn of the discriminator.
    ///
    /// # Errors
    /// When a value is not finite; nothing is changed then.
    pub(crate) fn discriminator_turn(&mut self, settings: &Settings) -> Result<Step, NonFinite> {
        let turn = self.turns[0];
        let key = |name| Key::named(self.seed, name).at(turn as u32);
        let reals = Var::constant(self.reals.batch(self.batch, key("reals")));
        let latents = Var::constant(LatentKind::Normal.draw(self.batch, self.latent, key("discriminator latents")));
        let random = RngContext { seed: self.seed, step: turn, purpose: "discriminator turn" };
        let (gradients, step) = differentiate(random, |ctx| {
            let fakes = ctx.frozen(|ctx| self.generator.forward(ctx, &latents)).detach();
            let [real, fake] = [&reals, &fakes].map(|pictures| self.discriminator.forward(ctx, pictures));
            let loss = logistic_discriminator(&real, &fake);
            let step = Step {
                d_loss: Some(f64::from(loss.item())),
                d_real: Some(f64::from(real.detach().mean().item())),
                d_fake: Some(f64::from(fake.detach().mean().item())),
                ..Step::default()
            };
            (loss, step)
        })?;
        self.d_optimizer.set_learning_rate(settings.number("d_rate"));
        self.d_optimizer.step(&mut self.discriminator, &gradients);
        self.turns[0] += 1;
        Ok(step)
    }

    /// One turn of the generator.
    ///
    /// # Errors
    /// When a value is not finite; nothing is changed then.
    pub(crate) fn generator_turn(&mut self, settings: &Settings) -> Result<Step, NonFinite> {
        let turn = self.turns[1];
        let key = Key::named(self.seed, "generator latents").at(turn as u32);
        let latents = Var::constant(LatentKind::Normal.draw(self.batch, self.latent, key));
        let random = RngContext { seed: self.seed, step: turn, purpose: "generator turn" };
        let (gradients, step) = differentiate(random, |ctx| {
            let fakes = self.generator.forward(ctx, &latents);
            let fake = ctx.frozen(|ctx| self.discriminator.forward(ctx, &fakes));
            let loss = logistic_generator(&fake);
            let step = Step { g_loss: Some(f64::from(loss.item())), ..Step::default() };
            (loss, step)
        })?;
        self.g_optimizer.set_learning_rate(settings.number("g_rate"));
        self.g_optimizer.step(&mut self.generator, &gradients);
        self.turns[1] += 1;
        Ok(step)
    }

    /// The latents of the sheet that the page shows, shape (count, latent).
    pub(crate) fn sheet_latents(&self, count: usize) -> Tensor {
        LatentKind::Normal.draw(count, self.latent, Key::named(self.seed, "shown latents"))
    }

    /// `count` reals for display.
    pub(crate) fn reals(&self, count: usize) -> Tensor {
        self.reals.batch(count, Key::named(self.seed, "shown reals"))
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
