//! The exit codes, as `--help` lists them.

/// The list: one line for each [`Code`](runs::failure::Code).
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
    0  success
    1  wrong derivative, found by `train gradcheck` or `train derive`; different weights of ranks
    2  usage: unknown command or option, contradictory options, run folder in use
    3  configuration: unknown key, wrong type, number out of range, not enough memory
    4  data: images missing, damaged, or in an unknown format
    5  checkpoint: missing, damaged, or from another run
    6  divergence: a loss, a gradient or an image is not finite
    7  storage: a file could not be written
    8  network: a download failed, or a message to another rank
    9  sick: the run was stopped after saving, because of --on-sick
  130  interrupted by Ctrl-C (SIGINT), after saving. For other signals 128 plus their number:
       143 for SIGTERM, 129 for SIGHUP, 138 for SIGUSR1, 140 for SIGUSR2, 152 for SIGXCPU";

#[cfg(test)]
mod tests {
    use super::*;
    use runs::failure::Code;

    #[test]
    fn every_code_is_documented() {
        use Code::{Checkpoint, Config, Data, Diverged, Network, Sick, Storage, Usage, Wrong};
        for code in [Wrong, Usage, Config, Data, Checkpoint, Diverged, Storage, Network, Sick] {
            assert!(EXIT_CODES.contains(&format!("\n    {}  ", code as u8)), "{code:?}");
        }
        assert!(EXIT_CODES.contains("\n  130  "));
    }
}
