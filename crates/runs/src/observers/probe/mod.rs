//! [`Probe`]: numbers about a training step that are not among its metrics: what the discriminators
//! answered, how strongly each layer learns, and how diverse a fixed set of fakes is.
//!
//! A probe is taken of the first steps 1, 4, 16, ..., of every `probe_every`th step and of the last
//! one. The step computes the same numbers as any other: [`collect`](collector::collect) only
//! listens to the events of [`nn::observe`], and the fakes are drawn in inference from latents of
//! their own. The probes are written to `layers.csv`, `scores.csv`, `fakes.csv` and, for points,
//! `modes.csv` of the run folder ([`files`]).

pub(crate) mod collector;
pub(crate) mod fakes;
pub(crate) mod files;

use models::System;
use tensor::Tensor;

use crate::data::Dataset;
use crate::failure::Failure;
use crate::observers::TrainingContext;
use collector::Collected;
use fakes::FixedFakes;
pub(crate) use fakes::{images_of, lower, spread};

/// What a probe has found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Probe {
    /// The step, from 1.
    pub(crate) step: u64,
    /// For each discriminator, its outputs in the step.
    pub(crate) scores: Vec<Scores>,
    /// The layers that the step has trained, and their activations.
    pub(crate) layers: Vec<Layer>,
    /// Statistics of the fixed fakes after the step: one entry, or one per direction of a
    /// translation.
    pub(crate) fakes: Vec<Fakes>,
    /// What each discriminator saw, if it sees images. Not in the files.
    pub(crate) seen: Vec<Seen>,
}

/// The first images of a discriminator's (last) update of the step, as it received them: augmented,
/// with noise, of shape (n, height, width, channels) in [0, 1].
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// The discriminator.
    pub(crate) discriminator: String,
    pub(crate) reals: Option<Tensor>,
    pub(crate) fakes: Option<Tensor>,
}

/// The outputs of a discriminator during its (last) update of the step, before that update.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scores {
    /// Its name: `discriminator`.
    pub(crate) discriminator: String,
    /// Its raw outputs (logits or scores) on reals. A discriminator of patches has several outputs
    /// per image.
    pub(crate) reals: Vec<f32>,
    /// The same on fakes.
    pub(crate) fakes: Vec<f32>,
}

/// A layer with weights, or an activation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layer {
    /// The network: `discriminator`.
    pub(crate) network: String,
    /// The layer: `conv1`.
    pub(crate) layer: String,
    /// For a layer with weights, the norms of its (last) update.
    pub(crate) norms: Option<Norms>,
    /// For a ReLU, the share of channels (units of a dense layer) that were 0 for every image and
    /// pixel of the step: no gradient reaches their weights.
    pub(crate) dead: Option<f64>,
    /// For a sigmoid or tanh, the share of outputs at which the derivative is below 1% of its
    /// maximum.
    pub(crate) saturated: Option<f64>,
}

/// Euclidean norms over all weights of a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Norms {
    /// Of the gradient, before clipping.
    pub(crate) gradient: f64,
    /// Of the weights, after the update.
    pub(crate) weight: f64,
    /// Of the change of the weights.
    pub(crate) update: f64,
}

/// A number about the fakes beside the same number about reals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) fakes: f64,
    pub(crate) reals: f64,
}

impl Pair {
    /// The fakes' number relative to that of the reals.
    pub(crate) fn ratio(self) -> f64 {
        self.fakes / self.reals
    }
}

/// Statistics of the fixed fakes. All are NaN where a fake is not finite.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fakes {
    /// `fakes`, or the direction of a translation: `A to B`.
    pub(crate) of: String,
    /// The number of fakes.
    pub(crate) count: usize,
    /// The mean Euclidean distance between two images (of at most 32x32 pixels, larger ones are
    /// reduced).
    pub(crate) distance: Pair,
    /// The smallest value of a pixel (or coordinate).
    pub(crate) minimum: Pair,
    /// The largest.
    pub(crate) maximum: Pair,
    /// The power at the highest frequency of rows and columns, where checkerboards show; None for
    /// points.
    pub(crate) nyquist: Option<Pair>,
    /// The median distance of a fake to the nearest training image, and of a training image to
    /// the nearest other one, among a fixed part of the data. None if there are fewer than two
    /// training images.
    pub(crate) nearest: Option<Pair>,
    /// For points, the number of modes of the mixture that they cover: those nearest to at least
    /// two of them.
    pub(crate) modes: Option<Pair>,
}

/// Whether the probe of this step is one of every `every` steps, or an early one: depends only on
/// the number of the step. That of the last step may be none of these.
pub(crate) fn is_regular(step: u64, every: u64) -> bool {
    let power_of_four = step.is_power_of_two() && step.trailing_zeros().is_multiple_of(2);
    every > 0 && step.is_multiple_of(every) || step < every && power_of_four
}

/// Takes the probes of a training run.
pub(crate) struct Prober<'a> {
    every: u64,
    seed: u64,
    data: &'a Dataset,
    /// Drawn at the first probe.
    fixed: Option<FixedFakes>,
}

impl<'a> Prober<'a> {
    /// The prober of a run; None if its configuration wants no probes.
    pub(crate) fn open(training: &TrainingContext<'a>) -> Option<Self> {
        let every = training.config.probe_every();
        (every > 0).then(|| Self { every, seed: training.config.seed(), data: training.data, fixed: None })
    }

    /// Whether step number `step` (from 1) of `total` is probed.
    pub(crate) fn is_due(&self, step: u64, total: u64) -> bool {
        is_regular(step, self.every) || step == total
    }

    /// The probe of step number `step`, which has just been done and observed.
    ///
    /// # Errors
    /// When an image of the data cannot be read.
    pub(crate) fn probe(&mut self, step: u64, system: &dyn System, seen: Collected) -> Result<Probe, Failure> {
        let fixed = match &mut self.fixed {
            Some(fixed) => fixed,
            None => self.fixed.insert(FixedFakes::new(self.seed, self.data, system)?),
        };
        let Collected { scores, layers, seen } = seen;
        Ok(Probe { step, scores, layers, fakes: fixed.statistics(system, self.data)?, seen })
    }
}

#[cfg(test)]
mod tests;
