//! Ctrl-C, and the signals by which a shell, the system or a scheduler asks the program to
//! terminate.
//!
//! Until `listen` is called, signals have their default effect: there is nothing to save yet.

#[cfg(unix)]
mod unix;

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The number of SIGINT, which Ctrl-C sends, on every system.
const SIGINT: i32 = 2;

/// A second request within this time is treated as the same one: `timeout` signals the process and
/// its process group, and for a closed terminal both the shell and the kernel send SIGHUP.
const SAME_REQUEST: Duration = Duration::from_millis(500);

/// The first signal received, and when.
static FIRST: OnceLock<(i32, Instant)> = OnceLock::new();

/// The signal for which all ranks of a run end, whichever of them received it. One that this
/// process receives later is still its first: a scheduler may signal one rank after the other.
static AGREED: OnceLock<i32> = OnceLock::new();

/// Whether this process wants its signals handled.
static WANTED: AtomicBool = AtomicBool::new(false);

/// Makes requests handle the signals that ask the process to terminate: training then finishes its
/// step, saves, and returns [`Ending::Stopped`](crate::training::Ending::Stopped). Without it a
/// signal ends the process as usual, and the run can be resumed from its last checkpoint.
///
/// Call it when the program starts: it also turns exceeding the file size limit (`ulimit -f`) into
/// a write error instead of the end of the process.
pub fn handle() {
    WANTED.store(true, Ordering::Relaxed);
    #[cfg(unix)]
    unix::survive_file_size_limits();
}

/// From now on, if the process [wants](handle) that, the first request to terminate only sets a
/// flag. A second Ctrl-C or SIGTERM ends the process at once.
///
/// A signal that the process was started with as ignored (by `nohup`, or SIGINT in the background
/// of a script) stays ignored.
pub(crate) fn listen() {
    if !WANTED.load(Ordering::Relaxed) {
        return;
    }
    #[cfg(unix)]
    unix::listen();
    // Without a handler the first Ctrl-C ends the process, but the saved state is intact, so this
    // is not a reason to refuse training.
    #[cfg(windows)]
    let _ = ctrlc::set_handler(|| request(SIGINT, "Ctrl-C", true));
}

/// Whether the user or the system asked the process to terminate.
pub(crate) fn asked() -> bool {
    number().is_some()
}

/// The number of the signal by which this process, or another rank, was asked to terminate.
pub(crate) fn number() -> Option<i32> {
    AGREED.get().copied().or_else(|| FIRST.get().map(|(signal, _)| *signal))
}

/// A rank was asked to terminate by this signal, so all of them end with the same code.
pub(crate) fn heard_by_a_rank(signal: i32) {
    AGREED.get_or_init(|| signal);
}

/// The exit code of a program that was asked to terminate and has saved: 128 plus the number of the
/// signal, as shells report it.
pub fn exit_code() -> u8 {
    code(number().unwrap_or(SIGINT))
}

fn code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// Handles a request. If it is not the first and `insists`, it ends the process at once.
fn request(signal: i32, name: &str, insists: bool) {
    let mut is_first = false;
    let (_, at) = FIRST.get_or_init(|| {
        is_first = true;
        (signal, Instant::now())
    });
    if is_first {
        // A step can take seconds, so confirm the request at once. The message starts on a new line
        // because the current one may hold a progress bar.
        let words = "finishing the current step; a second Ctrl-C or SIGTERM ends the program at once, without saving";
        let _ = writeln!(io::stderr(), "\n{name}: {words}");
    } else if insists && at.elapsed() >= SAME_REQUEST {
        std::process::exit(code(signal).into());
    }
}
