//! The disk space that a run needs, and the free space.

use std::path::{Path, PathBuf};

use crate::report::{gathered, pictures};

/// Free bytes on the disk where `run` is or will be; `None` if unknown.
pub(crate) fn free(run: &Path) -> Option<u64> {
    let whole = std::path::absolute(run).ok()?;
    let there: PathBuf = whole.ancestors().find(|folder| folder.exists())?.to_owned();
    datasets::free_space(&there).ok()
}

/// What the sizes of a run's files depend on. The steps are those still to be done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amounts {
    /// Bytes of the tensors in a checkpoint.
    pub state: u64,
    pub steps: u64,
    /// Metrics of a step.
    pub metrics: u64,
    pub sheets: u64,
    /// Height, width and channels of a sample.
    pub image: [u64; 3],
    /// Samples on a sheet.
    pub samples: u64,
    pub probes: u64,
    /// Rows of `layers.csv` for each probe, at most.
    pub layers: u64,
    /// Rows of `scores.csv` for each probe.
    pub scores: u64,
    /// Domains of images: 2 for a translation.
    pub domains: u64,
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
    /// The three files of the probes.
    pub probes: u64,
    /// `report.html` and the folder `report`, at most.
    pub report: u64,
    /// The events for TensorBoard.
    pub events: u64,
}

/// The header of a checkpoint: names, shapes, the configuration.
const HEADER: u64 = 64 << 10;
/// The pictures of the curves, which replace each other.
const CURVES: u64 = 2 << 20;
/// The approximate length of a line of `metrics.csv`.
const LINE: u64 = 160;
/// The approximate lengths of a line of `layers.csv`, `scores.csv` and `fakes.csv`.
const PROBE_LINES: [u64; 3] = [120, 40, 250];
/// The bytes of the report's page, without its data and pictures.
const PAGE: u64 = 256 << 10;
/// The bytes of a point of a curve in the report's data.
const POINT: u64 = 20;
/// The lines in the report that come from probes, for each domain.
const OF_PROBES: u64 = 6;
/// The bytes of a layer for each probe in the report's data: five numbers.
const OF_LAYER: u64 = 5 * 12;
/// The bytes of the scores in a domain for each probe in the report's data: two histograms.
const OF_SCORES: u64 = 2 * gathered::BINS as u64 * 5;
/// Images in the report for each domain: as discriminators see them, fakes and their gradients.
const IMAGES: u64 = 3 * 16;
/// Images in the report: nearest neighbours, and a walk.
const MORE_IMAGES: u64 = 16 + 192;
/// The bytes of an event besides its metrics, and of each metric in it.
const EVENT: u64 = 48;
const METRIC: u64 = 32;

impl Written {
    pub(super) fn of(run: &Amounts) -> Self {
        // Small images are enlarged on a sheet, and repeated pixels are not compressed to nothing.
        let sheet = run.image.into_iter().chain([run.samples]).fold(2, u64::saturating_mul);
        let sheets = run.sheets.saturating_mul(sheet);
        let [layer, score, fakes] = PROBE_LINES;
        let probe = layer * run.layers + run.domains.saturating_mul(fakes) + score.saturating_mul(run.scores);
        let lines = run.metrics + OF_PROBES * run.domains;
        let curves = lines * POINT * run.steps.min(gathered::MOST_POINTS as u64);
        let histories =
            (OF_LAYER * run.layers + OF_SCORES * run.domains) * run.probes.min(gathered::MOST_PROBES as u64);
        let [height, width] = [run.image[0], run.image[1]].map(|side| side.min(pictures::SIDE as u64));
        let images = run.image[2].max(3) * height * width * (IMAGES * run.domains + MORE_IMAGES);
        Self {
            checkpoint: run.state.saturating_add(HEADER),
            pictures: sheets.saturating_add(CURVES),
            lines: run.steps.saturating_mul(LINE),
            probes: run.probes.saturating_mul(probe),
            report: PAGE + curves + histories + images,
            events: sheets.saturating_add(run.steps.saturating_mul(EVENT + METRIC * run.metrics)),
        }
    }

    /// The peak: two checkpoints are kept while a third is written.
    pub(super) fn most(&self) -> u64 {
        let others = [self.pictures, self.lines, self.probes, self.report, self.events];
        others.into_iter().fold(self.checkpoint.saturating_mul(3), u64::saturating_add)
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
    fn every_file_counts_and_a_checkpoint_three_times() {
        let written =
            Written { checkpoint: 1, pictures: 10, lines: 100, probes: 1000, report: 10_000, events: 100_000 };
        assert_eq!(written.most(), 111_113);
    }

    #[test]
    fn three_checkpoints_must_fit() {
        let (image, samples) = ([256, 256, 1], 16);
        let amounts = Amounts { state: 1 << 30, sheets: 10, image, samples, steps: 1000, ..Amounts::default() };
        let written = Written::of(&amounts);
        assert!(written.most() > 3 << 30 && written.most() < (3 << 30) + (64 << 20));
    }
}
