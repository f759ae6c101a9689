//! A minimal system, for tests of everything around a system.

use crate::data::Dataset;
use models::step_metrics::{D_LOSS, G_LOSS, MetricDescription, StepMetrics};
use models::{FromLatents, LatentKind, Sampler, StepError, System};
use nn::{Network, State, Stateful};
use tensor::{NonFinite, Tensor};

pub(crate) const METRICS: [MetricDescription; 2] = [D_LOSS, G_LOSS];

/// Learns the mean of its images in four weights.
pub(crate) struct Fake {
    seed: u64,
    state: State,
    /// The step that fails.
    pub(crate) bad_step: Option<u64>,
    /// The value of every pixel of its pictures.
    pub(crate) shade: f32,
}

impl Fake {
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = State::default();
        state.tensors.insert("weight".into(), Tensor::new(&[2, 2], vec![0.1, 0.2, 0.3, seed as f32]));
        state.counters.insert("updates".into(), 0);
        Self { seed, state, bad_step: None, shade: 0.5 }
    }
}

/// A few built-in images.
pub(crate) fn dataset(count: usize) -> Dataset {
    Dataset::from_images(datasets::apples(count, 1))
}

impl System for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }
    fn image_shape(&self) -> Option<[usize; 3]> {
        Some([28, 28, 1])
    }
    fn metrics(&self) -> &'static [MetricDescription] {
        &METRICS
    }
    fn batch_size(&self) -> usize {
        2
    }
    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>> {
        vec![(0..2).map(|index| (step + self.seed + index) as usize % available[0]).collect()]
    }
    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, StepError> {
        if self.bad_step == Some(step) {
            return Err(not_finite().into());
        }
        let mean = reals[0].data().iter().sum::<f32>() / reals[0].size() as f32;
        let next = self.state.tensors["weight"].data().iter().map(|weight| weight * 0.9 + mean).collect();
        self.state.tensors.insert("weight".into(), Tensor::new(&[2, 2], next));
        *self.state.counters.entry("updates".into()).or_default() += 1;
        Ok(StepMetrics::new(&METRICS, vec![f64::from(mean), 1.0 / (step + 1) as f64]))
    }
    fn samples(&self) -> Sampler<'_> {
        Sampler::Latents(self)
    }
    fn networks(&self) -> Vec<&Network> {
        Vec::new()
    }
    fn parts(&self) -> Vec<&dyn Stateful> {
        vec![self]
    }
    fn parts_mut(&mut self) -> Vec<&mut dyn Stateful> {
        vec![self]
    }
}

impl Stateful for Fake {
    fn save(&self, state: &mut State) {
        state.clone_from(&self.state);
    }
    fn load(&mut self, state: &State) {
        self.state.clone_from(state);
    }
}

impl FromLatents for Fake {
    fn kind(&self) -> LatentKind {
        LatentKind::Uniform
    }
    fn latents(&self, _seed: u64, _stream: &str, count: usize) -> Tensor {
        Tensor::new(&[count, 1], vec![0.0; count])
    }
    fn draw(&self, latents: &Tensor) -> Tensor {
        let count = latents.shape()[0];
        Tensor::new(&[count, 28, 28, 1], vec![self.shade; count * 784])
    }
}

/// A non-finite value, reported by the op `bce_with_logits`.
fn not_finite() -> NonFinite {
    let bad = Tensor::new(&[1], vec![f32::NAN]);
    NonFinite::in_tensor("bce_with_logits", "d_loss", &bad).expect("it is not finite")
}
