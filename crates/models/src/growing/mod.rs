//! GANs that grow (Karras, Aila, Laine and Lehtinen, "Progressive growing of GANs for improved quality, stability, and variation",
//! 2018): they learn to draw tiny pictures first, and blocks for the next resolution are faded in when the last one is learned.
//!
//! [`Growth`] is the schedule, [`Critic`] the discriminator; what generators are is a [`Painter`]'s business. [`Growing`] plays the
//! two against each other: one turn of the discriminator, the average of the generator, one turn of the generator.

mod critic;
mod growth;
mod sizes;
mod to_rgb;

use nn::layers::Noise;
use nn::losses::{logistic_generator, negative_mean, wasserstein_critic};
use nn::{ForwardContext, Network, Optimizer, Rule, State, Stateful};
use tensor::{NonFinite, Tensor, Var};

pub use critic::Critic;
pub use growth::{Growth, Stage, resolution};
pub(crate) use sizes::Maps;
pub use sizes::Sizes;
pub(crate) use sizes::missing_switch;
pub(crate) use to_rgb::ToRgb;

use crate::step_metrics::{
    D_FAKE, D_LOSS, D_REAL, G_FAKE, G_LOSS, GRADIENT_NORM, KIMG, MetricDescription, PENALTY, StepMetrics, Unit,
    W_DISTANCE,
};
use crate::trainer::adversarial::smooth_logistic;
use crate::trainer::averaging::{Averaging, follow};
use crate::trainer::batch_sampler::BatchSampler;
use crate::trainer::penalty::{self, Penalty};
use crate::trainer::services::StepServices;
use crate::trainer::spec::Range;
use crate::{FromLatents, LatentKind, Sampler, Styles, System};

/// a + (b - a) t.
pub fn lerp(a: &Var, b: &Var, t: f64) -> Var {
    a + &(b - a).scale(t)
}

/// The generator of a growing GAN.
pub trait Painter {
    /// Images of the stage's resolution, in [-1, 1] or nearly, of latents (n, latent).
    fn paint(&self, ctx: &mut ForwardContext, latents: &Var, stage: Stage) -> Var;

    /// Its networks.
    fn parts(&self) -> Vec<&Network>;

    /// The same, to be changed.
    fn parts_mut(&mut self) -> Vec<&mut Network>;

    /// Itself, if it makes styles of the latents first.
    fn stylist(&self) -> Option<&dyn Stylist> {
        None
    }
}

/// A painter that makes a style of each latent first, and then the picture of the styles of its layers.
pub trait Stylist {
    /// The styles of latents, shape (n, style).
    fn styles(&self, ctx: &mut ForwardContext, latents: &Var) -> Var;

    /// The mean of all styles, shape (style).
    fn mean_style(&self) -> &Tensor;

    /// Layers that take a style at this level.
    fn layers(&self, level: usize) -> usize;

    /// Images of the styles of each layer.
    fn paint_styled(&self, ctx: &mut ForwardContext, styles: &[Var], stage: Stage) -> Var;
}

/// What keeps the discriminator's slope in bounds, and with it the loss that it goes with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Regularizer {
    /// Wasserstein: the gradient between reals and fakes is to have the length 1; `drift` times the mean square of the verdicts on reals
    /// keeps these near 0.
    Between { weight: f64, drift: f64 },
    /// Logistic: the gradient on reals is to be 0 (R1).
    OnReals { weight: f64 },
}

/// What makes it the system that it is.
pub(crate) struct GanSpec {
    pub(crate) name: &'static str,
    pub(crate) latent: usize,
    pub(crate) regularizer: Regularizer,
    pub(crate) averaging: Averaging,
    /// The step size of both at each resolution.
    pub(crate) learning_rate: fn(f64, usize) -> f64,
    pub(crate) base_learning_rate: f64,
    /// The discriminator's target for reals under the logistic loss.
    pub(crate) label_smooth: f64,
    /// What the discriminator sees, and how large the images are.
    pub(crate) sizes: Sizes,
}

/// Two growing networks and all that training them changes.
pub struct Growing<P> {
    spec: GanSpec,
    services: StepServices,
    growth: Growth,
    sampler: BatchSampler,
    /// Says how real an image is.
    pub critic: Critic,
    /// Makes images of latents.
    pub painter: P,
    /// The average of the painter's weights.
    pub average: P,
    critic_optimizer: Optimizer,
    painter_optimizer: Optimizer,
    steps: Steps,
}

