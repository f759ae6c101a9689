//! The parent of a run: the checkpoint whose weights it started from (`--from`). The configuration
//! records where it is and, because it influences the result, its step and the hash of its weights.

use std::fs;
use std::path::{Path, PathBuf};

use toml::Value;

use super::recorded_data::relative_path;
use super::{Assignment, Config, Source, file};
use crate::failure::Failure;

/// The keys of the record.
pub(super) const KEYS: [&str; 4] = [PATH, FROM_RUN, STEP, HASH];
const PATH: &str = "parent";
const FROM_RUN: &str = "parent_from_run";
const STEP: &str = "parent_step";
const HASH: &str = "parent_hash";

/// What a configuration records about the parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParentRecord {
    /// Where the checkpoint may be, the most likely place first.
    pub places: Vec<PathBuf>,
    /// Its step.
    pub step: u64,
    /// The hash of its weights.
    pub hash: String,
}

impl Config {
    /// The record of the parent, for a configuration in the folder `place`; `None` if the run
    /// starts from random weights.
    pub(crate) fn parent(&self, place: &Path) -> Option<ParentRecord> {
        let hash = self.text(HASH)?.to_owned();
        let places = [self.text(FROM_RUN).map(|way| place.join(way)), self.text(PATH).map(PathBuf::from)];
        Some(ParentRecord {
            places: places.into_iter().flatten().collect(),
            step: self.number(STEP).unwrap_or_default(),
            hash,
        })
    }

    /// Records the checkpoint `file` as the parent.
    pub(crate) fn set_parent(&mut self, file: &Path, step: u64, hash: String) {
        let path = fs::canonicalize(file).or_else(|_| std::path::absolute(file)).unwrap_or_else(|_| file.to_owned());
        self.set_text(PATH, Some(path.to_string_lossy().into_owned()));
        self.set_text(FROM_RUN, None);
        self.values.insert(STEP, i64::try_from(step).unwrap_or(i64::MAX).into());
        self.set_text(HASH, Some(hash));
    }

    /// Records where the parent is, seen from the run folder `run`, if it is still there.
    pub(crate) fn record_parent(&mut self, run: &Path) {
        let Some(parent) = self.parent(run) else { return };
        let found = parent.places.iter().find_map(|place| fs::canonicalize(place).ok());
        let (Some(to), Ok(from)) = (found, fs::canonicalize(run)) else { return };
        self.set_text(PATH, to.to_str().map(str::to_owned));
        self.set_text(FROM_RUN, relative_path(&from, &to));
    }

    /// The line of the header about the parent.
    pub(crate) fn parent_line(&self) -> Option<String> {
        let (path, hash) = (self.text(PATH)?, self.text(HASH)?);
        let step = self.number(STEP).unwrap_or_default();
        Some(format!("parent       {path}, after step {step}, weights hash {hash}"))
    }

    /// The settings that a new run takes over from this run, its parent. `given` are the settings
    /// of the new run itself: if they name a preset, the system's settings and the number of steps
    /// are those of the preset, not the parent's. `name` stands for the parent's configuration in
    /// errors.
    ///
    /// # Errors
    /// Never, for a configuration that was read from a file.
    pub(crate) fn inherited(&self, given: &[Assignment], name: &str) -> Result<Vec<Assignment>, Failure> {
        let presets = given.iter().any(|one| one.key == "preset");
        let own_table = format!("{}.", self.entry.name);
        let of_this_run = ["numerics", "earlier_precision", "data_from_run", "data_absolute"];
        let is_inherited = |key: &str| {
            let is_preset = key == "preset" || key == "steps" || key.starts_with(&own_table);
            !(of_this_run.contains(&key) || KEYS.contains(&key) || presets && is_preset)
        };
        let all = file::parse(&self.to_toml(), name)?;
        Ok(all.into_iter().filter(|one| is_inherited(&one.key)).collect())
    }

    /// The assignments of these settings of the system, with which another run continues its
    /// schedule ([`System::schedule_after`](models::System::schedule_after)). `name` stands for
    /// this configuration in errors.
    pub(crate) fn scheduled<'a>(&self, after: impl IntoIterator<Item = (&'a str, f64)>, name: &str) -> Vec<Assignment> {
        let assignment = |(key, value)| Assignment {
            key: format!("{}.{key}", self.entry.name),
            value: Value::Float(value),
            source: Source::File(name.to_owned(), 1),
        };
        after.into_iter().map(assignment).collect()
    }

    /// Takes over from the parent where its images were looked for in vain, if this run does not
    /// name its own.
    pub(crate) fn take_missing_data(&mut self, parent: &Self) {
        if self.data() == parent.data() {
            self.missing_data.clone_from(&parent.missing_data);
        }
    }
}
