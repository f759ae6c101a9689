//! [`Observer`]: what watches a training without the training knowing it.
//!
//! The loop calculates the metrics of a step once and hands them to every observer of the list: the
//! file of metrics, the progress line, the sheets, the curves, the checkpoints. A new output of a
//! run is one more file here, and its line in `OBSERVERS`.

mod checkpoints;
#[cfg(feature = "curves")]
mod curves;
pub(crate) mod forgiving;
mod metrics_file;
pub(crate) mod notebook_log;
mod past_rows;
pub(crate) mod progress;
mod quality;
pub(crate) mod samples;
mod timings;

use std::path::Path;

use indicatif::ProgressBar;
use models::System;

use crate::config::Config;
use crate::console::Console;
use crate::data::Dataset;
use crate::failure::Failure;

/// Makes an observer of a training; none where it is not wanted.
type Open = for<'a> fn(&TrainingContext<'a>, &dyn System) -> Opened<'a>;
/// What comes of it.
pub(crate) type Opened<'a> = Result<Option<Box<dyn Observer + 'a>>, Failure>;

/// The observers of a training, in their order: a checkpoint comes after everything that belongs to
/// its step, so that a run that goes on from it misses nothing. (The file of metrics comes before
/// them all.)
const OBSERVERS: &[Open] = &[
    timings::open,
    progress::open,
    notebook_log::open,
    samples::open,
    #[cfg(feature = "curves")]
    curves::open,
    quality::open,
    checkpoints::open,
];

/// What observers need to know of a training.
pub(crate) struct TrainingContext<'a> {
    pub(crate) console: &'a Console,
    /// The run folder.
    pub(crate) run: &'a Path,
    pub(crate) config: &'a Config,
    pub(crate) data: &'a Dataset,
    /// Steps done before.
    pub(crate) from: u64,
    /// How progress is shown.
    pub(crate) log: LogStyle,
    /// Where progress is shown, if there is a terminal.
    pub(crate) bar: Option<ProgressBar>,
    /// Whether the time of the steps is measured layer by layer.
    pub(crate) timings: bool,
}

impl TrainingContext<'_> {
    /// The title of charts.
    pub(crate) fn title(&self) -> String {
        format!("{}, seed {}", self.config.entry.name, self.config.seed())
    }
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogStyle {
    /// Means over the last steps, steps per second, time left.
    #[default]
    Default,
    /// The lines that the system's original program prints, its rounding included.
    Notebook,
}

/// All observers of a training; they have seen the steps that earlier processes have done.
///
/// # Errors
/// When a file of the run cannot be read or written.
pub(crate) fn all<'a>(
    training: &TrainingContext<'a>,
    system: &dyn System,
) -> Result<Vec<Box<dyn Observer + 'a>>, Failure> {
    let opened = OBSERVERS.iter().filter_map(|open| open(training, system).transpose());
    let mut all = opened.collect::<Result<Vec<_>, _>>()?;
    let mut past = |step: u64, values: &[f64]| all.iter_mut().for_each(|observer| observer.past_step(step, values));
    let metrics = metrics_file::open(training, system, &mut past)?;
    all.insert(0, Box::new(metrics));
    Ok(all)
}

/// Where a training is.
pub(crate) struct StepContext<'a> {
    /// Steps done since the run began, resumed or not.
    pub(crate) step: u64,
    /// Steps in all.
    pub(crate) total: u64,
    /// The system after these steps.
    pub(crate) system: &'a dyn System,
}

impl StepContext<'_> {
    /// Whether it is time for what is done every so many steps, and at the end.
    pub(crate) fn is_due(&self, every: u64) -> bool {
        self.step.is_multiple_of(every) || self.step == self.total
    }
}

/// The numbers of one step.
pub(crate) struct StepRecord<'a> {
    /// In the order of [`System::metrics`].
    pub(crate) values: &'a [f64],
    /// Wall time of the step.
    pub(crate) seconds: f64,
}

/// Watches a training. An error stops it.
pub(crate) trait Observer {
    /// Called, before anything else, for each step that an earlier process of the run has done and
    /// recorded.
    fn past_step(&mut self, _step: u64, _values: &[f64]) {}

    /// Called once before the first step of this process.
    fn start(&mut self, _now: &StepContext<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Called before each step.
    fn before(&mut self) {}

    /// Called after each step.
    fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure>;

    /// Called once after the last step of this process, whether all steps are done or the user
    /// stopped it.
    fn end(&mut self, _now: &StepContext<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

/// A row of metrics that was written before: its step and its values.
pub(crate) type PastRow = (u64, Vec<f64>);
