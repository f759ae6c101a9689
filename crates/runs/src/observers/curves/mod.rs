//! The curves of a run as pictures for a report: `curves/loss.{svg,png}` and `curves/accuracy.{svg,png}`.
//!
//! This file knows which numbers go into which chart; `chart.rs` draws one.

mod chart;
mod reduced;

use std::path::{Path, PathBuf};

use chart::{Chart, Series};
use reduced::Reduced;

use models::System;

use crate::failure::Failure;
use crate::observers::forgiving::Forgiving;
use crate::observers::{Observer, Opened, StepContext, StepMetrics, TrainingContext};
use crate::storage::{self, Disk, RealDisk, StorageError};

/// Colours that print well and that people who see few colours can tell apart.
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

    fn step(&mut self, now: &StepContext<'_>, numbers: &StepMetrics<'_>) -> Result<(), Failure> {
        self.rows.add(now.step, numbers.values);
        if now.step.is_multiple_of(self.every) && now.step != now.total { self.draw(now) } else { Ok(()) }
    }

    fn end(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        self.draw(now)
    }
}

/// The charts of the rows, each with the name of its files. A metric is told by the end of its name.
fn charts(title: &str, metrics: &[&str], rows: &Reduced) -> Vec<(&'static str, Chart)> {
    let of = |ending: &str| -> Vec<Series> {
        let chosen = metrics.iter().enumerate().filter(|(_, name)| name.ends_with(ending));
        chosen
            .zip(COLORS.iter().cycle())
            .map(|((at, name), color)| Series {
                name: in_words(name.trim_end_matches(ending)).to_owned(),
                color: *color,
                points: rows.extremes(at),
                means: rows.means(at),
                per_mean: rows.size(),
            })
            .collect()
    };
    let chart = |heading: &str, label: &str, range, series| Chart {
        title: format!("{heading}: {title}"),
        y_label: label.to_owned(),
        range,
        series,
    };
    [
        ("loss", chart("Training loss", "Loss", None, of("_loss"))),
        ("accuracy", chart("Training accuracy", "Accuracy", Some((0.0, 1.0)), of("_acc"))),
        ("gradient", chart("Length of the critic's gradient", "Mean length", None, of("_norm"))),
        ("path", chart("How far pictures move with their styles", "Mean path length", None, of("_length"))),
        ("distance", chart("Distance that the critic sees", "D(reals) - D(fakes)", None, of("_distance"))),
    ]
    .into_iter()
    .filter(|(_, chart)| chart.series.iter().any(|series| !series.points.is_empty()))
    .collect()
}

/// What stands in the legend: the first letter of a metric says whose it is.
fn in_words(who: &str) -> &str {
    match who {
        "d" => "Discriminator",
        "g" => "Adversarial (generator)",
        "w" => "Wasserstein estimate",
        other => other,
    }
}

/// Draws `curves/quality` of the run folder `run`: lines of names and points (step, value).
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

/// Writes a chart in both forms.
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

    const METRICS: [&str; 4] = ["d_loss", "d_acc", "g_loss", "g_acc"];

    /// The rows of a run of `count` steps, changed by `change`.
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
        assert_eq!(charts("wgan", &["critic_loss"], &one).len(), 1);
    }
}
