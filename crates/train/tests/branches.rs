//! Runs that start from the weights of another run (`--from`).

mod common;

use common::{Place, TINY, text};

fn with_parent() -> Place {
    let place = Place::new();
    place.good(&format!("{TINY} --data built-in --steps 2 --out parent"));
    place
}

#[test]
fn a_branch_resumes_to_the_same_bits() {
    let place = with_parent();
    let start = "quickdraw --from parent --set d_learning_rate=1e-4 --set ema=0.9 --set spectral_norm=true";
    let whole = place.resumes_to_the_same_bits(start, [1, 3], "");
    // Killed before its first checkpoint: from the parent once more.
    std::fs::remove_dir_all(place.path("parts/checkpoints")).unwrap();
    assert_eq!(place.good("quickdraw --resume parts").hash(), whole.hash());
    // The same command once more, and its configuration in another folder.
    let again = place.good(&format!("{start} --steps 3 --out whole"));
    assert!(again.err.contains("already complete") && again.hash() == whole.hash(), "{}", again.err);
    assert_eq!(place.good("quickdraw --config whole/config.toml --out third").hash(), whole.hash());
    let log = text(&place.path("parts/log.txt"));
    assert!(log.matches("parent       ").count() >= 2, "named again when the run is resumed: {log}");
}

#[test]
fn everything_that_a_branch_keeps_and_changes_is_printed() {
    let place = with_parent();
    let dry = place.good("quickdraw --from parent --set label_smooth=0.9 --set d_dropout=0.2 --seed 5 --dry-run");
    for line in [
        "parent       ",
        "changed      seed: 5 here, 1 in the parent",
        "changed      quickdraw.label_smooth: 0.9 here, 1.0 in the parent",
        "changed      quickdraw.d_dropout: 0.2 here, the system's own in the parent",
        "kept         discriminator: weights",
        "kept         generator: weights, 8 buffers",
        "kept         optimiser of discriminator: 2 updates",
        "afresh       steps: 2 from 0, without the 2 of the parent",
    ] {
        assert!(dry.err.contains(line), "{line}: {}", dry.err);
    }
    assert!(!place.path("runs").exists());
    place.good("quickdraw --from parent/checkpoints/step-000002.safetensors --steps 1 --out run");
    let config = text(&place.path("run/config.toml"));
    assert!(config.contains("parent_step = 2") && config.contains("depth = 2\n"), "{config}");
    assert!(config.contains("parent_from_run = \"../parent/checkpoints/step-000002.safetensors\""), "{config}");
}

#[test]
fn weights_that_do_not_fit_are_all_named_and_nothing_is_started() {
    let place = with_parent();
    let tensors = ["conv1", "conv2", "conv3", "conv4"].map(|layer| format!("`discriminator.{layer}.weight`: expected"));
    let words: Vec<&str> = tensors.iter().map(String::as_str).chain(["`discriminator.dense.weight`"]).collect();
    place.bad("quickdraw --from parent --set depth=4 --out run", 5, &words);
    place.bad("mnist --from parent --out run", 5, &["`generator.bn4.gamma`: not expected", "`generator.dense4.bias`"]);
    assert!(!place.path("run").exists() && !place.path("runs").exists());
}

/// A growing GAN goes on at the size that its parent has reached: at the beginning of the parent's
/// last group of four steps, where its stage began.
#[test]
fn a_branch_of_a_growing_system_does_not_start_at_the_smallest_images() {
    let place = Place::new();
    let small = "--set size=16 --set fmap_base=16 --set fmap_max=4 --set stable_kimg=0.04 --set fade_kimg=0.04";
    place.good(&format!("progan --preset cpu {small} --batch 4 --data built-in --steps 43 --out parent"));
    let branch = place.good("progan --from parent --steps 1 --out branch");
    assert!(branch.err.contains("resume_kimg: 0.16 here"), "{}", branch.err);
    let last = text(&place.path("branch/metrics.csv"));
    assert!(last.lines().last().unwrap().contains(",16,1,0.164,"), "{last}");
}
