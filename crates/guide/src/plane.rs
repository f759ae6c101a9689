//! The toy of chapters 12 and 13: a GAN whose images are points of the plane, so small that a whole run takes a moment.
//!
//! The reals lie in eight heaps on a circle ([`ring`]); the generator makes points of two latents; the discriminator says how real
//! a point is. Everything is made of the real layers, losses and optimisers. [`Play`] is the step of
//! [`quickdraw`](models::quickdraw), and tells the numbers that a run's `metrics.csv` holds.

use kernels::{Element, Key};
use nn::layers::{Activation, Dense};
use nn::losses::{accuracy, bce_with_logits};
use nn::{Dialect, ForwardContext, Gradients, Network, Optimizer, RngContext, differentiate};
use tensor::{NonFinite, Tensor, Var};

/// The heaps' centres lie on a circle with this radius.
pub const RADIUS: f32 = 2.0;
/// The heaps' deviation.
pub const DEVIATION: f32 = 0.1;

/// The centre of heap `number` of 0 to 7.
pub fn centre(number: usize) -> [f32; 2] {
    let diagonal = RADIUS * 0.5_f32.sqrt();
    let [x, y] = if number.is_multiple_of(2) { [RADIUS, 0.0] } else { [diagonal, diagonal] };
    // A quarter of a turn takes (x, y) to (-y, x).
    (0..number / 2 % 4).fold([x, y], |[x, y], _| [-y, x])
}

/// `count` real points: of shape (count, 2), the heaps in turn.
pub fn ring(count: usize, key: Key) -> Tensor {
    let mut points = nn::init::normal(&[count, 2], 0.0, f64::from(DEVIATION), key);
    for (number, point) in points.data_mut().chunks_exact_mut(2).enumerate() {
        let [x, y] = centre(number);
        (point[0], point[1]) = (point[0] + x, point[1] + y);
    }
    points
}

/// `count` latents: of shape (count, 2), with the normal distribution.
pub fn latents(count: usize, key: Key) -> Tensor {
    Tensor::written([count, 2], |numbers| f32::normal(key, numbers))
}

/// How many heaps hold at least one in 50 of these points, within three deviations of the centre; and the share of points that are
/// in any.
pub fn heaps(points: &Tensor) -> (usize, f64) {
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

/// A network from pairs of numbers, with two hidden layers of `units` each.
pub fn network(name: &str, units: usize, outputs: usize, bend: Activation, seed: u64) -> Network {
    Network::new(name, &[2], Dialect::Keras, seed)
        .with("dense1", Dense::new(units))
        .with("bend1", bend)
        .with("dense2", Dense::new(units))
        .with("bend2", bend)
        .with("dense3", Dense::new(outputs))
}

/// What can be changed about a run. The default is a healthy one.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Reals, and fakes, of a turn.
    pub batch: usize,
    /// Turns of the discriminator in a step.
    pub k: usize,
    /// Turns of the generator in a step.
    pub g_turns: usize,
    /// The discriminator's step size.
    pub d_rate: f64,
    /// The generator's step size.
    pub g_rate: f64,
    /// Whether the generator minimises log(1 - D), which saturates, instead of -log D.
    pub minimax: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { batch: 64, k: 1, g_turns: 1, d_rate: 1e-3, g_rate: 1e-3, minimax: false }
    }
}

/// What a step tells, as `metrics.csv` does; and how long the generator's gradient was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// The discriminator's loss.
    pub d_loss: f64,
    /// The share of points that it put on the right side.
    pub d_acc: f64,
    /// The generator's loss.
    pub g_loss: f64,
    /// The share of fakes that the discriminator took for real.
    pub g_acc: f64,
    /// The mean probability that it gave to reals.
    pub d_real: f64,
    /// The mean probability that it gave to fakes.
    pub d_fake: f64,
    /// The length of the generator's gradient as one vector.
    pub g_gradient: f64,
}

/// A run.
pub struct Play {
    rules: Rules,
    seed: u64,
    turn: u64,
    /// Says how real a point is, as a logit.
    pub discriminator: Network,
    /// Makes points of latents.
    pub generator: Network,
    optimizers: [Optimizer; 2],
}

impl Play {
    /// Fresh networks.
    pub fn new(rules: Rules, seed: u64) -> Self {
        let discriminator = network("discriminator", 32, 1, Activation::LeakyRelu(0.2), seed);
        let generator = network("generator", 32, 2, Activation::LeakyRelu(0.2), seed);
        let optimizer = |network, rate| Optimizer::adam(network, rate, 0.5, 0.999);
        let optimizers = [optimizer(&discriminator, rules.d_rate), optimizer(&generator, rules.g_rate)];
        Self { rules, seed, turn: 0, discriminator, generator, optimizers }
    }

