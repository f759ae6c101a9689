//! Reads a run folder for its report. Whatever is damaged or missing is left out, and the report
//! says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::systems::Trainable;
use datasets::grouped;
use models::MetricDescription;
use models::step_metrics::Unit;
use tensor::meta;

use super::document::{Alert, Chart, Record, RunReport, Sheet};
use super::gathered::{Gathered, line};
use crate::bands;
use crate::config::Config;
use crate::diagnosis::SIGNS;
use crate::observers::past_rows::{self, Table};
use crate::observers::probe::files;
use crate::observers::samples;
use crate::storage::RealDisk;

/// The largest number of sheets in a report.
const MOST_SHEETS: usize = 200;

/// The file with what only a running training knows.
pub(crate) const RECORD: &str = "report/record.json";

/// The report of the run in the folder `run`; `own` is the caller's own system.
pub(crate) fn read(run: &Path, own: Option<&Arc<Trainable>>) -> RunReport {
    let mut missing = Vec::new();
    let text = fs::read_to_string(run.join("config.toml")).unwrap_or_default();
    let config = Config::of_run(&run.join("config.toml"), own);
    if let Err(failure) = &config {
        missing.push(format!("The configuration cannot be read: {}.", failure.what));
    }
    let config = config.ok();
    let known = config.as_ref().and_then(|config| meta::run(|| config.build()).ok()).map(|system| system.metrics());
    let mut gathered = Gathered::default();
    let (descriptions, last) = metrics(run, known.unwrap_or_default(), &mut gathered, &mut missing);
    match files::read(run, u64::MAX) {
        Ok(probes) if probes.is_empty() => missing.push(
            "There are no probes: no scores, layers or fixed fakes (the run is older than they are, too short, or has \
             probe_every = 0)."
                .into(),
        ),
        Ok(probes) => probes.iter().for_each(|probe| gathered.add_probe(probe)),
        Err(error) => missing.push(format!("The probes cannot be read: {error}.")),
    }
    let record = read_record(run);
    if record.is_none() {
        missing.push(format!(
            "{RECORD} is missing or damaged: there are no pictures of gradients, neighbours and the walk, and no hash."
        ));
    }
    let record = record.unwrap_or_default();
    let step = last.max(record.step);
    let mut report = assemble(run, config.as_ref(), text, &gathered, &descriptions, step, record);
    if config.is_some() && report.step < report.total {
        let [done, total] = [report.step, report.total].map(grouped);
        missing.push(format!("The run is not finished: {done} of {total} steps are done."));
    }
    report.missing = missing;
    report
}

/// What the training has recorded; None if it is missing or damaged.
pub(crate) fn read_record(run: &Path) -> Option<Record> {
    serde_json::from_slice(&fs::read(run.join(RECORD)).ok()?).ok()
}

/// The report of these numbers and of the pictures in the folder `run`.
pub(crate) fn assemble(
    run: &Path,
    config: Option<&Config>,
    text: String,
    gathered: &Gathered,
    metrics: &[MetricDescription],
    step: u64,
    record: Record,
) -> RunReport {
    let normal = config.and_then(bands::fitting);
    let mut charts = gathered.charts(metrics, normal.as_ref().and_then(|normal| normal.as_ref().ok()));
    charts.extend(quality(run));
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            facts.push((name.to_owned(), value));
        }
    };
    if let Some(config) = config {
        fact("system", config.entry.name.into());
        fact("preset", config.preset().into());
        fact("seed", config.seed().to_string());
        fact("batch", config.settings.get("batch").map(ToString::to_string).unwrap_or_default());
        fact("precision", config.precision().unwrap_or_default().into());
    }
    fact("data", record.data.clone());
    fact("weights hash", record.hash.clone().unwrap_or_default());
    if let Some(Err(why)) = normal {
        fact("range of normal runs", format!("not shown: {why}"));
    }
    let name = fs::canonicalize(run)
        .ok()
        .as_deref()
        .unwrap_or(run)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let there = |name: &str| run.join(name).is_file();
    let data = [("Reals", "samples/reals.png"), ("Reals, augmented by the data loader", "samples/augmented.png")];
    RunReport {
        name: name.unwrap_or_else(|| "run".into()),
        facts,
        step,
        total: config.map_or(step, Config::steps),
        missing: Vec::new(),
        charts,
        sheets: sheets(run),
        data: data.into_iter().filter(|(_, file)| there(file)).map(|(name, file)| (name.into(), file.into())).collect(),
        scores: gathered.scores(),
        layers: gathered.layers(),
        alerts: alerts(run),
        record,
        config: text,
    }
}

