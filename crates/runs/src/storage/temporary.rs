//! Temporary files: naming them, and deleting those of killed processes.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Disk, folder_of, is_still};

/// A lock does not always show whether a file is in use: some file systems have no locks, and on
/// Windows the lock is released before the rename. In these cases, left-over files are deleted only
/// at this age, because younger ones may be in use.
const OLD: Duration = Duration::from_secs(24 * 3600);
/// An attempt fails if the name is taken, or if the file is deleted before it is locked. Two
/// failures in a row are very unlikely.
const TRIES: usize = 10;

/// Creates the temporary file for `path`, locked. The first one in a folder deletes those that
/// killed processes have left.
pub(super) fn create(disk: &dyn Disk, path: &Path) -> io::Result<(File, PathBuf)> {
    static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    if path.file_name().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file name"));
    }
    let folder = folder_of(path);
    // The set is still valid after another thread has panicked.
    if SWEPT.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned()) {
        sweep(folder);
    }
    for _ in 0..TRIES {
        let temporary = folder.join(temporary_name());
        let file = match disk.create(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            made => made?,
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            // Without locks it is deleted only when it is old.
            Err(TryLockError::Error(_)) => return Ok((file, temporary)),
            Ok(()) if is_still(&file, &temporary)? => return Ok((file, temporary)),
            Ok(()) => {}
        }
    }
    Err(io::Error::other("another process keeps deleting its temporary file"))
}

const BEFORE: &str = ".backdraw-";
const AFTER: &str = ".tmp";

/// `.backdraw-PROCESS-NUMBER.tmp`: two processes that write the same file must use different
/// temporary files.
fn temporary_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{BEFORE}{}-{}{AFTER}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Whether a file has the name of one of our temporary files.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(BEFORE) && name.ends_with(AFTER)
}

/// Deletes the temporary files in `folder` whose writers have ended.
pub(super) fn sweep(folder: &Path) {
    sweep_named(folder, &is_temporary);
}

/// Like [`sweep`], for a folder of a run, where every file is ours: also deletes files with the
/// names of earlier versions (`.name.tmp`).
pub(crate) fn sweep_run(folder: &Path) {
    sweep_named(folder, &|name| name.starts_with('.') && name.ends_with(AFTER));
}

fn sweep_named(folder: &Path, is_ours: &dyn Fn(&str) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_ours(&entry.file_name().to_string_lossy()) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            // Best effort: a left-over temporary file does no harm.
            let _ = sweep_up(&entry.path());
        }
    }
}

fn sweep_up(path: &Path) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    let is_free = match file.try_lock() {
        Ok(()) if cfg!(unix) => true,
        Err(TryLockError::WouldBlock) => false,
        _ => file.metadata()?.modified()?.elapsed().is_ok_and(|age| age > OLD),
    };
    // Its writer may have renamed it since it was listed.
    if is_free && is_still(&file, path)? { fs::remove_file(path) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{RealDisk, Unfinished, write_whole};
    use std::io::Write;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_process_left_is_swept_up_by_the_next_that_writes_there() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".backdraw-4711-0.tmp", ".of-another-program.tmp", "e.png"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        write_whole(&RealDisk, &folder.path().join("new.png"), b"y").unwrap();
        assert_eq!(names(folder.path()), [".of-another-program.tmp", "e.png", "new.png"]);
        fs::write(folder.path().join(".step-000008.safetensors.tmp"), "of an earlier version").unwrap();
        sweep_run(folder.path());
        assert_eq!(names(folder.path()), ["e.png", "new.png"]);
    }

    #[test]
    fn two_writers_of_one_file_do_not_touch_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let mut first = Unfinished::begin(&RealDisk, &path).unwrap();
        first.write_all(b"fir").unwrap();
        let mut second = Unfinished::begin(&RealDisk, &path).unwrap();
        second.write_all(b"second").unwrap();
        sweep(folder.path());
        first.write_all(b"st").unwrap();
        first.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        second.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["a.png"]);
    }

    #[test]
    fn writers_and_sweepers_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = folder.path().join(format!("{writer}.png"));
                scope.spawn(move || (0..50).for_each(|_| write_whole(&RealDisk, &path, b"whole").unwrap()));
            }
        });
        assert_eq!(names(folder.path()), ["0.png", "1.png", "2.png", "3.png"]);
    }
}
