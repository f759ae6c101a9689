//! `train explain`: a page that explains a training step.

use runs::console::{Output, print};
use runs::explanation::{ExplainRequest, explain};
use runs::failure::Failure;
use runs::systems;

use crate::cli::tools::ExplainArgs;

/// Writes the page.
///
/// # Errors
/// As [`explain()`].
pub(crate) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let report = explain(&ExplainRequest {
        system: args.system.as_deref().and_then(systems::find),
        run: args.run.clone(),
        step: args.step,
        preset: args.preset.clone(),
        batch: args.batch,
        data: args.data.clone(),
        class: args.class.clone(),
        seed: args.seed,
        settings: args.settings.clone(),
        out: args.out.clone(),
        output: Output::Standard,
    })?;
    print(&format!(
        "{}\nopen it in a browser; press ? there for the keys\nweights hash: {}\n",
        report.page, report.hash
    ))
}
