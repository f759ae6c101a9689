//! Runs of a built program in a folder of its own, for the tests of `train` and `backdraw-mpi`.

use std::path::PathBuf;

use tempfile::TempDir;

/// The exit code and the output of a finished process.
pub struct Outcome {
    /// None if a signal has ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Outcome {
    /// The hash in the last line.
    ///
    /// # Panics
    /// When there is none.
    pub fn hash(&self) -> &str {
        let line = self.out.lines().last().unwrap_or_default();
        let hash = line.strip_prefix("weights hash: ").unwrap_or_else(|| panic!("no hash in {:?}", self.out));
        assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
        hash
    }

    /// Checks that the program, started as in `line`, has ended with `code`, and has printed all of
    /// `words` on standard error.
    ///
    /// # Panics
    /// When it has not, or when it has panicked.
    pub fn assert_failed(&self, line: &str, code: i32, words: &[&str]) {
        let context = format!("{line}\n{}{}", self.out, self.err);
        assert_eq!(self.code, Some(code), "{context}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in: {context}");
        }
        assert!(!self.err.contains("panicked"), "{context}");
    }
}

/// A temporary folder to run a program in.
pub struct Place {
    /// The folder, which is deleted with this value.
    pub folder: TempDir,
}

impl Default for Place {
    /// # Panics
    /// When the folder cannot be made.
    fn default() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }
}

impl Place {
    /// The path of something in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Steps of the run's checkpoints, the oldest first. None of them is half-written.
    pub fn checkpoints(&self, run: &str) -> Vec<u64> {
        let names = std::fs::read_dir(self.path(run).join("checkpoints")).into_iter().flatten().flatten();
        let step = |name: String| name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok();
        let mut steps: Vec<u64> =
            names.filter_map(|entry| step(entry.file_name().to_string_lossy().into_owned())).collect();
        steps.sort_unstable();
        steps
    }
}
