//! One process per run folder.
//!
//! The file `lock` is locked through the operating system, so a process that was killed holds nothing: its lock is gone
//! with it, whatever the file still says. The process id in the file is for people.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use datasets::advice;

use crate::failure::{Code, Failure};
use crate::storage::StorageError;

/// Held while a process writes to a run folder; gives it back when dropped.
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock of the run folder `run`.
    ///
    /// # Errors
    /// When another process has it: its process id.
    pub(crate) fn take(run: &Path) -> Result<Self, Failure> {
        let path = run.join("lock");
        let own = std::process::id().to_string();
        loop {
            let failed = |error| StorageError::new("write", &path, error);
            let options = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
            let mut file = options.map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = fs::read_to_string(&path).unwrap_or_default();
                    return Err(Failure::new(Code::Usage, "another process is working in this run folder")
                        .at(run.display())
                        .because(format!("process {} holds {}", holder.trim(), path.display()))
                        .help(advice!("run-in-use", "wait until it is done, or stop it")));
                }
                // A file system without locks: better to train than to refuse.
                Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(failed(error).into()),
            }
            file.set_len(0).and_then(|()| file.write_all(own.as_bytes())).map_err(failed)?;
            // The process before us may have deleted the file between our opening and locking it; then the lock is on a
            // file that nobody else can see, and we try again.
            if fs::read_to_string(&path).is_ok_and(|text| text == own) {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Deleted before it is unlocked, which closing the file does.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_the_process() {
        let run = tempfile::tempdir().unwrap();
        let lock = Lock::take(run.path()).unwrap();
        let failure = Lock::take(run.path()).err().unwrap();
        assert_eq!(failure.code, Code::Usage);
        assert!(failure.to_string().contains(&format!("process {}", std::process::id())), "{failure}");
        drop(lock);
        assert!(!run.path().join("lock").exists());
        assert!(Lock::take(run.path()).is_ok());
    }

    #[test]
    fn a_stale_file_does_not_matter() {
        let run = tempfile::tempdir().unwrap();
        fs::write(run.path().join("lock"), "999999").unwrap();
        assert!(Lock::take(run.path()).is_ok());
    }
}
