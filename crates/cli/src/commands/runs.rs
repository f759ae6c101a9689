//! `train runs`: lists, shows and removes runs.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;

use datasets::advice;
use runs::console::print;
use runs::failure::{Code, Failure};
use runs::listing::{self, RunInfo};
use serde_json::Value;

use crate::cli::files::{RunsArgs, RunsCommand};

/// Lists, shows or removes runs.
///
/// # Errors
/// As the functions of [`listing`]; when a removal is not confirmed.
pub(crate) fn run(args: &RunsArgs) -> Result<(), Failure> {
    match &args.command {
        RunsCommand::List { folder, json } => {
            let runs = listing::list(folder)?;
            match (json, runs.is_empty()) {
                (true, _) => print(&format!("{:#}\n", Value::from_iter(runs.iter().map(RunInfo::json)))),
                (false, true) => print(&format!("there are no runs in {}\n", folder.display())),
                (false, false) => print(&listing::table(&runs)),
            }
        }
        RunsCommand::Show { run, json } => {
            let run = listing::show(run)?;
            if *json { print(&format!("{:#}\n", run.json())) } else { print(&run.to_string()) }
        }
        RunsCommand::Remove { runs, yes } => remove(runs, *yes),
    }
}

/// Removes runs, after asking about all of them at once.
fn remove(folders: &[PathBuf], yes: bool) -> Result<(), Failure> {
    // Everything that can be refused is refused before the first is removed.
    let runs = folders.iter().map(|folder| listing::removable(folder)).collect::<Result<Vec<_>, _>>()?;
    if !yes {
        eprint!("{}", listing::table(&runs));
        if !io::stdin().is_terminal() {
            return Err(Failure::new(Code::Usage, "the removal was not confirmed")
                .because("standard input is not a terminal, so the program cannot ask")
                .help(advice!("remove-unasked", "to remove without confirmation, add `--yes`")));
        }
        eprint!("Remove all of this? [y/N] ");
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        if read.is_err() || !["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
            return print("nothing was removed\n");
        }
    }
    for folder in folders {
        listing::remove(folder)?;
        print(&format!("removed {}\n", folder.display()))?;
    }
    Ok(())
}