/// Steps done: what is drawn depends on how far the networks have grown.
struct Steps(u64);

const STEPS: &str = "growth.steps";

impl Stateful for Steps {
    fn save(&self, state: &mut State) {
        state.counters.insert(STEPS.into(), self.0);
    }

    fn load(&mut self, state: &State) {
        self.0 = state.counters[STEPS];
    }

    /// A step's number takes 32 bits of a random stream's key.
    fn limits(&self) -> Vec<(String, u64)> {
        vec![(STEPS.into(), u32::MAX.into())]
    }
}

/// The last one exists only for a Wasserstein critic.
const METRICS: [MetricDescription; 11] = [
    D_LOSS,
    G_LOSS,
    D_REAL,
    D_FAKE,
    G_FAKE,
    PENALTY,
    GRADIENT_NORM,
    MetricDescription::new("resolution", Unit::Pixels, "Height and width of the images of this step."),
    MetricDescription::new("alpha", Unit::Share, "How far the newest blocks are faded in."),
    KIMG,
    W_DISTANCE,
];

const RANGE: Range = Range::Symmetric;
const BETAS: [f64; 2] = [0.0, 0.99];

/// What a turn of the discriminator tells, before its update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CriticTurn {
    /// Its loss.
    pub loss: f64,
    /// The mean of its verdicts on reals.
    pub real: f64,
    /// The mean of its verdicts on fakes.
    pub fake: f64,
    /// What the penalty on its gradient adds to the loss.
    pub penalty: f64,
    /// The mean length of its gradients by the images that were looked at.
    pub gradient_norm: f64,
}

/// The mean of all numbers.
pub(crate) fn mean(logits: &Var) -> f64 {
    logits.value().data().iter().map(|x| f64::from(*x)).sum::<f64>() / logits.value().size() as f64
}

/// Images (n, h, w, c) made smaller by a factor: the mean of each block.
fn smaller(images: &Var, factor: usize) -> Var {
    if factor == 1 { images.clone() } else { images.average_pool([factor; 2]) }
}

/// Real images at their full size as the critic is shown them at this stage: of its resolution, and as far as its newest blocks do not
/// count yet, no sharper than at the resolution below.
pub(crate) fn shown(images: &Var, stage: Stage) -> Var {
    let images = smaller(images, images.shape()[1] / stage.resolution());
    if stage.is_fading() { lerp(&smaller(&images, 2).upsample([2, 2]), &images, stage.alpha) } else { images }
}

