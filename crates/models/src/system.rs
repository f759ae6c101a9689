//! [`System`]: the interface between a GAN and a training loop; [`Sampler`]: how images are made
//! with it.

use core::fmt;
use std::sync::Arc;

use kernels::Key;
use nn::{Communicator, ForwardContext, Network, RngContext, State, StateError, Stateful, StepError};
use serde::{Deserialize, Serialize};
use tensor::{Tape, Tensor, Var};

use crate::trainer::lint::{self, Remark};
use crate::trainer::spec::Range;

use crate::{LossScale, MetricDescription, Mixture, StepMetrics};

/// A GAN that can be trained step by step, sampled, saved and restored.
///
/// All random numbers of a system come from streams keyed by (seed, purpose, step), so a system has
/// no random state: step `t` with given weights always has the same result.
pub trait System {
    /// The name, such as `quickdraw`.
    fn name(&self) -> &'static str;

    /// Height, width and channels of the images that the system learns from and generates. None if
    /// it learns from points in the plane, which it draws itself ([`Plane`]).
    fn image_shape(&self) -> Option<[usize; 3]>;

    /// The descriptions of the metrics that [`step`](System::step) returns, in order: the columns
    /// of `metrics.csv`.
    fn metrics(&self) -> &'static [MetricDescription];

    /// The number of real images of each domain per step.
    fn batch_size(&self) -> usize;

    /// The indices of the images that step number `step` (from 0) learns from: one list per domain
    /// of the data; `available` is the number of images in each. A GAN that draws from latents has
    /// one domain; one that translates has two, A and B; one that draws its own reals has none. If
    /// [ranks share](System::share) the batch, these are the images of this rank.
    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>>;

    /// Runs training step `step` (from 0) on the images that [`batch`](System::batch) chose: for
    /// each domain a tensor of shape (batch, height, width, channels) with values in [0, 1].
    ///
    /// # Errors
    /// [`StepError::NonFinite`] names the first value or gradient that was not finite. The failed
    /// update is not applied to the networks and optimisers. With several ranks, also when another
    /// one cannot be reached.
    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, StepError>;

    /// Shares the work of each step with other ranks, processes that have the same system in the
    /// same state: each computes an equal part of the batch's shards (the setting `shards`). From
    /// then on all ranks must make the same [steps](System::step), each on its own
    /// [images](System::batch). They all get the same metrics and the same new state, that of a
    /// single process with the same number of shards.
    ///
    /// # Errors
    /// When the number of ranks does not divide that of the shards, or the system has no shards.
    fn share(&mut self, _ranks: Arc<dyn Communicator>) -> Result<(), SettingsError> {
        Err(SettingsError { key: "shards", why: format!("{} cannot be trained by several ranks", self.name()) })
    }

    /// The discriminator's raw outputs on images of shape (n, height, width, channels) in [0, 1],
    /// of the domain `domain`, in inference: shape (n, ...), differentiable with respect to the
    /// images. None if the system has no discriminator of images.
    fn discriminate(&self, _domain: usize, _images: &Var) -> Option<Var> {
        None
    }

    /// How images are generated with the system.
    fn samples(&self) -> Sampler<'_>;

    /// The resolution that a growing system has reached, such as `8x8`.
    fn level(&self) -> Option<String> {
        None
    }

    /// The first of these steps, and every later one at which the memory and time per step change:
    /// for a growing GAN, whenever blocks are added or fully faded in. Each comes with its name,
    /// such as `8x8, fading in`; the name is empty if there is only one stage.
    fn stages(&self, steps: core::ops::Range<u64>) -> Vec<(u64, String)> {
        vec![(steps.start, String::new())]
    }

    /// What the reported losses can be compared with; None if the discriminator's loss is none of
    /// the usual ones.
    fn loss_scale(&self) -> Option<LossScale> {
        None
    }

    /// The settings with which another run continues the schedule of this one after `steps` steps.
    /// A growing GAN goes on at the size that it has reached, and draws the same pictures at first;
    /// the schedules of other systems start again.
    fn schedule_after(&self, _steps: u64) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// The linter's remarks on the networks and the settings, for users to read before training.
    fn remarks(&self) -> Vec<Remark> {
        lint::of_system(&self.networks(), self.loss_scale(), self.batch_size())
    }

