//! The measurements of a benchmark as JSON, beside the lines that it prints.
//!
//! `cargo bench --bench NAME` writes `target/rates/NAME.json`: an object from each problem to its
//! `seconds` and rates. The problems of this run replace those of earlier runs; the others stay,
//! because a command-line argument may have selected only some problems.

use std::path::PathBuf;
use std::sync::Mutex;
use std::{env, fs};

use serde_json::{Map, Value};

use crate::testing;

/// The file of this benchmark: the program is `target/PROFILE/deps/NAME-HASH`.
fn file() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    let name = program.file_stem()?.to_str()?;
    let name = name.rsplit_once('-').map_or(name, |(name, _hash)| name);
    Some(program.ancestors().nth(3)?.join("rates").join(format!("{name}.json")))
}

/// Records a measurement, unless benchmarks are only tested. If the file cannot be written, this is
/// reported, but the benchmark continues.
pub fn record(problem: &str, measured: Value) {
    static LOCK: Mutex<()> = Mutex::new(());
    if testing() {
        return;
    }
    let _one_at_a_time = LOCK.lock();
    let Some(file) = file() else { return };
    let known = fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str(&text).ok());
    let mut all: Map<String, Value> = known.unwrap_or_default();
    all.insert(problem.to_owned(), measured);
    let text = serde_json::to_string_pretty(&all).expect("numbers and names") + "\n";
    let folder = file.parent().expect("a file in a folder");
    if let Err(error) = fs::create_dir_all(folder).and_then(|()| fs::write(&file, text)) {
        eprintln!("{} cannot be written: {error}", file.display());
    }
}
