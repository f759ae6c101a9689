//! `--timings`: the clock of the kernels runs during every step, and at the end tells what it found.

use std::mem::take;
use std::path::{Path, PathBuf};

use crate::console::Console;
use crate::engine::timing::{self, Timings};
use crate::failure::Failure;
use crate::observe::{Moment, Numbers, Observer};
use crate::storage::{RealDisk, write_whole};

/// The first steps make what later ones use again, and are left out.
const WARM_UP: u64 = 2;

/// Runs the clock. Stands before all other observers, so that what they do is not counted.
pub(crate) struct StepTimings<'a> {
    console: &'a Console,
    path: PathBuf,
    seen: u64,
    timings: Timings,
}

impl<'a> StepTimings<'a> {
    /// A clock that tells `console` and writes `timings.csv` in the run folder `run`.
    pub(crate) fn new(console: &'a Console, run: &Path) -> Self {
        Self { console, path: run.join("timings.csv"), seen: 0, timings: Timings::default() }
    }
}

impl Observer for StepTimings<'_> {
    fn before(&mut self) {
        let timings = take(&mut self.timings);
        timing::start(if self.seen == WARM_UP { Timings::default() } else { timings });
    }

    fn step(&mut self, _now: &Moment<'_>, numbers: &Numbers<'_>) -> Result<(), Failure> {
        self.timings = timing::stop();
        self.timings.end_step(numbers.seconds);
        self.seen += 1;
        Ok(())
    }

    fn end(&mut self, _now: &Moment<'_>) -> Result<(), Failure> {
        if self.seen == 0 {
            return Ok(());
        }
        for line in self.timings.to_string().lines() {
            self.console.data(line)?;
        }
        Ok(write_whole(&RealDisk, &self.path, self.timings.csv().as_bytes())?)
    }
}
