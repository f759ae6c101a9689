//! [`MuseumGan`]: a small GAN whose training step can make one mistake at a time.

use std::collections::BTreeMap;

use kernels::Key;
use models::step_metrics::{Chart, D_ACC, D_FAKE, D_LOSS, D_REAL, G_ACC, G_LOSS, Unit};
use models::{
    FromLatents, LatentKind, LossKind, LossScale, MetricDescription, Sampler, SettingsError, StepError, StepMetrics,
    System,
};
use nn::layers::{Activation, BatchNorm, Dense, Flatten, Reshape};
use nn::losses::{accuracy, bce_with_logits};
use nn::{
    Dialect, ForwardContext, Gradients, Network, Optimizer, RngContext, State, Stateful, TensorKind, differentiate,
};
use serde::{Deserialize, Serialize};
use tensor::{NonFinite, Tensor, Var};

use crate::Bug;

/// Real images per step, and as many fakes.
const BATCH: usize = 32;
const LATENT: usize = 32;

/// The spread of fakes.
const DIVERSITY: MetricDescription = MetricDescription::new(
    "diversity",
    Unit::Share,
    "The mean standard deviation of a pixel over 32 samples, divided by that over the reals of the step.",
)
.on(Chart { file: "diversity", title: "Diversity of the samples", label: "Samples / reals", range: None }, "diversity");
/// What the discriminator thinks of samples.
const D_SAMPLE: MetricDescription = MetricDescription::new(
    "d_sample",
    Unit::Score,
    "The discriminator's mean output on samples, which the generator makes in inference mode.",
);
/// The size of the generator's gradient.
const G_GRADIENT: MetricDescription =
    MetricDescription::new("g_gradient", Unit::Norm, "The norm of the gradient of the generator's loss.").on(
        Chart { file: "g_gradient", title: "Norm of the generator's gradient", label: "Norm", range: None },
        "generator",
    );
const METRICS: [MetricDescription; 9] = [D_LOSS, D_ACC, G_LOSS, G_ACC, D_REAL, D_FAKE, D_SAMPLE, DIVERSITY, G_GRADIENT];

/// The settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// The mistake.
    pub(crate) bug: Bug,
    /// The discriminator's learning rate.
    pub(crate) d_learning_rate: f64,
    /// The generator's learning rate.
    pub(crate) g_learning_rate: f64,
}

/// The networks, and everything else that a step changes.
pub(crate) struct MuseumGan {
    settings: Settings,
    seed: u64,
    discriminator: Network,
    generator: Network,
    d_optimizer: Optimizer,
    g_optimizer: Optimizer,
    kept: Kept,
}

/// The sums of all gradients so far, for [`Bug::KeptGradients`].
#[derive(Default)]
struct Kept(BTreeMap<String, Tensor>);

impl Kept {
    /// Adds `gradients` to the sums, and replaces them by these.
    fn accumulate(&mut self, gradients: &mut Gradients) {
        for (name, gradient) in &mut gradients.parameters {
            if let Some(kept) = self.0.get(name) {
                *gradient = (&Var::constant(gradient.clone()) + &Var::constant(kept.clone())).into_value();
            }
            self.0.insert(name.clone(), gradient.clone());
        }
    }
}

impl Stateful for Kept {
    fn save(&self, state: &mut State) {
        state.tensors.extend(self.0.iter().map(|(name, sum)| (format!("kept.{name}"), sum.clone())));
    }

    fn load(&mut self, state: &State) {
        for (name, sum) in &mut self.0 {
            *sum = state.tensors[&format!("kept.{name}")].clone();
        }
    }
}

fn discriminator(bug: Bug, seed: u64) -> Network {
    let slope = if bug == Bug::DeadUnits { Activation::Relu } else { Activation::LeakyRelu(0.2) };
    Network::new("discriminator", &[28, 28, 1], Dialect::Torch, seed)
        .with("flatten", Flatten)
        .with("dense1", Dense::new(128))
        .with("activation1", slope)
        .with("dense2", Dense::new(64))
        .with("activation2", slope)
        .with("logit", Dense::new(1))
}

fn generator(seed: u64) -> Network {
    let hidden = |network: Network, number, units| {
        network
            .with(&format!("dense{number}"), Dense::new(units))
            .with(&format!("norm{number}"), BatchNorm::default())
            .with(&format!("relu{number}"), Activation::Relu)
    };
    let start = Network::new("generator", &[LATENT], Dialect::Torch, seed);
    hidden(hidden(start, 1, 64), 2, 128)
        .with("dense3", Dense::new(28 * 28))
        .with("tanh", Activation::Tanh)
        .with("reshape", Reshape(vec![28, 28, 1]))
}

/// Changes the parameters whose names end with `suffix`.
fn change(network: &mut Network, suffix: &str, to: impl Fn(f32) -> f32) {
    for (name, kind, tensor) in network.tensors_mut() {
        if kind == TensorKind::Parameter && name.ends_with(suffix) {
            tensor.data_mut().iter_mut().for_each(|x| *x = to(*x));
        }
    }
}

