//! Writing files atomically: a file name never refers to a partial file.
//!
//! [`write_whole`], or piece by piece an [`Unfinished`] file, is the only way by which this program
//! replaces a file: a temporary name in the same folder, the bytes, a sync, a rename over the final
//! name, a sync of the folder. Whenever the machine stops, the final name holds either the old
//! bytes or the new ones. The single steps go through [`Disk`], so that a test can make the N-th
//! one fail.
//!
//! A temporary file is locked through the operating system while it is written, which distinguishes
//! a file in use from one left behind by a killed process. `temporary.rs` makes these files and
//! cleans them up.

mod temporary;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use temporary::{is_temporary, sweep_run};

use datasets::advice;

use crate::failure::{Code, Failure};

/// The file system operations that writing a file consists of.
pub(crate) trait Disk {
    /// Makes a new empty file; fails if the name exists.
    fn create(&self, path: &Path) -> io::Result<File> {
        File::create_new(path)
    }
    /// Writes some of the bytes and returns how many.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }
    /// Returns when the bytes of the file are on disk.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }
    /// Gives the file its final name, replacing an old file.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
    /// Returns when the names in the folder are on disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Only Unix can open a folder as a file; elsewhere a rename needs no second sync.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }
    /// Deletes a file.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
    /// Waits for another program to release a file.
    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// The real file system.
pub(crate) struct RealDisk;

impl Disk for RealDisk {}

/// The real file system, for files that can be made again at any time: it does not wait until they
/// are on disk.
pub(crate) struct Unsynced;

impl Disk for Unsynced {
    fn sync(&self, _file: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {source}", path.display())]
pub(crate) struct StorageError {
    /// What failed, such as `write` or `make the folder`.
    pub doing: &'static str,
    /// The final path of the file.
    pub path: PathBuf,
    /// The operating system's error.
    pub source: io::Error,
}

impl StorageError {
    pub(crate) fn new(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self { doing, path: path.to_owned(), source }
    }

    /// For a picture that cannot be drawn; `why` is the reason.
    pub(crate) fn drawing(path: &Path, why: String) -> Self {
        Self::new("draw", path, io::Error::other(why))
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        let help = match error.source.kind() {
            _ if is_held(&error.source) => {
                advice!("file-is-held", "close the program that has the file open")
            }
            io::ErrorKind::FileTooLarge => {
                advice!("file-too-large", "raise the file size limit (ulimit -f)")
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                advice!("disk-full", "free some space")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                advice!("may-not-write", "choose a folder that you may write to")
            }
            _ => {
                advice!("cannot-write", "check the folder and the disk; files that were already complete are untouched")
            }
        };
        Failure::new(Code::Storage, format!("cannot {} a file of the run", error.doing))
            .at(error.path.display())
            .because(error.source)
            .help(help)
    }
}

/// Whether an operation failed because another program has the file open: ERROR_SHARING_VIOLATION
/// or ERROR_LOCK_VIOLATION of Windows (codes that file operations never return on Unix), or the
/// error of a rename over an open file there.
pub(crate) fn is_held(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(32 | 33)) || cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied
}

/// Pauses between the attempts of [`patiently`] double from one millisecond: four seconds in total.
/// That is enough for a virus scanner or an indexer; a file open in a viewer is an error.
const TRIES: u32 = 12;

/// Calls `act`, and repeats it for a while if another program holds the file.
///
/// # Errors
/// The error of the last attempt.
pub(crate) fn patiently<T>(disk: &dyn Disk, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for tried in 0..TRIES {
        match act() {
            Err(error) if is_held(&error) => disk.pause(Duration::from_millis(1 << tried)),
            done => return done,
        }
    }
    act()
}

/// Whether `path` still refers to the open `file`, and not to a newer file or to nothing.
///
/// # Errors
/// When the system cannot tell.
pub(crate) fn is_still(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    let same = {
        use std::os::unix::fs::MetadataExt;
        // Compared by metadata: a second handle may exceed a limit or not be permitted.
        let (ours, there) = (file.metadata()?, fs::metadata(path));
        there.map(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
    };
    #[cfg(windows)]
    let same = {
        // Opening is permitted here even if reading is not.
        let ours = same_file::Handle::from_file(file.try_clone()?)?;
        same_file::Handle::from_path(path).map(|there| there == ours)
    };
    match same {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        known => known,
    }
}

/// Makes a folder and its parents, unless they exist.
///
/// # Errors
/// Names `folder` and the system's reason.
pub(crate) fn make_folder(folder: &Path) -> Result<(), StorageError> {
    fs::create_dir_all(folder).map_err(|error| StorageError::new("make the folder for", folder, error))
}

/// Makes the parent folder of the file `path`, unless it exists.
///
/// # Errors
/// As [`make_folder`].
pub(crate) fn make_folder_for(path: &Path) -> Result<(), StorageError> {
    make_folder(folder_of(path))
}

/// Whether `path` is meant as a folder: it ends in a slash, or there is a folder.
pub(crate) fn names_folder(path: &Path) -> bool {
    path.as_os_str().to_string_lossy().ends_with(['/', std::path::MAIN_SEPARATOR]) || path.is_dir()
}

/// The file extension, in lower case.
pub(crate) fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// The text of a small file; None if there is no such file. Bytes that are not UTF-8 are replaced.
///
/// # Errors
/// When the file is there but cannot be read.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>, StorageError> {
    match patiently(&RealDisk, || fs::read(path)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::new("read", path, error)),
    }
}

/// Replaces the file `path` by `bytes` atomically, and returns when they are durable.
///
/// # Errors
/// Names `path` and the system's reason. The old file, if there was one, is then still there (or,
/// if only the last sync failed, the new one, complete).
pub(crate) fn write_whole(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    let mut file = Unfinished::begin(disk, path)?;
    file.write_all(bytes).map_err(|source| StorageError::new("write", path, source))?;
    file.finish()
}

/// A file written piece by piece, for content too large to hold in memory. It gets its name only
/// when it is finished, and is deleted if it never is.
pub(crate) struct Unfinished<'a> {
    disk: &'a dyn Disk,
    path: PathBuf,
    temporary: PathBuf,
    /// `None` after it was closed.
    file: Option<File>,
    /// Whether it has its final name.
    named: bool,
}

