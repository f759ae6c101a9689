//! `train`: the command line of Backdraw.
//!
//! From the outside in: `cli` reads what was typed; `session`, `sample`, `evaluate` and this file do it; `train_loop` trains and tells
//! every `observe::Observer` about each step; `config`, `checkpoint`, `run_folder` and `storage` are what a run is on disk.
//! Whatever goes wrong becomes one `failure::Failure`, told in one form and with its own exit code.

mod animate;
mod animation;
mod array_file;
mod checkpoint;
mod cli;
mod config;
mod console;
mod curves;
mod data;
mod derive;
mod engine;
mod evalnet;
mod evaluate;
mod explanation;
mod failure;
#[cfg(test)]
mod fake;
mod fetch;
mod forgiving;
mod gradcheck;
mod lock;
mod metrics_file;
mod observe;
mod past_rows;
mod pictures;
mod plan;
mod plane;
mod processor;
mod progress;
mod project;
mod quality;
mod resume;
mod run_folder;
mod sample;
mod samples;
mod saving;
mod seed_log;
mod session;
mod signals;
mod storage;
mod styles;
mod suggestion;
mod systems;
mod timings;
mod train_loop;
mod translate;

use std::process::ExitCode;

use cli::{Action, SummaryOptions};
use config::{Config, Entry};
use failure::{Code, Failure};
use train_loop::Ending;

/// Counts the large buffers for `--timings`.
#[global_allocator]
static ALLOCATOR: engine::allocations::Counted = engine::allocations::Counted;

fn main() -> ExitCode {
    signals::prepare();
    let parsed = cli::command().try_get_matches().and_then(|matches| cli::parse(&matches));
    let (action, color) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let error = cli::without_false_tip(error);
            // A closed pipe is the only way in which this fails, and then nobody listens.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Code::Usage as u8));
        }
    };
    match perform(&action) {
        Ok(Ending::Finished) => ExitCode::SUCCESS,
        Ok(Ending::Stopped(_)) => ExitCode::from(signals::exit_code()),
        Err(failure) => {
            console::tell(&failure, color);
            match failure.code {
                Code::Interrupted => ExitCode::from(signals::exit_code()),
                code => ExitCode::from(code as u8),
            }
        }
    }
}

fn perform(action: &Action) -> Result<Ending, Failure> {
    let processor = match action {
        Action::Systems | Action::Fetch(_) => String::new(),
        Action::Train(_, options) => processor::start(options.threads)?,
        _ => processor::start(None)?,
    };
    match action {
        Action::Train(row, options) => return session::run(row, options, &processor),
        Action::Summary(row, options) => summary(row, options)?,
        Action::Sample(options) => sample::run(options)?,
        Action::Translate(options) => translate::run(options)?,
        Action::Project(options) => project::run(options)?,
        Action::Animate(options) => animate::run(options)?,
        Action::Evaluate(options) => evaluate::run(options)?,
        Action::Evalnet(row, options) => evalnet::run(row, options)?,
        Action::Explain(options) => explanation::run(options)?,
        Action::Fetch(options) => fetch::run(options)?,
        Action::Gradcheck(options) => gradcheck::run(options)?,
        Action::Derive(options) => derive::run(options)?,
        Action::Systems => console::print(&listing())?,
    }
    Ok(Ending::Finished)
}

/// The layer tables of a system.
fn summary(row: &'static systems::Row, options: &SummaryOptions) -> Result<(), Failure> {
    let mut entries = config::read_settings(&options.settings)?;
    entries.extend(options.preset.clone().map(|preset| Entry::option("--preset", "preset", preset)));
    let config = Config::resolve(row, &entries)?;
    // Shapes are enough: no weight of theirs needs memory.
    let tables = engine::meta::run(|| -> Result<Vec<String>, Failure> {
        let system = config.build()?;
        let wholes = engine::wholes(&system.networks());
        Ok(wholes.iter().map(|parts| engine::summary(parts).trim_end().to_owned() + "\n").collect())
    })?;
    console::print(&tables.join("\n"))
}

/// The systems with their presets.
fn listing() -> String {
    let mut text = String::new();
    let names = systems::SYSTEMS.iter().flat_map(|row| row.presets).map(|preset| preset.name.len());
    let width = names.max().unwrap_or(0);
    for row in systems::SYSTEMS {
        text += &format!("{:<12} {}\n", row.name, row.about);
        for (number, preset) in row.presets.iter().enumerate() {
            let default = if number == 0 { " (default)" } else { "" };
            text += &format!("  --preset {:<width$} {}{default}\n", preset.name, preset.about);
        }
    }
    text
}
