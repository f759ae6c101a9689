//! [`compare`]: what two or more runs have in common and where they differ: settings, metrics,
//! quality, sheets of samples, and the first tensor that differs. The runs are only read; damaged
//! and unfinished ones are compared by what there is.

mod course;
mod replay;
mod report;
mod sheets;

use std::path::{Path, PathBuf};

use datasets::grouped;
use serde::Serialize;

use crate::checkpoint::{self, LoadedCheckpoint, weights_hash};
use crate::config::Config;
use crate::console::Output;
use crate::failure::{Code, Failure};
use crate::folder;
use crate::report::{self as report_page, ReportRequest};
use crate::sampling::Written;
use crate::storage::extension;
pub use course::{Course, FirstDifference, MetricRow, ValuesAt};
use course::{Rows, first_difference};
use datasets::advice;
pub use replay::Replayed;

/// Which runs to compare, and how far.
#[derive(Clone, Debug)]
pub struct CompareRequest {
    /// The run folders, at least two. Each is compared with the first.
    pub runs: Vec<PathBuf>,
    /// The most steps to replay in search of the first tensor that differs; 0 for none.
    pub replay: u64,
    /// A page (.html) with the comparison and the report of the runs, or a picture (.png) of their
    /// sheets of samples side by side.
    pub out: Option<PathBuf>,
    /// Where messages go.
    pub output: Output,
}

/// The result of [`compare`]. Lists with a value for each run are in the order of
/// [`runs`](Self::runs).
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What is known of each run.
    pub runs: Vec<RunSummary>,
    /// The settings that are not the same in all runs.
    pub settings: Vec<Setting>,
    /// The metrics of the steps.
    pub metrics: Vec<MetricRow>,
    /// The measures of quality, if they were taken during the training.
    pub quality: Vec<MetricRow>,
    /// Each run but the first, compared with the first.
    pub pairs: Vec<Pair>,
    /// The file that was asked for, and what it contains.
    pub written: Option<String>,
}

impl Comparison {
    /// As JSON. Numbers that are not finite are null.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// A run, and what of it is missing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunSummary {
    /// The run folder.
    pub path: String,
    /// The system, if the configuration can be read.
    pub system: Option<String>,
    /// The preset.
    pub preset: Option<String>,
    /// The planned number of steps.
    pub steps: Option<u64>,
    /// The step of the newest intact checkpoint.
    pub done: Option<u64>,
    /// The hash of its weights.
    pub weights_hash: Option<String>,
    /// What is missing or damaged, a line each.
    pub missing: Vec<String>,
}

/// A setting and its values, as TOML; `(none)` where a run does not have it.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// Its name, such as `quickdraw.batch`.
    pub key: String,
    /// Its value in each run.
    pub values: Vec<String>,
}

/// A run compared with the first one.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// The position of the run in the list of runs.
    pub run: usize,
    /// Which of the two started from the other's weights, if one did.
    pub parent: Option<String>,
    /// The first step whose metrics differ; None if there are no metrics in common.
    pub metrics: Option<FirstDifference>,
    /// The first tensors that differ, or why the runs were not replayed.
    pub replay: Replayed,
}

/// A run, as far as it can be read.
struct OpenRun {
    folder: PathBuf,
    config: Option<Config>,
    found: Option<LoadedCheckpoint>,
    metrics: Rows,
    quality: Rows,
    missing: Vec<String>,
}

impl OpenRun {
    /// Reads the run that `path` names.
    ///
    /// # Errors
    /// When there is no folder of this name.
    fn read(path: &Path) -> Result<Self, Failure> {
        let located = folder::locate(path)?;
        let folder = located.run.unwrap_or_else(|| path.to_owned());
        let mut missing = Vec::new();
        let mut note = |what: &str, failure: Failure| {
            let why = failure.why.map_or_else(String::new, |why| format!(": {}", why.replace('\n', "; ")));
            missing.push(format!("{what}: {}{why}", failure.what));
        };
        let config = Config::of_run(&folder.join("config.toml"), None);
        let mut config = config.map_err(|failure| note("configuration", failure)).ok();
        config.iter_mut().for_each(|config| config.find_data(&folder));
        let found = checkpoint::newest_good(&folder).map_err(|failure| note("checkpoint", failure)).ok();
        missing.extend(found.iter().flat_map(LoadedCheckpoint::passed_over));
        let [metrics, quality] = ["metrics.csv", "quality.csv"].map(|name| Rows::read(&folder.join(name)));
        missing.extend(metrics.note("metrics.csv", true).into_iter().chain(quality.note("quality.csv", false)));
        if let (Some(config), Some(found)) = (&config, &found)
            && found.checkpoint.step < config.steps()
        {
            missing.push(format!(
                "unfinished: {} of {} steps",
                grouped(found.checkpoint.step),
                grouped(config.steps())
            ));
        }
        Ok(Self { folder, config, found, metrics, quality, missing })
    }

