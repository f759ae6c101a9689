//! An event file for TensorBoard in the run folder: every metric of every step, and the sheets of
//! samples. Written with `--tensorboard`, and by every process that resumes such a run.

mod record;

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use models::{MetricDescription, System};

use self::record::{Content, End, Png, event, record, step_of};
use crate::console::Console;
use crate::failure::Failure;
use crate::observers::forgiving::Forgiving;
use crate::observers::past_rows::free_name;
use crate::observers::{Observer, Opened, StepContext, StepRecord, TrainingContext};
use crate::storage::{Disk, RealDisk, StorageError, Unfinished, patiently};

/// The name of the file. TensorBoard takes every file with `tfevents` in its name for one of its
/// own, and names a run after its folder.
const NAME: &str = "events.out.tfevents.0.backdraw";
/// The tag of the sheets.
const SHEETS: &str = "samples";

/// Appends events.
struct Events<'a> {
    console: &'a Console,
    run: PathBuf,
    path: PathBuf,
    metrics: &'static [MetricDescription],
    /// None until the first step of this process.
    file: Option<File>,
    from: u64,
    sync_every: u64,
    /// The last step whose metrics the file has.
    last: u64,
    /// Metrics of earlier steps that the file lacks.
    missing: Vec<u8>,
}

/// Whether the run folder `run` has such a file.
pub(crate) fn is_in(run: &Path) -> bool {
    run.join(NAME).exists()
}

pub(super) fn open<'a>(training: &TrainingContext<'a>, system: &dyn System) -> Opened<'a> {
    let path = training.run.join(NAME);
    if !(training.tensorboard || training.from > 0 && is_in(training.run)) {
        return Ok(None);
    }
    let mut events = Events {
        console: training.console,
        run: training.run.to_owned(),
        path,
        metrics: system.metrics(),
        file: None,
        from: training.from,
        sync_every: training.config.checkpoint_every(),
        last: 0,
        missing: Vec::new(),
    };
    events.begin(&RealDisk)?;
    Ok(Some(Box::new(Forgiving::new(training.console, events))))
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

impl Events<'_> {
    /// Writes the beginning of the file: its version, or the events of an earlier process up to the
    /// step at which this one resumes. A damaged file is copied unchanged to a new name.
    fn begin(&mut self, disk: &dyn Disk) -> Result<(), Failure> {
        let failed = |error| StorageError::new("write", &self.path, error);
        let mut new = io::BufWriter::new(Unfinished::begin(disk, &self.path)?);
        let mut kept = 0;
        let old = if self.from > 0 { File::open(&self.path) } else { Err(io::ErrorKind::NotFound.into()) };
        let end = match old {
            Err(error) if error.kind() == io::ErrorKind::NotFound => End::Whole,
            old => {
                let mut keep = |data: &[u8]| {
                    let step = step_of(data).unwrap_or(u64::MAX);
                    if step > self.from {
                        return Ok(());
                    }
                    kept += 1;
                    self.last = self.last.max(step);
                    new.write_all(&record(data))
                };
                record::read(&mut BufReader::new(old.map_err(failed)?), &mut keep).map_err(failed)?
            }
        };
        if kept == 0 {
            new.write_all(&record(&event(now(), 0, Content::Version))).map_err(failed)?;
        }
        if end == End::Damaged {
            let aside = free_name(&self.path).ok_or_else(|| failed(io::ErrorKind::AlreadyExists.into()))?;
            std::fs::copy(&self.path, &aside).map_err(failed)?;
            self.console.say(&format!(
                "warning      {} is damaged: {kept} events kept; the damaged file was saved as {}",
                self.path.display(),
                aside.display()
            ));
        }
        new.into_inner().map_err(|error| failed(error.into_error()))?.finish()?;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let failed = |error| Failure::from(StorageError::new("write", &self.path, error));
        if self.file.is_none() {
            let file = patiently(&RealDisk, || OpenOptions::new().append(true).open(&self.path)).map_err(failed)?;
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        patiently(&RealDisk, || file.write_all(bytes)).map_err(failed)
    }

    /// The record of the metrics of a step.
    fn scalars(&self, step: u64, values: &[f64]) -> Vec<u8> {
        let tagged = self.metrics.iter().map(|metric| metric.name).zip(values.iter().copied());
        // An earlier version may not have measured all of them.
        let tagged: Vec<(&str, f64)> = tagged.filter(|(_, value)| !value.is_nan()).collect();
        record(&event(now(), step, Content::Scalars(&tagged)))
    }

    /// The sheet of samples of this step, if one was written.
    fn sheet(&mut self, step: u64) -> Result<(), Failure> {
        let path = self.run.join(format!("samples/step-{step:06}.png"));
        let Ok(bytes) = std::fs::read(&path) else { return Ok(()) };
        let Some(png) = header_of(&bytes) else { return Ok(()) };
        self.append(&record(&event(now(), step, Content::Image(SHEETS, png))))
    }
}

