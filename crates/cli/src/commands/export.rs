//! `train export`: a generator for other software.

use runs::console::{Output, print};
use runs::export::{ExportRequest, export};
use runs::failure::Failure;

use crate::cli::export::ExportArgs;

/// Exports the generator of a run.
///
/// # Errors
/// As [`export`].
pub(crate) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let ExportArgs { run, format, out, overwrite, checkpoint, count, noise } = args.clone();
    let (own, output, noise) = (None, Output::Standard, noise.into());
    let written = export(&ExportRequest { run, own, format, out, overwrite, checkpoint, count, noise, output })?;
    print(&format!("{written}\n"))
}
