//! A failure on one rank soon ends all ranks, with one clear error, and leaves a complete
//! checkpoint. `-- --nocapture` shows what the ranks print.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::process::{Command, ExitCode};
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

/// Checks that the newest checkpoint is complete: one rank resumes from it.
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

/// Rank 0 may not write files as large as a checkpoint, as on a full disk. (MPI itself makes
/// files of a few megabytes.)
#[test]
fn a_rank_0_that_cannot_write_ends_all() {
    let place = Place::new();
    let large = TINY.replace("depth=1", "depth=48").replace("latent=2", "latent=100");
    place.hash(2, &format!("{large} --steps 1 --out run"));
    let before = place.checkpoints("run");
    let line = "quickdraw --resume run --steps 9 --checkpoint-every 1 --threads 1";
    let limited = place.script("limited", "ulimit -f 24000");
    let job = place.job(&[(1, &limited, line), (1, PROGRAM, line)]);
    let outcome = place.bad(job, 7, &["cannot write a file of the run", "ulimit -f", "--resume run"]);
    show("rank 0 cannot write", &outcome);
    assert_eq!(place.checkpoints("run"), before);
    resumes(&place);
}

/// With these learning rates a loss overflows in a few steps.
#[test]
fn a_number_that_is_not_finite_ends_all_or_returns_all_to_an_earlier_step() {
    let place = Place::new();
    let line = "vanilla --set net=paper --set size=4 --set latent=2 --batch 8 --set loss=lsgan --set d_learning_rate=10 \
                --set g_learning_rate=10 --data built-in --checkpoint-every 2 --steps 10 --set shards=2 --threads 1";
    let outcome = place.bad(place.command(2, &format!("{line} --out run")), 6, &["the training diverged", "step "]);
    show("a number that is not finite", &outcome);
    let hash = place.hash(2, &format!("{line} --on-sick rollback --out on-2"));
    assert_eq!(place.hash(1, &format!("{line} --on-sick rollback --out on-1")), hash);
    let config = fs::read_to_string(place.path("on-2/config.toml")).unwrap();
    assert!(config.contains("(exploding): from step "), "{config}");
}

/// With this learning rate, the square of a score overflows in step 3 on rank 1, but not on rank 0.
/// The error names the first rank with an overflow.
#[test]
fn a_number_that_is_not_finite_on_one_rank_ends_all() {
    let place = Place::new();
    let line = "vanilla --set net=paper --set size=4 --set latent=2 --batch 8 --set loss=lsgan --set d_learning_rate=1.4688 \
                --set g_learning_rate=1.4688 --data built-in --checkpoint-every 2 --steps 12 --set shards=2 --threads 1 --seed 5 \
                --out run";
    let words = ["the training diverged", "step 3", "on rank 1: ", "`square`", "1 of 4 numbers"];
    let outcome = place.bad(place.command(2, line), 6, &words);
    show("a number that is not finite on rank 1", &outcome);
    assert_eq!(place.checkpoints("run").last(), Some(&2));
    place.hash(1, "vanilla --resume run --steps 2 --threads 1");
}

/// The file system of rank 0 has room for two checkpoints, but not for a third one beside them.
#[test]
fn a_disk_that_becomes_full_on_rank_0_ends_all() {
    let mount = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !mount.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: this test needs the right to mount a file system: {mount:?}");
        return;
    }
    let place = Place::new();
    let large = TINY.replace("depth=1", "depth=48").replace("latent=2", "latent=100");
    place.hash(2, &format!("{large} --steps 1 --out run"));
    let before = place.checkpoints("run");
    let checkpoint = place.path("run/checkpoints").join(format!("step-{:06}.safetensors", before.last().unwrap()));
    let size = fs::metadata(checkpoint).unwrap().len() * before.len() as u64;
    let each = size / before.len() as u64;
    // Only this process sees the mount, so it copies the run to another folder at the end.
    let commands = format!(
        "mkdir -p small && mount -t tmpfs -o size={} none small && cp -r run small/ && \
         {{ {PROGRAM} \"$@\"; code=$?; cp -r small/run after; df small >&2; exit $code; }}",
        size + 2 * each - each / 2
    );
    let limited = place.path("limited");
    fs::write(&limited, format!("#!/bin/sh\nexec unshare -rm sh -c '{commands}' sh \"$@\"\n")).unwrap();
    assert!(Command::new("chmod").args(["+x".as_ref(), limited.as_os_str()]).status().unwrap().success());
    let line = |run: &str| format!("quickdraw --resume {run} --steps 9 --checkpoint-every 1 --threads 1");
    let job = place.job(&[(1, limited.to_str().unwrap(), &line("small/run")), (1, PROGRAM, &line("small/run"))]);
    let outcome = place.bad(job, 7, &["cannot write a file of the run", "--resume"]);
    show("the disk of rank 0 is full", &outcome);
    assert!(!place.checkpoints("after").is_empty() && place.checkpoints("small/run").is_empty());
    let newest = *place.checkpoints("after").last().unwrap();
    place.hash(1, &format!("quickdraw --resume after --steps {} --threads 1", newest + 1));
}

