//! [`Forecast`]: the memory and the amount of work of a training run, computed from its
//! configuration.
//!
//! The system is built, trained for a few steps at each of its stages, and draws its sheets, all in
//! [meta](meta::run) mode: the real training code runs, but tensors have no data and kernels do
//! nothing. So the forecast for a 1024x1024 network takes milliseconds, and always agrees with the
//! code.

use std::ops::Range;

use crate::config::Config;
use crate::failure::Failure;
use crate::observers::probe::fakes;
use crate::observers::samples;
use crate::report::pictures::gradient_of_outputs;
use crate::sampling::pictures;
use crate::sampling::styles::StyleSheet;
use models::{Direction, Sampler, System};
use tensor::{Tensor, meta};

/// The number of stages simulated, each of which takes a few milliseconds; no system has more.
const MOST_STAGES: usize = 64;

/// The largest number of steps simulated per stage: enough to include what happens every sixteenth
/// step.
const OFTEN: usize = 16;

/// The needs of a training run, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Forecast {
    /// The number of real images in the largest step.
    pub batch: usize,
    /// The number of shards that a step computes one after the other.
    pub shards: u64,
    /// The number of ranks that share the work of the simulated steps.
    pub sharers: u64,
    /// Weights and running statistics of the trained networks.
    pub weights: u64,
    /// Averaged weights, and image pools.
    pub copies: u64,
    /// The state of the optimisers.
    pub optimizers: u64,
    /// The stages of training, in order.
    pub stages: Vec<Stage>,
    /// Peak memory for tensors, including the sheets.
    pub tensors: u64,
    /// Height, width and channels of the samples, and how many the largest sheet has.
    pub sheet: ([usize; 3], usize),
    /// Metrics of a step.
    pub metrics: usize,
    /// Tensors of the networks: an upper bound for the layers and activations of a probe.
    pub layers: usize,
    /// Outputs of all discriminators in a step.
    pub scores: usize,
    /// Domains of images: 2 for a translation.
    pub domains: usize,
}

/// A stage of training, in which all steps are alike.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// Such as `8x8, fading in`; empty if there is only one.
    pub name: String,
    /// The range of its steps.
    pub steps: Range<u64>,
    /// The number of real images per step.
    pub batch: usize,
    /// Peak memory of a step for temporary tensors.
    pub step: u64,
    /// Buffers in which convolutions pack their operands.
    pub packed: u64,
    /// Memory held for tensors after this stage, including free buffers kept for reuse.
    pub held: u64,
    /// The work of the simulated steps.
    pub work: meta::Usage,
    /// The number of simulated steps.
    pub looked_at: u64,
}

impl Forecast {
    /// The forecast for one rank of a run on `ranks` ranks, for the steps from `from` to the last
    /// one of `config`. A resumed run (`from` > 0) briefly has its state in memory twice.
    ///
    /// # Errors
    /// When [`Config::build`] rejects the settings.
    pub(super) fn of(config: &Config, from: u64, ranks: usize) -> Result<Self, Failure> {
        // Shards that are computed one after the other take the memory of one of them, whichever
        // rank computes them. Those of synchronised batch normalisation are in memory at once.
        let is_synchronised = config.settings.get("batch_norm").and_then(toml::Value::as_str) == Some("sync");
        let shards = config.settings.get("shards").and_then(toml::Value::as_integer).unwrap_or(1);
        // A number of ranks that does not divide the shards is refused later.
        let sharers = if shards % ranks as i64 == 0 { ranks } else { 1 };
        if sharers == 1 || !is_synchronised {
            return Ok(Self { sharers: sharers as u64, ..meta::run(|| Self::in_meta_mode(config, from))? });
        }
        // Settings that no system takes are refused with their own values.
        meta::run(|| config.build().map(drop))?;
        let (mut part, mut images) = (config.clone(), 1);
        for key in ["batch", "shards"] {
            if let Some(toml::Value::Integer(number)) = part.settings.get_mut(key) {
                *number /= ranks as i64;
            }
        }
        // Many systems refuse a batch of one image, so a rank with one is planned as if it had two.
        if let Some(toml::Value::Integer(batch @ 1)) = part.settings.get_mut("batch") {
            (*batch, images) = (2, 2);
        }
        let of_part = meta::run(|| Self::in_meta_mode(&part, from))?;
        let whole = |batch: usize| batch * ranks / images;
        let stages = of_part.stages.into_iter().map(|stage| Stage { batch: whole(stage.batch), ..stage }).collect();
        Ok(Self { batch: whole(of_part.batch), shards: of_part.shards * ranks as u64, stages, ..of_part })
    }

