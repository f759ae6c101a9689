//! Which keys there are, of which type and in which range.

use datasets::{advice, nearest};
use toml::{Table, Value};

use super::{Entry, Source};
use crate::engine::switches;
use crate::failure::{Code, Failure};
use crate::suggestion::suggestion;
use crate::systems::{Preset, Row};

/// What a key of the run holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A whole number in a range, both ends allowed.
    Count(i64, i64),
    /// A word or a path.
    Text,
}

const MOST_STEPS: i64 = super::MOST_STEPS as i64;

/// MiB of memory that anybody could have.
const MOST_MEMORY: i64 = 1 << 40;

/// The keys of a run; all others belong to a table: the system's, `[images]` or `[augment]`.
pub(super) const RUN_KEYS: &[(&str, Kind)] = &[
    ("system", Kind::Text),
    ("preset", Kind::Text),
    ("steps", Kind::Count(1, MOST_STEPS)),
    ("seed", Kind::Count(0, i64::MAX)),
    ("data", Kind::Text),
    ("data_from_run", Kind::Text),
    ("data_absolute", Kind::Text),
    ("class", Kind::Text),
    ("data_memory", Kind::Count(0, MOST_MEMORY)),
    ("data_cache", Kind::Text),
    ("sample_every", Kind::Count(1, MOST_STEPS)),
    ("checkpoint_every", Kind::Count(1, MOST_STEPS)),
    ("evaluate_every", Kind::Count(0, MOST_STEPS)),
];

/// What may change when a run goes on: the images are told by their fingerprint, and where they lie and how often files are
/// written changes no bit of the weights.
pub(super) const MAY_CHANGE: &[&str] = &[
    "steps",
    "data",
    "data_from_run",
    "data_absolute",
    "data_memory",
    "data_cache",
    "sample_every",
    "checkpoint_every",
    "evaluate_every",
];

/// What a `config.toml` does not have when nobody said it.
const OPTIONAL: &[&str] = &["data", "data_from_run", "data_absolute", "data_memory", "data_cache", "class"];

/// Settings that the runs of older versions do not have in their `config.toml`: system, key, and what they were then.
const BEFORE: &[(&str, &str, &str)] = &[("wgan-gp", "window", "centred")];

/// Settings with a new name: system, the old name, which is still accepted, and the new one.
const RENAMED: &[(&str, &str, &str)] = &[("quickdraw", "bn_keep", "bn_momentum")];

/// The present name of the setting `name` of a system.
fn present_name<'a>(system: &str, name: &'a str) -> &'a str {
    RENAMED.iter().find(|(of, old, _)| *of == system && *old == name).map_or(name, |(_, _, new)| new)
}

/// What the settings of `row` were that a run did not write down, if `entries` are all that one has written: nobody else gives
/// every key.
pub(super) fn before(row: &Row, entries: &[Entry]) -> Vec<(&'static str, &'static str)> {
    let given = |key: &str| entries.iter().any(|entry| entry.key == key && matches!(entry.source, Source::File(..)));
    let recorded = RUN_KEYS.iter().all(|(key, _)| OPTIONAL.contains(key) || given(key));
    let of_row = BEFORE.iter().filter(|(system, key, _)| {
        recorded && *system == row.name && entries.iter().all(|entry| entry.key != format!("{system}.{key}"))
    });
    of_row.map(|(_, key, value)| (*key, *value)).collect()
}

/// How images are changed when they are shown: [`datasets::Augmentation`].
pub(super) const AUGMENT: &str = "augment";
/// How pictures of other sizes are fitted: [`datasets::Fitting`]. Only for data that are folders of pictures.
pub(super) const IMAGES: &str = "images";

/// The tables of a run of `row` with their defaults: every key with a value of its type. The system's own is the first.
pub(super) fn tables(row: &Row, preset: &Preset) -> Vec<(&'static str, Table)> {
    let flat = "a flat table of numbers and words";
    let images = row.load.fitting.map(|fitting| (IMAGES, Table::try_from(fitting()).expect(flat)));
    let augment = (AUGMENT, Table::try_from((row.load.augment)()).expect(flat));
    [(row.name, (row.settings)(preset.name))].into_iter().chain(images).chain([augment]).collect()
}

/// The keys of one system.
pub(super) struct Known {
    row: &'static Row,
    tables: Vec<(&'static str, Table)>,
}

impl Known {
    pub(super) fn of(row: &'static Row) -> Self {
        Self { row, tables: tables(row, &row.presets[0]) }
    }

    /// All of them, as [`check`](Self::check) makes each.
    ///
    /// # Errors
    /// As [`check`](Self::check), and when an option of the command line and a `--set` give a key different values.
    pub(super) fn check_all(&self, entries: &[Entry]) -> Result<Vec<Entry>, Failure> {
        let entries = entries.iter().map(|entry| self.check(entry)).collect::<Result<Vec<_>, _>>()?;
        for option in entries.iter().filter(|entry| matches!(entry.source, Source::Option(_))) {
            let differs = |entry: &&Entry| {
                matches!(entry.source, Source::Set(_)) && entry.key == option.key && entry.value != option.value
            };
            if let Some(set) = entries.iter().find(differs) {
                let (option_text, set_text) = (option.source.typed(), set.source.typed());
                return Err(Failure::new(Code::Usage, format!("two values for `{}`", option.key))
                    .at(format!("{} and {}", option.source, set.source))
                    .because(format!("the option says {}, --set says {}", option.value, set.value))
                    .help(advice!("contradiction", "leave out `{option_text}`, or leave out `{set_text}`")));
            }
        }
        Ok(entries)
    }

