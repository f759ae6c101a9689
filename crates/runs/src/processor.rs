//! The instruction set and the threads of the kernels, validated and set up before the first kernel
//! runs.

use std::ffi::OsStr;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use datasets::{advice, plural};

use crate::failure::{Code, Failure};

/// rayon's own variable. rayon accepts any number, even more threads than the machine can start,
/// and ignores values that are not numbers.
const THREADS: &str = "RAYON_NUM_THREADS";
/// The largest number of threads that can be requested.
pub const MOST_THREADS: u16 = 1024;

/// Starts the threads that the kernels share: `threads`, or the number in the environment, or one
/// per processor. Call it at most once, before any computation; without it, `rayon` starts one
/// thread per processor.
///
/// # Errors
/// When the environment requests an unavailable instruction set or an invalid number of threads, or
/// the operating system cannot start the threads.
pub fn start(threads: Option<u16>) -> Result<(), Failure> {
    instruction_set()?;
    let number =
        threads.map_or_else(|| asked_for(std::env::var_os(THREADS).as_deref()), |threads| Ok(Some(threads)))?;
    let mut builder = rayon::ThreadPoolBuilder::new();
    if let Some(number) = number {
        builder = builder.num_threads(number.into());
    }
    builder.build_global().map_err(|error| {
        Failure::new(Code::Usage, "cannot start the threads").because(error).help(match threads {
            Some(_) => advice!("too-many-threads", "ask for fewer, such as `--threads 4`"),
            None => advice!("too-many-threads-here", "ask for fewer in the environment, such as RAYON_NUM_THREADS=4"),
        })
    })
}

/// The instruction set and the number of threads, as a short text.
///
/// # Errors
/// When the environment asks for an instruction set that the processor lacks.
pub(crate) fn about() -> Result<String, Failure> {
    instruction_set()?;
    let threads = rayon::current_num_threads();
    Ok(format!("{}, {threads} {}", kernels::simd::current(), plural(threads, "thread")))
}

/// The number of threads that the environment requests, if it does.
///
/// # Errors
/// When it is no possible number.
pub(crate) fn threads_in_environment() -> Result<Option<u16>, Failure> {
    asked_for(std::env::var_os(THREADS).as_deref())
}

/// What to print in a program whose kernels were compiled at this optimisation level, if that makes
/// them slow. Cargo reads profiles only from the workspace that it builds, so a package cannot ask
/// for its own optimisation.
pub(crate) fn slow_kernels(opt_level: &str) -> Option<&'static str> {
    ["0", "1"].contains(&opt_level).then_some(
        "warning      the kernels were compiled without optimisation, so training is many times slower than it could be.\n             \
         Add these two lines to the Cargo.toml of your package or workspace, or build with the release profile:\n             \
         [profile.dev.package.\"*\"]\n             \
         opt-level = 3",
    )
}

/// Selects the instruction set that the environment requests, if it does.
pub(crate) fn instruction_set() -> Result<(), Failure> {
    kernels::simd::from_environment().map(drop).map_err(|why| {
        Failure::new(Code::Config, "the instruction set that the environment asks for is not available").because(why)
    })
}

/// Runs `body` on one of the kernels' own threads. From any other thread, each kernel call would
/// wait for a thread of the pool to wake up, which takes longer than the work itself when networks
/// are small.
pub(crate) fn on_a_kernel_thread<R: Send>(body: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| body())
}

/// How long a thread looks for work in vain before it sleeps after all. The kernels of a step
/// follow each other much faster.
const PATIENCE: Duration = Duration::from_millis(1);