impl<P: Painter> Growing<P> {
    /// Fresh networks. `painter` makes a generator of this name.
    pub(crate) fn new(spec: GanSpec, growth: Growth, critic: Critic, seed: u64, painter: impl Fn(&str) -> P) -> Self {
        let (mut average, painter) = (painter("average"), painter("generator"));
        follow(average.parts_mut(), painter.parts(), 0.0);
        let [beta1, beta2] = BETAS;
        let rule = Rule::Adam { beta1, beta2, epsilon: 1e-8 };
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

    /// The discriminator learns to tell `reals`, at the stage's resolution and in [-1, 1], from fakes of these latents.
    ///
    /// # Errors
    /// When something is not finite; nothing is updated then.
    pub fn train_critic(
        &mut self,
        step: u64,
        stage: Stage,
        reals: &Var,
        latents: &Var,
    ) -> Result<CriticTurn, NonFinite> {
        let at = self.services.at(step);
        let fakes = at.without_gradients("fakes", |ctx| self.painter.paint(ctx, latents, stage)).detach();
        let [reals, fakes] = [(reals, "reals"), (&fakes, "fakes")].map(|(images, whose)| at.augmented(images, whose));
        let (gradients, turn) = at.differentiate("discriminator turn", |ctx| {
            let judge = |ctx: &mut ForwardContext, images: &Var| self.critic.judge(ctx, images, stage);
            let fake = judge(ctx, &fakes);
            let (real, loss, Penalty { loss: penalty, gradient_norm, .. }) = match self.spec.regularizer {
                Regularizer::Between { weight, drift } => {
                    let real = judge(ctx, &reals);
                    let loss = &wasserstein_critic(&real, &fake) + &real.square().mean().scale(drift);
                    let key = at.key("points between reals and fakes");
                    (real, loss, penalty::between(ctx, judge, weight, reals.value(), fakes.value(), key))
                }
                Regularizer::OnReals { weight } => {
                    let penalty = penalty::on_reals(ctx, judge, weight, reals.value());
                    let real = penalty.logits.clone();
                    let loss = smooth_logistic(&real, &fake, self.spec.label_smooth);
                    (real, loss, penalty)
                }
            };
            let [mean_real, mean_fake] = [&real, &fake].map(mean);
            let loss = &loss + &penalty;
            let [told, penalty] = [&loss, &penalty].map(|var| f64::from(var.item()));
            (loss, CriticTurn { loss: told, real: mean_real, fake: mean_fake, penalty, gradient_norm })
        })?;
        self.critic_optimizer.step_several(&mut self.critic.parts_mut(), &gradients);
        Ok(turn)
    }

    /// The generator learns what the discriminator, which stays as it is, takes for real. Returns its loss and the mean verdict on its
    /// images.
    ///
    /// # Errors
    /// When something is not finite; nothing is updated then.
    pub fn train_painter(&mut self, step: u64, stage: Stage, latents: &Var) -> Result<[f64; 2], NonFinite> {
        let at = self.services.at(step);
        let (gradients, told) = at.differentiate("generator turn", |ctx| {
            let images = self.painter.paint(ctx, latents, stage);
            let augmented = at.augmented(&images, "the generator's turn");
            let logits = ctx.frozen(|ctx| self.critic.judge(ctx, &augmented, stage));
            let loss = match self.spec.regularizer {
                Regularizer::Between { .. } => negative_mean(&logits),
                Regularizer::OnReals { .. } => logistic_generator(&logits),
            };
            let told = [f64::from(loss.item()), mean(&logits)];
            (loss, told)
        })?;
        self.painter_optimizer.step_several(&mut self.painter.parts_mut(), &gradients);
        Ok(told)
    }

    /// Where the networks stand.
    fn stage(&self) -> Stage {
        self.growth.before(self.steps.0).1
    }

    /// Images of the stage that the networks stand at, at the size of the last one.
    fn at_full_size(&self, images: &Var) -> Var {
        let factor = resolution(self.growth.last()) / self.stage().resolution();
        images.upsample([factor; 2])
    }

    /// The pictures that `painter` makes of latents.
    fn pictures(&self, painter: &P, latents: &Tensor) -> Tensor {
        let images = painter.paint(&mut ForwardContext::inference(), &Var::constant(latents.clone()), self.stage());
        RANGE.pictures(&self.at_full_size(&images))
    }
}

impl<P: Painter> System for Growing<P> {
    fn name(&self) -> &'static str {
        self.spec.name
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        let size = resolution(self.growth.last());
        Some([size, size, self.spec.sizes.channels])
    }

