//! `World`: the ranks of an MPI job, as the ranks of a run. Empty without the feature `mpi`,
//! which needs MPI and a C compiler.
#![cfg(feature = "mpi")]

mod communicator;

pub use communicator::World;