/// What the header of a PNG file says.
fn header_of(bytes: &[u8]) -> Option<Png<'_>> {
    let info = png::Decoder::new(io::Cursor::new(bytes)).read_info().ok()?;
    let info = info.info();
    Some(Png { width: info.width, height: info.height, channels: info.color_type.samples() as u32, bytes })
}

impl Observer for Events<'_> {
    fn past_step(&mut self, step: u64, values: &[f64]) {
        if step > self.last {
            let record = self.scalars(step, values);
            self.missing.extend(record);
        }
    }

    fn start(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        let missing = std::mem::take(&mut self.missing);
        self.append(&missing)?;
        if now.step == 0 { self.sheet(0) } else { Ok(()) }
    }

    fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure> {
        let record = self.scalars(now.step, numbers.values);
        self.append(&record)?;
        self.sheet(now.step)?;
        match &self.file {
            Some(file) if now.step.is_multiple_of(self.sync_every) => {
                file.sync_data().map_err(|error| StorageError::new("write", &self.path, error).into())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;
    use crate::{Output, Run};

    /// The steps of the events of the run folder `run`.
    fn steps_in(run: &Path) -> Vec<u64> {
        let mut steps = Vec::new();
        let mut visit = |data: &[u8]| {
            steps.extend(step_of(data));
            Ok(())
        };
        let bytes = std::fs::read(run.join(NAME)).unwrap();
        assert_eq!(record::read(&mut &bytes[..], &mut visit).unwrap(), End::Whole);
        steps
    }

    fn run(folder: &Path, steps: u32) -> Run {
        let run = Run::new(Fake::new).images(datasets::apples(9, 1)).out(folder).output(Output::Silent);
        run.steps(steps).checkpoint_every(2)
    }

    /// The version and the first sheet, each step, the last sheet.
    fn wanted(steps: u64) -> Vec<u64> {
        [0, 0].into_iter().chain(1..=steps).chain([steps]).collect()
    }

    #[test]
    fn a_resumed_run_has_every_step_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let whole = run(&path, 3).tensorboard().train().unwrap();
        assert_eq!(steps_in(&path), wanted(3));
        // Resumed without the option, from an earlier checkpoint.
        std::fs::remove_file(path.join("checkpoints/step-000003.safetensors")).unwrap();
        let again = run(&path, 3).train().unwrap();
        assert_eq!(again.weights_hash, whole.weights_hash);
        assert_eq!(steps_in(&path), wanted(3));
        // Killed within a record.
        let mut bytes = std::fs::read(path.join(NAME)).unwrap();
        bytes.truncate(bytes.len() - 9);
        std::fs::write(path.join(NAME), &bytes).unwrap();
        run(&path, 5).train().unwrap();
        let steps = steps_in(&path);
        assert!((1..=5).all(|step| steps.contains(&step)), "{steps:?}");
        // Damaged in the middle: the rest comes from metrics.csv, and the damaged file is kept.
        let mut bytes = std::fs::read(path.join(NAME)).unwrap();
        let middle = bytes.len() - 40;
        bytes[middle] ^= 1;
        std::fs::write(path.join(NAME), &bytes).unwrap();
        run(&path, 6).train().unwrap();
        let steps = steps_in(&path);
        assert!((1..=6).all(|step| steps.contains(&step)), "{steps:?}");
        assert_eq!(std::fs::read(path.join(format!("{NAME}.damaged-1"))).unwrap(), bytes);
    }

    #[test]
    fn a_run_without_the_option_has_no_file_and_gets_all_steps_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        run(&path, 2).train().unwrap();
        assert!(!path.join(NAME).exists());
        run(&path, 4).tensorboard().train().unwrap();
        let steps = steps_in(&path);
        assert!((1..=4).all(|step| steps.iter().filter(|each| **each == step).count() >= 1), "{steps:?}");
    }
}
