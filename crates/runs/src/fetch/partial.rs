//! An incomplete download, `.name.part`, which one process at a time may write, and beside it
//! `.name.part.json`, which records the version of the server's file.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::storage::{Disk, RealDisk, StorageError, folder_of, patiently, write_whole};

/// The file on the server that a partial download belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) url: String,
    /// The server's identifier for this version of the file.
    pub(super) etag: Option<String>,
    /// The time of its last modification, in the server's notation.
    pub(super) last_modified: Option<String>,
    /// The total length.
    pub(super) length: Option<u64>,
}

impl Origin {
    /// What identifies the version of the server's file: a strong `ETag`, or else the modification
    /// time.
    pub(super) fn validator(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }
}

/// The partial file of one download.
pub(super) struct Partial {
    path: PathBuf,
    about: PathBuf,
    whole: PathBuf,
}

impl Partial {
    /// The partial download of the file `whole`; it may not exist yet.
    pub(super) fn of(whole: &Path) -> Self {
        let name = whole.file_name().unwrap_or_default().to_string_lossy();
        let beside = |ending: &str| whole.with_file_name(format!(".{name}.{ending}"));
        Self { path: beside("part"), about: beside("part.json"), whole: whole.to_owned() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of bytes so far.
    pub(super) fn length(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |about| about.len())
    }

    /// The server's file that it belongs to, if known.
    pub(super) fn origin(&self) -> Option<Origin> {
        // A damaged record counts as missing; the download then starts again.
        serde_json::from_slice(&fs::read(&self.about).ok()?).ok()
    }

    /// Starts an empty file, which will hold the one at `origin`.
    pub(super) fn begin(&self, origin: &Origin) -> Result<File, StorageError> {
        // In this order, bytes of one file are never next to the record of another.
        self.discard()?;
        let file = File::create(&self.path).map_err(|error| self.stored(error))?;
        let note = serde_json::to_vec(origin).map_err(|error| self.stored(error.into()))?;
        write_whole(&RealDisk, &self.about, &note)?;
        Ok(file)
    }

    /// Opens the file for appending.
    pub(super) fn go_on(&self) -> Result<File, StorageError> {
        OpenOptions::new().append(true).open(&self.path).map_err(|error| self.stored(error))
    }

    /// Deletes it.
    pub(super) fn discard(&self) -> Result<(), StorageError> {
        for path in [&self.about, &self.path] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StorageError::new("remove", path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives the complete file its final name, and returns when that is durable.
    pub(super) fn finish(&self) -> Result<(), StorageError> {
        let stored = |error| StorageError::new("write", &self.whole, error);
        // Windows can only sync a file that is open for writing.
        let file = OpenOptions::new().write(true).open(&self.path).map_err(stored)?;
        RealDisk.sync(&file).map_err(stored)?;
        drop(file);
        patiently(&RealDisk, || RealDisk.rename(&self.path, &self.whole)).map_err(stored)?;
        // It is no longer needed, and does no harm if it stays.
        let _ = fs::remove_file(&self.about);
        RealDisk.sync_folder(folder_of(&self.whole)).map_err(stored)
    }

    fn stored(&self, error: std::io::Error) -> StorageError {
        StorageError::new("write", &self.path, error)
    }
}
