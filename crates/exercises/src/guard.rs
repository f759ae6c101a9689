//! Protects the tool from the learner's code: panics become answers, and runaway processes are
//! stopped.

use std::alloc::System;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::{Duration, Instant};

use cap::Cap;

/// Counts allocated memory on all systems alike.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

thread_local! {
    /// The panic message while a learner's function runs.
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The result of `attempt`, or the message and the location of its panic.
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

/// The resources that a learner's function may use before it is stopped.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time for all questions of an exercise.
    pub time: Duration,
    /// The memory of the process.
    pub bytes: usize,
}

impl Default for Limits {
    /// Ten seconds and a gigabyte: a check takes well under a second and a few megabytes.
    fn default() -> Self {
        Self { time: Duration::from_secs(10), bytes: 1 << 30 }
    }
}

/// A hard limit as a multiple of the soft one, for allocations that the watching thread does not
/// see in time: the allocator fails, and the process aborts.
const AT_MOST: usize = 4;

/// Starts a thread that watches this process. When a limit is exceeded, it calls `tell` with an
/// explanation and ends the process with exit code 1.
pub fn limit(limits: Limits, tell: impl FnOnce(&str) + Send + 'static) {
    let start = Instant::now();
    // Fails only if more memory is in use already, which the thread notices.
    let _ = ALLOCATOR.set_limit(limits.bytes.saturating_mul(AT_MOST));
    std::thread::spawn(move || {
        let over = loop {
            std::thread::sleep(Duration::from_millis(5));
            if ALLOCATOR.allocated() > limits.bytes {
                break format!(
                    "It was stopped at {} MiB of memory. Does something grow in a loop?",
                    limits.bytes >> 20
                );
            }
            if start.elapsed() > limits.time {
                break format!("It was stopped after {} s. Is there an infinite loop?", limits.time.as_secs_f64());
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

    /// The runaway process is this test, started again.
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
        for (kind, expected) in
            [("memory", "stopped at 256 MiB"), ("small pieces", "stopped at 256 MiB"), ("time", "stopped after 0.3 s")]
        {
            let me = std::env::current_exe().expect("a test is a program");
            let mut again = std::process::Command::new(me);
            again
                .args(["--exact", "guard::tests::a_function_that_runs_away_is_stopped", "--nocapture"])
                .env(NAME, kind);
            let output = again.output().expect("it starts");
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.code() == Some(1) && text.contains(expected), "{kind}: {:?} {text}", output.status);
        }
    }
}
