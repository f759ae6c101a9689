//! stylegan2: a style-based GAN that does not grow (Karras, Laine, Aittala, Hellsten, Lehtinen and
//! Aila, "Analyzing and improving the image quality of StyleGAN", 2020; configuration F).
//!
//! Differences from [`stylegan`](crate::systems::stylegan): a style modulates the *weights* of its
//! layer, and the change of scale is demodulated
//! ([`ModulatedConv2d`](nn::layers::ModulatedConv2d)), where StyleGAN normalises the features. An
//! image is the sum of the outputs of all resolutions, which all train from the first step. Two
//! penalties are applied lazily ([`Lazy`]): R1 on the discriminator, and path lengths on the
//! generator.

mod lazy;
mod networks;
mod path_length;
mod settings;

use std::sync::Arc;

use nn::losses::logistic_generator;
use nn::{Communicator, ForwardContext, Network, Optimizer, State, Stateful, StepError};
use tensor::{Tensor, Var};

pub use lazy::Lazy;
pub use networks::{Generator, discriminator};
pub use settings::Settings;

use crate::catalogue::{OriginalLog, Preset, SystemEntry, TrainingData, boxed, preset_table, settings_from};
use crate::growing::{constant_noise, mean};
use crate::step_metrics::{
    Chart, D_FAKE, D_LOSS, D_REAL, G_FAKE, G_LOSS, GRADIENT_NORM, KIMG, MetricDescription, PENALTY, StepMetrics, Unit,
};
use crate::trainer::adversarial::{Side, smooth_logistic};
use crate::trainer::averaging::{Averaging, Decay, follow};
use crate::trainer::batch_sampler::BatchSampler;
use crate::trainer::penalty::{self, Penalty};
use crate::trainer::seen::{name_scores, name_seen};
use crate::trainer::services::{StepContext, StepServices};
use crate::trainer::spec::Range;
use crate::{FromLatents, LatentKind, LossKind, LossScale, Sampler, SettingsError, Styles, System};

const RANGE: Range = Range::Symmetric;
const BETAS: [f64; 2] = [0.0, 0.99];

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "stylegan2",
    about: "like stylegan, but does not grow: styles scale the convolution weights; square pictures of any kind, grey or colour",
    presets: &[
        Preset {
            name: "cpu",
            about: "32x32, colour, up to 64 channels, batch 16: 160,000 images shown",
            steps: 10_000,
        },
        Preset { name: "grey", about: "the same for grey pictures", steps: 10_000 },
        Preset {
            name: "original",
            about: "the authors' configuration F: 1024x1024, 25 million images shown; years on a small CPU",
            steps: 781_250,
        },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(StyleGan2::new(&settings_from(settings)?, seed)),
    data: TrainingData::Any,
    log: OriginalLog::NvidiaTicks,
    missing_switch: crate::systems::stylegan::missing_switch,
};

/// The two networks and all other training state.
pub struct StyleGan2 {
    settings: Settings,
    services: StepServices,
    sampler: BatchSampler,
    /// Images to logits.
    pub discriminator: Network,
    /// Latents to images.
    pub generator: Generator,
    /// The generator with the moving average of its weights.
    pub average: Generator,
    discriminator_optimizer: Optimizer,
    generator_optimizer: Optimizer,
    lazy: LazyNumbers,
}

/// The state of the lazy penalties.
#[derive(Clone, Copy, Default)]
struct LazyNumbers {
    /// The running mean of the path lengths.
    path_length: f32,
    /// The metrics of the last penalty updates, which are reported again in the steps between.
    path_penalty: f32,
    penalty: f32,
    gradient_norm: f32,
}

const LAZY_NUMBERS: &str = "lazy.numbers";

impl Stateful for LazyNumbers {
    fn save(&self, state: &mut State) {
        let numbers = vec![self.path_length, self.path_penalty, self.penalty, self.gradient_norm];
        state.tensors.insert(LAZY_NUMBERS.into(), Tensor::new(&[4], numbers));
    }

