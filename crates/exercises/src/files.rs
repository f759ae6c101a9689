//! The problem files on disk.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use exercises::Exercise;

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {source}\n  {advice}", path.display())]
pub(crate) struct FileError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
    advice: &'static str,
}

/// The folder with the problem files.
pub(crate) struct Problems(pub(crate) PathBuf);

impl Problems {
    /// The file of an exercise.
    pub(crate) fn path(&self, exercise: &Exercise) -> PathBuf {
        self.0.join(exercise.file())
    }

    /// The content of the file. Bytes that are not text are replaced, so the file differs from the
    /// original.
    pub(crate) fn read(&self, exercise: &Exercise) -> Result<String, FileError> {
        let path = self.path(exercise);
        let bytes = fs::read(&path).map_err(|source| FileError {
            doing: "read",
            path,
            source,
            advice: "`reset` with the number of the exercise restores the original file.",
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether the file is the original one, ignoring line endings.
    pub(crate) fn untouched(&self, exercise: &Exercise) -> bool {
        self.read(exercise).is_ok_and(|text| text.lines().eq(exercise.start.lines()))
    }

    /// Restores the original file. The learner's file, if there was one, is saved under the
    /// returned name.
    pub(crate) fn reset(&self, exercise: &Exercise) -> Result<Option<PathBuf>, FileError> {
        let path = self.path(exercise);
        let failed = |doing, path: &Path| {
            let (path, advice) =
                (path.to_path_buf(), "Your file has not changed. Is the disk full, or the folder write-protected?");
            move |source| FileError { doing, path, source, advice }
        };
        let mut backup = None;
        if path.exists() {
            let names = (1..).map(|n| self.0.join(format!("{}.{n}.bak", exercise.name)));
            let free = names.into_iter().find(|name| !name.exists()).expect("numbers do not end");
            let old = fs::read(&path).map_err(failed("read", &path))?;
            self.write(&free, &old).map_err(failed("save your work to", &free))?;
            backup = Some(free);
        }
        self.write(&path, exercise.start.as_bytes()).map_err(failed("write", &path))?;
        Ok(backup)
    }

    /// Writes the file atomically, by way of a temporary file.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }
}
