//! The curves of a run as pictures for a report: `curves/loss.{svg,png}` and `curves/accuracy.{svg,png}`.
//!
//! This file knows which numbers go into which chart; `chart.rs` draws one.

mod chart;

use std::path::{Path, PathBuf};

pub(crate) use chart::fonts;
use chart::{Chart, Series};

use crate::failure::Failure;
use crate::observe::{Moment, Numbers, Observer, PastRow};
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
pub(crate) struct Curves {
    run: PathBuf,
    every: u64,
    title: String,
    rows: Vec<PastRow>,
}

impl Curves {
    /// Curves of the run folder `run`, starting with the rows of earlier processes.
    pub(crate) fn new(run: PathBuf, every: u64, title: String, rows: Vec<PastRow>) -> Self {
        Self { run, every, title, rows }
    }

    fn draw(&self, now: &Moment<'_>) -> Result<(), Failure> {
        for (file, chart) in charts(&self.title, now.system.metrics(), &self.rows) {
            write(&RealDisk, &self.run.join("curves"), file, &chart)?;
        }
        Ok(())
    }
}

impl Observer for Curves {
    fn step(&mut self, now: &Moment<'_>, numbers: &Numbers<'_>) -> Result<(), Failure> {
        self.rows.push((now.step, numbers.values.to_vec()));
        if now.step.is_multiple_of(self.every) && now.step != now.total { self.draw(now) } else { Ok(()) }
    }

    fn end(&mut self, now: &Moment<'_>) -> Result<(), Failure> {
        self.draw(now)
    }
}

/// The charts of the rows, each with the name of its files. A metric is told by the end of its name.
fn charts(title: &str, metrics: &[&str], rows: &[PastRow]) -> Vec<(&'static str, Chart)> {
    let of = |ending: &str| -> Vec<Series> {
        let chosen = metrics.iter().enumerate().filter(|(_, name)| name.ends_with(ending));
        chosen
            .zip(COLORS.iter().cycle())
            .map(|((at, name), color)| Series {
                name: in_words(name.trim_end_matches(ending)).to_owned(),
                color: *color,
                points: rows.iter().map(|(step, values)| (*step as f64, values[at])).collect(),
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
pub(crate) fn draw_quality(
    run: &Path,
    title: &str,
    label: &str,
    lines: Vec<(String, Vec<(f64, f64)>)>,
) -> Result<(), Failure> {
    let colored = lines.into_iter().zip(COLORS.iter().cycle());
    let series = colored.map(|((name, points), color)| Series { name, color: *color, points }).collect();
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

    fn rows(count: u64) -> Vec<PastRow> {
        (1..=count)
            .map(|step| {
                let wave = (step as f64 * 0.37).sin();
                (step, vec![0.3 + 0.1 * wave, 0.8, 2.0 + wave + 40.0 / step as f64, 0.2])
            })
            .collect()
    }

    #[test]
    fn every_length_of_a_run_can_be_drawn() {
        for count in [1, 2, 3, 30, 5000] {
            for (name, chart) in charts("quickdraw", &METRICS, &rows(count)) {
                let svg = String::from_utf8(chart.svg().unwrap()).unwrap();
                assert!(svg.contains("Discriminator") && svg.contains("Adversarial") && svg.contains("Step"), "{name}");
                assert!(chart.png().unwrap().len() > 1000);
            }
        }
    }

    #[test]
    fn values_that_no_axis_can_hold_are_left_out() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e-300] {
            let mut rows = rows(20);
            rows[7].1 = vec![bad; 4];
            for (_, chart) in charts("quickdraw", &METRICS, &rows) {
                chart.svg().unwrap();
                chart.png().unwrap();
            }
            for row in &mut rows {
                row.1 = vec![bad; 4];
            }
            for (_, chart) in charts("quickdraw", &METRICS, &rows) {
                chart.svg().unwrap();
            }
        }
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert!(charts("quickdraw", &METRICS, &[]).is_empty());
        assert_eq!(charts("wgan", &["critic_loss"], &[(1, vec![0.5])]).len(), 1);
    }
}
