//! What a training run prints at its beginning and at its end, and what it adds to failures: what
//! is saved, and how to go on.

use std::path::Path;

use datasets::{advice, grouped, quoted};
use nn::{totals, wholes};

use super::start::Plan;
use super::{Ending, TrainReport};
use crate::checkpoint;
use crate::config::Config;
use crate::console::Console;
use crate::data::Dataset;
use crate::failure::{Code, Failure, typed};
use crate::folder;
use crate::observers::diagnosis::Diagnosis;
use crate::processor;
use crate::systems::Trainable;

/// Prints the first lines: everything that determines the result, then other information, such as
/// the processor and the run folder.
pub(super) fn print_header(console: &Console, plan: &Plan, data: &Dataset, run: &Path) -> Result<(), Failure> {
    let config = &plan.config;
    let about = if config.entry.about.is_empty() { String::new() } else { format!(": {}", config.entry.about) };
    console.say(&format!("training     {}, preset {}{about}", config.entry.name, config.preset()));
    console.say(&format!("data         {}", data.origin()));
    for note in data.notes()? {
        console.say(&note);
    }
    for remark in plan.system.remarks() {
        let typed_as = |setting: &&str| match setting.strip_prefix("batch=") {
            Some(batch) => format!("{} {batch}", "--batch"),
            None => format!("{} {setting}", "--set"),
        };
        let remedies: Vec<String> = remark.remedies.iter().map(typed_as).collect();
        let word = remark.severity.name();
        // A resumed run must keep its settings, so it gets no suggestion.
        console.say(&match (&plan.learned_from, &remedies[..]) {
            (None, [_, ..]) => {
                typed(&advice!("remark", "{word:<12} {} ({}): `{}`", remark.text, remark.id, remedies.join("` or `")))
            }
            _ => format!("{word:<12} {} ({})", remark.text, remark.id),
        });
    }
    for (place, parts) in wholes(&plan.system.networks()).iter().enumerate() {
        let label = if place == 0 { "networks" } else { "" };
        console.say(&format!("{label:<12} {}", totals(parts)));
    }
    console.say(&format!("processor    {}", processor::about()?));
    if let Some(warning) = processor::slow_kernels(kernels::OPT_LEVEL) {
        console.say(warning);
    }
    if let Some(precision) = config.precision().filter(|precision| *precision != "f32") {
        console.say(&format!("precision    {precision} products, f32 sums and weights"));
    }
    let batch = config.settings.get("batch").map_or_else(String::new, |batch| format!(", batch {batch}"));
    console.say(&format!("steps        {}{batch}, seed {}", config.steps(), config.seed()));
    console.say(&format!("run folder   {}", run.display()));
    if let Some(line) = config.parent_line() {
        console.say(&line);
    }
    for note in &plan.notes {
        console.say(note);
    }
    Ok(())
}

/// Prints the last lines: what was written, how to resume, the hash.
pub(super) fn print_summary(console: &Console, entry: &Trainable, done: &TrainReport) -> Result<(), Failure> {
    let (run, system) = (&done.run, entry.name);
    if let Ending::Stopped(step) = done.ending
        && !entry.is_own()
    {
        console.say(&typed(&advice!(
            "stopped",
            "stopped after step {step}; everything is saved. Continue with `train {system} --resume {}`",
            quoted(run)
        )));
    }
    console.data("files written:")?;
    for line in folder::list(run) {
        console.data(&format!("  {line}"))?;
    }
    console.data(&format!("weights hash: {}", done.weights_hash))?;
    console.check()
}

/// Adds to a storage failure how to resume the run once the cause is fixed.
pub(super) fn add_resume_command(failure: Failure, entry: &Trainable, run: &Path) -> Failure {
    let system = entry.name;
    if failure.code != Code::Storage || entry.is_own() {
        return failure;
    }
    let first = failure.help.as_ref().map_or_else(String::new, |help| format!("{}\n", help.text()));
    let help = advice!("mended-storage", "{first}then continue with `train {system} --resume {}`", quoted(run));
    failure.help(help)
}

/// The failure of a run that was stopped after step `last` because of `diagnosis`; `why` is the
/// reason why it could not return to an earlier step, if it should have.
pub(super) fn stopped_sick(
    diagnosis: &Diagnosis,
    (last, why): (u64, Option<String>),
    config: &Config,
    run: &Path,
) -> Failure {
    let reason = match why {
        Some(why) => format!("{}\nit does not return to an earlier step: {why}", diagnosis.line()),
        None => diagnosis.line(),
    };
    let what = format!("the run is sick: stopped after step {}; everything is saved", grouped(last));
    let failure = Failure::new(Code::Sick, what).at(run.display()).because(reason);
    let commands = diagnosis.commands(config, run);
    if commands.is_empty() || config.entry.is_own() {
        return failure;
    }
    failure.help(advice!("stopped-sick", "try `{}`", commands.join("` or `")))
}

/// Adds to a divergence failure which checkpoint is still usable.
pub(super) fn add_last_checkpoint(failure: Failure, run: &Path) -> Failure {
    if failure.code != Code::Diverged {
        return failure;
    }
    // A checkpoint from before the first step is not useful.
    let failure = match checkpoint::in_folder(run).unwrap_or_default().first().filter(|(step, _)| *step > 0) {
        Some((_, path)) => {
            let why = failure.why.clone().map_or_else(String::new, |why| why + "\n");
            failure.because(format!("{why}the last good state is {}", path.display()))
        }
        None => failure,
    };
    failure.help(advice!("diverged", "train again with a smaller learning rate or another seed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divergence_tells_which_state_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().to_owned();
        folder::reopen(&run).unwrap();
        let diverged = || Failure::new(Code::Diverged, "diverged");
        assert!(!add_last_checkpoint(diverged(), &run).to_string().contains("last good state"));
        for step in [500, 1000] {
            std::fs::write(run.join("checkpoints").join(checkpoint::file_name(step)), "").unwrap();
        }
        let text = add_last_checkpoint(diverged(), &run).to_string();
        assert!(text.contains("step-001000.safetensors"), "{text}");
        let other = Failure::new(Code::Storage, "full").help(advice!("of-another-test", "free some space"));
        assert_eq!(add_last_checkpoint(other.clone(), &run), other);
    }
}
