//! `train explain`: the page of a step of an example, of a new model and of a run.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::Place;

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            all.extend(files(&entry.path()).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            all.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    all
}

/// The hash in the last line, after `weights hash: `.
fn hash(out: &str) -> &str {
    out.lines().find_map(|line| line.strip_prefix("weights hash: ")).unwrap()
}

#[test]
fn an_example_becomes_one_page_that_is_always_the_same() {
    let place = Place::new();
    let outcome = place.good("explain --preset mlp");
    assert!(outcome.out.contains("explain.html") && outcome.out.contains("checks passed"), "{}", outcome.out);
    let page = fs::read_to_string(place.path("explain.html")).unwrap();
    assert!(
        page.starts_with("<!") && page.contains("learn XOR") && page.contains(hash(&outcome.out)),
        "{}",
        outcome.out
    );
    place.good("explain --preset mlp --out again.html");
    assert_eq!(fs::read_to_string(place.path("again.html")).unwrap(), page);
    let folder = place.path("").display().to_string();
    assert!(!page.contains(folder.trim_end_matches('/')), "a path of this machine is in the page");
}

/// The explained step is the one that training computes: the weights after it have the same hash.
#[test]
fn the_step_of_a_run_is_the_next_one_and_the_run_stays_as_it_is() {
    let place = Place::new();
    let settings = "--batch 2 --set quickdraw.depth=2 --data built-in";
    place.good(&format!("quickdraw {settings} --steps 2 --checkpoint-every 1 --out run"));
    let before = files(&place.path("run"));
    let last = place.good("explain --run run --out last.html");
    assert_eq!(files(&place.path("run")), before);
    let third = place.good(&format!("quickdraw {settings} --steps 3 --out longer"));
    assert_eq!(hash(&last.out), hash(&third.out));
    assert!(fs::read_to_string(place.path("last.html")).unwrap().contains("Step 3 of quickdraw"));

    let missing = place.train("explain --run run --step 7 --out other.html");
    assert_eq!(missing.code, Some(5), "{}", missing.err);
    assert!(missing.err.contains("steps of its checkpoints") && missing.err.contains('2'), "{}", missing.err);
    assert!(!place.path("other.html").exists());
    let page = fs::metadata(place.path("last.html")).unwrap().len();
    assert!(page < 4_000_000, "{page} bytes");
}

#[test]
fn options_that_say_nothing_are_refused() {
    let place = Place::new();
    for (line, code, word) in [
        ("explain --preset gan --batch 3", 2, "--batch"),
        ("explain --step 3", 2, "--run"),
        ("explain --run nothing", 5, "no such run"),
        ("explain --step first", 2, "last"),
        ("explain --preset gam", 3, "did you mean `gan`?"),
        ("explain mnist --preset scalar", 3, "scalar"),
    ] {
        let outcome = place.train(line);
        assert_eq!(outcome.code, Some(code), "{line}\n{}", outcome.err);
        assert!(outcome.err.contains(word), "{line}\n{}", outcome.err);
    }
}
