//! The table of systems: everything that the command line knows of a GAN. A new system needs no new
//! row: `rows` is made from the catalogue in `models`.

mod rows;

use toml::Table;

use crate::data::Loader;
use crate::engine::catalogue::Built;
use crate::observers::notebook_log::Lines;

pub use crate::engine::catalogue::{BadSetting, Preset, settings_from};
pub use rows::SYSTEMS;

/// One system as the command line sees it.
#[derive(Clone, Copy)]
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
