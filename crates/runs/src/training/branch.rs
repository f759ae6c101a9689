//! A run that starts from the weights of another run, its parent (`--from`), with other settings or
//! other data.
//!
//! The parameters of the networks must be the same. What else training changes is taken over part
//! by part, if the parent has it in the same shape: running statistics, the moving average, the
//! state of optimisers, pools of images. Everything that is counted in steps starts again at 0.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use datasets::{advice, plural, quoted};
use models::System;
use nn::{State, StateError, TensorKind};
use tensor::meta;

use super::TrainRequest;
use crate::checkpoint::{Checkpoint, LoadedCheckpoint, all_misfits, averaged, part_of, weights_hash};
use crate::config::{self, Assignment, Config, ParentRecord};
use crate::failure::{Code, Failure};
use crate::folder::resume;
use crate::storage;
use crate::systems::Trainable;

/// The checkpoint whose weights a run starts from.
pub(super) struct Parent {
    found: LoadedCheckpoint,
    /// The configuration that it was trained with.
    config: Config,
    hash: String,
}

/// The configuration of a new run, and its parent. Settings in ascending order of precedence: the
/// parent's, those of the file of the request, those of the request itself.
///
/// # Errors
/// When a setting is invalid, or the parent cannot be used.
pub(super) fn configuration(request: &TrainRequest) -> Result<(Config, Option<Parent>), Failure> {
    let mut given = match &request.config {
        Some(path) => config::read_file(path)?,
        None => Vec::new(),
    };
    given.extend(request.assignments.iter().cloned());
    let place = request.config.as_deref().map(storage::folder_of);
    let Some(from) = &request.from else {
        let mut config = Config::resolve(&request.system, &given)?;
        if let Some(place) = place {
            config.find_data(place);
        }
        let parent = Parent::recorded(&config, place.unwrap_or(Path::new(".")))?;
        return Ok((config, parent));
    };
    let parent = Parent::open(from, &request.system, &given)?;
    let name = format!("{} (its configuration)", parent.found.path.display());
    let mut all = parent.config.inherited(&given, &name)?;
    all.extend(parent.schedule());
    all.extend(given);
    let mut config = Config::resolve(&request.system, &all)?;
    match place {
        Some(place) => config.find_data(place),
        None => config.take_missing_data(&parent.config),
    }
    config.record_numerics();
    config.drop_earlier_precision();
    config.set_parent(&parent.found.path, parent.found.checkpoint.step, parent.hash.clone());
    Ok((config, Some(parent)))
}

impl Parent {
    /// Opens the run or checkpoint `path` as the parent of a run of `system`; `given` are the new
    /// run's own settings.
    ///
    /// # Errors
    /// When no checkpoint can be used, or it belongs to another system; then the error lists all
    /// tensors that do not fit.
    fn open(path: &Path, system: &Arc<Trainable>, given: &[Assignment]) -> Result<Self, Failure> {
        let (found, config) = resume::open_checkpoint(path, Some(system))?;
        let [trained, asked] = [config.entry.name, system.name];
        let hash = weights_hash(&found.checkpoint.state);
        let parent = Self { found, config, hash };
        if trained == asked {
            return Ok(parent);
        }
        let misfits = parent.misfits(&Config::resolve(system, given)?)?;
        let failure = Failure::new(Code::Checkpoint, "the weights are of another system")
            .at(parent.found.path.display())
            .because(format!(
                "they are of `{trained}`, but the command names `{asked}`; these tensors do not fit:\n{}",
                misfits.join("\n")
            ));
        Err(if system.is_own() {
            failure
        } else {
            failure.help(advice!("branch-of-another-system", "`train {trained} --from {}`", quoted(path)))
        })
    }

    /// The parent that the configuration in the folder `place` records; `None` if it records none.
    ///
    /// # Errors
    /// When it cannot be used, or is not at any of the recorded places with the recorded weights.
    pub(super) fn recorded(config: &Config, place: &Path) -> Result<Option<Self>, Failure> {
        let Some(ParentRecord { places, step, hash }) = config.parent(place) else { return Ok(None) };
        let failure = |why: String| {
            let what = "the checkpoint that the run starts from was not found";
            let failure = Failure::new(Code::Checkpoint, what).because(why);
            if config.entry.is_own() {
                return failure;
            }
            failure.help(advice!(
                "lost-parent",
                "give the run or checkpoint to start from: `train {} --from RUN`",
                config.entry.name
            ))
        };
        let listed = || places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join("\n");
        let wanted = format!("the configuration records a checkpoint of step {step}, weights hash {hash}");
        let Some(path) = places.iter().find(|place| place.exists()) else {
            return Err(failure(format!("{wanted}; there is nothing at\n{}", listed())));
        };
        let parent = Self::open(path, &config.entry, &[])?;
        if parent.hash != hash {
            return Err(failure(format!("{wanted}\n{} has the weights hash {}", path.display(), parent.hash)));
        }
        Ok(Some(parent))
    }

