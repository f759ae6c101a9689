//! The table of systems: everything that the command line knows of a GAN. A new system is a new row, in `rows`.

mod rows;

use serde::Serialize;
use toml::Table;

use crate::data::Loader;
use crate::engine::{Settings, SettingsError, System};
use crate::observers::notebook_log::Lines;

pub use rows::SYSTEMS;

/// One system as the command line sees it.
pub struct Row {
    /// What is typed, and the name of its table in `config.toml`.
    pub name: &'static str,
    /// One line for `train systems` and `--help`.
    pub about: &'static str,
    /// Its presets, the default first.
    pub presets: &'static [Preset],
    /// The settings of the preset of this name, with every key: the table says which keys there are and of which type.
    pub settings: fn(&str) -> Table,
    /// Builds it from its table of settings and the seed.
    pub build: fn(&Table, u64) -> Built,
    /// Finds the images that it learns from.
    pub load: Loader,
    /// What the original prints, for `--log seed`.
    pub seed_log: Lines,
}

/// A system, or the setting that it does not accept.
type Built = Result<Box<dyn System>, BadSetting>;

/// A named set of settings.
pub struct Preset {
    /// What is typed after `--preset`.
    pub name: &'static str,
    /// One line for `train systems`.
    pub about: &'static str,
    /// Training steps when nothing else is said.
    pub steps: u64,
}

/// A setting that a system does not accept.
pub struct BadSetting {
    /// The key within the system's table, if the reason is about one key.
    pub key: Option<String>,
    /// The reason, with the allowed range.
    pub why: String,
}

/// The row of the system called `name`.
pub fn find(name: &str) -> Option<&'static Row> {
    SYSTEMS.iter().find(|row| row.name == name)
}

impl Row {
    /// The preset called `name`.
    pub fn preset(&self, name: &str) -> Option<&'static Preset> {
        self.presets.iter().find(|preset| preset.name == name)
    }
}

/// A system in its box, or what is wrong with its settings.
fn built<S: System + 'static>(result: Result<S, SettingsError>) -> Built {
    let system = result.map_err(|error| BadSetting { key: Some(error.key.into()), why: error.why })?;
    Ok(Box::new(system))
}

/// The settings of a preset as a table.
fn preset<S: Settings + Serialize>(name: &str) -> Table {
    let settings = S::preset(name).expect("the row names the system's own presets");
    Table::try_from(&settings).expect("settings are a flat table of numbers and words")
}

/// Reads settings from a table. Each key is tried alone first, so that the error names it.
pub fn settings_from<S: serde::de::DeserializeOwned>(settings: &Table) -> Result<S, BadSetting> {
    for (key, value) in settings {
        let alone = Table::from_iter([(key.clone(), value.clone())]);
        if let Err(error) = alone.try_into::<S>() {
            return Err(BadSetting { key: Some(key.clone()), why: error.message().to_owned() });
        }
    }
    settings.clone().try_into().map_err(|error| BadSetting { key: None, why: error.message().to_owned() })
}

#[cfg(test)]
#[path = "systems/switches_tests.rs"]
mod switches_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_builds() {
        for row in SYSTEMS {
            for preset in row.presets {
                assert!((row.build)(&(row.settings)(preset.name), 1).is_ok(), "{} {}", row.name, preset.name);
            }
        }
    }

    #[test]
    fn every_system_has_the_original_and_one_for_a_cpu() {
        for row in SYSTEMS {
            assert!(row.preset("seed").is_some() && row.preset("cpu").is_some(), "{}", row.name);
        }
    }

    /// A checkpoint can be whole and still count what cannot be; `growth.steps` of 2^32 made `train sample` count for ever.
    #[test]
    fn no_system_takes_a_counter_that_cannot_be() {
        for row in SYSTEMS {
            let Ok(mut system) = (row.build)(&(row.settings)("cpu"), 1) else { panic!("{}", row.name) };
            let state = system.state();
            assert!(!state.counters.is_empty(), "{}", row.name);
            for name in state.counters.keys() {
                let mut worse = state.clone();
                worse.counters.insert(name.clone(), u64::MAX);
                let error = system.restore(&worse).unwrap_err();
                assert!(!error.is_of_another_architecture() && error.beyond[0].0 == *name, "{}: {error}", row.name);
            }
            assert_eq!(system.restore(&state), Ok(()), "{}", row.name);
        }
    }

    #[test]
    fn a_bad_value_is_named_by_its_key() {
        let mut settings = (SYSTEMS[0].settings)("seed");
        settings.insert("batch".into(), toml::Value::Integer(-3));
        let Err(error) = (SYSTEMS[0].build)(&settings, 1) else { panic!("a negative batch was accepted") };
        assert_eq!(error.key.as_deref(), Some("batch"));
    }
}
