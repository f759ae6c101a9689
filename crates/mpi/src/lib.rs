//! `World`: the ranks of an MPI job, as the ranks of a run. Empty without the feature `mpi`,
//! which needs MPI and a C compiler.
#![cfg(feature = "mpi")]

mod communicator;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use nn::Communicator as _;
use runs::Ranks;
use runs::failure::Code;

pub use communicator::World;

/// The exit code of a panic.
const PANIC: i32 = 101;

/// The number of processes that Slurm has started, if MPI does not connect them: each of them would
/// then train the whole run. `size` is the number of ranks according to MPI.
fn unconnected(size: usize, variable: impl Fn(&str) -> Option<String>) -> Option<usize> {
    let number = |name: &str| variable(name)?.parse::<usize>().ok();
    // Within a job of Slurm, mpirun may have started a single rank.
    let launched = number("OMPI_COMM_WORLD_SIZE").or_else(|| number("PMI_SIZE"));
    number("SLURM_STEP_NUM_TASKS").filter(|processes| *processes > 1 && size == 1 && launched != Some(1))
}

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
    if let Some(processes) = unconnected(world.size(), |name| std::env::var(name).ok()) {
        eprintln!(
            "error: the ranks of this job are not connected\n  why:   Slurm has started {processes} processes, but each of them \
             is a rank of its own for MPI\n  help:  `srun --mpi=list` lists what this Slurm supports; Open MPI needs \
             `srun --mpi=pmix`, MPICH `srun --mpi=pmi2`"
        );
        return ExitCode::from(Code::Network as u8);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_slurm_that_mpi_does_not_connect_are_noticed() {
        let found = |size: usize, environment: &[(&str, &str)]| {
            let value =
                |name: &str| environment.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
            unconnected(size, value)
        };
        assert_eq!(found(1, &[]), None);
        assert_eq!(found(1, &[("SLURM_STEP_NUM_TASKS", "8")]), Some(8));
        assert_eq!(found(1, &[("SLURM_STEP_NUM_TASKS", "8"), ("PMI_SIZE", "8")]), Some(8));
        assert_eq!(found(8, &[("SLURM_STEP_NUM_TASKS", "8")]), None);
        assert_eq!(found(1, &[("SLURM_STEP_NUM_TASKS", "1")]), None);
        assert_eq!(found(1, &[("SLURM_STEP_NUM_TASKS", "8"), ("OMPI_COMM_WORLD_SIZE", "1")]), None);
    }
}
