//! Writes the results of an evaluation to a file for other programs.

use std::path::Path;

use datasets::advice;
use serde_json::{Value, json};

use super::Measurement;
use crate::checkpoint::LoadedCheckpoint;
use crate::failure::Failure;
use crate::storage::{self, RealDisk};

/// The file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
}

impl Format {
    /// The format for the extension of `path`.
    ///
    /// # Errors
    /// When the extension is unknown.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        match &*storage::extension(path) {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            _ => {
                Err(Failure::unknown_extension(path, "the scores").help(advice!("numbers-ending", "use .json or .csv")))
            }
        }
    }
}

/// What was measured.
pub(super) enum About<'a> {
    /// Images of a run.
    Run(&'a LoadedCheckpoint),
    /// The pictures of a folder, against those of another.
    Folders { pictures: &'a Path, against: &'a Path },
}

/// Writes all measurements to `path`, with the truncation of the samples if there was one.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(
    path: &Path,
    format: Format,
    about: &About<'_>,
    psi: Option<f64>,
    measurements: &[Measurement],
) -> Result<(), Failure> {
    let text = match format {
        Format::Json => format!("{:#}\n", json(about, psi, measurements)),
        Format::Csv => csv_text(about, psi, measurements),
    };
    Ok(storage::write_whole(&RealDisk, path, text.as_bytes())?)
}

/// A value that is not finite is written as `null`, because JSON has no NaN.
pub(super) fn json(about: &About<'_>, psi: Option<f64>, measurements: &[Measurement]) -> Value {
    let measurement = |measurement: &Measurement| {
        let one = &measurement.measured;
        json!({
            "metric": one.number.name,
            "direction": measurement.direction,
            "extractor": one.extractor,
            "n": one.count,
            "value": one.number.value,
            "deviation": one.number.deviation,
            "real_vs_real": one.baseline.map(|(value, _)| value),
            "real_vs_real_n": one.baseline.map(|(_, count)| count),
        })
    };
    let numbers: Vec<_> = measurements.iter().map(measurement).collect();
    match about {
        About::Run(found) => json!({
            "system": found.checkpoint.system,
            "checkpoint": found.path.display().to_string(),
            "step": found.checkpoint.step,
            "psi": psi,
            "numbers": numbers,
        }),
        About::Folders { pictures, against } => json!({
            "pictures": pictures.display().to_string(),
            "against": against.display().to_string(),
            "numbers": numbers,
        }),
    }
}

/// Missing values are empty fields.
fn csv_text(about: &About<'_>, psi: Option<f64>, measurements: &[Measurement]) -> String {
    let mut text = String::from("step,metric,direction,extractor,n,value,deviation,real_vs_real,real_vs_real_n,psi\n");
    for measurement in measurements {
        let one = &measurement.measured;
        let optional = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
        let fields = [
            match about {
                About::Run(found) => found.checkpoint.step.to_string(),
                About::Folders { .. } => String::new(),
            },
            one.number.name.to_owned(),
            measurement.direction.unwrap_or_default().to_owned(),
            one.extractor.clone().unwrap_or_default(),
            one.count.to_string(),
            one.number.value.to_string(),
            optional(one.number.deviation),
            optional(one.baseline.map(|(value, _)| value)),
            one.baseline.map_or_else(String::new, |(_, count)| count.to_string()),
            optional(psi),
        ];
        text += &(fields.join(",") + "\n");
    }
    text
}