    fn in_meta_mode(config: &Config, from: u64) -> Result<Self, Failure> {
        let mut system = config.build()?;
        if from > 0 {
            let saved = config.build()?;
            // Cannot fail: the tensors are the same.
            system.restore(&saved.state()).unwrap_or_default();
        }
        let [weights, copies, optimizers] = lasting(&*system);
        let mut drawing = Drawing::of(&*system, config.seed());
        let _of_the_first_probe = rows_of_probes(&*system);
        if from == 0 {
            drawing.draw(&*system);
        }
        let total = config.steps().max(from + 1);
        let starts = system.stages(from..total);
        let ends = starts.iter().skip(1).map(|(step, _)| *step).chain([total]);
        let spans: Vec<_> = starts.iter().zip(ends).map(|((start, name), end)| (name.clone(), *start..end)).collect();
        let mut stages = Vec::new();
        for (name, steps) in spans.into_iter().take(MOST_STAGES) {
            let before = meta::usage();
            meta::count_work_anew();
            let (mut batch, mut looked_at, mut last) = (0, 0, 0);
            // The first step allocates the state of the optimisers, the second does not. If the
            // second writes much less, some work is not done at every step, and more steps are
            // simulated.
            for step in steps.clone().take(OFTEN) {
                let before = meta::usage().written;
                let reals = reals(&*system, step);
                batch = reals.first().map_or_else(|| system.batch_size(), |reals| reals.shape()[0]);
                // Tensors without data are never non-finite.
                let _ = system.step(step, &reals);
                looked_at += 1;
                let written = meta::usage().written - before;
                if looked_at >= 2 && written.abs_diff(last) < written / 16 {
                    break;
                }
                last = written;
            }
            let work = meta::usage();
            drawing.draw(&*system);
            let after = meta::usage();
            let step = work.most_live.saturating_sub(before.live.min(weights + copies + optimizers));
            stages.push(Stage {
                name,
                steps,
                batch,
                step,
                packed: after.packed,
                held: after.most_held,
                work,
                looked_at,
            });
        }
        if system.level().is_some() || matches!(system.samples(), Sampler::Latents(_)) {
            drawing.last(&*system);
        }
        let usage = meta::usage();
        let batch = stages.iter().map(|stage| stage.batch).max().unwrap_or(0);
        let (tensors, sheet) = (usage.most_held.saturating_add(usage.packed), (drawing.image, drawing.count));
        let domains = if matches!(system.samples(), Sampler::Images(_)) { 2 } else { 1 };
        let metrics = system.metrics().len();
        let layers = system.networks().iter().map(|network| network.tensors().len()).sum();
        // As many outputs on reals as on fakes.
        let scores = 2 * domains * batch * drawing.outputs;
        let shards = config.settings.get("shards").and_then(toml::Value::as_integer).unwrap_or(1);
        let shards = u64::try_from(shards).unwrap_or(1);
        Ok(Self {
            batch,
            shards,
            sharers: 1,
            weights,
            copies,
            optimizers,
            stages,
            tensors,
            sheet,
            metrics,
            layers,
            scores,
            domains,
        })
    }

    /// Bytes held for tensors after a run of `config` was opened and has drawn, translated or
    /// projected a few images.
    ///
    /// # Errors
    /// When [`Config::build`] rejects the settings.
    pub(super) fn of_opened(config: &Config) -> Result<u64, Failure> {
        meta::run(|| {
            let mut system = config.build()?;
            let state = system.state();
            // As when loading: the file's tensors and the system's exist at the same time.
            let file: Vec<Tensor> = state.tensors.values().map(|tensor| Tensor::zeros(*tensor.shape())).collect();
            let saved = config.build()?;
            drop(file);
            system.restore(&saved.state()).unwrap_or_default();
            Drawing::of(&*system, config.seed()).draw(&*system);
            let usage = meta::usage();
            Ok(usage.most_held.saturating_add(usage.packed))
        })
    }

    /// Bytes held for tensors after a run of `config` was opened and has translated an image of
    /// (height, width) `size`; with `all_columns`, also back and within its domain.
    ///
    /// # Errors
    /// When [`Config::build`] rejects the settings.
    pub(super) fn of_translation(config: &Config, size: [usize; 2], all_columns: bool) -> Result<u64, Failure> {
        meta::run(|| {
            let system = config.build()?;
            if let (Sampler::Images(sampler), Some([_, _, channels])) = (system.samples(), system.image_shape()) {
                let picture = Tensor::zeros([1, size[0], size[1], channels]);
                match all_columns {
                    true => drop(samples::columns(sampler, Direction::AToB, &picture)),
                    false => drop(sampler.translate(Direction::AToB, &picture)),
                }
            }
            let usage = meta::usage();
            Ok(usage.most_held.saturating_add(usage.packed))
        })
    }

    /// Bytes that a recorder of the first step keeps: nearly everything that the step writes.
    #[cfg(feature = "explain")]
    pub(super) fn recorded(&self) -> u64 {
        self.stages.first().map_or(0, |stage| stage.work.written / stage.looked_at.max(1))
    }

