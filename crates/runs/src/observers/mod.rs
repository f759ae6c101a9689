//! `Observer`: watches training without affecting it.
//!
//! The loop computes the metrics of a step once and passes them to every observer: the metrics
//! file, the progress display, the sheets, the curves, the checkpoints. A new output of a run is
//! one more file here and one line in `OBSERVERS`.

mod checkpoints;
#[cfg(feature = "curves")]
mod curves;
pub(crate) mod diagnosis;
pub(crate) mod forgiving;
mod metrics_file;
pub(crate) mod notebook_log;
pub(crate) mod past_rows;
pub(crate) mod probe;
pub(crate) mod progress;
mod quality;
pub(crate) mod reduced;
pub(crate) mod report;
pub(crate) mod samples;
pub(crate) mod tensorboard;
mod timings;

use std::path::Path;

use indicatif::ProgressBar;
use models::System;

use crate::config::Config;
use crate::console::Console;
use crate::data::Dataset;
use crate::failure::Failure;
use probe::Probe;

/// Creates an observer for a training run; `None` if the run does not need it.
type Open = for<'a> fn(&TrainingContext<'a>, &dyn System) -> Opened<'a>;
/// The result of [`Open`].
pub(crate) type Opened<'a> = Result<Option<Box<dyn Observer + 'a>>, Failure>;

/// The observers, in the order in which they are called. Checkpoints come after all other files of
/// the same step, so that nothing is missing after a resume. (The files of metrics and
/// probes come before all of these.)
const OBSERVERS: &[Open] = &[
    timings::open,
    progress::open,
    notebook_log::open,
    samples::open,
    #[cfg(feature = "curves")]
    curves::open,
    quality::open,
    diagnosis::open,
    tensorboard::open,
    report::open,
    checkpoints::open,
];

/// What observers need to know about the training run.
pub(crate) struct TrainingContext<'a> {
    pub(crate) console: &'a Console,
    /// The run folder.
    pub(crate) run: &'a Path,
    pub(crate) config: &'a Config,
    pub(crate) data: &'a Dataset,
    /// Steps done before this process.
    pub(crate) from: u64,
    /// How progress is shown.
    pub(crate) log: LogStyle,
    /// The progress bar, if there is a terminal.
    pub(crate) bar: Option<ProgressBar>,
    /// Whether to measure the time of each layer.
    pub(crate) timings: bool,
    /// Raised when the training is to stop because the run is sick.
    pub(crate) alarm: &'a diagnosis::Alarm,
    /// Whether to write an event file for TensorBoard.
    pub(crate) tensorboard: bool,
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
    /// The lines that the original program prints, with its rounding.
    Notebook,
}

/// All observers for a training run; they have already received the steps done by earlier
/// processes.
///
/// # Errors
/// When a file of the run cannot be read or written.
pub(crate) fn all<'a>(
    training: &TrainingContext<'a>,
    system: &dyn System,
) -> Result<Vec<Box<dyn Observer + 'a>>, Failure> {
    let opened = OBSERVERS.iter().filter_map(|open| open(training, system).transpose());
    let mut all = opened.collect::<Result<Vec<_>, _>>()?;
    let mut past = |probe: &Probe| all.iter_mut().for_each(|observer| observer.past_probe(probe));
    let probes = probe::files::open(training, system, &mut past)?;
    let mut past = |step: u64, values: &[f64]| all.iter_mut().for_each(|observer| observer.past_step(step, values));
    let metrics = metrics_file::open(training, system, &mut past)?;
    all.splice(0..0, [Some(Box::new(metrics) as Box<dyn Observer>), probes].into_iter().flatten());
    Ok(all)
}

/// The state of the training run.
pub(crate) struct StepContext<'a> {
    /// Steps done since the start of the run, including those before a resume.
    pub(crate) step: u64,
    /// The total number of steps.
    pub(crate) total: u64,
    /// The system after these steps.
    pub(crate) system: &'a dyn System,
}

impl StepContext<'_> {
    /// Whether something that happens every `every` steps, and at the end, is due.
    pub(crate) fn is_due(&self, every: u64) -> bool {
        self.step.is_multiple_of(every) || self.step == self.total
    }
}

/// The metrics of one step.
pub(crate) struct StepRecord<'a> {
    /// In the order of [`System::metrics`].
    pub(crate) values: &'a [f64],
    /// The duration of the step.
    pub(crate) seconds: f64,
    /// The probe, if one was taken of this step.
    pub(crate) probe: Option<&'a Probe>,
}

/// Watches a training run. An error stops it.
pub(crate) trait Observer {
    /// Called first, for each probe that was taken by an earlier process of the run, in order.
    fn past_probe(&mut self, _probe: &Probe) {}

    /// Called after that, for each step that was recorded by an earlier process of the run.
    fn past_step(&mut self, _step: u64, _values: &[f64]) {}

    /// Called once before the first step of this process.
    fn start(&mut self, _now: &StepContext<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Called before each step.
    fn before(&mut self) {}

    /// Called right after each step, before a probe is taken of it.
    fn after(&mut self) {}

    /// Called after each step.
    fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure>;

    /// Called once after the last step of this process, whether all steps are done or the user
    /// stopped it.
    fn end(&mut self, _now: &StepContext<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

/// A row of metrics that was recorded earlier: step and values.
pub(crate) type PastRow = (u64, Vec<f64>);
