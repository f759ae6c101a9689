//! The steps of a [`GanTrainer`], and its implementation of [`System`].

use std::sync::Arc;

use nn::{Communicator, ForwardContext, Network, StepError};
use tensor::{Tensor, Var};

use super::{DiscriminatorTurn, GanTrainer, GeneratorTurn};
use crate::step_metrics::{
    D_ACC, D_FAKE, D_LOSS, D_REAL, G_ACC, G_FAKE, G_LOSS, GRADIENT_NORM, MetricDescription, PENALTY, StepMetrics,
    W_DISTANCE,
};
use crate::trainer::lint::{self, Remark};
use crate::trainer::services::{sampled, sampled_in};
use crate::trainer::spec::{Fakes, Range};
use crate::{FromLatents, LatentKind, LossScale, Plane, Sampler, SettingsError, System};

/// The metrics of a step. Those of the discriminator are means over its turns in the step; those of
/// the generator are from its last turn. The last three exist only with a gradient penalty.
const METRICS: [MetricDescription; 10] =
    [D_LOSS, D_ACC, G_LOSS, G_ACC, D_REAL, D_FAKE, G_FAKE, PENALTY, GRADIENT_NORM, W_DISTANCE];

impl GanTrainer {
    /// All turns of the discriminator in a step: the mean of their reports, and the latents of the
    /// last turn's fakes.
    fn discriminator_turns(&mut self, step: u64, reals: &Tensor) -> Result<(DiscriminatorTurn, Tensor), StepError> {
        let (k, rows) = (self.options.k, reals.shape()[0]);
        let (mut mean, mut last) = (DiscriminatorTurn::default(), None);
        for part in 0..k {
            let (from, to) = (rows * part / k, rows * (part + 1) / k);
            let turn = step * k as u64 + part as u64;
            let latents =
                self.services.at_turn(step, turn).latents("discriminator latents", self.services.whole(to - from));
            let report = self.train_discriminator(turn, &reals.rows(from..to), &latents)?;
            let share = 1.0 / k as f64;
            mean.loss += report.loss * share;
            mean.accuracy += report.accuracy * share;
            mean.real += report.real * share;
            mean.fake += report.fake * share;
            mean.penalty += report.penalty * share;
            mean.gradient_norm += report.gradient_norm * share;
            last = Some(latents);
        }
        Ok((mean, last.expect("there is at least one turn")))
    }

    /// All turns of the generator in a step, the first one on the latents `first`, if given.
    /// Returns the report of the last turn.
    fn generator_turns(
        &mut self,
        step: u64,
        count: usize,
        mut first: Option<Tensor>,
    ) -> Result<GeneratorTurn, StepError> {
        let mut report = GeneratorTurn::default();
        let turns = self.options.g_steps as u64;
        for turn in step * turns..(step + 1) * turns {
            let fresh = || self.services.at_turn(step, turn).latents("generator latents", count);
            let latents = first.take().unwrap_or_else(fresh);
            report = self.train_generator(turn, &latents)?;
        }
        Ok(report)
    }

    /// Applies `make` to the rows of each turn of the discriminator, and concatenates the results.
    pub(super) fn map_turns(&self, rows: &Tensor, make: impl Fn(usize, Tensor) -> Tensor) -> Tensor {
        let (k, count) = (self.options.k, rows.shape()[0]);
        let made = (0..k).map(|part| make(part, rows.rows(count * part / k..count * (part + 1) / k)));
        made.reduce(|all, more| all.concat(&more)).expect("there is at least one turn")
    }

    /// The reals of a step in the networks' range: `images`, or points that the system draws.
    fn reals(&self, step: u64, images: &[Tensor]) -> Tensor {
        let (at, k) = (self.services.at(step), self.options.k);
        match self.spec.mixture() {
            Some(mixture) => {
                let points = mixture.points(self.batch_size(), at.key("reals"));
                if at.has_ranks() { self.map_turns(&points, |_, points| at.own(points)) } else { points }
            }
            // Each shard has its own noise.
            None if self.spec.range == Range::Dequantised && self.options.common.shards > 1 => {
                self.map_turns(&images[0], |part, images| {
                    let at = self.services.at_turn(step, step * k as u64 + part as u64);
                    at.map_rows(&images, |at, images| self.spec.range.reals(images, at.key("reals")))
                })
            }
            None => self.spec.range.reals(&images[0], at.key("reals")),
        }
    }

