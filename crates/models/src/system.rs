//! [`System`]: what the trainer needs to know of a GAN, whichever it is; [`Sampler`]: how its pictures are made.

use core::fmt;

use kernels::Key;
use nn::{ForwardContext, Network, RngContext, State, StateError, Stateful};
use serde::{Deserialize, Serialize};
use tensor::{NonFinite, Tape, Tensor, Var};

use crate::trainer::lint::Remark;
use crate::trainer::spec::Range;

use crate::{MetricDescription, Mixture, StepMetrics};

/// A GAN that can be trained step by step, sampled, saved and restored.
///
/// Everything random in a system is drawn from streams keyed by (seed, name of the use, step), so a system has no
/// random state: step `t` on given weights is the same whenever and wherever it runs.
pub trait System {
    /// The name that is typed on the command line, such as `quickdraw`.
    fn name(&self) -> &'static str;

    /// Height, width and channels of the images that it learns from and draws. None if these are points of the plane: it then makes its
    /// reals itself ([`Plane`]).
    fn image_shape(&self) -> Option<[usize; 3]>;

    /// What the numbers are that [`step`](System::step) returns, in order: the columns of
    /// `metrics.csv`.
    fn metrics(&self) -> &'static [MetricDescription];

    /// How many real images of each domain a step learns from.
    fn batch_size(&self) -> usize;

    /// Which images the step number `step` (from 0) learns from, in order: a list for each domain of the data, of which
    /// `available` says how many images there are. A GAN that draws from latents has one domain; one that translates has
    /// two, A and B; one that makes its reals itself has none.
    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>>;

    /// One training step, number `step` (from 0), on the images that [`batch`](System::batch) chose: for each domain a tensor
    /// of shape (batch, height, width, channels) with values in [0, 1].
    ///
    /// # Errors
    /// [`NonFinite`] names the first value or gradient that was not a finite number. The networks and the optimisers
    /// are then as they were before the part of the step that failed.
    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, NonFinite>;

    /// What its pictures are made from, and how.
    fn samples(&self) -> Sampler<'_>;

    /// What it has grown to, such as `8x8`, if it grows.
    fn level(&self) -> Option<String> {
        None
    }

    /// Where, among these steps, one begins to need other memory and time than the one before: the first of them, and for a GAN that
    /// grows each at which blocks come or count fully. With each its name, such as `8x8, fading in`; empty if there is only one.
    fn stages(&self, steps: core::ops::Range<u64>) -> Vec<(u64, String)> {
        vec![(steps.start, String::new())]
    }

    /// What is worth knowing about these settings before the training.
    fn remarks(&self) -> Vec<Remark> {
        Vec::new()
    }

    /// The networks, for the summary, each with its name.
    fn networks(&self) -> Vec<&Network>;

    /// The parts that change while training: networks, optimisers, pools of images.
    fn parts(&self) -> Vec<&dyn Stateful>;

    /// The same, to be changed.
    fn parts_mut(&mut self) -> Vec<&mut dyn Stateful>;

    /// Everything that changes while training: weights, running statistics, optimiser state. (The step number is the
    /// caller's.)
    fn state(&self) -> State {
        State::of(self.parts())
    }

    /// Puts back what [`state`](System::state) returned.
    ///
    /// # Errors
    /// When a tensor is missing, is not expected here, or has another shape; nothing is changed then.
    fn restore(&mut self, state: &State) -> Result<(), StateError> {
        state.restore(self.parts_mut())
    }
}