    /// One step: the turns of the discriminator, then those of the generator. Tells of the last turn of each.
    ///
    /// # Errors
    /// When something is not finite.
    pub fn step(&mut self) -> Result<Told, NonFinite> {
        let mut told = Told::default();
        for _ in 0..self.rules.k {
            self.discriminator_turn(&mut told)?;
        }
        for _ in 0..self.rules.g_turns {
            self.generator_turn(&mut told)?;
        }
        Ok(told)
    }

    /// So many steps; tells of the last.
    ///
    /// # Errors
    /// When something is not finite.
    pub fn steps(&mut self, count: usize) -> Result<Told, NonFinite> {
        (0..count).try_fold(Told::default(), |_, _| self.step())
    }

    /// `count` points that the generator makes, always of the same latents.
    pub fn points(&self, count: usize) -> Tensor {
        self.generator.infer(&latents(count, Key::named(self.seed, "samples")))
    }

    fn next(&mut self, purpose: &'static str) -> (RngContext, Key) {
        self.turn += 1;
        let draw = RngContext { seed: self.seed, step: self.turn, purpose };
        (draw, Key::named(self.seed, purpose).at(self.turn as u32))
    }

    fn discriminator_turn(&mut self, told: &mut Told) -> Result<(), NonFinite> {
        let (n, (draw, key)) = (self.rules.batch, self.next("discriminator"));
        let fakes = self.generator.infer(&latents(n, key));
        let points = Var::constant(ring(n, Key { stream: key.stream ^ 1, ..key }).concat(&fakes));
        let labels = Tensor::from_fn([2 * n, 1], |i| f32::from(u8::from(i < n)));
        let (gradients, [loss, right, real, fake]) = differentiate(draw, |ctx: &mut ForwardContext| {
            let verdict = self.discriminator.forward(ctx, &points);
            let loss = bce_with_logits(&verdict, &labels);
            let (real, fake) = verdict.value().data().split_at(n);
            let result =
                [f64::from(loss.item()), accuracy(&verdict, &labels), mean_probability(real), mean_probability(fake)];
            (loss, result)
        })?;
        self.optimizers[0].step(&mut self.discriminator, &gradients);
        (told.d_loss, told.d_acc, told.d_real, told.d_fake) = (loss, right, real, fake);
        Ok(())
    }

    fn generator_turn(&mut self, told: &mut Told) -> Result<(), NonFinite> {
        let (n, (draw, key)) = (self.rules.batch, self.next("generator"));
        let latents = Var::constant(latents(n, key));
        let (ones, zeros) = (Tensor::full([n, 1], 1.0), Tensor::zeros([n, 1]));
        let (gradients, [loss, fooled]) = differentiate(draw, |ctx: &mut ForwardContext| {
            let fakes = self.generator.forward(ctx, &latents);
            let verdict = ctx.frozen(|ctx| self.discriminator.forward(ctx, &fakes));
            let loss = match self.rules.minimax {
                true => bce_with_logits(&verdict, &zeros).neg(),
                false => bce_with_logits(&verdict, &ones),
            };
            let result = [f64::from(loss.item()), accuracy(&verdict, &ones)];
            (loss, result)
        })?;
        self.optimizers[1].step(&mut self.generator, &gradients);
        (told.g_loss, told.g_acc, told.g_gradient) = (loss, fooled, length(&gradients));
        Ok(())
    }
}

/// All gradients as one vector: its length.
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
        let (found, share) = heaps(&ring(800, Key::named(1, "reals")));
        assert!(found == 8 && share > 0.97, "{found}, {share}"); // three deviations hold 98.9% of a heap
        let one = Tensor::from_fn([100, 2], |i| centre(3)[i % 2]);
        assert_eq!(heaps(&one), (1, 1.0));
        assert_eq!(heaps(&Tensor::zeros([100, 2])), (0, 0.0));
    }

    #[test]
    fn a_run_is_decided_by_its_seed() {
        let points = |seed| {
            let mut play = Play::new(Rules::default(), seed);
            play.steps(3).expect("finite");
            play.points(4)
        };
        assert_eq!(points(1), points(1));
        assert_ne!(points(1), points(2));
    }
}
