//! [`Columns`]: the metrics of a run, as `metrics.csv` holds them.

use std::path::Path;

/// The metrics of a run.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    names: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl Columns {
    /// Reads `metrics.csv` of the run in this folder; without rows if there is none yet.
    pub(crate) fn of_run(run: &Path) -> Self {
        let text = std::fs::read_to_string(run.join("metrics.csv")).unwrap_or_default();
        let mut lines = text.lines().map(|line| line.split(','));
        let names = lines.next().unwrap_or_else(|| "".split(',')).map(str::to_owned).collect();
        let rows = lines.map(|line| line.map(|number| number.parse().unwrap_or(f64::NAN)).collect()).collect();
        Self { names, rows }
    }

    /// The names of the metrics.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).filter(|name| !matches!(*name, "step" | "seconds"))
    }

    /// The number of steps.
    pub fn steps(&self) -> usize {
        self.rows.len()
    }

    /// The mean of a metric over the last fifth of the steps; NaN if there is no such metric.
    pub fn late(&self, metric: &str) -> f64 {
        let Some(column) = self.names.iter().position(|name| name == metric) else { return f64::NAN };
        let last = &self.rows[self.rows.len() * 4 / 5..];
        last.iter().map(|row| row[column]).sum::<f64>() / last.len() as f64
    }

    /// How far the discriminator rates samples below the fakes of training.
    pub fn gap(&self) -> f64 {
        self.late("d_fake") - self.late("d_sample")
    }
}