    fn load(&mut self, state: &State) {
        let numbers = &state.tensors[LAZY_NUMBERS];
        if numbers.is_meta() {
            return;
        }
        let &[path_length, path_penalty, penalty, gradient_norm] = numbers.data() else {
            unreachable!("a state is accepted with the shapes that were saved")
        };
        *self = Self { path_length, path_penalty, penalty, gradient_norm };
    }
}

/// The four before `kimg` are from the most recent step with a penalty update; 0 before the first
/// one.
const METRICS: [MetricDescription; 10] = [
    D_LOSS,
    G_LOSS,
    D_REAL,
    D_FAKE,
    G_FAKE,
    PENALTY,
    GRADIENT_NORM,
    MetricDescription::new("path_length", Unit::Norm, "The running mean of the path lengths.").on(Chart::PATH, "path"),
    MetricDescription::new("path_penalty", Unit::Loss, "The path length penalty, as added to the generator's loss."),
    KIMG,
];

impl StyleGan2 {
    /// New networks.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn new(settings: &Settings, seed: u64) -> Result<Self, SettingsError> {
        crate::Settings::check(settings)?;
        let (s, sampler, lazy) = (settings.clone(), BatchSampler::new(true, true), LazyNumbers::default());
        let mut discriminator = discriminator(&s, seed);
        s.common.configure_discriminators([&mut discriminator]);
        let [mut generator, mut average] = ["generator", "average"].map(|name| Generator::new(name, &s, seed));
        let generators = generator.parts_mut().into_iter().chain(average.parts_mut());
        s.common.configure(generators.chain([&mut discriminator]));
        follow(average.parts_mut(), generator.parts(), 0.0);
        let (learning_rate, rule) = s.on_reals().adam(s.learning_rate, BETAS);
        let discriminator_optimizer = Optimizer::new(&discriminator, rule, learning_rate);
        let (learning_rate, rule) = s.on_paths().adam(s.learning_rate, BETAS);
        let generator_optimizer = Optimizer::of_several("generator", &generator.parts(), rule, learning_rate);
        let services = StepServices::new(seed, RANGE, &s.common)
            .noise(&s.noise)
            .latents(LatentKind::Normal, s.maps().latent())
            .averaging(Averaging { decay: Decay::HalfLife { kimg: s.ema_kimg }, ramp_up: s.ema_ramp_up });
        let settings = s;
        Ok(Self {
            settings,
            services,
            sampler,
            discriminator,
            generator,
            average,
            discriminator_optimizer,
            generator_optimizer,
            lazy,
        })
    }

    /// Trains the generator against the frozen discriminator. Returns the loss and the
    /// discriminator's mean output on the fakes, before the update.
    fn train_generator(&mut self, step: u64) -> Result<[f64; 2], StepError> {
        let at = self.services.at(step);
        let latents = at.latents("generator latents", self.settings.batch);
        let (gradients, report) = at.mean_over_shards(|at| {
            let latents = Var::constant(at.rows(&latents));
            at.differentiate("generator turn", |ctx| {
                let images = self.generator.paint(ctx, &latents);
                let augmented = at.augmented(&images, "the generator's turn");
                let logits = ctx.frozen(|ctx| self.discriminator.forward(ctx, &augmented));
                let loss = logistic_generator(&logits);
                let report = [f64::from(loss.item()), mean(&logits)];
                (loss, report)
            })
        })?;
        self.generator_optimizer.step_several(&mut self.generator.parts_mut(), &gradients);
        Ok(report)
    }

    /// Runs an update of the generator with the path length penalty. As in the authors' program,
    /// each shard compares its lengths with a mean that contains only these new lengths.
    fn regularize_paths(&mut self, step: u64) -> Result<(), StepError> {
        let (s, Lazy { weight, interval }) = (&self.settings, self.settings.on_paths());
        let at = self.services.at(step);
        let latents = at.latents("path latents", s.path_batch());
        let (gradients, report) = at.mean_over_shards(|at| {
            let latents = Var::constant(at.rows(&latents));
            at.differentiate("path length turn", |ctx| {
                let lengths = self.generator.path_lengths(ctx, &latents, at.key("directions of pictures"));
                let before = f64::from(self.lazy.path_length);
                let [mean, variance] = path_length::mean_and_variance(&lengths, before, s.path_decay);
                let penalty = variance.scale(weight);
                let report = [&mean, &penalty].map(|var| f64::from(var.item()));
                (penalty.scale(interval as f64), report)
            })
        })?;
        self.generator_optimizer.step_several(&mut self.generator.parts_mut(), &gradients);
        [self.lazy.path_length, self.lazy.path_penalty] = report.map(|number| number as f32);
        Ok(())
    }

    /// Trains the discriminator to tell `reals` from fakes. Returns the loss and the mean outputs
    /// on reals and on fakes, before the update.
    fn train_discriminator(&mut self, step: u64, reals: &Tensor) -> Result<[f64; 3], StepError> {
        let at = self.services.at(step);
        let latents = at.latents("discriminator latents", self.settings.batch);
        let (gradients, report) = at.mean_over_shards(|at| {
            let reals = &self.seen_reals(at, reals);
            let latents = Var::constant(at.rows(&latents));
            let fakes = at.without_gradients("fakes", |ctx| self.generator.paint(ctx, &latents)).detach();
            let fakes = at.augmented(&fakes, "fakes");
            at.differentiate("discriminator turn", |ctx| {
                let [real, fake] = [reals, &fakes].map(|images| self.discriminator.forward(ctx, images));
                let loss = smooth_logistic(&real, &fake, self.settings.label_smooth);
                let name = self.discriminator.name();
                for (side, logits, images) in [(Side::Real, &real, reals), (Side::Fake, &fake, &fakes)] {
                    name_scores(name, side, logits.value());
                    name_seen(name, side, RANGE, || images.value().clone());
                }
                let report = [f64::from(loss.item()), mean(&real), mean(&fake)];
                (loss, report)
            })
        })?;
        self.discriminator_optimizer.step(&mut self.discriminator, &gradients);
        Ok(report)
    }

    /// Runs an update of the discriminator with the R1 penalty on `reals`.
    fn regularize_discriminator(&mut self, step: u64, reals: &Tensor) -> Result<(), StepError> {
        let Lazy { weight, interval } = self.settings.on_reals();
        let (gradients, report) = self.services.at(step).mean_over_shards(|at| {
            let reals = self.seen_reals(at, reals);
            at.differentiate("penalty turn", |ctx| {
                let score = |ctx: &mut ForwardContext, images: &Var| self.discriminator.forward(ctx, images);
                let Penalty { loss, gradient_norm, .. } = penalty::on_reals(ctx, score, weight, reals.value());
                let report = [f64::from(loss.item()), gradient_norm];
                (loss.scale(interval as f64), report)
            })
        })?;
        self.discriminator_optimizer.step(&mut self.discriminator, &gradients);
        [self.lazy.penalty, self.lazy.gradient_norm] = report.map(|number| number as f32);
        Ok(())
    }

    /// The reals of the shard of `at` as the discriminator receives them.
    fn seen_reals(&self, at: StepContext<'_>, reals: &Tensor) -> Var {
        at.augmented(&Var::constant(RANGE.inward(&at.rows(reals))), "reals")
    }
}

