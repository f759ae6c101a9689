//! Sheets of the same latents as the network learns.

use std::path::PathBuf;

use crate::engine::Tensor;
use crate::failure::Failure;
use crate::observe::{Moment, Numbers, Observer};
use crate::pictures;
use crate::storage::RealDisk;

/// Images on a sheet.
pub(crate) const COUNT: usize = 16;

/// Draws a sheet at the start and every so many steps.
pub(crate) struct Samples {
    run: PathBuf,
    every: u64,
    latents: Tensor,
}

impl Samples {
    /// Sheets of the run folder `run` from fixed latents.
    pub(crate) fn new(run: PathBuf, every: u64, latents: Tensor) -> Self {
        Self { run, every, latents }
    }

    fn draw(&self, now: &Moment<'_>) -> Result<(), Failure> {
        let path = self.run.join(format!("samples/step-{:06}.png", now.step));
        let pixels = pictures::bytes(&now.system.draw(&self.latents));
        pictures::write_sheet(&RealDisk, &path, &pixels, now.system.image_shape())
    }
}

impl Observer for Samples {
    fn start(&mut self, now: &Moment<'_>) -> Result<(), Failure> {
        if now.step == 0 { self.draw(now) } else { Ok(()) }
    }

    fn step(&mut self, now: &Moment<'_>, _numbers: &Numbers<'_>) -> Result<(), Failure> {
        if now.step.is_multiple_of(self.every) || now.step == now.total { self.draw(now) } else { Ok(()) }
    }
}
