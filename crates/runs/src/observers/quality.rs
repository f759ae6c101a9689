//! Quality while training: `quality.csv` and `curves/quality`, if asked for with `--evaluate-every`.
//!
//! It only looks: latents come from streams of their own, and drawing is inference, so no bit of the training changes.

use std::path::PathBuf;

use metrics::Pca;
use metrics::suite::{self, Metric};

use crate::console::Console;
use crate::data::Dataset;
use crate::evaluation::{Row, Scale, Setup};
use crate::failure::Failure;
use crate::observers::curves;
use crate::observers::past_rows::Table;
use crate::observers::{Moment, Numbers, Observer, PastRow};
use crate::storage::{self, RealDisk};

/// Images that are compared: a second or two of work.
const COUNT: usize = 1000;
/// What is drawn: of images, and of points.
const DRAWN: [&str; 2] = ["frechet", "near"];

/// Measures every so many steps and at the end.
pub struct Quality<'a> {
    console: &'a Console,
    run: PathBuf,
    title: String,
    every: u64,
    scale: Scale,
    history: Vec<PastRow>,
}

impl<'a> Quality<'a> {
    /// Looks at the reals, and takes over the rows up to step `from` that an earlier process wrote.
    ///
    /// # Errors
    /// When there are too few reals.
    pub fn new(
        console: &'a Console,
        run: PathBuf,
        title: String,
        every: u64,
        seed: u64,
        data: &Dataset,
        from: u64,
    ) -> Result<Self, Failure> {
        let metrics: Vec<&'static Metric> = suite::METRICS.iter().filter(|metric| metric.quick).collect();
        let setup = Setup { metrics, count: COUNT, seed };
        let scale = Scale::new(data, None, setup, |reals| Ok(Box::new(Pca::fit(reals, 64))))?;
        let mut history: Vec<PastRow> = Vec::new();
        if from > 0 {
            let (path, table) = (run.join("quality.csv"), Table { header: None, numbers: None, until: from });
            let report = table.read(&RealDisk, &path, &mut |_, step, numbers| {
                history.push((step, numbers.to_vec()));
                Ok(())
            })?;
            report.set_aside(&RealDisk, &path)?.iter().for_each(|note| console.say(note));
        }
        Ok(Self { console, run, title, every, scale, history })
    }

    fn measure(&mut self, now: &Moment<'_>) -> Result<(), Failure> {
        if self.history.last().is_some_and(|row| row.0 >= now.step) {
            return Ok(());
        }
        let rows =
            self.scale.weigh(now.system.samples()).map_err(|failure| failure.at(format!("step {}", now.step)))?;
        self.history.push((now.step, rows.iter().map(|row| row.measured.number.value).collect()));
        let drawn: Vec<(usize, &Row)> =
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

        let last = now.step as f64;
        let lines = drawn.iter().flat_map(|(at, row)| {
            let points = self.history.iter().filter_map(|(step, values)| Some((*step as f64, *values.get(*at)?)));
            let direction = row.direction.map_or_else(String::new, |direction| format!(" {direction}"));
            let (fakes, reals) = (format!("Fakes{direction}"), format!("Reals against reals{direction}"));
            let baseline = row.measured.baseline.map(|(value, _)| (reals, vec![(0.0, value), (last, value)]));
            [(fakes, points.collect())].into_iter().chain(baseline)
        });
        let label = drawn.first().map_or_else(String::new, |(_, row)| row.measured.label());
        curves::draw_quality(&self.run, &self.title, &label, lines.collect())
    }
}

/// The name of a number's column: with its extractor and number of images, but no comma.
fn column(row: &Row) -> String {
    let label = row.measured.label().replace(", ", " ");
    row.direction.map_or_else(|| label.clone(), |direction| format!("{direction} {label}"))
}

impl Observer for Quality<'_> {
    fn start(&mut self, now: &Moment<'_>) -> Result<(), Failure> {
        if now.step == 0 { self.measure(now) } else { Ok(()) }
    }

    fn step(&mut self, now: &Moment<'_>, _numbers: &Numbers<'_>) -> Result<(), Failure> {
        if now.is_due(self.every) { self.measure(now) } else { Ok(()) }
    }
}
