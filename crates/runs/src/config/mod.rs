//! The configuration of a run: what `config.toml` holds, resolved from every place where a value
//! may be written.
//!
//! Precedence: the command line (an option and `--set` must not contradict each other; the last of
//! several `--set` holds), then the file of `--config`, then the preset. Every value remembers
//! where it came from, so that an error can say so. Threads are not in it: they must not matter.

mod file;
mod keys;
mod numerics;
mod recorded_data;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::{Augmentation, Fitting, advice, quoted};
use models::System;
use tensor::meta;
use toml::{Table, Value};

pub use file::{read_file, read_settings};
pub use keys::{RUN_KEYS, RunKey, Usual};

use crate::failure::{Code, Failure};
use crate::systems::{self, BadSetting, Trainable};

/// The largest number of steps: a step number takes 32 bits of a random stream's key.
pub const MOST_STEPS: u64 = u32::MAX as u64;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The preset of this name.
    Preset(String),
    /// A line of a file.
    File(String, usize),
    /// The text after `--set`.
    Set(String),
    /// A named option, such as `--batch`.
    Option(&'static str),
    /// A program that sets this key.
    Code(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preset(name) => write!(f, "preset `{name}`"),
            Self::File(file, line) => write!(f, "{file}, line {line}"),
            Self::Set(text) => write!(f, "--set {text}"),
            Self::Option(name) => write!(f, "option {name}"),
            Self::Code(key) => write!(f, "the program's own setting of {key}"),
        }
    }
}

impl Source {
    /// What stands for it on the command line.
    fn typed(&self) -> String {
        match self {
            Self::Preset(_) => "--preset".to_owned(),
            Self::File(..) => "--config".to_owned(),
            Self::Set(text) => format!("--set {}", quoted(text)),
            Self::Option(name) => (*name).to_owned(),
            Self::Code(key) => key.clone(),
        }
    }
}

/// A key with the value that somebody gives it.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Such as `steps` or `quickdraw.batch`.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// Who gives it.
    pub source: Source,
}

impl Assignment {
    /// What an option of the command line says.
    pub fn option(name: &'static str, key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { key: key.into(), value: value.into(), source: Source::Option(name) }
    }
}

/// How a key without a value is shown; no value is written so, as text has quotes.
const ABSENT: &str = "(none)";

/// A complete and checked configuration.
#[derive(Clone)]
pub struct Config {
    /// The system to train.
    pub entry: Arc<Trainable>,
    /// The system's own table.
    pub settings: Table,
    /// The keys of the run, by their names; those that nobody has set may be absent.
    values: BTreeMap<&'static str, Value>,
    /// The other tables, `[images]` and `[augment]`.
    others: Vec<(&'static str, Table)>,
    sources: BTreeMap<String, Source>,
    /// Where the images were looked for, if they were found nowhere.
    missing_data: Vec<PathBuf>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_toml())
    }
}

