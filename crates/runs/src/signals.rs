//! Ctrl-C, and the signals by which a shell, a system or a scheduler asks the program to end.
//!
//! Until `listen` is called a signal ends the process as it ends any other: there is nothing to
//! save yet.

#[cfg(unix)]
mod unix;

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The number of SIGINT, which Ctrl-C sends, on every system.
const SIGINT: i32 = 2;

/// A request to end that comes this soon after the first is the same one: `timeout` sends its
/// signal to the process and to its group, a closed terminal sends SIGHUP by way of the shell and
/// of the kernel.
const SAME_REQUEST: Duration = Duration::from_millis(500);

/// The signal that asked first, and when.
static FIRST: OnceLock<(i32, Instant)> = OnceLock::new();

/// Whether this process wants its signals handled.
static WANTED: AtomicBool = AtomicBool::new(false);

/// Lets the requests of this process handle the signals that ask it to end: a training then
/// finishes its step, saves, and returns [`Ending::Stopped`](crate::training::Ending::Stopped).
/// Without it a signal ends the process as usual, and the run goes on from its last checkpoint.
///
/// To be called when the program starts: it also makes a file that grows beyond the limit of its
/// size (`ulimit -f`) an error of the write instead of the end of the process.
pub fn handle() {
    WANTED.store(true, Ordering::Relaxed);
    #[cfg(unix)]
    unix::survive_file_size_limits();
}

/// From now on, if the process [wants](handle) that, the first request to end only sets a mark. A
/// second Ctrl-C or SIGTERM ends the process at once.
///
/// A signal that the process was started with as ignored (by `nohup`, or SIGINT in the background
/// of a script) stays ignored.
pub(crate) fn listen() {
    if !WANTED.load(Ordering::Relaxed) {
        return;
    }
    #[cfg(unix)]
    unix::listen();
    // Without a handler the first Ctrl-C ends the process, and nothing that was saved is lost: not
    // worth refusing to train.
    #[cfg(windows)]
    let _ = ctrlc::set_handler(|| request(SIGINT, "Ctrl-C", true));
}

/// Whether somebody asked to end.
pub(crate) fn asked() -> bool {
    FIRST.get().is_some()
}

/// The exit code of a program that was asked to end and saved: 128 and the number of the signal, as
/// shells report it.
pub fn exit_code() -> u8 {
    code(FIRST.get().map_or(SIGINT, |(signal, _)| *signal))
}

fn code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// Takes a request. One that `insists` ends the process at once if it is not the first.
fn request(signal: i32, name: &str, insists: bool) {
    let mut is_first = false;
    let (_, at) = FIRST.get_or_init(|| {
        is_first = true;
        (signal, Instant::now())
    });
    if is_first {
        // A step can take seconds: the user should not wonder. A new line, as a bar may stand in
        // the current one.
        let words = "finishing the current step; a second Ctrl-C or SIGTERM ends the program at once, without saving";
        let _ = writeln!(io::stderr(), "\n{name}: {words}");
    } else if insists && at.elapsed() >= SAME_REQUEST {
        std::process::exit(code(signal).into());
    }
}
