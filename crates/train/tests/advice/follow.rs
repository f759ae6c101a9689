//! Reads the printed advice as a user does, and runs what it says.

use std::path::Path;

use super::common::{Outcome, finish};
use super::situations::{Situation, Success};
use super::sources::Written;
use super::stage::Fixtures;

/// Something in an [`Advice`](datasets::Advice) that can be typed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// A command of its own.
    Command(Vec<String>),
    /// The same command without these options.
    Without(Vec<String>),
    /// The same command with these options, in place of those of the same names.
    With(Vec<String>),
    /// The same command with this word in place of the wrong one.
    Instead(String),
}

/// Sets up the situation, finds the advice in the output, and follows each of its suggestions.
pub(crate) fn follow(situation: &Situation, written: &Written, fixtures: &Fixtures) -> Result<(), String> {
    let stage = fixtures.stage();
    (situation.prepare)(&stage);
    let line: Vec<String> = shlex::split(&situation.line).ok_or("the line is no command")?;
    let outcome = match situation.act {
        Some(act) => act(&stage),
        None => finish(situation.limited(stage.command(&line))),
    };
    let printed = normal(&outcome);
    let failed = outcome.code != Some(0);
    if failed != situation.fails {
        return Err(format!("ended with {:?}:\n{printed}", outcome.code));
    }
    let text = found(&written.pieces(), &printed, situation.at_least)
        .ok_or_else(|| format!("did not print {:?}:\n{printed}", written.text))?;
    if let Some(word) = typed_outside(&text) {
        return Err(format!("{word} can be typed and stands outside of backticks: {text}"));
    }
    let steps = steps(&text);
    if steps.len() < situation.at_least {
        return Err(format!("names nothing to type: {text}"));
    }
    for step in steps {
        let stage = stage.copied();
        (situation.meanwhile)(&stage);
        let mut words = applied(&step, &line, situation.wrong)?;
        for (placeholder, real) in situation.fill {
            words.iter_mut().filter(|word| *word == placeholder).for_each(|word| (*real).clone_into(word));
        }
        words.extend(shlex::split(&(situation.more)(&stage)).unwrap_or_default());
        let command = situation.limited(stage.command(&words));
        let (fine, printed) = match situation.success {
            Success::Ends => {
                let outcome = finish(command);
                (outcome.code == Some(0), format!("{:?}\n{}", outcome.code, normal(&outcome)))
            }
            Success::Says(said) => stage.says(command, said),
        };
        let again = printed.contains(&text);
        if !fine || again && matches!(situation.success, Success::Ends) {
            return Err(format!(
                "{text}\n  tried: train {}\n  got{}: {printed}",
                words.join(" "),
                if again { ", and the same line again" } else { "" }
            ));
        }
    }
    Ok(())
}

/// The output, with the program called `train` and without indentation.
fn normal(outcome: &Outcome) -> String {
    let exe = format!("`{} ", env!("CARGO_BIN_EXE_train"));
    format!("{}{}", outcome.err, outcome.out).replace(&exe, "`train ").replace("\n         ", "\n")
}

/// The text that consists of these pieces, from a `help:` section or a line: the first one with at
/// least `at_least` things to type, or else the first one.
fn found(pieces: &[String], printed: &str, at_least: usize) -> Option<String> {
    let help = printed.split_once("\n  help:  ").map(|(_, help)| help.to_owned());
    let texts = help.into_iter().chain(printed.lines().map(str::to_owned));
    let matching: Vec<String> = texts.filter_map(|text| matched(pieces, &text)).collect();
    matching.iter().find(|text| steps(text).len() >= at_least).or(matching.first()).cloned()
}

/// The part of `text` from the first piece to the last, if it contains all of them in order.
fn matched(pieces: &[String], text: &str) -> Option<String> {
    let (first, rest) = pieces.split_first()?;
    let start = text.find(first.as_str())?;
    let mut end = start + first.len();
    for piece in rest {
        end += text[end..].find(piece.as_str())? + piece.len();
    }
    let ends_open = pieces.last().is_some_and(String::is_empty);
    Some(if ends_open { text[start..].trim_end().to_owned() } else { text[start..end].to_owned() })
}

/// A word outside of backticks that can be typed, if there is one.
pub(crate) fn typed_outside(text: &str) -> Option<String> {
    let outside = text.split('`').step_by(2);
    outside.flat_map(str::split_whitespace).find_map(|word| {
        let word = word.trim_start_matches(['(', '"', '\'']);
        let is_option = word.strip_prefix("--").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
        is_option.then(|| word.to_owned())
    })
}

