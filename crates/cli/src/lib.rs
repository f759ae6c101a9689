//! The command line of Backdraw, which the commands `backdraw` (of this package) and `train` (of a
//! clone of the repository) run.
//!
//! The module `cli` parses the command line, `commands` calls the library `runs`, every failure
//! becomes an exit code, and `program` is the name of the command in everything that people read.

mod cli;
mod commands;
mod program;

use std::process::ExitCode;

use cli::Action;
use cli::color;
use runs::failure::{self, Code, Failure};
use runs::training::Ending;
use runs::{Ranks, processor, ranks, signals};

/// Counts the large buffers for `--timings`.
#[global_allocator]
static ALLOCATOR: kernels::allocations::Counted = kernels::allocations::Counted;

/// Runs the command line of this process, as the command called `name`. Returns the exit code.
pub fn main(name: &'static str) -> ExitCode {
    main_on_ranks(name, &Ranks::default())
}

/// Runs the command line on one of several ranks, all of which must call this. They share the work
/// of training; all other commands run on rank 0 alone. Only rank 0 prints.
pub fn main_on_ranks(name: &'static str, ranks: &Ranks) -> ExitCode {
    program::set(name);
    signals::handle();
    failure::commands_are_typed_as(program::typed(ranks.size()));
    let parsed = cli::command().try_get_matches().and_then(|matches| cli::parse(&matches));
    let (action, when) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let error = cli::without_false_tip(error);
            let code = u8::try_from(error.exit_code()).unwrap_or(Code::Usage as u8);
            // The others print the same, unless their command lines differ.
            let agreed = ranks.same(DIFFERENT, if code == 0 { "help" } else { "a command line with an error" });
            if ranks.rank() == 0 || agreed.is_err() {
                // Printing fails only if nobody reads the output.
                let _ = error.print();
            }
            return ExitCode::from(agreed.map_or_else(|failure| failure.code as u8, |()| code));
        }
    };
    let kind = match &action {
        Action::Train(_, _, args) if args.dry_run => "a dry run",
        Action::Train(..) => "a training command",
        _ => "another command",
    };
    let computes = matches!(action, Action::Train(..)) || ranks.rank() == 0;
    let perform = |()| if computes { perform(&action, ranks) } else { Ok(Ending::Finished) };
    let result = ranks.same(DIFFERENT, kind).and_then(perform);
    match ranks.agree(result) {
        Ok(Ending::Finished) => ExitCode::SUCCESS,
        Ok(Ending::Stopped(_)) => ExitCode::from(signals::exit_code()),
        Err(failure) => {
            if ranks.rank() == 0 || ranks.are_broken() {
                color::report(&failure, when);
            }
            match failure.code {
                Code::Interrupted => ExitCode::from(signals::exit_code()),
                code => ExitCode::from(code as u8),
            }
        }
    }
}

/// What is wrong when ranks were started with different commands.
const DIFFERENT: &str = "the ranks were started with different commands";

fn perform(action: &Action, ranks: &Ranks) -> Result<Ending, Failure> {
    match action {
        Action::Systems(_) | Action::Fetch(_) | Action::Report(_) => {}
        Action::Inspect(_) | Action::Runs(_) | Action::Doctor(_) | Action::Completions(_) | Action::Man(_) => {}
        Action::Train(_, _, args) => processor::start(ranks::threads(args.threads, ranks)?)?,
        _ => processor::start(None)?,
    }
    match action {
        Action::Train(system, options, args) => return commands::train::run(system, options, args, ranks),
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
        Action::PlaygroundHash(args) => commands::playground::run(args)?,
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
