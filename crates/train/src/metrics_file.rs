//! `metrics.csv`: a header, then a row for every step, flushed as it is written.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::observe::{Moment, Numbers, Observer, PastRow};
use crate::storage::{self, Disk, StorageError};

/// Writes the rows.
pub(crate) struct MetricsFile {
    path: PathBuf,
    file: File,
    /// The rows are put on the medium every so many steps, before the checkpoint of that step.
    sync_every: u64,
}

/// The first line.
fn header(metrics: &[&str]) -> String {
    format!("step,{},seconds", metrics.join(","))
}

impl MetricsFile {
    /// Opens the file of the run folder `run` for the steps after `from`, and returns the rows up to there. Rows of later
    /// steps and a torn last line, left by a process that was killed, are dropped.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn open(
        disk: &dyn Disk,
        run: &Path,
        metrics: &[&str],
        from: u64,
        sync_every: u64,
    ) -> Result<(Self, Vec<PastRow>), Failure> {
        let path = run.join("metrics.csv");
        let old = if from == 0 { String::new() } else { fs::read_to_string(&path).unwrap_or_default() };
        let mut text = header(metrics) + "\n";
        let mut history: Vec<PastRow> = Vec::new();
        for line in old.split_inclusive('\n').skip(1) {
            let after = history.last().map_or(0, |row| row.0);
            let row = line.strip_suffix('\n').and_then(|line| parse(line, metrics.len()));
            if let Some(row) = row.filter(|row| row.0 > after && row.0 <= from) {
                text.push_str(line);
                history.push(row);
            }
        }
        storage::write_whole(disk, &path, text.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(|error| StorageError::new("write", &path, error))?;
        Ok((Self { path, file, sync_every }, history))
    }
}

/// The step and the values of a line, if it is whole.
fn parse(line: &str, values: usize) -> Option<PastRow> {
    let fields: Vec<&str> = line.split(',').collect();
    if fields.len() != values + 2 {
        return None;
    }
    let numbers: Option<Vec<f64>> = fields[1..=values].iter().map(|field| field.parse().ok()).collect();
    Some((fields[0].parse().ok()?, numbers?))
}

impl Observer for MetricsFile {
    fn step(&mut self, now: &Moment<'_>, numbers: &Numbers<'_>) -> Result<(), Failure> {
        let values: String = numbers.values.iter().map(|value| format!("{value},")).collect();
        let line = format!("{},{values}{:.6}\n", now.step, numbers.seconds);
        // One call per row: a reader never sees half of one unless the disk is full.
        let written = self.file.write_all(line.as_bytes());
        let synced = written
            .and_then(|()| if now.step.is_multiple_of(self.sync_every) { self.file.sync_data() } else { Ok(()) });
        synced.map_err(|error| StorageError::new("write", &self.path, error).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;
    use crate::storage::RealDisk;

    const NAMES: [&str; 2] = ["d_loss", "g_loss"];

    fn add(file: &mut MetricsFile, step: u64) {
        let numbers = Numbers { values: &[0.1 + 0.2, step as f64], seconds: 0.25 };
        file.step(&Moment { step, total: 9, system: &Fake::new(1) }, &numbers).unwrap();
    }

    #[test]
    fn rows_read_back_to_the_same_bits() {
        let run = tempfile::tempdir().unwrap();
        let (mut file, history) = MetricsFile::open(&RealDisk, run.path(), &NAMES, 0, 2).unwrap();
        assert!(history.is_empty());
        (1..=3).for_each(|step| add(&mut file, step));
        let text = fs::read_to_string(run.path().join("metrics.csv")).unwrap();
        assert!(text.starts_with("step,d_loss,g_loss,seconds\n1,0.30000000000000004,1,0.250000\n"), "{text}");
        let (_, history) = MetricsFile::open(&RealDisk, run.path(), &NAMES, 3, 2).unwrap();
        assert_eq!(history, [(1, vec![0.1 + 0.2, 1.0]), (2, vec![0.1 + 0.2, 2.0]), (3, vec![0.1 + 0.2, 3.0])]);
        assert_eq!(fs::read_to_string(run.path().join("metrics.csv")).unwrap(), text);
    }

    #[test]
    fn later_rows_and_a_torn_line_are_dropped() {
        let run = tempfile::tempdir().unwrap();
        let path = run.path().join("metrics.csv");
        fs::write(&path, "step,d_loss,g_loss,seconds\n1,1,2,3\n2,1,2,3\n3,1,2,3\n4,1,2").unwrap();
        let (mut file, history) = MetricsFile::open(&RealDisk, run.path(), &NAMES, 2, 1).unwrap();
        assert_eq!(history.len(), 2);
        add(&mut file, 3);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "step,d_loss,g_loss,seconds\n1,1,2,3\n2,1,2,3\n3,0.30000000000000004,3,0.250000\n");
        // A file that was torn in the middle of a number, with a newline by chance, is not a row of this run either.
        fs::write(&path, "rubbish\n1,1,2,3\n1,5,5,5\nx,1,2,3\n2,1,2\n").unwrap();
        let (_, history) = MetricsFile::open(&RealDisk, run.path(), &NAMES, 9, 1).unwrap();
        assert_eq!(history.len(), 1);
    }
}
