//! Errors in training data: what is wrong, where, why, and what to do about it.

use crate::advice::Advice;
use std::io;
use std::path::{Path, PathBuf};

/// What kind of problem a [`DataError`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such file, folder or class.
    NotFound,
    /// The operating system refused to read a file or folder.
    Unreadable,
    /// The data were read, but cannot be used.
    Invalid,
    /// The cache of decoded pictures cannot be written.
    Cache,
    /// The progress callback asked to stop.
    Stopped,
}

/// The data cannot be used. Its `Display` has a line each for [`what`](Self::what),
/// [`path`](Self::path), [`why`](Self::why) and [`help`](Self::help).
#[derive(Debug, thiserror::Error)]
#[error("{}", self.in_full())]
pub struct DataError {
    kind: ErrorKind,
    path: Option<PathBuf>,
    what: String,
    why: String,
    help: Advice,
}

impl DataError {
    fn new(
        kind: ErrorKind,
        path: Option<&Path>,
        what: impl Into<String>,
        why: impl Into<String>,
        help: Advice,
    ) -> Self {
        Self { kind, path: path.map(Path::to_owned), what: what.into(), why: why.into(), help }
    }

    /// The content of the file or folder `path` cannot be used.
    pub(crate) fn invalid(path: &Path, what: impl Into<String>, why: impl Into<String>, help: Advice) -> Self {
        Self::new(ErrorKind::Invalid, Some(path), what, why, help)
    }

    /// A problem with a set of images that belongs to no single file.
    pub(crate) fn invalid_set(what: impl Into<String>, why: impl Into<String>, help: Advice) -> Self {
        Self::new(ErrorKind::Invalid, None, what, why, help)
    }

    /// Nothing exists at `path`.
    pub(crate) fn not_found(path: &Path, what: impl Into<String>, why: impl Into<String>, help: Advice) -> Self {
        Self::new(ErrorKind::NotFound, Some(path), what, why, help)
    }

    /// The operating system refused to read `path`.
    pub(crate) fn unreadable(path: &Path, error: io::Error) -> Self {
        let help = advice!("unreadable-data", "check that the file is still there and that you may read it");
        let why = format!("the system said: {error}");
        Self::new(ErrorKind::Unreadable, Some(path), "the data file cannot be read", why, help)
    }

    /// The cache file `path` of decoded pictures cannot be written.
    pub(crate) fn cache(path: &Path, why: impl Into<String>) -> Self {
        let help = advice!(
            "no-cache",
            "free some space, or choose a folder on another disk for the caches, such as `--set data_cache=cache`"
        );
        Self::new(ErrorKind::Cache, Some(path), "the cache of the decoded pictures cannot be written", why, help)
    }

    /// The progress callback asked to stop while `path` was being waited for or written.
    pub(crate) fn stopped(path: &Path) -> Self {
        let (what, why) = ("stopped before the images were loaded", "the user asked to stop");
        Self::new(
            ErrorKind::Stopped,
            Some(path),
            what,
            why,
            advice!("loading-stopped", "start again: nothing was written"),
        )
    }

    /// The kind of problem.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What is wrong, in one line.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The file or folder concerned, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What was found and what was expected.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// What the user can do.
    pub fn help(&self) -> &Advice {
        &self.help
    }

    /// The whole message, one line for each part.
    fn in_full(&self) -> String {
        let file = self.path().map(|path| format!("\n  file: {}", path.display())).unwrap_or_default();
        format!("{}{file}\n  why: {}\n  help: {}", self.what, self.why, self.help)
    }
}

/// The advice for a file that looks truncated or corrupted.
pub(crate) fn download_again() -> Advice {
    advice!("download-again", "the download may be incomplete or damaged: download the file again")
}
