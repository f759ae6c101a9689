//! [`GanTrainer`]: the training step that most GANs with latents share. It combines two networks, a
//! `GanSpec` (the parts that define the system) and [`TrainingOptions`] (the choices of the user).
//!
//! A step consists of k turns of the discriminator, each on new reals and latents, followed (in one
//! variant of `dcgan`, preceded) by the turns of the generator. A turn is one update, or two where
//! reals and fakes have an update each.

mod configure;
mod feature_matching;
mod report;
mod system;

use nn::{ForwardContext, Gradients, Network, Optimizer, StepError};
use tensor::{Tensor, Var};

use crate::SettingsError;
use crate::trainer::ada::Probability;
use crate::trainer::adversarial::{Side, discriminator_loss, mean_and_accuracy, targets};
use crate::trainer::averaging::Averaging;
use crate::trainer::image_pool::ImagePools;
use crate::trainer::lint;
use crate::trainer::options::{Batches, TrainingOptions};
use crate::trainer::penalty::{self, Penalty};
use crate::trainer::seen::{name_scores, name_seen};
use crate::trainer::services::{StepContext, StepServices};
use crate::trainer::spec::{Fakes, GanSpec};
use configure::{configured, possible, with_output};
pub use report::{DiscriminatorTurn, GeneratorTurn};
use report::{PenaltyReport, Report, SideReport};

/// A turn of the discriminator: its number, the reals, the latents of the fakes, and the targets of
/// both.
struct Turn<'a> {
    number: u64,
    reals: &'a Tensor,
    latents: &'a Tensor,
    targets: [Tensor; 2],
}

/// The reals or the fakes of a shard as the discriminator receives them, with their targets.
struct Labelled {
    side: Side,
    images: Tensor,
    targets: Tensor,
}

/// Two networks and all other training state.
pub struct GanTrainer {
    spec: GanSpec,
    options: TrainingOptions,
    services: StepServices,
    /// Images to logits or scores, shape (n, 1).
    pub discriminator: Network,
    /// Latents to images.
    pub generator: Network,
    discriminator_optimizer: Optimizer,
    generator_optimizer: Optimizer,
    /// The moving average of the generator's weights.
    average: Option<Network>,
    pool: ImagePools,
    /// The probability of the augmentations, if it adapts.
    ada: Option<Probability>,
    /// The reals of the current step, if the generator matches their features.
    matched: Option<Tensor>,
}

/// The random stream of the pool.
const POOL: &str = "pool";
const DISCRIMINATOR_TURN: &str = "discriminator turn";
const SECOND_UPDATE: &str = "discriminator turn, second update";
const GENERATOR_TURN: &str = "generator turn";
/// The random stream of the augmentations of the generator's turn.
const GENERATED: &str = "the generator's turn";

impl GanTrainer {
    /// A trainer of the networks that `networks` builds, the discriminator first. The settings must
    /// have been checked.
    ///
    /// # Errors
    /// When the options are not possible with these networks.
    pub(crate) fn new(
        spec: GanSpec,
        options: &TrainingOptions,
        seed: u64,
        networks: impl Fn() -> [Network; 2],
    ) -> Result<Self, SettingsError> {
        let (mut spec, networks) = (with_output(spec, options)?, || configured(networks(), options));
        if options.common.shards > 1 {
            // A short batch at the end of an epoch would not have equal shards.
            spec.sampler = spec.sampler.dropping_last();
        }
        let [mut discriminator, mut generator] = networks();
        possible(&spec, options, [&mut discriminator, &mut generator])?;
        lint::refusal(options, &discriminator).map_or(Ok(()), Err)?;
        let discriminator_optimizer = spec.update.optimizer(&discriminator, options.d_learning_rate, options);
        let generator_optimizer = spec.update.optimizer(&generator, options.g_learning_rate, options);
        let mut average = (options.ema > 0.0).then(|| {
            let [_, generator] = networks();
            generator.renamed("average")
        });
        options.common.configure([&mut discriminator, &mut generator].into_iter().chain(&mut average));
        let ada = options.ada.probability();
        let pool = ImagePools::new("pool", options.replay_pool, discriminator.input_shape(), options.common.shards);
        let services = StepServices::new(seed, spec.range, &options.common)
            .noise(&options.noise)
            .latents(options.latent_kind, spec.latent)
            .averaging(Averaging::constant(options.ema));
        let options = options.clone();
        Ok(Self {
            spec,
            options,
            services,
            discriminator,
            generator,
            discriminator_optimizer,
            generator_optimizer,
            average,
            pool,
            ada,
            matched: None,
        })
    }

