//! A file that is not complete yet: `.name.part`, which one process at a time may write, and beside
//! it `.name.part.json`, which says what it is the beginning of.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::storage::{Disk, RealDisk, StorageError, folder_of, patiently, write_whole};

/// The server's file that a partial one is the beginning of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) url: String,
    /// The server's name for this version of the file.
    pub(super) etag: Option<String>,
    /// When it was changed last, as the server writes it.
    pub(super) last_modified: Option<String>,
    /// The length of the whole.
    pub(super) length: Option<u64>,
}

impl Origin {
    /// By what the server can tell whether its file is still this one: a strong `ETag`, or else the
    /// time of its last change.
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
    /// That of the file `whole`, of which there may be nothing yet.
    pub(super) fn of(whole: &Path) -> Self {
        let name = whole.file_name().unwrap_or_default().to_string_lossy();
        let beside = |ending: &str| whole.with_file_name(format!(".{name}.{ending}"));
        Self { path: beside("part"), about: beside("part.json"), whole: whole.to_owned() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes there are.
    pub(super) fn length(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |about| about.len())
    }

    /// What it is the beginning of, if that is known.
    pub(super) fn origin(&self) -> Option<Origin> {
        // A damaged note is as good as none: then the download begins anew.
        serde_json::from_slice(&fs::read(&self.about).ok()?).ok()
    }

    /// Empties the file, which is to become the one at `origin`.
    pub(super) fn begin(&self, origin: &Origin) -> Result<File, StorageError> {
        // In this order bytes of one file never stand beside the note about another.
        self.discard()?;
        let file = File::create(&self.path).map_err(|error| self.stored(error))?;
        let note = serde_json::to_vec(origin).map_err(|error| self.stored(error.into()))?;
        write_whole(&RealDisk, &self.about, &note)?;
        Ok(file)
    }

    /// To write on after what there is.
    pub(super) fn go_on(&self) -> Result<File, StorageError> {
        OpenOptions::new().append(true).open(&self.path).map_err(|error| self.stored(error))
    }

    /// Throws it away.
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

    /// Gives the file, which is complete, its name, and returns when that is safe from a power cut.
    pub(super) fn finish(&self) -> Result<(), StorageError> {
        let stored = |error| StorageError::new("write", &self.whole, error);
        // Windows syncs only what is open for writing.
        let file = OpenOptions::new().write(true).open(&self.path).map_err(stored)?;
        RealDisk.sync(&file).map_err(stored)?;
        drop(file);
        patiently(&RealDisk, || RealDisk.rename(&self.path, &self.whole)).map_err(stored)?;
        // It describes nothing any more, and does no harm if it stays.
        let _ = fs::remove_file(&self.about);
        RealDisk.sync_folder(folder_of(&self.whole)).map_err(stored)
    }

    fn stored(&self, error: std::io::Error) -> StorageError {
        StorageError::new("write", &self.path, error)
    }
}
