//! What can go wrong on one rank ends all of them soon, with one clear error, and leaves a whole
//! checkpoint. What the ranks print is shown with `-- --nocapture`.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::process::Command;
use std::time::Instant;

use common::{LIMIT, Outcome, PROGRAM, Place, SOON, finish, ranks, signal};

const TINY: &str = "quickdraw --batch 4 --set depth=1 --set latent=2 --data built-in --set shards=2 --threads 1";

/// Options of a run that lasts until something happens, with many checkpoints.
fn endless() -> String {
    format!("{TINY} --steps 4000000000 --sample-every 1000000 --checkpoint-every 3 --out run")
}

fn show(what: &str, outcome: &Outcome) {
    println!("== {what}: exit code {:?}\n{}", outcome.code, outcome.err);
}

/// The newest checkpoint is whole: one rank resumes from it.
fn resumes(place: &Place) {
    let newest = *place.checkpoints("run").last().unwrap();
    place.hash(1, &format!("quickdraw --resume run --steps {} --threads 1", newest + 1));
}

#[test]
fn a_signal_to_one_rank_saves_and_ends_all() {
    for (target, name, code) in [(1, "-TERM", 143), (0, "-TERM", 143), (1, "-USR1", 138)] {
        let place = Place::new();
        let job = place.start(2, &endless());
        signal(name, ranks(&job)[target]);
        let outcome = finish(job, SOON);
        show(&format!("{name} to rank {target}"), &outcome);
        assert_eq!(outcome.code, Some(code), "{}", outcome.err);
        let step = *place.checkpoints("run").last().unwrap();
        assert!(outcome.err.contains(&format!("stopped after step {step}; everything is saved")), "{}", outcome.err);
        assert!(outcome.err.contains("mpirun -n 2 ") && !outcome.err.contains("error: "), "{}", outcome.err);
        resumes(&place);
    }
}

#[test]
fn a_rank_that_is_killed_ends_all() {
    for target in [0, 1] {
        let place = Place::new();
        let job = place.start(2, &endless());
        let began = Instant::now();
        signal("-KILL", ranks(&job)[target]);
        let outcome = finish(job, SOON);
        show(&format!("kill -9 of rank {target}, ended after {:.1} s", began.elapsed().as_secs_f64()), &outcome);
        assert_ne!(outcome.code, Some(0));
        resumes(&place);
    }
}

/// Rank 0 may not write files as large as a checkpoint, as on a full disk.
#[test]
fn a_rank_0_that_cannot_write_ends_all() {
    let place = Place::new();
    let script = place.path("limited");
    fs::write(&script, format!("#!/bin/sh\nulimit -f 40\nexec {PROGRAM} \"$@\"\n")).unwrap();
    assert!(Command::new("chmod").args(["+x".as_ref(), script.as_os_str()]).status().unwrap().success());
    place.hash(2, &format!("{TINY} --steps 2 --out run"));
    let before = place.checkpoints("run");
    let line = "quickdraw --resume run --steps 9 --threads 1";
    let job = place.job(&[(1, script.to_str().unwrap(), line), (1, PROGRAM, line)]);
    let outcome = place.bad(job, 7, &["cannot write", "ulimit -f"]);
    show("rank 0 cannot write", &outcome);
    assert_eq!(place.checkpoints("run"), before);
    resumes(&place);
}

/// With this learning rate the weights overflow in a few steps.
#[test]
fn a_number_that_is_not_finite_ends_all() {
    let place = Place::new();
    let line = format!("{TINY} --set d_learning_rate=1e30 --set g_learning_rate=1e30 --steps 100 --out run");
    let outcome = place.bad(place.command(2, &line), 6, &["the training diverged", "step "]);
    show("a number that is not finite", &outcome);
}

