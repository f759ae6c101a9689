//! `metrics.csv`: a header, then a row for every step, flushed as it is written.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use datasets::plural;
use models::{MetricDescription, System};

use crate::failure::Failure;
use crate::observers::past_rows::{self, Table};
use crate::observers::{Observer, StepContext, StepRecord, TrainingContext};
use crate::storage::{Disk, RealDisk, StorageError, Unfinished, patiently};

/// Writes the rows.
pub(super) struct MetricsFile {
    path: PathBuf,
    file: File,
    /// The interval of syncing to disk, in steps; a sync comes before the checkpoint of the same
    /// step.
    sync_every: u64,
}

/// Opens the file for a training run; rows of earlier steps are passed to `past`.
pub(super) fn open(
    training: &TrainingContext<'_>,
    system: &dyn System,
    past: &mut dyn FnMut(u64, &[f64]),
) -> Result<MetricsFile, Failure> {
    let steps = (training.from, training.config.checkpoint_every());
    let (file, note) = MetricsFile::open(&RealDisk, training.run, system.metrics(), steps, past)?;
    note.iter().for_each(|note| training.console.say(note));
    Ok(file)
}

/// The header line.
fn header(metrics: &[MetricDescription]) -> String {
    let names: Vec<&str> = metrics.iter().map(|metric| metric.name).collect();
    format!("step,{},seconds", names.join(","))
}

/// The header of a file that an older version of the program wrote, which knew only some of
/// `metrics`; with the place of each of its columns among them. None for any other file.
fn earlier_columns(path: &Path, metrics: &[MetricDescription]) -> Option<(String, Vec<usize>)> {
    let line = past_rows::header(path)?;
    let names = line.strip_prefix("step,")?.strip_suffix(",seconds")?;
    let place = |name: &str| metrics.iter().position(|metric| metric.name == name);
    let columns = names.split(',').map(place).collect::<Option<Vec<_>>>()?;
    let differs = columns.iter().copied().ne(0..metrics.len());
    let is_once = |at: &usize| columns.iter().filter(|other| *other == at).count() == 1;
    (differs && columns.iter().all(is_once)).then_some((line, columns))
}

/// A row, without the newline. The field of a value that was not measured is empty.
fn row(step: u64, values: &[f64], seconds: f64) -> String {
    let field = |value: &f64| if value.is_nan() { ",".into() } else { format!("{value},") };
    let values: String = values.iter().map(field).collect();
    format!("{step},{values}{seconds:.6}")
}

impl MetricsFile {
    /// Opens the file of the run folder `run` for the steps after `from`, and passes each row up to
    /// there to `visit`. Metrics that an older version of the program did not know are NaN there,
    /// and empty in the file. Rows of later steps and an incomplete last line, left by a killed
    /// process, are dropped. A damaged file is copied unchanged to a new name, and a note for the
    /// user is returned.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    fn open(
        disk: &dyn Disk,
        run: &Path,
        metrics: &[MetricDescription],
        (from, sync_every): (u64, u64),
        visit: &mut dyn FnMut(u64, &[f64]),
    ) -> Result<(Self, Option<String>), Failure> {
        let path = run.join("metrics.csv");
        let failed = |error| StorageError::new("write", &path, error);
        let header = header(metrics);
        let mut new = BufWriter::new(Unfinished::begin(disk, &path)?);
        writeln!(new, "{header}").map_err(failed)?;
        let mut note = None;
        if from > 0 {
            let columns = earlier_columns(&path, metrics);
            let (old_header, count) = match &columns {
                Some((header, columns)) => (&**header, columns.len() + 1),
                None => (&*header, metrics.len() + 1),
            };
            let table = Table { header: Some(old_header), numbers: Some(count), words: 0, until: from };
            let report = table.read(disk, &path, &mut |line, step, numbers| {
                let Some((_, columns)) = &columns else {
                    visit(step, &numbers[..metrics.len()]);
                    return new.write_all(line.as_bytes()).map_err(failed);
                };
                let mut values = vec![f64::NAN; metrics.len()];
                columns.iter().zip(numbers).for_each(|(at, number)| values[*at] = *number);
                visit(step, &values);
                writeln!(new, "{}", row(step, &values, numbers[columns.len()])).map_err(failed)
            })?;
            note = report.set_aside(disk, &path)?;
            if note.is_none() && report.rows < from {
                let problem = if report.is_there {
                    format!("has rows of only {} of", report.rows)
                } else {
                    "is missing, so there are no rows of".to_owned()
                };
                let steps = plural(from as usize, "step");
                note = Some(format!("warning      metrics.csv {problem} the {from} {steps} done"));
            }
        }
        new.into_inner().map_err(|error| failed(error.into_error()))?.finish()?;
        let file = patiently(disk, || OpenOptions::new().append(true).open(&path)).map_err(failed)?;
        Ok((Self { path, file, sync_every }, note))
    }
}

