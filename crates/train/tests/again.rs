//! Repeated commands, and runs that were killed at an awkward moment.

mod common;

use std::fs;

use common::{Place, TINY, text};

/// A run as left by a process that was killed after step `step` of 6, between checkpoints.
fn killed(place: &Place, step: u64) {
    place.good(&format!("{TINY} --steps {step} --checkpoint-every 2 --out run"));
    let config = text(&place.path("run/config.toml"));
    fs::write(place.path("run/config.toml"), config.replace(&format!("steps = {step}\n"), "steps = 6\n")).unwrap();
}

#[test]
fn the_same_command_goes_on_with_an_unfinished_run_to_the_same_bits() {
    let place = Place::new();
    let line = format!("{TINY} --steps 6 --checkpoint-every 2 --out");
    let whole = place.good(&format!("{line} whole"));
    killed(&place, 4);
    let again = place.good(&format!("{line} run"));
    assert_eq!(again.hash(), whole.hash());
    assert!(again.err.contains("the unfinished run in run, which has the same configuration"), "{}", again.err);
    assert!(again.err.contains("after step 4"), "{}", again.err);
    assert_eq!(text(&place.path("run/metrics.csv")).lines().count(), 7);

    // A finished run: nothing is left to do. Another command continues it to more steps; the
    // message names that command, and it works.
    let config = place.path("run/config.toml");
    let recorded = format!("numerics = {}\n", kernels::NUMERICS);
    fs::write(&config, text(&config).replace(&recorded, "numerics = 1\n")).unwrap();
    let finished = place.good(&format!("{line} run"));
    assert!(finished.hash() == whole.hash() && finished.err.contains("already complete"), "{}", finished.err);
    assert!(text(&config).contains("numerics = 1\n"), "the version that computed it: {}", text(&config));
    place.good("quickdraw --resume run");
    let longer = format!("{TINY} --steps 8 --out run");
    place.bad(&longer, 2, &["6 of 6 steps done", "quickdraw --resume run --steps 8`"]);
    place.good("quickdraw --resume run --steps 8");
    assert!(text(&config).contains(&recorded), "{}", text(&config));
    place.bad(&format!("{line} run --seed 3"), 2, &["a different configuration", "seed: 3 requested, 1 in the run"]);
    place.bad("vanilla --preset cpu --out run", 2, &["a run of `quickdraw`", "quickdraw --resume run`"]);
}

#[test]
fn a_run_without_any_checkpoint_is_no_dead_end() {
    let place = Place::new();
    let line = format!("{TINY} --steps 3 --out");
    let whole = place.good(&format!("{line} whole"));
    for (name, then) in [("again", format!("{line} again")), ("resumed", "quickdraw --resume resumed".to_owned())] {
        place.good(&format!("{TINY} --steps 1 --out {name}"));
        let config = text(&place.path(name).join("config.toml"));
        fs::write(place.path(name).join("config.toml"), config.replace("steps = 1\n", "steps = 3\n")).unwrap();
        fs::remove_file(place.path(name).join("checkpoints/step-000001.safetensors")).unwrap();
        let outcome = place.good(&then);
        assert_eq!(outcome.hash(), whole.hash(), "{then}");
    }
    // Killed before even the configuration was written.
    fs::create_dir_all(place.path("bare/checkpoints")).unwrap();
    fs::write(place.path("bare/lock"), "4711").unwrap();
    assert_eq!(place.good(&format!("{line} bare")).hash(), whole.hash());
    // A folder with other content is not changed.
    fs::create_dir(place.path("mine")).unwrap();
    fs::write(place.path("mine/notes.txt"), "").unwrap();
    place.bad(&format!("{line} mine"), 2, &["mine", "not empty, and contains no run", "--out"]);
    assert_eq!(fs::read_dir(place.path("mine")).unwrap().count(), 1);
}