    /// Images in [0, 1] that the network makes from latents.
    fn sampled(&self, generator: &Network, latents: &Tensor) -> Tensor {
        self.spec.range.outward(sampled(generator, latents, self.options.g_dropout_at_sampling))
    }
}

impl System for GanTrainer {
    fn name(&self) -> &'static str {
        self.spec.name
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        self.discriminator.input_shape().try_into().ok()
    }

    fn metrics(&self) -> &'static [MetricDescription] {
        if self.options.penalised() { &METRICS } else { &METRICS[..7] }
    }

    fn batch_size(&self) -> usize {
        self.spec.batch * self.options.k
    }

    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>> {
        if self.spec.mixture().is_some() {
            return Vec::new();
        }
        let (k, seed) = (self.options.k as u64, self.services.seed());
        let turn =
            |turn| self.services.own_images(&self.spec.sampler.mini_batch(seed, turn, self.spec.batch, available[0]));
        vec![(step * k..(step + 1) * k).flat_map(turn).collect()]
    }

    fn share(&mut self, ranks: Arc<dyn Communicator>) -> Result<(), SettingsError> {
        self.services.share(ranks)
    }

    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, StepError> {
        let reals = self.reals(step, reals);
        self.matched = self.options.feature_matching.then(|| reals.clone());
        let count = self.spec.g_batch.unwrap_or(self.services.whole(reals.shape()[0]) / self.options.k);
        let (d, g) = if self.spec.generator_first {
            let g = self.generator_turns(step, count, None)?;
            (self.discriminator_turns(step, &reals)?.0, g)
        } else {
            let (d, latents) = self.discriminator_turns(step, &reals)?;
            let shared = (self.spec.fakes == Fakes::Shared).then_some(latents);
            (d, self.generator_turns(step, count, shared)?)
        };
        if let Some(average) = &mut self.average {
            self.services.at(step).average([average], [&self.generator], (count, step));
        }
        let mut values = vec![d.loss, d.accuracy, g.loss, g.accuracy, d.real, d.fake, g.fake];
        if self.options.penalised() {
            values.extend([d.penalty, d.gradient_norm, d.real - d.fake]);
        }
        Ok(StepMetrics::new(self.metrics(), values))
    }

    fn discriminate(&self, _domain: usize, images: &Var) -> Option<Var> {
        let images = self.spec.range.inward_var(images);
        let score = || self.discriminator.forward(&mut ForwardContext::inference(), &images);
        self.spec.mixture().is_none().then(score)
    }

    fn samples(&self) -> Sampler<'_> {
        match self.spec.mixture() {
            Some(mixture) => Sampler::Points(Plane { mixture, sampler: self, discriminator: &self.discriminator }),
            None => Sampler::Latents(self),
        }
    }

    fn loss_scale(&self) -> Option<LossScale> {
        Some(self.options.loss_scale())
    }

    fn remarks(&self) -> Vec<Remark> {
        lint::remarks(&self.spec, &self.options, &self.discriminator, &self.generator)
    }

    fn networks(&self) -> Vec<&Network> {
        vec![&self.discriminator, &self.generator]
    }

    parts!(discriminator, generator, average, discriminator_optimizer, generator_optimizer, pool, ada);
}

impl FromLatents for GanTrainer {
    fn kind(&self) -> LatentKind {
        self.services.latent_kind()
    }

    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        self.services.sample_latents(seed, stream, count)
    }

    fn draw(&self, latents: &Tensor) -> Tensor {
        self.sampled(self.average.as_ref().unwrap_or(&self.generator), latents)
    }

    fn forward(&self, ctx: &mut ForwardContext, latents: &Var) -> Result<Var, String> {
        let generator = self.average.as_ref().unwrap_or(&self.generator);
        let images = sampled_in(ctx, generator, latents, self.options.g_dropout_at_sampling)?;
        Ok(self.spec.range.outward_var(images))
    }

    fn draw_raw(&self, latents: &Tensor) -> Option<Tensor> {
        self.average.is_some().then(|| self.sampled(&self.generator, latents))
    }
}
