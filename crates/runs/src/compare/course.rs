//! The course of the metrics of a run, and the first step at which those of two runs differ.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::observers::past_rows::{Table, header};
use crate::storage::RealDisk;

/// The mean at the end of a run is over so many rows.
const LAST: usize = 100;

/// A table of a run folder, as far as it can be read.
#[derive(Default)]
pub(super) struct Rows {
    names: Vec<String>,
    rows: BTreeMap<u64, Vec<f64>>,
    is_there: bool,
    damaged: u64,
    unreadable: Option<String>,
}

impl Rows {
    /// Reads the table `path`.
    pub(super) fn read(path: &Path) -> Self {
        let mut rows = Self::default();
        let table = Table { header: None, numbers: None, words: 0, until: u64::MAX };
        let mut keep = |_: &str, step: u64, numbers: &[f64]| {
            rows.rows.insert(step, numbers.to_vec());
            Ok(())
        };
        match table.read(&RealDisk, path, &mut keep) {
            Ok(report) => (rows.is_there, rows.damaged) = (report.is_there, report.damaged),
            Err(error) => rows.unreadable = Some(error.to_string()),
        }
        // Without the step.
        rows.names = header(path).iter().flat_map(|line| line.split(',').skip(1)).map(str::to_owned).collect();
        rows
    }

    /// What is wrong with the table called `name`; a table that is not `required` may be absent.
    pub(super) fn note(&self, name: &str, required: bool) -> Option<String> {
        if let Some(why) = &self.unreadable {
            return Some(format!("{name}: {why}"));
        }
        if !self.is_there {
            return required.then(|| format!("{name}: the file is missing"));
        }
        let damaged = format!("{name}: {} damaged lines, {} rows can be read", self.damaged, self.rows.len());
        (self.damaged > 0).then_some(damaged)
    }

    /// The values of a column, by step, without those that were not measured.
    fn column(&self, name: &str) -> Option<Vec<(u64, f64)>> {
        let at = self.names.iter().position(|known| known == name)?;
        let values = self.rows.iter().filter_map(|(step, values)| Some((*step, *values.get(at)?)));
        Some(values.filter(|(_, value)| !value.is_nan()).collect())
    }
}

/// A metric in all runs.
#[derive(Clone, Debug, Serialize)]
pub struct MetricRow {
    /// Its name: the column.
    pub name: String,
    /// Its course in each run; None where the run does not have it.
    pub runs: Vec<Option<Course>>,
}

/// How a metric went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Course {
    /// The number of values.
    pub count: usize,
    /// The last value and its step.
    pub last: (u64, f64),
    /// The mean of the last 100 values, or of all if there are fewer.
    pub mean: f64,
    /// The smallest value and its step, the first if there are several.
    pub lowest: (u64, f64),
    /// The largest value and its step.
    pub highest: (u64, f64),
}

impl Course {
    fn of(values: &[(u64, f64)]) -> Option<Self> {
        let tail = &values[values.len().saturating_sub(LAST)..];
        let mean = tail.iter().map(|(_, value)| value).sum::<f64>() / tail.len() as f64;
        let best = |better: fn(f64, f64) -> bool| {
            values.iter().copied().reduce(|best, next| if better(next.1, best.1) { next } else { best })
        };
        Some(Self {
            count: values.len(),
            last: *values.last()?,
            mean,
            lowest: best(|next, best| next < best)?,
            highest: best(|next, best| next > best)?,
        })
    }
}

/// All metrics of these tables. The duration of a step is not one.
pub(super) fn rows(tables: &[&Rows]) -> Vec<MetricRow> {
    let mut names: Vec<&String> = Vec::new();
    for name in tables.iter().flat_map(|table| &table.names).filter(|name| *name != "seconds") {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let of = |name: &String| MetricRow {
        name: name.clone(),
        runs: tables.iter().map(|table| table.column(name).and_then(|values| Course::of(&values))).collect(),
    };
    names.into_iter().map(of).filter(|row| row.runs.iter().any(Option::is_some)).collect()
}

/// Where the metrics of two runs part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FirstDifference {
    /// The number of steps that both have recorded.
    pub common_steps: usize,
    /// The first of them whose metrics differ; None if they are equal in all.
    pub step: Option<u64>,
    /// The metrics that differ at this step.
    pub values: Vec<ValuesAt>,
}

/// A metric of two runs at the same step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValuesAt {
    /// Its name.
    pub name: String,
    /// The value in the first run, and in the other.
    pub values: [f64; 2],
    /// By how much the second is larger.
    pub difference: f64,
}

/// Compares the metrics that both tables have, step by step. None if they have no step or no metric
/// in common.
pub(super) fn first_difference(a: &Rows, b: &Rows) -> Option<FirstDifference> {
    let place = |rows: &Rows, name: &str| rows.names.iter().position(|known| known == name);
    let names = a.names.iter().filter(|name| *name != "seconds");
    let columns: Vec<_> = names.filter_map(|name| Some((name, [place(a, name)?, place(b, name)?]))).collect();
    let steps: Vec<u64> = a.rows.keys().filter(|step| b.rows.contains_key(step)).copied().collect();
    if steps.is_empty() || columns.is_empty() {
        return None;
    }
    let differing = |step: &u64| -> Vec<ValuesAt> {
        let of = |(name, [at_a, at_b]): &(&String, [usize; 2])| {
            let values = [*a.rows[step].get(*at_a)?, *b.rows[step].get(*at_b)?];
            let same = values[0].to_bits() == values[1].to_bits() || values.iter().any(|value| value.is_nan());
            (!same).then(|| ValuesAt { name: (*name).clone(), values, difference: values[1] - values[0] })
        };
        columns.iter().filter_map(of).collect()
    };
    let found = steps.iter().map(|step| (*step, differing(step))).find(|(_, values)| !values.is_empty());
    let (step, values) = found.map_or((None, Vec::new()), |(step, values)| (Some(step), values));
    Some(FirstDifference { common_steps: steps.len(), step, values })
}
