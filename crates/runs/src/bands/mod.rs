//! The usual range of each metric of a preset, measured in a few normal runs, so that a report can
//! show whether a run is like them.
//!
//! The steps of a run are divided into equal intervals. For each interval a band has a low and a
//! high end: the smallest 5th percentile and the largest 95th percentile, over the runs, of the
//! values in the interval and its two neighbours. So at least nine tenths of the values of each of
//! these runs lie in the band.
//!
//! The files in `systems/` are part of the program. [`make()`] writes one from run folders; the
//! example `bands` calls it.

mod make;

use std::collections::BTreeMap;

use datasets::{BUILT_IN, grouped};
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::config::Config;
use crate::report::document::{Band, short};
pub use make::make;

/// The preset that the bands are of.
const PRESET: &str = "cpu";

macro_rules! shipped {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("systems/", $name, ".toml")))),*] };
}

/// The systems that have bands, and their files.
const SHIPPED: &[(&str, &str)] = shipped!(
    "cifar",
    "cyclegan",
    "dcgan",
    "faces",
    "folder",
    "mnist",
    "progan",
    "quickdraw",
    "stylegan",
    "stylegan2",
    "vanilla",
    "wgan-gp",
);

/// The bands of a preset, as the file of the system has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bands {
    /// The number of steps that they cover.
    pub(crate) steps: u64,
    /// The seeds of the runs that they were made from.
    pub(crate) seeds: Vec<u64>,
    /// The low ends by metric, one for each interval; NaN where there is no value.
    low: BTreeMap<String, Vec<f64>>,
    /// The high ends.
    high: BTreeMap<String, Vec<f64>>,
    /// The settings of the preset at that time, by table.
    settings: Table,
}

/// Bands that can be drawn behind the curves of a run.
pub(crate) struct Fitting {
    bands: Bands,
    /// Whether the run has other images, so that only the metrics of the steps can be compared.
    has_other_data: bool,
}

/// The bands for a run with this configuration, or why there are none for it. None if its system
/// has none at all.
pub(crate) fn fitting(config: &Config) -> Option<Result<Fitting, String>> {
    let shipped = SHIPPED.iter().find(|(name, _)| *name == config.entry.name && !config.entry.is_own());
    let bands = shipped.and_then(|(_, text)| toml::from_str(text).ok())?;
    Some(match misfit(config) {
        Some(why) => Err(why),
        None => Ok(Fitting { bands, has_other_data: config.data() != Some(BUILT_IN) || config.class().is_some() }),
    })
}

/// Why the bands do not apply to a run with this configuration. The seed, the data and the number
/// of steps may differ: a step does not depend on how many there will be.
fn misfit(config: &Config) -> Option<String> {
    /// The most settings to name.
    const MOST: usize = 4;
    if config.has_parent() {
        return Some("this run started from the weights of another run".into());
    }
    let keys = config.unlike_preset(PRESET);
    let named: Vec<String> = keys.iter().take(MOST).map(|key| format!("`{key}`")).collect();
    let more = if keys.len() > MOST { ", ..." } else { "" };
    (!keys.is_empty())
        .then(|| format!("these settings are not those of the preset `{PRESET}`: {}{more}", named.join(", ")))
}

impl Fitting {
    /// What the bands are, in a sentence or two.
    pub(crate) fn sentence(&self) -> String {
        let Bands { steps, seeds, .. } = &self.bands;
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        let caveat = if self.has_other_data {
            " Your run has other images, so compare the shape of a curve rather than its values."
        } else {
            ""
        };
        format!(
            "Shaded: the range of normal runs. At least 90% of the values of {} runs of the preset {PRESET} on the \
             built-in images (seeds {}) lie in it, up to step {}.{caveat}",
            seeds.len(),
            seeds.join(", "),
            grouped(steps)
        )
    }

    /// The band of a metric of the steps.
    pub(crate) fn of_metric(&self, name: &str) -> Option<Band> {
        self.bands.band(name)
    }

    /// The band of a number about the fixed fakes. Such numbers depend on the images.
    pub(crate) fn of_fakes(&self, name: &str) -> Option<Band> {
        if self.has_other_data { None } else { self.bands.band(name) }
    }
}

impl Bands {
    fn band(&self, name: &str) -> Option<Band> {
        let (low, high) = (self.low.get(name)?, self.high.get(name)?);
        let (count, last) = (low.len(), self.steps as f64);
        // The ends of an interval stand at its middle, except at both ends of the run.
        let at = |number: usize| match number {
            0 => 1.0,
            number if number + 1 == count => last,
            number => ((number as f64 + 0.5) * last / count as f64).round(),
        };
        let numbers = |ends: &[f64]| ends.iter().map(|end| short(*end)).collect();
        Some(Band { steps: (0..count).map(at).collect(), low: numbers(low), high: numbers(high) })
    }
}

/// The name of a number about the fixed fakes of a system, of which there may be several:
/// `distance`, or `distance (A to B)`.
pub(crate) fn name_of_fakes(column: &str, of: &str) -> String {
    if of == "fakes" { column.to_owned() } else { format!("{column} ({of})") }
}

#[cfg(test)]
mod tests;
