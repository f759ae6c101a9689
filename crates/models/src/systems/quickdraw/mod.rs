//! quickdraw: a DCGAN that learns to draw from people's doodles.
//!
//! The networks, the optimisers and the order of a step are those of the notebook "Generative
//! adversarial networks" of *Deep Learning Illustrated* (Krohn, Beyleveld, Bassens, 2019), in the
//! Keras dialect. The **discriminator** estimates how likely a drawing is real; the **generator**
//! makes drawings from random latents, and learns from the gradient of the discriminator's output
//! on them.

mod networks;
mod settings;

use nn::losses::{accuracy, bce_keras_clip, bce_with_logits};
use std::sync::Arc;

use nn::{Communicator, ForwardContext, Network, Optimizer, StepError};
use tensor::{Tensor, Var};

pub use networks::{discriminator, generator};
pub use settings::{Bce, BnRunning, ENTRY, Settings};

use crate::step_metrics::{D_ACC, D_FAKE, D_LOSS, D_REAL, G_ACC, G_LOSS, MetricDescription, StepMetrics};
use crate::trainer::adversarial::{Side, mean_and_accuracy, targets};
use crate::trainer::averaging::Averaging;
use crate::trainer::image_pool::ImagePools;
use crate::trainer::options::TrainingOptions;
use crate::trainer::penalty;
use crate::trainer::seen::{name_scores, name_seen};
use crate::trainer::services::{StepServices, sampled, sampled_in};
use crate::trainer::spec::Range;
use crate::{FromLatents, LatentKind, LossScale, Sampler, Settings as _, SettingsError, System, distinct_indices};

const METRICS: [MetricDescription; 6] = [D_LOSS, D_ACC, G_LOSS, G_ACC, D_REAL, D_FAKE];

/// The two networks and their optimisers.
pub struct Quickdraw {
    settings: Settings,
    options: TrainingOptions,
    services: StepServices,
    /// Estimates how likely a drawing is real.
    pub discriminator: Network,
    /// Makes drawings.
    pub generator: Network,
    discriminator_optimizer: Optimizer,
    generator_optimizer: Optimizer,
    /// The moving average of the generator's weights (`ema`).
    average: Option<Network>,
    /// Earlier fakes (`replay_pool`).
    pool: ImagePools,
}

impl Quickdraw {
    /// New networks, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn new(settings: Settings, seed: u64) -> Result<Self, SettingsError> {
        settings.check()?;
        let (mut discriminator, mut generator) = (discriminator(&settings, seed), generator(&settings, seed));
        let optimizer = |network, learning_rate, decay| {
            Optimizer::rms_prop(network, learning_rate).decay(decay).clip(settings.clip)
        };
        settings.common.check_batch_norm([&discriminator, &generator])?;
        let discriminator_optimizer = optimizer(&discriminator, settings.d_learning_rate, settings.d_decay);
        let generator_optimizer = optimizer(&generator, settings.g_learning_rate, settings.g_decay);
        let mut average = (settings.ema > 0.0).then(|| self::generator(&settings, seed).renamed("average"));
        settings.common.configure([&mut discriminator, &mut generator].into_iter().chain(&mut average));
        let pool = ImagePools::new("pool", settings.replay_pool, discriminator.input_shape(), settings.common.shards);
        let services = StepServices::new(seed, Range::Unit, &settings.common)
            .noise(&settings.noise)
            .latents(LatentKind::Uniform, settings.latent)
            .averaging(Averaging::constant(settings.ema));
        let options = settings.options();
        Ok(Self {
            settings,
            options,
            services,
            discriminator,
            generator,
            discriminator_optimizer,
            generator_optimizer,
            average,
            pool,
        })
    }

    fn loss(&self, logits: &Var, labels: &Tensor) -> Var {
        match self.settings.bce {
            Bce::Logits => bce_with_logits(logits, labels),
            Bce::KerasClip => bce_keras_clip(&logits.sigmoid(), labels),
        }
    }

    /// Trains the discriminator to tell `reals` from the fakes that the generator makes from these
    /// latents, in one batch, reals first. The fakes are made in inference mode: with running
    /// statistics, without dropout or gradients. Returns the loss, the accuracy, and the mean
    /// outputs on reals and on fakes, before the update.
    ///
    /// # Errors
    /// When a value or gradient is not finite; nothing is updated then.
    pub fn train_discriminator(&mut self, step: u64, reals: &Tensor, latents: &Tensor) -> Result<[f64; 4], StepError> {
        let whole = self.services.at(step);
        let labels = |side, rows: &Tensor, stream| {
            let count = self.services.whole(rows.shape()[0]);
            whole.own(targets(&self.options, side, count, whole.key(stream)))
        };
        let of_reals = labels(Side::Real, reals, "labels of reals");
        let of_fakes = labels(Side::Fake, latents, "labels of fakes");
        let (gradients, result) = whole.mean_over_shards(|at| {
            let fakes = self.generator.infer(&at.rows(latents));
            let fakes = self.pool.query(at, "pool", &fakes);
            let reals = at.rows(reals);
            let sides = Tensor::full([reals.shape()[0], 1], 1.0).concat(&Tensor::zeros([fakes.shape()[0], 1]));
            let labels = at.rows(&of_reals).concat(&at.rows(&of_fakes));
            let images = Var::constant(reals.concat(&fakes));
            at.differentiate("discriminator step", |ctx: &mut ForwardContext| {
                let images = at.augmented(&images, "discriminator step");
                let logits = self.discriminator.forward(ctx, &images);
                let mut loss = self.loss(&logits, &labels);
                if self.settings.r1 > 0.0 {
                    let score = |ctx: &mut ForwardContext, images: &Var| self.discriminator.forward(ctx, images);
                    let augmented_reals = images.value().rows(0..reals.shape()[0]);
                    loss = &loss + &penalty::on_reals(ctx, score, self.settings.r1, &augmented_reals).loss;
                }
                let rows = reals.shape()[0];
                let [real, fake] = [(Side::Real, 0..rows), (Side::Fake, rows..sides.shape()[0])].map(|(side, rows)| {
                    let logits = logits.value().rows(rows.clone());
                    name_scores(self.discriminator.name(), side, &logits);
                    name_seen(self.discriminator.name(), side, Range::Unit, || images.value().rows(rows));
                    mean_and_accuracy(&self.options, &logits, side)[0]
                });
                let result = [f64::from(loss.item()), accuracy(&logits, &sides), real, fake];
                (loss, result)
            })
        })?;
        self.pool.share(whole, "pool")?;
        self.discriminator_optimizer.step(&mut self.discriminator, &gradients);
        Ok(result)
    }

    /// Trains the generator to make the discriminator classify its drawings as real. Both run in
    /// training mode, with dropout; the discriminator is frozen: the gradient flows through it to
    /// the generator. Returns the loss and the accuracy before the update.
    ///
    /// # Errors
    /// When a value or gradient is not finite; nothing is updated then.
    pub fn train_generator(&mut self, step: u64, latents: &Tensor) -> Result<[f64; 2], StepError> {
        let (gradients, result) = self.services.at(step).mean_over_shards(|at| {
            let latents = Var::constant(at.rows(latents));
            let labels = Tensor::full([latents.shape()[0], 1], 1.0);
            at.differentiate("generator step", |ctx: &mut ForwardContext| {
                let fakes = self.generator.forward(ctx, &latents);
                let fakes = at.augmented(&fakes, "generator step");
                let logits = ctx.frozen(|ctx| self.discriminator.forward(ctx, &fakes));
                let loss = self.loss(&logits, &labels);
                let result = [f64::from(loss.item()), accuracy(&logits, &labels)];
                (loss, result)
            })
        })?;
        self.generator_optimizer.step(&mut self.generator, &gradients);
        Ok(result)
    }
}

