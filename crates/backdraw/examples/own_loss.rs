//! Your own loss and its switch: a relativistic GAN (Jolicoeur-Martineau, "The relativistic
//! discriminator", 2018) and the usual logistic loss, in `runs/relativistic` and `runs/logistic`.

use backdraw::prelude::*;
use serde::{Deserialize, Serialize};

const LATENT: usize = 16;
const METRICS: [MetricDescription; 2] = [D_LOSS, G_LOSS];

/// The settings: the table `[own-loss]` of a run's `config.toml`.
#[derive(Clone, Serialize, Deserialize)]
struct Settings {
    batch: usize,
    learning_rate: f64,
    /// Whether the discriminator judges reals relative to fakes.
    relativistic: bool,
}

/// The loss of a player who wants `better` to have larger logits than `worse`; both have the shape
/// (batch, 1).
fn relativistic(better: &Var, worse: &Var) -> Var {
    (worse - better).softplus().mean()
}

struct OwnLoss {
    settings: Settings,
    seed: u64,
    batches: BatchSampler,
    discriminator: Network,
    generator: Network,
    optimizers: [Optimizer; 2],
}

impl OwnLoss {
    fn new(settings: Settings, seed: u64) -> Result<Self, SettingsError> {
        if settings.batch == 0 {
            return Err(SettingsError { key: "batch", why: "it must be at least 1".into() });
        }
        let discriminator = Network::new("discriminator", &[28, 28, 1], Dialect::Torch, seed)
            .with("flatten", Flatten)
            .with("dense1", Dense::new(128))
            .with("lrelu", Activation::LeakyRelu(0.2))
            .with("dense2", Dense::new(1));
        let generator = Network::new("generator", &[LATENT], Dialect::Torch, seed)
            .with("dense1", Dense::new(128))
            .with("lrelu", Activation::LeakyRelu(0.2))
            .with("dense2", Dense::new(28 * 28))
            .with("sigmoid", Activation::Sigmoid)
            .with("reshape", Reshape(vec![28, 28, 1]));
        let rate = settings.learning_rate;
        let optimizers = [&discriminator, &generator].map(|network| Optimizer::adam(network, rate, 0.5, 0.999));
        Ok(Self { settings, seed, batches: BatchSampler::new(true, true), discriminator, generator, optimizers })
    }

    fn losses(&self, real: &Var, fake: &Var) -> [Var; 2] {
        if self.settings.relativistic {
            return [relativistic(real, fake), relativistic(fake, real)];
        }
        [logistic_discriminator(real, fake), logistic_generator(fake)]
    }
}

#[rustfmt::skip] // short methods in one line each
impl System for OwnLoss {
    fn name(&self) -> &'static str { "own-loss" }
    fn image_shape(&self) -> Option<[usize; 3]> { Some([28, 28, 1]) }
    fn metrics(&self) -> &'static [MetricDescription] { &METRICS }
    fn batch_size(&self) -> usize { self.settings.batch }
    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>> {
        vec![self.batches.mini_batch(self.seed, step, self.settings.batch, available[0])]
    }
    fn samples(&self) -> Sampler<'_> { Sampler::Latents(self) }
    fn networks(&self) -> Vec<&Network> { vec![&self.discriminator, &self.generator] }
    parts!(discriminator, generator, optimizers);

    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, StepError> {
        let (reals, mut numbers) = (Var::constant(reals[0].clone()), Vec::new());
        let latents = Var::constant(self.latents(self.seed, &format!("step {step}"), self.settings.batch));
        for (player, purpose) in ["discriminator", "generator"].into_iter().enumerate() {
            let (gradients, loss) = differentiate(RngContext { seed: self.seed, step, purpose }, |ctx| {
                // The network that does not learn is frozen.
                let make = |ctx: &mut ForwardContext| self.generator.forward(ctx, &latents);
                let fakes = if player == 0 { ctx.frozen(make) } else { make(ctx) };
                let judge = |ctx: &mut ForwardContext| [&reals, &fakes].map(|x| self.discriminator.forward(ctx, x));
                let [real, fake] = if player == 0 { judge(ctx) } else { ctx.frozen(judge) };
                let loss = self.losses(&real, &fake)[player].clone();
                let number = f64::from(loss.item());
                (loss, number)
            })?;
            let network = if player == 0 { &mut self.discriminator } else { &mut self.generator };
            self.optimizers[player].step(network, &gradients);
            numbers.push(loss);
        }
        Ok(StepMetrics::new(&METRICS, numbers))
    }
}

#[rustfmt::skip]
impl FromLatents for OwnLoss {
    fn kind(&self) -> LatentKind { LatentKind::Normal }
    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        LatentKind::Normal.draw(count, LATENT, Key::named(seed, stream))
    }
    fn draw(&self, latents: &Tensor) -> Tensor { self.generator.infer(latents) }
}

/// Trains with each of the two losses, in run folders below `out`.
pub(crate) fn run(out: &str, steps: u32) -> Result<(), Failure> {
    for (name, relativistic) in [("relativistic", true), ("logistic", false)] {
        let settings = Settings { batch: 32, learning_rate: 1e-3, relativistic };
        let run = Run::of(Trainable::with_settings(settings, OwnLoss::new)).data("built-in");
        run.steps(steps).out(format!("{out}/{name}")).train()?;
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    run("runs", 300)
}