/// A set of `count` doodles in a folder.
fn doodles(place: &Place, folder: &str, count: usize) {
    let about = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 784), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(118_u16.to_le_bytes());
    bytes.extend(format!("{about:<117}\n").bytes());
    bytes.extend((0..count * 784).map(|at| (at % 251) as u8));
    fs::create_dir_all(place.path(folder)).unwrap();
    fs::write(place.path(folder).join("apple.npy"), bytes).unwrap();
}

#[test]
fn a_run_finds_its_pictures_from_anywhere_and_says_what_helps_where_it_cannot() {
    let place = Place::new();
    doodles(&place, "project/pics", 24);
    let at = |folder: &str, line: &str| {
        let mut command = place.command(line);
        command.current_dir(place.path(folder));
        common::finish(command)
    };
    let good = |folder: &str, line: &str| {
        let outcome = at(folder, line);
        assert_eq!(outcome.code, Some(0), "{folder}: train {line}\n{}", outcome.err);
        outcome
    };
    good("project", &format!("{TINY} --data pics --steps 2 --out run"));
    let whole = good("project", &format!("{TINY} --data pics --steps 4 --out whole")).hash().to_owned();
    fs::create_dir(place.path("elsewhere")).unwrap();
    good("elsewhere", "quickdraw --resume ../project/run --steps 3");
    fs::rename(place.path("project"), place.path("moved")).unwrap();
    good("elsewhere", "explain --run ../moved/run --out page.html");
    // Only the images were moved: the message names the recorded paths, and what to do.
    fs::rename(place.path("moved/pics"), place.path("pics of mine")).unwrap();
    let outcome = at("elsewhere", "quickdraw --resume ../moved/run --steps 4");
    assert_eq!(outcome.code, Some(4), "{}", outcome.err);
    assert!(
        outcome.err.contains("images of the run were not found") && outcome.err.contains("`--data PATH`"),
        "{}",
        outcome.err
    );
    assert_eq!(at("elsewhere", "evaluate ../moved/run").code, Some(4));
    fs::rename(place.path("pics of mine"), place.path("mine")).unwrap();
    let resumed = good("elsewhere", "quickdraw --resume ../moved/run --steps 4 --data ../mine");
    assert_eq!(resumed.hash(), whole);
    good("elsewhere", "explain --run ../moved/run --out page.html");
    // Other images are rejected, whatever their name is.
    doodles(&place, "other", 23);
    let outcome = at("elsewhere", "quickdraw --resume ../moved/run --steps 5 --data ../other");
    assert_eq!(outcome.code, Some(5), "{}", outcome.err);
}

#[test]
fn a_damaged_table_of_numbers_keeps_its_rows() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 20 --out run"));
    let mut bytes = fs::read(place.path("run/metrics.csv")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] = 0xFF;
    fs::write(place.path("run/metrics.csv"), &bytes).unwrap();
    let outcome = place.good("quickdraw --resume run --steps 21");
    assert!(outcome.err.contains("metrics.csv is damaged"), "{}", outcome.err);
    assert_eq!(fs::read(place.path("run/metrics.csv.damaged-1")).unwrap(), bytes);
    assert_eq!(text(&place.path("run/metrics.csv")).lines().count(), 21);
    assert!(text(&place.path("run/log.txt")).contains("metrics.csv is damaged"));
}

#[test]
fn what_a_killed_command_has_left_is_swept_up_by_the_next() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 1 --out run"));
    fs::create_dir(place.path("out")).unwrap();
    for (number, line) in [
        "sample run --out out/a.png",
        "sample run --count 2 --out out/b.npy",
        "explain --preset scalar --out out/c.html",
    ]
    .iter()
    .enumerate()
    {
        let left = place.path("out").join(format!(".backdraw-999999-{number}.tmp"));
        fs::write(&left, "half").unwrap();
        place.good(line);
        assert!(!left.exists(), "{line}");
    }
    assert_eq!(fs::read_dir(place.path("out")).unwrap().count(), 3);
}
