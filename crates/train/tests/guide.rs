//! The console blocks of the guide and the Manual: each `$ train ...` line is run again and must
//! print the lines below it.

mod common;

use std::io::{Read, Seek};
use std::process::Stdio;

use common::Place;

/// The commands of a console block, each with the lines below it.
fn commands(block: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push((command, Vec::new())),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => panic!("a console block begins with a command: {block}"),
        }
    }
    found
}

/// What the program prints for the command `line`: messages and results, in order.
fn printed(place: &Place, line: &str) -> String {
    let mut file = tempfile::tempfile().unwrap();
    let to = || Stdio::from(file.try_clone().unwrap());
    let status = place.command(line).stdout(to()).stderr(to()).status().unwrap();
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    assert!(status.success(), "train {line}\n{text}");
    text
}

/// The line with all times and speeds replaced, because they depend on the machine, and without
/// trailing spaces.
fn timeless(line: &str) -> String {
    let mut result = String::new();
    let mut rest = line.trim_end();
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let (number, after) =
            number.split_at(number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len()));
        let unit = after.trim_start();
        let unit = &unit[..unit.find(|c: char| !c.is_alphabetic() && c != '/').unwrap_or(unit.len())];
        let is_time = ["s", "ms", "min", "h", "steps/s"].contains(&unit);
        result += before;
        result += if is_time { "?" } else { number };
        rest = after;
    }
    result + rest
}

/// Whether `got` is `pattern`, in which `...` stands for any characters.
fn like(pattern: &str, got: &str) -> bool {
    match pattern.split_once("...") {
        None => pattern == got,
        Some((before, after)) => got.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(i, _)| i).chain([rest.len()]).any(|i| like(after, &rest[i..]))
        }),
    }
}

/// Whether the lines are as shown; a shown line `...` stands for any number of lines.
fn same(shown: &[&str], got: &[&str]) -> bool {
    match (shown, got) {
        ([], []) => true,
        (["...", rest @ ..], _) => (0..=got.len()).any(|i| same(rest, &got[i..])),
        ([first, shown @ ..], [line, got @ ..]) => like(&timeless(first), &timeless(line)) && same(shown, got),
        _ => false,
    }
}

#[test]
fn the_program_prints_what_the_guide_shows() {
    for (name, text) in guide::CHAPTERS.iter().chain(guide::manual::PAGES) {
        let place = Place::new();
        for block in guide::markdown::blocks(text).iter().filter(|block| block.kind == "console") {
            for (command, shown) in commands(&block.text) {
                let Some(line) = command.strip_prefix("train ") else {
                    panic!("{name}.md:{}: only commands of `train` can be replayed: {command}", block.line)
                };
                let got = printed(&place, line);
                let report = format!("{name}.md:{}: `{command}` prints now:\n{got}", block.line);
                assert!(same(&shown, &got.lines().collect::<Vec<_>>()), "{report}");
            }
        }
    }
}

#[test]
fn comparing() {
    assert_eq!(commands("$ train a\nb\n\n$ train c\n"), [("train a", vec!["b", ""]), ("train c", vec![])]);
    assert_eq!(timeless("step 12: 0.3 s, (1.5s) 20 ms"), timeless("step 12: 9 s, (7.25s) 3 ms"));
    assert_ne!(timeless("step 12"), timeless("step 13"));
    assert!(same(&["a", "...", "b ... c"], &["a", "x", "y", "b and c"]) && same(&["...", "a"], &["a"]));
    assert!(!same(&["a", "b"], &["a"]) && !same(&["a ... c"], &["a b"]) && !same(&["a"], &["b"]));
    assert!(like("weights hash: ...", "weights hash: 00ff") && !like("a", "a "));
}
