//! Training, resuming, and damaged runs.

use std::time::{Duration, Instant};

use super::{Situation, by};
use crate::common::{Outcome, TINY, interrupt};
use crate::stage::{Stage, npy};

/// Long enough to be stopped.
const LONG: &str = "--steps 4000000000 --sample-every 1000000 --checkpoint-every 3";

pub(super) fn all() -> Vec<Situation> {
    let bring = |stage: &Stage| stage.bring("run");
    let tiny = format!("{TINY} --data doodles.npy");
    let mut all = vec![
        by("no-free-number", &format!("{tiny} --steps 1")).with(|stage| stage.write("runs/4294967295-quickdraw/a", "")),
        by("run-near", "sample rnu").with(bring).wrong("rnu"),
        by("run-near", "sample 'my rnu'")
            .with(|stage| {
                stage.bring("run");
                std::fs::rename(stage.path("run"), stage.path("my run")).unwrap();
            })
            .wrong("my rnu"),
        by("no-such-run", "sample nothing-like-it").only_printed(),
        by("nothing-there", "sample empty/run")
            .with(|stage| std::fs::create_dir(stage.path("empty")).unwrap())
            .only_printed(),
        by("run-of-another-system", "mnist --resume run").with(bring),
        by("run-of-another-system", "mnist --resume run/checkpoints/step-000001.safetensors").with(bring),
        by("branch-of-another-system", "mnist --from run").with(bring),
        by("branch-does-not-fit", "quickdraw --from run --set depth=4 --set d_learning_rate=1e-4").with(bring),
        by("branch-does-not-fit", "quickdraw --from run --preset original").with(bring),
        by("lost-parent", "quickdraw --config branch/config.toml")
            .with(|stage| {
                stage.bring("run");
                stage.place.good("quickdraw --from run --steps 1 --out branch");
                std::fs::rename(stage.path("run"), stage.path("moved")).unwrap();
            })
            .fill(&[("RUN", "moved")]),
        by("parent-is-recorded", &format!("{tiny} --steps 1 --set parent=run")),
        by("run-is-longer", "quickdraw --resume run --steps 1").with(bring),
        by("run-is-longer-than-kept", "quickdraw --resume run --steps 1").with(|stage| {
            stage.bring("run");
            std::fs::remove_file(stage.path("run/checkpoints/step-000001.safetensors")).unwrap();
        }),
        by("other-images-named", "quickdraw --resume run --steps 3 --data other.npy").with(|stage| {
            stage.bring("run");
            stage.write("other.npy", npy("|u1", &[39, 784], 39 * 784));
        }),
        by("other-images", "quickdraw --resume run --steps 3")
            .with(|stage| {
                stage.bring("run");
                std::fs::rename(stage.path("doodles.npy"), stage.path("moved.npy")).unwrap();
                stage.write("doodles.npy", npy("|u1", &[39, 784], 39 * 784));
            })
            .fill(&[("PATH", "moved.npy")]),
        by("lost-images", "quickdraw --resume run --steps 3").with(lost_images).fill(&[("PATH", "moved.npy")]),
        by("run-folder-in-use", &format!("{tiny} --steps 4 --out run")).with(bring),
        by("run-folder-in-use", &format!("{tiny} --steps 2 --seed 3 --out run")).with(bring),
        by("no-run-folder", &format!("{tiny} --steps 1 --out mine")).with(|stage| stage.write("mine/notes.txt", "")),
        by("no-run-folder", &format!("{tiny} --steps 1 --out notes/run")).with(|stage| stage.write("notes", "")),
        by("no-good-checkpoint", "quickdraw --resume run").with(|stage| {
            stage.bring("run");
            damage(stage, "run/checkpoints/step-000001.safetensors");
            damage(stage, "run/checkpoints/step-000002.safetensors");
        }),
        // A folder in place of the file: no user, not even root, can write to it.
        by("mended-storage", "quickdraw --resume run --steps 3")
            .with(|stage| {
                stage.bring("run");
                stage.write("run/checkpoints/step-000003.safetensors/x", "");
            })
            .meanwhile(|stage| {
                std::fs::remove_dir_all(stage.path("run/checkpoints/step-000003.safetensors")).unwrap();
            }),
        by("checkpoint-not-run", "sample run/checkpoints/step-000001.safetensors --checkpoint 1").with(bring),
        by("checkpoint-not-run", "explain --run run/checkpoints/step-000001.safetensors --step 1").with(bring),
        by("no-such-checkpoint", "sample run --checkpoint 77").with(bring),
        by("no-such-checkpoint", "explain --run run --step 77").with(bring),
        by("damaged-checkpoint", "quickdraw --resume run/checkpoints/step-000002.safetensors")
            .with(|stage| {
                stage.bring("run");
                damage(stage, "run/checkpoints/step-000002.safetensors");
            })
            .wrong("run/checkpoints/step-000002.safetensors"),
        by("damaged-checkpoint", "sample run/checkpoints/step-000002.safetensors")
            .with(|stage| {
                stage.bring("run");
                damage(stage, "run/checkpoints/step-000002.safetensors");
            })
            .wrong("run/checkpoints/step-000002.safetensors"),
    ];
    all.extend([
        by("sick-run", SICK).hint(),
        // Not every remedy helps at once, and a run that continues another one stops as that one
        // did.
        by("stopped-sick", &format!("{SICK} --on-sick stop")).says("networks     "),
    ]);
    if cfg!(unix) {
        all.extend([
            by("stopped", &format!("{tiny} {LONG} --out 'a run'"))
                .acted(stopped)
                .more(|stage| format!("--steps {}", stage.place.checkpoints("a run").last().unwrap() + 2)),
            by("too-many-threads", &format!("{tiny} --steps 1 --threads 1024")).limited_to(1_200_000),
        ]);
    }
    all
}

/// A GAN whose discriminator learns much faster than its generator.
const SICK: &str = "mnist --data mnist --batch 8 --set latent=4 --set label_smooth=1 --set dropout=0 \
                    --set d_learning_rate=0.001 --set g_learning_rate=0.000001 --steps 300";

/// A run whose images were moved.
fn lost_images(stage: &Stage) {
    stage.bring("run");
    std::fs::rename(stage.path("doodles.npy"), stage.path("moved.npy")).unwrap();
    // They still exist where the fixture was made, so the absolute path is removed.
    let config = std::fs::read_to_string(stage.path("run/config.toml")).unwrap();
    let elsewhere = config.lines().filter(|line| !line.starts_with("data_absolute")).collect::<Vec<_>>().join("\n");
    stage.write("run/config.toml", elsewhere);
}

/// Damages the file so that it cannot be used.
fn damage(stage: &Stage, name: &str) {
    let mut bytes = std::fs::read(stage.path(name)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    stage.write(name, bytes);
}

/// Starts a long run and interrupts it.
fn stopped(stage: &Stage) -> Outcome {
    let line = shlex::split(&format!("{TINY} --data doodles.npy {LONG} --out 'a run'")).unwrap();
    let child = stage.command(&line).spawn().unwrap();
    let began = Instant::now();
    while stage.place.checkpoints("a run").is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
    let kill = std::process::Command::new("kill").args([interrupt().0, &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
