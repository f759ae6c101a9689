//! The commands and scripts of the Manual's page on resuming, run as they are, with substitutes for
//! the programs of a cluster.
#![cfg(unix)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Place, TINY, text};

const PAGE: &str = include_str!("../../guide/src/manual/resuming.md");
/// The training command of the page.
const LINE: &str = "train quickdraw --out apples --steps 20000";

/// The blocks of the page with this training.
fn blocks() -> Vec<String> {
    let blocks = guide::markdown::blocks(PAGE).into_iter().map(|block| block.text);
    blocks.filter(|block| block.contains(LINE)).collect()
}

/// A folder with substitutes for the programs that the page uses: `train` trains a small network,
/// `srun` runs its arguments, `scontrol` records its arguments, and `timeout` sends the signal as
/// soon as there is a checkpoint, but only once.
fn cluster() -> Place {
    let place = Place::new();
    let binary = env!("CARGO_BIN_EXE_train");
    let tiny = TINY.trim_start_matches("quickdraw ");
    let often = "--sample-every 1000000 --checkpoint-every 3";
    let train = format!("shift; exec \"{binary}\" quickdraw {tiny} {often} \"$@\"");
    let timeout = "test \"$1 $2 $3\" = '--preserve-status -s USR1' && test $4 -eq 3600 || exit 1\nshift 4\n\
        test -e warned && exec \"$@\"\n: > warned\n\"$@\" &\n\
        until ls apples/checkpoints 2>&1 | grep -q '^step-.*[1-9]'; do sleep 0.01; done\nkill -USR1 $!\nwait $!";
    for (name, script) in
        [("train", train.as_str()), ("srun", "exec \"$@\""), ("scontrol", "echo \"$@\" >> asked"), ("timeout", timeout)]
    {
        let path = place.path("bin").join(name);
        fs::create_dir_all(place.path("bin")).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    place
}

/// A shell in the place, with its programs on the PATH. `steps` replaces the page's number of
/// steps, which is too large for a test.
fn shell(place: &Place, script: &str, steps: u64) -> Command {
    let path = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", &script.replace("--steps 20000", &format!("--steps {steps}"))]);
    shell
        .current_dir(place.folder.path())
        .env("PATH", path)
        .env("SLURM_JOB_ID", "4711")
        .env("SLURM_CPUS_PER_TASK", "1");
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell
}

/// Waits until the run has a checkpoint beyond the step `after`.
fn checkpoint_after(place: &Place, after: u64) {
    let began = Instant::now();
    loop {
        match place.checkpoints("apples").last() {
            Some(step) if *step > after => return,
            _ => assert!(began.elapsed() < Duration::from_secs(60), "no checkpoint after {after}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn warn(process: &str) {
    assert!(Command::new("kill").args(["-USR1", process]).status().unwrap().success());
}

#[test]
fn the_page_has_what_is_tried_here() {
    let blocks = blocks();
    assert_eq!(blocks.len(), 4, "{blocks:#?}");
    for (block, start) in blocks.iter().zip(["nohup ", "until timeout ", "#!/bin/sh", "#!/bin/sh"]) {
        assert!(block.starts_with(start), "{block}");
    }
    for code in ["| 130 |", "| 143 |", "| 129 |", "| 138 |", "| 140 |", "| 152 |"] {
        assert!(PAGE.contains(code), "{code}");
    }
}

#[test]
fn nohup_keeps_a_run_alive() {
    let place = cluster();
    let script = format!(
        "{}\nuntil ls apples/checkpoints | grep -q '^step-.*[1-9]'; do sleep 0.01; done\nkill -HUP $!; wait $!",
        blocks()[0].trim()
    );
    assert_eq!(shell(&place, &script, 60).status().unwrap().code(), Some(0), "{}", text(&place.path("apples.txt")));
    assert_eq!(place.checkpoints("apples").last(), Some(&60));
}

#[test]
fn timeout_and_a_loop_go_on_until_all_is_done() {
    let place = cluster();
    assert_eq!(shell(&place, &blocks()[1], 600).status().unwrap().code(), Some(0));
    assert_eq!(place.checkpoints("apples").last(), Some(&600));
    let log = text(&place.path("apples/log.txt"));
    assert!(log.contains("stopped after step") && log.contains("the unfinished run in apples"), "{log}");
}

/// Slurm signals the job step that `srun` started, or (with `B:`) the shell of the script. The job
/// is requeued, and the same script continues the run.
#[test]
fn the_scripts_for_slurm_save_ask_for_the_queue_and_go_on() {
    const ENDLESS: u64 = 4_000_000_000;
    for (script, to_the_shell) in blocks()[2..].iter().zip([false, true]) {
        let place = cluster();
        let mut done = 0;
        for time in 1..=2 {
            let mut job: Child = shell(&place, script, ENDLESS).spawn().unwrap();
            checkpoint_after(&place, done);
            warn(&if to_the_shell { job.id().to_string() } else { text(&place.path("apples/lock")) });
            assert_eq!(job.wait().unwrap().code(), Some(138), "{script}");
            done = *place.checkpoints("apples").last().unwrap();
            assert_eq!(text(&place.path("asked")), "requeue 4711\n".repeat(time));
            let log = text(&place.path("apples/log.txt"));
            assert_eq!(log.matches("stopped after step").count(), time, "{log}");
            assert_eq!(log.matches("the unfinished run in apples").count(), time - 1, "{log}");
        }
    }
}
