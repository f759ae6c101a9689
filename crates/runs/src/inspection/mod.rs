//! [`inspect`]: what a file or a run holds: its arrays with their shapes, types, hashes and ranges,
//! and whether all numbers are finite.
//!
//! Checkpoints and other `.safetensors` files, `.npy` files and `.npz` archives are read; of a run,
//! its newest checkpoint. `arrays.rs` reads the numbers, a block at a time, so a file may be larger
//! than memory. Only a checkpoint of this program is also read as a whole, to verify it.

mod arrays;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use datasets::{advice, plural, quoted};
use serde_json::{Value, json};

use crate::checkpoint::{self, Checkpoint, weights_hash};
use crate::failure::{Code, Failure, printable};
use crate::listing;

pub use arrays::ArrayReport;

/// What [`inspect`] found.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The file that was read.
    pub path: PathBuf,
    /// What it is, in words.
    pub kind: &'static str,
    /// Its length in bytes.
    pub bytes: u64,
    /// What else is known about it: a name and a value each.
    pub about: Vec<(&'static str, String)>,
    /// Its arrays, in the order of their names.
    pub arrays: Vec<ArrayReport>,
}

/// Inspects a file, or the newest checkpoint of the run in a folder.
///
/// # Errors
/// When there is no such file, it is of no known kind, or it is damaged so that its arrays cannot
/// be read. A checkpoint with a wrong checksum, and numbers that are not finite, are no errors
/// here: the result says so.
pub fn inspect(path: &Path) -> Result<Inspection, Failure> {
    if path.is_dir() {
        return of_run(path);
    }
    let (kind, arrays) = arrays::read(path)?;
    let bytes = path.metadata().map_or(0, |about| about.len());
    let about = if kind == arrays::SAFETENSORS { about_checkpoint(path) } else { None };
    let (kind, about) = match about {
        Some(about) => ("checkpoint", about),
        None => (kind, Vec::new()),
    };
    Ok(Inspection { path: path.to_owned(), kind, bytes, about, arrays })
}

fn of_run(folder: &Path) -> Result<Inspection, Failure> {
    let run = listing::show(folder)?;
    let files = checkpoint::in_folder(folder)?;
    let (_, newest) = files.first().ok_or_else(|| {
        Failure::new(Code::Checkpoint, "the run has no checkpoint yet").at(folder.display()).help(advice!(
            "inspect-without-checkpoint",
            "list its other files with `train runs show {}`",
            quoted(folder)
        ))
    })?;
    let mut found = inspect(newest)?;
    found.about.insert(0, ("run", format!("{}, {}", run.path.display(), run.state_in_words())));
    Ok(found)
}

/// What the metadata of a checkpoint says; None if the file is another safetensors file.
fn about_checkpoint(path: &Path) -> Option<Vec<(&'static str, String)>> {
    use checkpoint::Flaw;
    match Checkpoint::read(path) {
        Ok(found) => Some(vec![
            ("system", found.system.clone()),
            ("step", found.step.to_string()),
            ("seed", found.seed.to_string()),
            ("images", found.data.clone()),
            ("checksum", "correct".to_owned()),
            ("weights hash", weights_hash(&found.state)),
            ("counters", counters(&found)),
        ]),
        Err(Flaw::Foreign | Flaw::Container(_) | Flaw::Type { .. } | Flaw::Axes { .. }) => None,
        Err(flaw) => Some(vec![("not usable", flaw.to_string())]),
    }
}

fn counters(found: &Checkpoint) -> String {
    let each: Vec<String> = found.state.counters.iter().map(|(name, count)| format!("{name} {count}")).collect();
    each.join(", ")
}

impl Inspection {
    /// Numbers in all arrays.
    pub fn numbers(&self) -> u64 {
        self.arrays.iter().map(|array| array.numbers).sum()
    }

    /// Numbers that are NaN or infinite.
    pub fn not_finite(&self) -> u64 {
        self.arrays.iter().map(|array| array.not_finite).sum()
    }

    /// The result as JSON. A value that does not exist is `null`.
    pub fn json(&self) -> Value {
        let array = |array: &ArrayReport| {
            json!({
                "name": array.name,
                "type": array.dtype,
                "shape": array.shape,
                "numbers": array.numbers,
                "min": array.min,
                "max": array.max,
                "mean": array.mean,
                "not_finite": array.not_finite,
                "sha256": array.sha256,
            })
        };
        let about: serde_json::Map<String, Value> =
            self.about.iter().map(|(name, value)| (name.replace(' ', "_"), json!(value))).collect();
        json!({
            "file": self.path.display().to_string(),
            "kind": self.kind,
            "bytes": self.bytes,
            "about": about,
            "numbers": self.numbers(),
            "not_finite": self.not_finite(),
            "arrays": self.arrays.iter().map(array).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: &str| writeln!(f, "{name:<12} {}", printable(value));
        line("file", &self.path.display().to_string())?;
        line("kind", &format!("{}, {} bytes", self.kind, self.bytes))?;
        for (name, value) in self.about.iter().filter(|(_, value)| !value.is_empty()) {
            line(name, value)?;
        }
        let (count, numbers) = (self.arrays.len(), self.numbers());
        let finite = match self.not_finite() {
            0 => "all finite".to_owned(),
            bad => format!("{bad} of them NaN or infinite"),
        };
        let [array, number] = [plural(count, "array"), plural(numbers as usize, "number")];
        line("arrays", &format!("{count} {array}, {numbers} {number}, {finite}"))?;
        let heading = ["name", "type", "shape", "min", "max", "mean", "sha256"].map(str::to_owned);
        let rows: Vec<[String; 7]> = [heading].into_iter().chain(self.arrays.iter().map(ArrayReport::row)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let [a, b, c, d, e, g] = [0, 1, 2, 3, 4, 5].map(width);
        writeln!(f)?;
        for [name, dtype, shape, min, max, mean, hash] in &rows {
            writeln!(f, "{name:<a$}  {dtype:<b$}  {shape:<c$}  {min:>d$}  {max:>e$}  {mean:>g$}  {hash}")?;
        }
        Ok(())
    }
}