impl Observer for MetricsFile {
    fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure> {
        let line = row(now.step, numbers.values, numbers.seconds) + "\n";
        // One write per row, so that a reader never sees a partial row unless the disk is full. If
        // another program has locked the file for a moment, nothing was written and it is safe to
        // try again.
        let written = patiently(&RealDisk, || self.file.write_all(line.as_bytes()));
        let synced = written
            .and_then(|()| if now.step.is_multiple_of(self.sync_every) { self.file.sync_data() } else { Ok(()) });
        synced.map_err(|error| StorageError::new("write", &self.path, error).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, METRICS};
    use std::fs;

    fn add(file: &mut MetricsFile, step: u64) {
        let numbers = StepRecord { values: &[0.1 + 0.2, step as f64], seconds: 0.25, probe: None };
        file.step(&StepContext { step, total: 9, system: &Fake::new(1) }, &numbers).unwrap();
    }

    type Rows = Vec<(u64, Vec<f64>)>;

    /// Opens the file after step `from`; returns it with the rows and the note.
    fn open(run: &Path, from: u64) -> (MetricsFile, Rows, Option<String>) {
        let mut rows = Rows::new();
        let mut visit = |step: u64, values: &[f64]| rows.push((step, values.to_vec()));
        let (file, note) = MetricsFile::open(&RealDisk, run, &METRICS, (from, 2), &mut visit).unwrap();
        (file, rows, note)
    }

    #[test]
    fn rows_read_back_to_the_same_bits() {
        let run = tempfile::tempdir().unwrap();
        let (mut file, rows, note) = open(run.path(), 0);
        assert!(rows.is_empty() && note.is_none());
        (1..=3).for_each(|step| add(&mut file, step));
        let text = fs::read_to_string(run.path().join("metrics.csv")).unwrap();
        assert!(text.starts_with("step,d_loss,g_loss,seconds\n1,0.30000000000000004,1,0.250000\n"), "{text}");
        let (_, rows, note) = open(run.path(), 3);
        assert_eq!(rows, [(1, vec![0.1 + 0.2, 1.0]), (2, vec![0.1 + 0.2, 2.0]), (3, vec![0.1 + 0.2, 3.0])]);
        assert_eq!((fs::read_to_string(run.path().join("metrics.csv")).unwrap(), note), (text, None));
    }

    #[test]
    fn later_rows_and_a_torn_line_are_dropped_without_a_word() {
        let run = tempfile::tempdir().unwrap();
        let path = run.path().join("metrics.csv");
        fs::write(&path, "step,d_loss,g_loss,seconds\n1,1,2,3\n2,1,2,3\n3,1,2,3\n4,1,2").unwrap();
        let (mut file, rows, note) = open(run.path(), 2);
        assert_eq!((rows.len(), note), (2, None));
        add(&mut file, 3);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "step,d_loss,g_loss,seconds\n1,1,2,3\n2,1,2,3\n3,0.30000000000000004,3,0.250000\n");
    }

    /// quickdraw's metrics gained `d_real` and `d_fake`.
    #[test]
    fn rows_of_a_version_that_knew_fewer_metrics_are_continued() {
        let run = tempfile::tempdir().unwrap();
        let path = run.path().join("metrics.csv");
        fs::write(&path, "step,g_loss,seconds\n1,5,0.25\n2,6,0.5\n3,7").unwrap();
        let (mut file, rows, note) = open(run.path(), 2);
        assert_eq!(note, None);
        assert!(rows[0].1[0].is_nan() && rows[0].1[1] == 5.0 && rows.len() == 2, "{rows:?}");
        add(&mut file, 3);
        let text = fs::read_to_string(&path).unwrap();
        let third = "3,0.30000000000000004,3,0.250000\n";
        assert_eq!(text, format!("step,d_loss,g_loss,seconds\n1,,5,0.250000\n2,,6,0.500000\n{third}"));
        let (_, rows, note) = open(run.path(), 3);
        assert_eq!((rows.len(), rows[2].1[0], note), (3, 0.1 + 0.2, None));
        assert!(rows[1].1[0].is_nan());
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "the second time, nothing changes");
    }

    #[test]
    fn a_damaged_file_keeps_its_rows_and_is_itself_kept() {
        let run = tempfile::tempdir().unwrap();
        let path = run.path().join("metrics.csv");
        let row = |step: u64| format!("{step},1,2,3\n").into_bytes();
        let good: Vec<u8> =
            [b"step,d_loss,g_loss,seconds\n".to_vec()].into_iter().chain((1..=400).map(row)).flatten().collect();
        for at in [0, 3, 40, 41, good.len() / 2, good.len() - 3] {
            let mut bytes = good.clone();
            bytes[at] = 0xFF;
            fs::write(&path, &bytes).unwrap();
            let (_, rows, note) = open(run.path(), 400);
            let note = note.unwrap();
            assert!(rows.len() >= 398, "byte {at}: {} rows, {note}", rows.len());
            let aside = (1..).map(|number| run.path().join(format!("metrics.csv.damaged-{number}")));
            let aside = aside.take_while(|path| path.exists()).last().unwrap();
            assert!(note.contains("is damaged (") && note.contains(&aside.display().to_string()), "{note}");
            assert_eq!(fs::read(&aside).unwrap(), bytes);
            assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), rows.len() + 1);
        }
        // Rows with a wrong number of columns, steps out of order, an endless line: all of it
        // counts as damage, and nothing is lost.
        let long = "9".repeat(300_000);
        for text in ["step,a,seconds\n1,5,0\n", "rubbish\n2,1,2,3\n1,5,5,5\n", &format!("{long}\n1,1,2,3\n"), "\n\n"] {
            fs::write(&path, text).unwrap();
            assert!(open(run.path(), 9).2.unwrap().contains("damaged"), "{text:.40}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_or_cannot_be_read_is_not_taken_for_an_empty_one() {
        let run = tempfile::tempdir().unwrap();
        let note = open(run.path(), 7).2.unwrap();
        assert!(note.contains("is missing, so there are no rows of the 7 steps"), "{note}");
        let path = run.path().join("metrics.csv");
        fs::write(&path, "step,d_loss,g_loss,seconds\n1,1,2,3\n").unwrap();
        assert!(open(run.path(), 2).2.unwrap().contains("rows of only 1 of the 2 steps"));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let opened = MetricsFile::open(&RealDisk, run.path(), &METRICS, (3, 2), &mut |_, _| {});
        let failure = opened.err().unwrap();
        assert!(failure.to_string().contains("metrics.csv") && path.is_dir(), "{failure}");
    }
}
