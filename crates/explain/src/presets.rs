//! Small examples for teaching: a step in which every number can be checked by hand (`scalar`), one
//! that the page can recompute (`mlp`), and one whose graph fits on the screen (`gan`). They use
//! the same layers, losses and optimisers as the systems.

use core::f32::consts::TAU;

use kernels::scalar;
use nn::init::uniform;
use nn::layers::{Activation, Dense};
use nn::losses::{bce_with_logits, mse};
use nn::{
    BuildContext, Dialect, ForwardContext, Layer, Network, Optimizer, RngContext, Sgd, State, Stateful, TensorKind,
    differentiate,
};
use tensor::{NonFinite, Tensor, Var};

use crate::recorder::{Recorder, Recording};

/// An example, as `train explain --help` lists it.
pub struct Preset {
    /// The name to type.
    pub name: &'static str,
    /// A description.
    pub about: &'static str,
    /// Its data.
    pub data: &'static str,
    /// The number of images, points or rows.
    pub batch: usize,
    make: fn(u64) -> Lesson,
}

/// Every example.
pub static PRESETS: [Preset; 3] = [
    Preset {
        name: "scalar",
        about: "one neuron, three weights",
        data: "two numbers and a target",
        batch: 1,
        make: scalar,
    },
    Preset {
        name: "mlp",
        about: "two dense layers that learn XOR",
        data: "the four rows of the truth table of XOR",
        batch: 4,
        make: mlp,
    },
    Preset {
        name: "gan",
        about: "two small networks, for points on a circle",
        data: "points on a circle",
        batch: 8,
        make: gan,
    },
];

/// The networks and the optimisers of an example, and its step.
struct Lesson {
    networks: Vec<Network>,
    optimizers: Vec<Optimizer>,
    step: fn(&mut Self, u64) -> Result<(), NonFinite>,
}

/// A recorded step of an example.
pub struct Taught {
    /// The recording.
    pub recording: Recording,
    /// The state before the step.
    pub before: State,
    /// The state after the step.
    pub after: State,
}

impl Preset {
    /// The example called `name`.
    pub fn find(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Runs and records its first step.
    ///
    /// # Errors
    /// When a value is not finite.
    pub fn teach(&self, seed: u64) -> Result<Taught, NonFinite> {
        let mut lesson = (self.make)(seed);
        let before = lesson.state();
        let step = lesson.step;
        let (recording, result) = Recorder::record(|| step(&mut lesson, seed));
        result?;
        Ok(Taught { recording, before, after: lesson.state() })
    }

    /// Runs its first step without an observer, and returns the state after it.
    ///
    /// # Errors
    /// When a value is not finite.
    pub fn step_unobserved(&self, seed: u64) -> Result<State, NonFinite> {
        let mut lesson = (self.make)(seed);
        (lesson.step)(&mut lesson, seed)?;
        Ok(lesson.state())
    }
}

impl Lesson {
    fn state(&self) -> State {
        let networks = self.networks.iter().map(|network| network as &dyn Stateful);
        State::of(networks.chain(self.optimizers.iter().map(|optimizer| optimizer as &dyn Stateful)))
    }
}

fn draw(seed: u64, purpose: &'static str) -> RngContext {
    RngContext { seed, step: 0, purpose }
}

/// tanh(w1 x1 + w2 x2 + b), number by number.
#[derive(Default)]
struct Neuron(Vec<Tensor>);

impl Layer for Neuron {
    fn describe(&self) -> String {
        "Neuron".into()
    }