/// Runs `body`, such as a training step, while the other threads of the pool keep looking for work.
///
/// A thread of the pool that finds no work falls asleep after a few microseconds. Waking it takes
/// longer than many kernels of small networks, so it would take part in few of them.
pub(crate) fn keep_threads_awake<R>(body: impl FnOnce() -> R) -> R {
    /// Ends the search for work, also if `body` panics.
    struct End(Arc<AtomicBool>);
    impl Drop for End {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    static PROCESSORS: LazyLock<usize> = LazyLock::new(|| available_parallelism().map_or(1, NonZero::get));
    // More threads than processors would take each other's time.
    let useful = 2..=*PROCESSORS;
    let (Some(here), true) = (rayon::current_thread_index(), useful.contains(&rayon::current_num_threads())) else {
        return body();
    };
    let ended = Arc::new(AtomicBool::new(false));
    let end = End(Arc::clone(&ended));
    rayon::spawn_broadcast(move |thread| {
        let mut since = Instant::now();
        while thread.index() != here && !ended.load(Ordering::Relaxed) && since.elapsed() < PATIENCE {
            if rayon::yield_now() == Some(rayon::Yield::Executed) {
                since = Instant::now();
            } else {
                std::thread::yield_now();
            }
        }
    });
    let result = body();
    drop(end);
    result
}

/// The number in the variable; `None` if it is unset or empty.
fn asked_for(value: Option<&OsStr>) -> Result<Option<u16>, Failure> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let number = value.to_str().and_then(|text| text.parse().ok());
    number.filter(|number| (1..=MOST_THREADS).contains(number)).map(Some).ok_or_else(|| {
        Failure::new(Code::Config, "the environment sets an invalid number of threads")
            .at(format!("environment variable {THREADS}"))
            .because(format!("{THREADS}={}; allowed: 1 to {MOST_THREADS}", value.to_string_lossy()))
            .help(advice!("no-such-threads", "unset it for one thread per processor, or give a number in this range"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of 0..10_000, in parallel.
    fn work() -> u64 {
        use rayon::prelude::*;
        (0..10_000_u32).into_par_iter().with_max_len(100).map(u64::from).sum()
    }

    #[test]
    fn steps_of_several_runs_share_the_threads() {
        assert_eq!(keep_threads_awake(work), 49_995_000, "on a thread outside the pool");
        for threads in [1, 2, 3, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let run = || (0..50).map(|_| keep_threads_awake(work)).all(|sum| sum == 49_995_000);
            let mut runs = [false; 6];
            pool.scope(|scope| runs.iter_mut().for_each(|well| scope.spawn(move |_| *well = run())));
            assert_eq!(runs, [true; 6], "{threads} threads");
        }
    }

    #[test]
    fn threads_stop_looking_for_work_after_a_panic() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let step = || {
            pool.install(|| {
                keep_threads_awake(|| {
                    if work() > 0 {
                        panic!("diverged")
                    }
                })
            })
        };
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(step)).is_err());
        assert_eq!(pool.broadcast(|_| work()), [49_995_000; 2], "both threads are free");
    }

    #[test]
    fn slow_kernels_are_reported_and_those_of_this_workspace_are_fast() {
        for level in ["0", "1"] {
            let text = slow_kernels(level).unwrap();
            assert!(text.contains("without optimisation") && text.contains("[profile.dev.package.\"*\"]"), "{text}");
        }
        assert_eq!(["2", "3", "s", "z"].map(slow_kernels), [None; 4]);
        assert_eq!(slow_kernels(kernels::OPT_LEVEL), None, "level {}", kernels::OPT_LEVEL);
    }

    #[test]
    fn only_numbers_in_the_range_are_taken() {
        let asked = |text: &str| asked_for(Some(OsStr::new(text)));
        for (text, number) in [("1", 1), ("1024", 1024), ("007", 7)] {
            assert_eq!(asked(text).unwrap(), Some(number));
        }
        assert_eq!((asked("").unwrap(), asked_for(None).unwrap()), (None, None));
        for text in ["0", "-1", "abc", "1025", "100000", "99999999999999999999", "2.5", " 3"] {
            let failure = asked(text).unwrap_err();
            assert_eq!(failure.code, Code::Config);
            assert!(failure.to_string().contains("1 to 1024"), "{failure}");
        }
    }
}
