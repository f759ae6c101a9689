//! Measures the kernels during every step; writes a table to the console and to `timings.csv`.

use std::mem::take;
use std::path::PathBuf;

use kernels::allocations;
use kernels::timing::{self, Timings};
use models::System;

use crate::console::Console;
use crate::failure::Failure;
use crate::observers::{Observer, Opened, StepContext, StepRecord, TrainingContext};
use crate::storage::{RealDisk, write_whole};

/// The first steps allocate what later ones reuse, and are not counted.
const WARM_UP: u64 = 2;

/// Starts and stops the clock. The work of the probes and of the other observers is not counted.
struct StepTimings<'a> {
    console: &'a Console,
    path: PathBuf,
    seen: u64,
    timings: Timings,
    /// The number of large buffers allocated by the steps, and by the process before this step.
    buffers: u64,
    buffers_before: u64,
}

pub(super) fn open<'a>(training: &TrainingContext<'a>, _system: &dyn System) -> Opened<'a> {
    if !training.timings {
        return Ok(None);
    }
    let (console, path) = (training.console, training.run.join("timings.csv"));
    let timings = Timings::default();
    Ok(Some(Box::new(StepTimings { console, path, seen: 0, timings, buffers: 0, buffers_before: 0 })))
}

impl Observer for StepTimings<'_> {
    fn before(&mut self) {
        if self.seen == WARM_UP {
            (self.timings, self.buffers) = (Timings::default(), 0);
        }
        self.buffers_before = allocations::large();
        timing::start(take(&mut self.timings));
    }

    fn after(&mut self) {
        self.timings = timing::stop();
        self.buffers += allocations::large() - self.buffers_before;
    }

    fn step(&mut self, _now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure> {
        self.timings.end_step(numbers.seconds);
        self.seen += 1;
        Ok(())
    }

    fn end(&mut self, _now: &StepContext<'_>) -> Result<(), Failure> {
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
