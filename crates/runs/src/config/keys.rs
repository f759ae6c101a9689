//! The keys of a configuration, with their types and ranges. [`RUN_KEYS`] declares the keys of the
//! run itself.

use std::sync::Arc;

use datasets::{advice, nearest};
use models::trainer::switches;
use toml::{Table, Value};

use super::{Assignment, Source, parent};
use crate::diagnosis::OnSick;
use crate::failure::{Code, Failure};
use crate::suggestion::suggestion;
use crate::systems::{Preset, Trainable};

/// A key of the run itself. All other keys are in a table: the system's, `[images]` or `[augment]`.
pub struct RunKey {
    /// Its name in `config.toml`.
    pub name: &'static str,
    /// What it does, in the words of its option's help text.
    pub about: &'static str,
    /// Its command-line option, such as `--steps`, and the placeholder of the option's value.
    pub option: Option<(&'static str, &'static str)>,
    /// Its default.
    pub default: DefaultValue,
    /// Whether it may differ when a run is resumed: the location of the images (their fingerprint
    /// is checked) and how often files are written do not affect the weights.
    may_change: bool,
    holds: Holds,
}

/// The type of a run key.
#[derive(Clone, Copy)]
enum Holds {
    /// An integer in an inclusive range.
    Count(i64, i64),
    /// A word or a path.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// The default of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// This number.
    Number(i64),
    /// Depends on the system and its preset.
    OfSystem,
    /// No default: `config.toml` then omits the key.
    Nothing,
}

const MOST_STEPS: i64 = super::MOST_STEPS as i64;

/// An upper bound for memory settings, in MiB.
const MOST_MEMORY: i64 = 1 << 40;

/// The keys of a run, in the order of `config.toml`.
pub const RUN_KEYS: &[RunKey] = &[
    text("system", "The system to train").of_system(),
    text("preset", "Start from this preset").of_system().option("--preset", "NAME"),
    count("steps", "Total number of training steps", 1, MOST_STEPS, DefaultValue::OfSystem).may_change().option("--steps", "N"),
    count(
        "seed",
        "Random seed: the same seed gives the same weights, bit for bit",
        0,
        i64::MAX,
        DefaultValue::Number(1),
    )
    .option("--seed", "N"),
    count("numerics", "The version of the numerics that computes the run", 1, u32::MAX as i64, DefaultValue::Nothing).may_change(),
    text(
        "data",
        "A folder of images, a .npy array, a .ndjson file of strokes, or IDX or CIFAR-10 files; `built-in` for images that the \
         program draws itself [default: the system's own folder in data/ (see data/README.md) if it exists, else built-in]",
    )
    .may_change()
    .option("--data", "PATH"),
    text("data_from_run", "The path from the run folder to the images").may_change(),
    text("data_absolute", "The absolute path of the images").may_change(),
    text("earlier_precision", "Precisions of the steps before it was changed, such as `f32 to step 500`").may_change(),
    text("parent", "The checkpoint whose weights the run started from: its absolute path").may_change(),
    text("parent_from_run", "The path from the run folder to that checkpoint").may_change(),
    count("parent_step", "The step of that checkpoint", 0, MOST_STEPS, DefaultValue::Nothing),
    text("parent_hash", "The weights hash of that checkpoint"),
    text("class", "Only the images of this class, such as apple").option("--class", "NAME"),
    count("data_memory", "MiB of memory for the images", 0, MOST_MEMORY, DefaultValue::Nothing).may_change(),
    text("data_cache", "Folder for the caches of decoded images").may_change(),
    count(
        "sample_every",
        "Write a sheet of samples and the curves every N steps",
        1,
        MOST_STEPS,
        DefaultValue::Number(100),
    )
    .may_change()
    .option("--sample-every", "N"),
    count("checkpoint_every", "Save a checkpoint every N steps", 1, MOST_STEPS, DefaultValue::Number(500))
        .may_change()
        .option("--checkpoint-every", "N"),
    count(
        "evaluate_every",
        "Evaluate the samples every N steps, into quality.csv and curves/quality; 0 means never",
        0,
        MOST_STEPS,
        DefaultValue::Number(0),
    )
    .may_change()
    .option("--evaluate-every", "N"),
    // Without a default in `config.toml`, so that the file of an older run is still complete.
    count(
        "probe_every",
        "Measure the layers, the scores and the fakes every N steps, and at the steps 1, 4, 16, ...; 0 means never [default: 250]",
        0,
        MOST_STEPS,
        DefaultValue::Nothing,
    )
    .may_change(),
    RunKey {
        holds: Holds::OneOf(OnSick::NAMES),
        ..text(
            "on_sick",
            "What to do when the run shows a sign of sickness: `warn`; `stop`, which saves and ends with exit code 9; or \
             `rollback`, which returns to an earlier checkpoint and continues with the first remedy [default: warn]",
        )
    }
    .may_change()
    .option("--on-sick", "ACTION"),
    text("rolled_back", "The returns to an earlier step, with the settings that were changed").may_change(),
];