/// The segments between backticks.
pub(crate) fn steps(text: &str) -> Vec<Step> {
    let parts: Vec<&str> = text.split('`').collect();
    let mut steps = Vec::new();
    let mut leaves_out = false;
    for (number, part) in parts.iter().enumerate() {
        if number % 2 == 0 {
            // "leave out `--a`, or leave out `--b`": the words just before a segment count.
            let before = part.trim_end();
            leaves_out = before.ends_with("leave out") || before.ends_with("without");
            continue;
        }
        let words = shlex::split(part).unwrap_or_else(|| panic!("no shell reads `{part}`"));
        steps.push(match part.strip_prefix("train ") {
            Some(_) => Step::Command(words[1..].to_vec()),
            None if part.starts_with("--") && leaves_out => Step::Without(words),
            None if part.starts_with("--") => Step::With(words),
            None => Step::Instead(words.concat()),
        });
    }
    steps
}

/// The words of `line`, changed by the step.
fn applied(step: &Step, line: &[String], wrong: &str) -> Result<Vec<String>, String> {
    Ok(match step {
        Step::Command(words) => words.clone(),
        Step::Instead(_) if wrong.is_empty() => return Err("the situation does not say which word is wrong".into()),
        Step::Instead(word) => line.iter().map(|old| old.replace(wrong, word)).collect(),
        Step::Without(words) => options(words).fold(line.to_vec(), |line, option| {
            without(line, option, &|old| option.len() < 2 || old[1..] == option[1..] || is_key(&old[1..], &option[1..]))
        }),
        Step::With(words) => options(words).fold(line.to_vec(), |line, option| {
            let mut line = without(line, option, &|old| option[0] != "--set" || same_key(&old[1..], &option[1..]));
            line.extend_from_slice(option);
            line
        }),
    })
}

/// Whether two `--set` have the same key, or the old one has no key.
fn same_key(old: &[String], new: &[String]) -> bool {
    let key = |words: &[String]| -> Option<String> {
        let key = words.first()?.split_once('=')?.0;
        key.rsplit('.').next().filter(|key| !key.is_empty()).map(str::to_owned)
    };
    key(old).is_none() || key(old) == key(new)
}

/// Whether the new words are only the key of the old setting.
fn is_key(old: &[String], new: &[String]) -> bool {
    old.first().and_then(|old| old.split_once('=')).is_some_and(|(key, _)| new == [key])
}

/// The options among the words, each with its values.
fn options(words: &[String]) -> impl Iterator<Item = &[String]> {
    words.chunk_by(|_, next| !next.starts_with("--"))
}

/// The line without the options, and their values, that have the name of `option` and for which
/// `goes` returns true.
fn without(line: Vec<String>, option: &[String], goes: &dyn Fn(&[String]) -> bool) -> Vec<String> {
    let name = option[0].split('=').next().unwrap_or_default();
    let kept = options(&line).filter(|old| old[0].split('=').next() != Some(name) || !goes(old));
    kept.flatten().cloned().collect()
}

/// Copies a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Tests the parsing of advice and the changes to a command, without running any.
#[test]
fn an_advice_is_read_as_it_is_meant() {
    let words = |line: &str| shlex::split(line).unwrap();
    let line = words("quickdraw --set batch=2 --set depth=2 --out 'a b' --raw --data x.npy");
    let tried = |text: &str| -> Vec<String> {
        let tried = |step: &Step| applied(step, &line, "x.npy").unwrap().join(" ");
        steps(text).iter().map(tried).collect()
    };
    assert_eq!(
        tried("leave out `--raw --out`, or use `--set quickdraw.batch=4 --seed 3`, or did you mean `y.npy`?"),
        [
            "quickdraw --set batch=2 --set depth=2 --data x.npy",
            "quickdraw --set depth=2 --out a b --raw --data x.npy --set quickdraw.batch=4 --seed 3",
            "quickdraw --set batch=2 --set depth=2 --out a b --raw --data y.npy",
        ]
    );
    assert_eq!(tried("leave out `--set depth=2`")[0], "quickdraw --set batch=2 --out a b --raw --data x.npy");
    assert_eq!(tried("`train sample 'a b'`"), ["sample a b"]);
    assert_eq!(typed_outside("use (--batch) `--x`").as_deref(), Some("--batch)"));
    assert_eq!(typed_outside("use `--x` -- or not"), None);
    let pieces = ["use ", " or ", ""].map(str::to_owned);
    assert_eq!(matched(&pieces, "please use 3 or less").as_deref(), Some("use 3 or less"));
}
