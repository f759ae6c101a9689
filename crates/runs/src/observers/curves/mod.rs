//! Draws the curves of a run: `curves/loss.{svg,png}` and `curves/accuracy.{svg,png}`.
//!
//! This file decides which metrics go into which chart; `chart.rs` draws a chart.

mod chart;

use std::path::{Path, PathBuf};

use chart::{Chart, Series};

use models::System;
use models::step_metrics::{self, MetricDescription};

use crate::failure::Failure;
use crate::observers::forgiving::Forgiving;
use crate::observers::reduced::Reduced;
use crate::observers::{Observer, Opened, StepContext, StepRecord, TrainingContext};
use crate::storage::{self, Disk, RealDisk, StorageError};

/// Colours that print well and that people with colour blindness can distinguish.
const COLORS: [(u8, u8, u8); 8] = [
    (0, 90, 181),
    (220, 90, 20),
    (40, 140, 70),
    (150, 60, 150),
    (120, 120, 20),
    (90, 90, 90),
    (60, 180, 220),
    (200, 60, 90),
];

/// Redraws the curves whenever a sheet of samples is drawn.
struct Curves {
    run: PathBuf,
    every: u64,
    title: String,
    rows: Reduced,
}

pub(super) fn open<'a>(training: &TrainingContext<'a>, _system: &dyn System) -> Opened<'a> {
    let (run, every) = (training.run.to_owned(), training.config.sample_every());
    let curves = Curves { run, every, title: training.title(), rows: Reduced::default() };
    Ok(Some(Box::new(Forgiving::new(training.console, curves))))
}

impl Curves {
    fn draw(&self, now: &StepContext<'_>) -> Result<(), Failure> {
        for (file, chart) in charts(&self.title, now.system.metrics(), &self.rows) {
            write(&RealDisk, &self.run.join("curves"), file, &chart)?;
        }
        Ok(())
    }
}

impl Observer for Curves {
    fn past_step(&mut self, step: u64, values: &[f64]) {
        self.rows.add(step, values);
    }

    fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure> {
        self.rows.add(now.step, numbers.values);
        if now.step.is_multiple_of(self.every) && now.step != now.total { self.draw(now) } else { Ok(()) }
    }

    fn end(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        self.draw(now)
    }
}

/// The charts that the metrics belong to, with their file names and the data in `rows`.
fn charts(title: &str, metrics: &[MetricDescription], rows: &Reduced) -> Vec<(&'static str, Chart)> {
    let mut charts: Vec<(&'static str, Chart)> = Vec::new();
    for (at, metric) in metrics.iter().enumerate() {
        let Some((on, label)) = metric.chart else { continue };
        let place = charts.iter().position(|(file, _)| *file == on.file).unwrap_or_else(|| {
            charts.push((on.file, empty(on, title)));
            charts.len() - 1
        });
        let series = &mut charts[place].1.series;
        series.push(Series {
            name: label.to_owned(),
            color: COLORS[series.len() % COLORS.len()],
            points: rows.extremes(at),
            means: rows.means(at),
            per_mean: rows.size(),
        });
    }
    charts.retain(|(_, chart)| chart.series.iter().any(|series| !series.points.is_empty()));
    charts
}

/// A chart without lines.
fn empty(chart: step_metrics::Chart, title: &str) -> Chart {
    let title = format!("{}: {title}", chart.title);
    Chart { title, y_label: chart.label.to_owned(), range: chart.range, series: Vec::new() }
}

/// Draws `curves/quality` of the run folder `run`: named lines with their points (step, value).
///
/// # Errors
/// When it cannot be drawn or written.
pub(super) fn draw_quality(
    run: &Path,
    title: &str,
    label: &str,
    lines: Vec<(String, Vec<(f64, f64)>)>,
) -> Result<(), Failure> {
    let colored = lines.into_iter().zip(COLORS.iter().cycle());
    let series = colored.map(|((name, points), color)| {
        let means = points.clone();
        Series { name, color: *color, points, means, per_mean: 1 }
    });
    let series = series.collect();
    let chart = Chart { title: format!("Quality: {title}"), y_label: label.to_owned(), range: None, series };
    write(&RealDisk, &run.join("curves"), "quality", &chart)
}

/// Writes a chart in both formats.
fn write(disk: &dyn Disk, folder: &Path, name: &str, chart: &Chart) -> Result<(), Failure> {
    for (ending, bytes) in [("svg", chart.svg()), ("png", chart.png())] {
        let path = folder.join(format!("{name}.{ending}"));
        let bytes = bytes.map_err(|why| StorageError::drawing(&path, why))?;
        storage::write_whole(disk, &path, &bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use step_metrics::{D_ACC, D_LOSS, G_ACC, G_LOSS};

    const METRICS: [MetricDescription; 4] = [D_LOSS, D_ACC, G_LOSS, G_ACC];

    /// The rows of a run of `count` steps, modified by `change`.
    fn rows(count: u64, change: impl Fn(u64, &mut [f64])) -> Reduced {
        let mut rows = Reduced::default();
        for step in 1..=count {
            let wave = (step as f64 * 0.37).sin();
            let mut values = [0.3 + 0.1 * wave, 0.8, 2.0 + wave + 40.0 / step as f64, 0.2];
            change(step, &mut values);
            rows.add(step, &values);
        }
        rows
    }

    #[test]
    fn every_length_of_a_run_can_be_drawn() {
        for count in [1, 2, 3, 30, 5000, 20_000] {
            for (name, chart) in charts("quickdraw", &METRICS, &rows(count, |_, _| {})) {
                let svg = String::from_utf8(chart.svg().unwrap()).unwrap();
                assert!(svg.contains("Discriminator") && svg.contains("Adversarial") && svg.contains("Step"), "{name}");
                assert!(chart.png().unwrap().len() > 1000);
            }
        }
    }

    /// The chart of a metric depends on its description, not on its name.
    #[test]
    fn a_metric_is_drawn_on_the_chart_that_it_names() {
        const OWN: step_metrics::Chart = step_metrics::Chart { file: "energy", ..step_metrics::Chart::LOSS };
        const METRICS: [MetricDescription; 3] = [
            MetricDescription { name: "energy", ..D_LOSS.on(OWN, "Free energy") },
            MetricDescription { name: "weight_norm", chart: None, ..D_LOSS },
            MetricDescription { name: "critic", ..D_LOSS },
        ];
        let mut rows = Reduced::default();
        rows.add(1, &[0.5, 1.0, 2.0]);
        let found = charts("own", &METRICS, &rows);
        let lines = |chart: &Chart| chart.series.iter().map(|line| line.name.clone()).collect::<Vec<_>>();
        let found: Vec<_> = found.iter().map(|(file, chart)| (*file, lines(chart))).collect();
        assert_eq!(found, [("energy", vec!["Free energy".to_owned()]), ("loss", vec!["Discriminator".to_owned()])]);
    }

    #[test]
    fn values_that_no_axis_can_hold_are_left_out() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e-300] {
            for only in [Some(8), None] {
                let rows = rows(20, |step, values| {
                    if only.is_none_or(|only| only == step) {
                        values.fill(bad);
                    }
                });
                for (_, chart) in charts("quickdraw", &METRICS, &rows) {
                    chart.svg().unwrap();
                    chart.png().unwrap();
                }
            }
        }
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert!(charts("quickdraw", &METRICS, &Reduced::default()).is_empty());
        let mut one = Reduced::default();
        one.add(1, &[0.5]);
        assert_eq!(charts("wgan", &[D_LOSS], &one).len(), 1);
    }
}
