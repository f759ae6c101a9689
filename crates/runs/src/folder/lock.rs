//! One process per run folder.
//!
//! The file `lock` is locked through the operating system, so the lock of a killed process is
//! released, whatever the file still says. The process id in the file is only informative.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use datasets::advice;

use crate::failure::{Code, Failure};
use crate::storage::{StorageError, is_still};

/// Held while a process writes to a run folder; released on drop.
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
}

/// A process deletes the file when it ends, perhaps just after another one has opened it. That is
/// rare, so a few attempts are enough.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

impl Lock {
    /// Takes the lock of the run folder `run`.
    ///
    /// # Errors
    /// When another process holds it (names the process id), or when the file cannot be made or
    /// locked.
    pub(crate) fn take(run: &Path) -> Result<Self, Failure> {
        Self::take_with(run, &|path| fs::read_to_string(path))
    }

    /// As [`take`](Self::take); `read` reads the file through a second handle. With mandatory locks
    /// (Windows) reading fails while the file is locked, so only the text of the error message may
    /// depend on it.
    fn take_with(run: &Path, read: &dyn Fn(&Path) -> io::Result<String>) -> Result<Self, Failure> {
        let path = run.join("lock");
        let failed = |error| StorageError::new("write", &path, error);
        for _ in 0..TRIES {
            let options = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
            let mut file = options.map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = match read(&path) {
                        Ok(text) if !text.trim().is_empty() => format!("process {}", text.trim()),
                        _ => "it".to_owned(),
                    };
                    return Err(Failure::new(Code::Usage, "another process is working in this run folder")
                        .at(run.display())
                        .because(format!("{holder} has locked {}", path.display()))
                        .help(advice!("run-in-use", "wait until it is done, or stop it")));
                }
                // The file system has no locks: training without one is better than refusing.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(failed(error).into()),
            }
            // The previous process may have deleted the file after this one opened it and before it
            // locked it; the lock is then on a file that no other process can see, so try again.
            if is_still(&file, &path).map_err(failed)? {
                let own = std::process::id().to_string();
                file.set_len(0).and_then(|()| file.write_all(own.as_bytes())).map_err(failed)?;
                return Ok(Self { path, _file: file });
            }
            std::thread::sleep(PAUSE);
        }
        Err(failed(io::Error::other(format!("the file was deleted {TRIES} times while it was being locked"))).into())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The file is deleted first, because closing it releases the lock.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_learns_which_process_holds_it() {
        let run = tempfile::tempdir().unwrap();
        let lock = Lock::take(run.path()).unwrap();
        let failure = Lock::take(run.path()).err().unwrap();
        assert_eq!(failure.code, Code::Usage);
        assert!(failure.to_string().contains(&format!("process {}", std::process::id())), "{failure}");
        drop(lock);
        assert!(!run.path().join("lock").exists());
        assert!(Lock::take(run.path()).is_ok());
    }

    /// On Windows a locked file cannot be read through another handle, not even by the process that
    /// locked it.
    #[test]
    fn a_lock_that_keeps_others_from_reading_the_file_is_taken_and_respected() {
        let run = tempfile::tempdir().unwrap();
        let cannot = |_: &Path| Err(io::Error::from_raw_os_error(33));
        let lock = Lock::take_with(run.path(), &cannot).unwrap();
        let failure = Lock::take_with(run.path(), &cannot).err().unwrap();
        assert_eq!(failure.code, Code::Usage);
        assert!(failure.to_string().contains("it has locked"), "{failure}");
        drop(lock);
        assert!(Lock::take_with(run.path(), &cannot).is_ok());
    }

    /// Regression: the process id was once read back in a loop, which did not end where the file
    /// may be written but not read.
    #[test]
    #[cfg(unix)]
    fn a_file_that_may_not_be_read_is_no_hindrance() {
        use std::os::unix::fs::PermissionsExt;
        let run = tempfile::tempdir().unwrap();
        fs::write(run.path().join("lock"), "").unwrap();
        fs::set_permissions(run.path().join("lock"), fs::Permissions::from_mode(0o222)).unwrap();
        assert!(Lock::take(run.path()).is_ok());
    }

    #[test]
    fn what_cannot_be_locked_is_an_error_that_names_the_file() {
        let run = tempfile::tempdir().unwrap();
        fs::create_dir(run.path().join("lock")).unwrap();
        let failure = Lock::take(run.path()).err().unwrap();
        assert_eq!(failure.code, Code::Storage);
        assert!(failure.to_string().contains("lock"), "{failure}");
    }

    #[test]
    fn a_stale_file_does_not_matter() {
        let run = tempfile::tempdir().unwrap();
        fs::write(run.path().join("lock"), "999999").unwrap();
        assert!(Lock::take(run.path()).is_ok());
    }
}