/// The cross-entropy of probabilities as a formula book has it: wrong where a probability is
/// rounded to 0 or 1, because then a logarithm is infinite.
fn naive_cross_entropy(probabilities: &Var, targets: &Tensor) -> Var {
    let targets = Var::constant(targets.clone());
    let for_ones = &targets * &probabilities.log();
    let for_zeros = &targets.neg().add_scalar(1.0) * &probabilities.neg().add_scalar(1.0).log();
    (&for_ones + &for_zeros).mean().neg()
}

/// The mean standard deviation of a pixel over a batch of images.
fn spread(images: &Var) -> f64 {
    let [_, height, width, channels] = images.shape()[..] else { unreachable!("images have four dimensions") };
    let one = [1, height, width, channels];
    let variance = (images - &images.mean_to(one)).square().mean_to(one);
    f64::from(variance.sqrt().mean().item())
}

impl MuseumGan {
    /// The GAN with these settings, with weights drawn from `seed`.
    pub(crate) fn new(settings: Settings, seed: u64) -> Self {
        let Settings { bug, d_learning_rate, g_learning_rate } = settings;
        let (mut discriminator, mut generator) = (discriminator(bug, seed), generator(seed));
        if bug == Bug::LargeWeights {
            for network in [&mut discriminator, &mut generator] {
                change(network, ".weight", |x| 10.0 * x);
            }
        }
        if bug == Bug::DeadUnits {
            change(&mut discriminator, "dense1.bias", |_| -100.0);
        }
        let factor = if bug == Bug::HighRate { 100.0 } else { 1.0 };
        let optimizer = |network: &Network, others: &[&Network], rate: f64| {
            let rule = nn::Adam { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
            let networks = [&[network], others].concat();
            Optimizer::of_several(network.name(), &networks, rule, factor * rate)
        };
        let of_d: &[&Network] = if bug == Bug::NoCut { &[&generator] } else { &[] };
        let of_g: &[&Network] = if bug == Bug::NoFreeze { &[&discriminator] } else { &[] };
        let d_optimizer = optimizer(&discriminator, of_d, d_learning_rate);
        let g_optimizer = optimizer(&generator, of_g, g_learning_rate);
        let mut kept = Kept::default();
        if bug == Bug::KeptGradients {
            let zero = |(name, kind, tensor): (String, TensorKind, &Tensor)| {
                (kind == TensorKind::Parameter).then(|| (name, Tensor::zeros(*tensor.shape())))
            };
            kept.0 = [&discriminator, &generator].into_iter().flat_map(Network::tensors).filter_map(zero).collect();
        }
        Self { settings, seed, discriminator, generator, d_optimizer, g_optimizer, kept }
    }

    fn bug(&self) -> Bug {
        self.settings.bug
    }

    /// The latents of a turn.
    fn step_latents(&self, step: u64, purpose: &str) -> Var {
        let step = if self.bug() == Bug::SameLatents { 0 } else { step };
        let purpose = if self.bug() == Bug::SameLatents { "latents" } else { purpose };
        Var::constant(LatentKind::Normal.draw(BATCH, LATENT, Key::named(self.seed, purpose).at(step as u32)))
    }

    fn cross_entropy(&self, logits: &Var, targets: &Tensor) -> Var {
        match self.bug() {
            Bug::NaiveLoss => naive_cross_entropy(&logits.sigmoid(), targets),
            Bug::DoubleSigmoid => bce_with_logits(&logits.sigmoid(), targets),
            _ => bce_with_logits(logits, targets),
        }
    }

    /// The discriminator's turn: its loss, its accuracy, and its mean output on reals and fakes.
    fn discriminator_turn(&mut self, step: u64, reals: &Var) -> Result<[f64; 4], NonFinite> {
        let latents = self.step_latents(step, "discriminator latents");
        let labels = |label| Tensor::full([BATCH, 1], label);
        let (of_reals, of_fakes) =
            if self.bug() == Bug::SwappedLabels { (labels(0.0), labels(1.0)) } else { (labels(1.0), labels(0.0)) };
        let random = RngContext { seed: self.seed, step, purpose: "discriminator turn" };
        let (mut gradients, report) = differentiate(random, |ctx| {
            let fakes = match self.bug() {
                Bug::NoCut => self.generator.forward(ctx, &latents),
                _ => ctx.frozen(|ctx| self.generator.forward(ctx, &latents)).detach(),
            };
            let [real, fake] = [reals, &fakes].map(|images| self.discriminator.forward(ctx, images));
            let loss_on_reals = self.cross_entropy(&real, &of_reals);
            let loss_on_fakes = self.cross_entropy(&fake, &of_fakes);
            let loss = match self.bug() {
                Bug::ForgottenReals => loss_on_fakes,
                _ => (&loss_on_reals + &loss_on_fakes).scale(0.5),
            };
            let right = (accuracy(&real, &of_reals) + accuracy(&fake, &of_fakes)) / 2.0;
            let numbers = [f64::from(loss.item()), right, self.probability(&real), self.probability(&fake)];
            (loss, numbers)
        })?;
        if self.bug() == Bug::KeptGradients {
            self.kept.accumulate(&mut gradients);
        }
        self.d_optimizer.step_several(&mut [&mut self.discriminator, &mut self.generator], &gradients);
        Ok(report)
    }

    /// The generator's turn: its loss, the share of fakes that are taken for reals, and the norm of
    /// the gradient.
    fn generator_turn(&mut self, step: u64) -> Result<[f64; 3], NonFinite> {
        let latents = self.step_latents(step, "generator latents");
        let real = Tensor::full([BATCH, 1], 1.0);
        let random = RngContext { seed: self.seed, step, purpose: "generator turn" };
        let (mut gradients, [loss, fooled]) = differentiate(random, |ctx| {
            let fakes = self.generator.forward(ctx, &latents);
            let judge = |ctx: &mut ForwardContext| self.discriminator.forward(ctx, &fakes);
            let logits = if self.bug() == Bug::NoFreeze { judge(ctx) } else { ctx.frozen(judge) };
            let loss = match self.bug() {
                Bug::SaturatingLoss => logits.softplus().mean().neg(),
                _ => self.cross_entropy(&logits, &real),
            };
            let numbers = [f64::from(loss.item()), accuracy(&logits, &real)];
            (loss, numbers)
        })?;
        let of_generator = gradients.parameters.iter().filter(|(name, _)| name.starts_with("generator."));
        let squares: f64 = of_generator.flat_map(|(_, gradient)| gradient.data()).map(|x| f64::from(*x).powi(2)).sum();
        match self.bug() {
            Bug::KeptGradients => self.kept.accumulate(&mut gradients),
            Bug::StaleStatistics => gradients.buffers.clear(),
            _ => {}
        }
        self.g_optimizer.step_several(&mut [&mut self.generator, &mut self.discriminator], &gradients);
        Ok([loss, fooled, squares.sqrt()])
    }

    /// The mean output as a probability.
    fn probability(&self, outputs: &Var) -> f64 {
        f64::from(outputs.detach().sigmoid().mean().item())
    }
}

impl System for MuseumGan {
    fn name(&self) -> &'static str {
        "museum"
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        Some([28, 28, 1])
    }

