//! Signals on Unix. `signal-hook` contains the unsafe part; a separate thread does what a signal
//! handler must not do.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::{Arc, Once, atomic::AtomicBool};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};
use signal_hook::iterator::Signals;

/// The handled signals: number, name, and whether a second one ends the process at once. Schedulers
/// warn with SIGUSR1, SIGUSR2 or SIGXCPU before they end a job, sometimes repeatedly (SIGXCPU comes
/// every second), so these never end it at once; nor does SIGHUP.
const REQUESTS: [(i32, &str, bool); 6] = [
    (SIGINT, "SIGINT", true),
    (SIGTERM, "SIGTERM", true),
    (SIGHUP, "SIGHUP", false),
    (SIGUSR1, "SIGUSR1", false),
    (SIGUSR2, "SIGUSR2", false),
    (SIGXCPU, "SIGXCPU", false),
];

/// Installs a handler for SIGXFSZ that does nothing; the write that exceeded the limit then fails
/// with EFBIG.
pub(super) fn survive_file_size_limits() {
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// Handles every signal in [`REQUESTS`] that was not ignored before; called once per process.
pub(super) fn listen() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let heard: Vec<i32> =
            REQUESTS.iter().map(|(signal, ..)| *signal).filter(|signal| !is_ignored(*signal)).collect();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let listener = move || {
            let signals = Signals::new(heard);
            let _ = ready.send(());
            let Ok(mut signals) = signals else { return };
            for signal in signals.forever() {
                if let Some((_, name, insists)) = REQUESTS.iter().find(|(known, ..)| *known == signal) {
                    super::request(signal, name, *insists);
                }
            }
        };
        // Without the thread no handlers are installed: a signal then ends the process, and the
        // saved state is intact.
        if std::thread::Builder::new().name("signals".to_owned()).spawn(listener).is_ok() {
            let _ = is_ready.recv();
        }
    });
}

/// Whether this signal was ignored when the process started.
fn is_ignored(signal: i32) -> bool {
    match fs::read_to_string("/proc/self/status") {
        Ok(status) => is_in_mask(&status, signal),
        Err(_) => is_ignored_by_children(signal),
    }
}

/// Linux: whether the signal's bit is set in the line `SigIgn` of the process's status.
fn is_in_mask(status: &str, signal: i32) -> bool {
    let digits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = digits.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Other systems: ignored signals are inherited, so a shell that survives sending itself the signal
/// shows that it is ignored.
fn is_ignored_by_children(signal: i32) -> bool {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("ulimit -c 0; kill -{signal} $$")]);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        let status = "Name:\ttrain\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001003\nSigCgt:\t0\n";
        let ignored: Vec<i32> = (1..=31).filter(|signal| is_in_mask(status, *signal)).collect();
        assert_eq!(ignored, [1, 2, 13]);
        assert!(!is_in_mask("", SIGHUP));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_shell_knows_what_is_ignored_as_well_as_the_kernel() {
        for (signal, name, _) in REQUESTS {
            assert_eq!(is_ignored_by_children(signal), is_ignored(signal), "{name}");
        }
    }
}