    /// The settings with which a run continues where the schedule of the parent was.
    fn schedule(&self) -> Vec<Assignment> {
        let step = self.found.checkpoint.step;
        let after = meta::run(|| self.config.build().map(|system| system.schedule_after(step))).unwrap_or_default();
        self.config.scheduled(after, &self.found.path.display().to_string())
    }

    /// The settings of `config` that differ from the parent's, a line each.
    pub(super) fn changes(&self, config: &Config) -> Vec<String> {
        let of_the_record = |line: &String| line.starts_with("parent_");
        let lines = config.differences(&self.config, ["here", "in the parent"]);
        lines.into_iter().filter(|line| !of_the_record(line)).map(|line| format!("changed      {line}")).collect()
    }

    /// The parameters that the parent and a run with `config` do not have in common. The system is
    /// built without numbers.
    ///
    /// # Errors
    /// As [`Config::build`].
    fn misfits(&self, config: &Config) -> Result<Vec<String>, Failure> {
        let (wanted, ours) = meta::run(|| config.build().map(|system| (system.state(), kinds(&*system))))?;
        let theirs = meta::run(|| self.config.build().map(|system| kinds(&*system))).unwrap_or_default();
        let found = &self.found.checkpoint.state;
        let mut error = StateError::default();
        for (name, tensor) in &wanted.tensors {
            let kind = kind(&ours, name);
            match found.tensors.get(name) {
                None if kind == Some(TensorKind::Parameter) => error.missing.push(name.clone()),
                Some(other) if kind.is_some() && other.shape() != tensor.shape() => {
                    error.reshaped.push((name.clone(), tensor.shape().to_vec(), other.shape().to_vec()));
                }
                _ => {}
            }
        }
        let surplus = found.tensors.keys().filter(|name| !wanted.tensors.contains_key(*name));
        let is_parameter = |name: &&String| kind(&theirs, name) == Some(TensorKind::Parameter);
        error.unexpected.extend(surplus.filter(is_parameter).cloned());
        Ok(all_misfits(&error))
    }

    /// Loads into `system`, which was built from `config`, what it takes over from the parent.
    /// Returns a line about each part.
    ///
    /// # Errors
    /// When the networks have other parameters; lists all of them.
    pub(super) fn pass_on(self, config: &Config, system: &mut dyn System) -> Result<Vec<String>, Failure> {
        let misfits = self.misfits(config)?;
        if !misfits.is_empty() {
            return Err(self.refused(config, &misfits));
        }
        let mut lines = self.found.passed_over();
        let LoadedCheckpoint { path, checkpoint, .. } = self.found;
        let step = checkpoint.step;
        let (state, parts) = inherited(system, &checkpoint.state);
        lines.extend(parts);
        let steps = config.steps();
        lines.push(format!(
            "afresh       steps: {steps} from 0, without the {step} of the parent; schedules in steps start again"
        ));
        Checkpoint { state, ..checkpoint }.restore(system, &path)?;
        Ok(lines)
    }

    /// The failure when the parameters of the networks differ.
    fn refused(&self, config: &Config, misfits: &[String]) -> Failure {
        let failure = Failure::new(Code::Checkpoint, "the weights do not fit the networks of this run")
            .at(self.found.path.display())
            .because(misfits.join("\n"));
        let left = |config: &Config| Some(self.misfits(config).ok()?.len());
        let mut typed = config.typed_causes(&self.config, left);
        if typed.is_empty() {
            typed.extend(config.typed("preset"));
        }
        if typed.is_empty() {
            return failure.help(advice!(
                "branch-settings-differ",
                "keep the settings that the networks depend on as they are in the parent's configuration"
            ));
        }
        let typed = typed.into_iter().collect::<Vec<_>>().join(" ");
        failure.help(advice!("branch-does-not-fit", "leave out `{typed}`, which changes the networks"))
    }
}

/// The kinds of the tensors of a system's networks.
fn kinds(system: &dyn System) -> BTreeMap<String, TensorKind> {
    let tensors = system.networks().into_iter().flat_map(|network| network.tensors());
    tensors.map(|(name, kind, _)| (name, kind)).collect()
}

/// The kind of a tensor; `None` if it is not of a network. A system that lists no networks has only
/// parameters and the state of optimisers.
fn kind(kinds: &BTreeMap<String, TensorKind>, name: &str) -> Option<TensorKind> {
    match kinds.get(name) {
        None if kinds.is_empty() && !name.starts_with(OPTIMIZER) => Some(TensorKind::Parameter),
        kind => kind.copied(),
    }
}

