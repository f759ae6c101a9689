//! Stopping a run: with one signal, with two, and with SIGKILL.
#![cfg(unix)]

mod common;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Place, TINY, finish};

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Starts a long run, and returns when its first checkpoint exists.
fn start(place: &Place) -> Child {
    let line = format!("{TINY} --steps 4000000000 --sample-every 1000000 --checkpoint-every 3 --out run");
    let child = place.command(&line).spawn().unwrap();
    wait_for_a_checkpoint(place);
    child
}

/// Returns when the run has a checkpoint of a step.
fn wait_for_a_checkpoint(place: &Place) {
    let began = Instant::now();
    while place.checkpoints("run").last().is_none_or(|step| *step == 0) {
        assert!(began.elapsed() < Duration::from_secs(60), "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The hash of an uninterrupted run of `steps` steps.
fn straight(place: &Place, steps: u64) -> String {
    place.good(&format!("{TINY} --steps {steps} --sample-every 1000000 --out straight")).hash().to_owned()
}

#[test]
fn an_interrupt_finishes_the_step_saves_and_tells_how_to_go_on() {
    for (name, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        if common::is_ignored(code - 128) {
            eprintln!("SKIPPED: {name} is ignored here");
            continue;
        }
        let place = Place::new();
        let child = start(&place);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}: {err}");
        assert!(err.contains("quickdraw --resume run`"), "{err}");
        let step = *place.checkpoints("run").last().unwrap();
        assert!(err.contains(&format!("stopped after step {step}")), "{err}");
        let more = place.good(&format!("quickdraw --resume run --steps {}", step + 2));
        assert_eq!(more.hash(), straight(&place, step + 2));
    }
}

/// The signals that schedulers send before they end a job, some of them repeatedly.
#[test]
#[cfg(target_os = "linux")]
fn a_schedulers_warning_saves_however_often_it_comes() {
    for (name, code) in [("-USR1", 138), ("-USR2", 140), ("-XCPU", 152)] {
        let place = Place::new();
        let child = start(&place);
        signal(&child, name);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}: {err}");
        let step = *place.checkpoints("run").last().unwrap();
        assert!(err.contains(&format!("stopped after step {step}; everything is saved")), "{name}: {err}");
    }
}

/// `timeout` sends its signal twice: to the process, and to its process group.
#[test]
fn the_same_request_sent_twice_at_once_is_one_request() {
    let place = Place::new();
    let child = start(&place);
    signal(&child, "-TERM");
    signal(&child, "-TERM");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(143));
    assert!(!place.path("run/lock").exists(), "it has ended in order");
}

/// Starts the program from a shell that ignores the signals, as with `nohup` or in the background
/// of a script.
#[test]
fn a_signal_that_arrives_ignored_stays_ignored() {
    let place = Place::new();
    let line = format!("{TINY} --steps 4000000000 --sample-every 1000000 --checkpoint-every 3 --out run");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("trap '' HUP INT; exec \"$0\" {line}"), env!("CARGO_BIN_EXE_train")]);
    shell.current_dir(place.folder.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = shell.spawn().unwrap();
    wait_for_a_checkpoint(&place);
    for name in ["-HUP", "-INT"] {
        let before = *place.checkpoints("run").last().unwrap();
        signal(&child, name);
        let began = Instant::now();
        while *place.checkpoints("run").last().unwrap() < before + 9 {
            assert!(began.elapsed() < Duration::from_secs(60), "it stopped at {name}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A closed terminal does not end the run: the messages still go to the log.
#[test]
fn a_terminal_that_is_gone_ends_nothing() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let place = Place::new();
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).and_then(|()| unlockpt(&controller)).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
    let terminal = std::fs::OpenOptions::new().read(true).write(true).open(name).unwrap();
    let mut command = place.command(&format!("{TINY} --steps 400 --sample-every 1000 --log seed --out run"));
    command.stdout(terminal.try_clone().unwrap()).stderr(terminal);
    let mut child = command.spawn().unwrap();
    // This closes both ends of the terminal in this process, so writing to it fails from now on.
    drop((command, controller));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(place.checkpoints("run"), [400]);
}

/// Exceeding the file size limit is a write error; SIGXFSZ does not end the process.
#[test]
fn a_limit_of_file_sizes_is_a_storage_error() {
    let place = Place::new();
    let limited = |line: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -f 16; exec \"$0\" {line}"), env!("CARGO_BIN_EXE_train")]);
        finish({
            shell.current_dir(place.folder.path()).stdin(Stdio::null());
            shell
        })
    };
    let outcome = limited(&format!("{TINY} --steps 2 --out run"));
    assert_eq!(outcome.code, Some(7), "{}", outcome.err);
    assert!(outcome.err.contains("step-000000.safetensors") && outcome.err.contains("ulimit -f"), "{}", outcome.err);
    assert!(outcome.err.contains("quickdraw --resume run`"), "{}", outcome.err);
    place.good("quickdraw --resume run");
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    for delay in [0, 17, 41] {
        let place = Place::new();
        let mut child = start(&place);
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        let step = *place.checkpoints("run").last().unwrap() + 2;
        assert_eq!(place.good(&format!("quickdraw --resume run --steps {step}")).hash(), straight(&place, step));
        let rows = common::text(&place.path("run/metrics.csv")).lines().count() as u64;
        assert_eq!(rows, step + 1);
    }
}

#[test]
fn a_second_process_learns_who_has_the_run() {
    let place = Place::new();
    let mut child = start(&place);
    place.bad(
        "quickdraw --resume run",
        2,
        &["another process", &format!("process {} has locked run/lock", child.id())],
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(place.path("run/lock").exists(), "the killed process could not clean up");
    let step = *place.checkpoints("run").last().unwrap();
    place.good(&format!("quickdraw --resume run --steps {}", step + 1));
    assert!(!place.path("run/lock").exists());
}