    /// The networks, for the summary.
    fn networks(&self) -> Vec<&Network>;

    /// The parts that training changes: networks, optimisers, image pools.
    fn parts(&self) -> Vec<&dyn Stateful>;

    /// The same parts, mutable.
    fn parts_mut(&mut self) -> Vec<&mut dyn Stateful>;

    /// Everything that training changes: weights, running statistics, optimiser state. (The caller
    /// stores the step number.)
    fn state(&self) -> State {
        State::of(self.parts())
    }

    /// Restores what [`state`](System::state) returned.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or of another shape; nothing is changed then.
    fn restore(&mut self, state: &State) -> Result<(), StateError> {
        state.restore(self.parts_mut())
    }
}

/// How images are generated with a system.
pub enum Sampler<'a> {
    /// From latents.
    Latents(&'a dyn FromLatents),
    /// From other images.
    Images(&'a dyn Translate),
    /// From latents, but points in the plane instead of images.
    Points(Plane<'a>),
}

/// Why a sampler without `forward` cannot be exported.
const NO_FORWARD: &str = "its sampler does not implement `forward`";

/// Generates images from latents.
pub trait FromLatents {
    /// The distribution of the latents, which decides how to interpolate between two of them.
    fn kind(&self) -> LatentKind;

    /// `count` latents from the stream named `stream` of `seed`, shape (count, latent). The first
    /// `n` latents do not depend on `count`.
    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor;

    /// Turns latents of shape (n, latent) into images of shape (n, height, width, channels) with
    /// values in [0, 1], or into points of shape (n, 2). An image does not depend on the others of
    /// its batch.
    fn draw(&self, latents: &Tensor) -> Tensor;

    /// The images that [`draw`](FromLatents::draw) makes, as a computation on `latents` in a
    /// context of inference, from which the generator can be exported. The first axis of all values
    /// is the batch. The default has no such computation.
    ///
    /// # Errors
    /// Why there is none: one clause, such as `its dropout draws random numbers`.
    fn forward(&self, _ctx: &mut ForwardContext, _latents: &Var) -> Result<Var, String> {
        Err(NO_FORWARD.into())
    }

    /// Like [`draw`](FromLatents::draw), with the weights of the last step instead of their moving
    /// average. None if there is no average.
    fn draw_raw(&self, _latents: &Tensor) -> Option<Tensor> {
        None
    }

    /// The two stages of a style-based generator, from latents to styles and from styles to images;
    /// None for other generators.
    fn styles(&self) -> Option<&dyn Styles> {
        None
    }
}

/// Generates images from styles, which a mapping network computes from latents. Each layer takes a
/// style: the first layers control coarse features, the last ones fine details.
pub trait Styles {
    /// The styles of latents of shape (n, latent): shape (n, style).
    fn styles_of(&self, latents: &Tensor) -> Tensor;

    /// The mean of the styles of all latents, shape (style).
    fn mean_style(&self) -> Tensor;

    /// The number of layers that take a style.
    fn layers(&self) -> usize;

    /// For each layer that takes a style, the weights of the affine maps from its style to scales
    /// (and shifts) of channels, side by side: shape (style, channels).
    fn style_weights(&self) -> Vec<Tensor>;

    /// The network's constant noise: for each layer that adds noise, the layer's full name in a
    /// [`ForwardContext`](ForwardContext::inference_with) and the noise map of shape (1, h, w, 1).
    fn noise(&self) -> Vec<(String, Tensor)>;

    /// Generates images from one style per layer, each of shape (n, style). The images have shape
    /// (n, height, width, channels), with values from -1 for black to 1 for white and a little
    /// beyond. They are differentiable with respect to the styles.
    ///
    /// # Panics
    /// When the number of styles is not that of the layers.
    fn paint_styled(&self, ctx: &mut ForwardContext, styles: &[Var]) -> Var;

    /// Generates images of shape (n, height, width, channels) with values in [0, 1] from one style
    /// per layer, each of shape (n, style). `noise` is the random stream of the noise; with None
    /// the network's constant noise is used, and an image does not depend on the others of its
    /// batch.
    ///
    /// # Panics
    /// When the number of styles is not that of the layers.
    fn draw_styled(&self, styles: &[Tensor], noise: Option<Key>) -> Tensor {
        let styles: Vec<Var> = styles.iter().cloned().map(Var::constant).collect();
        let images = match noise {
            None => self.paint_styled(&mut ForwardContext::inference(), &styles),
            Some(key) => {
                let rng = RngContext { seed: key.seed, step: u64::from(key.step), purpose: "fresh noise" };
                ForwardContext::training(&Tape::new(), rng).frozen(|ctx| self.paint_styled(ctx, &styles))
            }
        };
        Range::Symmetric.pictures(&images)
    }
}

/// Generates points in the plane, and knows the distribution of the reals.
#[derive(Clone, Copy)]
pub struct Plane<'a> {
    /// The distribution of the reals.
    pub mixture: Mixture,
    /// Generates points, shape (n, 2).
    pub sampler: &'a dyn FromLatents,
    /// The discriminator of points of shape (n, 2): its outputs have shape (n, 1).
    pub discriminator: &'a Network,
}

/// Translates images from one domain to the other.
pub trait Translate {
    /// The translations of `images` of shape (n, height, width, channels); all values are in [0,
    /// 1]. A translation has the size of its image, and does not depend on the other images of its
    /// batch.
    fn translate(&self, direction: Direction, images: &Tensor) -> Tensor;

    /// The sizes of images that can be translated; None if there is only that of the training
    /// images.
    fn sides(&self) -> Option<Sides> {
        None
    }

    /// What [`translate`](Translate::translate) does, as a computation on `images` in a context of
    /// inference, from which the generator can be exported. The default has no such computation.
    ///
    /// # Errors
    /// Why there is none: one clause.
    fn forward(&self, _ctx: &mut ForwardContext, _direction: Direction, _images: &Var) -> Result<Var, String> {
        Err(NO_FORWARD.into())
    }
}

/// The heights and widths of images that a network of convolutions can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// Height and width must be multiples of this, in pixels...
    pub multiple: usize,
    /// ...and at least this.
    pub least: usize,
}