const fn count(name: &'static str, about: &'static str, low: i64, high: i64, default: DefaultValue) -> RunKey {
    RunKey { name, about, option: None, default, may_change: false, holds: Holds::Count(low, high) }
}

const fn text(name: &'static str, about: &'static str) -> RunKey {
    RunKey { name, about, option: None, default: DefaultValue::Nothing, may_change: false, holds: Holds::Text }
}

impl RunKey {
    const fn of_system(self) -> Self {
        Self { default: DefaultValue::OfSystem, ..self }
    }

    const fn may_change(self) -> Self {
        Self { may_change: true, ..self }
    }

    const fn option(self, name: &'static str, value: &'static str) -> Self {
        Self { option: Some((name, value)), ..self }
    }

    /// Whether it holds a whole number; otherwise it holds text.
    pub fn is_number(&self) -> bool {
        matches!(self.holds, Holds::Count(..))
    }

    /// The key called `name`.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        RUN_KEYS.iter().find(|key| key.name == name)
    }
}

/// Whether the key may differ when a run is resumed.
pub(super) fn may_change(key: &str) -> bool {
    RunKey::find(key).is_some_and(|key| key.may_change)
}

/// The setting that may change when a run is resumed, if the command asks for it. (It changes how
/// numbers are rounded, but not what is computed.)
pub(super) const PRECISION: &str = "precision";

/// Settings that older versions did not record in `config.toml`: system, key, and the value that
/// those versions used.
const BEFORE: &[(&str, &str, &str)] = &[("wgan-gp", "window", "centred")];

/// Renamed settings: system, the old name, which is still accepted, and the new one.
const RENAMED: &[(&str, &str, &str)] = &[("quickdraw", "bn_keep", "bn_momentum")];

/// The current name of the setting `name` of a system.
fn present_name<'a>(system: &str, name: &'a str) -> &'a str {
    RENAMED.iter().find(|(of, old, _)| *of == system && *old == name).map_or(name, |(_, _, new)| new)
}

/// The implicit settings of a run made by an older version, given everything that its `config.toml`
/// records. Only a run's own file gives every key, which is how such a file is recognised.
pub(super) fn before(entry: &Trainable, given: &[Assignment]) -> Vec<(&'static str, &'static str)> {
    let missing = BEFORE.iter().filter(|(system, key, _)| {
        is_of_run(given) && *system == entry.name && given.iter().all(|one| one.key != format!("{system}.{key}"))
    });
    missing.map(|(_, key, value)| (*key, *value)).collect()
}

/// Whether `given` has all that a run, old or new, writes into its `config.toml`.
pub(super) fn is_of_run(given: &[Assignment]) -> bool {
    let recorded = |key: &RunKey| given.iter().any(|one| one.key == key.name && matches!(one.source, Source::File(..)));
    RUN_KEYS.iter().all(|key| key.default == DefaultValue::Nothing || recorded(key))
}

