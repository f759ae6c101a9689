//! Repeats the steps of two runs side by side, from a state that they have in common, until a
//! tensor differs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use datasets::grouped;
use serde::Serialize;

use models::System;
use nn::{State, TensorKind};
use tensor::Tensor;

use super::{FirstDifference, OpenRun};
use crate::checkpoint::{self, Checkpoint, weights_hash};
use crate::config::Config;
use crate::console::Output;
use crate::data::{self, Dataset};
use crate::failure::Failure;
use crate::training;

/// What the replay of two runs found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Replayed {
    /// Why nothing was replayed, or what else is to be said about it.
    pub notes: Vec<String>,
    /// The step at which the replay began, where both runs have the same state.
    pub from: Option<u64>,
    /// The number of steps done when the states differed first; 0 for the initial weights.
    pub step: Option<u64>,
    /// The tensors that differ there, in the order of the system's parts: networks, then averages
    /// and optimisers.
    pub tensors: Vec<Difference>,
}

/// How much a tensor differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Its full name.
    pub name: String,
    /// The number of elements that differ; 0 if the shapes do.
    pub elements: usize,
    /// The number of elements.
    pub size: usize,
    /// The largest absolute difference.
    pub most: f64,
}

/// Replays two runs by at most `most` steps. `metrics` says where their metrics differ first.
pub(super) fn replay(runs: [&OpenRun; 2], metrics: Option<&FirstDifference>, most: u64, output: &Output) -> Replayed {
    let no = |why: String| Replayed { notes: vec![format!("not replayed: {why}")], ..Replayed::default() };
    if most == 0 {
        return no("the replay is switched off".into());
    }
    let [Some(a), Some(b)] = runs.map(|run| run.config.as_ref()) else {
        return no("a configuration cannot be read".into());
    };
    if a.entry.name != b.entry.name {
        return no(format!("the systems differ: {} and {}", a.entry.name, b.entry.name));
    }
    match search(runs, [a, b], metrics, most, output) {
        Ok(replayed) => replayed,
        Err(failure) => no(failure.to_string().replace('\n', "; ")),
    }
}

/// The checkpoints of a run by their steps.
fn checkpoints(run: &OpenRun) -> BTreeMap<u64, PathBuf> {
    checkpoint::in_folder(&run.folder).unwrap_or_default().into_iter().collect()
}

fn search(
    runs: [&OpenRun; 2],
    configs: [&Config; 2],
    metrics: Option<&FirstDifference>,
    most: u64,
    output: &Output,
) -> Result<Replayed, Failure> {
    let files = runs.map(checkpoints);
    let mut replayed = Replayed::default();
    // The newest state that both have in common, and the oldest that differs after it.
    let mut start = None;
    for (step, file) in files[0].iter().rev() {
        let Some(other) = files[1].get(step) else { continue };
        let read = |file: &PathBuf| Checkpoint::read(file).map_err(|flaw| flaw.failure(file));
        let (Ok(a), Ok(b)) = (read(file), read(other)) else { continue };
        if weights_hash(&a.state) == weights_hash(&b.state) {
            start = Some((*step, a, file.clone()));
            break;
        }
    }
    let newest = files[0].keys().rev().find(|step| files[1].contains_key(step)).copied();
    if let (Some((step, ..)), None) = (&start, metrics.and_then(|metrics| metrics.step))
        && newest == Some(*step)
    {
        let step = grouped(step);
        replayed.notes.push(format!("the states are the same at step {step}, the last checkpoint of both"));
        return Ok(replayed);
    }
    let mut systems = [0, 1].map(|_| None);
    for (system, (run, config)) in systems.iter_mut().zip(runs.iter().zip(configs)) {
        let mut new = match &start {
            Some(_) => config.build()?,
            None => training::at_start(config, &run.folder)?,
        };
        if let Some((_, checkpoint, file)) = &start {
            checkpoint.restore(&mut *new, file)?;
        }
        *system = Some(new);
    }
    let [Some(mut a), Some(mut b)] = systems else { return Ok(replayed) };
    let from = start.as_ref().map_or(0, |(step, ..)| *step);
    replayed.from = Some(from);
    replayed.tensors = differences(&*a, &*b);
    if !replayed.tensors.is_empty() {
        replayed.step = Some(from);
        return Ok(replayed);
    }
    let needed = metrics.and_then(|metrics| metrics.step).filter(|step| *step > from).map(|step| step - from);
    if let Some(needed) = needed.filter(|needed| *needed > most) {
        let [needed, most] = [needed, most].map(grouped);
        replayed
            .notes
            .push(format!("the metrics first differ {needed} steps after that; at most {most} steps are replayed"));
    }
    let of = |config: &Config, system: &dyn System| data::of(config, system, system.batch_size(), &Output::Silent);
    let images: [Dataset; 2] = [of(configs[0], &*a)?, of(configs[1], &*b)?];
    let steps = most.min(configs.map(Config::steps).into_iter().min().unwrap_or(0).saturating_sub(from));
    for step in from..from + steps {
        output.say(&format!("replaying    step {} of both runs", grouped(step + 1)));
        let one = |system: &mut Box<dyn System>, data: &Dataset| -> Result<(), Failure> {
            let reals = data.shown_at(step, &system.batch(step, &data.counts()))?;
            let done = system.step(step, &reals);
            done.map(drop).map_err(|error| training::train_loop::failed(step + 1, &error))
        };
        output.busy("training", || {
            one(&mut a, &images[0])?;
            one(&mut b, &images[1])
        })?;
        replayed.tensors = differences(&*a, &*b);
        if !replayed.tensors.is_empty() {
            replayed.step = Some(step + 1);
            return Ok(replayed);
        }
    }
    replayed.notes.push(format!("the states are the same after {} replayed steps", grouped(steps)));
    Ok(replayed)
}

/// The tensors that differ between two systems, in the order of their parts; parameters and buffers
/// of networks come before everything else.
fn differences(a: &dyn System, b: &dyn System) -> Vec<Difference> {
    let mut names: Vec<String> = Vec::new();
    let networks = a.networks().into_iter().flat_map(|network| network.tensors());
    names.extend(networks.filter(|(_, kind, _)| *kind != TensorKind::Internal).map(|(name, ..)| name));
    let parts = a.parts().into_iter().chain(b.parts());
    for name in parts.flat_map(|part| State::of([part]).tensors.into_keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let (a, b) = (a.state(), b.state());
    names.iter().filter_map(|name| difference(name, a.tensors.get(name), b.tensors.get(name))).collect()
}

fn difference(name: &str, a: Option<&Tensor>, b: Option<&Tensor>) -> Option<Difference> {
    let size = a.or(b)?.size();
    let unlike = Difference { name: name.to_owned(), elements: 0, size, most: f64::INFINITY };
    let (Some(a), Some(b)) = (a, b) else { return Some(unlike) };
    if a.shape() != b.shape() {
        return Some(unlike);
    }
    let pairs = a.data().iter().zip(b.data()).filter(|(a, b)| a.to_bits() != b.to_bits());
    let (elements, most) =
        pairs.fold((0, 0.0_f64), |(count, most), (a, b)| (count + 1, most.max((f64::from(*a) - f64::from(*b)).abs())));
    (elements > 0).then_some(Difference { elements, most, ..unlike })
}
