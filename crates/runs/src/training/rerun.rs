//! Repeated commands: if `--out` names a folder that already holds a run, the same command resumes
//! it, and does nothing if the run is finished (so a job that is queued once too often does not
//! fail).

use std::path::Path;

use datasets::{advice, plural, quoted};

use super::start::Plan;
use crate::checkpoint::{self, LoadedCheckpoint};
use crate::config::Config;
use crate::failure::{Code, Failure};

/// Turns the plan of a new run into one that resumes the run in the locked folder `run`, if that
/// run has the same configuration and length. It resumes from the newest checkpoint, or from the
/// beginning if there is none.
///
/// # Errors
/// When the run there has another length or configuration (the error names the command that resumes
/// it), or cannot be read.
pub(super) fn resume_existing(mut plan: Plan, run: &Path) -> Result<Plan, Failure> {
    let there = Config::of_run(&run.join("config.toml"), Some(&plan.config.entry))?;
    let in_use = |why: String, more: &str| {
        Failure::new(Code::Usage, "the run folder is already in use")
            .at(run.display())
            .because(format!("it exists and is not empty: {why}"))
            .help(if there.entry.is_own() {
                advice!(
                    "own-run-folder-in-use",
                    "use another folder, or the same configuration as the run in this folder"
                )
            } else {
                advice!(
                    "run-folder-in-use",
                    "continue that run, `train {} --resume {}{more}`, or name another folder",
                    there.entry.name,
                    quoted(run)
                )
            })
    };
    if there.entry.name != plan.config.entry.name {
        return Err(in_use(format!("it contains a run of `{}`", there.entry.name), ""));
    }
    plan.config.copy_rollbacks(&there);
    let differences = plan.config.differences(&there, ["requested", "in the run"]);
    if !differences.is_empty() {
        let why = format!("it contains a run with a different configuration\n{}", differences.join("\n"));
        return Err(in_use(why, ""));
    }
    plan.config.copy_earlier_precision(&there);
    plan.config.copy_numerics(&there);
    let found = if checkpoint::in_folder(run)?.is_empty() { None } else { Some(checkpoint::newest_good(run)?) };
    let done = found.as_ref().map_or(0, |found: &LoadedCheckpoint| found.checkpoint.step);
    let (asked, planned) = (plan.config.steps(), there.steps());
    if asked == planned {
        let note = if done < asked {
            format!("continuing   the unfinished run in {}, which has the same configuration", run.display())
        } else {
            format!("finished     the run in {} is already complete", run.display())
        };
        let mut next = match found {
            Some(found) => Plan::from_saved(plan.config, &found, run, (plan.needs.budget(), None))?,
            None => plan,
        };
        next.notes.insert(0, note);
        return Ok(next);
    }
    let more = if asked > done { format!(" --steps {asked}") } else { String::new() };
    Err(in_use(
        format!(
            "it contains a run of this configuration, with {done} of {planned} {} done",
            plural(planned as usize, "step")
        ),
        &more,
    ))
}
