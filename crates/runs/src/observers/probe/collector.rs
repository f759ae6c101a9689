//! [`collect`]: runs a training step and collects what its observers are notified of.

use std::cell::RefCell;
use std::rc::Rc;

use models::trainer::seen::{SCORES_OF_FAKES, SCORES_OF_REALS, SEEN_FAKES, SEEN_REALS};
use nn::layers::Activation;
use nn::{ActivationCall, ParameterUpdate, StepObserver};
use tensor::Tensor;

use super::{Layer, Norms, Scores, Seen};

/// The part of a probe that a step itself provides.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Collected {
    pub(crate) scores: Vec<Scores>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) seen: Vec<Seen>,
}

/// The number of images kept of what a discriminator sees.
const SEEN: usize = 8;

/// Runs `step` and collects from it.
pub(crate) fn collect<R>(step: impl FnOnce() -> R) -> (R, Collected) {
    let collector = Rc::new(Collector::default());
    let result = nn::observe(collector.clone(), step);
    let Notes { scores, seen, activations, updates } = collector.0.take();
    let mut layers: Vec<Layer> = Vec::new();
    for (parameter, squares) in updates {
        let name = parameter.rsplit_once('.').map_or(&*parameter, |(layer, _)| layer);
        let layer = layer_called(&mut layers, name);
        let Norms { gradient, weight, update } = layer.norms.unwrap_or_default();
        // Sums of squares; the roots are taken below.
        layer.norms = Some(Norms {
            gradient: gradient + squares.gradient,
            weight: weight + squares.weight,
            update: update + squares.update,
        });
    }
    for Norms { gradient, weight, update } in layers.iter_mut().filter_map(|layer| layer.norms.as_mut()) {
        [gradient, weight, update].into_iter().for_each(|square| *square = square.sqrt());
    }
    for (name, outputs) in activations {
        let layer = layer_called(&mut layers, &name);
        (layer.dead, layer.saturated) = (outputs.dead(), outputs.saturated());
    }
    (result, Collected { scores, layers, seen })
}

/// The layer with this full name, which is added if it is not there.
fn layer_called<'a>(layers: &'a mut Vec<Layer>, full: &str) -> &'a mut Layer {
    let (network, name) = full.split_once('.').unwrap_or((full, ""));
    let is = |layer: &Layer| layer.network == network && layer.layer == name;
    of(layers, is, || Layer { network: network.into(), layer: name.into(), ..Layer::default() })
}

#[derive(Default)]
struct Collector(RefCell<Notes>);

#[derive(Default)]
struct Notes {
    scores: Vec<Scores>,
    seen: Vec<Seen>,
    /// By the full name of the layer.
    activations: Vec<(String, Outputs)>,
    /// By the full name of the parameter: squared norms of its last update.
    updates: Vec<(String, Norms)>,
}

/// All outputs of an activation in a step.
struct Outputs {
    activation: Activation,
    /// For a ReLU, whether the channel has been other than 0.
    alive: Vec<bool>,
    saturated: usize,
    count: usize,
}

impl Outputs {
    fn of(activation: Activation) -> Self {
        Self { activation, alive: Vec::new(), saturated: 0, count: 0 }
    }

    fn add(&mut self, output: &Tensor) {
        let data = output.data();
        self.count += data.len();
        // The derivative, relative to its maximum, is 4 y (1 - y) and 1 - y^2.
        let count = |is_flat: fn(f32) -> bool| data.iter().filter(|y| is_flat(**y)).count();
        match self.activation {
            Activation::Relu => {
                let channels = output.shape().last().copied().unwrap_or(1).max(1);
                self.alive.resize(channels, false);
                for pixel in data.chunks_exact(channels) {
                    self.alive.iter_mut().zip(pixel).for_each(|(alive, y)| *alive |= *y != 0.0);
                }
            }
            Activation::Sigmoid => self.saturated += count(|y| 4.0 * y * (1.0 - y) < 0.01),
            Activation::Tanh => self.saturated += count(|y| 1.0 - y * y < 0.01),
            Activation::LeakyRelu(_) | Activation::Softplus => {}
        }
    }