/// The test below starts this one on each rank: rank 1 panics while rank 0 waits for it.
#[test]
fn a_rank_for_the_test_below() {
    if std::env::var_os(PANICS).is_some() {
        let _ = backdraw_mpi::on_ranks(|ranks| {
            assert!(ranks.rank() != 1, "a bug");
            ranks.agree(Ok(())).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        });
    }
}

const PANICS: &str = "BACKDRAW_TEST_PANIC";

#[test]
fn a_panic_on_one_rank_ends_all() {
    let place = Place::new();
    let own = std::env::current_exe().unwrap();
    let mut job = place.job(&[(2, own.to_str().unwrap(), "--exact a_rank_for_the_test_below --nocapture")]);
    let began = Instant::now();
    let outcome = finish(job.env(PANICS, "1").spawn().unwrap(), SOON);
    show(&format!("a panic on rank 1, ended after {:.1} s", began.elapsed().as_secs_f64()), &outcome);
    assert_eq!(outcome.code, Some(101), "{}", outcome.err);
    assert!(outcome.err.contains("a bug"), "{}", outcome.err);
}

#[test]
fn a_sick_run_stops_on_all_ranks() {
    let place = Place::new();
    let line = "mnist --data built-in --batch 8 --set latent=4 --set label_smooth=1 --set dropout=0 --set shards=2 \
                --set d_learning_rate=0.001 --set g_learning_rate=0.000001 --steps 400 --threads 1 --on-sick stop --out run";
    let outcome = place.bad(place.command(2, line), 9, &["the run is sick: stopped after step", "mpirun -n 2 "]);
    show("a sick run", &outcome);
}

#[test]
fn ranks_that_were_started_differently_do_not_train() {
    let place = Place::new();
    let [one, two] = [1, 2].map(|batch| format!("{TINY} --steps {batch} --out run"));
    let job = place.job(&[(1, PROGRAM, &one), (1, PROGRAM, &two)]);
    let outcome = place.bad(job, 3, &["different settings", "rank 1 of 2", "steps: 1 on rank 0, 2 on rank 1"]);
    show("other settings on rank 1", &outcome);

    // Another environment, and one with a mistake.
    let [four, none] = ["4", "none"].map(|size| place.script(size, &format!("export BACKDRAW_BUCKET_MB={size}")));
    let job = place.job(&[(1, PROGRAM, &one), (1, &four, &one)]);
    let words = ["different settings", "BACKDRAW_BUCKET_MB in bytes: (not set) on rank 0, 4194304 on rank 1"];
    show("another size of buckets on rank 1", &place.bad(job, 3, &words));
    let words = ["size of the buckets", "BACKDRAW_BUCKET_MB (rank 1 of 2, on ", "it is \"none\""];
    show("no size of buckets on rank 1", &place.bad(place.job(&[(1, PROGRAM, &one), (1, &none, &one)]), 3, &words));

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
    let within = |folder: &str| place.script(&format!("in-{folder}"), &format!("cd {}", place.path(folder).display()));
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
    let mut job = place.job(&[(1, PROGRAM, &one), (1, PROGRAM, "quickdraw --no-such-option")]);
    let outcome = finish(job.spawn().unwrap(), LIMIT);
    show("a mistake in the command line of rank 1", &outcome);
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert!(outcome.err.contains("rank 1: a command line with an error") && outcome.err.contains("--no-such-option"));
    assert!(!place.path("run").exists());
}

#[test]
fn a_number_of_ranks_that_does_not_divide_the_shards_is_refused() {
    let place = Place::new();
    let line = format!("{TINY} --steps 1 --out run");
    let outcome = place.bad(place.command(3, &line), 3, &["shards", "cannot be shared equally by 3 ranks"]);
    show("3 ranks for 2 shards", &outcome);
    assert!(!place.path("run").exists());
}

/// The user also sees a failure on a rank other than 0.
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
    let elsewhere = place.script("in-elsewhere", &format!("cd {}", place.path("elsewhere").display()));
    let job = place.job(&[(1, PROGRAM, line), (1, &elsewhere, line)]);
    let outcome = place.bad(job, 4, &["rank 1 of 2, on ", "pictures"]);
    show("no images on rank 1", &outcome);
}