impl Sides {
    /// The smallest allowed side that is not below `side`.
    pub fn at_least(self, side: usize) -> usize {
        side.max(self.least).next_multiple_of(self.multiple)
    }
}

/// The direction of a translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first domain to the second.
    AToB,
    /// From the second domain to the first.
    BToA,
}

impl Direction {
    /// The opposite direction.
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
    /// Each number is normal with mean 0 and standard deviation 1.
    Normal,
    /// Each number is uniform in [-1, 1).
    Uniform,
    /// Each number is uniform with mean 0 and standard deviation 1: in [-sqrt(3), sqrt(3)).
    UnitUniform,
    /// Normal, then scaled to the norm sqrt(latent): uniform on a sphere.
    Sphere,
}

impl LatentKind {
    /// `count` latents of `size` numbers from the stream `key`, shape (count, size). The first `n`
    /// latents do not depend on `count`.
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

/// The settings of a system: its table in a run's `config.toml`.
pub trait Settings: Sized {
    /// The preset called `name`: `original` is the original program's, `cpu` a smaller one.
    fn preset(name: &str) -> Option<Self>;

    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// The first setting out of its range.
    fn check(&self) -> Result<(), SettingsError>;
}

/// A setting that is out of range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// Its key.
    pub key: &'static str,
    /// Its value and the allowed range.
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
    let [value, low, high] = [value, low, high].map(short);
    Err(SettingsError { key, why: format!("{value} is not in the allowed range {low} to {high}") })
}

/// A number for people: one with many zeros in scientific notation.
fn short(number: f64) -> String {
    if number == 0.0 || (1e-4..1e9).contains(&number.abs()) { number.to_string() } else { format!("{number:e}") }
}

/// `count` distinct indices below `available` in random order; each set is equally likely.
///
/// # Panics
/// When `count` exceeds `available`.
pub(crate) fn distinct_indices(key: Key, count: usize, available: usize) -> Vec<usize> {
    rand::seq::index::sample(&mut key.draws(), available, count).into_vec()
}
