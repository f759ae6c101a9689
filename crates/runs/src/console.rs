//! Lines for people: messages to standard error, data to standard output, everything to the run's `log.txt`.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anstream::AutoStream;
use datasets::{Advice, quoted};
use indicatif::ProgressBar;

use crate::failure::{Code, Failure};
use crate::options::ColorChoice;
use crate::storage::{RealDisk, StorageError, patiently};

/// Where lines go.
#[derive(Default)]
pub struct Console {
    bar: Option<ProgressBar>,
    log: Option<(PathBuf, RefCell<File>)>,
    trouble: RefCell<Option<StorageError>>,
}

impl Console {
    /// A console that also writes to `log.txt` in the run folder `run`, after what is there.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn logging_to(run: &Path) -> Result<Self, Failure> {
        let path = run.join("log.txt");
        let file = patiently(&RealDisk, || OpenOptions::new().create(true).append(true).open(&path));
        let file = file.map_err(|error| StorageError::new("write", &path, error))?;
        Ok(Self { log: Some((path, RefCell::new(file))), ..Self::default() })
    }

    /// From now on `bar` stands below the lines.
    pub fn show(&mut self, bar: ProgressBar) {
        self.bar = Some(bar);
    }

    /// A message: standard error and the log.
    pub fn say(&self, line: &str) {
        // Nobody is left to tell if standard error is gone.
        self.above_the_bar(|| drop(writeln!(io::stderr(), "{line}")));
        self.log(line);
    }

    /// Data: standard output and the log.
    ///
    /// # Errors
    /// When standard output takes nothing; a reader that went away is no error.
    pub fn data(&self, line: &str) -> Result<(), Failure> {
        self.log(line);
        let mut result = Ok(());
        self.above_the_bar(|| result = print(&format!("{line}\n")));
        result
    }

    /// The log alone.
    pub fn log(&self, line: &str) {
        if let Some((path, file)) = &self.log
            && let Err(error) = writeln!(file.borrow_mut(), "{line}")
        {
            self.trouble.borrow_mut().get_or_insert(StorageError::new("write", path, error));
        }
    }

    /// The first thing that went wrong with the log, once.
    ///
    /// # Errors
    /// That thing.
    pub fn check(&self) -> Result<(), Failure> {
        self.trouble.borrow_mut().take().map_or(Ok(()), |error| Err(error.into()))
    }

    fn above_the_bar(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// Writes to standard output. A reader that stopped reading (`| head`) is not an error, nor is a terminal that was closed: there is
/// just nobody to print for.
///
/// # Errors
/// When standard output takes nothing for another reason.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe && !is_gone(&error) => {
            Err(Failure::new(Code::Storage, "cannot write to standard output").because(error))
        }
        _ => Ok(()),
    }
}

/// Whether standard output is a terminal that was closed (EIO). A file whose disk fails has the same error.
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

/// What people type to start this program: as they have started it.
fn program() -> String {
    // `cargo run` and `cargo test` say so to what they start.
    if std::env::var_os("CARGO").is_some() && std::env::var("CARGO_PKG_NAME").is_ok_and(|name| name == "train") {
        return "cargo run -p train --".to_owned();
    }
    std::env::args_os().next().map_or_else(|| "train".to_owned(), |own| quoted(&own))
}

/// An advice with its commands as they can be typed here.
pub fn typed(advice: &Advice) -> String {
    advice.typed_as(&program())
}

/// Whether a line that redraws itself can be shown.
pub fn is_lively() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Tells a failure on standard error.
pub fn tell(failure: &Failure, color: ColorChoice) {
    let colored = match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => is_lively() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    };
    let (on, off) = if colored { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    // A console of Windows shows colours only after it was asked to.
    let _ = writeln!(AutoStream::always(io::stderr()), "{on}error:{off} {failure}");
}