#[test]
fn ranks_that_were_started_differently_do_not_train() {
    let place = Place::new();
    let [one, two] = [1, 2].map(|batch| format!("{TINY} --steps {batch} --out run"));
    let job = place.job(&[(1, PROGRAM, &one), (1, PROGRAM, &two)]);
    let outcome = place.bad(job, 3, &["different settings", "rank 1 of 2", "steps: 1 on rank 0, 2 on rank 1"]);
    show("other settings on rank 1", &outcome);

    // The same name for other images.
    for (folder, shade) in [("a", 10), ("b", 200)] {
        fs::create_dir_all(place.path(folder).join("pictures")).unwrap();
        for picture in 0..8_u8 {
            let pixels = (0..28 * 28 * 3).map(|at: usize| (at % 50) as u8 + shade + picture);
            let bytes: Vec<u8> = "P6 28 28 255\n".bytes().chain(pixels).collect();
            fs::write(place.path(folder).join(format!("pictures/{picture}.ppm")), bytes).unwrap();
        }
    }
    let line = "dcgan --preset mnist28 --batch 4 --set width=2 --set shards=2 --data pictures --steps 1 --threads 1";
    let within = |folder: &str| {
        let script = place.path(&format!("in-{folder}"));
        let text = format!("#!/bin/sh\ncd {}\nexec {PROGRAM} \"$@\"\n", place.path(folder).display());
        fs::write(&script, text).unwrap();
        assert!(Command::new("chmod").args(["+x".as_ref(), script.as_os_str()]).status().unwrap().success());
        script.to_str().unwrap().to_owned()
    };
    let job = place.job(&[(1, &within("a"), line), (1, &within("b"), line)]);
    let outcome = place.bad(job, 4, &["do not have the same images", "rank 1 of 2", "fingerprint"]);
    show("other images on rank 1", &outcome);

    // Another binary of the same version.
    let other = place.path("other");
    fs::copy(PROGRAM, &other).unwrap();
    let mut bytes = fs::read(&other).unwrap();
    bytes.extend(*b"x");
    fs::write(&other, bytes).unwrap();
    let job = place.job(&[(1, PROGRAM, &one), (1, other.to_str().unwrap(), &one)]);
    let outcome = place.bad(job, 3, &["do not run the same program", "rank 1 of 2", "SHA-256"]);
    show("another binary on rank 1", &outcome);

    // Another command, and one with a mistake.
    let job = place.job(&[(1, PROGRAM, &one), (1, PROGRAM, "systems")]);
    show("another command on rank 1", &place.bad(job, 3, &["different commands", "rank 1 of 2"]));
    let job = place.job(&[(1, PROGRAM, &one), (1, PROGRAM, "quickdraw --no-such-option")]);
    let outcome = finish(job_of(job), LIMIT);
    show("a mistake in the command line of rank 1", &outcome);
    assert!([Some(2), Some(3)].contains(&outcome.code), "{}", outcome.err);
    assert!(!place.path("run").exists());
}

fn job_of(mut command: Command) -> std::process::Child {
    command.spawn().unwrap()
}

#[test]
fn a_number_of_ranks_that_does_not_divide_the_shards_is_refused() {
    let place = Place::new();
    let line = format!("{TINY} --steps 1 --out run");
    let outcome = place.bad(place.command(3, &line), 3, &["shards", "cannot be shared equally by 3 ranks"]);
    show("3 ranks for 2 shards", &outcome);
    assert!(!place.path("run").exists());
}

/// The failure of another rank than 0 reaches the user, too.
#[test]
fn a_rank_without_the_images_ends_all() {
    let place = Place::new();
    fs::create_dir(place.path("elsewhere")).unwrap();
    fs::create_dir(place.path("pictures")).unwrap();
    for picture in 0..8_u8 {
        let bytes: Vec<u8> = "P6 28 28 255\n".bytes().chain((0..28 * 28 * 3).map(|at| at as u8 ^ picture)).collect();
        fs::write(place.path(&format!("pictures/{picture}.ppm")), bytes).unwrap();
    }
    let line = "dcgan --preset mnist28 --batch 4 --set width=2 --set shards=2 --data pictures --steps 1 --threads 1";
    let script = place.path("in-elsewhere");
    let text = format!("#!/bin/sh\ncd {}\nexec {PROGRAM} \"$@\"\n", place.path("elsewhere").display());
    fs::write(&script, text).unwrap();
    assert!(Command::new("chmod").args(["+x".as_ref(), script.as_os_str()]).status().unwrap().success());
    let job = place.job(&[(1, PROGRAM, line), (1, script.to_str().unwrap(), line)]);
    let outcome = place.bad(job, 4, &["rank 1 of 2, on ", "pictures"]);
    show("no images on rank 1", &outcome);
}
