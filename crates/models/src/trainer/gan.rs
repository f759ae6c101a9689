//! [`GanTrainer`]: two networks that learn from each other, the step that the GANs with latents have in common.
//!
//! A system is a game with its own networks, rules (what makes it this system) and [`TrainingOptions`] (what a user may change). A step is
//! k turns of the discriminator, each on reals and latents of its own, then the turns of the generator.

use kernels::Key;
use nn::{ForwardContext, Gradients, Network, Optimizer, RngContext, Stateful, differentiate};
use tensor::{NonFinite, Tape, Tensor, Var};

use crate::step_metrics::{
    D_ACC, D_FAKE, D_LOSS, D_REAL, G_ACC, G_FAKE, G_LOSS, GRADIENT_NORM, MetricDescription, PENALTY, StepMetrics,
    W_DISTANCE,
};
use crate::trainer::adversarial::{Side, discriminator_loss, generator_loss, targets, told};
use crate::trainer::diff_augment::augmented;
use crate::trainer::image_pool::ImagePool;
use crate::trainer::lint;
use crate::trainer::options::{Batches, TrainingOptions};
use crate::trainer::penalty::{self, Penalty};
use crate::trainer::spec::{Fakes, GanSpec};
use crate::{FromLatents, LatentKind, Plane, Sampler, SettingsError, System};

/// The metrics of a step. Those of the discriminator are means over its updates of the step; those of
/// the generator belong to its last update. The last three exist only with a gradient penalty.
const METRICS: [MetricDescription; 10] =
    [D_LOSS, D_ACC, G_LOSS, G_ACC, D_REAL, D_FAKE, G_FAKE, PENALTY, GRADIENT_NORM, W_DISTANCE];

/// What a turn of the discriminator tells, before its update.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiscriminatorTurn {
    /// Its loss.
    pub loss: f64,
    /// The share of images that it put on the right side.
    pub accuracy: f64,
    /// How real it finds the reals, on average: a probability, or for losses without one the verdict itself.
    pub real: f64,
    /// How real it finds the fakes.
    pub fake: f64,
    /// What the penalties on its gradient add to the loss.
    pub penalty: f64,
    /// The mean length of its gradients by the images that were looked at; 0 without a penalty.
    pub gradient_norm: f64,
}

/// Of reals and of fakes the loss and what is [told] of the verdict; and of the penalty what it costs and the length of the gradients.
type Told = ([(f64, [f64; 2]); 2], [f64; 2]);

/// What a turn of the generator tells, before its update.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GeneratorTurn {
    /// Its loss.
    pub loss: f64,
    /// The share of fakes that the discriminator took for real.
    pub accuracy: f64,
    /// How real the discriminator finds the fakes, on average.
    pub fake: f64,
}

/// Two networks and all that training them changes.
pub struct GanTrainer {
    spec: GanSpec,
    options: TrainingOptions,
    seed: u64,
    /// Says how real an image is: one number for each.
    pub discriminator: Network,
    /// Makes images of latents.
    pub generator: Network,
    discriminator_optimizer: Optimizer,
    generator_optimizer: Optimizer,
    /// The average of the generator's weights.
    average: Option<Network>,
    pool: ImagePool,
}

impl GanTrainer {
    /// A game of networks that the function `networks` makes, the discriminator first: the settings must have been checked.
    ///
    /// # Errors
    /// When the networks cannot be played with like this.
    pub(crate) fn new(
        spec: GanSpec,
        options: &TrainingOptions,
        seed: u64,
        networks: impl Fn() -> [Network; 2],
    ) -> Result<Self, SettingsError> {
        let [discriminator, generator] = networks();
        lint::refusal(options, &discriminator).map_or(Ok(()), Err)?;
        let discriminator_optimizer = spec.update.optimizer(&discriminator, options.d_learning_rate, options);
        let generator_optimizer = spec.update.optimizer(&generator, options.g_learning_rate, options);
        let average = (options.ema > 0.0).then(|| {
            let [_, generator] = networks();
            generator.renamed("average")
        });
        let pool = ImagePool::new("pool", options.replay_pool, discriminator.input_shape());
        let options = options.clone();
        Ok(Self {
            spec,
            options,
            seed,
            discriminator,
            generator,
            discriminator_optimizer,
            generator_optimizer,
            average,
            pool,
        })
    }

    fn key(&self, purpose: &str, turn: u64) -> Key {
        Key::named(self.seed, purpose).at(turn as u32)
    }

    fn draw(&self, purpose: &'static str, turn: u64) -> RngContext {
        RngContext { seed: self.seed, step: turn, purpose }
    }

    fn turn_latents(&self, whose: &str, turn: u64, count: usize) -> Tensor {
        self.options.latent_kind.draw(count, self.spec.latent, self.key(whose, turn))
    }

