//! How much memory the images of a run may take, and where they are cached if they need more.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use datasets::{LoadOptions, Progress, plural};
use indicatif::ProgressBar;

use crate::config::Config;
use crate::console::{LateBar, Output};
use crate::plan::limits;
use crate::signals;

/// The default folder of the caches. It is below the working directory, like the runs, because the
/// folder of the pictures may be read-only; it is hidden, so that it is not mistaken for pictures.
pub(crate) const CACHE: &str = "data/.cache";
/// The images of a run take at most this fraction of the free memory, and at most `MOST` bytes.
/// Files that are read often stay in the page cache of the operating system anyway.
const SHARE: u64 = 4;
const MOST: u64 = 1 << 30;

/// Limits and cache folder for the images of `config`; `progress` receives reports about slow work.
pub(super) fn options<'a>(
    config: &Config,
    inspect_only: bool,
    progress: &'a (dyn Fn(&Progress<'_>) -> ControlFlow<()> + Sync),
) -> LoadOptions<'a> {
    let memory = config.data_memory().map_or_else(default_memory, |mebibytes| mebibytes.saturating_mul(1 << 20));
    let cache = PathBuf::from(config.data_cache().unwrap_or(CACHE));
    LoadOptions { memory, cache, inspect_only, progress }
}

/// The default memory budget for images, in bytes.
fn default_memory() -> u64 {
    // Where the free memory is unknown, the upper bound is low enough.
    limits::room().map_or(MOST, |room| MOST.min(room.bytes / SHARE))
}

/// The interval between messages while waiting for another process.
const REMIND: Duration = Duration::from_secs(60);

/// Reports slow work: with a bar on a terminal, otherwise with an occasional line.
pub(super) struct Reporter {
    output: Output,
    /// The bar of the current decoding, and how many tenths were reported.
    decoding: Mutex<(Option<ProgressBar>, usize)>,
    /// The bar of the pictures that are read into memory.
    reading: Mutex<Option<LateBar>>,
    /// When the wait for another process was last reported.
    waiting: Mutex<Option<Instant>>,
}

impl Reporter {
    pub(super) fn new(output: &Output) -> Self {
        Self {
            output: output.clone(),
            decoding: Mutex::default(),
            reading: Mutex::default(),
            waiting: Mutex::default(),
        }
    }

    /// Reports `progress`; returns `Break` if the user has asked the program to stop.
    pub(super) fn report(&self, progress: &Progress<'_>) -> ControlFlow<()> {
        let say = |line: String| self.output.say(&format!("data         {line}"));
        match *progress {
            Progress::Waiting { lock, holder } => {
                if let Ok(mut last) = self.waiting.lock()
                    && last.is_none_or(|last| last.elapsed() >= REMIND)
                {
                    *last = Some(Instant::now());
                    let holder = holder.map_or_else(|| "another process".to_owned(), |id| format!("process {id}"));
                    say(format!("waiting for {holder}, which is decoding pictures and has locked {}", lock.display()));
                }
            }
            Progress::Reading { done, total } => {
                if let Ok(mut reading) = self.reading.lock() {
                    let bar = reading.get_or_insert_with(|| LateBar::new(&self.output, "pictures", total as u64));
                    bar.set(done as u64);
                    if done == total {
                        *reading = None;
                    }
                }
            }
            Progress::Decoding { cache, bytes, done, total } => {
                if let Ok(mut decoding) = self.decoding.lock() {
                    if done == 0 {
                        let size = bytes as f64 / 1e9;
                        say(format!(
                            "decoding {total} {} into {} ({size:.1} GB); this is done only once",
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