    fn metrics(&self) -> &'static [MetricDescription] {
        match self.spec.regularizer {
            Regularizer::Between { .. } => &METRICS,
            Regularizer::OnReals { .. } => &METRICS[..METRICS.len() - 1],
        }
    }

    fn batch_size(&self) -> usize {
        self.growth.largest_batch()
    }

    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>> {
        let (first, stage) = self.growth.before(step);
        vec![self.sampler.stretch(self.services.seed(), first, self.growth.batch(stage.level), available[0])]
    }

    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, NonFinite> {
        let (images, stage) = self.growth.before(step);
        if self.growth.is_a_border(step) {
            self.critic_optimizer.reset();
            self.painter_optimizer.reset();
        }
        let learning_rate = (self.spec.learning_rate)(self.spec.base_learning_rate, stage.resolution());
        self.critic_optimizer.set_learning_rate(learning_rate);
        self.painter_optimizer.set_learning_rate(learning_rate);

        let count = reals[0].shape()[0];
        let reals = shown(&Var::constant(RANGE.inward(&reals[0])), stage);
        let latents = |services: &StepServices, stream| Var::constant(services.at(step).latents(stream, count));
        let d = self.train_critic(step, stage, &reals, &latents(&self.services, "discriminator latents"))?;
        let since_the_border = self.critic_optimizer.updates();
        let averaged = (count, since_the_border);
        self.services.at(step).average(self.average.parts_mut(), self.painter.parts(), averaged);
        let [g_loss, g_fake] = self.train_painter(step, stage, &latents(&self.services, "generator latents"))?;
        self.steps.0 = step + 1;

        let kimg = (images + count as u64) as f64 / 1000.0;
        let (size, alpha) = (stage.resolution() as f64, stage.alpha);
        let mut numbers = vec![d.loss, g_loss, d.real, d.fake, g_fake, d.penalty, d.gradient_norm, size, alpha, kimg];
        if let Regularizer::Between { .. } = self.spec.regularizer {
            numbers.push(d.real - d.fake);
        }
        Ok(StepMetrics::new(self.metrics(), numbers))
    }

    fn level(&self) -> Option<String> {
        let size = self.stage().resolution();
        Some(format!("{size}x{size}"))
    }

    fn stages(&self, steps: core::ops::Range<u64>) -> Vec<(u64, String)> {
        let name = |stage: Stage| {
            let (size, fading) = (stage.resolution(), if stage.is_fading() { ", fading in" } else { "" });
            format!("{size}x{size}{fading}")
        };
        self.growth.stages(steps).into_iter().map(|(step, stage)| (step, name(stage))).collect()
    }

    fn samples(&self) -> Sampler<'_> {
        Sampler::Latents(self)
    }

    fn networks(&self) -> Vec<&Network> {
        [self.critic.parts(), self.painter.parts()].concat()
    }

    fn parts(&self) -> Vec<&dyn Stateful> {
        let networks = [self.critic.parts(), self.painter.parts(), self.average.parts()].concat();
        let rest: [&dyn Stateful; 3] = [&self.critic_optimizer, &self.painter_optimizer, &self.steps];
        networks.into_iter().map(|network| network as &dyn Stateful).chain(rest).collect()
    }

    fn parts_mut(&mut self) -> Vec<&mut dyn Stateful> {
        let networks = [self.critic.parts_mut(), self.painter.parts_mut(), self.average.parts_mut()];
        let rest: [&mut dyn Stateful; 3] = [&mut self.critic_optimizer, &mut self.painter_optimizer, &mut self.steps];
        networks.into_iter().flatten().map(|network| network as &mut dyn Stateful).chain(rest).collect()
    }
}

impl<P: Painter> FromLatents for Growing<P> {
    fn kind(&self) -> LatentKind {
        self.services.latent_kind()
    }

    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        self.services.sample_latents(seed, stream, count)
    }

    fn draw(&self, latents: &Tensor) -> Tensor {
        self.pictures(&self.average, latents)
    }

    fn draw_raw(&self, latents: &Tensor) -> Option<Tensor> {
        Some(self.pictures(&self.painter, latents))
    }

    fn styles(&self) -> Option<&dyn Styles> {
        self.average.stylist().map(|_| self as &dyn Styles)
    }
}

/// The noise that the layers of a generator add in inference, by name.
pub(crate) fn constant_noise(parts: &[&Network]) -> Vec<(String, Tensor)> {
    let tensors = parts.iter().flat_map(|part| part.tensors());
    let noise = tensors.filter(|(name, _, _)| name.rsplit('.').next() == Some(Noise::MAP));
    noise.map(|(name, _, map)| (name, map.clone())).collect()
}

impl<P: Painter> Growing<P> {
    fn stylist(&self) -> &dyn Stylist {
        self.average.stylist().expect("only a painter with styles is asked for them")
    }
}

impl<P: Painter> Styles for Growing<P> {
    fn styles_of(&self, latents: &Tensor) -> Tensor {
        self.stylist().styles(&mut ForwardContext::inference(), &Var::constant(latents.clone())).into_value()
    }

    fn mean_style(&self) -> Tensor {
        self.stylist().mean_style().clone()
    }

    fn layers(&self) -> usize {
        self.stylist().layers(self.stage().level)
    }

    fn noise(&self) -> Vec<(String, Tensor)> {
        constant_noise(&self.average.parts())
    }

    fn paint_styled(&self, ctx: &mut ForwardContext, styles: &[Var]) -> Var {
        self.at_full_size(&self.stylist().paint_styled(ctx, styles, self.stage()))
    }
}

#[cfg(test)]
mod tests;
