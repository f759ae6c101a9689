//! What the ranks other than 0 do in a run: they compute the same steps, and write nothing. They
//! need not see the run folder: rank 0 tells them the configuration, and the state if it is not
//! that of a new run.
//!
//! Each function here is called by all ranks at the same point of the run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use models::System;
use nn::State;

use super::rollback::Return;
use super::start::Plan;
use super::{Ending, TrainReport, TrainRequest, train_loop};
use crate::checkpoint::{Checkpoint, weights_hash};
use crate::config::Config;
use crate::data::{self, Dataset};
use crate::diagnosis::OnSick;
use crate::failure::{Code, Failure};
use crate::ranks::{Ranks, same_data};
use crate::signals;
use crate::systems::Trainable;

/// The run on a rank other than 0.
///
/// # Errors
/// As [`train`](super::train).
pub(super) fn follow(request: &TrainRequest) -> Result<TrainReport, Failure> {
    let TrainRequest { ranks, system: entry, output, .. } = request;
    // Rank 0 has planned the run.
    ranks.agree(Ok(()))?;
    let (config, fewest) = announced_images(ranks, entry)?;
    let data = load(ranks, || data::of(&config, &*config.build()?, fewest, output))?;
    // Rank 0 has opened the run folder.
    ranks.agree(Ok(()))?;
    // All of its messages first: a rank that fails between two of them would disturb the agreement.
    let start = announced(ranks)?;
    let run = text(ranks.of_rank_0(Vec::new())?);
    let mut next = Start::of_bytes(&start, entry)?;
    drop(start);
    signals::listen();
    loop {
        let Start { config, mut system, from } = next;
        share(ranks, &mut *system, from)?;
        let span = (from, config.steps());
        let result = train_loop::train_on(ranks, &mut *system, &data, span, (None, &mut []), &signals::asked);
        if may_return(&config, &result) {
            ranks.resume_talking();
            ranks.agree(Ok(()))?;
            let start = announced(ranks)?;
            // Empty if rank 0 does not continue.
            if !start.is_empty() {
                next = Start::of_bytes(&start, entry)?;
                continue;
            }
        }
        return Ok(TrainReport {
            ending: result?,
            run: PathBuf::from(run),
            weights_hash: weights_hash(&system.state()),
        });
    }
}

/// Rank 0 tells the others which images to load, and the smallest sufficient number of them.
///
/// # Errors
/// When a rank cannot be reached.
pub(super) fn announce_images(ranks: &Ranks, config: &Config, fewest: usize) -> Result<(), Failure> {
    ranks.of_rank_0(config.to_toml().into_bytes())?;
    ranks.of_rank_0(fewest.to_string().into_bytes()).map(drop)
}

fn announced_images(ranks: &Ranks, entry: &Arc<Trainable>) -> Result<(Config, usize), Failure> {
    let config = text(ranks.of_rank_0(Vec::new())?);
    let fewest = text(ranks.of_rank_0(Vec::new())?).parse().unwrap_or(1);
    Ok((Config::of_text(&config, OF_RANK_0, Some(entry))?, fewest))
}

/// Loads the images on all ranks, and checks that they are the same.
///
/// # Errors
/// When they cannot be loaded on a rank, or differ.
pub(super) fn load(ranks: &Ranks, load: impl FnOnce() -> Result<Dataset, Failure>) -> Result<Dataset, Failure> {
    let loaded = load().and_then(|data| Ok((data.fingerprint()?, data)));
    let (fingerprint, data) = ranks.agree(loaded)?;
    same_data(ranks, &fingerprint, data.origin())?;
    Ok(data)
}

/// Lets the ranks share the steps of `system`, which all of them have in the same state.
///
/// # Errors
/// When their number does not divide that of the shards, or a state differs.
pub(super) fn share(ranks: &Ranks, system: &mut dyn System, from: u64) -> Result<(), Failure> {
    ranks.agree(ranks.share(system))?;
    ranks.compare(system, from)
}

/// What the run continues from, on a rank other than 0.
struct Start {
    config: Config,
    system: Box<dyn System>,
    from: u64,
}

/// Stands in errors for the name of the file that a configuration or state comes from.
const OF_RANK_0: &str = "the message of rank 0";