/// How the names of the state of optimisers begin.
const OPTIMIZER: &str = "optimizer.";

/// The state of `system` with everything taken over from `parent` that fits, and a line about each
/// part. The parameters of the networks have been found to fit.
fn inherited(system: &dyn System, parent: &State) -> (State, Vec<String>) {
    let kinds = kinds(system);
    let mut state = system.state();
    let mut networks = Networks::default();
    let mut others = Vec::new();
    for part in system.parts() {
        let own = State::of([part]);
        let Some(first) = own.tensors.keys().chain(own.counters.keys()).next() else { continue };
        if own.tensors.keys().any(|name| kinds.contains_key(name)) {
            networks.take(&own, parent, &kinds, &mut state);
            continue;
        }
        // Steps are counted from 0; the updates of an optimiser belong to its state.
        if own.tensors.is_empty() && !first.starts_with(OPTIMIZER) {
            continue;
        }
        let label = match own.counters.keys().find_map(|name| name.strip_prefix(OPTIMIZER)) {
            Some(name) => format!("optimiser of {}", name.trim_end_matches(".updates")),
            None => match part_of(first) {
                "average" => "average: the moving average of the weights".to_owned(),
                part => part.to_owned(),
            },
        };
        let fits = own
            .tensors
            .iter()
            .all(|(name, tensor)| parent.tensors.get(name).is_some_and(|found| found.shape() == tensor.shape()))
            && own.counters.keys().all(|name| parent.counters.contains_key(name));
        if fits {
            state.tensors.extend(own.tensors.keys().map(|name| (name.clone(), parent.tensors[name].clone())));
            state.counters.extend(own.counters.keys().map(|name| (name.clone(), parent.counters[name])));
            let updates = own.counters.keys().find(|name| name.starts_with(OPTIMIZER));
            others.push(match updates.map(|name| parent.counters[name]) {
                Some(count) => format!("kept         {label}: {count} {}", plural(count as usize, "update")),
                None => format!("kept         {label}"),
            });
        } else if let Some(from) = averages(&own, &state) {
            state.tensors.extend(from);
            others.push(format!("afresh       {label}, which the parent lacks: starts at those of the generator"));
        } else {
            others.push(format!("afresh       {label}, which the parent lacks in this kind and shape"));
        }
    }
    let unused = |name: &&String| !state.tensors.contains_key(*name) && !name.starts_with(OPTIMIZER);
    let dropped: BTreeSet<&str> = parent.tensors.keys().filter(unused).map(|name| part_of(name)).collect();
    let mut lines = networks.lines(parent, &state);
    lines.extend(once_each(others));
    let known: BTreeSet<&str> = state.tensors.keys().map(|name| part_of(name)).collect();
    lines.extend(dropped.difference(&known).map(|part| format!("dropped      {part}: this run has none")));
    (state, lines)
}

/// The lines without repetitions, in order: a network may have several parts.
fn once_each(lines: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    lines.into_iter().filter(|line| seen.insert(line.clone())).collect()
}

/// The tensors of a moving average, equal to those of the network that it averages.
fn averages(own: &State, state: &State) -> Option<Vec<(String, tensor::Tensor)>> {
    let of_source = |name: &String| Some((name.clone(), state.tensors.get(&averaged(name)?)?.clone()));
    own.tensors.keys().map(of_source).collect()
}

/// The networks, and how many of their buffers come from the parent.
#[derive(Default)]
struct Networks {
    /// By network: buffers from the parent, and the names of those that it lacks.
    buffers: BTreeMap<String, (usize, Vec<String>)>,
}

impl Networks {
    /// Takes over the parameters, and the buffers that the parent has.
    fn take(&mut self, own: &State, parent: &State, kinds: &BTreeMap<String, TensorKind>, state: &mut State) {
        for name in own.tensors.keys() {
            let (kept, lacking) = self.buffers.entry(part_of(name).to_owned()).or_default();
            let is_buffer = kinds.get(name) == Some(&TensorKind::Buffer);
            match parent.tensors.get(name) {
                Some(tensor) => {
                    state.tensors.insert(name.clone(), tensor.clone());
                    *kept += usize::from(is_buffer);
                }
                None => lacking.push(name.clone()),
            }
        }
    }