impl System for StyleGan2 {
    fn name(&self) -> &'static str {
        "stylegan2"
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        let Settings { size, channels, .. } = self.settings;
        Some([size, size, channels])
    }

    fn metrics(&self) -> &'static [MetricDescription] {
        &METRICS
    }

    fn batch_size(&self) -> usize {
        self.settings.batch
    }

    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>> {
        let batch = self.settings.batch;
        let images = self.sampler.stretch(self.services.seed(), step * batch as u64, batch, available[0]);
        vec![self.services.own_images(&images)]
    }

    fn share(&mut self, ranks: Arc<dyn Communicator>) -> Result<(), SettingsError> {
        self.services.share(ranks)
    }

    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, StepError> {
        let shown = (step + 1) * self.settings.batch as u64;
        let reals = &reals[0];

        let [g_loss, g_fake] = self.train_generator(step)?;
        if self.settings.on_paths().is_due(step) {
            self.regularize_paths(step)?;
        }
        let [d_loss, d_real, d_fake] = self.train_discriminator(step, reals)?;
        let averaged = (self.settings.batch, step);
        self.services.at(step).average(self.average.parts_mut(), self.generator.parts(), averaged);
        if self.settings.on_reals().is_due(step) {
            self.regularize_discriminator(step, reals)?;
        }

        let LazyNumbers { path_length, path_penalty, penalty, gradient_norm } = self.lazy;
        let [penalty, gradient_norm, path_length, path_penalty] =
            [penalty, gradient_norm, path_length, path_penalty].map(f64::from);
        let kimg = shown as f64 / 1000.0;
        let values =
            vec![d_loss, g_loss, d_real, d_fake, g_fake, penalty, gradient_norm, path_length, path_penalty, kimg];
        Ok(StepMetrics::new(&METRICS, values))
    }

    fn discriminate(&self, _domain: usize, images: &Var) -> Option<Var> {
        Some(self.discriminator.forward(&mut ForwardContext::inference(), &RANGE.inward_var(images)))
    }

    fn samples(&self) -> Sampler<'_> {
        Sampler::Latents(self)
    }

    fn loss_scale(&self) -> Option<LossScale> {
        Some(LossScale::summed(LossKind::CrossEntropy, self.settings.label_smooth))
    }

    fn networks(&self) -> Vec<&Network> {
        [vec![&self.discriminator], self.generator.parts()].concat()
    }

    fn parts(&self) -> Vec<&dyn Stateful> {
        let networks = [vec![&self.discriminator], self.generator.parts(), self.average.parts()].concat();
        let rest: [&dyn Stateful; 3] = [&self.discriminator_optimizer, &self.generator_optimizer, &self.lazy];
        networks.into_iter().map(|network| network as &dyn Stateful).chain(rest).collect()
    }

    fn parts_mut(&mut self) -> Vec<&mut dyn Stateful> {
        let generators = [self.generator.parts_mut(), self.average.parts_mut()].into_iter().flatten();
        let networks = [&mut self.discriminator].into_iter().chain(generators);
        let rest: [&mut dyn Stateful; 3] =
            [&mut self.discriminator_optimizer, &mut self.generator_optimizer, &mut self.lazy];
        networks.map(|network| network as &mut dyn Stateful).chain(rest).collect()
    }
}

