//! `train <system>`: trains a new run, or continues one.

use std::sync::Arc;

use runs::Ranks;
use runs::config::{Assignment, read_settings};
use runs::console::{Output, print};
use runs::failure::Failure;
use runs::systems::Trainable;
use runs::training::{Ending, TrainRequest, dry_run, forecast, train};

use crate::cli::train::TrainArgs;

/// Trains; `options` are the options of the keys of a run.
///
/// # Errors
/// Everything that can go wrong.
pub(crate) fn run(
    system: &Arc<Trainable>,
    options: &[Assignment],
    args: &TrainArgs,
    ranks: &Ranks,
) -> Result<Ending, Failure> {
    let request = request(system, options, args, ranks)?;
    if args.json {
        let needs = forecast(&request)?;
        if ranks.rank() == 0 {
            print(&format!("{needs:#}\n"))?;
        }
        return Ok(Ending::Finished);
    }
    if args.dry_run { dry_run(&request).map(|()| Ending::Finished) } else { Ok(train(&request)?.ending) }
}

/// Named options override `--set`.
fn request(
    system: &Arc<Trainable>,
    options: &[Assignment],
    args: &TrainArgs,
    ranks: &Ranks,
) -> Result<TrainRequest, Failure> {
    let mut assignments = read_settings(&args.settings)?;
    assignments.extend_from_slice(options);
    let batch = |batch| Assignment::option("--batch", format!("{}.batch", system.name), batch);
    assignments.extend(args.batch.map(batch));
    Ok(TrainRequest {
        system: system.clone(),
        assignments,
        config: args.config.clone(),
        out: args.out.clone(),
        resume: args.resume.clone(),
        from: args.from.clone(),
        log: args.log.into(),
        timings: args.timings,
        tensorboard: args.tensorboard,
        output: if ranks.rank() == 0 { Output::Standard } else { Output::Silent },
        ranks: ranks.clone(),
    })
}
