//! Opening a saved run: to resume training, or to use its networks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::advice;

use crate::checkpoint::{self, Checkpoint, LoadedCheckpoint};
use crate::config::Config;
use crate::console::Output;
use crate::data::Dataset;
use crate::failure::{Code, Failure};
use crate::folder::lock::Lock;
use crate::folder::{self, Located};
use crate::plan;
use crate::storage;
use crate::systems::Trainable;
use models::System;

/// A run folder, with the state to resume from.
pub(crate) struct SavedRun {
    pub run: PathBuf,
    pub lock: Lock,
    pub config: Config,
    /// `None` if the run was stopped before its first checkpoint.
    pub found: Option<LoadedCheckpoint>,
}

/// Opens the run that `path` names, at its newest intact checkpoint or at the given one. It is
/// locked before anything is read: resuming from an older state would overwrite what another
/// process is still writing.
///
/// # Errors
/// When there is no such run, when another process holds it, when no checkpoint can be used, or
/// when the run's `config.toml` contradicts the configuration in the checkpoint.
pub(crate) fn open_run(path: &Path, own: Option<&Arc<Trainable>>) -> Result<SavedRun, Failure> {
    let located = folder::locate(path)?;
    let Some(run) = located.run.clone() else {
        let flaw = read_named(path).err();
        return Err(flaw.unwrap_or_else(|| {
            Failure::new(Code::Checkpoint, "this checkpoint is not in a run folder")
                .at(path.display())
                .because("a run continues in its folder, which contains config.toml, metrics.csv and the sheets")
                .help(advice!(
                    "checkpoint-alone",
                    "give the run folder, or put the file into the folder checkpoints of its run"
                ))
        }));
    };
    if !run.join("config.toml").is_file() {
        find(&located, &run)?;
        return Err(no_run(&run));
    }
    let lock = Lock::take(&run)?;
    let mut config = Config::of_run(&run.join("config.toml"), own)?;
    let is_fresh = located.checkpoint.is_none() && checkpoint::in_folder(&run)?.is_empty();
    let found = if is_fresh { None } else { Some(find(&located, &run)?) };
    if let Some(found) = &found {
        agree(&config, found)?;
    }
    config.find_data(&run);
    Ok(SavedRun { run, lock, config, found })
}

/// A trained system, loaded from a run.
pub struct Trained {
    /// The configuration that it was trained with.
    pub config: Config,
    /// The system, with the weights of the checkpoint.
    pub system: Box<dyn System>,
    /// The checkpoint.
    pub found: LoadedCheckpoint,
    /// The run folder; `None` for a checkpoint file outside of a run.
    pub run: Option<PathBuf>,
}

/// Opens the checkpoint that `path` names, with the configuration that it was trained with. A
/// checkpoint file alone is sufficient.
///
/// # Errors
/// When no checkpoint can be used.
pub fn open_trained(path: &Path, own: Option<&Arc<Trainable>>) -> Result<Trained, Failure> {
    let (found, config) = open_checkpoint(path, own)?;
    plan::can_open(&config, path)?;
    let mut system = config.build()?;
    found.checkpoint.restore(&mut *system, &found.path)?;
    let run = folder::locate(path)?.run;
    Ok(Trained { config, system, found, run })
}

/// As [`open_trained`]; `output` shows that a checkpoint is being read, because a large one takes
/// seconds.
///
/// # Errors
/// As [`open_trained`].
pub(crate) fn open_trained_showing(
    path: &Path,
    own: Option<&Arc<Trainable>>,
    output: &Output,
) -> Result<Trained, Failure> {
    output.busy("reading the checkpoint", || open_trained(path, own))
}

/// Reads the checkpoint that `path` names, and the configuration that it was trained with, whose
/// images are looked for.
///
/// # Errors
/// When no checkpoint can be used.
pub(crate) fn open_checkpoint(
    path: &Path,
    own: Option<&Arc<Trainable>>,
) -> Result<(LoadedCheckpoint, Config), Failure> {
    let located = folder::locate(path)?;
    let found = match &located.run {
        Some(run) => find(&located, run)?,
        None => read_named(path)?,
    };
    let mut config = config_within(&found, own)?;
    config.find_data(located.run.as_deref().unwrap_or(storage::folder_of(path)));
    Ok((found, config))
}

