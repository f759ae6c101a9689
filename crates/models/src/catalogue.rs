//! [`SystemEntry`]: what a program needs to know to offer a GAN by name. Each module of
//! [`systems`](crate::systems) declares the entry of its own system.

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

pub use crate::systems::SYSTEMS;
use crate::{Settings, SettingsError, System};

/// A GAN that can be chosen by name.
pub struct SystemEntry {
    /// The name, also used for its table in a run's `config.toml`.
    pub name: &'static str,
    /// A one-line description.
    pub about: &'static str,
    /// Its presets, the default first.
    pub presets: &'static [Preset],
    /// The settings of the preset with this name, including every key.
    pub settings: fn(&str) -> Table,
    /// Builds the system from a table of settings and a seed.
    pub build: fn(&Table, u64) -> Built,
    /// The default training images.
    pub data: TrainingData,
    /// The log format of the original program.
    pub log: OriginalLog,
    /// Why the system has no switch of this name (one of
    /// [`SWITCHES`](crate::trainer::switches::SWITCHES)), and what to use instead. None if it has
    /// the switch.
    pub missing_switch: fn(&str) -> Option<&'static str>,
}

/// A system, or the setting that it rejected.
pub type Built = Result<Box<dyn System>, BadSetting>;

/// A named set of settings.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The name.
    pub name: &'static str,
    /// A one-line description.
    pub about: &'static str,
    /// The default number of training steps.
    pub steps: u64,
}

/// The default training images of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainingData {
    /// Grey 28x28 drawings of Quick, Draw!
    Doodles,
    /// Grey 28x28 digits, as in MNIST.
    Digits,
    /// A class of CIFAR-10.
    Cifar10 {
        /// The name of the class.
        class: &'static str,
    },
    /// Faces.
    Faces,
    /// Images of any kind that fit the size of the networks.
    Any,
    /// A folder of a few images of any kind, with strong augmentation.
    Folder,
    /// Two unpaired sets of images.
    Pairs,
}

/// The format of the log lines that the original program of a system prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginalLog {
    /// The quickdraw notebook.
    QuickdrawNotebook,
    /// The MNIST notebook of Udacity's course.
    UdacityMnist,
    /// The face project of Udacity's course.
    UdacityFaces,
    /// Keras-GAN.
    KerasGan,
    /// The CIFAR-10 example of *Deep Learning with Python*.
    DeepLearningWithPython,
    /// PyTorch's DCGAN example.
    PyTorchDcgan,
    /// All metrics by name, as CycleGAN's authors print them.
    ByName,
    /// The ticks of NVIDIA's programs.
    NvidiaTicks,
}

/// For [`SystemEntry::missing_switch`]: the system has every switch.
pub fn has_every_switch(_switch: &str) -> Option<&'static str> {
    None
}

/// A setting that a system rejects.
pub struct BadSetting {
    /// The key within the system's table, if the reason is about one key.
    pub key: Option<String>,
    /// The reason, with the allowed range.
    pub why: String,
}

impl From<SettingsError> for BadSetting {
    fn from(error: SettingsError) -> Self {
        Self { key: Some(error.key.into()), why: error.why }
    }
}

/// The settings of the preset called `name` as a table.
///
/// # Panics
/// When there is no such preset.
#[track_caller]
pub fn preset_table<S: Settings + Serialize>(name: &str) -> Table {
    let settings = S::preset(name).unwrap_or_else(|| panic!("there is no preset `{name}`"));
    Table::try_from(&settings).expect("settings are a flat table of numbers and words")
}

/// Reads settings from a table.
///
/// # Errors
/// When a value has the wrong type; the error names its key.
pub fn settings_from<S: DeserializeOwned>(settings: &Table) -> Result<S, BadSetting> {
    settings.clone().try_into().map_err(|error: toml::de::Error| {
        // The bad value fails on its own too, and with the same message; a struct without defaults
        // also lacks the other fields then.
        let fails_alone = |(key, value): &(&String, &Value)| {
            let alone = Table::from_iter([((*key).clone(), (*value).clone())]);
            alone.try_into::<S>().is_err_and(|alone| alone.message() == error.message())
        };
        let key = settings.iter().find(fails_alone).map(|(key, _)| key.clone());
        BadSetting { key, why: error.message().to_owned() }
    })
}

/// Boxes a system, or converts the error of its settings.
///
/// # Errors
/// The error of `result`.
pub fn boxed<S: System + 'static>(result: Result<S, SettingsError>) -> Built {
    Ok(Box::new(result?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    fn refused<S: DeserializeOwned>(settings: &str) -> (Option<String>, String) {
        let bad = settings_from::<S>(&settings.parse().unwrap()).err().expect("a bad value");
        (bad.key, bad.why)
    }

    #[test]
    fn a_bad_value_is_named_with_and_without_defaults() {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "only read")]
        struct Bare {
            first: u32,
            second: bool,
            third: f64,
        }
        for (settings, key) in [
            ("first = 'one'\nsecond = true\nthird = 1.0", "first"),
            ("first = 1\nsecond = 2\nthird = 1.0", "second"),
            ("first = 1\nsecond = true\nthird = 'x'", "third"),
        ] {
            let (named, why) = refused::<Bare>(settings);
            assert_eq!(named.as_deref(), Some(key), "{why}");
            assert!(why.starts_with("invalid type"), "{why}");
        }
        let (named, why) = refused::<crate::quickdraw::Settings>("batch = 4\ndepth = 'deep'\ndropout = 0.5");
        assert_eq!(named.as_deref(), Some("depth"), "{why}");
    }
}
