//! `evalnet`: a small classifier whose features serve to evaluate generated images.
//!
//! The features of a classifier describe an image better than its pixels do. The usual choice is
//! Inception, which is large and was trained on other data; this network is trained in minutes on
//! the run's own data (TF-GAN's MNIST score uses the same idea):
//!
//! ```text
//! conv 3x3 32, ReLU, max pool, conv 3x3 64, ReLU, max pool, dense 128 = the features
//! ReLU, dense = the logits
//! ```
//!
//! `evalnet28` is for 28x28 grey images and has 421,642 weights for ten classes; `evalnet32` is for
//! 32x32 colour images. It is not a [`System`](crate::System): it has one network, one loss, and
//! labels.

use nn::layers::{Activation, Conv2d, Dense, Flatten, MaxPool2d};
use nn::losses::cross_entropy;
use nn::{Adam, Dialect, ForwardContext, Network, Optimizer, RngContext, State, StateError, Stateful, differentiate};
use tensor::{NonFinite, Tensor, Var};

/// The number of features.
pub const FEATURES: usize = 128;
/// Images per training step.
pub const BATCH: usize = 64;
/// The initial learning rate; it falls linearly to 0 at the last step.
const LEARNING_RATE: f64 = 1e-3;

/// The layers up to the features, for images of `shape` (height, width, channels).
pub fn body(shape: [usize; 3], seed: u64) -> Network {
    Network::new("body", &shape, Dialect::Keras, seed)
        .with("conv1", Conv2d::new(32, 3))
        .with("relu1", Activation::Relu)
        .with("pool1", MaxPool2d([2, 2]))
        .with("conv2", Conv2d::new(64, 3))
        .with("relu2", Activation::Relu)
        .with("pool2", MaxPool2d([2, 2]))
        .with("flatten", Flatten)
        .with("dense", Dense::new(FEATURES))
}

/// The layers from features to logits.
pub fn head(classes: usize, seed: u64) -> Network {
    Network::new("head", &[FEATURES], Dialect::Keras, seed)
        .with("relu", Activation::Relu)
        .with("dense", Dense::new(classes))
}

/// The classifier and its optimiser.
pub struct Evalnet {
    seed: u64,
    body: Network,
    head: Network,
    optimizer: Optimizer,
}

impl Evalnet {
    /// Whether a classifier is possible for images of this shape (height, width, channels): both
    /// sides must be multiples of four.
    pub fn fits(shape: [usize; 3]) -> bool {
        shape.iter().all(|side| *side > 0) && shape[0].is_multiple_of(4) && shape[1].is_multiple_of(4)
    }

    /// A new classifier for images of `shape` (height, width, channels), with weights drawn from
    /// `seed`.
    ///
    /// # Panics
    /// When the shape does not [fit](Evalnet::fits).
    #[track_caller]
    pub fn new(shape: [usize; 3], classes: usize, seed: u64) -> Self {
        assert!(Self::fits(shape), "evalnet: images of {shape:?} cannot be halved twice");
        let (body, head) = (body(shape, seed), head(classes, seed));
        let adam = Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        let optimizer = Optimizer::of_several("evalnet", &[&body, &head], adam, LEARNING_RATE);
        Self { seed, body, head, optimizer }
    }

    /// Both parts, for the summary.
    pub fn networks(&self) -> [&Network; 2] {
        [&self.body, &self.head]
    }

    /// Runs training step `step` (from 0) of `steps` on `images` of shape (n, height, width,
    /// channels) with values in [0, 1] and their classes. Returns the loss and the accuracy before
    /// the update.
    ///
    /// # Errors
    /// When a value or gradient is not finite; nothing is updated then.
    pub fn step(&mut self, step: u64, steps: u64, images: &Tensor, classes: &[usize]) -> Result<[f64; 2], NonFinite> {
        let rng = RngContext { seed: self.seed, step, purpose: "classifier step" };
        let images = Var::constant(images.clone());
        let (gradients, result) = differentiate(rng, |ctx: &mut ForwardContext| {
            let features = self.body.forward(ctx, &images);
            let logits = self.head.forward(ctx, &features);
            let loss = cross_entropy(&logits, classes);
            let result = [f64::from(loss.item()), accuracy(logits.value(), classes)];
            (loss, result)
        })?;
        self.optimizer.set_learning_rate(LEARNING_RATE * (1.0 - step as f64 / steps as f64));
        self.optimizer.step_several(&mut [&mut self.body, &mut self.head], &gradients);
        Ok(result)
    }

    /// The features of `images`, shape (n, 128), and their logits, shape (n, classes).
    pub fn infer(&self, images: &Tensor) -> [Tensor; 2] {
        let features = self.body.infer(images);
        let logits = self.head.infer(&features);
        [features, logits]
    }

    /// The weights, without the state of the optimiser.
    pub fn state(&self) -> State {
        State::of([&self.body as &dyn Stateful, &self.head])
    }

    /// Restores weights.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or of another shape; nothing is changed then.
    pub fn restore(&mut self, state: &State) -> Result<(), StateError> {
        state.restore(vec![&mut self.body, &mut self.head])
    }
}

/// The fraction of rows of `logits` (n, classes) whose largest element is that of the correct
/// class.
pub fn accuracy(logits: &Tensor, classes: &[usize]) -> f64 {
    let rows = logits.data().chunks_exact(logits.data().len() / classes.len());
    let best = |row: &[f32]| (0..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best });
    let right = rows.zip(classes).filter(|(row, class)| best(row) == **class).count();
    right as f64 / classes.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use nn::TensorKind;

    #[test]
    fn the_totals_are_those_of_the_specification() {
        let total = |shape| {
            let net = Evalnet::new(shape, 10, 1);
            net.networks().map(|network| network.count(TensorKind::Parameter)).iter().sum::<usize>()
        };
        assert_eq!(total([28, 28, 1]), 421_642);
        assert_eq!(total([32, 32, 3]), 545_098);
        assert!(!Evalnet::fits([30, 28, 1]));
    }

    /// It learns to distinguish bright upper halves from bright lower ones in a few steps, and
    /// gives the same results with restored weights.
    #[test]
    fn it_learns_and_its_weights_are_all_of_it() {
        let classes: Vec<usize> = (0..16).map(|i| i % 2).collect();
        let pixel =
            |i: usize| if (i / 32 % 8 < 4) == (i / 256).is_multiple_of(2) { 0.9 } else { 0.1 + (i % 7) as f32 / 30.0 };
        let images = Tensor::from_fn([16, 8, 8, 4], pixel);
        let mut net = Evalnet::new([8, 8, 4], 2, 1);
        let first = net.step(0, 20, &images, &classes).unwrap();
        let last = (1..20).map(|step| net.step(step, 20, &images, &classes).unwrap()).last().unwrap();
        assert!(last[0] < 0.2 * first[0] && last[1] == 1.0, "{first:?}, then {last:?}");

        let mut other = Evalnet::new([8, 8, 4], 2, 9);
        other.restore(&net.state()).unwrap();
        assert_eq!(other.infer(&images), net.infer(&images));
        assert_eq!(net.infer(&images)[0].shape()[1], FEATURES);
        assert!(Evalnet::new([8, 8, 4], 3, 1).restore(&net.state()).is_err());
    }
}