/// The table of [`datasets::Augmentation`]: random changes of the training images.
pub(super) const AUGMENT: &str = "augment";
/// The table of [`datasets::Fitting`]: how pictures of other sizes are fitted. Only for data in
/// folders of pictures.
pub(super) const IMAGES: &str = "images";

/// The tables of a run of a system with their defaults: every key with a value of its type. The
/// system's own table comes first.
pub(super) fn tables(entry: &Trainable, preset: &Preset) -> Vec<(&'static str, Table)> {
    let flat = "a flat table of numbers and words";
    let images = entry.load.fitting.map(|fitting| (IMAGES, Table::try_from(fitting()).expect(flat)));
    let augment = (AUGMENT, Table::try_from((entry.load.augment)()).expect(flat));
    [(entry.name, entry.settings(preset.name))].into_iter().chain(images).chain([augment]).collect()
}

/// The keys of one system.
pub(super) struct Known {
    system: Arc<Trainable>,
    tables: Vec<(&'static str, Table)>,
}

impl Known {
    pub(super) fn of(system: &Arc<Trainable>) -> Self {
        Self { system: system.clone(), tables: tables(system, &system.presets[0]) }
    }

    /// All `given` assignments, each checked by [`check`](Self::check).
    ///
    /// # Errors
    /// As [`check`](Self::check), and when an option and a `--set` give the same key different
    /// values.
    pub(super) fn check_all(&self, given: &[Assignment]) -> Result<Vec<Assignment>, Failure> {
        let given = given.iter().map(|one| self.check(one)).collect::<Result<Vec<_>, _>>()?;
        for option in given.iter().filter(|one| matches!(one.source, Source::Option(_))) {
            let differs = |one: &&Assignment| {
                matches!(one.source, Source::Set(_)) && one.key == option.key && one.value != option.value
            };
            if let Some(set) = given.iter().find(differs) {
                let (option_text, set_text) = (option.source.typed(), set.source.typed());
                return Err(Failure::new(Code::Usage, format!("two values for `{}`", option.key))
                    .at(format!("{} and {}", option.source, set.source))
                    .because(format!("the option says {}, --set says {}", option.value, set.value))
                    .help(advice!("contradiction", "leave out `{option_text}`, or leave out `{set_text}`")));
            }
        }
        Ok(given)
    }

    /// Checks one assignment; returns it with the full key, a value of the key's type, and a
    /// preset's current name.
    pub(super) fn check(&self, given: &Assignment) -> Result<Assignment, Failure> {
        let source = given.source.clone();
        if let Some(key) = RunKey::find(&given.key) {
            if parent::KEYS.contains(&key.name) && !matches!(source, Source::File(..)) {
                return Err(Failure::new(Code::Config, format!("`{}` cannot be set", key.name))
                    .at(&source)
                    .because("it records which weights a run has started from")
                    .help(advice!("parent-is-recorded", "leave out `{}`", source.typed())));
            }
            let mut value = check_run(key, given)?;
            let word = value.as_str().unwrap_or_default();
            if key.name == "system" && word != self.system.name {
                return Err(Failure::new(Code::Config, "this configuration is for another system")
                    .at(&source)
                    .because(format!("it contains system = {value}, but the command trains `{}`", self.system.name)));
            }
            if key.name == "preset" {
                let preset = self.system.preset(word).ok_or_else(|| self.unknown_preset(word, &source))?;
                value = preset.name.into();
            }
            return Ok(Assignment { key: key.name.to_owned(), value, source });
        }
        let (table, name) = given.key.split_once('.').unwrap_or((self.system.name, &given.key));
        let name = present_name(table, name);
        let settings = self.tables.iter().find(|(known, _)| *known == table).map(|(_, settings)| settings);
        match settings.and_then(|settings| settings.get(name)) {
            Some(model) => {
                let key = format!("{table}.{name}");
                Ok(Assignment { value: check_setting(&key, model, given)?, key, source })
            }
            None => Err(self.unknown(given)),
        }
    }