impl Config {
    /// Puts what is `given`, from the weakest to the strongest, over the preset.
    ///
    /// # Errors
    /// An unknown key, a value of the wrong type, a number out of range: each names the place and
    /// what is allowed.
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
        values.extend(RUN_KEYS.iter().filter_map(|key| match key.usual {
            Usual::Number(number) => Some((key.name, number.into())),
            Usual::OfSystem | Usual::Nothing => None,
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

    /// Takes over one checked assignment.
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

    /// The preset that fills in what nobody has set.
    pub fn preset(&self) -> &str {
        self.text("preset").unwrap_or_default()
    }

    /// Training steps in all.
    pub fn steps(&self) -> u64 {
        self.number("steps").unwrap_or_default()
    }

    /// Seed of everything random.
    pub fn seed(&self) -> u64 {
        self.number("seed").unwrap_or_default()
    }

    /// Samples are drawn every so many steps.
    pub fn sample_every(&self) -> u64 {
        self.number("sample_every").unwrap_or_default()
    }

    /// A checkpoint is written every so many steps.
    pub fn checkpoint_every(&self) -> u64 {
        self.number("checkpoint_every").unwrap_or_default()
    }

    /// The samples are evaluated every so many steps; never if 0.
    pub fn evaluate_every(&self) -> u64 {
        self.number("evaluate_every").unwrap_or_default()
    }

    /// The file or folder with the images; without it, fetched or built-in ones.
    pub fn data(&self) -> Option<&str> {
        self.text("data")
    }

    /// Which class of the images.
    pub fn class(&self) -> Option<&str> {
        self.text("class")
    }

    /// MiB of memory that the images may take; without it, as much as is free allows.
    pub(crate) fn data_memory(&self) -> Option<u64> {
        self.number("data_memory")
    }

    /// The folder of the caches of decoded images, if it is not the usual one.
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

    /// Every key of a table, in full.
    fn table_keys(&self) -> Vec<String> {
        self.tables().flat_map(|(table, settings)| settings.keys().map(move |key| format!("{table}.{key}"))).collect()
    }

    /// What stands on the command line for the key, or for any key of the table, called `name`;
    /// nothing if it comes from elsewhere.
    pub(crate) fn typed(&self, name: &str) -> Option<String> {
        let is_about = |key: &str| key == name || key.split_once('.').is_some_and(|(table, _)| table == name);
        let mut given = self.sources.iter().filter(|(key, _)| is_about(key)).map(|(_, source)| source);
        given.find(|source| matches!(source, Source::Set(_) | Source::Option(_))).map(Source::typed)
    }

    /// How images are changed when they are shown.
    ///
    /// # Errors
    /// When a setting of `[augment]` is not accepted.
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
    /// When a setting of `[images]` is not accepted.
    pub fn fitting(&self) -> Result<Fitting, Failure> {
        self.read(keys::IMAGES)
    }

    /// The settings of a table, the defaults of their type if there is no such table.
    fn read<S: serde::de::DeserializeOwned + Default>(&self, name: &str) -> Result<S, Failure> {
        let Some(settings) = self.table(name) else { return Ok(S::default()) };
        systems::settings_from(settings).map_err(|bad| self.refused(name, bad))
    }

    /// Builds the system.
    ///
    /// # Errors
    /// When a setting is not accepted: the key, where it was written and what is allowed.
    pub fn build(&self) -> Result<Box<dyn System>, Failure> {
        self.entry.build(&self.settings, self.seed()).map_err(|bad| self.refused(self.entry.name, bad))
    }

    /// The same with another preset: what was said beside the preset stays.
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

    /// The failure of a setting of the table `table` that is not accepted.
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
            "# All that decides what this run learns, beside the program that has made it.\n".to_owned()
        } else {
            let first = advice!(
                "the-same-run",
                "# All that decides what this run learns. `train {} --config FILE` makes the same run again.",
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

    /// Reads the `config.toml` of a run; of the systems, `own` is known beside those of the table.
    ///
    /// # Errors
    /// As [`Config::resolve`], and when the file cannot be read.
    pub fn of_run(path: &Path, own: Option<&Arc<Trainable>>) -> Result<Self, Failure> {
        Self::of_assignments(&read_file(path)?, &path.display().to_string(), own)
    }

    /// Reads the text of a `config.toml`; `name` stands for it in errors.
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
            return Err(Failure::new(Code::Config, "this program does not know the system of the run")
                .at(place)
                .because(format!("system = {:?}", name.unwrap_or("(not set)")))
                .help(advice!("unknown-system", "`train systems` lists the systems that it knows")));
        };
        Self::resolve(&entry, given)
    }

    /// The value of `key` (such as `seed` or `quickdraw.batch`) as TOML, to compare and to show.
    pub(crate) fn show(&self, key: &str) -> String {
        let value = self.values.get(key).or_else(|| {
            let (table, key) = key.split_once('.').unwrap_or((self.entry.name, key));
            self.table(table)?.get(key)
        });
        match value {
            // 1e30 and not 31 digits.
            Some(Value::Float(number)) => format!("{number:?}"),
            Some(value) => value.to_string(),
            None => ABSENT.to_owned(),
        }
    }

    /// The configuration with what is `given` put over it, for `--resume`: only what does not
    /// change the arithmetic may change.
    ///
    /// # Errors
    /// When one of them says something else than the run does: both values are named. And as
    /// [`Config::resolve`].
    pub(crate) fn extended(&self, given: &[Assignment], run: &Path) -> Result<Self, Failure> {
        let known = keys::Known::of(&self.entry);
        let mut next = self.clone();
        for one in known.check_all(given)? {
            next.put(&one);
            let (old, new) = (self.show(&one.key), next.show(&one.key));
            if old != new && !keys::may_change(&one.key) {
                return Err(Failure::new(Code::Usage, format!("{} cannot be used with --resume", one.source))
                    .at(run.join("config.toml").display())
                    .because(format!("the run has {} = {old}, the command asks for {new}", one.key))
                    .help(advice!(
                        "fixed-by-the-run",
                        "leave out `{}` to go on with the run, or leave out `--resume` to start a new one",
                        one.source.typed()
                    )));
            }
            next.sources.insert(one.key, one.source);
        }
        Ok(next)
    }

    /// Keys whose values differ from `other` and that may not differ within one run, each with both
    /// values.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut keys: Vec<String> = RUN_KEYS.iter().map(|key| key.name.to_owned()).collect();
        for key in self.table_keys().into_iter().chain(other.table_keys()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys.into_iter()
            .filter(|key| !keys::may_change(key) && self.show(key) != other.show(key))
            .map(|key| format!("{key}: {} here, {} there", self.show(&key), other.show(&key)))
            .collect()
    }
}

#[cfg(test)]
mod tests;
