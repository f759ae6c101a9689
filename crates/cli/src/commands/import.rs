//! `train import`: makes a run of weights that were trained elsewhere.

use runs::config::{Assignment, read_settings};
use runs::console::{Output, print};
use runs::failure::Failure;
use runs::import::{ImportRequest, import};

use crate::cli::importing::ImportArgs;

/// Imports weights, and prints the run folder.
///
/// # Errors
/// As [`import`].
pub(crate) fn run(args: &ImportArgs) -> Result<(), Failure> {
    let data = args.data.clone().map(|data| Assignment::option("--data", "data", data));
    let assignments = read_settings(&args.settings)?.into_iter().chain(data).collect();
    let imported = import(&ImportRequest {
        file: args.file.clone(),
        system: args.system.clone(),
        others: args.others.clone(),
        assignments,
        out: args.out.clone(),
        output: Output::Standard,
    })?;
    print(&imported.to_string())
}