impl<'a> Unfinished<'a> {
    /// Makes the temporary file for `path`.
    ///
    /// # Errors
    /// Names `path` and the system's reason.
    pub(crate) fn begin(disk: &'a dyn Disk, path: &Path) -> Result<Self, StorageError> {
        let made = temporary::create(disk, path);
        let (file, temporary) = made.map_err(|source| StorageError::new("write", path, source))?;
        Ok(Self { disk, path: path.to_owned(), temporary, file: Some(file), named: false })
    }

    /// Gives the file its name, replacing an old file, and returns when it is durable.
    ///
    /// # Errors
    /// As [`write_whole`].
    pub(crate) fn finish(mut self) -> Result<(), StorageError> {
        self.settle().map_err(|source| StorageError::new("write", &self.path, source))
    }

    fn settle(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            self.disk.sync(file)?;
        }
        // Windows cannot rename an open file over another one. Elsewhere the file stays open, and
        // thus locked, until it has its name, so that no other process cleans it up.
        if cfg!(windows) {
            self.file = None;
        }
        patiently(self.disk, || self.disk.rename(&self.temporary, &self.path))?;
        (self.named, self.file) = (true, None);
        self.disk.sync_folder(folder_of(&self.path))
    }
}

impl Write for Unfinished<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => self.disk.write(file, bytes),
            None => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.named {
            drop(self.file.take());
            // Best effort: the first error is the one to report, and a left-over temporary file
            // does no harm.
            let _ = self.disk.remove(&self.temporary);
        }
    }
}

/// The folder that holds `path`, `.` for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A disk on which the N-th operation fails, for tests here and of the checkpoints.
#[cfg(test)]
pub(crate) mod failing {
    use super::*;
    use std::cell::Cell;

    /// How an operation fails.
    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Fault {
        NoSpace,
        Permission,
        /// Some bytes are written, then the disk is full.
        ShortWrite,
        /// Only some of the bytes are written, which is reported and not an error.
        Partial,
    }

    /// Counts operations down and fails when it reaches zero.
    pub(crate) struct FailingDisk {
        pub left: Cell<usize>,
        pub fault: Fault,
        pub fired: Cell<bool>,
    }

