//! `train`: the command line of Backdraw.
//!
//! [`cli`] parses the command line, [`commands`] calls the library `runs`, and every failure
//! becomes an exit code.

mod cli;
mod commands;

use std::process::ExitCode;

use cli::Action;
use cli::color;
use datasets::quoted;
use runs::failure::{self, Code, Failure};
use runs::training::Ending;
use runs::{processor, signals};

/// Counts the large buffers for `--timings`.
#[global_allocator]
static ALLOCATOR: kernels::allocations::Counted = kernels::allocations::Counted;

fn main() -> ExitCode {
    signals::handle();
    failure::commands_are_typed_as(program());
    let parsed = cli::command().try_get_matches().and_then(|matches| cli::parse(&matches));
    let (action, when) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let error = cli::without_false_tip(error);
            // Printing fails only if nobody reads the output.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Code::Usage as u8));
        }
    };
    match perform(&action) {
        Ok(Ending::Finished) => ExitCode::SUCCESS,
        Ok(Ending::Stopped(_)) => ExitCode::from(signals::exit_code()),
        Err(failure) => {
            color::report(&failure, when);
            match failure.code {
                Code::Interrupted => ExitCode::from(signals::exit_code()),
                code => ExitCode::from(code as u8),
            }
        }
    }
}

fn perform(action: &Action) -> Result<Ending, Failure> {
    match action {
        Action::Systems(_) | Action::Fetch(_) | Action::Report(_) => {}
        Action::Inspect(_) | Action::Runs(_) | Action::Doctor(_) | Action::Completions(_) | Action::Man(_) => {}
        Action::Train(_, _, args) => processor::start(args.threads)?,
        _ => processor::start(None)?,
    }
    match action {
        Action::Train(system, options, args) => return commands::train::run(system, options, args),
        Action::Summary(system, args) => commands::summary::run(system, args)?,
        Action::Sample(args) => commands::sample::sample(args)?,
        Action::Translate(args) => commands::sample::run_translate(args)?,
        Action::Project(args) => commands::sample::run_project(args)?,
        Action::Directions(args) => commands::sample::run_directions(args)?,
        Action::Animate(args) => commands::sample::run_animate(args)?,
        Action::Evaluate(args) => commands::evaluate::run(args)?,
        Action::Evalnet(system, args) => commands::evaluate::train_evalnet(system, args)?,
        Action::Explain(args) => commands::explain::run(args)?,
        Action::Export(args) => commands::export::run(args)?,
        Action::Compare(args) => commands::compare::run(args)?,
        Action::Museum(args) => commands::museum::run(args)?,
        Action::Report(args) => commands::report::run(args)?,
        Action::Fetch(args) => commands::fetch::run(args)?,
        Action::Import(args) => commands::import::run(args)?,
        Action::Gradcheck(args) => commands::gradcheck::run(args)?,
        Action::Derive(args) => commands::derive::run(args)?,
        Action::Systems(args) => commands::systems::run(args)?,
        Action::Inspect(args) => commands::inspect::run(args)?,
        Action::Runs(args) => commands::runs::run(args)?,
        Action::Doctor(args) => commands::doctor::run(args)?,
        Action::Completions(args) => commands::shell::completions(args)?,
        Action::Man(args) => commands::shell::man(args)?,
    }
    Ok(Ending::Finished)
}

/// How the user starts this program.
fn program() -> String {
    // `cargo run` and `cargo test` set these variables.
    if std::env::var_os("CARGO").is_some() && std::env::var("CARGO_PKG_NAME").is_ok_and(|name| name == "train") {
        return "cargo run -p train --".to_owned();
    }
    std::env::args_os().next().map_or_else(|| "train".to_owned(), |own| quoted(&own))
}
