//! `--timings`: the clock of the kernels runs during every step, and at the end tells what it found.

use std::mem::take;
use std::path::{Path, PathBuf};

use crate::console::Console;
use crate::engine::allocations;
use crate::engine::timing::{self, Timings};
use crate::failure::Failure;
use crate::observers::{Moment, Numbers, Observer};
use crate::storage::{RealDisk, write_whole};

/// The first steps make what later ones use again, and are left out.
const WARM_UP: u64 = 2;

/// Runs the clock. Stands before all other observers, so that what they do is not counted.
pub struct StepTimings<'a> {
    console: &'a Console,
    path: PathBuf,
    seen: u64,
    timings: Timings,
    /// Large buffers that the steps have made, and how many the process had made before this one.
    buffers: u64,
    buffers_before: u64,
}

impl<'a> StepTimings<'a> {
    /// A clock that tells `console` and writes `timings.csv` in the run folder `run`.
    pub fn new(console: &'a Console, run: &Path) -> Self {
        let path = run.join("timings.csv");
        Self { console, path, seen: 0, timings: Timings::default(), buffers: 0, buffers_before: 0 }
    }
}

impl Observer for StepTimings<'_> {
    fn before(&mut self) {
        if self.seen == WARM_UP {
            (self.timings, self.buffers) = (Timings::default(), 0);
        }
        self.buffers_before = allocations::large();
        timing::start(take(&mut self.timings));
    }

    fn step(&mut self, _now: &Moment<'_>, numbers: &Numbers<'_>) -> Result<(), Failure> {
        self.timings = timing::stop();
        self.timings.end_step(numbers.seconds);
        self.buffers += allocations::large() - self.buffers_before;
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
        let size = allocations::LARGE / 1024;
        self.console.data(&format!("large buffers ({size} KiB and more) made in these steps: {}", self.buffers))?;
        Ok(write_whole(&RealDisk, &self.path, self.timings.csv().as_bytes())?)
    }
}
