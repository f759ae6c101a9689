//! `World`: the ranks of an MPI job, as the ranks of a run. Empty without the feature `mpi`,
//! which needs MPI and a C compiler.
#![cfg(feature = "mpi")]

mod communicator;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use runs::Ranks;
use runs::failure::Code;

pub use communicator::World;

/// The exit code of a panic.
const PANIC: i32 = 101;

/// Runs `body` on all ranks of this MPI job. If the ranks have not agreed to end, for example
/// because `body` panics, this rank ends the whole job: the others may wait for it forever.
pub fn on_ranks(body: impl FnOnce(&Ranks) -> ExitCode) -> ExitCode {
    let (mpi, world) = match World::start() {
        Ok(started) => started,
        Err(why) => {
            eprintln!("error: cannot start MPI\n  why:   {why}");
            return ExitCode::from(Code::Network as u8);
        }
    };
    let machine = world.machine();
    let ranks = Ranks::new(world, machine);
    match catch_unwind(AssertUnwindSafe(|| body(&ranks))) {
        Ok(_) if ranks.are_broken() => mpi.world().abort(Code::Network as i32),
        Ok(code) => {
            drop(mpi);
            code
        }
        Err(_) => mpi.world().abort(PANIC),
    }
}