    /// Images as the discriminator receives them in the services' turn.
    fn augmented(&self, at: StepContext<'_>, images: &Var, whose: &str) -> Var {
        at.augmented_with(self.ada.as_ref().map(Probability::value), images, whose)
    }

    /// The step that turn number `turn` of the discriminator belongs to.
    fn step_of(&self, turn: u64) -> u64 {
        turn / self.options.k as u64
    }

    /// The services at turn number `turn` of the discriminator.
    fn at(&self, turn: u64) -> StepContext<'_> {
        self.services.at_turn(self.step_of(turn), turn)
    }

    /// The fakes that the generator makes from these latents for the discriminator's turn `turn`.
    fn fakes(&self, at: StepContext<'_>, turn: u64, latents: Tensor) -> Tensor {
        let (purpose, turn) = match self.spec.fakes {
            Fakes::Inference => return self.generator.infer(&latents),
            Fakes::Training => ("fakes", turn),
            // The random stream of the step's first generator turn, so that the generator's dropout
            // later makes the same fakes from the same latents.
            Fakes::Shared => (GENERATOR_TURN, self.step_of(turn) * self.options.g_steps as u64),
        };
        let latents = Var::constant(latents);
        at.with_turn(turn).without_gradients(purpose, |ctx| self.generator.forward(ctx, &latents)).into_value()
    }

    /// The reals and the fakes of the shard of `at`.
    fn sides(&self, at: StepContext<'_>, turn: &Turn<'_>) -> [Labelled; 2] {
        let fakes = self.fakes(at, turn.number, at.rows(turn.latents));
        let fakes = self.pool.query(at, POOL, &fakes);
        let [of_reals, of_fakes] = turn.targets.each_ref().map(|targets| at.rows(targets));
        let sides = [(Side::Real, at.rows(turn.reals), "reals", of_reals), (Side::Fake, fakes, "fakes", of_fakes)];
        sides.map(|(side, images, name, targets)| Labelled {
            side,
            images: self.augmented(at, &Var::constant(images), name).into_value(),
            targets,
        })
    }

    /// The discriminator's turn number `turn`: trains it to tell `reals`, in the networks' range,
    /// from the fakes that the generator makes from these latents.
    ///
    /// # Errors
    /// When a value or gradient is not finite; that update is not applied.
    pub fn train_discriminator(
        &mut self,
        turn: u64,
        reals: &Tensor,
        latents: &Tensor,
    ) -> Result<DiscriminatorTurn, StepError> {
        let at = self.at(turn);
        let targets = [(Side::Real, reals, "reals"), (Side::Fake, latents, "fakes")].map(|(side, rows, name)| {
            let count = self.services.whole(rows.shape()[0]);
            at.own(targets(&self.options, side, count, at.key(&format!("labels of {name}"))))
        });
        let turn = Turn { number: turn, reals, latents, targets };
        let ([real, fake], penalty) = match self.options.d_batches {
            Batches::Mixed => self.update_on_one_batch(&turn)?,
            Batches::Separate => self.update_on_separate_batches(&turn)?,
            Batches::TwoUpdates => self.update_twice(&turn)?,
        };
        self.pool.share(self.at(turn.number), POOL)?;
        if let Some(ada) = &mut self.ada {
            // The share of reals taken for reals, s, gives the mean sign, 2 s - 1.
            ada.follow(2.0 * real.output[1] - 1.0, self.services.whole(reals.shape()[0]));
        }
        Ok(DiscriminatorTurn {
            loss: real.loss + fake.loss + penalty.loss,
            accuracy: (real.output[1] + fake.output[1]) / 2.0,
            real: real.output[0],
            fake: fake.output[0],
            penalty: penalty.loss,
            gradient_norm: penalty.gradient_norm,
        })
    }

    /// One update on the reals and the fakes in separate batches, whose losses are added.
    fn update_on_separate_batches(&mut self, turn: &Turn<'_>) -> Result<Report, StepError> {
        let (gradients, report) = self.at(turn.number).mean_over_shards(|at| {
            let sides = self.sides(at, turn);
            at.differentiate(DISCRIMINATOR_TURN, |ctx| {
                let [(real_loss, real), (fake_loss, fake)] = sides.each_ref().map(|side| self.loss_on(ctx, side));
                let (loss, penalty) = self.with_penalty(ctx, at, &sides, &real_loss + &fake_loss);
                (loss, ([real, fake], penalty))
            })
        })?;
        self.update_discriminator(&gradients);
        Ok(report)
    }

    /// An update on the reals, with the penalty, then one on the fakes. The reported loss is their
    /// mean.
    fn update_twice(&mut self, turn: &Turn<'_>) -> Result<Report, StepError> {
        let (mut reports, mut penalty) = ([SideReport::default(); 2], PenaltyReport::default());
        let shards = self.at(turn.number).map_shards(|at| self.sides(at, turn))?;
        let updates = [(Side::Real, DISCRIMINATOR_TURN), (Side::Fake, SECOND_UPDATE)];
        for (number, (report, (side, purpose))) in reports.iter_mut().zip(updates).enumerate() {
            let (gradients, (own, of_penalty)) = self.at(turn.number).mean_over_shards(|at| {
                let sides = &shards[at.place()];
                at.differentiate(purpose, |ctx| {
                    let (loss, report) = self.loss_on(ctx, &sides[number]);
                    let (loss, penalty) = match side {
                        Side::Real => self.with_penalty(ctx, at, sides, loss),
                        Side::Fake => (loss, PenaltyReport::default()),
                    };
                    (loss, (report, penalty))
                })
            })?;
            self.update_discriminator(&gradients);
            *report = SideReport { loss: own.loss / 2.0, ..own };
            if side == Side::Real {
                penalty = of_penalty;
            }
        }
        Ok((reports, penalty))
    }

    /// One update on reals and fakes in one batch; those with the label 1 come first. The loss of
    /// the whole batch is reported with the reals.
    fn update_on_one_batch(&mut self, turn: &Turn<'_>) -> Result<Report, StepError> {
        let (gradients, report) = self.at(turn.number).mean_over_shards(|at| {
            let mut sides = self.sides(at, turn);
            if self.options.fake_is_one {
                sides.reverse();
            }
            let [first, second] = &sides;
            let images = Var::constant(first.images.concat(&second.images));
            let targets = first.targets.concat(&second.targets);
            let (gradients, (loss, penalty, logits)) = at.differentiate(DISCRIMINATOR_TURN, |ctx| {
                let logits = self.discriminator.forward(ctx, &images);
                let loss = discriminator_loss(&self.options, &logits, &targets);
                let own = f64::from(loss.item());
                let (loss, penalty) = self.with_penalty(ctx, at, &sides, loss);
                (loss, (own, penalty, logits.into_value()))
            })?;
            let rows = first.targets.size();
            let output = |rows, side: &Labelled| self.output(side, &logits.rows(rows));
            let mut outputs = [output(0..rows, first), output(rows..logits.shape()[0], second)];
            if self.options.fake_is_one {
                outputs.reverse();
            }
            let [real, fake] = outputs;
            let reports = [SideReport { loss, output: real }, SideReport { loss: 0.0, output: fake }];
            Ok((gradients, (reports, penalty)))
        })?;
        self.update_discriminator(&gradients);
        Ok(report)
    }

    /// The discriminator's loss on one side, and its metrics.
    fn loss_on(&self, ctx: &mut ForwardContext, side: &Labelled) -> (Var, SideReport) {
        let logits = self.discriminator.forward(ctx, &Var::constant(side.images.clone()));
        let loss = discriminator_loss(&self.options, &logits, &side.targets);
        let output = self.output(side, logits.value());
        let report = SideReport { loss: f64::from(loss.item()), output };
        (loss, report)
    }

    /// The discriminator's mean output and accuracy on one side, which observers also see.
    fn output(&self, side: &Labelled, logits: &Tensor) -> [f64; 2] {
        let name = self.discriminator.name();
        name_scores(name, side.side, logits);
        name_seen(name, side.side, self.spec.range, || side.images.clone());
        mean_and_accuracy(&self.options, logits, side.side)
    }

    /// The loss plus the gradient penalty, if there is one, and the metrics of the penalty.
    fn with_penalty(
        &self,
        ctx: &mut ForwardContext,
        at: StepContext<'_>,
        sides: &[Labelled; 2],
        loss: Var,
    ) -> (Var, PenaltyReport) {
        match self.penalty(ctx, at, sides) {
            None => (loss, PenaltyReport::default()),
            Some(Penalty { loss: penalty, gradient_norm, .. }) => {
                (&loss + &penalty, PenaltyReport { loss: f64::from(penalty.item()), gradient_norm })
            }
        }
    }

    fn penalty(&self, ctx: &mut ForwardContext, at: StepContext<'_>, [a, b]: &[Labelled; 2]) -> Option<Penalty> {
        let [reals, fakes] = if a.side == Side::Real { [a, b] } else { [b, a] }.map(|side| &side.images);
        let TrainingOptions { gradient_penalty, r1, .. } = self.options;
        let score = |ctx: &mut ForwardContext, images: &Var| self.discriminator.forward(ctx, images);
        if gradient_penalty > 0.0 {
            let key = at.key("between reals and fakes");
            return Some(penalty::between(ctx, score, gradient_penalty, reals, fakes, key));
        }
        (r1 > 0.0).then(|| penalty::on_reals(ctx, score, r1, reals))
    }

    fn update_discriminator(&mut self, gradients: &Gradients) {
        let TrainingOptions { k, d_learning_rate, d_batches, .. } = self.options;
        let updates = if d_batches == Batches::TwoUpdates { 2 * k } else { k };
        self.spec.update.prepare(&mut self.discriminator_optimizer, d_learning_rate, updates);
        self.discriminator_optimizer.step(&mut self.discriminator, gradients);
    }

    /// The generator's turn number `turn`: trains it to make fakes that the frozen discriminator
    /// classifies as real. Both run in training mode.
    ///
    /// # Errors
    /// When a value or gradient is not finite; nothing is updated then.
    pub fn train_generator(&mut self, turn: u64, latents: &Tensor) -> Result<GeneratorTurn, StepError> {
        let TrainingOptions { g_steps, g_learning_rate, .. } = self.options;
        let at = self.services.at_turn(turn / g_steps as u64, turn);
        let features = self.mean_features(at, latents)?;
        let (gradients, report) = at.mean_over_shards(|at| {
            let latents = Var::constant(at.rows(latents));
            at.differentiate(GENERATOR_TURN, |ctx| {
                let fakes = self.generator.forward(ctx, &latents);
                let fakes = self.augmented(at, &fakes, GENERATED);
                let (logits, loss) = ctx.frozen(|ctx| self.judged(ctx, at, &fakes, features.as_ref()));
                let [fake, accuracy] = mean_and_accuracy(&self.options, logits.value(), Side::Real);
                let report = GeneratorTurn { loss: f64::from(loss.item()), accuracy, fake };
                (loss, report)
            })
        })?;
        self.spec.update.prepare(&mut self.generator_optimizer, g_learning_rate, g_steps);
        self.generator_optimizer.step(&mut self.generator, &gradients);
        Ok(report)
    }
}
