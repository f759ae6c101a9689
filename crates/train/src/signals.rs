//! Ctrl-C, and what the system sends when it wants the program to end.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Code;

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on the first request to end only sets a mark, and the second one ends the process at once.
pub(crate) fn listen() {
    // Without a handler the first Ctrl-C ends the process, and nothing that was saved is lost: not worth refusing to train.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(Code::Interrupted as i32);
        }
        // A step can take seconds: the user should not wonder. A new line, as a bar may stand in the current one.
        let _ = writeln!(io::stderr(), "\nfinishing what is at hand; a second time ends at once, without saving");
    });
}

/// Whether the user asked to end.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
