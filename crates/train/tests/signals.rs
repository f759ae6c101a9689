//! Stopping a run: politely, impatiently, and with an axe.
#![cfg(unix)]

mod common;

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use common::{Place, TINY};

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Starts a run that takes long, and returns when its first checkpoint is there.
fn start(place: &Place) -> Child {
    let line = format!("{TINY} --steps 4000000000 --sample-every 1000000 --checkpoint-every 3 --out run");
    let child = place.command(&line).spawn().unwrap();
    let began = Instant::now();
    while place.checkpoints("run").is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// The hash of a run of `steps` steps in one piece.
fn straight(place: &Place, steps: u64) -> String {
    place.good(&format!("{TINY} --steps {steps} --sample-every 1000000 --out straight")).hash().to_owned()
}

#[test]
fn an_interrupt_finishes_the_step_saves_and_tells_how_to_go_on() {
    for name in ["-INT", "-TERM"] {
        let place = Place::new();
        let child = start(&place);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{err}");
        assert!(err.contains("quickdraw --resume run`"), "{err}");
        let step = *place.checkpoints("run").last().unwrap();
        assert!(err.contains(&format!("stopped after step {step}")), "{err}");
        let more = place.good(&format!("quickdraw --resume run --steps {}", step + 2));
        assert_eq!(more.hash(), straight(&place, step + 2));
    }
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
fn a_second_process_is_told_who_has_the_run() {
    let place = Place::new();
    let mut child = start(&place);
    place.bad("quickdraw --resume run", 2, &["another process", &format!("process {} holds run/lock", child.id())]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(place.path("run/lock").exists(), "the killed process could not clean up");
    let step = *place.checkpoints("run").last().unwrap();
    place.good(&format!("quickdraw --resume run --steps {}", step + 1));
    assert!(!place.path("run/lock").exists());
}
