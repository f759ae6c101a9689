//! The toy of chapters 12 and 13: a GAN whose images are points in the plane, so small that a whole
//! run takes less than a second.
//!
//! The real points form eight clusters on a circle ([`ring`]). The generator maps two latents to a
//! point, and the discriminator outputs a logit for a point. They use the engine's layers, losses
//! and optimisers. [`ToyGan`] has the training step of [`quickdraw`](models::quickdraw), and
//! reports the metrics of a run's `metrics.csv`.

use kernels::{Element, Key};
use nn::layers::{Activation, Dense};
use nn::losses::{accuracy, bce_with_logits};
use nn::{Dialect, ForwardContext, Gradients, Network, Optimizer, RngContext, differentiate};
use tensor::{NonFinite, Tensor, Var};

/// The radius of the circle on which the clusters' centres lie.
pub const RADIUS: f32 = 2.0;
/// The standard deviation of each cluster.
pub const DEVIATION: f32 = 0.1;

/// The centre of cluster `number`, from 0 to 7.
pub fn centre(number: usize) -> [f32; 2] {
    let diagonal = RADIUS * 0.5_f32.sqrt();
    let [x, y] = if number.is_multiple_of(2) { [RADIUS, 0.0] } else { [diagonal, diagonal] };
    // A quarter of a turn takes (x, y) to (-y, x).
    (0..number / 2 % 4).fold([x, y], |[x, y], _| [-y, x])
}

/// `count` real points, of shape (count, 2), from all clusters in turn.
pub fn ring(count: usize, key: Key) -> Tensor {
    let mut points = nn::init::normal(&[count, 2], 0.0, f64::from(DEVIATION), key);
    for (number, point) in points.data_mut().chunks_exact_mut(2).enumerate() {
        let [x, y] = centre(number);
        (point[0], point[1]) = (point[0] + x, point[1] + y);
    }
    points
}

/// `count` standard normal latents, of shape (count, 2).
pub fn latents(count: usize, key: Key) -> Tensor {
    Tensor::written([count, 2], |numbers| f32::normal(key, numbers))
}

/// The number of clusters that at least one in 50 of these points belongs to, and the share of
/// points that belong to any. A point belongs to a cluster if it is within three standard
/// deviations of its centre.
pub fn modes(points: &Tensor) -> (usize, f64) {
    let mut counts = [0; 8];
    for point in points.data().chunks_exact(2) {
        let near = |[x, y]: [f32; 2]| (point[0] - x).powi(2) + (point[1] - y).powi(2) < (3.0 * DEVIATION).powi(2);
        if let Some(number) = (0..8).find(|number| near(centre(*number))) {
            counts[number] += 1;
        }
    }
    let all = points.shape()[0];
    (counts.iter().filter(|count| **count * 50 >= all).count(), counts.iter().sum::<usize>() as f64 / all as f64)
}

/// A network for pairs of numbers, with two hidden layers of `units` units each.
pub fn network(name: &str, units: usize, outputs: usize, activation: Activation, seed: u64) -> Network {
    Network::new(name, &[2], Dialect::Keras, seed)
        .with("dense1", Dense::new(units))
        .with("act1", activation)
        .with("dense2", Dense::new(units))
        .with("act2", activation)
        .with("dense3", Dense::new(outputs))
}

/// The settings of a run. The default trains well.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The number of reals, and of fakes, in a turn.
    pub batch: usize,
    /// Discriminator turns per step.
    pub k: usize,
    /// Generator turns per step.
    pub g_turns: usize,
    /// The learning rate of the discriminator.
    pub d_rate: f64,
    /// The learning rate of the generator.
    pub g_rate: f64,
    /// Whether the generator minimises log(1 - D), which saturates, instead of -log D.
    pub minimax: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { batch: 64, k: 1, g_turns: 1, d_rate: 1e-3, g_rate: 1e-3, minimax: false }
    }
}

/// The metrics of a step, as in `metrics.csv`, and the norm of the generator's gradient.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepReport {
    /// The discriminator's loss.
    pub d_loss: f64,
    /// The share of points that the discriminator classified correctly.
    pub d_acc: f64,
    /// The generator's loss.
    pub g_loss: f64,
    /// The share of fakes that the discriminator took for real.
    pub g_acc: f64,
    /// The mean probability that the discriminator gave to reals.
    pub d_real: f64,
    /// The mean probability that the discriminator gave to fakes.
    pub d_fake: f64,
    /// The norm of the generator's gradient, as one vector.
    pub g_gradient: f64,
}

/// Two networks in training.
pub struct ToyGan {
    rules: Rules,
    seed: u64,
    turn: u64,
    /// Maps points to logits.
    pub discriminator: Network,
    /// Maps latents to points.
    pub generator: Network,
    optimizers: [Optimizer; 2],
}

impl ToyGan {
    /// Fresh networks.
    pub fn new(rules: Rules, seed: u64) -> Self {
        let discriminator = network("discriminator", 32, 1, Activation::LeakyRelu(0.2), seed);
        let generator = network("generator", 32, 2, Activation::LeakyRelu(0.2), seed);
        let optimizer = |network, rate| Optimizer::adam(network, rate, 0.5, 0.999);
        let optimizers = [optimizer(&discriminator, rules.d_rate), optimizer(&generator, rules.g_rate)];
        Self { rules, seed, turn: 0, discriminator, generator, optimizers }
    }