    /// The error for an unknown key, with the most similar known one.
    fn unknown(&self, given: &Assignment) -> Failure {
        let (table, name) = given.key.split_once('.').unwrap_or((self.system.name, &given.key));
        if let Some(why) = switches::missing(self.system.name, name).filter(|_| table == self.system.name) {
            return Failure::new(Code::Config, format!("`{}` has no setting `{name}`", self.system.name))
                .at(&given.source)
                .because(why);
        }
        let in_tables =
            self.tables.iter().flat_map(|(table, keys)| keys.keys().map(move |key| format!("{table}.{key}")));
        let all: Vec<String> = RUN_KEYS.iter().map(|key| key.name.to_owned()).chain(in_tables).collect();
        // Abbreviated keys are compared with abbreviated keys.
        fn short(key: &str) -> &str {
            key.rsplit('.').next().unwrap_or(key)
        }
        let near = nearest(short(&given.key), all.iter().map(|key| short(key)));
        let near = near.and_then(|near| all.iter().find(|key| short(key) == near));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the keys are: {}", all.join(", ")),
        };
        Failure::new(Code::Config, format!("unknown key `{}`", given.key))
            .at(&given.source)
            .help(advice!("unknown-key", "{help}"))
    }

    fn unknown_preset(&self, name: &str, source: &Source) -> Failure {
        let names: Vec<&str> = self.system.presets.iter().map(|preset| preset.name).collect();
        Failure::new(Code::Config, format!("`{}` has no preset `{name}`", self.system.name)).at(source).help(advice!(
            "no-such-preset",
            "{}",
            suggestion(name, &names)
        ))
    }
}

/// Checks a key of the run.
fn check_run(key: &RunKey, given: &Assignment) -> Result<Value, Failure> {
    let (name, source) = (key.name, &given.source);
    match (key.holds, &given.value) {
        (Holds::OneOf(words), Value::String(word)) if words.contains(&&**word) => Ok(given.value.clone()),
        (Holds::OneOf(words), value) => Err(Failure::new(Code::Config, format!("`{name} = {value}` is not allowed"))
            .at(source)
            .because(format!("allowed: {}", words.join(", ")))),
        (Holds::Text, Value::String(_)) => Ok(given.value.clone()),
        (Holds::Text, value) => match source {
            // On a command line, the quotes of `--set class=7` belong to the shell, so any value is
            // text.
            Source::Set(text) => Ok(text.split_once('=').map_or("", |(_, text)| text.trim()).into()),
            _ => Err(wrong_type(name, "text", value, source)),
        },
        (Holds::Count(low, high), Value::Integer(number)) if (low..=high).contains(number) => Ok(given.value.clone()),
        (Holds::Count(low, high), Value::Integer(number)) => {
            Err(Failure::new(Code::Config, format!("`{name} = {number}` is out of range"))
                .at(source)
                .because(format!("allowed: {low} to {high}")))
        }
        (Holds::Count(..), value) => Err(wrong_type(name, "a whole number", value, source)),
    }
}

/// Checks the type of a system's setting against that of `model`. The system itself checks the
/// range.
fn check_setting(key: &str, model: &Value, given: &Assignment) -> Result<Value, Failure> {
    match (model, &given.value) {
        (Value::Float(_), Value::Float(number)) if !number.is_finite() => {
            Err(Failure::new(Code::Config, format!("`{key} = {number}` is not a finite number"))
                .at(&given.source)
                .because("NaN and infinity are not allowed"))
        }
        (Value::Float(_), Value::Integer(number)) => Ok(Value::Float(*number as f64)),
        (model, value) if model.same_type(value) => Ok(value.clone()),
        (model, value) => Err(wrong_type(key, in_words(model), value, &given.source)),
    }
}

fn wrong_type(key: &str, wanted: &str, got: &Value, source: &Source) -> Failure {
    Failure::new(Code::Config, format!("`{key}` has the wrong type"))
        .at(source)
        .because(format!("expected: {wanted}; got: {}, {got}", in_words(got)))
}

/// The name of a value's type in error messages.
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