/// The checkpoint file after `step` steps of the run that `path` names; `option` is the
/// command-line option that asked for it.
///
/// # Errors
/// When `path` is not a run folder, or the run has no such checkpoint; the error lists those it
/// has.
pub(crate) fn checkpoint_at(path: &Path, step: u64, option: &str) -> Result<PathBuf, Failure> {
    let located = folder::locate(path)?;
    let (Some(run), None) = (located.run, located.checkpoint) else {
        return Err(Failure::new(Code::Usage, format!("{option} needs a run folder"))
            .at(format!("option {option}"))
            .because(format!("{} is a checkpoint file, not a run folder", path.display()))
            .help(advice!("checkpoint-not-run", "give the run folder, or leave out `{option}`")));
    };
    let files = checkpoint::in_folder(&run)?;
    if let Some((_, file)) = files.iter().find(|(at, _)| *at == step) {
        return Ok(file.clone());
    }
    let mut steps: Vec<String> = files.iter().map(|(step, _)| step.to_string()).collect();
    steps.reverse();
    let there = if steps.is_empty() { "none".to_owned() } else { steps.join(", ") };
    Err(Failure::new(Code::Checkpoint, format!("the run has no checkpoint of step {step}"))
        .at(run.display())
        .because(format!("steps of its checkpoints: {there}"))
        .help(advice!("no-such-checkpoint", "a run keeps its newest checkpoints; leave out `{option}` for the newest")))
}

fn find(located: &Located, run: &Path) -> Result<LoadedCheckpoint, Failure> {
    match &located.checkpoint {
        Some(file) => read_named(file),
        None => checkpoint::newest_good(run),
    }
}

fn read_named(file: &Path) -> Result<LoadedCheckpoint, Failure> {
    let checkpoint = Checkpoint::read(file).map_err(|flaw| flaw.failure(file))?;
    Ok(LoadedCheckpoint { path: file.to_owned(), checkpoint, damaged: Vec::new() })
}

/// The configuration stored in the checkpoint.
///
/// # Errors
/// When this program cannot read it.
pub(crate) fn config_within(found: &LoadedCheckpoint, own: Option<&Arc<Trainable>>) -> Result<Config, Failure> {
    Config::of_text(&found.checkpoint.config, &format!("{} (its configuration)", found.path.display()), own).map_err(
        |failure| {
            Failure::new(Code::Checkpoint, "the checkpoint's configuration cannot be used")
                .at(found.path.display())
                .because(failure)
        },
    )
}

/// A missing `config.toml` means a broken run folder, not a configuration error.
fn no_run(run: &Path) -> Failure {
    Failure::new(Code::Checkpoint, "this is not a run folder")
        .at(run.display())
        .because("it has no config.toml")
        .help(advice!("not-a-run", "give the folder of a run, such as runs/0001-quickdraw"))
}

/// Refuses to resume when `config.toml` was changed: the result would be that of neither
/// configuration.
fn agree(config: &Config, found: &LoadedCheckpoint) -> Result<(), Failure> {
    let failure = |what: &str| Failure::new(Code::Checkpoint, what).at(found.path.display());
    let saved = &found.checkpoint;
    if saved.system != config.entry.name {
        return Err(failure("the checkpoint belongs to another system")
            .because(format!(
                "the checkpoint was written by `{}`, but the run trains `{}`",
                saved.system, config.entry.name
            ))
            .help(advice!("checkpoint-of-another-run", "give a checkpoint of this run")));
    }
    let differences =
        config.differences(&config_within(found, Some(&config.entry))?, ["in config.toml", "in the checkpoint"]);
    if !differences.is_empty() {
        return Err(failure("the checkpoint was trained with a different configuration from the one in config.toml")
            .because(differences.join("\n"))
            .help(advice!("config-was-changed", "restore the values of the checkpoint in config.toml")));
    }
    Ok(())
}

/// Rejects images other than those with the fingerprint `before`, which the run learned from;
/// `named` if the request names the images. The fingerprint of imported weights is empty: what they
/// were trained on is not known.
pub(crate) fn require_same_images(data: &Dataset, before: &str, named: bool) -> Result<(), Failure> {
    if before.is_empty() {
        return Ok(());
    }
    let fingerprint = data.fingerprint()?;
    if before == fingerprint {
        return Ok(());
    }
    Err(Failure::new(Code::Checkpoint, "the run was trained on other images")
        .at(data.origin())
        .because(format!("fingerprint of its images: {before}\nfingerprint of these:      {fingerprint}"))
        .help(match named {
            true => advice!("other-images-named", "leave out `--data`: the run's configuration names its images"),
            false => advice!(
                "other-images",
                "give the images that the run was trained on, `--data PATH`, or start a new run"
            ),
        }))
}
