//! `attempt N`: checks exercise N as it is in the problem files. `exercises` starts it as a
//! separate process, so nothing that a problem file does can affect `exercises`. Exit codes: 0
//! solved, 1 not solved, 2 usage.

use std::process::ExitCode;

use exercises::guard::{Limits, limit};
use exercises::report::{crashed, report};
use exercises::{EXERCISES, judge};

#[allow(
    unused,
    unreachable_pub,
    missing_docs,
    clippy::all,
    reason = "work in progress: only errors are useful, not warnings"
)]
mod problems;

fn main() -> ExitCode {
    let number = std::env::args().nth(1).and_then(|number| number.parse::<usize>().ok());
    let Some(exercise) = number.and_then(|number| EXERCISES.get(number.wrapping_sub(1))) else {
        eprintln!("start attempt with `cargo run -p exercises -- check N`, where N is from 1 to {}", EXERCISES.len());
        return ExitCode::from(2);
    };
    limit(Limits::default(), |over| print!("{}", crashed(exercise, over)));
    let verdict = judge!(problems, exercise.number());
    print!("{}", report(exercise, &verdict));
    ExitCode::from(u8::from(!verdict.solved()))
}
