//! The command `train`: the command line of Backdraw, under the name that `cargo run -p train`
//! runs. Everything is in the crate `cli`, which also has the command `backdraw`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main("train")
}