    /// The first turn of the generator in the step that holds this turn of the discriminator.
    fn generator_turn(&self, turn: u64) -> u64 {
        turn / self.options.k as u64 * self.options.g_steps as u64
    }

    /// The fakes of these latents that the discriminator is shown in its turn number `turn`.
    fn fakes(&self, turn: u64, latents: &Tensor) -> Tensor {
        let (purpose, turn) = match self.spec.fakes {
            Fakes::Inference => return self.generator.infer(latents),
            Fakes::Training => ("fakes", turn),
            // The draws of the generator's own turn: its dropout makes the same fakes of the same latents again.
            Fakes::Shared => (GENERATOR_TURN, self.generator_turn(turn)),
        };
        let mut ctx = ForwardContext::training(&Tape::new(), self.draw(purpose, turn));
        ctx.frozen(|ctx| self.generator.forward(ctx, &Var::constant(latents.clone()))).into_value()
    }

    /// The images as the discriminator sees them in this turn of this step: changed at random, and with noise for a while.
    fn augmented(&self, images: &Var, step: u64, whose: &str, turn: u64) -> Var {
        let key = |purpose: &str| self.key(&format!("{purpose} of {whose}"), turn);
        let images = augmented(images, &self.options.diff_augment, self.spec.range.span(), key("augmentation"));
        self.options.with_noise(images, step, || key("instance noise"))
    }

    /// The discriminator's turn number `turn`: it learns to tell `reals`, in the networks' range, from the generator's fakes of
    /// these latents.
    ///
    /// # Errors
    /// When something is not finite; nothing is updated by what failed.
    pub fn train_discriminator(
        &mut self,
        turn: u64,
        reals: &Tensor,
        latents: &Tensor,
    ) -> Result<DiscriminatorTurn, NonFinite> {
        let fakes = self.fakes(turn, latents);
        let fakes = self.pool.query(&fakes, self.key("pool", turn));
        let step = turn / self.options.k as u64;
        let mut sides = [(Side::Real, reals, "reals"), (Side::Fake, &fakes, "fakes")].map(|(side, images, name)| {
            let labels = targets(&self.options, side, images.shape()[0], self.key(&format!("labels of {name}"), turn));
            (side, self.augmented(&Var::constant(images.clone()), step, name, turn), labels)
        });
        let ([(loss, real), (loss2, fake)], [penalty, gradient_norm]) = match self.options.d_batches {
            Batches::Mixed => {
                if self.options.fake_is_one {
                    sides.reverse(); // those that are called 1 come first
                }
                self.on_one_batch(turn, &sides)?
            }
            Batches::Separate => {
                let (gradients, told) =
                    differentiate(self.draw(DISCRIMINATOR_TURN, turn), |ctx: &mut ForwardContext| {
                        let [a, b] = sides.each_ref().map(|(side, images, labels)| {
                            let logits = self.discriminator.forward(ctx, images);
                            let loss = discriminator_loss(&self.options, &logits, labels);
                            let told = (f64::from(loss.item()), told(&self.options, logits.value(), *side));
                            (loss, told)
                        });
                        let (loss, both) = (&a.0 + &b.0, [a.1, b.1]);
                        let (loss, penalty) = self.penalised(ctx, turn, &sides, loss);
                        (loss, (both, penalty))
                    })?;
                self.update_discriminator(&gradients);
                told
            }
            Batches::TwoUpdates => {
                let mut both = [((0.0, [0.0; 2]), [0.0; 2]); 2];
                let purposes = [DISCRIMINATOR_TURN, "discriminator turn, second update"];
                for ((both, (side, images, labels)), purpose) in both.iter_mut().zip(&sides).zip(purposes) {
                    let (gradients, told) = differentiate(self.draw(purpose, turn), |ctx: &mut ForwardContext| {
                        let logits = self.discriminator.forward(ctx, images);
                        let loss = discriminator_loss(&self.options, &logits, labels);
                        let told = (f64::from(loss.item()) / 2.0, told(&self.options, logits.value(), *side));
                        // The penalty belongs to the update on the reals, the first.
                        let (loss, penalty) = match side {
                            Side::Real => self.penalised(ctx, turn, &sides, loss),
                            Side::Fake => (loss, [0.0; 2]),
                        };
                        (loss, (told, penalty))
                    })?;
                    self.update_discriminator(&gradients);
                    *both = told;
                }
                (both.map(|(told, _)| told), both[0].1)
            }
        };
        let (loss, accuracy) = (loss + loss2 + penalty, (real[1] + fake[1]) / 2.0);
        Ok(DiscriminatorTurn { loss, accuracy, real: real[0], fake: fake[0], penalty, gradient_norm })
    }

