//! The configuration of a run, as `config.toml` records it, resolved from all sources of values.
//!
//! Precedence: the command line (an option and `--set` must not contradict each other; the last of
//! several `--set` wins), then the file of `--config`, then the preset. Every value keeps its
//! source, so that errors can name it. The number of threads is not part of the configuration,
//! because it does not affect the result.

mod differences;
mod file;
mod keys;
mod like_preset;
mod numerics;
mod parent;
mod precision;
mod recorded_data;
mod rollbacks;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::{Augmentation, Fitting, advice};
use models::System;
use tensor::meta;
use toml::{Table, Value};

pub use file::{read_file, read_settings};
pub use keys::{DefaultValue, RUN_KEYS, RunKey};
pub(crate) use parent::ParentRecord;
pub use source::{Assignment, Source};

use crate::diagnosis::OnSick;
use crate::failure::{Code, Failure};
use crate::systems::{self, BadSetting, Trainable};

/// The largest number of steps: the step takes 32 bits of the key of a random stream.
pub const MOST_STEPS: u64 = u32::MAX as u64;

/// The default of `probe_every`: a probe takes about as long as one or two steps, so all of them
/// take less than 1% of a run.
const PROBE_EVERY: u64 = 250;

/// The `value` of `key`, as [`Config::show`] gives it, for people.
pub(crate) fn in_words<'a>(key: &str, value: &'a str) -> &'a str {
    if key.ends_with("_dropout") && value == "-1.0" { "the system's own" } else { value }
}

/// How an absent value is displayed. No real value looks like this, because text is quoted.
const ABSENT: &str = "(none)";

/// A complete and checked configuration.
#[derive(Clone)]
pub struct Config {
    /// The system to train.
    pub entry: Arc<Trainable>,
    /// The system's own table.
    pub settings: Table,
    /// The values of the run keys, by name; keys without value and default are absent.
    values: BTreeMap<&'static str, Value>,
    /// The other tables, `[images]` and `[augment]`.
    others: Vec<(&'static str, Table)>,
    sources: BTreeMap<String, Source>,
    /// The places that were searched for the images, if they were not found.
    missing_data: Vec<PathBuf>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_toml())
    }
}

impl Config {
    /// Applies `given`, from the lowest to the highest precedence, on top of the preset.
    ///
    /// # Errors
    /// An unknown key, a value of the wrong type, a number out of range: each error names the
    /// source and what is allowed.
    pub fn resolve(entry: &Arc<Trainable>, given: &[Assignment]) -> Result<Self, Failure> {
        let known = keys::Known::of(entry);
        let given = known.check_all(given)?;

        let named = given.iter().rev().find(|one| one.key == "preset").and_then(|one| one.value.as_str());
        let preset = named.and_then(|name| entry.preset(name)).unwrap_or(&entry.presets[0]);
        let mut values = BTreeMap::from([
            ("system", entry.name.into()),
            ("preset", preset.name.into()),
            ("steps", Value::Integer(i64::try_from(preset.steps).unwrap_or(i64::MAX))),
        ]);
        values.extend(RUN_KEYS.iter().filter_map(|key| match key.default {
            DefaultValue::Number(number) => Some((key.name, number.into())),
            DefaultValue::OfSystem | DefaultValue::Nothing => None,
        }));
        let origin = Source::Preset(preset.name.to_owned());
        let mut others = keys::tables(entry, preset);
        let (_, settings) = others.remove(0);
        let (entry, sources) = (entry.clone(), BTreeMap::new());
        let mut config = Self { entry, settings, values, others, sources, missing_data: Vec::new() };
        for key in config.table_keys() {
            config.sources.insert(key, origin.clone());
        }
        for (key, value) in keys::before(&config.entry, &given) {
            config.settings.insert(key.to_owned(), value.into());
        }
        config.set_numerics(if keys::is_of_run(&given) { numerics::UNRECORDED } else { kernels::NUMERICS });
        for one in given {
            config.put(&one);
            config.sources.insert(one.key, one.source);
        }
        Ok(config)
    }