/// The pictures that a generator makes from latents.
fn pictures(generator: &Generator, latents: &Tensor) -> Tensor {
    RANGE.pictures(&generator.paint(&mut ForwardContext::inference(), &Var::constant(latents.clone())))
}

impl FromLatents for StyleGan2 {
    fn kind(&self) -> LatentKind {
        self.services.latent_kind()
    }

    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        self.services.sample_latents(seed, stream, count)
    }

    fn draw(&self, latents: &Tensor) -> Tensor {
        pictures(&self.average, latents)
    }

    fn forward(&self, ctx: &mut ForwardContext, latents: &Var) -> Result<Var, String> {
        Ok(RANGE.pictures_var(&self.average.paint(ctx, latents)))
    }

    fn draw_raw(&self, latents: &Tensor) -> Option<Tensor> {
        Some(pictures(&self.generator, latents))
    }

    fn styles(&self) -> Option<&dyn Styles> {
        Some(self)
    }
}

impl Styles for StyleGan2 {
    fn styles_of(&self, latents: &Tensor) -> Tensor {
        self.average.styles(&mut ForwardContext::inference(), &Var::constant(latents.clone())).into_value()
    }

    fn mean_style(&self) -> Tensor {
        self.average.mean_style().clone()
    }

    fn layers(&self) -> usize {
        self.average.layers()
    }

    fn style_weights(&self) -> Vec<Tensor> {
        self.average.style_weights()
    }

    fn noise(&self) -> Vec<(String, Tensor)> {
        constant_noise(&self.average.parts())
    }

    fn paint_styled(&self, ctx: &mut ForwardContext, styles: &[Var]) -> Var {
        self.average.paint_styled(ctx, styles)
    }
}
