//! `train inspect`: what a file or a run holds.

use runs::console::{Output, print};
use runs::failure::Failure;
use runs::inspection::inspect;

use crate::cli::files::InspectArgs;

/// Prints what the file holds.
///
/// # Errors
/// As [`inspect`].
pub(crate) fn run(args: &InspectArgs) -> Result<(), Failure> {
    let found = Output::Standard.busy("reading the file", || inspect(&args.file))?;
    if args.json { print(&format!("{:#}\n", found.json())) } else { print(&found.to_string()) }
}