    fn metrics(&self) -> &'static [MetricDescription] {
        &METRICS
    }

    fn batch_size(&self) -> usize {
        BATCH
    }

    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>> {
        vec![(0..BATCH).map(|index| (step as usize * BATCH + index) % available[0]).collect()]
    }

    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, StepError> {
        let images = Var::constant(reals[0].clone());
        let symmetric = images.affine(2.0, -1.0);
        let shown = if self.bug() == Bug::UnscaledData { images.scale(255.0) } else { symmetric.clone() };
        let [d_loss, d_acc, d_real, d_fake] = self.discriminator_turn(step, &shown)?;
        let [g_loss, g_acc, g_gradient] = self.generator_turn(step)?;
        let samples = Var::constant(self.generator.infer(&self.latents(self.seed, "diversity", BATCH)));
        let d_sample = self.probability(&Var::constant(self.discriminator.infer(samples.value())));
        let diversity = spread(&samples) / spread(&symmetric);
        let values = vec![d_loss, d_acc, g_loss, g_acc, d_real, d_fake, d_sample, diversity, g_gradient];
        Ok(StepMetrics::new(&METRICS, values))
    }

    fn loss_scale(&self) -> Option<LossScale> {
        Some(LossScale::summed(LossKind::CrossEntropy, 1.0).halved())
    }

    fn samples(&self) -> Sampler<'_> {
        Sampler::Latents(self)
    }

    fn networks(&self) -> Vec<&Network> {
        vec![&self.discriminator, &self.generator]
    }

    fn parts(&self) -> Vec<&dyn Stateful> {
        vec![&self.discriminator, &self.generator, &self.d_optimizer, &self.g_optimizer, &self.kept]
    }

    fn parts_mut(&mut self) -> Vec<&mut dyn Stateful> {
        let Self { discriminator, generator, d_optimizer, g_optimizer, kept, .. } = self;
        vec![discriminator, generator, d_optimizer, g_optimizer, kept]
    }
}

impl FromLatents for MuseumGan {
    fn kind(&self) -> LatentKind {
        LatentKind::Normal
    }

    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        LatentKind::Normal.draw(count, LATENT, Key::named(seed, stream))
    }

    fn draw(&self, latents: &Tensor) -> Tensor {
        let images = Var::constant(self.generator.infer(latents));
        match self.bug() {
            // A program that does not scale the reals also takes the fakes to have their range.
            Bug::UnscaledData => images.scale(1.0 / 255.0).clamp(0.0, 1.0).into_value(),
            _ => images.affine(0.5, 0.5).into_value(),
        }
    }
}

/// The GAN as [`runs`] trains it.
pub(crate) fn trainable(settings: Settings) -> runs::systems::Trainable {
    runs::systems::Trainable::with_settings(settings, |settings: Settings, seed| -> Result<_, SettingsError> {
        Ok(MuseumGan::new(settings, seed))
    })
}
