//! [`System`]: what the trainer needs to know of a GAN, whichever it is.

use core::fmt;

use kernels::Key;
use nn::{Network, State, StateError};
use tensor::{NonFinite, Tensor};

/// A GAN that can be trained step by step, sampled, saved and restored.
///
/// Everything random in a system is drawn from streams keyed by (seed, name of the use, step), so a system has no
/// random state: step `t` on given weights is the same whenever and wherever it runs.
pub trait System {
    /// The name that is typed on the command line, such as `quickdraw`.
    fn name(&self) -> &'static str;

    /// Height, width and channels of the images that it learns from and draws.
    fn image_shape(&self) -> [usize; 3];

    /// Names of the numbers that [`step`](System::step) returns, in order: the columns of `metrics.csv`.
    fn metrics(&self) -> &'static [&'static str];

    /// How many real images a step learns from.
    fn batch_size(&self) -> usize;

    /// Which images of a data set of `available` the step number `step` (from 0) learns from, in order.
    fn batch(&self, step: u64, available: usize) -> Vec<usize>;

    /// One training step, number `step` (from 0), on `reals`: shape (batch, height, width, channels), values in [0, 1].
    ///
    /// # Errors
    /// [`NonFinite`] names the first value or gradient that was not a finite number. The networks and the optimisers
    /// are then as they were before the part of the step that failed.
    fn step(&mut self, step: u64, reals: &Tensor) -> Result<Vec<f64>, NonFinite>;

    /// Draws: `latents` of shape (n, latent) to images of shape (n, height, width, channels), values in [0, 1].
    fn draw(&self, latents: &Tensor) -> Tensor;

    /// `count` latents from the stream named `stream` of `seed`, shape (count, latent). The first `n` of them do not
    /// depend on `count`.
    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor;

    /// The networks, for the summary, each with its name.
    fn networks(&self) -> Vec<&Network>;

    /// Everything that changes while training: weights, running statistics, optimiser state. (The step number is the
    /// caller's.)
    fn state(&self) -> State;

    /// Puts back what [`state`](System::state) returned.
    ///
    /// # Errors
    /// When a tensor is missing, is not expected here, or has another shape; nothing is changed then.
    fn restore(&mut self, state: &State) -> Result<(), StateError>;
}

/// The settings of a system: what its table in a run's `config.toml` holds.
pub trait Settings: Sized {
    /// The settings called `name`: `seed` is the original's, `cpu` a smaller one.
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