    /// One step: the turns of the discriminator, then those of the generator. Returns the metrics
    /// of the last turn of each.
    ///
    /// # Errors
    /// If a loss or a gradient is not finite.
    pub fn step(&mut self) -> Result<StepReport, NonFinite> {
        let mut report = StepReport::default();
        for _ in 0..self.rules.k {
            self.discriminator_turn(&mut report)?;
        }
        for _ in 0..self.rules.g_turns {
            self.generator_turn(&mut report)?;
        }
        Ok(report)
    }

    /// Takes `count` steps and returns the metrics of the last one.
    ///
    /// # Errors
    /// If a loss or a gradient is not finite.
    pub fn steps(&mut self, count: usize) -> Result<StepReport, NonFinite> {
        (0..count).try_fold(StepReport::default(), |_, _| self.step())
    }

    /// `count` generated points, always from the same latents.
    pub fn points(&self, count: usize) -> Tensor {
        self.generator.infer(&latents(count, Key::named(self.seed, "samples")))
    }

    fn next(&mut self, purpose: &'static str) -> (RngContext, Key) {
        self.turn += 1;
        let random = RngContext { seed: self.seed, step: self.turn, purpose };
        (random, Key::named(self.seed, purpose).at(self.turn as u32))
    }

    fn discriminator_turn(&mut self, report: &mut StepReport) -> Result<(), NonFinite> {
        let (n, (random, key)) = (self.rules.batch, self.next("discriminator"));
        let fakes = self.generator.infer(&latents(n, key));
        let points = Var::constant(ring(n, Key { stream: key.stream ^ 1, ..key }).concat(&fakes));
        let labels = Tensor::from_fn([2 * n, 1], |i| f32::from(u8::from(i < n)));
        let (gradients, [loss, right, real, fake]) = differentiate(random, |ctx: &mut ForwardContext| {
            let logits = self.discriminator.forward(ctx, &points);
            let loss = bce_with_logits(&logits, &labels);
            let (real, fake) = logits.value().data().split_at(n);
            let result =
                [f64::from(loss.item()), accuracy(&logits, &labels), mean_probability(real), mean_probability(fake)];
            (loss, result)
        })?;
        self.optimizers[0].step(&mut self.discriminator, &gradients);
        (report.d_loss, report.d_acc, report.d_real, report.d_fake) = (loss, right, real, fake);
        Ok(())
    }

    fn generator_turn(&mut self, report: &mut StepReport) -> Result<(), NonFinite> {
        let (n, (random, key)) = (self.rules.batch, self.next("generator"));
        let latents = Var::constant(latents(n, key));
        let (ones, zeros) = (Tensor::full([n, 1], 1.0), Tensor::zeros([n, 1]));
        let (gradients, [loss, fooled]) = differentiate(random, |ctx: &mut ForwardContext| {
            let fakes = self.generator.forward(ctx, &latents);
            let logits = ctx.frozen(|ctx| self.discriminator.forward(ctx, &fakes));
            let loss = match self.rules.minimax {
                true => bce_with_logits(&logits, &zeros).neg(),
                false => bce_with_logits(&logits, &ones),
            };
            let result = [f64::from(loss.item()), accuracy(&logits, &ones)];
            (loss, result)
        })?;
        self.optimizers[1].step(&mut self.generator, &gradients);
        (report.g_loss, report.g_acc, report.g_gradient) = (loss, fooled, length(&gradients));
        Ok(())
    }
}

/// The norm of all gradients, taken as one vector.
pub fn length(gradients: &Gradients) -> f64 {
    let numbers = gradients.parameters.iter().flat_map(|(_, gradient)| gradient.data());
    numbers.map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>().sqrt()
}

fn mean_probability(logits: &[f32]) -> f64 {
    let probabilities = Var::constant(Tensor::new(&[logits.len()], logits.to_vec())).sigmoid();
    f64::from(probabilities.mean().item())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reals_lie_in_eight_heaps_on_the_circle() {
        for number in 0..8 {
            let [x, y] = centre(number);
            assert!((x * x + y * y - RADIUS * RADIUS).abs() < 1e-5);
            assert!((0..number).all(|other| centre(other) != [x, y]));
        }
        let (found, share) = modes(&ring(800, Key::named(1, "reals")));
        assert!(found == 8 && share > 0.97, "{found}, {share}"); // three deviations hold 98.9% of a heap
        let one = Tensor::from_fn([100, 2], |i| centre(3)[i % 2]);
        assert_eq!(modes(&one), (1, 1.0));
        assert_eq!(modes(&Tensor::zeros([100, 2])), (0, 0.0));
    }

    #[test]
    fn a_run_is_decided_by_its_seed() {
        let points = |seed| {
            let mut play = ToyGan::new(Rules::default(), seed);
            play.steps(3).expect("finite");
            play.points(4)
        };
        assert_eq!(points(1), points(1));
        assert_ne!(points(1), points(2));
    }
}