    /// The full key and the value in the key's type.
    pub(super) fn check(&self, entry: &Entry) -> Result<Entry, Failure> {
        let run_key = RUN_KEYS.iter().find(|(name, _)| *name == entry.key);
        if let Some((name, kind)) = run_key {
            let value = check_run(name, *kind, entry)?;
            if *name == "system" && value.as_str() != Some(self.row.name) {
                return Err(Failure::new(Code::Config, "this configuration is of another system")
                    .at(&entry.source)
                    .because(format!("it says system = {value}, trained is `{}`", self.row.name)));
            }
            return Ok(Entry { value, ..entry.clone() });
        }
        let (table, name) = entry.key.split_once('.').unwrap_or((self.row.name, &entry.key));
        let name = present_name(table, name);
        let settings = self.tables.iter().find(|(known, _)| *known == table).map(|(_, settings)| settings);
        match settings.and_then(|settings| settings.get(name)) {
            Some(model) => {
                let key = format!("{table}.{name}");
                Ok(Entry { value: check_setting(&key, model, entry)?, key, source: entry.source.clone() })
            }
            None => Err(self.unknown(entry)),
        }
    }

    /// The error for a key that is not there, with the nearest that is.
    fn unknown(&self, entry: &Entry) -> Failure {
        let (table, name) = entry.key.split_once('.').unwrap_or((self.row.name, &entry.key));
        if let Some(why) = switches::missing(self.row.name, name).filter(|_| table == self.row.name) {
            return Failure::new(Code::Config, format!("`{}` has no switch `{name}`", self.row.name))
                .at(&entry.source)
                .because(why);
        }
        let in_tables =
            self.tables.iter().flat_map(|(table, keys)| keys.keys().map(move |key| format!("{table}.{key}")));
        let all: Vec<String> = RUN_KEYS.iter().map(|(key, _)| (*key).to_owned()).chain(in_tables).collect();
        // A short form is compared with short forms.
        fn short(key: &str) -> &str {
            key.rsplit('.').next().unwrap_or(key)
        }
        let near = nearest(short(&entry.key), all.iter().map(|key| short(key)));
        let near = near.and_then(|near| all.iter().find(|key| short(key) == near));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the keys are: {}", all.join(", ")),
        };
        Failure::new(Code::Config, format!("unknown key `{}`", entry.key))
            .at(&entry.source)
            .help(advice!("unknown-key", "{help}"))
    }
}

/// A preset that is not there.
pub(super) fn unknown_preset(row: &Row, name: &str, source: &Source) -> Failure {
    let names: Vec<&str> = row.presets.iter().map(|preset| preset.name).collect();
    Failure::new(Code::Config, format!("`{}` has no preset `{name}`", row.name)).at(source).help(advice!(
        "no-such-preset",
        "{}",
        suggestion(name, &names)
    ))
}

/// Checks a key of the run.
fn check_run(name: &str, kind: Kind, entry: &Entry) -> Result<Value, Failure> {
    match (kind, &entry.value) {
        (Kind::Text, Value::String(_)) => Ok(entry.value.clone()),
        (Kind::Text, value) => match &entry.source {
            // `--set class=7`: on a command line quotes are the shell's, so anything is text.
            Source::Set(text) => Ok(text.split_once('=').map_or("", |(_, text)| text.trim()).into()),
            _ => Err(wrong_type(name, "text", value, &entry.source)),
        },
        (Kind::Count(low, high), Value::Integer(number)) if (low..=high).contains(number) => Ok(entry.value.clone()),
        (Kind::Count(low, high), Value::Integer(number)) => {
            Err(Failure::new(Code::Config, format!("`{name} = {number}` is out of range"))
                .at(&entry.source)
                .because(format!("allowed: {low} to {high}")))
        }
        (Kind::Count(..), value) => Err(wrong_type(name, "a whole number", value, &entry.source)),
    }
}

/// Checks a setting of the system against a value of the right type. Ranges are the system's business.
fn check_setting(key: &str, model: &Value, entry: &Entry) -> Result<Value, Failure> {
    match (model, &entry.value) {
        (Value::Float(_), Value::Float(number)) if !number.is_finite() => {
            Err(Failure::new(Code::Config, format!("`{key} = {number}` is not a number to calculate with"))
                .at(&entry.source)
                .because("allowed: finite numbers"))
        }
        (Value::Float(_), Value::Integer(number)) => Ok(Value::Float(*number as f64)),
        (model, value) if model.same_type(value) => Ok(value.clone()),
        (model, value) => Err(wrong_type(key, in_words(model), value, &entry.source)),
    }
}

fn wrong_type(key: &str, wanted: &str, got: &Value, source: &Source) -> Failure {
    Failure::new(Code::Config, format!("`{key}` has the wrong type"))
        .at(source)
        .because(format!("wanted: {wanted}; got: {}, {got}", in_words(got)))
}

/// The type of a value as a person would call it.
fn in_words(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}
