//! Sheets of samples: the same latents (or source images) at different stages of training.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use models::{Direction, Sampler, System, Translate};
use tensor::Tensor;

use crate::console::Console;
use crate::failure::Failure;
use crate::observers::forgiving::Forgiving;
use crate::observers::{Observer, Opened, StepContext, StepRecord, TrainingContext};
use crate::sampling::pictures::{self, Arrangement};
use crate::sampling::plane;
use crate::sampling::styles::StyleSheet;
use crate::storage::RealDisk;

/// Images on a sheet.
pub(crate) const COUNT: usize = 16;
/// The number of pictures of each domain on a sheet of translations.
pub(crate) const ROWS: usize = 6;

/// The random stream of the latents for the sheets.
pub(crate) const STREAM: &str = "samples";

/// Draws sheets at the start and every `every` steps, and those of styles at the end.
struct Samples<'a> {
    console: &'a Console,
    run: PathBuf,
    every: u64,
    seed: u64,
    subjects: Subjects,
    /// The level of a growing system at the previous step.
    level: Option<String>,
}

/// The inputs that all sheets of a run are drawn from.
enum Subjects {
    Latents(Tensor),
    /// Images of the two domains.
    Images([Tensor; 2]),
}

/// Opens the observer, with fixed latents of the run's seed or with fixed images of its data.
pub(super) fn open<'a>(training: &TrainingContext<'a>, system: &dyn System) -> Opened<'a> {
    let samples = Samples::new(training, system)?;
    Ok(Some(Box::new(Forgiving::new(training.console, samples))))
}

impl<'a> Samples<'a> {
    fn new(training: &TrainingContext<'a>, system: &dyn System) -> Result<Self, Failure> {
        let TrainingContext { console, data, config, .. } = *training;
        let run = training.run.to_owned();
        let (every, seed) = (config.sample_every(), config.seed());
        let subjects = match system.samples() {
            Sampler::Latents(sampler) => Subjects::Latents(sampler.latents(seed, STREAM, COUNT)),
            Sampler::Points(plane) => Subjects::Latents(plane.sampler.latents(seed, STREAM, plane::COUNT)),
            Sampler::Images(_) => {
                let images = data.batch(&data.counts().into_iter().map(of_sheet).collect::<Vec<_>>())?.try_into();
                Subjects::Images(images.expect("a system that translates learns from two domains"))
            }
        };
        Ok(Self { console, run, every, seed, subjects, level: None })
    }

    /// Writes the sheet for this step.
    fn write(&self, now: &StepContext<'_>) -> Result<(), Failure> {
        self.write_as(&format!("step-{:06}", now.step), now)
    }

    /// Writes a sheet at the end of a level. At that moment, the next level's blending weight is
    /// still close to zero.
    fn level_is_done(&self, now: &StepContext<'_>) -> Result<(), Failure> {
        self.level.as_ref().map_or(Ok(()), |level| self.write_as(&format!("level-{level}"), now))
    }

    fn write_as(&self, name: &str, now: &StepContext<'_>) -> Result<(), Failure> {
        let path = self.path(name);
        let (images, arrangement, pixels) = match (now.system.samples(), &self.subjects) {
            (Sampler::Points(plane), Subjects::Latents(latents)) => {
                let points = plane::in_parts(latents, |part| plane.sampler.draw(part));
                self.warn(pictures::warning(&path, [&points].into_iter(), "such points are not shown"));
                return plane::write_points(&path, plane, &points, self.seed);
            }
            (Sampler::Latents(sampler), Subjects::Latents(latents)) => {
                let image = now.system.image_shape().unwrap_or_default();
                let draw = |rows| sampler.draw(&latents.rows(rows));
                let images = pictures::in_parts(latents.shape()[0], image, draw);
                self.warn(pictures::warning(&path, [&images].into_iter(), pictures::MARKED));
                let pixels = pictures::bytes(&images);
                (images, Arrangement::default(), pixels)
            }
            (Sampler::Images(sampler), Subjects::Images([a, b])) => {
                let sides = [columns(sampler, Direction::AToB, a), columns(sampler, Direction::BToA, b)].concat();
                self.warn(pictures::warning(&path, sides.iter(), pictures::MARKED));
                let pixels = pictures::side_by_side(&sides);
                (a.clone(), Arrangement::in_columns(sides.len()), pixels)
            }
            _ => unreachable!("the kind of a system's sampler never changes"),
        };
        pictures::write_sheet(&RealDisk, &path, &pixels, image_of(&images), arrangement)
    }

