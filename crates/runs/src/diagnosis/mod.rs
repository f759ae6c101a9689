//! Diagnosis: the signs of a sick run, looked for while it trains.
//!
//! A [`Sign`] is declared once, in [`SIGNS`]: what it means, how it is recognised in a
//! `Window` of the last steps, and what to do about it. The observer `diagnosis` evaluates all
//! signs every few steps; the Manual's table of signs is tested against them.
//!
//! Everything here is a pure function of the metrics and the probes, so that a run that is resumed
//! reaches the same conclusions.

use models::System;

use crate::config::Config;

mod answers;
mod episodes;
mod losses;
mod pictures;
mod remedies;
mod window;

pub(crate) use episodes::{Episode, Monitor};
pub(crate) use losses::EXPLODING;
use remedies::Remedy;
pub(crate) use remedies::Treatment;
pub(crate) use window::Vitals;
use window::Window;

/// Something that shows in the metrics or the samples of a sick run.
#[derive(Debug)]
pub struct Sign {
    /// The name in files, such as `d-dominates`.
    pub id: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// What it means, in one sentence.
    pub meaning: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The heading in chapter 13 of the guide.
    pub chapter: &'static str,
    /// The steps for which the test must hold before the sign is reported.
    pub patience: u64,
    /// The evidence, with numbers, if the sign shows in the window. It contains no commas.
    test: fn(&Window<'_>) -> Option<String>,
    /// What to try, the most promising first.
    remedies: &'static [Remedy],
}

/// How bad a sign is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The training does not work, and will hardly recover by itself.
    Sick,
    /// The samples have a flaw.
    Flaw,
}

impl Severity {
    /// The word for it in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sick => "sick",
            Self::Flaw => "flaw",
        }
    }
}

impl Sign {
    /// The remedies for a run with this configuration; `system` is the running system.
    pub(crate) fn treatments(&self, config: &Config, system: &dyn System) -> Vec<Treatment> {
        remedies::treatments(self.remedies, config, system)
    }

    /// The place in the guide that explains it.
    pub fn link(&self) -> String {
        format!("c13_sick_runs.md#{}", self.chapter)
    }
}

/// All signs.
pub const SIGNS: &[Sign] = &[
    losses::D_DOMINATES,
    losses::SATURATED_D,
    losses::DEAD_D,
    EXPLODING,
    answers::ONE_ANSWER,
    answers::CONTRADICTION,
    answers::SAMPLES_DIFFER,
    pictures::GARBAGE,
    pictures::MODE_COLLAPSE,
    pictures::CHECKERBOARD,
    pictures::MEMORISATION,
    pictures::RANGE,
];

/// What to do when a run is sick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnSick {
    /// Print a warning and go on.
    #[default]
    Warn,
    /// Save and stop.
    Stop,
    /// Return to an earlier checkpoint and continue with the first remedy.
    Rollback,
}

impl OnSick {
    /// The names, in the order of the variants.
    pub const NAMES: &'static [&'static str] = &["warn", "stop", "rollback"];

    /// The variant of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "warn" => Self::Warn,
            "stop" => Self::Stop,
            "rollback" => Self::Rollback,
            _ => return None,
        })
    }
}
