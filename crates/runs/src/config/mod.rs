//! The configuration of a run: what `config.toml` holds, resolved from every place where a value may be written.
//!
//! Precedence: the command line (an option and `--set` must not contradict each other; the last of several `--set` holds), then the
//! file of `--config`, then the preset. Every value
//! remembers where it came from, so that an error can say so. Threads are not in it: they must not matter.

mod file;
mod keys;
mod recorded_data;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use toml::{Table, Value};

pub use file::{read_file, read_settings};

use crate::engine::{System, meta};
use crate::failure::{Code, Failure};
use crate::systems::{self, BadSetting, Row};
use datasets::{Augmentation, Fitting, advice, quoted};
use recorded_data::RecordedData;

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
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preset(name) => write!(f, "preset `{name}`"),
            Self::File(file, line) => write!(f, "{file}, line {line}"),
            Self::Set(text) => write!(f, "--set {text}"),
            Self::Option(name) => write!(f, "option {name}"),
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
        }
    }
}

/// One key with its value, as written somewhere. The key is `steps` or `quickdraw.batch`.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub value: Value,
    pub source: Source,
}

impl Entry {
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
    pub row: &'static Row,
    /// The preset that fills what nobody said.
    pub preset: String,
    /// Training steps in all.
    pub steps: u64,
    /// Seed of everything random.
    pub seed: u64,
    /// Pictures are drawn every so many steps.
    pub sample_every: u64,
    /// The state is saved every so many steps.
    pub checkpoint_every: u64,
    /// The pictures are measured every so many steps; never if 0.
    pub evaluate_every: u64,
    /// File or folder with the images; built-in or fetched ones if absent.
    pub data: Option<String>,
    /// Where a run has found them before.
    recorded: RecordedData,
    /// Which class of the images.
    pub class: Option<String>,
    /// MiB of memory that the images may take; chosen by what is free if absent.
    pub data_memory: Option<u64>,
    /// The folder of the caches of decoded pictures, if not the usual one.
    pub data_cache: Option<String>,
    /// The system's own table.
    pub settings: Table,
    /// The other tables, `[images]` and `[augment]`.
    others: Vec<(&'static str, Table)>,
    sources: BTreeMap<String, Source>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_toml())
    }
}

impl Config {
    /// Resolves `entries`, given from the weakest to the strongest, over the preset.
    ///
    /// # Errors
    /// An unknown key, a value of the wrong type, a number out of range: each names the place and what is allowed.
    pub fn resolve(row: &'static Row, entries: &[Entry]) -> Result<Self, Failure> {
        let known = keys::Known::of(row);
        let entries = known.check_all(entries)?;

        let preset = entries.iter().rev().find(|entry| entry.key == "preset");
        let preset = match preset {
            None => &row.presets[0],
            Some(entry) => {
                let name = entry.value.as_str().unwrap_or_default();
                row.preset(name).ok_or_else(|| keys::unknown_preset(row, name, &entry.source))?
            }
        };
        let origin = Source::Preset(preset.name.to_owned());
        let mut others = keys::tables(row, preset);
        let (_, settings) = others.remove(0);
        let mut config = Self {
            row,
            preset: preset.name.to_owned(),
            steps: preset.steps,
            seed: 1,
            sample_every: 100,
            checkpoint_every: 500,
            evaluate_every: 0,
            data: None,
            recorded: RecordedData::default(),
            class: None,
            data_memory: None,
            data_cache: None,
            settings,
            others,
            sources: BTreeMap::new(),
        };
        for key in config.table_keys() {
            config.sources.insert(key, origin.clone());
        }
        for (key, value) in keys::before(row, &entries) {
            config.settings.insert(key.to_owned(), value.into());
        }
        for entry in entries {
            config.put(&entry);
            config.sources.insert(entry.key, entry.source);
        }
        Ok(config)
    }

