//! The output of a command: messages, results, progress bars, and the `log.txt` of a run.

use std::cell::RefCell;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressState, ProgressStyle};

use crate::failure::{Code, Failure, printable_lines};
use crate::storage::{RealDisk, StorageError, patiently};

/// Where the messages and results of a request go.
///
/// In every case, training also writes its lines to `log.txt` in the run folder.
#[derive(Clone, Default)]
pub enum Output {
    /// Messages and progress bars go to standard error and results to standard output, as in the
    /// command `train`.
    #[default]
    Standard,
    /// Nowhere.
    Silent,
    /// Every line goes to the caller's function. There are no progress bars.
    Lines(Arc<dyn Fn(Line<'_>) + Send + Sync>),
}

/// A line of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Information about what is happening: progress, warnings.
    Message(&'a str),
    /// A result that was requested: files written, hashes, tables.
    Result(&'a str),
}

impl Output {
    /// Sends every line to `take`.
    pub fn lines(take: impl Fn(Line<'_>) + Send + Sync + 'static) -> Self {
        Self::Lines(Arc::new(take))
    }

    /// Writes a message.
    pub(crate) fn say(&self, line: &str) {
        match self {
            // If standard error is closed, there is no one left to report it to.
            Self::Standard => drop(writeln!(io::stderr(), "{}", printable_lines(line))),
            Self::Silent => {}
            Self::Lines(take) => take(Line::Message(line)),
        }
    }

    /// Writes a result of one or several lines.
    ///
    /// # Errors
    /// When standard output cannot be written; a closed pipe is not an error.
    pub(crate) fn data(&self, line: &str) -> Result<(), Failure> {
        match self {
            Self::Standard => print(&format!("{line}\n"))?,
            Self::Silent => {}
            Self::Lines(take) => take(Line::Result(line)),
        }
        Ok(())
    }

    /// Does `work`, and shows on a terminal what it is doing, and for how long, if it takes more
    /// than two seconds. It must not print anything.
    pub fn busy<R>(&self, doing: &'static str, work: impl FnOnce() -> R) -> R {
        let _bar = LateBar::new(self, doing, 0);
        work()
    }

    /// Whether there is a terminal to draw progress bars on.
    fn has_bars(&self) -> bool {
        matches!(self, Self::Standard) && is_lively()
    }

    /// A progress bar to `total` with the given `template`, if there is a terminal to draw it on.
    /// Dropping it clears its line.
    pub(crate) fn bar(&self, total: u64, template: &str) -> Option<ProgressBar> {
        if !self.has_bars() {
            return None;
        }
        let style = ProgressStyle::with_template(template).ok()?;
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        Some(bar.with_style(style.progress_chars("=> ")).with_finish(ProgressFinish::AndClear))
    }
}

/// A progress bar that appears when the work has taken longer than two seconds, and disappears when
/// it is dropped. While it is shown, only [`say`](Self::say) may print.
pub(crate) struct LateBar {
    output: Output,
    shown: Arc<Mutex<Shown>>,
    /// The thread that shows the bar, which stops when the sender is dropped. None without a
    /// terminal.
    waiting: Option<(Sender<()>, JoinHandle<()>)>,
}

/// What a [`LateBar`] shows, and the bar once it is there.
struct Shown {
    done: u64,
    bar: Option<ProgressBar>,
}

/// Shorter work needs no bar.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a bar is redrawn without progress, so that the time passes.
const TICK: Duration = Duration::from_millis(250);

impl LateBar {
    /// A bar to `total` of these `things`, such as `images`. If `total` is 0, only the time is
    /// shown, and `things` says what takes it.
    pub(crate) fn new(output: &Output, things: &'static str, total: u64) -> Self {
        let shown = Arc::new(Mutex::new(Shown { done: 0, bar: None }));
        let waiting = if output.has_bars() { Self::wait(output, things, total, Arc::clone(&shown)) } else { None };
        Self { output: output.clone(), shown, waiting }
    }

    /// Starts the thread that shows the bar. It needs a thread because the first of the things may
    /// take long. None if there is no thread to be had.
    fn wait(
        output: &Output,
        things: &'static str,
        total: u64,
        shown: Arc<Mutex<Shown>>,
    ) -> Option<(Sender<()>, JoinHandle<()>)> {
        let (output, since) = (output.clone(), Instant::now());
        let (sender, dropped) = mpsc::channel();
        let show = move || {
            if dropped.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let Ok(mut shown) = shown.lock() else { return };
            let Some(bar) = output.bar(total, &template(things, total)) else { return };
            let time = move |state: &ProgressState, text: &mut dyn fmt::Write| {
                let _ = text.write_str(&time(since.elapsed(), state.pos(), total));
            };
            bar.set_style(bar.style().with_key("time", time));
            bar.set_position(shown.done);
            bar.enable_steady_tick(TICK);
            shown.bar = Some(bar);
        };
        Some((sender, thread::Builder::new().spawn(show).ok()?))
    }

    /// Shows that one more is done.
    pub(crate) fn increment(&self) {
        self.advance(1);
    }

    /// Shows that `more` are done.
    pub(crate) fn advance(&self, more: u64) {
        self.update(|done| done + more);
    }

    /// Shows that `done` of all are done.
    pub(crate) fn set(&self, done: u64) {
        self.update(|_| done);
    }

    fn update(&self, done: impl FnOnce(u64) -> u64) {
        if let Ok(mut shown) = self.shown.lock() {
            shown.done = done(shown.done);
            if let Some(bar) = &shown.bar {
                bar.set_position(shown.done);
            }
        }
    }

    /// Prints a line above the bar.
    pub(crate) fn say(&self, line: &str) {
        let say = || self.output.say(line);
        match self.shown.lock().as_deref() {
            Ok(Shown { bar: Some(bar), .. }) => bar.suspend(say),
            _ => say(),
        }
    }
}

impl Drop for LateBar {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.waiting.take() {
            drop(sender);
            let _ = thread.join();
        }
        if let Ok(mut shown) = self.shown.lock()
            && let Some(bar) = shown.bar.take()
        {
            bar.finish_and_clear();
        }
    }
}

/// The line of a [`LateBar`].
fn template(things: &str, total: u64) -> String {
    match total {
        0 => format!("{things}, {{time}}"),
        _ => format!("[{{bar:30}}] {{pos}}/{{len}} {things}, {{time}}"),
    }
}

/// The time that `total - done` will take if `done` took the time `since`; this time itself as
/// long as nothing is done.
fn time(since: Duration, done: u64, total: u64) -> String {
    match done {
        0 => format!("{:#} so far", HumanDuration(Duration::from_secs(since.as_secs()))),
        _ => {
            let left = since.as_secs_f64() / done as f64 * total.saturating_sub(done) as f64;
            format!("{:#} left", HumanDuration(Duration::from_secs(left as u64)))
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "Standard",
            Self::Silent => "Silent",
            Self::Lines(_) => "Lines(..)",
        })
    }
}

/// The output of a command: prints lines above the progress bar and copies them to the log of the
/// run.
#[derive(Default)]
pub(crate) struct Console {
    output: Output,
    bar: Option<ProgressBar>,
    log: Option<(PathBuf, RefCell<File>)>,
    trouble: RefCell<Option<StorageError>>,
}

impl Console {
    /// A console without a log.
    pub(crate) fn new(output: &Output) -> Self {
        Self { output: output.clone(), ..Self::default() }
    }

    /// A console that also appends its lines to `log.txt` in the run folder `run`.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(crate) fn logging_to(run: &Path, output: &Output) -> Result<Self, Failure> {
        let path = run.join("log.txt");
        let file = patiently(&RealDisk, || OpenOptions::new().create(true).append(true).open(&path));
        let file = file.map_err(|error| StorageError::new("write", &path, error))?;
        Ok(Self { log: Some((path, RefCell::new(file))), ..Self::new(output) })
    }

    /// Keeps `bar` below all later lines.
    pub(crate) fn show(&mut self, bar: ProgressBar) {
        self.bar = Some(bar);
    }

    /// Writes a message to the output and the log.
    pub(crate) fn say(&self, line: &str) {
        self.above_the_bar(|| self.output.say(line));
        self.log(line);
    }

    /// Writes a result to the output and the log.
    ///
    /// # Errors
    /// When standard output cannot be written; a closed pipe is not an error.
    pub(crate) fn data(&self, line: &str) -> Result<(), Failure> {
        self.log(line);
        let mut result = Ok(());
        self.above_the_bar(|| result = self.output.data(line));
        result
    }

    /// Writes a line to the log only.
    pub(crate) fn log(&self, line: &str) {
        if let Some((path, file)) = &self.log
            && let Err(error) = writeln!(file.borrow_mut(), "{line}")
        {
            self.trouble.borrow_mut().get_or_insert(StorageError::new("write", path, error));
        }
    }

    /// Returns the first error of writing the log since the last call.
    ///
    /// # Errors
    /// The error, if there was one.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.trouble.borrow_mut().take().map_or(Ok(()), |error| Err(error.into()))
    }

