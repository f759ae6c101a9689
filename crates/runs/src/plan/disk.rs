//! The disk space that a run needs, and the free space.

use std::path::{Path, PathBuf};

/// Free bytes on the disk where `run` is or will be; `None` if unknown.
pub(super) fn free(run: &Path) -> Option<u64> {
    let whole = std::path::absolute(run).ok()?;
    let there: PathBuf = whole.ancestors().find(|folder| folder.exists())?.to_owned();
    fs4::available_space(&there).ok()
}

/// The size of the files that a run writes, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// One checkpoint.
    pub checkpoint: u64,
    /// All sheets and curves together, at most.
    pub pictures: u64,
    /// `metrics.csv` and the log.
    pub lines: u64,
}

/// The header of a checkpoint: names, shapes, the configuration.
const HEADER: u64 = 64 << 10;
/// The pictures of the curves, which replace each other.
const CURVES: u64 = 2 << 20;
/// The approximate length of a line of `metrics.csv`.
const LINE: u64 = 160;

impl Written {
    /// The sizes for a state of `state` bytes, `sheets` sheets of `sheet` bytes each, and `steps`
    /// steps.
    pub(super) fn of(state: u64, [sheets, sheet]: [u64; 2], steps: u64) -> Self {
        Self {
            checkpoint: state.saturating_add(HEADER),
            pictures: sheets.saturating_mul(sheet).saturating_add(CURVES),
            lines: steps.saturating_mul(LINE),
        }
    }

    /// The peak: two checkpoints are kept while a third is written.
    pub(super) fn most(&self) -> u64 {
        self.checkpoint.saturating_mul(3).saturating_add(self.pictures).saturating_add(self.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_of_a_folder_that_is_not_there_yet_is_that_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let free = free(&folder.path().join("not/there/yet"));
        assert!(free.is_some_and(|bytes| bytes > 0), "{free:?}");
    }

    #[test]
    fn three_checkpoints_must_fit() {
        let written = Written::of(1 << 30, [10, 1 << 20], 1000);
        assert!(written.most() > 3 << 30 && written.most() < (3 << 30) + (20 << 20));
    }
}