    /// Takes over one checked entry.
    fn put(&mut self, entry: &Entry) {
        let number = entry.value.as_integer().and_then(|number| u64::try_from(number).ok()).unwrap_or_default();
        let text = || entry.value.as_str().map(str::to_owned);
        match entry.key.as_str() {
            "system" | "preset" => {}
            "steps" => self.steps = number,
            "seed" => self.seed = number,
            "sample_every" => self.sample_every = number,
            "checkpoint_every" => self.checkpoint_every = number,
            "evaluate_every" => self.evaluate_every = number,
            "data" => self.name_data(text()),
            "data_from_run" => self.recorded.from_run = text(),
            "data_absolute" => self.recorded.absolute = text(),
            "class" => self.class = text(),
            "data_memory" => self.data_memory = Some(number),
            "data_cache" => self.data_cache = text(),
            other => {
                let (table, key) = other.split_once('.').unwrap_or((self.row.name, other));
                let others = self.others.iter_mut().find(|(name, _)| *name == table).map(|(_, settings)| settings);
                others.unwrap_or(&mut self.settings).insert(key.to_owned(), entry.value.clone());
            }
        }
    }

    /// The tables, the system's own first.
    fn tables(&self) -> impl Iterator<Item = (&'static str, &Table)> {
        [(self.row.name, &self.settings)]
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

    /// What stands on the command line for the key, or for any key of the table, called `name`; nothing if it comes from elsewhere.
    pub fn typed(&self, name: &str) -> Option<String> {
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
        (self.row.build)(&self.settings, self.seed).map_err(|bad| self.refused(self.row.name, bad))
    }

    /// The same with another preset: what was said beside the preset stays.
    ///
    /// # Errors
    /// As [`Config::resolve`].
    pub fn with_preset(&self, name: &str) -> Result<Self, Failure> {
        let said = |key: &&String, source: &Source| !matches!(source, Source::Preset(_)) && *key != "preset";
        let own = self.sources.iter().filter(|(key, source)| said(key, source));
        let mut entries = own
            .map(|(key, _)| file::read_setting(&format!("{key}={}", self.show(key))))
            .collect::<Result<Vec<_>, _>>()?;
        entries.push(Entry::option("--preset", "preset", name));
        Self::resolve(self.row, &entries)
    }

    /// Whether the system can be built with batches of at most `batch`.
    pub fn takes_batches_of(&self, batch: usize) -> bool {
        let mut settings = self.settings.clone();
        let known = i64::try_from(batch).is_ok_and(|batch| settings.insert("batch".into(), batch.into()).is_some());
        known && meta::run(|| (self.row.build)(&settings, self.seed).is_ok_and(|system| system.batch_size() <= batch))
    }

    /// The failure of a setting of the table `table` that is not accepted.
    fn refused(&self, table: &str, bad: BadSetting) -> Failure {
        let Some(key) = bad.key else {
            return Failure::new(Code::Config, format!("these settings of `{table}` do not go together"))
                .because(bad.why);
        };
        let full = format!("{table}.{key}");
        let failure =
            Failure::new(Code::Config, format!("`{full} = {}` is not possible", self.show(&full))).because(bad.why);
        match self.sources.get(&full) {
            Some(source) => failure.at(source),
            None => failure,
        }
    }

    /// The text of `config.toml`. Reading it back gives this configuration.
    pub fn to_toml(&self) -> String {
        let first = advice!(
            "the-same-run",
            "# All that decides what this run learns. `train {} --config FILE` makes the same run again.",
            self.row.name
        );
        let mut text = format!("{first}\n");
        for (key, _) in keys::RUN_KEYS {
            let value = self.show(key);
            if value != ABSENT {
                text += &format!("{key} = {value}\n");
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

    /// Reads the `config.toml` of a run.
    ///
    /// # Errors
    /// As [`Config::resolve`], and when the file cannot be read.
    pub fn of_run(path: &Path) -> Result<Self, Failure> {
        Self::of_entries(&read_file(path)?, &path.display().to_string())
    }

    /// Reads the text of a `config.toml`; `name` is told in errors.
    ///
    /// # Errors
    /// As [`Config::resolve`], and when the text is not TOML.
    pub fn of_text(text: &str, name: &str) -> Result<Self, Failure> {
        Self::of_entries(&file::parse(text, name)?, name)
    }

    fn of_entries(entries: &[Entry], place: &str) -> Result<Self, Failure> {
        let name = entries.iter().find(|entry| entry.key == "system").and_then(|entry| entry.value.as_str());
        let Some(row) = name.and_then(systems::find) else {
            return Err(Failure::new(Code::Config, "the run is of a system that this program does not know")
                .at(place)
                .because(format!("system = {:?}", name.unwrap_or("(not said)")))
                .help(advice!("unknown-system", "`train systems` lists those that it knows")));
        };
        Self::resolve(row, entries)
    }

    /// The value of `key` (such as `seed` or `quickdraw.batch`) as TOML, to compare, to show and to write.
    pub fn show(&self, key: &str) -> String {
        let quoted = |text: &str| Value::from(text).to_string();
        let text = |text: &Option<String>| text.as_deref().map_or_else(|| ABSENT.to_owned(), quoted);
        match key {
            "system" => quoted(self.row.name),
            "preset" => quoted(&self.preset),
            "steps" => self.steps.to_string(),
            "seed" => self.seed.to_string(),
            "sample_every" => self.sample_every.to_string(),
            "checkpoint_every" => self.checkpoint_every.to_string(),
            "evaluate_every" => self.evaluate_every.to_string(),
            "data" => text(&self.data),
            "data_from_run" => text(&self.recorded.from_run),
            "data_absolute" => text(&self.recorded.absolute),
            "class" => text(&self.class),
            "data_memory" => self.data_memory.map_or_else(|| ABSENT.to_owned(), |number| number.to_string()),
            "data_cache" => text(&self.data_cache),
            other => {
                let (table, key) = other.split_once('.').unwrap_or((self.row.name, other));
                let value = self.table(table).and_then(|settings| settings.get(key));
                value.map_or_else(|| ABSENT.to_owned(), Value::to_string)
            }
        }
    }

    /// The configuration with `entries` put over it, for `--resume`: only what does not change the arithmetic may change.
    ///
    /// # Errors
    /// When an entry says something else than the run does: both values are named. And as [`Config::resolve`].
    pub fn extended(&self, entries: &[Entry], run: &Path) -> Result<Self, Failure> {
        let known = keys::Known::of(self.row);
        let mut next = self.clone();
        for entry in known.check_all(entries)? {
            next.put(&entry);
            if entry.key == "preset" {
                next.preset = entry.value.as_str().unwrap_or_default().to_owned();
            }
            let (old, new) = (self.show(&entry.key), next.show(&entry.key));
            if old != new && !keys::MAY_CHANGE.contains(&entry.key.as_str()) {
                return Err(Failure::new(Code::Usage, format!("{} does not go together with --resume", entry.source))
                    .at(run.join("config.toml").display())
                    .because(format!("the run has {} = {old}, asked for is {new}", entry.key))
                    .help(advice!(
                        "fixed-by-the-run",
                        "leave out `{}` to go on with the run, or leave out `--resume` to start a new one",
                        entry.source.typed()
                    )));
            }
            next.sources.insert(entry.key, entry.source);
        }
        Ok(next)
    }

    /// Keys whose values differ from `other` and that may not differ within one run, each with both values.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut keys: Vec<String> = keys::RUN_KEYS.iter().map(|(key, _)| (*key).to_owned()).collect();
        for key in self.table_keys().into_iter().chain(other.table_keys()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys.into_iter()
            .filter(|key| !keys::MAY_CHANGE.contains(&key.as_str()) && self.show(key) != other.show(key))
            .map(|key| format!("{key}: {} here, {} there", self.show(&key), other.show(&key)))
            .collect()
    }
}

#[cfg(test)]
mod tests;
