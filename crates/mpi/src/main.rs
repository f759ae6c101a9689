//! `backdraw-mpi`: the command `backdraw` on several machines. All ranks are started with the same
//! command line:
//!
//! ```text
//! mpirun -n 4 backdraw-mpi quickdraw --set shards=4 --steps 1000
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use backdraw_mpi::World;
use runs::Ranks;
use runs::failure::Code;

/// The exit code of a panic.
const PANIC: i32 = 101;

fn main() -> ExitCode {
    let (mpi, world) = match World::start() {
        Ok(started) => started,
        Err(why) => {
            eprintln!("error: cannot start MPI\n  why:   {why}");
            return ExitCode::from(Code::Network as u8);
        }
    };
    let machine = world.machine();
    let ranks = Ranks::new(world, machine);
    let ended = catch_unwind(AssertUnwindSafe(|| cli::main_on_ranks("backdraw-mpi", &ranks)));
    // If the ranks have not agreed to end, the others may wait for this one forever.
    match ended {
        Ok(_) if ranks.are_broken() => mpi.world().abort(Code::Network as i32),
        Ok(code) => {
            drop(mpi);
            code
        }
        Err(_) => mpi.world().abort(PANIC),
    }
}
