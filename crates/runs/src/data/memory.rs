//! How much memory the images of a run may take, and where they go if they need more.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use datasets::{LoadOptions, Progress, plural};
use indicatif::ProgressBar;

use crate::config::Config;
use crate::console::Output;
use crate::plan::limits;
use crate::signals;

/// Where caches lie when nobody says otherwise. Below the working folder, as the runs: what lies
/// beside the pictures may be read-only. Hidden, so that it is not taken for pictures.
const CACHE: &str = "data/.cache";
/// The images of a run take this share of the memory that is free, and no more bytes than that:
/// what is read often stays in the system's own cache of files anyway.
const SHARE: u64 = 4;
const MOST: u64 = 1 << 30;

/// Where the images of `config` may lie; `progress` gets reports about what takes long.
pub(super) fn options<'a>(
    config: &Config,
    inspect_only: bool,
    progress: &'a (dyn Fn(&Progress<'_>) -> ControlFlow<()> + Sync),
) -> LoadOptions<'a> {
    let memory = config.data_memory().map_or_else(usual, |mebibytes| mebibytes.saturating_mul(1 << 20));
    let cache = PathBuf::from(config.data_cache().unwrap_or(CACHE));
    LoadOptions { memory, cache, inspect_only, progress }
}

/// Bytes of memory for images when nobody says how much.
fn usual() -> u64 {
    // Where the free memory is unknown, the bound is low enough.
    limits::room().map_or(MOST, |room| MOST.min(room.bytes / SHARE))
}

/// A process that waits for another says so this often.
const REMIND: Duration = Duration::from_secs(60);

/// Reports what takes long: with a bar on a terminal, else with a line now and then.
pub(super) struct Reporter {
    output: Output,
    /// The bar of the decoding at hand, and how many tenths of it were reported.
    decoding: Mutex<(Option<ProgressBar>, usize)>,
    /// When it was last reported that another process is waited for.
    waiting: Mutex<Option<Instant>>,
}

impl Reporter {
    pub(super) fn new(output: &Output) -> Self {
        Self { output: output.clone(), decoding: Mutex::default(), waiting: Mutex::default() }
    }

    /// Reports it; breaks if the user has asked the program to end.
    pub(super) fn report(&self, progress: &Progress<'_>) -> ControlFlow<()> {
        let say = |line: String| self.output.say(&format!("data         {line}"));
        match *progress {
            Progress::Waiting { lock, holder } => {
                if let Ok(mut last) = self.waiting.lock()
                    && last.is_none_or(|last| last.elapsed() >= REMIND)
                {
                    *last = Some(Instant::now());
                    let holder = holder.map_or_else(|| "another process".to_owned(), |id| format!("process {id}"));
                    say(format!("waiting for {holder}, which decodes pictures and holds {}", lock.display()));
                }
            }
            Progress::Decoding { cache, bytes, done, total } => {
                if let Ok(mut decoding) = self.decoding.lock() {
                    if done == 0 {
                        let size = bytes as f64 / 1e9;
                        say(format!(
                            "decoding {total} {} into {} ({size:.1} GB), once",
                            plural(total, "picture"),
                            cache.display()
                        ));
                        let bar = self.output.bar(total as u64, "[{bar:8}] {pos}/{len} pictures, {eta} left");
                        *decoding = (bar, 0);
                    }
                    let (bar, reported) = &mut *decoding;
                    match bar {
                        Some(bar) if done == total => bar.finish_and_clear(),
                        Some(bar) => bar.set_position(done as u64),
                        None => {
                            let tenths = 10 * done / total.max(1);
                            if tenths > *reported {
                                say(format!("{done} of {total} {} decoded", plural(total, "picture")));
                                *reported = tenths;
                            }
                        }
                    }
                }
            }
        }
        if signals::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
