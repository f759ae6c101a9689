//! Tests that the program's advice works: for every `advice!`, causes the situation in which it is
//! printed, and runs what it says.
//!
//! `sources.rs` finds all uses of `advice!` in the workspace; `situations/` lists how to cause
//! each; `follow.rs` parses the output, by the convention of `datasets::Advice`, and runs it;
//! `stage.rs` makes the files that the situations need; `typing.rs` tests the tips of the
//! command-line parser.
//!
//! A new advice needs a new row in one of the tables of `situations/`: its id, the files it needs,
//! and the command that causes it.

#[path = "../common/mod.rs"]
mod common;
mod follow;
mod situations;
mod sources;
mod stage;
mod typing;

use std::collections::BTreeSet;
use std::sync::Mutex;

use situations::{Situation, all};
use stage::Fixtures;

#[test]
fn every_advice_works_when_it_is_followed() {
    let (sources, fixtures) = (sources::read(), Fixtures::default());
    let waiting = Mutex::new(all().into_iter());
    let wrong = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = waiting.lock().unwrap().next();
            let Some(situation) = next else { break };
            let written = sources.advice.iter().find(|written| written.id == situation.id);
            let result = match written {
                Some(written) => follow::follow(&situation, written, &fixtures),
                None => Err("no advice has this id".to_owned()),
            };
            if let Err(why) = result {
                wrong.lock().unwrap().push(format!("{} ({}): {why}", situation.id, situation.line));
            }
        }
    };
    std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(work))));
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} advices do not work:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn every_advice_has_a_situation() {
    let sources = sources::read();
    let here: BTreeSet<&str> = all().iter().map(|situation: &Situation| situation.id).collect();
    let missing = sources.advice.iter().filter(|written| written.needs_a_situation() && !here.contains(&*written.id));
    let missing: Vec<String> =
        missing.map(|written| format!("{}: {}: {}", written.place, written.id, written.text)).collect();
    assert!(missing.is_empty(), "add a situation to crates/train/tests/advice/situations for:\n{}", missing.join("\n"));
}

#[test]
fn every_advice_keeps_to_the_convention() {
    let sources = sources::read();
    assert_eq!(sources::doubles(&sources.advice), [""; 0], "an id stands twice");
    assert_eq!(sources.strays, [""; 0], "commands are named outside of advice!");
    for written in &sources.advice {
        let kebab = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        assert!(written.id.chars().all(kebab), "{}: {}", written.place, written.id);
        assert_eq!(written.text.matches('`').count() % 2, 0, "{}: backticks come in pairs", written.place);
        if let Some(word) = follow::typed_outside(&written.text) {
            panic!("{}: `{word}` can be typed and stands outside of backticks: {}", written.place, written.text);
        }
    }
}

#[test]
fn a_program_started_by_cargo_says_so() {
    let fixtures = Fixtures::default();
    let stage = fixtures.stage();
    let mut command = stage.command(&["sample".into(), "points".into(), "--zoom".into(), "2".into()]);
    stage.bring("run");
    let mut by_cargo = stage.command(&["mnist".into(), "--resume".into(), "run".into()]);
    by_cargo.env("CARGO", "cargo").env("CARGO_PKG_NAME", "train");
    let message = common::finish(by_cargo).err;
    assert!(message.contains("`cargo run -p train -- quickdraw --resume run`"), "{message}");
    command.args(["--no-such-option"]);
    assert_eq!(common::finish(command).code, Some(2));
}