    /// The loss with what the turn's images cost the discriminator for the length of its gradients; then that cost, and that length.
    fn penalised(
        &self,
        ctx: &mut ForwardContext,
        turn: u64,
        sides: &[(Side, Var, Tensor); 2],
        loss: Var,
    ) -> (Var, [f64; 2]) {
        match self.penalty(ctx, turn, sides) {
            None => (loss, [0.0; 2]),
            Some(Penalty { loss: penalty, gradient_norm, .. }) => {
                (&loss + &penalty, [f64::from(penalty.item()), gradient_norm])
            }
        }
    }

    fn penalty(&self, ctx: &mut ForwardContext, turn: u64, [a, b]: &[(Side, Var, Tensor); 2]) -> Option<Penalty> {
        let [reals, fakes] = if a.0 == Side::Real { [a, b] } else { [b, a] }.map(|(_, images, _)| images.value());
        let TrainingOptions { gradient_penalty, r1, .. } = self.options;
        let judge = |ctx: &mut ForwardContext, images: &Var| self.discriminator.forward(ctx, images);
        if gradient_penalty > 0.0 {
            let key = self.key("between reals and fakes", turn);
            return Some(penalty::between(ctx, judge, gradient_penalty, reals, fakes, key));
        }
        (r1 > 0.0).then(|| penalty::on_reals(ctx, judge, r1, reals))
    }

    /// One update on both sides in one batch, in this order. The loss is told with the reals' numbers; then come those of the penalty.
    fn on_one_batch(&mut self, turn: u64, sides: &[(Side, Var, Tensor); 2]) -> Result<Told, NonFinite> {
        let [(_, first, first_labels), (_, second, second_labels)] = sides;
        let images = Var::constant(first.value().concat(second.value()));
        let labels = first_labels.concat(second_labels);
        let (gradients, (loss, penalty, logits)) =
            differentiate(self.draw(DISCRIMINATOR_TURN, turn), |ctx: &mut ForwardContext| {
                let logits = self.discriminator.forward(ctx, &images);
                let loss = discriminator_loss(&self.options, &logits, &labels);
                let told = f64::from(loss.item());
                let (loss, penalty) = self.penalised(ctx, turn, sides, loss);
                (loss, (told, penalty, logits.into_value()))
            })?;
        self.update_discriminator(&gradients);
        let (first, all) = (first_labels.size(), logits.shape()[0]);
        let told = |rows, side| told(&self.options, &logits.rows(rows), side);
        let [a, b] = [told(0..first, sides[0].0), told(first..all, sides[1].0)];
        let [real, fake] = if sides[0].0 == Side::Real { [a, b] } else { [b, a] };
        Ok(([(loss, real), (0.0, fake)], penalty))
    }

    fn update_discriminator(&mut self, gradients: &Gradients) {
        let TrainingOptions { k, d_learning_rate, d_batches, .. } = self.options;
        let updates = if d_batches == Batches::TwoUpdates { 2 * k } else { k };
        self.spec.update.prepare(&mut self.discriminator_optimizer, d_learning_rate, updates);
        self.discriminator_optimizer.step(&mut self.discriminator, gradients);
    }

    /// The generator's turn number `turn`: it learns what the discriminator, which stays as it is, takes for real. Both walk in
    /// training mode.
    ///
    /// # Errors
    /// When something is not finite; nothing is updated then.
    pub fn train_generator(&mut self, turn: u64, latents: &Tensor) -> Result<GeneratorTurn, NonFinite> {
        let latents = Var::constant(latents.clone());
        let step = turn / self.options.g_steps as u64;
        let (gradients, result) = differentiate(self.draw(GENERATOR_TURN, turn), |ctx: &mut ForwardContext| {
            let fakes = self.generator.forward(ctx, &latents);
            let augmented = self.augmented(&fakes, step, "the generator's turn", turn);
            let logits = ctx.frozen(|ctx| self.discriminator.forward(ctx, &augmented));
            let loss = generator_loss(&self.options, &logits);
            let [fake, accuracy] = told(&self.options, logits.value(), Side::Real);
            let result = GeneratorTurn { loss: f64::from(loss.item()), accuracy, fake };
            (loss, result)
        })?;
        let TrainingOptions { g_steps, g_learning_rate, .. } = self.options;
        self.spec.update.prepare(&mut self.generator_optimizer, g_learning_rate, g_steps);
        self.generator_optimizer.step(&mut self.generator, &gradients);
        Ok(result)
    }

