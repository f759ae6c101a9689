//! `backdraw-mpi`: the command `backdraw` on several machines. All ranks are started with the same
//! command line:
//!
//! ```text
//! mpirun -n 4 backdraw-mpi quickdraw --set shards=4 --steps 1000
//! ```

use std::process::ExitCode;

fn main() -> ExitCode {
    backdraw_mpi::on_ranks(|ranks| cli::main_on_ranks("backdraw-mpi", ranks))
}