    impl FailingDisk {
        pub(crate) fn new(nth: usize, fault: Fault) -> Self {
            Self { left: Cell::new(nth), fault, fired: Cell::new(false) }
        }

        fn due(&self) -> bool {
            let left = self.left.get();
            self.left.set(left.wrapping_sub(1));
            if left == 0 {
                self.fired.set(true);
            }
            left == 0
        }

        fn error(&self) -> io::Error {
            match self.fault {
                Fault::Permission => io::ErrorKind::PermissionDenied.into(),
                _ => io::ErrorKind::StorageFull.into(),
            }
        }

        fn gate(&self) -> io::Result<()> {
            if self.due() && !matches!(self.fault, Fault::Partial) { Err(self.error()) } else { Ok(()) }
        }
    }

    impl Disk for FailingDisk {
        fn create(&self, path: &Path) -> io::Result<File> {
            self.gate().and_then(|()| RealDisk.create(path))
        }
        fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<usize> {
            if !self.due() {
                // Small pieces, so that a file takes several writes.
                return RealDisk.write(file, &bytes[..bytes.len().min(300)]);
            }
            match self.fault {
                Fault::Partial => RealDisk.write(file, &bytes[..bytes.len().div_ceil(7)]),
                Fault::ShortWrite => RealDisk.write(file, &bytes[..bytes.len() / 2]).and(Err(self.error())),
                _ => Err(self.error()),
            }
        }
        fn sync(&self, file: &File) -> io::Result<()> {
            self.gate().and_then(|()| RealDisk.sync(file))
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.gate().and_then(|()| RealDisk.rename(from, to))
        }
        fn sync_folder(&self, folder: &Path) -> io::Result<()> {
            self.gate().and_then(|()| RealDisk.sync_folder(folder))
        }
        fn remove(&self, path: &Path) -> io::Result<()> {
            self.gate().and_then(|()| RealDisk.remove(path))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::failing::{FailingDisk, Fault};
    use super::*;

    #[test]
    fn a_name_holds_the_old_or_the_new_bytes_whatever_operation_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let (old, new) = (vec![1_u8; 1000], vec![2_u8; 2000]);
        for fault in [Fault::NoSpace, Fault::Permission, Fault::ShortWrite, Fault::Partial] {
            for nth in 0.. {
                fs::write(&path, &old).unwrap();
                let disk = FailingDisk::new(nth, fault);
                let result = write_whole(&disk, &path, &new);
                let held = fs::read(&path).unwrap();
                assert!(held == old || held == new, "{fault:?} at {nth}");
                match result {
                    Ok(()) => assert_eq!(held, new),
                    Err(error) => assert!(error.to_string().contains("file"), "{error}"),
                }
                if !disk.fired.get() {
                    assert!(nth > 5, "the loop saw every operation");
                    break;
                }
            }
        }
    }

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = Unfinished::begin(&RealDisk, &path).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!path.exists() && fs::read_dir(folder.path()).unwrap().count() == 1);
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut file = Unfinished::begin(&RealDisk, &path).unwrap();
        file.write_all(b"who").and_then(|()| file.write_all(b"le")).unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_bare_name_lies_in_the_current_folder() {
        assert_eq!(folder_of(Path::new("x.png")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/x.png")), Path::new("a"));
    }

    /// A disk on which another program holds the target for some attempts.
    struct Held(std::cell::Cell<u32>);

    impl Disk for Held {
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            let left = self.0.get();
            self.0.set(left.saturating_sub(1));
            if left > 0 { Err(io::Error::from_raw_os_error(32)) } else { RealDisk.rename(from, to) }
        }
        fn pause(&self, _: Duration) {}
    }

    #[test]
    fn a_target_that_another_program_holds_for_a_while_is_replaced_and_one_that_it_keeps_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("loss.png");
        fs::write(&path, "old").unwrap();
        write_whole(&Held(TRIES.into()), &path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let failure = Failure::from(write_whole(&Held(u32::MAX.into()), &path, b"newer").unwrap_err());
        assert!(failure.to_string().contains("loss.png"), "{failure}");
        assert!(failure.to_string().contains("close the program"), "{failure}");
        assert_eq!((fs::read(&path).unwrap(), fs::read_dir(folder.path()).unwrap().count()), (b"new".to_vec(), 1));
    }
}
