//! [`Observer`]: what watches a training without the training knowing it.
//!
//! The loop calculates the numbers of a step once and hands them to everyone in the list: the file of metrics, the
//! progress line, the sheets, the curves, the checkpoints. To add another, write one more observer.

pub mod checkpoints;
pub mod curves;
pub mod forgiving;
pub mod metrics_file;
pub mod notebook_log;
pub mod past_rows;
pub mod progress;
pub mod quality;
pub mod samples;
pub mod timings;

use crate::engine::System;
use crate::failure::Failure;

/// Where a training is.
pub struct Moment<'a> {
    /// Steps done since the run began, resumed or not.
    pub step: u64,
    /// Steps in all.
    pub total: u64,
    /// The system after these steps.
    pub system: &'a dyn System,
}

impl Moment<'_> {
    /// Whether it is time for what is done every so many steps, and at the end.
    pub fn is_due(&self, every: u64) -> bool {
        self.step.is_multiple_of(every) || self.step == self.total
    }
}

/// The numbers of one step.
pub struct Numbers<'a> {
    /// In the order of [`System::metrics`].
    pub values: &'a [f64],
    /// Wall time of the step.
    pub seconds: f64,
}

/// Watches a training. An error stops it.
pub trait Observer {
    /// Called once before the first step of this process.
    fn start(&mut self, _now: &Moment<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Called before each step.
    fn before(&mut self) {}

    /// Called after each step.
    fn step(&mut self, now: &Moment<'_>, numbers: &Numbers<'_>) -> Result<(), Failure>;

    /// Called once after the last step of this process, whether all steps are done or the user stopped it.
    fn end(&mut self, _now: &Moment<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

/// A row of metrics that was written before: its step and its values.
pub type PastRow = (u64, Vec<f64>);
