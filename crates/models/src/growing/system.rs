//! The steps of a [`Growing`] GAN, and its implementation of [`System`].

use std::sync::Arc;

use nn::{Communicator, ForwardContext, Network, Stateful, StepError};
use tensor::{Tensor, Var};

use super::{Growing, Painter, RANGE, Regularizer, Stage, Stylist, at_stage, constant_noise, resolution};
use crate::step_metrics::{
    D_FAKE, D_LOSS, D_REAL, G_FAKE, G_LOSS, GRADIENT_NORM, KIMG, MetricDescription, PENALTY, StepMetrics, Unit,
    W_DISTANCE,
};
use crate::trainer::services::StepServices;
use crate::{FromLatents, LatentKind, LossKind, LossScale, Sampler, SettingsError, Styles, System};

/// The last metric exists only for a Wasserstein critic.
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
        let batch = self.growth.batch(stage.level);
        let images = self.sampler.stretch(self.services.seed(), first, batch, available[0]);
        vec![self.services.own_images(&images)]
    }

    fn share(&mut self, ranks: Arc<dyn Communicator>) -> Result<(), SettingsError> {
        self.services.share(ranks)
    }

    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, StepError> {
        let (images, stage) = self.growth.before(step);
        if self.growth.is_a_border(step) {
            self.critic_optimizer.reset();
            self.painter_optimizer.reset();
        }
        let learning_rate = (self.spec.learning_rate)(self.spec.base_learning_rate, stage.resolution());
        self.critic_optimizer.set_learning_rate(learning_rate);
        self.painter_optimizer.set_learning_rate(learning_rate);

        let count = self.services.whole(reals[0].shape()[0]);
        let reals = at_stage(&Var::constant(RANGE.inward(&reals[0])), stage);
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

    fn loss_scale(&self) -> Option<LossScale> {
        let kind = match self.spec.regularizer {
            Regularizer::Between { .. } => LossKind::Wasserstein,
            Regularizer::OnReals { .. } => LossKind::CrossEntropy,
        };
        Some(LossScale::summed(kind, self.spec.label_smooth))
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

    fn schedule_after(&self, steps: u64) -> Vec<(&'static str, f64)> {
        vec![("resume_kimg", self.growth.before_group(steps) as f64 / 1000.0)]
    }

    fn discriminate(&self, _domain: usize, images: &Var) -> Option<Var> {
        let (images, stage) = (RANGE.inward_var(images), self.stage());
        Some(self.critic.score(&mut ForwardContext::inference(), &at_stage(&images, stage), stage))
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

    fn forward(&self, ctx: &mut ForwardContext, latents: &Var) -> Result<Var, String> {
        Ok(self.pictures_in(ctx, &self.average, latents))
    }

    fn draw_raw(&self, latents: &Tensor) -> Option<Tensor> {
        Some(self.pictures(&self.painter, latents))
    }

    fn styles(&self) -> Option<&dyn Styles> {
        self.average.stylist().map(|_| self as &dyn Styles)
    }
}

impl<P: Painter> Growing<P> {
    fn stylist(&self) -> &dyn Stylist {
        self.average.stylist().expect("the trait object exists only for style-based generators")
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

    fn style_weights(&self) -> Vec<Tensor> {
        self.stylist().style_weights(self.stage().level)
    }

    fn noise(&self) -> Vec<(String, Tensor)> {
        constant_noise(&self.average.parts())
    }

    fn paint_styled(&self, ctx: &mut ForwardContext, styles: &[Var]) -> Var {
        self.at_full_size(&self.stylist().paint_styled(ctx, styles, self.stage()))
    }
}
