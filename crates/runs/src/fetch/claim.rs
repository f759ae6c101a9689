//! One process per download: whoever comes second waits, and then finds the file.
//!
//! `.name.lock` is locked through the operating system, so a process that was killed claims
//! nothing. The process id in it is for people.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::failure::{Code, Failure};
use crate::signals;
use crate::storage::{RealDisk, StorageError, is_still, patiently};

/// How soon a waiting process notices that the other one is done, or Ctrl-C.
const GLANCE: Duration = Duration::from_millis(50);
/// How often the file may be deleted under us before something is wrong with the folder.
const TRIES: u32 = 100;

/// Held while a process downloads a file; gives it back when dropped.
pub(super) struct Claim {
    path: PathBuf,
    _file: File,
}

impl Claim {
    /// Claims the file `whole`. While another process has it, waits, and reports so to `tell` once.
    ///
    /// # Errors
    /// When the user asks to end, or the folder takes no lock.
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
                // A file system without locks: better to download than to refuse.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(failed(error).into()),
            }
            // The process before us may have deleted the file between our opening and locking it;
            // then nobody else can see our lock.
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
        // Deleted before it is unlocked, which closing the file does. That it is free is all that
        // matters.
        let _ = fs::remove_file(&self.path);
    }
}

/// Who has the file. Windows lets nobody read what another has locked.
fn holder(path: &Path) -> String {
    match fs::read_to_string(path) {
        Ok(id) if !id.trim().is_empty() => format!("process {}", id.trim()),
        _ => "another process".into(),
    }
}
