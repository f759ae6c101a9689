//! Returns a sick run to an earlier step, from which it continues with other settings
//! (`on_sick = "rollback"`).

use std::path::{Path, PathBuf};

use datasets::grouped;

use crate::checkpoint::{self, Checkpoint, file_name};
use crate::config::Config;
use crate::failure::Failure;
use crate::observers::diagnosis::{Diagnosis, record_rollback};
use crate::storage::{self, RealDisk};
use models::System;

/// The largest number of returns of a run.
const MOST: usize = 3;

/// From where and how a run continues.
pub(super) struct Return {
    pub(super) config: Config,
    pub(super) system: Box<dyn System>,
    /// The checkpoint, whose configuration is the new one.
    pub(super) saved: Checkpoint,
    /// A message for the user.
    pub(super) note: String,
}

/// Returns the run in the folder `run`, which has done `last` steps, to the newest checkpoint
/// before the episode, or to the oldest one that there is. The inner error says why that is not
/// possible.
///
/// Only checkpoints of the interval `checkpoint_every` count: an interruption writes another one,
/// and must not change the result.
///
/// # Errors
/// When a file cannot be read or written.
pub(super) fn roll_back(
    config: &Config,
    run: &Path,
    diagnosis: &Diagnosis,
    last: u64,
) -> Result<Result<Return, String>, Failure> {
    if config.rollbacks() >= MOST {
        return Ok(Err(format!("it has already returned to an earlier step {MOST} times")));
    }
    let regular = |step: u64| step.is_multiple_of(config.checkpoint_every());
    let mut files = checkpoint::in_folder(run)?;
    files.retain(|(step, _)| regular(*step) && *step < diagnosis.step);
    let read = |file: &(u64, PathBuf)| Checkpoint::read(&file.1).ok();
    let before = files.iter().filter(|(step, _)| *step <= diagnosis.before).find_map(&read);
    let Some(saved) = before.or_else(|| files.iter().rev().find_map(&read)) else {
        return Ok(Err("there is no intact checkpoint of an earlier step".into()));
    };
    for treatment in &diagnosis.treatments {
        let settings = treatment.assignments().collect::<Vec<_>>().join(", ");
        let why = format!("step {} ({}): from step {}", diagnosis.step, diagnosis.sign.id, saved.step);
        let next = config.rolled_back(&treatment.settings, &why, &settings);
        let Ok(mut system) = next.build() else { continue };
        let path = run.join("checkpoints").join(file_name(saved.step));
        if saved.restore(&mut *system, &path).is_err() {
            continue;
        }
        let saved = Checkpoint { config: next.to_toml(), ..saved };
        saved.write(&RealDisk, &path)?;
        storage::write_whole(&RealDisk, &run.join("config.toml"), saved.config.as_bytes())?;
        let earlier = checkpoint::in_folder(run)?.into_iter().map(|(step, _)| step).filter(|step| *step <= saved.step);
        checkpoint::delete_older(&RealDisk, run, &earlier.collect::<Vec<_>>())?;
        record_rollback(diagnosis, (last, saved.step), config, run)?;
        let note = format!("rolled back  to step {}; continuing with {settings}", grouped(saved.step));
        return Ok(Ok(Return { config: next, system, saved, note }));
    }
    Ok(Err("none of the remedies can continue from its weights".into()))
}
