//! The command `backdraw`.

use std::process::ExitCode;

fn main() -> ExitCode {
    backdraw_cli::main("backdraw")
}
