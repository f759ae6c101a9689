//! `attempt N`: judges exercise N as it stands in the problem files. A process of its own, started by `exercises`: whatever a problem
//! file does, it does it here. Exit codes: 0 solved, 1 not solved, 2 usage.

use std::process::ExitCode;

use exercises::guard::{Limits, limit};
use exercises::report::{crashed, report};
use exercises::{EXERCISES, judge};

#[allow(
    unused,
    unreachable_pub,
    missing_docs,
    clippy::all,
    reason = "work in progress: the compiler should only speak of what does not compile"
)]
mod problems;

fn main() -> ExitCode {
    let number = std::env::args().nth(1).and_then(|number| number.parse::<usize>().ok());
    let Some(exercise) = number.and_then(|number| EXERCISES.get(number.wrapping_sub(1))) else {
        eprintln!("attempt is started by `cargo run -p exercises -- check N`, with N from 1 to {}", EXERCISES.len());
        return ExitCode::from(2);
    };
    limit(Limits::default(), |over| print!("{}", crashed(exercise, over)));
    let verdict = judge!(problems, exercise.number());
    print!("{}", report(exercise, &verdict));
    ExitCode::from(u8::from(!verdict.solved()))
}
