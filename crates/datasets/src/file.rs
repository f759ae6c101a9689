//! Opening a data file, and noticing when it changes afterwards.

use crate::error::DataError;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// Opens a regular file. Opening a pipe could block forever, so anything else is an error.
pub(crate) fn open(path: &Path) -> Result<File, DataError> {
    let fail = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => no_data_file(path, "there is no such file or folder"),
        _ => DataError::unreadable(path, error),
    };
    let kind = fs::metadata(path).map_err(fail)?.file_type();
    if kind.is_file() {
        return File::open(path).map_err(fail);
    }
    let found = if kind.is_dir() { "a folder" } else { "a device, pipe or socket" };
    Err(DataError::invalid(
        path,
        format!("expected a file, found {found}"),
        "images are loaded from files or folders",
        advice!("not-a-data-file", "give the path of a .npy file, or of a folder of such files"),
    ))
}

/// The error for a path at which there is nothing.
pub(crate) fn no_data_file(path: &Path, why: impl Into<String>) -> DataError {
    let help = advice!("no-data-file", "check the path");
    DataError::not_found(path, "there is no data file at this path", why, help)
}

/// Length and modification time of a file, to notice when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp {
    pub(crate) length: u64,
    /// When it was last modified, if the system knows.
    modified: Option<SystemTime>,
}

impl FileStamp {
    /// The stamp of the file with this metadata.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), modified: metadata.modified().ok() }
    }

    /// The modification time in nanoseconds since 1970; 0 if it is not known.
    pub(crate) fn nanoseconds(self) -> u64 {
        let since = self.modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        since.map_or(0, |since| since.as_nanos() as u64)
    }
}

/// The error for a file that changed after it was opened.
pub(crate) fn changed(path: &Path, before: FileStamp, now: FileStamp) -> DataError {
    let why = if before.length == now.length {
        format!("it was written to after it was opened; it still has {} bytes", now.length)
    } else {
        format!("it had {} bytes when it was opened, and has {} now", before.length, now.length)
    };
    DataError::invalid(
        path,
        "the file changed while it was in use",
        why,
        advice!(
            "changed-data",
            "let the program that writes it finish, then start again; replacing a file as a whole does not disturb a run"
        ),
    )
}
