//! Evaluates the samples during training, if the configuration sets `evaluate_every`: writes
//! `quality.csv` and `curves/quality`.
//!
//! It does not affect training: its latents come from separate random streams, and sampling is
//! inference only.

use std::path::PathBuf;

use metrics::Pca;
use metrics::suite::{self, Metric};
use models::System;

use crate::console::{Console, Output};
use crate::evaluation::{Evaluator, Measurement, Setup};
use crate::failure::Failure;
use crate::observers::forgiving::Forgiving;
use crate::observers::past_rows::Table;
use crate::observers::{Observer, Opened, PastRow, StepContext, StepRecord, TrainingContext};
use crate::storage::{self, RealDisk};

/// The number of images compared; a comparison takes a second or two.
const COUNT: usize = 1000;
/// The metrics in the chart: of images, and of points.
const DRAWN: [&str; 2] = ["frechet", "near"];

/// Evaluates every `every` steps and at the end.
struct Quality<'a> {
    console: &'a Console,
    run: PathBuf,
    title: String,
    every: u64,
    evaluator: Evaluator,
    history: Vec<PastRow>,
}

pub(super) fn open<'a>(training: &TrainingContext<'a>, _system: &dyn System) -> Opened<'a> {
    if training.config.evaluate_every() == 0 {
        return Ok(None);
    }
    Ok(Some(Box::new(Forgiving::new(training.console, Quality::new(training)?))))
}

impl<'a> Quality<'a> {
    /// Extracts the features of the real images, and reads the rows that an earlier process wrote.
    ///
    /// # Errors
    /// When there are too few real images.
    fn new(training: &TrainingContext<'a>) -> Result<Self, Failure> {
        let TrainingContext { console, config, data, from, .. } = *training;
        let (run, title) = (training.run.to_owned(), training.title());
        let (every, seed) = (config.evaluate_every(), config.seed());
        let metrics: Vec<&'static Metric> = suite::METRICS.iter().filter(|metric| metric.quick).collect();
        let setup = Setup { metrics, count: COUNT, seed, output: Output::Silent };
        let evaluator = Evaluator::new(data, None, setup, |reals| Ok(Box::new(Pca::fit(reals, 64))))?;
        let mut history: Vec<PastRow> = Vec::new();
        if from > 0 {
            let (path, table) = (run.join("quality.csv"), Table { header: None, numbers: None, words: 0, until: from });
            let report = table.read(&RealDisk, &path, &mut |_, step, numbers| {
                history.push((step, numbers.to_vec()));
                Ok(())
            })?;
            report.set_aside(&RealDisk, &path)?.iter().for_each(|note| console.say(note));
        }
        Ok(Self { console, run, title, every, evaluator, history })
    }

    fn measure(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        if self.history.last().is_some_and(|row| row.0 >= now.step) {
            return Ok(());
        }
        let rows =
            self.evaluator.measure(now.system.samples()).map_err(|failure| failure.at(format!("step {}", now.step)))?;
        self.history.push((now.step, rows.iter().map(|row| row.measured.number.value).collect()));
        let drawn: Vec<(usize, &Measurement)> =
            rows.iter().enumerate().filter(|(_, row)| DRAWN.contains(&row.measured.number.name)).collect();
        for (_, row) in &drawn {
            self.console.log(&format!("quality      step {}: {row}", now.step));
        }

        let mut text = format!("step,{}\n", rows.iter().map(column).collect::<Vec<_>>().join(","));
        for (step, values) in &self.history {
            let values: Vec<String> = values.iter().map(f64::to_string).collect();
            text += &format!("{step},{}\n", values.join(","));
        }
        storage::write_whole(&RealDisk, &self.run.join("quality.csv"), text.as_bytes())?;

        self.draw(now.step as f64, &drawn)
    }

    /// Draws the quality curve up to the step `last`.
    #[cfg(feature = "curves")]
    fn draw(&self, last: f64, drawn: &[(usize, &Measurement)]) -> Result<(), Failure> {
        let lines = drawn.iter().flat_map(|(at, row)| {
            let points = self.history.iter().filter_map(|(step, values)| Some((*step as f64, *values.get(*at)?)));
            let direction = row.direction.map_or_else(String::new, |direction| format!(" {direction}"));
            let (fakes, reals) = (format!("Fakes{direction}"), format!("Reals against reals{direction}"));
            let baseline = row.measured.baseline.map(|(value, _)| (reals, vec![(0.0, value), (last, value)]));
            [(fakes, points.collect())].into_iter().chain(baseline)
        });
        let label = drawn.first().map_or_else(String::new, |(_, row)| row.measured.label());
        crate::observers::curves::draw_quality(&self.run, &self.title, &label, lines.collect())
    }

    #[cfg(not(feature = "curves"))]
    fn draw(&self, _last: f64, _drawn: &[(usize, &Measurement)]) -> Result<(), Failure> {
        let _ = &self.title;
        Ok(())
    }
}

/// The column name of a measurement: includes the extractor and the number of images, but no comma.
fn column(row: &Measurement) -> String {
    let label = row.measured.label().replace(", ", " ");
    row.direction.map_or_else(|| label.clone(), |direction| format!("{direction} {label}"))
}

impl Observer for Quality<'_> {
    fn start(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        if now.step == 0 { self.measure(now) } else { Ok(()) }
    }

    fn step(&mut self, now: &StepContext<'_>, _numbers: &StepRecord<'_>) -> Result<(), Failure> {
        if now.is_due(self.every) { self.measure(now) } else { Ok(()) }
    }
}
