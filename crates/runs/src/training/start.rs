//! [`Plan`]: what a training run starts from: nothing, another run's weights, or a checkpoint of
//! its own.

use std::path::{Path, PathBuf};

use datasets::{Advice, advice, quoted};
use models::{Severity, System};

use super::TrainRequest;
use super::branch::{self, Parent};
use crate::checkpoint::{self, LoadedCheckpoint};
use crate::config::Config;
use crate::console::Output;
use crate::data::Dataset;
use crate::failure::{Code, Failure};
use crate::folder::lock::Lock;
use crate::folder::resume::{self, SavedRun, require_same_images};
use crate::plan::{Budget, Needs};

/// A training run that is about to start.
pub(super) struct Plan {
    pub(super) config: Config,
    pub(super) system: Box<dyn System>,
    pub(super) needs: Needs,
    /// The number of steps already done.
    pub(super) from: u64,
    /// The run folder, if it exists already, and its lock.
    pub(super) place: Option<(PathBuf, Lock)>,
    /// The fingerprint of the images that the run has learned from so far.
    pub(super) learned_from: Option<String>,
    /// Messages about the checkpoint.
    pub(super) notes: Vec<String>,
}

/// The memory that a run is planned for, and where the table is written if it does not fit.
pub(super) type Terms<'a> = (&'a Budget, Option<&'a Output>);

impl Plan {
    pub(super) fn fresh(request: &TrainRequest, terms: Terms<'_>) -> Result<Self, Failure> {
        let (mut config, parent) = branch::configuration(request)?;
        config.drop_rollbacks();
        let mut notes: Vec<String> = config.numerics_changed().into_iter().collect();
        notes.extend(config.drop_earlier_precision());
        notes.extend(parent.iter().flat_map(|parent| parent.changes(&config)));
        Self::at_start(config, parent, notes, terms)
    }

    /// At step 0, with the weights of the parent if there is one.
    pub(super) fn at_start(
        config: Config,
        parent: Option<Parent>,
        mut notes: Vec<String>,
        terms: Terms<'_>,
    ) -> Result<Self, Failure> {
        let needs = Needs::that_fit(&config, 0, terms)?;
        let mut system = config.build()?;
        if let Some(remark) = system.remarks().into_iter().find(|remark| remark.severity == Severity::Error) {
            return Err(Failure::new(Code::Config, format!("this system cannot train ({})", remark.id))
                .at(config.entry.name)
                .because(remark.text));
        }
        if let Some(parent) = parent {
            notes.extend(parent.pass_on(&config, &mut *system)?);
        }
        Ok(Self { config, system, needs, from: 0, place: None, learned_from: None, notes })
    }

    /// Whether no step is done and the weights are those of another run.
    pub(super) fn starts_from_parent(&self) -> bool {
        self.from == 0 && self.config.parent_line().is_some()
    }

    pub(super) fn resumed(request: &TrainRequest, path: &Path, terms: Terms<'_>) -> Result<Self, Failure> {
        let own = Some(&request.system);
        Needs::of_saved(path, own, terms.0)?;
        let SavedRun { run, lock, config, found } = resume::open_run(path, own)?;
        let [trained, asked] = [config.entry.name, request.system.name];
        if trained != asked {
            return Err(Failure::new(Code::Checkpoint, "this is a run of another system")
                .at(run.display())
                .because(format!("it trains `{trained}`, but the command names `{asked}`"))
                .help(advice!("run-of-another-system", "`train {trained} --resume {}`", quoted(path))));
        }
        let before = config.precision().map(str::to_owned);
        let config = config.extended(&request.assignments, &run)?;
        let mut plan = match found {
            Some(found) => Self::from_saved(config, &found, &run, terms)?,
            None => {
                let note = format!("resumed      {}, which has no checkpoint yet: starts at step 0", run.display());
                let parent = Parent::recorded(&config, &run)?;
                Self::at_start(config, parent, vec![note], terms)?
            }
        };
        plan.notes.extend(plan.config.show_rollbacks());
        plan.notes.extend(plan.config.record_precision(before.as_deref(), plan.from));
        Ok(Self { place: Some((run, lock)), ..plan })
    }

    /// Resumes from a checkpoint of the run in the folder `run`.
    pub(super) fn from_saved(
        config: Config,
        found: &LoadedCheckpoint,
        run: &Path,
        terms: Terms<'_>,
    ) -> Result<Self, Failure> {
        let saved = &found.checkpoint;
        let steps = config.steps();
        if steps < saved.step {
            return Err(Failure::new(Code::Usage, "the run is already longer than that")
                .at(found.path.display())
                .because(format!("steps done: {}, new total: {steps}", saved.step))
                .help(if config.entry.is_own() {
                    advice!("own-run-is-longer", "ask for a total larger than the number of steps already done")
                } else {
                    run_is_longer(run, saved.step, steps)
                }));
        }
        let needs = Needs::that_fit(&config, saved.step, terms)?;
        let mut system = config.build()?;
        saved.restore(&mut *system, &found.path)?;
        let mut notes = found.passed_over();
        notes.push(format!("resumed      {}, after step {}", found.path.display(), saved.step));
        if saved.step < steps {
            notes.extend(resume::config_within(found, Some(&config.entry))?.numerics_change_at(saved.step));
        }
        let learned_from = Some(saved.data.clone());
        Ok(Self { config, system, needs, from: saved.step, place: None, learned_from, notes })
    }

    /// Rejects images other than those that the run has learned from so far.
    pub(super) fn check_images(&self, data: &Dataset, request: &TrainRequest) -> Result<(), Failure> {
        let check = |before: &String| require_same_images(data, before, request.names_data());
        self.learned_from.as_ref().map_or(Ok(()), check)
    }
}

/// The advice when a run that has already done `done` steps is resumed with a smaller total,
/// `wanted`.
fn run_is_longer(run: &Path, done: u64, wanted: u64) -> Advice {
    match checkpoint::in_folder(run).unwrap_or_default().iter().find(|(step, _)| *step <= wanted) {
        Some((_, older)) => advice!(
            "run-is-longer",
            "ask for a larger total, such as `--steps {}`, or continue from an older checkpoint, `--resume {}`",
            done + 1,
            quoted(older)
        ),
        None => advice!("run-is-longer-than-kept", "ask for a larger total, such as `--steps {}`", done + 1),
    }
}
