//! `train compare`: what runs have in common and where they differ.

use runs::compare::{CompareRequest, compare};
use runs::console::{Output, print};
use runs::failure::Failure;

use crate::cli::tools::CompareArgs;

/// Compares the runs.
///
/// # Errors
/// As [`compare`].
pub(crate) fn run(args: &CompareArgs) -> Result<(), Failure> {
    let comparison = compare(&CompareRequest {
        runs: args.runs.clone(),
        replay: args.replay,
        out: args.out.clone(),
        output: Output::Standard,
    })?;
    print(&if args.json { comparison.to_json() } else { comparison.to_string() })
}