/// Reads `metrics.csv`. Returns the descriptions of its columns, and the last step.
fn metrics(
    run: &Path,
    known: &'static [MetricDescription],
    gathered: &mut Gathered,
    missing: &mut Vec<String>,
) -> (Vec<MetricDescription>, u64) {
    let path = run.join("metrics.csv");
    let header = past_rows::header(&path);
    let names = header.as_deref().and_then(|header| header.strip_prefix("step,")?.strip_suffix(",seconds"));
    let Some(names) = names else {
        missing.push("metrics.csv is missing, or its first line is damaged: there are no curves.".into());
        return (Vec::new(), 0);
    };
    let describe = |name: &str| {
        known.iter().find(|metric| metric.name == name).copied().unwrap_or_else(|| {
            // The name of an unknown column lives as long as the program; there are a few per
            // report.
            MetricDescription::new(String::leak(name.to_owned()), Unit::Norm, "A metric of this system.")
        })
    };
    let columns: Vec<MetricDescription> = names.split(',').map(describe).collect();
    let table = Table { header: header.as_deref(), numbers: Some(columns.len() + 1), words: 0, until: u64::MAX };
    let mut last = 0;
    let read = table.read(&RealDisk, &path, &mut |_, step, numbers| {
        last = step;
        gathered.add_row(step, &numbers[..columns.len()]);
        Ok(())
    });
    match read {
        Ok(report) if report.damaged > 0 => {
            missing.push(format!("metrics.csv is damaged: {} of its lines are left out.", report.damaged));
        }
        Ok(_) => {}
        Err(error) => missing.push(format!("metrics.csv cannot be read: {error}.")),
    }
    (columns, last)
}

/// The curves of `quality.csv`, a chart for each column.
fn quality(run: &Path) -> Vec<Chart> {
    let path = run.join("quality.csv");
    let Ok(text) = fs::read_to_string(&path) else { return Vec::new() };
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').skip(1).collect();
    let mut points = vec![Vec::new(); names.len()];
    for row in lines {
        let mut fields = row.split(',').map(|field| field.parse::<f64>().unwrap_or(f64::NAN));
        let Some(step) = fields.next().filter(|step| step.is_finite()) else { continue };
        points.iter_mut().zip(fields).for_each(|(points, value)| points.push((step, value)));
    }
    let charts = names.into_iter().zip(points).map(|(name, points)| {
        let sentence =
            "A measure of the samples' quality, against reals of the same data; the Manual explains each one.";
        let line = line(name, sentence, points);
        Chart { title: format!("Quality: {name}"), label: name.into(), lines: vec![line], ..Chart::default() }
    });
    charts.collect()
}

/// The sheets of samples, evenly chosen if there are many.
fn sheets(run: &Path) -> Vec<Sheet> {
    let sheet =
        |(step, path): (u64, PathBuf)| Some(Sheet { step, file: format!("samples/{}", path.file_name()?.to_str()?) });
    evenly(samples::sheets(run).into_iter().filter_map(sheet).collect(), MOST_SHEETS)
}

/// At most `most` of the items, evenly chosen; the first and the last are among them.
pub(super) fn evenly<T>(items: Vec<T>, most: usize) -> Vec<T> {
    let count = items.len();
    if count <= most {
        return items;
    }
    let wanted: Vec<usize> = (0..most).map(|number| number * (count - 1) / (most - 1).max(1)).collect();
    let chosen = items.into_iter().enumerate().filter(|(at, _)| wanted.binary_search(at).is_ok());
    chosen.map(|(_, item)| item).collect()
}

