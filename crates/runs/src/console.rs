//! The output of a command: messages, results, progress bars, and the `log.txt` of a run.

use std::cell::RefCell;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::failure::{Code, Failure};
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
            Self::Standard => drop(writeln!(io::stderr(), "{line}")),
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

    /// A progress bar to `total` with the given `template`, if there is a terminal to draw it on.
    /// Dropping it clears its line.
    pub(crate) fn bar(&self, total: u64, template: &str) -> Option<ProgressBar> {
        if !matches!(self, Self::Standard) || !is_lively() {
            return None;
        }
        let style = ProgressStyle::with_template(template).ok()?;
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        Some(bar.with_style(style.progress_chars("=> ")).with_finish(ProgressFinish::AndClear))
    }
}

/// A progress bar that appears when the work has taken longer than two seconds, and disappears when
/// it is dropped.
pub(crate) struct LateBar {
    output: Output,
    /// What is counted, such as `images`.
    things: &'static str,
    total: u64,
    done: u64,
    since: Instant,
    bar: Option<ProgressBar>,
}

/// Shorter work needs no bar.
const PATIENCE: Duration = Duration::from_secs(2);

impl LateBar {
    pub(crate) fn new(output: &Output, things: &'static str, total: u64) -> Self {
        Self { output: output.clone(), things, total, done: 0, since: Instant::now(), bar: None }
    }

    /// Shows that one more is done.
    pub(crate) fn increment(&mut self) {
        self.advance(1);
    }

    /// Shows that `more` are done.
    pub(crate) fn advance(&mut self, more: u64) {
        self.set(self.done + more);
    }

    /// Shows that `done` of all are done.
    pub(crate) fn set(&mut self, done: u64) {
        self.done = done;
        if self.bar.is_none() && self.since.elapsed() >= PATIENCE {
            let template = format!("[{{bar:30}}] {{pos}}/{{len}} {}, {{eta}} left", self.things);
            self.bar = self.output.bar(self.total, &template);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    /// Prints a line above the bar.
    pub(crate) fn say(&self, line: &str) {
        let say = || self.output.say(line);
        self.bar.as_ref().map_or_else(say, |bar| bar.suspend(say));
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
