//! A [`Comparison`] as text.

use core::fmt;

use datasets::grouped;
use metrics::suite::short;

use super::{Comparison, Course, MetricRow, Pair, RunSummary, Setting};
use crate::config::in_words;

/// The name of the run at this position: A, B, C, ..., then its number.
pub(super) fn label(run: usize) -> String {
    match u8::try_from(run).ok().filter(|run| *run < 26) {
        Some(run) => char::from(b'A' + run).to_string(),
        None => format!("#{}", run + 1),
    }
}

/// A table with aligned columns, indented.
fn table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<String>, at: usize| row.get(at).map_or(0, |cell| cell.chars().count());
    let widths: Vec<usize> = (0..columns).map(|at| rows.iter().map(|row| cell(row, at)).max().unwrap_or(0)).collect();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(f, "  {}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "runs")?;
        table(f, &self.runs.iter().enumerate().map(summary).collect::<Vec<_>>())?;
        for (run, summary) in self.runs.iter().enumerate() {
            for line in &summary.missing {
                writeln!(f, "  {}: {line}", label(run))?;
            }
        }
        let labels = || (0..self.runs.len()).map(label);
        writeln!(f, "\nsettings that differ")?;
        if self.settings.is_empty() {
            writeln!(f, "  none")?;
        }
        let head = [vec![String::new()], labels().collect()].concat();
        let row = |Setting { key, values }: &Setting| {
            let values = values.iter().map(|value| in_words(key, value).to_owned());
            [key.clone()].into_iter().chain(values).collect()
        };
        let rows = self.settings.iter().map(row);
        if !self.settings.is_empty() {
            table(f, &[head].into_iter().chain(rows).collect::<Vec<_>>())?;
        }
        for (title, rows) in [("metrics", &self.metrics), ("quality", &self.quality)] {
            if !rows.is_empty() {
                writeln!(f, "\n{title} (mean of the last 100 values; lowest and highest with their steps)")?;
                table(f, &rows.iter().flat_map(courses).collect::<Vec<_>>())?;
            }
        }
        for pair in &self.pairs {
            writeln!(f, "\nA and {}", label(pair.run))?;
            differences(f, pair)?;
        }
        self.written.as_ref().map_or(Ok(()), |written| writeln!(f, "\nwritten\n  {written}"))
    }
}

fn summary((run, of): (usize, &RunSummary)) -> Vec<String> {
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), grouped);
    vec![
        label(run),
        of.path.clone(),
        format!("{}, preset {}", known(&of.system), known(&of.preset)),
        format!("{} of {} steps", number(of.done), number(of.steps)),
        format!("weights hash {}", known(&of.weights_hash)),
    ]
}

/// A line of each run that has the metric.
fn courses(row: &MetricRow) -> Vec<Vec<String>> {
    let line = |(run, course): (usize, &Option<Course>)| {
        let Course { mean, lowest, highest, last, .. } = (*course)?;
        let at = |(step, value): (u64, f64)| format!("{} at {}", short(value), grouped(step));
        Some(vec![
            row.name.clone(),
            label(run),
            format!("mean {}", short(mean)),
            format!("last {}", at(last)),
            format!("lowest {}", at(lowest)),
            format!("highest {}", at(highest)),
        ])
    };
    row.runs.iter().enumerate().filter_map(line).collect()
}

fn differences(f: &mut fmt::Formatter<'_>, pair: &Pair) -> fmt::Result {
    pair.parent.iter().try_for_each(|parent| writeln!(f, "  {parent}"))?;
    match &pair.metrics {
        None => writeln!(f, "  metrics: none in common")?,
        Some(found) => match found.step {
            None => writeln!(f, "  metrics: the same in all {} common steps", grouped(found.common_steps))?,
            Some(step) => {
                writeln!(f, "  metrics: differ first at step {}", grouped(step))?;
                for value in &found.values {
                    let [a, b] = value.values;
                    let name = &value.name;
                    writeln!(f, "    {name}: {a} and {b}, a difference of {}", short(value.difference))?;
                }
            }
        },
    }
    let replay = &pair.replay;
    if let (Some(from), Some(step), Some(first)) = (replay.from, replay.step, replay.tensors.first()) {
        let place = match step {
            0 => "in the initial weights".to_owned(),
            _ => format!("after step {} (both had the same state at step {})", grouped(step), grouped(from)),
        };
        let how = match first.elements {
            0 => "in shape".to_owned(),
            count => {
                format!("in {} of {} elements, by at most {}", grouped(count), grouped(first.size), short(first.most))
            }
        };
        writeln!(f, "  tensors: `{}` differs first, {place}, {how}", first.name)?;
        let more = replay.tensors.len() - 1;
        if more > 0 {
            writeln!(f, "    and {more} more, such as `{}`", replay.tensors[1].name)?;
        }
    }
    replay.notes.iter().try_for_each(|note| writeln!(f, "  tensors: {note}"))
}