impl FromLatents for Quickdraw {
    fn kind(&self) -> LatentKind {
        LatentKind::Uniform
    }

    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        self.services.sample_latents(seed, stream, count)
    }

    fn draw(&self, latents: &Tensor) -> Tensor {
        let generator = self.average.as_ref().unwrap_or(&self.generator);
        sampled(generator, latents, self.settings.g_dropout_at_sampling)
    }

    fn forward(&self, ctx: &mut ForwardContext, latents: &Var) -> Result<Var, String> {
        let generator = self.average.as_ref().unwrap_or(&self.generator);
        sampled_in(ctx, generator, latents, self.settings.g_dropout_at_sampling)
    }

    fn draw_raw(&self, latents: &Tensor) -> Option<Tensor> {
        let with_dropout = self.settings.g_dropout_at_sampling;
        self.average.is_some().then(|| sampled(&self.generator, latents, with_dropout))
    }
}

impl System for Quickdraw {
    fn name(&self) -> &'static str {
        "quickdraw"
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        Some([28, 28, 1])
    }

    fn metrics(&self) -> &'static [MetricDescription] {
        &METRICS
    }

    fn batch_size(&self) -> usize {
        self.settings.batch
    }

    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>> {
        let key = self.services.at(step).key("real batch");
        vec![self.services.own_images(&distinct_indices(key, self.settings.batch, available[0]))]
    }

    fn share(&mut self, ranks: Arc<dyn Communicator>) -> Result<(), SettingsError> {
        self.services.share(ranks)
    }

    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, StepError> {
        let batch = self.settings.batch;
        let latents = self.services.at(step).latents("discriminator latents", batch);
        let [d_loss, d_acc, d_real, d_fake] = self.train_discriminator(step, &reals[0], &latents)?;
        let latents = self.services.at(step).latents("generator latents", batch);
        let [g_loss, g_acc] = self.train_generator(step, &latents)?;
        if let Some(average) = &mut self.average {
            self.services.at(step).average([average], [&self.generator], (batch, step));
        }
        Ok(StepMetrics::new(&METRICS, vec![d_loss, d_acc, g_loss, g_acc, d_real, d_fake]))
    }

    fn discriminate(&self, _domain: usize, images: &Var) -> Option<Var> {
        Some(self.discriminator.forward(&mut ForwardContext::inference(), images))
    }

    fn samples(&self) -> Sampler<'_> {
        Sampler::Latents(self)
    }

    fn loss_scale(&self) -> Option<LossScale> {
        Some(self.options.loss_scale())
    }

    fn networks(&self) -> Vec<&Network> {
        vec![&self.discriminator, &self.generator]
    }

    parts!(discriminator, generator, average, discriminator_optimizer, generator_optimizer, pool);
}
