//! Keeps a learner's crash from being the tool's: panics become answers, and a process that runs away is stopped.

use std::alloc::System;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::{Duration, Instant};

use cap::Cap;

/// Counts the memory that is asked for, on every system alike.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

thread_local! {
    /// While a learner's function runs: what its panic said, if it did.
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What `attempt` returns, or what its panic said and where.
///
/// # Errors
/// The message of the panic.
pub fn ask<T>(attempt: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let asked = CAUGHT.with_borrow_mut(|caught| {
                let payload = info.payload();
                let message = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref().map(String::as_str));
                let message = message.unwrap_or("no message");
                let place = info.location().map(|l| format!("{}, line {}: ", l.file(), l.line())).unwrap_or_default();
                caught.as_mut().map(|text| *text = format!("{place}{message}")).is_some()
            });
            if !asked {
                usual(info);
            }
        }));
    });
    CAUGHT.set(Some(String::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(attempt));
    let message = CAUGHT.take().unwrap_or_default();
    result.map_err(|_| message)
}

/// How much a learner's function may use before it is stopped.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long all questions of an exercise may take.
    pub time: Duration,
    /// How much memory the process may have.
    pub bytes: usize,
}

impl Default for Limits {
    /// Ten seconds and a gigabyte: a check takes well below a second and some megabytes.
    fn default() -> Self {
        Self { time: Duration::from_secs(10), bytes: 1 << 30 }
    }
}

/// What the thread that watches does not see in time ends at so many times the limit: the allocator gives no more, and the process
/// aborts.
const AT_MOST: usize = 4;

/// From now on, a thread watches this process. When it passes a limit, `tell` is told in words which, and the process ends with exit
/// code 1.
pub fn limit(limits: Limits, tell: impl FnOnce(&str) + Send + 'static) {
    let start = Instant::now();
    // It only fails when more than that is there already, which the thread sees.
    let _ = ALLOCATOR.set_limit(limits.bytes.saturating_mul(AT_MOST));
    std::thread::spawn(move || {
        let over = loop {
            std::thread::sleep(Duration::from_millis(5));
            if ALLOCATOR.allocated() > limits.bytes {
                break format!(
                    "It was stopped at {} MiB of memory: does something grow in a loop?",
                    limits.bytes >> 20
                );
            }
            if start.elapsed() > limits.time {
                break format!("It was stopped after {} s: is there a loop without an end?", limits.time.as_secs_f64());
            }
        };
        tell(&over);
        std::process::exit(1);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message_and_place() {
        let message = ask(|| [0.0; 3][std::hint::black_box(3)]).unwrap_err();
        assert!(message.contains("guard.rs, line") && message.contains("the index is 3"), "{message}");
        assert_eq!(ask(|| 7), Ok(7));
    }

    /// The process that runs away is this test, started once more.
    #[test]
    fn a_function_that_runs_away_is_stopped() {
        const NAME: &str = "EXERCISES_RUNAWAY";
        if let Ok(kind) = std::env::var(NAME) {
            let time = Duration::from_millis(if kind == "time" { 300 } else { 60_000 });
            limit(Limits { time, bytes: 1 << 28 }, |over| print!("stopped: {over}"));
            let mut pile = Vec::new();
            loop {
                match kind.as_str() {
                    "time" => std::thread::sleep(Duration::from_millis(1)),
                    "memory" => pile.push(vec![1_u8; 1 << 20]),
                    _ => pile.push(vec![1_u8; 100]),
                }
                std::hint::black_box(&pile);
            }
        }
        for (kind, told) in
            [("memory", "stopped at 256 MiB"), ("small pieces", "stopped at 256 MiB"), ("time", "stopped after 0.3 s")]
        {
            let me = std::env::current_exe().expect("a test is a program");
            let mut again = std::process::Command::new(me);
            again
                .args(["--exact", "guard::tests::a_function_that_runs_away_is_stopped", "--nocapture"])
                .env(NAME, kind);
            let output = again.output().expect("it starts");
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.code() == Some(1) && text.contains(told), "{kind}: {:?} {text}", output.status);
        }
    }
}