impl Start {
    /// From the message of rank 0.
    fn of_bytes(bytes: &[u8], entry: &Arc<Trainable>) -> Result<Self, Failure> {
        let place = Path::new(OF_RANK_0);
        let saved = Checkpoint::from_bytes(bytes).map_err(|flaw| flaw.failure(place))?;
        let config = Config::of_text(&saved.config, OF_RANK_0, Some(entry))?;
        let mut system = config.build()?;
        if !saved.state.tensors.is_empty() {
            saved.restore(&mut *system, place)?;
        }
        Ok(Self { config, system, from: saved.step })
    }
}

/// Rank 0 tells the others what the run in the folder `run` starts from.
///
/// # Errors
/// When a rank cannot be reached.
pub(super) fn announce_start(ranks: &Ranks, plan: &Plan, run: &Path) -> Result<(), Failure> {
    // All ranks initialise a new run with the same weights.
    let is_new = plan.from == 0 && !plan.starts_from_parent();
    let state = if is_new { State::default() } else { plan.system.state() };
    if ranks.size() > 1 {
        announce(ranks, start(&plan.config, plan.from, plan.system.name(), state))?;
    }
    ranks.of_rank_0(run.display().to_string().into_bytes()).map(drop)
}

/// The message from which [`Start::of_bytes`] makes a start.
fn start(config: &Config, step: u64, name: &str, state: State) -> Result<Vec<u8>, Failure> {
    let (system, seed, config) = (name.to_owned(), config.seed(), config.to_toml());
    let start = Checkpoint { system, step, seed, config, data: String::new(), layouts: String::new(), state };
    start.to_bytes().map_err(|why| Failure::new(Code::Checkpoint, why))
}

/// Rank 0 sends the others what the run starts from, or the failure to encode it.
fn announce(ranks: &Ranks, start: Result<Vec<u8>, Failure>) -> Result<(), Failure> {
    ranks.agree(start).and_then(|start| ranks.of_rank_0(start)).map(drop)
}

/// What rank 0 sends with [`announce`].
fn announced(ranks: &Ranks) -> Result<Vec<u8>, Failure> {
    ranks.agree(Ok(()))?;
    ranks.of_rank_0(Vec::new())
}

/// Rank 0 tells the others whether the run returns to an earlier step. (A failure within
/// `returned` is passed on unchanged.)
///
/// # Errors
/// When the return failed, or a rank cannot be reached.
pub(super) fn announce_return(
    ranks: &Ranks,
    (config, result): (&Config, &Result<Ending, Failure>),
    returned: Result<Option<Result<Return, String>>, Failure>,
) -> Result<Option<Result<Return, String>>, Failure> {
    if !may_return(config, result) || ranks.size() == 1 {
        return returned;
    }
    ranks.resume_talking();
    let returned = ranks.agree(returned)?;
    announce(
        ranks,
        match &returned {
            Some(Ok(Return { config, system, saved, .. })) => start(config, saved.step, system.name(), system.state()),
            _ => Ok(Vec::new()),
        },
    )?;
    Ok(returned)
}

/// Whether rank 0 may return to an earlier step after training has ended like this.
pub(super) fn may_return(config: &Config, result: &Result<Ending, Failure>) -> bool {
    let has_ended = result.as_ref().map_or_else(|failure| failure.code == Code::Diverged, |_| true);
    has_ended && config.on_sick() == OnSick::Rollback
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranks::tests::on_ranks;

    #[test]
    fn a_start_that_cannot_be_encoded_ends_all_ranks() {
        let received = on_ranks(3, |ranks| {
            let failure = Failure::new(Code::Checkpoint, "a tensor too many");
            if ranks.rank() == 0 { announce(ranks, Err(failure)).map(|()| Vec::new()) } else { announced(ranks) }
        });
        for failure in received.into_iter().map(Result::unwrap_err) {
            assert_eq!((failure.code, &*failure.what), (Code::Checkpoint, "a tensor too many"));
        }
        let received = on_ranks(3, |ranks| match ranks.rank() {
            0 => announce(ranks, Ok(vec![7, 8])).map(|()| vec![7, 8]),
            _ => announced(ranks),
        });
        assert_eq!(received, vec![Ok(vec![7, 8]); 3]);
    }
}