    fn build(&mut self, _ctx: &BuildContext) -> Result<Vec<usize>, String> {
        self.0 = [0.5, -1.0, 0.25].map(Tensor::scalar).into();
        Ok(vec![])
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let [w1, w2, b] = [("w1", 0), ("w2", 1), ("b", 2)].map(|(name, i)| ctx.parameter(name, &self.0[i]));
        let [x1, x2] = [0, 1].map(|i| Var::constant(Tensor::scalar(x.value().data()[i])));
        let sum = &(&(&w1 * &x1) + &(&w2 * &x2)) + &b;
        sum.tanh()
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        ["w1", "w2", "b"].into_iter().zip(&self.0).map(|(name, tensor)| (name, TensorKind::Parameter, tensor)).collect()
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        ["w1", "w2", "b"]
            .into_iter()
            .zip(&mut self.0)
            .map(|(name, tensor)| (name, TensorKind::Parameter, tensor))
            .collect()
    }
}

const PLAIN: Sgd = Sgd { momentum: 0.0, nesterov: false };

/// A neuron that learns to output 1 for (1.5, 0.5). A small penalty on the output makes the loss
/// use it twice.
fn scalar(seed: u64) -> Lesson {
    let network = Network::new("neuron", &[2], Dialect::Keras, seed).with("cell", Neuron::default());
    let optimizers = vec![Optimizer::new(&network, PLAIN, 0.1)];
    let step = |lesson: &mut Lesson, seed| {
        let network = &lesson.networks[0];
        let x = Var::constant(Tensor::new(&[1, 2], vec![1.5, 0.5]));
        let (gradients, ()) = differentiate(draw(seed, "neuron"), |ctx| {
            let answer = network.forward(ctx, &x);
            let wrong = answer.add_scalar(-1.0).square();
            (&wrong + &answer.square().scale(0.1), ())
        })?;
        lesson.optimizers[0].step(&mut lesson.networks[0], &gradients);
        Ok(())
    };
    Lesson { networks: vec![network], optimizers, step }
}

/// Exclusive or: 1 if one of two bits is 1, 0 if none or both are.
fn mlp(seed: u64) -> Lesson {
    let network = Network::new("mlp", &[2], Dialect::Keras, seed)
        .with("dense1", Dense::new(4))
        .with("tanh", Activation::Tanh)
        .with("dense2", Dense::new(1))
        .with("sigmoid", Activation::Sigmoid);
    let optimizers = vec![Optimizer::new(&network, PLAIN, 0.5)];
    let step = |lesson: &mut Lesson, seed| {
        let network = &lesson.networks[0];
        let x = Var::constant(Tensor::new(&[4, 2], vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]));
        let wanted = Var::constant(Tensor::new(&[4, 1], vec![0.0, 1.0, 1.0, 0.0]));
        let (gradients, ()) = differentiate(draw(seed, "mlp"), |ctx| (mse(&network.forward(ctx, &x), &wanted), ()))?;
        lesson.optimizers[0].step(&mut lesson.networks[0], &gradients);
        Ok(())
    };
    Lesson { networks: vec![network], optimizers, step }
}

const POINTS: usize = 8;

/// A generator that transforms random points, and a discriminator that distinguishes them from
/// points on a circle.
fn gan(seed: u64) -> Lesson {
    let leaky = || Activation::LeakyRelu(0.2);
    let discriminator = Network::new("discriminator", &[2], Dialect::Keras, seed)
        .with("dense1", Dense::new(8))
        .with("relu1", leaky())
        .with("dense2", Dense::new(1));
    let generator = Network::new("generator", &[2], Dialect::Keras, seed)
        .with("dense1", Dense::new(8))
        .with("relu1", leaky())
        .with("dense2", Dense::new(2));
    let optimizers = [&discriminator, &generator].map(|network| Optimizer::adam(network, 0.01, 0.5, 0.999)).into();
    Lesson { networks: vec![discriminator, generator], optimizers, step: gan_step }
}

fn gan_step(lesson: &mut Lesson, seed: u64) -> Result<(), NonFinite> {
    let [discriminator, generator] = &mut lesson.networks[..] else { unreachable!("two networks play") };
    let latents = |name: &str| uniform(&[POINTS, 2], -1.0, 1.0, kernels::Key::named(seed, name));
    let angle = |i: usize| (i / 2) as f32 / POINTS as f32 * TAU;
    let coordinate = |axis: usize, angle| if axis == 0 { scalar::cos(angle) } else { scalar::sin(angle) };
    let circle = Tensor::from_fn([POINTS, 2], |i| coordinate(i % 2, f64::from(angle(i))) as f32);

    let fakes = generator.infer(&latents("discriminator latents"));
    let points = Var::constant(circle.concat(&fakes));
    let labels = Tensor::full([POINTS, 1], 1.0).concat(&Tensor::zeros([POINTS, 1]));
    let (gradients, ()) = differentiate(draw(seed, "discriminator step"), |ctx| {
        (bce_with_logits(&discriminator.forward(ctx, &points), &labels), ())
    })?;
    lesson.optimizers[0].step(discriminator, &gradients);

    let latents = Var::constant(latents("generator latents"));
    let labels = Tensor::full([POINTS, 1], 1.0);
    let (gradients, ()) = differentiate(draw(seed, "generator step"), |ctx| {
        let fakes = generator.forward(ctx, &latents);
        let logits = ctx.frozen(|ctx| discriminator.forward(ctx, &fakes));
        (bce_with_logits(&logits, &labels), ())
    })?;
    lesson.optimizers[1].step(generator, &gradients);
    Ok(())
}
