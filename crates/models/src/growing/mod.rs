//! Progressively growing GANs (Karras, Aila, Laine and Lehtinen, "Progressive growing of GANs for
//! improved quality, stability, and variation", 2018): they start with tiny images, and fade in the
//! blocks of the next resolution when the current one has trained long enough.
//!
//! [`Growth`] is the schedule, [`Critic`] the discriminator, and [`Painter`] the interface of a
//! generator. [`Growing`] trains the two: a step is one update of the discriminator, one of the
//! moving average of the generator, and one of the generator.

mod critic;
mod growth;
mod sizes;
mod system;
mod to_rgb;

use nn::layers::Noise;
use nn::losses::{logistic_generator, negative_mean, wasserstein_critic};
use nn::{Adam, Averaged, ForwardContext, Network, Optimizer, Part, State, Stateful, StepError};
use tensor::{Tensor, Var};

pub use critic::Critic;
pub use growth::{Growth, Stage, resolution};
pub(crate) use sizes::Maps;
pub use sizes::Sizes;
pub(crate) use sizes::missing_switch;
pub(crate) use to_rgb::ToRgb;

use crate::LatentKind;
use crate::trainer::adversarial::{Side, smooth_logistic};
use crate::trainer::averaging::{Averaging, follow};
use crate::trainer::batch_sampler::BatchSampler;
use crate::trainer::penalty::{self, Penalty};
use crate::trainer::seen::{name_scores, name_seen};
use crate::trainer::services::StepServices;
use crate::trainer::spec::Range;

/// a + (b - a) t.
pub fn lerp(a: &Var, b: &Var, t: f64) -> Var {
    a + &(b - a).scale(t)
}

/// The generator of a growing GAN.
pub trait Painter: Sync {
    /// Images of the stage's resolution, (almost) in [-1, 1], from latents of shape (n, latent).
    fn paint(&self, ctx: &mut ForwardContext, latents: &Var, stage: Stage) -> Var;

    /// The networks.
    fn parts(&self) -> Vec<&Network>;

    /// The same networks, mutable.
    fn parts_mut(&mut self) -> Vec<&mut Network>;

    /// The style-based view of this generator, if it is one.
    fn stylist(&self) -> Option<&dyn Stylist> {
        None
    }
}

/// A generator that maps each latent to a style first, and then makes the image from one style per
/// layer.
pub trait Stylist {
    /// The styles of the latents, shape (n, style).
    fn styles(&self, ctx: &mut ForwardContext, latents: &Var) -> Var;

    /// The mean of all styles, shape (style).
    fn mean_style(&self) -> &Tensor;

    /// The number of layers that take a style at this level.
    fn layers(&self, level: usize) -> usize;

    /// The weights of the affine maps from the style of each of these layers, shape (style,
    /// channels).
    fn style_weights(&self, level: usize) -> Vec<Tensor>;

    /// Images from one style per layer.
    fn paint_styled(&self, ctx: &mut ForwardContext, styles: &[Var], stage: Stage) -> Var;
}

/// The gradient penalty on the discriminator, with the loss that goes with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Regularizer {
    /// Wasserstein loss, with a penalty that pulls the gradient norm between reals and fakes to 1.
    /// `drift` times the mean square of the scores on reals keeps these near 0.
    Between { weight: f64, drift: f64 },
    /// Logistic loss, with a penalty that pulls the gradient on reals to 0 (R1).
    OnReals { weight: f64 },
}

/// What distinguishes one growing GAN from another, apart from its networks.
pub(crate) struct GrowingSpec {
    pub(crate) name: &'static str,
    pub(crate) latent: usize,
    pub(crate) regularizer: Regularizer,
    pub(crate) averaging: Averaging,
    /// The learning rate of both networks, from the base learning rate and the resolution.
    pub(crate) learning_rate: fn(f64, usize) -> f64,
    pub(crate) base_learning_rate: f64,
    /// The discriminator's target for reals under the logistic loss.
    pub(crate) label_smooth: f64,
    /// The sizes, and what the discriminator sees.
    pub(crate) sizes: Sizes,
}

/// Two growing networks and all other training state.
pub struct Growing<P> {
    spec: GrowingSpec,
    services: StepServices,
    growth: Growth,
    sampler: BatchSampler,
    /// The discriminator.
    pub critic: Critic,
    /// The generator.
    pub painter: P,
    /// The generator with the moving average of its weights.
    pub average: P,
    critic_optimizer: Optimizer,
    painter_optimizer: Optimizer,
    steps: Steps,
}