    fn warn(&self, warning: Option<String>) {
        warning.iter().for_each(|line| self.console.say(line));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.run.join(format!("samples/{name}.png"))
    }
}

/// The sheets of the run in the folder `run`, `samples/step-NNNNNN.png`, by their steps.
pub(crate) fn sheets(run: &Path) -> BTreeMap<u64, PathBuf> {
    let step = |path: &Path| -> Option<u64> {
        let digits = path.file_name()?.to_str()?.strip_prefix("step-")?.strip_suffix(".png")?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let paths = fs::read_dir(run.join("samples")).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter_map(|path| Some((step(&path)?, path))).collect()
}

/// The numbers of the images of a domain of `count` that a sheet of translations shows.
pub(crate) fn of_sheet(count: usize) -> Vec<usize> {
    (0..ROWS).map(|row| row * count / ROWS).collect()
}

/// Height, width and channels of these images.
fn image_of(images: &Tensor) -> [usize; 3] {
    [1, 2, 3].map(|axis| images.shape()[axis])
}

/// The number of [`columns`].
pub(crate) const COLUMNS: usize = 4;

/// Columns for pictures of one domain: themselves, their translations, their reconstructions, and
/// the output of the generator that paints their own domain (which should leave them unchanged).
pub(crate) fn columns(sampler: &dyn Translate, direction: Direction, images: &Tensor) -> Vec<Tensor> {
    let there = sampler.translate(direction, images);
    let home = sampler.translate(direction.reverse(), &there);
    let identity = sampler.translate(direction.reverse(), images);
    vec![images.clone(), there, home, identity]
}

impl Observer for Samples<'_> {
    fn start(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        self.level = now.system.level();
        if now.step == 0 { self.write(now) } else { Ok(()) }
    }

    fn step(&mut self, now: &StepContext<'_>, _numbers: &StepRecord<'_>) -> Result<(), Failure> {
        let level = now.system.level();
        if level != self.level || now.step == now.total {
            self.level_is_done(now)?;
            self.level = level;
        }
        if now.is_due(self.every) { self.write(now) } else { Ok(()) }
    }

    fn end(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        let Sampler::Latents(sampler) = now.system.samples() else { return Ok(()) };
        let Some(styles) = sampler.styles().filter(|_| now.step == now.total) else { return Ok(()) };
        for sheet in StyleSheet::ALL {
            let latents = sampler.latents(self.seed, STREAM, sheet.latents(sheet.default_count()));
            let columns = sheet.draw(styles, &latents, self.seed, now.system.image_shape().unwrap_or_default(), &|| ());
            let arrangement = Arrangement::in_columns(columns.len());
            self.warn(pictures::warning(&self.path(sheet.name()), columns.iter(), pictures::MARKED));
            let (image, pixels) = (image_of(&columns[0]), pictures::side_by_side(&columns));
            pictures::write_sheet(&RealDisk, &self.path(sheet.name()), &pixels, image, arrangement)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::console::Output;
    use crate::fake::{Fake, dataset};
    use crate::observers::LogStyle;
    use crate::systems::SYSTEMS;

    #[test]
    fn a_sheet_of_numbers_that_are_not_finite_says_so() {
        for (shade, words) in [(0.5, ""), (f32::NAN, "step-000000.png: 12544 of 12544 numbers are NaN or infinite")] {
            let run = tempfile::tempdir().unwrap();
            std::fs::create_dir(run.path().join("samples")).unwrap();
            let console = Console::logging_to(run.path(), &Output::Silent).unwrap();
            let (mut fake, data) = (Fake::new(1), dataset(4));
            fake.shade = shade;
            let (config, log) = (Config::resolve(&SYSTEMS[0], &[]).unwrap(), LogStyle::Default);
            let training = TrainingContext {
                console: &console,
                run: run.path(),
                config: &config,
                data: &data,
                from: 0,
                log,
                bar: None,
                timings: false,
                alarm: &Default::default(),
                tensorboard: false,
            };
            let mut samples = Samples::new(&training, &fake).unwrap();
            samples.start(&StepContext { step: 0, total: 1, system: &fake }).unwrap();
            let log = std::fs::read_to_string(run.path().join("log.txt")).unwrap();
            assert!(if words.is_empty() { log.is_empty() } else { log.contains(words) }, "{log}");
            assert!(run.path().join("samples/step-000000.png").exists(), "it is drawn, with a mark");
        }
    }
}
