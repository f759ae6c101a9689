//! One process per download: a second process waits, and then finds the file.
//!
//! `.name.lock` is locked through the operating system, so a killed process releases it. The
//! process id in the file is only informative.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::failure::{Code, Failure};
use crate::signals;
use crate::storage::{RealDisk, StorageError, is_still, patiently};

/// How often a waiting process checks whether the other one is done, and for Ctrl-C.
const GLANCE: Duration = Duration::from_millis(50);
/// How often the lock file may be deleted while it is being locked before this is an error.
const TRIES: u32 = 100;

/// The right to download a file, held by one process; released on drop.
pub(super) struct Claim {
    path: PathBuf,
    _file: File,
}

impl Claim {
    /// Claims the download of the file `whole`. While another process holds it, waits, and says so
    /// through `tell` once.
    ///
    /// # Errors
    /// When the user asks to stop, or the lock file cannot be made or locked.
    pub(super) fn take(whole: &Path, tell: &dyn Fn(&str)) -> Result<Self, Failure> {
        let name = whole.file_name().unwrap_or_default().to_string_lossy();
        let path = whole.with_file_name(format!(".{name}.lock"));
        let failed = |error| StorageError::new("write", &path, error);
        let (mut has_reported, mut tries) = (false, 0);
        loop {
            let mut options = OpenOptions::new();
            options.create(true).truncate(false).write(true);
            let file = patiently(&RealDisk, || options.open(&path)).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    if !has_reported {
                        tell(&format!("waiting      {} is downloading it", holder(&path)));
                        has_reported = true;
                    }
                    if signals::asked() {
                        return Err(Failure::new(
                            Code::Interrupted,
                            "stopped while another process was downloading the file",
                        )
                        .at(whole.display()));
                    }
                    thread::sleep(GLANCE);
                    continue;
                }
                // The file system has no locks: downloading without one is better than refusing.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(failed(error).into()),
            }
            // The previous holder may have deleted the file after this process opened it and before
            // it locked it; the lock would then be on a file that no other process can see.
            if is_still(&file, &path).map_err(failed)? {
                file.set_len(0)
                    .and_then(|()| (&file).write_all(std::process::id().to_string().as_bytes()))
                    .map_err(failed)?;
                return Ok(Self { path, _file: file });
            }
            tries += 1;
            if tries > TRIES {
                return Err(failed(io::Error::other("another process keeps deleting it")).into());
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The file is deleted first, because closing it releases the lock. An error does not
        // matter: the lock is released in any case.
        let _ = fs::remove_file(&self.path);
    }
}

/// Names the holder. On Windows, a locked file cannot be read by others.
fn holder(path: &Path) -> String {
    match fs::read_to_string(path) {
        Ok(id) if !id.trim().is_empty() => format!("process {}", id.trim()),
        _ => "another process".into(),
    }
}
