//! [`Trainable`]: what a run needs to know about a system; and the table of the systems of
//! `models`, which `rows` connects with their data and log formats in this crate.

mod rows;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use datasets::Images;
use models::catalogue::{Built, boxed};
use models::{SettingsError, System};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tensor::meta;
use toml::Table;

pub use models::catalogue::{BadSetting, Preset};

use crate::data::{self, Loader};
use crate::observers::notebook_log::{self, Lines};

pub(crate) use models::catalogue::settings_from;

/// The systems of `models`, in the order in which they are listed.
pub static SYSTEMS: LazyLock<Vec<Arc<Trainable>>> = LazyLock::new(|| rows::all().map(Arc::new).collect());

/// The settings of the preset with this name, including every key: the table defines the keys and
/// their types.
type SettingsOf = Box<dyn Fn(&str) -> Table + Send + Sync>;
/// Builds a system from its settings and the seed.
type Build = Box<dyn Fn(&Table, u64) -> Built + Send + Sync>;

/// What a run needs to know about a system: its name, how to build it, and where its images come
/// from.
pub struct Trainable {
    /// The name on the command line and of its table in `config.toml`: that of [`System::name`].
    pub name: &'static str,
    /// One line for lists and help.
    pub about: &'static str,
    /// Its presets, the default first.
    pub presets: &'static [Preset],
    /// Loads its training images.
    pub load: Loader,
    /// Its training images, if the caller provides them.
    pub images: Option<Images>,
    /// The log lines of the original program, for the log style `notebook`.
    pub(crate) notebook_log: Lines,
    settings: SettingsOf,
    build: Build,
}

impl fmt::Debug for Trainable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainable").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The preset of a system that the caller has defined.
const OWN: &[Preset] = &[Preset { name: "own", about: "the settings in the program's code", steps: 1000 }];

/// Preset names in runs and command lines of older versions.
const FORMER_PRESETS: [(&str, &str); 2] = [("seed", "original"), ("seed32", "original32")];

/// The system of the table with this name.
pub fn find(name: &str) -> Option<Arc<Trainable>> {
    SYSTEMS.iter().find(|entry| entry.name == name).cloned()
}

impl Trainable {
    /// A caller's system that `build` makes from a seed. It has no settings: everything it depends
    /// on is in the program.
    ///
    /// `build` is called several times, for example for the memory forecast. It must always build
    /// the same networks for the same seed, and should draw its weights with `nn`'s initialisers.
    pub fn built_by<T: System + 'static>(build: impl Fn(u64) -> T + Send + Sync + 'static) -> Self {
        Self::with_settings(BTreeMap::<String, f64>::new(), move |_, seed| Ok(build(seed)))
    }

    /// A caller's system that `build` makes from settings and a seed. The settings are recorded in
    /// the run's `config.toml`, and cannot change when the run is resumed. `settings` must
    /// serialise to a flat table of numbers, strings and booleans.
    ///
    /// # Panics
    /// When they do not, or when `build` refuses them.
    pub fn with_settings<S, T>(
        settings: S,
        build: impl Fn(S, u64) -> Result<T, SettingsError> + Send + Sync + 'static,
    ) -> Self
    where
        S: Serialize + DeserializeOwned,
        T: System + 'static,
    {
        let table = Table::try_from(settings).expect("settings are a flat table of numbers and words");
        let build: Build = Box::new(move |settings, seed| boxed(build(settings_from(settings)?, seed)));
        // Meta mode is sufficient to ask for the name.
        let name = match meta::run(|| build(&table, 1).map(|system| system.name())) {
            Ok(name) => name,
            Err(bad) => panic!("the system does not accept its own settings: {}", bad.why),
        };
        Self::new(name, Box::new(move |_| table.clone()), build)
    }

    fn new(name: &'static str, settings: SettingsOf, build: Build) -> Self {
        let (load, notebook_log) = (data::ANY, notebook_log::by_name as Lines);
        Self { name, about: "", presets: OWN, load, images: None, notebook_log, settings, build }
    }

    /// Whether it is the caller's own system, which the command `train` does not know.
    pub(crate) fn is_own(&self) -> bool {
        self.presets.iter().any(|preset| preset.name == OWN[0].name)
    }

    /// The preset with this name, which may be a name from older versions.
    pub fn preset(&self, name: &str) -> Option<&'static Preset> {
        let named = |name: &str| self.presets.iter().find(|preset| preset.name == name);
        named(name)
            .or_else(|| FORMER_PRESETS.iter().find(|(former, _)| *former == name).and_then(|(_, now)| named(now)))
    }

    /// The settings of the preset with this name, including every key.
    ///
    /// # Panics
    /// When there is none.
    pub fn settings(&self, name: &str) -> Table {
        (self.settings)(name)
    }

    /// Builds the system.
    ///
    /// # Errors
    /// The setting that it does not accept.
    pub fn build(&self, settings: &Table, seed: u64) -> Result<Box<dyn System>, BadSetting> {
        (self.build)(settings, seed)
    }
}

#[cfg(test)]
#[path = "systems/switches_tests.rs"]
mod switches_tests;

#[cfg(test)]
pub(crate) use switches_tests::tiny;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_builds() {
        for entry in SYSTEMS.iter() {
            for preset in entry.presets {
                assert!(entry.build(&entry.settings(preset.name), 1).is_ok(), "{} {}", entry.name, preset.name);
            }
        }
    }

    #[test]
    fn every_system_has_the_original_and_one_for_a_cpu() {
        for entry in SYSTEMS.iter() {
            assert!(entry.preset("original").is_some() && entry.preset("cpu").is_some(), "{}", entry.name);
        }
    }

    /// A checkpoint can be intact and still contain an impossible counter; `growth.steps` of 2^32
    /// once made `train sample` count forever.
    #[test]
    fn no_system_takes_a_counter_that_cannot_be() {
        for entry in SYSTEMS.iter() {
            let Ok(mut system) = entry.build(&entry.settings("cpu"), 1) else { panic!("{}", entry.name) };
            let state = system.state();
            assert!(!state.counters.is_empty(), "{}", entry.name);
            for name in state.counters.keys() {
                let mut worse = state.clone();
                worse.counters.insert(name.clone(), u64::MAX);
                let error = system.restore(&worse).unwrap_err();
                assert!(!error.is_of_another_architecture() && error.beyond[0].0 == *name, "{}: {error}", entry.name);
            }
            assert_eq!(system.restore(&state), Ok(()), "{}", entry.name);
        }
    }

    #[test]
    fn a_bad_value_is_named_by_its_key() {
        let mut settings = SYSTEMS[0].settings("original");
        settings.insert("batch".into(), toml::Value::Integer(-3));
        let Err(error) = SYSTEMS[0].build(&settings, 1) else { panic!("a negative batch was accepted") };
        assert_eq!(error.key.as_deref(), Some("batch"));
    }
}