    /// A sentence if this run, the first of `names`, started from the weights of `other`.
    fn branch_of(&self, other: &Self, [own, theirs]: [&str; 2]) -> Option<String> {
        let parent = self.config.as_ref()?.parent(&self.folder)?;
        let folder = other.folder.canonicalize().ok()?;
        let is_there = |place: &PathBuf| place.canonicalize().is_ok_and(|place| place.starts_with(&folder));
        let found = parent.places.iter().any(is_there);
        found.then(|| format!("{own} started from the weights of {theirs} after step {}", grouped(parent.step)))
    }

    fn summary(&self) -> RunSummary {
        let config = self.config.as_ref();
        RunSummary {
            path: self.folder.display().to_string(),
            system: config.map(|config| config.entry.name.to_owned()),
            preset: config.map(|config| config.preset().to_owned()),
            steps: config.map(Config::steps),
            done: self.found.as_ref().map(|found| found.checkpoint.step),
            weights_hash: self.found.as_ref().map(|found| weights_hash(&found.checkpoint.state)),
            missing: self.missing.clone(),
        }
    }
}

/// Compares the runs.
///
/// # Errors
/// When fewer than two runs are named, one of them does not exist, or the sheets cannot be written.
/// What is missing in a run is no error.
pub fn compare(request: &CompareRequest) -> Result<Comparison, Failure> {
    if request.runs.len() < 2 {
        return Err(Failure::new(Code::Usage, "a comparison needs two runs").help(advice!(
            "compare-needs-two",
            "give two run folders, such as runs/0001-quickdraw runs/0002-quickdraw"
        )));
    }
    rayon::scope(|_| {
        let read = || request.runs.iter().map(|path| OpenRun::read(path)).collect::<Result<Vec<_>, _>>();
        let runs = request.output.busy("reading the runs", read)?;
        let metrics = course::rows(&runs.iter().map(|run| &run.metrics).collect::<Vec<_>>());
        let quality = course::rows(&runs.iter().map(|run| &run.quality).collect::<Vec<_>>());
        let pairs = (1..runs.len()).map(|run| {
            let metrics = first_difference(&runs[0].metrics, &runs[run].metrics);
            let (a, b) = (&runs[0], &runs[run]);
            let replay = replay::replay([a, b], metrics.as_ref(), request.replay, &request.output);
            let names = ["A".to_owned(), report::label(run)];
            let parent = b.branch_of(a, [&names[1], &names[0]]).or_else(|| a.branch_of(b, [&names[0], &names[1]]));
            Pair { run, parent, metrics, replay }
        });
        let pairs = pairs.collect();
        let folders: Vec<&Path> = runs.iter().map(|run| &*run.folder).collect();
        let mut comparison = Comparison {
            runs: runs.iter().map(OpenRun::summary).collect(),
            settings: settings(&runs),
            metrics,
            quality,
            pairs,
            written: None,
        };
        if let Some(out) = &request.out {
            let write = || match extension(out).as_str() {
                "png" => sheets::write(&folders, out),
                "html" | "htm" => page(&folders, out, &comparison),
                _ => Err(Failure::unknown_extension(out, "a comparison; use .html or .png")),
            };
            let Written { path, about } = request.output.busy("writing the comparison", write)?;
            comparison.written = Some(format!("{}: {about}", path.display()));
        }
        Ok(comparison)
    })
}

/// Writes the page `out` with the comparison and the report of the runs.
fn page(folders: &[&Path], out: &Path, comparison: &Comparison) -> Result<Written, Failure> {
    let runs = folders.iter().map(|folder| folder.to_path_buf()).collect();
    report_page::write(&ReportRequest { runs, out: Some(out.to_owned()), own: None }, &comparison.to_string())
}

/// The settings that are not the same in all runs whose configuration is known.
fn settings(runs: &[OpenRun]) -> Vec<Setting> {
    let mut keys: Vec<String> = Vec::new();
    for key in runs.iter().filter_map(|run| run.config.as_ref()).flat_map(Config::keys) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let values = |key: &str| -> Vec<String> {
        runs.iter().map(|run| run.config.as_ref().map_or_else(|| "?".to_owned(), |config| config.show(key))).collect()
    };
    let all = keys.into_iter().map(|key| Setting { values: values(&key), key });
    let known = |values: &[String]| values.iter().filter(|value| *value != "?").cloned().collect::<Vec<_>>();
    all.filter(|setting| known(&setting.values).windows(2).any(|two| two[0] != two[1])).collect()
}

#[cfg(test)]
mod tests;