/// The number of steps done, which determines how far the networks have grown.
struct Steps(u64);

const STEPS: &str = "growth.steps";

impl Stateful for Steps {
    fn save(&self, state: &mut State) {
        state.counters.insert(STEPS.into(), self.0);
    }

    fn load(&mut self, state: &State) {
        self.0 = state.counters[STEPS];
    }

    /// A step number has 32 bits in the key of a random stream.
    fn limits(&self) -> Vec<(String, u64)> {
        vec![(STEPS.into(), u32::MAX.into())]
    }
}

const RANGE: Range = Range::Symmetric;
const BETAS: [f64; 2] = [0.0, 0.99];

/// The metrics of an update of the discriminator, measured before the update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CriticTurn {
    /// The loss, penalty included.
    pub loss: f64,
    /// The mean output on reals.
    pub real: f64,
    /// The mean output on fakes.
    pub fake: f64,
    /// What the gradient penalty adds to the loss.
    pub penalty: f64,
    /// The mean norm of the penalised gradients.
    pub gradient_norm: f64,
}

impl Averaged for CriticTurn {
    fn visit(&mut self, visit: &mut dyn FnMut(Part<'_>)) {
        let Self { loss, real, fake, penalty, gradient_norm } = self;
        [loss, real, fake, penalty, gradient_norm].into_iter().for_each(|number| number.visit(visit));
    }
}

/// The mean of all elements, summed in `f64`.
pub(crate) fn mean(logits: &Var) -> f64 {
    logits.value().data().iter().map(|x| f64::from(*x)).sum::<f64>() / logits.value().size() as f64
}

/// Images (n, h, w, c) scaled down by an integer factor: the mean of each block.
fn smaller(images: &Var, factor: usize) -> Var {
    if factor == 1 { images.clone() } else { images.average_pool([factor; 2]) }
}

/// Real images of full size as the critic receives them at this stage: scaled to its resolution
/// and, while the newest blocks are being faded in, blended with a version of the resolution below.
pub(crate) fn at_stage(images: &Var, stage: Stage) -> Var {
    let images = smaller(images, images.shape()[1] / stage.resolution());
    if stage.is_fading() { lerp(&smaller(&images, 2).upsample([2, 2]), &images, stage.alpha) } else { images }
}

impl<P: Painter> Growing<P> {
    /// New networks. `painter` builds a generator with the given name.
    pub(crate) fn new(
        spec: GrowingSpec,
        growth: Growth,
        mut critic: Critic,
        seed: u64,
        painter: impl Fn(&str) -> P,
    ) -> Self {
        let (mut average, mut painter) = (painter("average"), painter("generator"));
        spec.sizes.common.configure_discriminators(critic.parts_mut());
        let networks = critic.parts_mut().into_iter().chain(painter.parts_mut()).chain(average.parts_mut());
        spec.sizes.common.configure(networks);
        follow(average.parts_mut(), painter.parts(), 0.0);
        let [beta1, beta2] = BETAS;
        let rule = Adam { beta1, beta2, epsilon: 1e-8 };
        let optimizer =
            |name: &str, parts: &[&Network]| Optimizer::of_several(name, parts, rule, spec.base_learning_rate);
        let critic_optimizer = optimizer(critic::NAME, &critic.parts());
        let painter_optimizer = optimizer("generator", &painter.parts());
        let (sampler, steps) = (BatchSampler::new(true, true), Steps(0));
        let services = StepServices::new(seed, RANGE, &spec.sizes.common)
            .noise(&spec.sizes.noise)
            .latents(LatentKind::Normal, spec.latent)
            .averaging(spec.averaging);
        Self { spec, services, growth, sampler, critic, painter, average, critic_optimizer, painter_optimizer, steps }
    }

    /// The schedule.
    pub fn growth(&self) -> &Growth {
        &self.growth
    }

