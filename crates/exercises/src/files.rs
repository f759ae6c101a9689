//! The problem files on disk.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use exercises::Exercise;

/// What the disk refused.
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
    /// Where an exercise's file is.
    pub(crate) fn path(&self, exercise: &Exercise) -> PathBuf {
        self.0.join(exercise.file())
    }

    /// What is in the file. Whatever in it is no text reads as something else than what was shipped.
    pub(crate) fn read(&self, exercise: &Exercise) -> Result<String, FileError> {
        let path = self.path(exercise);
        let bytes = fs::read(&path).map_err(|source| FileError {
            doing: "read",
            path,
            source,
            advice: "`reset` with the number of the exercise writes it as it was shipped.",
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether the file is as it was shipped, however an editor or git ends its lines.
    pub(crate) fn untouched(&self, exercise: &Exercise) -> bool {
        self.read(exercise).is_ok_and(|text| text.lines().eq(exercise.start.lines()))
    }

    /// Writes the file as it was shipped, and the learner's, if there was one, under the name that is returned.
    pub(crate) fn reset(&self, exercise: &Exercise) -> Result<Option<PathBuf>, FileError> {
        let path = self.path(exercise);
        let failed = |doing, path: &Path| {
            let (path, advice) =
                (path.to_path_buf(), "Your file is as it was. Is the disk full, or the folder write-protected?");
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

    /// The whole file or nothing, under a temporary name at first.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }
}