    fn above_the_bar(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// Writes to standard output. A reader that has stopped reading (`| head`) or a closed terminal is
/// not an error.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe && !is_gone(&error) => {
            Err(Failure::new(Code::Storage, "cannot write to standard output").because(error))
        }
        _ => Ok(()),
    }
}

/// Whether the error means that standard output is a terminal that was closed (EIO). A file on a
/// failing disk gives the same error.
fn is_gone(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use std::os::{fd::AsFd, unix::fs::FileTypeExt};
        let out = io::stdout().as_fd().try_clone_to_owned().and_then(|out| File::from(out).metadata());
        error.raw_os_error() == Some(5) && out.is_ok_and(|about| about.file_type().is_char_device())
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

/// Whether standard error is a terminal that can redraw a line.
pub(crate) fn is_lively() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether standard error is a terminal that shows colours, and the user has not set `NO_COLOR`
/// (<https://no-color.org>).
pub fn is_colored() -> bool {
    is_lively() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_how_long_it_has_taken_until_it_knows_how_long_it_will_take() {
        let after = |seconds: u64, done: u64, total: u64| time(Duration::from_secs(seconds), done, total);
        assert_eq!([after(5, 0, 1), after(120, 0, 0)], ["5s so far", "2m so far"]);
        assert_eq!([after(6, 2, 5), after(6, 5, 5), after(6, 6, 5)], ["9s left", "0s left", "0s left"]);
        assert_eq!(template("reading", 0), "reading, {time}");
    }
}