    /// Trains the discriminator to tell `reals`, of the stage's resolution and in [-1, 1], from the
    /// fakes that the generator makes from these latents.
    ///
    /// # Errors
    /// When a value or gradient is not finite; nothing is updated then.
    pub fn train_critic(
        &mut self,
        step: u64,
        stage: Stage,
        reals: &Var,
        latents: &Var,
    ) -> Result<CriticTurn, StepError> {
        let whole = [reals, latents].map(Var::value);
        let (gradients, turn) = self.services.at(step).mean_over_shards(|at| {
            let [reals, latents] = whole.map(|whole| Var::constant(at.rows(whole)));
            let fakes = at.without_gradients("fakes", |ctx| self.painter.paint(ctx, &latents, stage)).detach();
            let [reals, fakes] =
                [(&reals, "reals"), (&fakes, "fakes")].map(|(images, whose)| at.augmented(images, whose));
            at.differentiate("discriminator turn", |ctx| {
                let score = |ctx: &mut ForwardContext, images: &Var| self.critic.score(ctx, images, stage);
                let fake = score(ctx, &fakes);
                let (real, loss, Penalty { loss: penalty, gradient_norm, .. }) = match self.spec.regularizer {
                    Regularizer::Between { weight, drift } => {
                        let real = score(ctx, &reals);
                        let loss = &wasserstein_critic(&real, &fake) + &real.square().mean().scale(drift);
                        let key = at.key("points between reals and fakes");
                        (real, loss, penalty::between(ctx, score, weight, reals.value(), fakes.value(), key))
                    }
                    Regularizer::OnReals { weight } => {
                        let penalty = penalty::on_reals(ctx, score, weight, reals.value());
                        let real = penalty.logits.clone();
                        let loss = smooth_logistic(&real, &fake, self.spec.label_smooth);
                        (real, loss, penalty)
                    }
                };
                let [mean_real, mean_fake] =
                    [(Side::Real, &real, &reals), (Side::Fake, &fake, &fakes)].map(|(side, logits, images)| {
                        name_scores(critic::NAME, side, logits.value());
                        name_seen(critic::NAME, side, RANGE, || images.value().clone());
                        mean(logits)
                    });
                let loss = &loss + &penalty;
                let [total, penalty] = [&loss, &penalty].map(|var| f64::from(var.item()));
                (loss, CriticTurn { loss: total, real: mean_real, fake: mean_fake, penalty, gradient_norm })
            })
        })?;
        self.critic_optimizer.step_several(&mut self.critic.parts_mut(), &gradients);
        Ok(turn)
    }

    /// Trains the generator against the frozen discriminator. Returns the loss and the
    /// discriminator's mean output on the fakes, before the update.
    ///
    /// # Errors
    /// When a value or gradient is not finite; nothing is updated then.
    pub fn train_painter(&mut self, step: u64, stage: Stage, latents: &Var) -> Result<[f64; 2], StepError> {
        let latents = latents.value();
        let (gradients, report) = self.services.at(step).mean_over_shards(|at| {
            let latents = Var::constant(at.rows(latents));
            at.differentiate("generator turn", |ctx| {
                let images = self.painter.paint(ctx, &latents, stage);
                let augmented = at.augmented(&images, "the generator's turn");
                let logits = ctx.frozen(|ctx| self.critic.score(ctx, &augmented, stage));
                let loss = match self.spec.regularizer {
                    Regularizer::Between { .. } => negative_mean(&logits),
                    Regularizer::OnReals { .. } => logistic_generator(&logits),
                };
                let report = [f64::from(loss.item()), mean(&logits)];
                (loss, report)
            })
        })?;
        self.painter_optimizer.step_several(&mut self.painter.parts_mut(), &gradients);
        Ok(report)
    }

    /// The current stage of the networks.
    fn stage(&self) -> Stage {
        self.growth.before(self.steps.0).1
    }

    /// Images of the current stage, enlarged to the final resolution.
    fn at_full_size(&self, images: &Var) -> Var {
        let factor = resolution(self.growth.last()) / self.stage().resolution();
        images.upsample([factor; 2])
    }

    /// The images that `painter` makes from latents, in [0, 1] and at the final resolution.
    fn pictures(&self, painter: &P, latents: &Tensor) -> Tensor {
        self.pictures_in(&mut ForwardContext::inference(), painter, &Var::constant(latents.clone())).into_value()
    }

    /// The same as a computation in `ctx`.
    fn pictures_in(&self, ctx: &mut ForwardContext, painter: &P, latents: &Var) -> Var {
        RANGE.pictures_var(&self.at_full_size(&painter.paint(ctx, latents, self.stage())))
    }
}

/// The noise that the layers of a generator add in inference mode, by name.
pub(crate) fn constant_noise(parts: &[&Network]) -> Vec<(String, Tensor)> {
    let tensors = parts.iter().flat_map(|part| part.tensors());
    let noise = tensors.filter(|(name, _, _)| name.rsplit('.').next() == Some(Noise::MAP));
    noise.map(|(name, _, map)| (name, map.clone())).collect()
}

#[cfg(test)]
mod tests;