/// How a system makes pictures.
pub enum Sampler<'a> {
    /// From random numbers.
    Latents(&'a dyn FromLatents),
    /// From other pictures.
    Images(&'a dyn Translate),
    /// From random numbers, and no pictures but points of the plane.
    Points(Plane<'a>),
}

/// Draws from latents.
pub trait FromLatents {
    /// The distribution of the latents: what lies between two of them depends on it.
    fn kind(&self) -> LatentKind;

    /// `count` latents from the stream named `stream` of `seed`, shape (count, latent). The first `n` of them do not
    /// depend on `count`.
    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor;

    /// Draws: `latents` of shape (n, latent) to images of shape (n, height, width, channels), values in [0, 1], or to points of shape
    /// (n, 2). An image does not depend on its neighbours in the batch.
    fn draw(&self, latents: &Tensor) -> Tensor;

    /// The same with the weights of the last step, where [`draw`](FromLatents::draw) takes their average over many steps. None
    /// where no average is kept.
    fn draw_raw(&self, _latents: &Tensor) -> Option<Tensor> {
        None
    }

    /// The way from latents to images in two steps, if there is a style between.
    fn styles(&self) -> Option<&dyn Styles> {
        None
    }
}

/// Draws from styles, which are made of latents: each layer takes one, the first ones decide about what is large, the last about what
/// is small.
pub trait Styles {
    /// The styles of latents of shape (n, latent): shape (n, style).
    fn styles_of(&self, latents: &Tensor) -> Tensor;

    /// The mean of the styles of all latents, shape (style).
    fn mean_style(&self) -> Tensor;

    /// How many layers take a style.
    fn layers(&self) -> usize;

    /// The network's own constant noise: for each layer that adds some its full name in a [`ForwardContext`](ForwardContext::inference_with) and the map,
    /// shape (1, h, w, 1).
    fn noise(&self) -> Vec<(String, Tensor)>;

    /// Images of the styles of each layer, all of shape (n, style): (n, height, width, channels), -1 for black, 1 for white, and a little
    /// beyond. They can be differentiated by the styles.
    ///
    /// # Panics
    /// When there is not a style for each layer.
    fn paint_styled(&self, ctx: &mut ForwardContext, styles: &[Var]) -> Var;

    /// Draws n images, of shape (n, height, width, channels), values in [0, 1], of the styles of each layer, all of shape (n, style).
    /// `noise` is the stream of what differs by chance from image to image; None for the network's own constant noise, by which an image
    /// does not depend on its neighbours in the batch.
    ///
    /// # Panics
    /// When there is not a style for each layer.
    fn draw_styled(&self, styles: &[Tensor], noise: Option<Key>) -> Tensor {
        let styles: Vec<Var> = styles.iter().cloned().map(Var::constant).collect();
        let images = match noise {
            None => self.paint_styled(&mut ForwardContext::inference(), &styles),
            Some(key) => {
                let draw = RngContext { seed: key.seed, step: u64::from(key.step), purpose: "fresh noise" };
                ForwardContext::training(&Tape::new(), draw).frozen(|ctx| self.paint_styled(ctx, &styles))
            }
        };
        Range::Symmetric.pictures(&images)
    }
}

/// Draws points of the plane from latents, and knows the truth about them.
#[derive(Clone, Copy)]
pub struct Plane<'a> {
    /// Where the reals lie.
    pub mixture: Mixture,
    /// Draws points, of shape (n, 2).
    pub sampler: &'a dyn FromLatents,
    /// Says how real points of shape (n, 2) are: a number for each, shape (n, 1).
    pub discriminator: &'a Network,
}

/// Translates pictures of one domain into the other.
pub trait Translate {
    /// `images` of shape (n, height, width, channels) in the other domain's style; all values in [0, 1]. A translation does not
    /// depend on its neighbours in the batch.
    fn translate(&self, direction: Direction, images: &Tensor) -> Tensor;
}

/// From which domain to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first domain to the second.
    AToB,
    /// From the second domain to the first.
    BToA,
}

impl Direction {
    /// The way back.
    pub fn reverse(self) -> Self {
        match self {
            Self::AToB => Self::BToA,
            Self::BToA => Self::AToB,
        }
    }
}

/// The distribution that latents are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LatentKind {
    /// Each number normal, with mean 0 and deviation 1.
    Normal,
    /// Each number uniform in [-1, 1).
    Uniform,
    /// Each number uniform, with mean 0 and deviation 1: in [-sqrt(3), sqrt(3)).
    UnitUniform,
    /// Normal, then scaled to the length sqrt(latent): points of a sphere, evenly.
    Sphere,
}

impl LatentKind {
    /// `count` latents of `size` numbers from the stream `key`, shape (count, size). The first `n` of them do not depend on
    /// `count`.
    pub fn draw(self, count: usize, size: usize, key: Key) -> Tensor {
        let shape = [count, size];
        let mut latents = match self {
            Self::Uniform => nn::init::uniform(&shape, -1.0, 1.0, key),
            Self::UnitUniform => nn::init::uniform(&shape, -(3f64.sqrt()), 3f64.sqrt(), key),
            Self::Normal | Self::Sphere => nn::init::normal(&shape, 0.0, 1.0, key),
        };
        if self == Self::Sphere {
            for latent in latents.data_mut().chunks_exact_mut(size) {
                let square: f64 = latent.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
                let scale = (size as f64 / square).sqrt();
                latent.iter_mut().for_each(|x| *x = (f64::from(*x) * scale) as f32);
            }
        }
        latents
    }
}

/// The settings of a system: what its table in a run's `config.toml` holds.
pub trait Settings: Sized {
    /// The settings called `name`: `original` is that of the original program, `cpu` a smaller one.
    fn preset(name: &str) -> Option<Self>;

    /// Whether every setting is in its range.
    ///
    /// # Errors
    /// The first that is not.
    fn check(&self) -> Result<(), SettingsError>;
}

/// A setting out of its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// Which.
    pub key: &'static str,
    /// What it is, and what it may be.
    pub why: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.why)
    }
}

impl std::error::Error for SettingsError {}

/// Checks that a setting lies in [low, high].
pub(crate) fn in_range(key: &'static str, value: f64, low: f64, high: f64) -> Result<(), SettingsError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(SettingsError { key, why: format!("{value} is not in the allowed range {low} to {high}") })
}

/// `count` different indices below `available`, in random order, each set equally likely.
///
/// # Panics
/// When there are not so many.
pub(crate) fn distinct_indices(key: Key, count: usize, available: usize) -> Vec<usize> {
    rand::seq::index::sample(&mut key.draws(), available, count).into_vec()
}
