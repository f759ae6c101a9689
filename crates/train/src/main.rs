//! `train`: the command line of Backdraw.
//!
//! [`cli`] reads what was typed, the library `runs` does it, and every problem becomes one `Failure` with its own exit code.

mod cli;
mod commands;

use std::process::ExitCode;

use cli::Action;
use runs::config::{self, Config, Entry};
use runs::failure::{Code, Failure};
use runs::options::SummaryOptions;
use runs::training::train_loop::Ending;
use runs::{console, evaluation, explanation, fetch, processor, sampling, signals, systems, training};

/// Counts the large buffers for `--timings`.
#[global_allocator]
static ALLOCATOR: kernels::allocations::Counted = kernels::allocations::Counted;

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
        Action::Train(row, options) => return training::run(row, options, &processor),
        Action::Summary(row, options) => summary(row, options)?,
        Action::Sample(options) => sampling::run(options)?,
        Action::Translate(options) => sampling::translate::run(options)?,
        Action::Project(options) => sampling::project::run(options)?,
        Action::Animate(options) => sampling::animate::run(options)?,
        Action::Evaluate(options) => evaluation::run(options)?,
        Action::Evalnet(row, options) => evaluation::evalnet::run(row, options)?,
        Action::Explain(options) => explanation::run(options)?,
        Action::Fetch(options) => fetch::run(options)?,
        Action::Gradcheck(options) => commands::gradcheck::run(options)?,
        Action::Derive(options) => commands::derive::run(options)?,
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
    let tables = tensor::meta::run(|| -> Result<Vec<String>, Failure> {
        let system = config.build()?;
        let wholes = nn::wholes(&system.networks());
        Ok(wholes.iter().map(|parts| nn::summary(parts).trim_end().to_owned() + "\n").collect())
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
