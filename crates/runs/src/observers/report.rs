//! Keeps the [report](crate::report) of the run up to date: `report.html`, and its data in
//! `report/data.js` and `report/record.json`.

use std::path::PathBuf;

use models::System;

use crate::checkpoint::weights_hash;
use crate::config::Config;
use crate::failure::Failure;
use crate::observers::forgiving::Forgiving;
use crate::observers::probe::Probe;
use crate::observers::{Observer, Opened, StepContext, StepRecord, TrainingContext};
use crate::report::document::{Document, Record};
use crate::report::folder::{self, RECORD};
use crate::report::gathered::Gathered;
use crate::report::html;
use crate::report::pictures::Studio;
use crate::storage::{Unsynced, write_whole};

/// Rewrites the report whenever a sheet of samples is drawn.
struct Report<'a> {
    run: PathBuf,
    config: &'a Config,
    every: u64,
    gathered: Gathered,
    studio: Studio<'a>,
    record: Record,
}

pub(super) fn open<'a>(training: &TrainingContext<'a>, _system: &dyn System) -> Opened<'a> {
    let TrainingContext { run, config, data, .. } = *training;
    let studio = Studio::new(run, config.seed(), data);
    let earlier = if training.from > 0 { folder::read_record(run) } else { None };
    let record = Record { data: data.origin().to_owned(), hash: None, ..earlier.unwrap_or_default() };
    let (run, every, gathered) = (run.to_owned(), config.sample_every(), Gathered::default());
    let report = Report { run, config, every, gathered, studio, record };
    Ok(Some(Box::new(Forgiving::new(training.console, report))))
}

impl Report<'_> {
    fn write(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        self.record.step = now.step;
        self.studio.sheet_of(now.step, now.system, &mut self.record)?;
        let record = self.record.clone();
        let json = serde_json::to_string(&record).expect("a record is plain data");
        write_whole(&Unsynced, &self.run.join(RECORD), json.as_bytes())?;
        let (config, metrics) = (self.config, now.system.metrics());
        let report =
            folder::assemble(&self.run, Some(config), config.to_toml(), &self.gathered, metrics, now.step, record);
        let title = format!("{}, {}", report.name, config.entry.name);
        let document = Document { title, runs: vec![report] };
        write_whole(&Unsynced, &self.run.join("report/data.js"), html::data(&document).as_bytes())?;
        Ok(write_whole(&Unsynced, &self.run.join("report.html"), html::live(&document).as_bytes())?)
    }
}

impl Observer for Report<'_> {
    fn past_step(&mut self, step: u64, values: &[f64]) {
        self.gathered.add_row(step, values);
    }

    fn past_probe(&mut self, probe: &Probe) {
        self.gathered.add_probe(probe);
    }

    fn start(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        self.write(now)
    }

    fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure> {
        self.gathered.add_row(now.step, numbers.values);
        if let Some(probe) = numbers.probe {
            self.gathered.add_probe(probe);
            self.studio.seen(probe, &mut self.record)?;
        }
        // The last step is reported at the end.
        if now.step.is_multiple_of(self.every) && now.step != now.total { self.write(now) } else { Ok(()) }
    }

    fn end(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        self.record.hash = Some(weights_hash(&now.system.state()));
        self.studio.walk(now.step, now.system, &mut self.record)?;
        self.write(now)
    }
}