    fn dead(&self) -> Option<f64> {
        let dead = self.alive.iter().filter(|alive| !**alive).count();
        (self.activation == Activation::Relu).then(|| dead as f64 / self.alive.len() as f64)
    }

    fn saturated(&self) -> Option<f64> {
        let has_flat_ends = matches!(self.activation, Activation::Sigmoid | Activation::Tanh);
        has_flat_ends.then(|| self.saturated as f64 / self.count as f64)
    }
}

impl StepObserver for Collector {
    fn activation_applied(&self, call: &ActivationCall<'_>) {
        let is_reported = !matches!(call.activation, Activation::LeakyRelu(_) | Activation::Softplus);
        if is_reported && !call.frozen {
            let mut notes = self.0.borrow_mut();
            let new = || (call.layer.to_owned(), Outputs::of(call.activation));
            of(&mut notes.activations, |(layer, _)| layer == call.layer, new).1.add(call.output.value());
        }
    }

    fn parameter_updated(&self, update: &ParameterUpdate<'_>) {
        let squares = Norms {
            gradient: square(update.gradient.data()),
            weight: square(update.after.data()),
            update: square_of_difference(update.after.data(), update.before.data()),
        };
        let new = || (update.parameter.to_owned(), Norms::default());
        of(&mut self.0.borrow_mut().updates, |(name, _)| name == update.parameter, new).1 = squares;
    }

    fn records_updates(&self) -> bool {
        false
    }

    fn value_named(&self, owner: &str, name: &str, value: &Tensor) {
        let notes = &mut *self.0.borrow_mut();
        let discriminator = || owner.to_owned();
        let scores = || Scores { discriminator: discriminator(), ..Scores::default() };
        let seen = || Seen { discriminator: discriminator(), ..Seen::default() };
        let some = || Some(value.rows(0..SEEN.min(value.shape()[0])));
        match name {
            SCORES_OF_REALS => {
                of(&mut notes.scores, |scores| scores.discriminator == owner, scores).reals = value.data().to_vec();
            }
            SCORES_OF_FAKES => {
                of(&mut notes.scores, |scores| scores.discriminator == owner, scores).fakes = value.data().to_vec();
            }
            SEEN_REALS => of(&mut notes.seen, |seen| seen.discriminator == owner, seen).reals = some(),
            SEEN_FAKES => of(&mut notes.seen, |seen| seen.discriminator == owner, seen).fakes = some(),
            _ => {}
        }
    }
}

/// The element that `is` describes, which is added if it is not there.
fn of<T>(list: &mut Vec<T>, is: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let at = list.iter().position(is).unwrap_or_else(|| {
        list.push(new());
        list.len() - 1
    });
    &mut list[at]
}

/// Independent sums, so that the loop needs no particular order and is fast.
const LANES: usize = 8;

/// The sum of `term(i)` over all i below `count`.
fn sum(count: usize, term: impl Fn(usize) -> f64) -> f64 {
    let mut sums = [0.0; LANES];
    let whole = count / LANES * LANES;
    for at in (0..whole).step_by(LANES) {
        (0..LANES).for_each(|lane| sums[lane] += term(at + lane));
    }
    sums.iter().sum::<f64>() + (whole..count).map(term).sum::<f64>()
}

fn square(x: &[f32]) -> f64 {
    sum(x.len(), |i| f64::from(x[i]) * f64::from(x[i]))
}

fn square_of_difference(x: &[f32], y: &[f32]) -> f64 {
    let y = &y[..x.len()];
    sum(x.len(), |i| {
        let difference = f64::from(x[i]) - f64::from(y[i]);
        difference * difference
    })
}