/// The rows of `diagnoses.csv`.
fn alerts(run: &Path) -> Vec<Alert> {
    let Ok(text) = fs::read_to_string(run.join("diagnoses.csv")) else { return Vec::new() };
    let mut rows = csv(&text).into_iter();
    let header = rows.next().unwrap_or_default();
    let column = |name: &str| header.iter().position(|column| column == name);
    let columns = ["step", "last_step", "sign", "severity", "evidence", "remedy", "chapter"].map(column);
    let read = |row: Vec<String>| {
        let [step, last_step, sign, severity, evidence, remedy, chapter] =
            columns.map(|column| column.and_then(|at| row.get(at)).cloned().unwrap_or_default());
        let step = step.parse().ok()?;
        let last_step = last_step.parse().unwrap_or(step);
        let link = link(&chapter);
        let known = SIGNS.iter().find(|known| known.id == sign);
        let [title, meaning] = known.map_or([""; 2], |sign| [sign.title, sign.meaning]).map(str::to_owned);
        Some(Alert { step, last_step, sign, title, meaning, severity, evidence, remedy, chapter, link })
    };
    rows.filter_map(read).collect()
}

/// The page of the guide for a place such as `c13_sick_runs.md#mode-collapse`.
fn link(chapter: &str) -> Option<String> {
    let (file, heading) = chapter.split_once(".md#")?;
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let address = format!("{}/blob/main/crates/guide/src/{file}.md#{heading}", env!("CARGO_PKG_REPOSITORY"));
    (is_name(file) && is_name(heading)).then_some(address)
}

/// The fields of a text in the format of RFC 4180: fields may be quoted, and a doubled quote within
/// stands for one.
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut is_quoted, mut letters) = (false, text.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut field)),
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut field).trim_end_matches('\r').to_owned());
                rows.push(std::mem::take(&mut row));
            }
            letter => field.push(letter),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_read_with_quotes_commas_and_newlines() {
        let run = tempfile::tempdir().unwrap();
        let text = "step,last_step,sign,severity,evidence,remedy,chapter\n\
                    5,9,d-dominates,warning,\"loss 0.01, accuracy \"\"1\"\"\",`train x`,c13_sick_runs.md#the-discriminator-wins\n\
                    bad,1,2,3,4,5,6\n7,,<b>,,,,\n";
        fs::write(run.path().join("diagnoses.csv"), text).unwrap();
        let found = alerts(run.path());
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].step, found[0].last_step, &*found[0].evidence), (5, 9, "loss 0.01, accuracy \"1\""));
        assert!(found[0].link.as_ref().unwrap().ends_with("/c13_sick_runs.md#the-discriminator-wins"));
        assert!(!found[0].title.is_empty() && !found[0].meaning.is_empty() && found[1].title.is_empty());
        assert_eq!((found[1].last_step, &*found[1].sign, &found[1].link), (7, "<b>", &None));
        assert!(SIGNS.iter().all(|sign| link(&sign.link()).is_some()));
        assert_eq!(csv("a,\"b\nc\"\r\nd"), [vec!["a".to_owned(), "b\nc".into()], vec!["d".into()]]);
    }

    #[test]
    fn few_are_chosen_evenly_with_both_ends() {
        assert_eq!(evenly((0..10).collect(), 20), (0..10).collect::<Vec<_>>());
        assert_eq!(evenly((0..101).collect(), 5), [0, 25, 50, 75, 100]);
    }

    #[test]
    fn a_folder_with_nothing_in_it_says_what_is_missing() {
        let run = tempfile::tempdir().unwrap();
        fs::write(run.path().join("metrics.csv"), "step,a,seconds\n1,2,3\nrubbish\n2,4,3\n").unwrap();
        let report = read(run.path(), None);
        assert_eq!((report.step, report.charts[0].lines[0].values.len()), (2, 2));
        let all = report.missing.join("\n");
        for words in ["configuration cannot be read", "1 of its lines", "no probes", "record.json"] {
            assert!(all.contains(words), "{words}: {all}");
        }
    }
}
