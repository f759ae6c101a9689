//! Sheets of the same subjects as the network learns.

use std::path::PathBuf;

use crate::data::Dataset;
use crate::engine::{Direction, Sampler, System, Tensor};
use crate::failure::Failure;
use crate::observe::{Moment, Numbers, Observer};
use crate::pictures;
use crate::storage::RealDisk;

/// Images on a sheet.
pub(crate) const COUNT: usize = 16;

/// Draws sheets at the start and every so many steps.
pub(crate) struct Samples {
    run: PathBuf,
    every: u64,
    subjects: Subjects,
}

/// What all sheets of a run are drawn from.
enum Subjects {
    Latents(Tensor),
    /// Images of the two domains.
    Images([Tensor; 2]),
}

impl Samples {
    /// Sheets in the run folder `run`: of fixed latents of the run's `seed`, or of the first images of `data`.
    pub(crate) fn new(run: PathBuf, every: u64, system: &dyn System, seed: u64, data: &Dataset) -> Self {
        let subjects = match system.samples() {
            Sampler::Latents(sampler) => Subjects::Latents(sampler.latents(seed, "samples", COUNT)),
            Sampler::Images(_) => {
                let first: Vec<Vec<usize>> =
                    data.counts().iter().map(|count| (0..*count.min(&COUNT)).collect()).collect();
                let images = data.batch(&first).try_into();
                Subjects::Images(images.expect("a system that translates learns from two domains"))
            }
        };
        Self { run, every, subjects }
    }

    /// The sheets after this step: the end of each one's file name, and its images.
    fn draw(&self, system: &dyn System) -> Vec<(&'static str, Tensor)> {
        match (system.samples(), &self.subjects) {
            (Sampler::Latents(sampler), Subjects::Latents(latents)) => vec![("", sampler.draw(latents))],
            (Sampler::Images(sampler), Subjects::Images([a, b])) => vec![
                ("-a-to-b", sampler.translate(Direction::AToB, a)),
                ("-b-to-a", sampler.translate(Direction::BToA, b)),
            ],
            _ => unreachable!("a system keeps its way of drawing"),
        }
    }

    fn write(&self, now: &Moment<'_>) -> Result<(), Failure> {
        for (end, images) in self.draw(now.system) {
            let path = self.run.join(format!("samples/step-{:06}{end}.png", now.step));
            pictures::write_sheet(&RealDisk, &path, &pictures::bytes(&images), now.system.image_shape())?;
        }
        Ok(())
    }
}

impl Observer for Samples {
    fn start(&mut self, now: &Moment<'_>) -> Result<(), Failure> {
        if now.step == 0 { self.write(now) } else { Ok(()) }
    }

    fn step(&mut self, now: &Moment<'_>, _numbers: &Numbers<'_>) -> Result<(), Failure> {
        if now.step.is_multiple_of(self.every) || now.step == now.total { self.write(now) } else { Ok(()) }
    }
}
