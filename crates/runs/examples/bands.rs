//! Writes the range of normal runs that reports show behind the curves of a system's preset `cpu`,
//! from the folders of runs that differ only in their seeds:
//!
//! ```sh
//! cargo run -p backdraw-runs --example bands -- bands/mnist-1 bands/mnist-2 bands/mnist-3
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let runs: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bands/systems");
    match runs::bands::make(&runs, &folder) {
        Ok(written) => {
            println!("{written}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
