//! Reads back the tables of an interrupted run, without ever mistaking a damaged file for an empty
//! one.
//!
//! An incomplete last line of a killed process, and rows of steps that will be repeated, are simply
//! dropped. Any other line that is not a valid row counts as damage: the file is kept beside the
//! new one, with a warning.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use datasets::plural;

use crate::storage::{Disk, StorageError, Unfinished, patiently};

/// An upper bound for the length of a valid line.
const LONGEST_LINE: u64 = 1 << 16;
/// UTF-8's byte order mark.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The largest number of damaged copies kept per file.
const MOST_ASIDE: u32 = 1000;

/// The format of a table's rows.
pub(crate) struct Table<'a> {
    /// The header line, if it is fixed.
    pub header: Option<&'a str>,
    /// The number of values after the step in each row, if it is fixed. An empty field is a value
    /// that was not measured, NaN.
    pub numbers: Option<usize>,
    /// How many fields between the step and the values are words. If there are any, a step may
    /// have several rows.
    pub words: usize,
    /// The last step to keep.
    pub until: u64,
}

/// The result of reading a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Whether the file exists.
    pub is_there: bool,
    /// The number of rows kept.
    pub rows: u64,
    /// The number of lines that are neither rows nor the header, and the line number of the first
    /// one.
    pub damaged: u64,
    first_damaged: u64,
}

/// The header line of the table `path`: the names of its columns, `step` first. None if the file
/// has no such line.
pub(crate) fn header(path: &Path) -> Option<String> {
    let mut line = Vec::new();
    BufReader::new(File::open(path).ok()?).take(LONGEST_LINE).read_until(b'\n', &mut line).ok()?;
    let line = std::str::from_utf8(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line)).ok()?;
    line.strip_suffix('\n').filter(|line| line.starts_with("step,")).map(str::to_owned)
}

/// Receives a row: its line including the newline, its step and its values.
pub(crate) type Keep<'a> = dyn FnMut(&str, u64, &[f64]) -> Result<(), StorageError> + 'a;

impl Table<'_> {
    /// Passes every row up to step `until` to `keep`.
    ///
    /// # Errors
    /// When the file is there but cannot be read, and those of `keep`.
    pub(crate) fn read(&self, disk: &dyn Disk, path: &Path, keep: &mut Keep<'_>) -> Result<Report, StorageError> {
        let failed = |error| StorageError::new("read", path, error);
        let mut reader = match patiently(disk, || File::open(path)) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Report::default()),
            Err(error) => return Err(failed(error)),
        };
        let mut report = Report { is_there: true, ..Report::default() };
        let (mut line, mut number, mut after) = (Vec::new(), 0, None);
        loop {
            line.clear();
            reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(failed)?;
            if line.is_empty() {
                return Ok(report);
            }
            number += 1;
            if number == 1 && line.starts_with(BYTE_ORDER_MARK) {
                // Some editors insert a byte order mark.
                line.drain(..BYTE_ORDER_MARK.len());
            }
            let whole = std::str::from_utf8(&line).ok().and_then(|text| Some((text, text.strip_suffix('\n')?)));
            let is_last = whole.is_none() && reader.fill_buf().map_err(failed)?.is_empty();
            let row = whole.and_then(|(text, bare)| Some((text, self.parse(bare)?)));
            match row {
                Some((text, (step, numbers)))
                    if after.is_none_or(|after| step > after || self.words > 0 && step == after) =>
                {
                    if step <= self.until {
                        keep(text, step, &numbers)?;
                        (report.rows, after) = (report.rows + 1, Some(step));
                    }
                }
                // The line that was being written when the process was killed.
                _ if is_last && !line.ends_with(b"\n") => {}
                _ if number == 1 && whole.is_some_and(|(_, bare)| self.is_header(bare)) => {}
                _ => {
                    if report.damaged == 0 {
                        report.first_damaged = number;
                    }
                    report.damaged += 1;
                }
            }
        }
    }

    fn is_header(&self, line: &str) -> bool {
        self.header.map_or_else(|| line.starts_with("step,"), |header| line == header)
    }

    /// Parses the step and the values of a line.
    fn parse(&self, line: &str) -> Option<(u64, Vec<f64>)> {
        let mut fields = line.split(',');
        let step = fields.next()?.parse().ok()?;
        (0..self.words).try_for_each(|_| fields.next().map(|_| ()))?;
        let number = |field: &str| if field.is_empty() { Some(f64::NAN) } else { field.parse().ok() };
        let numbers = fields.map(number).collect::<Option<Vec<f64>>>()?;
        self.numbers.is_none_or(|count| numbers.len() == count).then_some((step, numbers))
    }
}

impl Report {
    /// Copies a damaged file unchanged to a new name. Returns a one-line message for the user;
    /// `None` if the file is not damaged.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub(crate) fn set_aside(&self, disk: &dyn Disk, path: &Path) -> Result<Option<String>, StorageError> {
        if self.damaged == 0 {
            return Ok(None);
        }
        let aside = free_name(path).ok_or_else(|| {
            let why = format!("there are already {MOST_ASIDE} damaged copies of it");
            StorageError::new("set aside", path, io::Error::other(why))
        })?;
        let failed = |error| StorageError::new("set aside", path, error);
        let mut copy = Unfinished::begin(disk, &aside)?;
        io::copy(&mut File::open(path).map_err(failed)?, &mut copy).map_err(failed)?;
        copy.finish()?;
        let (name, first) = (path.file_name().unwrap_or_default().to_string_lossy(), self.first_damaged);
        let lines = if self.damaged == 1 {
            format!("line {first}")
        } else {
            format!("{} lines, the first is line {first}", self.damaged)
        };
        Ok(Some(format!(
            "warning      {name} is damaged ({lines}): {} {} kept; the damaged file was saved as {}",
            self.rows,
            plural(self.rows as usize, "row"),
            aside.display()
        )))
    }
}

/// `metrics.csv.damaged-1`, or the next unused number.
pub(crate) fn free_name(path: &Path) -> Option<PathBuf> {
    (1..=MOST_ASIDE)
        .map(|number| {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".damaged-{number}"));
            path.with_file_name(name)
        })
        .find(|path| !path.exists())
}