    /// Bytes of the tensors in a checkpoint.
    pub(super) fn state(&self) -> u64 {
        self.weights + self.copies + self.optimizers
    }
}

/// Bytes of the networks, of other permanent tensors, and of the optimisers.
fn lasting(system: &dyn System) -> [u64; 3] {
    let names: Vec<String> = system.networks().iter().map(|network| format!("{}.", network.name())).collect();
    let mut bytes = [0; 3];
    for (name, tensor) in system.state().tensors {
        let place = if name.starts_with("optimizer.") {
            2
        } else {
            usize::from(!names.iter().any(|network| name.starts_with(network)))
        };
        bytes[place] += 4 * tensor.size() as u64;
    }
    bytes
}

/// The real images of a step, assuming that there are enough for a full batch.
fn reals(system: &dyn System, step: u64) -> Vec<Tensor> {
    let domains = match system.samples() {
        Sampler::Latents(_) => 1,
        Sampler::Images(_) => 2,
        Sampler::Points(_) => return Vec::new(),
    };
    let image = system.image_shape().unwrap_or_default();
    let chosen = system.batch(step, &vec![system.batch_size(); domains]);
    chosen.iter().map(|indices| Tensor::zeros(&[&[indices.len()], &image[..]].concat()[..])).collect()
}

/// As many bytes as the first probe takes for the real images of a domain that it compares with
/// each other, in `f64` and on a small scale.
fn rows_of_probes(system: &dyn System) -> Option<Tensor> {
    let [height, width, channels] = system.image_shape()?;
    let [height, width] = [height, width].map(|side| side.min(fakes::SIDE));
    Some(Tensor::zeros([2 * fakes::SEARCHED, height, width, channels]))
}

/// The sheets of a run.
struct Drawing {
    image: [usize; 3],
    count: usize,
    subjects: Vec<Tensor>,
    /// Outputs of a discriminator for each image, at most.
    outputs: usize,
}

impl Drawing {
    fn of(system: &dyn System, seed: u64) -> Self {
        let image = system.image_shape().unwrap_or_default();
        let rows = || Tensor::zeros([samples::ROWS, image[0], image[1], image[2]]);
        let (count, subjects) = match system.samples() {
            Sampler::Latents(sampler) => (samples::COUNT, vec![sampler.latents(seed, "samples", samples::COUNT)]),
            Sampler::Points(plane) => (0, vec![plane.sampler.latents(seed, "samples", crate::sampling::plane::COUNT)]),
            Sampler::Images(_) => (8 * samples::ROWS, vec![rows(), rows()]),
        };
        Self { image, count, subjects, outputs: 1 }
    }

    fn draw(&mut self, system: &dyn System) {
        let mut scored = None;
        match system.samples() {
            Sampler::Latents(sampler) => {
                let latents = &self.subjects[0];
                let fakes =
                    pictures::in_parts(latents.shape()[0], self.image, |rows| sampler.draw(&latents.rows(rows)));
                let [height, width, channels] = self.image;
                scored = gradient_of_outputs(system, 0, &Tensor::zeros([samples::COUNT, height, width, channels]));
                drop(fakes);
            }
            Sampler::Points(plane) => {
                drop(plane.sampler.draw(&self.subjects[0]));
                drop(plane.discriminator.infer(&Tensor::zeros([crate::sampling::plane::AT_A_TIME, 2])));
            }
            Sampler::Images(sampler) => {
                let sides = [(Direction::AToB, 0), (Direction::BToA, 1)];
                drop(sides.map(|(direction, domain)| samples::columns(sampler, direction, &self.subjects[domain])));
                scored = gradient_of_outputs(system, 1, &self.subjects[0]);
            }
        }
        if let Some([images, scores, _]) = scored {
            self.outputs = self.outputs.max(scores.size() / images.shape()[0].max(1));
        }
    }

    /// Draws the sheets of styles at the end of training.
    fn last(&mut self, system: &dyn System) {
        let Sampler::Latents(sampler) = system.samples() else { return };
        let Some(styles) = sampler.styles() else { return };
        for sheet in StyleSheet::ALL {
            let count = sheet.default_count();
            let [rows, columns] = sheet.grid(count);
            let of = styles.styles_of(&sampler.latents(0, "samples", count));
            let [height, width, channels] = self.image;
            // All columns exist before the sheet is assembled.
            let drawn: Vec<Tensor> = (1..columns).map(|_| Tensor::zeros([rows, height, width, channels])).collect();
            let row = pictures::in_parts(count, self.image, |rows| {
                styles.draw_styled(&vec![of.rows(rows); styles.layers()], None)
            });
            drop((row, drawn));
            self.count = self.count.max(rows * columns);
        }
    }
}