    fn lines(&self, parent: &State, state: &State) -> Vec<String> {
        let mut lines = Vec::new();
        for (network, (kept, lacking)) in &self.buffers {
            let buffers = match kept {
                0 => String::new(),
                count => format!(", {count} {} (such as running statistics)", plural(*count, "buffer")),
            };
            lines.push(format!("kept         {network}: weights{buffers}"));
            let count = lacking.len();
            if let Some(first) = lacking.first() {
                lines.push(format!(
                    "afresh       {network}: {count} {} that the parent lacks, such as {first}",
                    plural(count, "buffer")
                ));
            }
            let prefix = format!("{network}.");
            let surplus = parent.tensors.keys().filter(|name| name.starts_with(&prefix));
            let surplus: Vec<_> = surplus.filter(|name| !state.tensors.contains_key(*name)).collect();
            if let Some(first) = surplus.first() {
                let count = surplus.len();
                lines.push(format!(
                    "dropped      {network}: {count} {} that this run lacks, such as {first}",
                    plural(count, "buffer")
                ));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;
    use crate::systems::{self, SYSTEMS, tiny};
    use crate::{Output, Run};
    use tensor::Tensor;

    /// A trained run of the fake system, its folder and its hash.
    fn trained(folder: &Path) -> String {
        run(folder).steps(3).train().unwrap().weights_hash
    }

    fn run(folder: &Path) -> Run {
        Run::new(Fake::new).images(datasets::apples(9, 1)).out(folder).output(Output::Silent)
    }

    #[test]
    fn a_branch_without_changes_begins_with_the_bits_of_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let [parent, child] = ["parent", "child"].map(|name| folder.path().join(name));
        let hash = trained(&parent);
        let report = run(&child).from_run(&parent).steps(2).train().unwrap();
        let config = std::fs::read_to_string(child.join("config.toml")).unwrap();
        assert!(config.contains(&format!("parent_hash = {hash:?}")) && config.contains("parent_step = 3"), "{config}");
        // From the checkpoint before the first step, and from none: its parent's weights again.
        let mut request = TrainRequest::of(run(&child).system());
        (request.from, request.output) = (Some(parent.clone()), Output::Silent);
        let plan =
            crate::training::start::Plan::fresh(&request, (&crate::plan::Budget::of_this_process(), None)).unwrap();
        assert_eq!(weights_hash(&plan.system.state()), hash);
        std::fs::remove_dir_all(child.join("checkpoints")).unwrap();
        let again = run(&child).from_run(&parent).steps(2).train().unwrap();
        assert_eq!(again.weights_hash, report.weights_hash);
        // Moved together, without a checkpoint.
        let moved = tempfile::tempdir().unwrap();
        std::fs::remove_dir_all(child.join("checkpoints")).unwrap();
        for name in ["parent", "child"] {
            std::fs::rename(folder.path().join(name), moved.path().join(name)).unwrap();
        }
        let again = run(&moved.path().join("child")).from_run(moved.path().join("parent")).steps(2).train().unwrap();
        assert_eq!(again.weights_hash, report.weights_hash);
    }

    #[test]
    fn every_system_passes_everything_on_to_a_run_with_the_same_settings() {
        for entry in SYSTEMS.iter() {
            let settings = tiny(entry);
            let mut state = entry.build(&settings, 1).map_err(|bad| bad.why).unwrap().state();
            // Other numbers than those of new networks.
            for tensor in state.tensors.values_mut() {
                *tensor = Tensor::full(*tensor.shape(), 0.5);
            }
            state.counters.values_mut().for_each(|count| *count = 0);
            let child = entry.build(&settings, 2).map_err(|bad| bad.why).unwrap();
            let (taken, lines) = inherited(&*child, &state);
            assert!(taken == state, "{}: {lines:?}", entry.name);
            assert!(lines.iter().all(|line| line.starts_with("kept")), "{}: {lines:?}", entry.name);
        }
    }

    #[test]
    fn what_the_parent_lacks_starts_afresh_and_an_average_at_the_generator() {
        let entry = systems::find("quickdraw").unwrap();
        let plain = tiny(&entry);
        let mut changed = plain.clone();
        changed.extend("ema = 0.9\nreplay_pool = 3\nspectral_norm = true".parse::<toml::Table>().unwrap());
        let build = |settings| entry.build(settings, 1).map_err(|bad| bad.why).unwrap();
        let mut parent = build(&plain).state();
        parent.tensors.insert("generator.dense.bias".into(), Tensor::full([3136], 0.25));
        parent.counters.insert("optimizer.generator.updates".into(), 7);
        let (state, lines) = inherited(&*build(&changed), &parent);
        assert_eq!(state.tensors["average.dense.bias"].data()[0], 0.25);
        assert_eq!(state.counters["optimizer.generator.updates"], 7);
        let text = lines.join("\n");
        for words in
            ["afresh       average", "afresh       pool", "5 buffers that the parent lacks", "generator: 7 updates"]
        {
            assert!(text.contains(words), "{words}: {text}");
        }
        let (_, lines) = inherited(&*build(&plain), &state);
        let text = lines.join("\n");
        for words in
            ["dropped      average: this run", "dropped      pool: this run", "dropped      discriminator: 5 buffers"]
        {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}
