//! `exercises`: the command line. Exit codes: 0 solved (or done), 1 not solved, 2 usage, 7 storage.

mod files;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::{Parser, Subcommand};
use exercises::report::crashed;
use exercises::{EXERCISES, Exercise};
use files::{FileError, Problems};

/// Exercises in backprop and GAN training: small functions to write or to repair, each in its own
/// file. The checker compares your answer with central differences and names the mistake.
#[derive(Parser)]
#[command(name = "exercises", bin_name = "cargo run -p exercises --", after_help = BEGIN)]
struct Options {
    #[command(subcommand)]
    action: Action,
    /// The folder with the problem files (for tests).
    #[arg(long, global = true, hide = true)]
    problems: Option<PathBuf>,
}

const BEGIN: &str = "To begin, run `list`, open the first file in crates/exercises/src/problems, and run `check 1`.";

#[derive(Subcommand)]
enum Action {
    /// List all exercises: number, chapter of the guide, and whether they are solved
    List,
    /// Check exercise N, or the first unsolved one (exit code 0 solved, 1 not solved)
    Check {
        #[arg(value_name = "N", value_parser = exercise)]
        exercise: Option<&'static Exercise>,
    },
    /// Show a hint for exercise N: where to look; with --level 2 the formula, with --level 3 almost
    /// the code
    Hint {
        #[arg(value_name = "N", value_parser = exercise)]
        exercise: &'static Exercise,
        /// How much the hint reveals
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
        level: u8,
    },
    /// Show the reference solution of exercise N after you have solved it
    Solution {
        #[arg(value_name = "N", value_parser = exercise)]
        exercise: &'static Exercise,
        /// Show it before the exercise is solved
        #[arg(long)]
        force: bool,
    },
    /// Restore the original file of exercise N; your version is kept beside it
    Reset {
        #[arg(value_name = "N", value_parser = exercise)]
        exercise: &'static Exercise,
    },
    /// Check exercise N, or the first unsolved one, each time a file is saved; Ctrl-C ends it
    Watch {
        #[arg(value_name = "N", value_parser = exercise)]
        exercise: Option<&'static Exercise>,
    },
}

/// Finds an exercise by its number or its name.
fn exercise(text: &str) -> Result<&'static Exercise, String> {
    let named = |e: &&Exercise| e.name == text || text.parse() == Ok(e.number());
    EXERCISES
        .iter()
        .find(named)
        .ok_or_else(|| format!("there are exercises 1 to {}; `list` shows them", EXERCISES.len()))
}

/// An error outside the exercises.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("cannot start {}: {source}\n  The exercises are compiled with cargo: run this as `cargo run -p exercises -- ...`.", program.display())]
    Start { program: PathBuf, source: io::Error },
}

fn main() -> ExitCode {
    let options = Options::parse();
    let problems =
        Problems(options.problems.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("src/problems")));
    match perform(&options.action, &problems) {
        Ok(solved) => ExitCode::from(u8::from(!solved)),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(7)
        }
    }
}

/// Performs the action; returns whether the exercise in question is solved.
fn perform(action: &Action, problems: &Problems) -> Result<bool, Failure> {
    match action {
        Action::List => list(problems).map(|()| true),
        Action::Check { exercise } => check_files(*exercise, problems),
        Action::Hint { exercise, level } => {
            hint(exercise, usize::from(*level));
            Ok(true)
        }
        Action::Solution { exercise, force } => solution(exercise, *force, problems),
        Action::Reset { exercise } => reset(exercise, problems).map(|()| true),
        Action::Watch { exercise } => watch(*exercise, problems),
    }
}