    /// Applies one checked assignment.
    fn put(&mut self, given: &Assignment) {
        if given.key == "data" {
            return self.name_data(given.value.as_str().map(str::to_owned));
        }
        if let Some(key) = RunKey::find(&given.key) {
            self.values.insert(key.name, given.value.clone());
            return;
        }
        let (table, key) = given.key.split_once('.').unwrap_or((self.entry.name, &given.key));
        let others = self.others.iter_mut().find(|(name, _)| *name == table).map(|(_, settings)| settings);
        others.unwrap_or(&mut self.settings).insert(key.to_owned(), given.value.clone());
    }

    /// The text of a key of the run.
    fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).and_then(Value::as_str)
    }

    /// The number of a key of the run.
    fn number(&self, key: &str) -> Option<u64> {
        self.values.get(key).and_then(Value::as_integer).and_then(|number| u64::try_from(number).ok())
    }

    /// Sets or removes the text of a key of the run.
    fn set_text(&mut self, key: &'static str, text: Option<String>) {
        match text {
            Some(text) => drop(self.values.insert(key, text.into())),
            None => drop(self.values.remove(key)),
        }
    }

    /// The preset that provides the defaults.
    pub fn preset(&self) -> &str {
        self.text("preset").unwrap_or_default()
    }

    /// The total number of training steps.
    pub fn steps(&self) -> u64 {
        self.number("steps").unwrap_or_default()
    }

    /// The random seed of the run.
    pub fn seed(&self) -> u64 {
        self.number("seed").unwrap_or_default()
    }

    /// The number of steps between two sheets of samples.
    pub fn sample_every(&self) -> u64 {
        self.number("sample_every").unwrap_or_default()
    }

    /// The number of steps between two checkpoints.
    pub fn checkpoint_every(&self) -> u64 {
        self.number("checkpoint_every").unwrap_or_default()
    }

    /// The number of steps between two evaluations; 0 for none.
    pub fn evaluate_every(&self) -> u64 {
        self.number("evaluate_every").unwrap_or_default()
    }

    /// The number of steps between two [probes](crate::observers::probe); 0 for none.
    pub(crate) fn probe_every(&self) -> u64 {
        self.number("probe_every").unwrap_or(PROBE_EVERY)
    }

    /// What to do when the run is sick.
    pub fn on_sick(&self) -> OnSick {
        self.text("on_sick").and_then(OnSick::named).unwrap_or_default()
    }

    /// The file or folder with the images; `None` for downloaded or built-in ones.
    pub fn data(&self) -> Option<&str> {
        self.text("data")
    }

    /// The class of images to train on, if only one.
    pub fn class(&self) -> Option<&str> {
        self.text("class")
    }

    /// The memory that the images may take, in MiB; `None` to derive it from the free memory.
    pub(crate) fn data_memory(&self) -> Option<u64> {
        self.number("data_memory")
    }

    /// The folder of the caches of decoded images, if it is not the default.
    pub(crate) fn data_cache(&self) -> Option<&str> {
        self.text("data_cache")
    }

    /// The same configuration for `steps` steps.
    #[cfg(feature = "explain")]
    pub(crate) fn with_steps(mut self, steps: u64) -> Self {
        self.values.insert("steps", Value::Integer(i64::try_from(steps).unwrap_or(i64::MAX)));
        self
    }

    /// The same configuration for the images of `class`.
    pub(crate) fn with_class(mut self, class: &str) -> Self {
        self.values.insert("class", class.into());
        self
    }

    /// The tables, the system's own first.
    fn tables(&self) -> impl Iterator<Item = (&'static str, &Table)> {
        [(self.entry.name, &self.settings)]
            .into_iter()
            .chain(self.others.iter().map(|(name, settings)| (*name, settings)))
    }

    /// The settings of the table called `name`.
    fn table(&self, name: &str) -> Option<&Table> {
        self.tables().find(|(table, _)| *table == name).map(|(_, settings)| settings)
    }

    /// The full names of all keys, except those that record where something is.
    pub(crate) fn keys(&self) -> Vec<String> {
        let places = ["data_from_run", "data_absolute", "parent", "parent_from_run"];
        let of_run = RUN_KEYS.iter().map(|key| key.name).filter(|name| !places.contains(name)).map(str::to_owned);
        of_run.chain(self.table_keys()).collect()
    }

    /// The full names of all keys in tables.
    fn table_keys(&self) -> Vec<String> {
        self.tables().flat_map(|(table, settings)| settings.keys().map(move |key| format!("{table}.{key}"))).collect()
    }

    /// The command-line text that set the key, or any key of the table, called `name`; `None` if it
    /// came from another source.
    pub(crate) fn typed(&self, name: &str) -> Option<String> {
        let is_about = |key: &str| key == name || key.split_once('.').is_some_and(|(table, _)| table == name);
        let mut given = self.sources.iter().filter(|(key, _)| is_about(key)).map(|(_, source)| source);
        given.find(|source| matches!(source, Source::Set(_) | Source::Option(_))).map(Source::typed)
    }

    /// The system's settings that the command line set, each with the text that set it.
    pub(crate) fn typed_settings(&self) -> Vec<(String, String)> {
        let keys = self.settings.keys().map(|key| format!("{}.{key}", self.entry.name));
        keys.filter_map(|key| Some((key.clone(), self.typed(&key)?))).collect()
    }

    /// The same configuration with the value of the system's setting `key` in `other`.
    pub(crate) fn with_setting_of(&self, other: &Self, key: &str) -> Self {
        let mut next = self.clone();
        let name = key.split_once('.').map_or(key, |(_, name)| name);
        if let Some(value) = other.settings.get(name) {
            next.settings.insert(name.to_owned(), value.clone());
        }
        next
    }

    /// The settings of the system that cause misfits, as typed on the command line: with their
    /// values in `other`, there are fewer misfits. `misfits` counts those of a configuration, and
    /// returns None if it is invalid.
    pub(crate) fn typed_causes(&self, other: &Self, misfits: impl Fn(&Self) -> Option<usize>) -> BTreeSet<String> {
        let all = misfits(self);
        let is_cause = |key: &str| misfits(&self.with_setting_of(other, key)).is_some_and(|left| Some(left) < all);
        self.typed_settings().into_iter().filter(|(key, _)| is_cause(key)).map(|(_, typed)| typed).collect()
    }

    /// The augmentation of the training images.
    ///
    /// # Errors
    /// When a setting of `[augment]` is invalid.
    pub fn augmentation(&self) -> Result<Augmentation, Failure> {
        let augmentation: Augmentation = self.read(keys::AUGMENT)?;
        augmentation
            .check()
            .map_err(|error| self.refused(keys::AUGMENT, BadSetting { key: Some(error.key.into()), why: error.why }))?;
        Ok(augmentation)
    }

    /// How pictures of other sizes are fitted.
    ///
    /// # Errors
    /// When a setting of `[images]` is invalid.
    pub fn fitting(&self) -> Result<Fitting, Failure> {
        self.read(keys::IMAGES)
    }

    /// Deserialises a table; the defaults of its type if there is no such table.
    fn read<S: serde::de::DeserializeOwned + Default>(&self, name: &str) -> Result<S, Failure> {
        let Some(settings) = self.table(name) else { return Ok(S::default()) };
        systems::settings_from(settings).map_err(|bad| self.refused(name, bad))
    }

    /// Builds the system.
    ///
    /// # Errors
    /// When a setting is invalid: names the key, where it was set, and what is allowed.
    pub fn build(&self) -> Result<Box<dyn System>, Failure> {
        self.entry.build(&self.settings, self.seed()).map_err(|bad| self.refused(self.entry.name, bad))
    }

    /// The same configuration with another preset; everything else that was set is kept.
    ///
    /// # Errors
    /// As [`Config::resolve`].
    pub(crate) fn with_preset(&self, name: &str) -> Result<Self, Failure> {
        let said = |key: &&String, source: &Source| !matches!(source, Source::Preset(_)) && *key != "preset";
        let own = self.sources.iter().filter(|(key, source)| said(key, source));
        let mut entries = own
            .map(|(key, _)| file::read_setting(&format!("{key}={}", self.show(key))))
            .collect::<Result<Vec<_>, _>>()?;
        entries.push(Assignment::option("--preset", "preset", name));
        Self::resolve(&self.entry, &entries)
    }

    /// Whether the system can be built with batches of at most `batch`.
    pub(crate) fn takes_batches_of(&self, batch: usize) -> bool {
        let mut settings = self.settings.clone();
        let known = i64::try_from(batch).is_ok_and(|batch| settings.insert("batch".into(), batch.into()).is_some());
        known && meta::run(|| self.entry.build(&settings, self.seed()).is_ok_and(|system| system.batch_size() <= batch))
    }

    /// The failure for an invalid setting of the table `table`.
    fn refused(&self, table: &str, bad: BadSetting) -> Failure {
        let Some(key) = bad.key else {
            return Failure::new(Code::Config, format!("these settings of `{table}` contradict each other"))
                .because(bad.why);
        };
        let full = format!("{table}.{key}");
        let failure =
            Failure::new(Code::Config, format!("`{full} = {}` is not allowed", self.show(&full))).because(bad.why);
        match self.sources.get(&full) {
            Some(source) => failure.at(source),
            None => failure,
        }
    }

    /// The text of `config.toml`. Reading it back gives this configuration.
    pub fn to_toml(&self) -> String {
        let mut text = if self.entry.is_own() {
            "# Every setting that influences the result of this run, apart from the program that started it.\n"
                .to_owned()
        } else {
            let first = advice!(
                "the-same-run",
                "# Every setting that influences the result of this run. `train {} --config FILE` repeats it.",
                self.entry.name
            );
            format!("{first}\n")
        };
        for key in RUN_KEYS {
            if let Some(value) = self.values.get(key.name) {
                text += &format!("{} = {value}\n", key.name);
            }
        }
        for (table, settings) in self.tables() {
            text += &format!("\n[{table}]\n");
            for (key, value) in settings {
                text += &format!("{key} = {value}\n");
            }
        }
        text
    }

    /// Reads the `config.toml` of a run. The system may be one of the table, or `own`.
    ///
    /// # Errors
    /// As [`Config::resolve`], and when the file cannot be read.
    pub fn of_run(path: &Path, own: Option<&Arc<Trainable>>) -> Result<Self, Failure> {
        Self::of_assignments(&read_file(path)?, &path.display().to_string(), own)
    }

    /// Parses the text of a `config.toml`; `name` stands for the file in errors.
    ///
    /// # Errors
    /// As [`Config::resolve`], and when the text is not TOML.
    pub(crate) fn of_text(text: &str, name: &str, own: Option<&Arc<Trainable>>) -> Result<Self, Failure> {
        Self::of_assignments(&file::parse(text, name)?, name, own)
    }

    fn of_assignments(given: &[Assignment], place: &str, own: Option<&Arc<Trainable>>) -> Result<Self, Failure> {
        let name = given.iter().find(|one| one.key == "system").and_then(|one| one.value.as_str());
        let known = |name: &str| own.filter(|own| own.name == name).cloned().or_else(|| systems::find(name));
        let Some(entry) = name.and_then(known) else {
            return Err(Failure::new(Code::Config, "the system of the run is unknown")
                .at(place)
                .because(format!("system = {:?}", name.unwrap_or("(not set)")))
                .help(advice!("unknown-system", "`train systems` lists the known systems")));
        };
        Self::resolve(&entry, given)
    }

    /// The value of `key` (such as `seed` or `quickdraw.batch`) as TOML, for comparison and
    /// display.
    pub(crate) fn show(&self, key: &str) -> String {
        let value = self.values.get(key).or_else(|| {
            let (table, key) = key.split_once('.').unwrap_or((self.entry.name, key));
            self.table(table)?.get(key)
        });
        match value {
            // Writes 1e30, not 31 digits.
            Some(Value::Float(number)) => format!("{number:?}"),
            Some(value) => value.to_string(),
            None => ABSENT.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
