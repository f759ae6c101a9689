//! `train doctor`: examines the machine.

use runs::console::print;
use runs::doctor::examine;
use runs::failure::Failure;

use crate::cli::files::DoctorArgs;

/// Prints what was found, and what to do about it.
///
/// # Errors
/// When a run would fail.
pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let found = examine(env!("CARGO_PKG_VERSION"));
    if args.json {
        print(&format!("{:#}\n", found.json()))?
    } else {
        print(&found.to_string())?
    }
    found.verdict()
}