/// Compiles the problem files; the learner sees the compiler's messages. Returns the program, or
/// `None` if they do not compile.
fn build() -> Result<Option<PathBuf>, Failure> {
    let cargo = PathBuf::from(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let mut build = Command::new(&cargo);
    build.args([
        "build",
        "--quiet",
        "--bin",
        "attempt",
        "--message-format",
        "json-render-diagnostics",
        "--manifest-path",
    ]);
    build.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let output = build.stderr(Stdio::inherit()).output().map_err(|source| Failure::Start { program: cargo, source })?;
    // A line of cargo's output has the path of the program.
    let program =
        |line| serde_json::from_slice::<serde_json::Value>(line).ok()?["executable"].as_str().map(PathBuf::from);
    let program = output.stdout.split(|byte| *byte == b'\n').filter_map(program).next_back();
    if !output.status.success() {
        println!("{NOT_COMPILED}");
    }
    Ok(program.filter(|_| output.status.success()))
}

const NOT_COMPILED: &str = "\nThis does not compile yet. Begin with the first error above: the line with the arrow has the name of the file.\n\
    (To start a file again: cargo run -p exercises -- reset N)";

/// The result of checking an exercise.
#[derive(PartialEq)]
enum Outcome {
    Solved,
    NotSolved,
    /// A signal or an abort ended the process.
    Crashed(String),
}

/// Runs the judge of an exercise with its report going to `output`.
fn run(program: &Path, exercise: &Exercise, output: Stdio) -> Result<Outcome, Failure> {
    let mut judge = Command::new(program);
    judge.arg(exercise.number().to_string()).stdout(output).env("RUST_BACKTRACE", "0");
    let status = judge.status().map_err(|source| Failure::Start { program: program.into(), source })?;
    Ok(match status.code() {
        Some(0) => Outcome::Solved,
        Some(1) => Outcome::NotSolved,
        _ => Outcome::Crashed(format!(
            "The process was terminated ({status}). Is there an infinite recursion, or a Vec of an enormous size?"
        )),
    })
}

/// Checks an exercise and prints the report.
fn check(program: &Path, exercise: &Exercise) -> Result<bool, Failure> {
    let outcome = run(program, exercise, Stdio::inherit())?;
    if let Outcome::Crashed(why) = &outcome {
        print!("{}", crashed(exercise, why));
    }
    Ok(outcome == Outcome::Solved)
}

/// Checks the first unsolved exercise; returns whether all are solved.
fn check_next(program: &Path, problems: &Problems) -> Result<bool, Failure> {
    for exercise in &EXERCISES {
        if problems.untouched(exercise) || run(program, exercise, Stdio::null())? != Outcome::Solved {
            println!("{} of {} solved so far.\n", exercise.number() - 1, EXERCISES.len());
            return check(program, exercise);
        }
    }
    println!("All {} exercises are solved.", EXERCISES.len());
    Ok(true)
}

/// Compiles the files and checks the given exercise, or the first unsolved one.
fn check_files(named: Option<&Exercise>, problems: &Problems) -> Result<bool, Failure> {
    match (build()?, named) {
        (None, _) => Ok(false),
        (Some(program), Some(exercise)) => check(&program, exercise),
        (Some(program), None) => check_next(&program, problems),
    }
}

fn list(problems: &Problems) -> Result<(), Failure> {
    // There is nothing to compile until a file has been edited.
    let edited: Vec<_> = EXERCISES.iter().map(|exercise| !problems.untouched(exercise)).collect();
    let program = if edited.contains(&true) { build()? } else { None };
    let mut solved = 0;
    let mut chapter = "";
    for (exercise, edited) in EXERCISES.iter().zip(edited) {
        if exercise.chapter != chapter {
            chapter = exercise.chapter;
            println!("{chapter}");
        }
        let outcome = match &program {
            _ if !edited => "",
            None => "edited",
            Some(program) if run(program, exercise, Stdio::null())? == Outcome::Solved => "solved",
            Some(_) => "begun",
        };
        solved += usize::from(outcome == "solved");
        let line = format!("  {:>2}  {:<52}{outcome}", exercise.number(), exercise.title);
        println!("{}", line.trim_end());
    }
    println!("\n{solved} of {} solved. The files are in crates/exercises/src/problems.", EXERCISES.len());
    Ok(())
}

fn hint(exercise: &Exercise, level: usize) {
    println!("{}, hint {level} of {}:\n\n  {}\n", exercise.name, exercise.hints.len(), exercise.hints[level - 1]);
    let number = exercise.number();
    if level < exercise.hints.len() {
        println!("  more:   cargo run -p exercises -- hint {number} --level {}", level + 1);
    }
    println!("  guide:  chapter {}, in: cargo doc -p guide --no-deps --open", exercise.chapter);
}

fn solution(exercise: &Exercise, force: bool, problems: &Problems) -> Result<bool, Failure> {
    if !force {
        let program = if problems.untouched(exercise) { None } else { build()? };
        let solved = match program {
            Some(program) => run(&program, exercise, Stdio::null())? == Outcome::Solved,
            None => false,
        };
        if !solved {
            let number = exercise.number();
            println!(
                "{} is not solved yet. A hint is more useful than the solution: cargo run -p exercises -- hint {number}\n\
                 To see it anyway: cargo run -p exercises -- solution {number} --force",
                exercise.name
            );
            return Ok(false);
        }
    }
    print!("{}", exercise.solution);
    Ok(true)
}

fn reset(exercise: &Exercise, problems: &Problems) -> Result<(), Failure> {
    let path = problems.path(exercise);
    if problems.untouched(exercise) {
        println!("{} is the original file: nothing to do.", path.display());
        return Ok(());
    }
    match problems.reset(exercise)? {
        Some(backup) => {
            println!("{} is the original file again.\nYour version is in {}.", path.display(), backup.display());
        }
        None => println!("{} was missing; it is restored.", path.display()),
    }
    Ok(())
}

/// Checks each time a problem file changes. After an exercise is solved it continues with the next
/// one, unless one was given.
fn watch(named: Option<&'static Exercise>, problems: &Problems) -> Result<bool, Failure> {
    let texts = || EXERCISES.iter().map(|exercise| problems.read(exercise).unwrap_or_default()).collect::<Vec<_>>();
    loop {
        let before = texts();
        if check_files(named, problems)? {
            return Ok(true);
        }
        println!("\n  (watching: save the file to check it again; Ctrl-C ends)");
        while texts() == before {
            std::thread::sleep(Duration::from_millis(300));
        }
        println!("\n{}\n", "-".repeat(80));
    }
}