    /// All turns of the discriminator in a step: their mean, and the latents of the last one's fakes.
    fn discriminator_turns(&mut self, step: u64, reals: &Tensor) -> Result<(DiscriminatorTurn, Tensor), NonFinite> {
        let (k, rows) = (self.options.k, reals.shape()[0]);
        let (mut sum, mut last) = (DiscriminatorTurn::default(), None);
        for part in 0..k {
            let (from, to) = (rows * part / k, rows * (part + 1) / k);
            let reals = reals.rows(from..to);
            let turn = step * k as u64 + part as u64;
            let latents = self.turn_latents("discriminator latents", turn, to - from);
            let told = self.train_discriminator(turn, &reals, &latents)?;
            let share = 1.0 / k as f64;
            sum.loss += told.loss * share;
            sum.accuracy += told.accuracy * share;
            sum.real += told.real * share;
            sum.fake += told.fake * share;
            sum.penalty += told.penalty * share;
            sum.gradient_norm += told.gradient_norm * share;
            last = Some(latents);
        }
        Ok((sum, last.expect("there is at least one turn")))
    }

    /// All turns of the generator in a step; the first one on these latents, if there are any. Returns the last.
    fn generator_turns(
        &mut self,
        step: u64,
        count: usize,
        mut first: Option<Tensor>,
    ) -> Result<GeneratorTurn, NonFinite> {
        let mut told = GeneratorTurn::default();
        let turns = self.options.g_steps as u64;
        for turn in step * turns..(step + 1) * turns {
            let latents = first.take().unwrap_or_else(|| self.turn_latents("generator latents", turn, count));
            told = self.train_generator(turn, &latents)?;
        }
        Ok(told)
    }
}

const DISCRIMINATOR_TURN: &str = "discriminator turn";
const GENERATOR_TURN: &str = "generator turn";

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
        let k = self.options.k as u64;
        let turn = |turn| self.spec.sampler.mini_batch(self.seed, turn, self.spec.batch, available[0]);
        vec![(step * k..(step + 1) * k).flat_map(turn).collect()]
    }

    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, NonFinite> {
        let key = self.key("reals", step);
        let reals = match self.spec.mixture() {
            Some(mixture) => mixture.points(self.batch_size(), key),
            None => self.spec.range.reals(&reals[0], key),
        };
        let count = self.spec.g_batch.unwrap_or(reals.shape()[0] / self.options.k);
        let (d, g) = if self.spec.generator_first {
            let g = self.generator_turns(step, count, None)?;
            (self.discriminator_turns(step, &reals)?.0, g)
        } else {
            let (d, latents) = self.discriminator_turns(step, &reals)?;
            let shared = (self.spec.fakes == Fakes::Shared).then_some(latents);
            (d, self.generator_turns(step, count, shared)?)
        };
        if let Some(average) = &mut self.average {
            average.follow(&self.generator, self.options.ema);
        }
        let mut numbers = vec![d.loss, d.accuracy, g.loss, g.accuracy, d.real, d.fake, g.fake];
        if self.options.penalised() {
            numbers.extend([d.penalty, d.gradient_norm, d.real - d.fake]);
        }
        Ok(StepMetrics::new(self.metrics(), numbers))
    }

    fn samples(&self) -> Sampler<'_> {
        match self.spec.mixture() {
            Some(mixture) => Sampler::Points(Plane { mixture, sampler: self, discriminator: &self.discriminator }),
            None => Sampler::Latents(self),
        }
    }

    fn remarks(&self) -> Vec<lint::Remark> {
        lint::remarks(&self.spec, &self.options, &self.discriminator, &self.generator)
    }

    fn networks(&self) -> Vec<&Network> {
        vec![&self.discriminator, &self.generator]
    }

    fn parts(&self) -> Vec<&dyn Stateful> {
        vec![
            &self.discriminator,
            &self.generator,
            &self.average,
            &self.discriminator_optimizer,
            &self.generator_optimizer,
            &self.pool,
        ]
    }

    fn parts_mut(&mut self) -> Vec<&mut dyn Stateful> {
        vec![
            &mut self.discriminator,
            &mut self.generator,
            &mut self.average,
            &mut self.discriminator_optimizer,
            &mut self.generator_optimizer,
            &mut self.pool,
        ]
    }
}

impl FromLatents for GanTrainer {
    fn kind(&self) -> LatentKind {
        self.options.latent_kind
    }

    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        self.options.latent_kind.draw(count, self.spec.latent, Key::named(seed, stream))
    }

    fn draw(&self, latents: &Tensor) -> Tensor {
        let images = self.average.as_ref().unwrap_or(&self.generator).infer(latents);
        self.spec.range.outward(images)
    }

    fn draw_raw(&self, latents: &Tensor) -> Option<Tensor> {
        self.average.is_some().then(|| self.spec.range.outward(self.generator.infer(latents)))
    }
}
