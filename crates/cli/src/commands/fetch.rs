//! `train fetch`: downloads a data set.

use runs::console::{Output, print};
use runs::failure::Failure;
use runs::fetch::{FetchRequest, fetch, list};

use crate::cli::tools::FetchArgs;

/// Downloads a data set, prints what would be downloaded, or lists the data sets.
///
/// # Errors
/// As [`fetch`].
pub(crate) fn run(args: &FetchArgs) -> Result<(), Failure> {
    let Some(set) = args.set.clone() else { return print(&list()) };
    let request = FetchRequest {
        set,
        classes: args.classes.clone(),
        out: args.out.clone(),
        from: args.from.clone(),
        output: Output::Standard,
    };
    if args.dry_run { print(&request.plan()?) } else { fetch(&request) }
}
