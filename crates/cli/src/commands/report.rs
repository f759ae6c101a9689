//! `train report`: one self-contained page about one or several runs.

use runs::console::{Output, print};
use runs::failure::Failure;
use runs::report::{ReportRequest, report};

use crate::cli::tools::ReportArgs;

/// Writes the page.
///
/// # Errors
/// As [`report()`].
pub(crate) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let request = ReportRequest { runs: args.runs.clone(), out: args.out.clone(), own: None };
    let written = Output::Standard.busy("reading the runs", || report(&request))?;
    print(&format!("{written}\n"))
}
