//! `train fetch`: downloads a data set.

use runs::console::{Output, print};
use runs::failure::Failure;
use runs::fetch::{FetchRequest, fetch, list, list_json};

use crate::cli::tools::FetchArgs;

/// Downloads a data set, prints what would be downloaded, or lists the data sets.
///
/// # Errors
/// As [`fetch`].
pub(crate) fn run(args: &FetchArgs) -> Result<(), Failure> {
    let Some(set) = args.set.clone() else {
        return print(&if args.json { format!("{:#}\n", list_json()) } else { list() });
    };
    let request = FetchRequest {
        set,
        classes: args.classes.clone(),
        out: args.out.clone(),
        from: args.from.clone(),
        output: Output::Standard,
    };
    match (args.dry_run, args.json) {
        (false, _) => fetch(&request),
        (true, false) => print(&request.plan()?),
        (true, true) => print(&format!("{:#}\n", request.plan_json()?)),
    }
}
