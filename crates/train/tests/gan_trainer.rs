//! The systems that share a [`GanTrainer`](models::trainer::gan::GanTrainer), from the command
//! line: resuming, switches, the original log lines, summaries.

mod common;

use common::Place;

const DIGITS: &str = "mnist --batch 8 --set latent=4 --seed 3";

#[test]
fn a_run_goes_on_to_the_same_bits_with_every_switch_that_remembers() {
    let place = Place::new();
    let switches = "--set replay_pool=10 --set ema=0.9 --set spectral_norm=true --set k=2 --set instance_noise=0.1";
    let whole = place.resumes_to_the_same_bits(&format!("{DIGITS} {switches}"), [3, 6], "");
    let plain = place.good(&format!("{DIGITS} --steps 6 --out plain"));
    assert_ne!(whole.hash(), plain.hash());
}

#[test]
fn the_course_s_line_is_printed_in_its_form() {
    let place = Place::new();
    let outcome = place.good(&format!("{DIGITS} --steps 2 --log seed"));
    let line = outcome.out.lines().next().unwrap_or_default();
    assert!(line.starts_with("Epoch [    1/    1] | d_loss: ") && line.contains(" | g_loss: "), "{}", outcome.out);
}

#[test]
fn switches_are_checked_by_name_type_range_and_sense() {
    let place = Place::new();
    let bad = |set: &str, words: &[&str]| place.bad(&format!("{DIGITS} --steps 1 --set {set}"), 3, words);
    bad("label_smoth=0.9", &["unknown key `label_smoth`", "did you mean `mnist.label_smooth`"]);
    bad("mnist.k=0", &["`mnist.k = 0` is not allowed", "1 to 100"]);
    bad("k=-1", &["`mnist.k = -1`"]);
    bad("loss=wgan", &["`mnist.loss", "nonsaturating"]);
    bad("label_flip=true", &["mnist.label_flip", "a number"]);
    bad("soft_labels=true", &["mnist.label_smooth", "leave one of the two out"]);
    place.bad("folder --steps 1 --set size=50", 3, &["folder.size = 50", "28, 32, 48, 64, 96, 128"]);
}

#[test]
fn what_is_worth_a_remark_is_printed_before_the_training() {
    let place = Place::new();
    let outcome = place.good(&format!("{DIGITS} --steps 1 --set k=2 --set g_steps=2"));
    assert!(outcome.err.contains("warning      k = 2 and g_steps = 2"), "{}", outcome.err);
}

#[test]
fn every_system_tells_its_layers() {
    let place = Place::new();
    for (system, totals) in [
        ("mnist", ["110,849", "114,800"]),
        ("vanilla", ["533,505", "1,493,520"]),
        ("cifar --preset original", ["790,913", "6,264,579"]),
        ("dcgan --preset mnist28", ["138,625", "759,680"]),
        ("faces --preset original", ["2,765,568", "3,806,080"]),
        ("folder", ["167,808", "370,624"]),
        ("wgan-gp --preset original", ["1,030,145", "1,554,177"]),
        ("progan", ["279,521", "278,636"]),
        ("stylegan", ["279,521", "306,092"]),
    ] {
        let summary = place.good(&format!("summary {system}")).out;
        assert!(totals.iter().all(|total| summary.contains(&format!("Total params: {total}\n"))), "{summary}");
    }
}

/// A critic with a gradient penalty, with all augmentations of DiffAugment.
#[test]
fn a_wasserstein_run_goes_on_to_the_same_bits_and_tells_its_distance() {
    let place = Place::new();
    let tiny = "wgan-gp --batch 4 --set width=2 --set latent=4 --set k=2 --seed 3";
    let tiny = format!("{tiny} --set diff_augment=['color','translation','cutout']");
    place.resumes_to_the_same_bits(&tiny, [2, 4], "--threads 1");
    let metrics = std::fs::read_to_string(place.path("whole/metrics.csv")).expect("metrics");
    assert!(
        metrics.starts_with("step,d_loss,d_acc,g_loss,g_acc,d_real,d_fake,g_fake,penalty,gradient_norm,w_distance,")
    );
    assert!(["gradient", "distance"].iter().all(|curve| place.path(&format!("whole/curves/{curve}.svg")).exists()));
    place.bad(
        "dcgan --steps 1 --set gradient_penalty=10",
        3,
        &["dcgan.gradient_penalty", "mixes the images of a batch"],
    );
    place.bad(&format!("{tiny} --steps 1 --set diff_augment=['colour']"), 3, &["wgan-gp.diff_augment", "color"]);
}

/// On one thread and on two; a changed precision is recorded.
#[test]
fn a_run_in_bf16_goes_on_to_the_same_bits_and_changes_its_precision_only_when_asked() {
    let place = Place::new();
    let tiny = "quickdraw --batch 2 --set depth=4 --set latent=4 --seed 3";
    let bf16 = format!("{tiny} --set precision=bf16 --threads 2");
    let whole = place.resumes_to_the_same_bits(&bf16, [2, 4], "--threads 1");
    assert!(whole.err.contains("precision    bf16"), "{}", whole.err);

    let plain = place.good(&format!("{tiny} --steps 4 --out plain"));
    assert!(!plain.err.contains("precision"), "{}", plain.err);
    assert_ne!(whole.hash(), plain.hash());
    let asked = place.good("quickdraw --resume plain --steps 6 --set precision=bf16");
    assert!(asked.err.contains("precision    bf16 from here on; f32 to step 4"), "{}", asked.err);
    let config = std::fs::read_to_string(place.path("plain/config.toml")).expect("a configuration");
    assert!(config.contains("precision = \"bf16\"") && config.contains("earlier_precision = \"f32 to step 4\""));
    // The precision stays until another one is requested, even when resuming from an earlier
    // checkpoint.
    place.good("quickdraw --resume plain --steps 7");
    place.good("quickdraw --resume plain/checkpoints/step-000006.safetensors --steps 8 --set precision=f32");
    let config = std::fs::read_to_string(place.path("plain/config.toml")).expect("a configuration");
    assert!(config.contains("precision = \"f32\"") && config.contains("\"f32 to step 4, bf16 to step 6\""), "{config}");
    place.good("sample plain --count 2 --out samples.png");
    let error = &["quickdraw.precision", "fp16", "`f32` or `bf16`"];
    place.bad(&format!("{tiny} --steps 1 --set precision=fp16"), 3, error);
    let summary = place.good("summary quickdraw --set precision=bf16").out;
    assert_eq!(summary.matches("Products: bf16\n").count(), 2, "{summary}");
}

/// DiffAugment also works in systems with their own training step.
#[test]
fn the_notebook_s_gan_and_translators_can_change_what_their_discriminators_see() {
    let place = Place::new();
    for tiny in [
        "quickdraw --batch 2 --set depth=1 --set latent=2",
        "cyclegan --set size=32 --set blocks=1 --set generator_width=1 --set discriminator_width=1",
    ] {
        let run = |more: &str| place.good(&format!("{tiny} --steps 1 {more}")).hash().to_owned();
        let plain = run("");
        assert_eq!(plain, run("--set diff_augment=[]"), "{tiny}");
        for kind in ["color", "translation", "cutout"] {
            assert_ne!(plain, run(&format!("--set diff_augment=['{kind}']")), "{tiny}: {kind}");
        }
    }
}

/// From the last step at 8x8 through the fade to 16x16, on one thread and on two.
#[test]
fn styles_grow_across_a_border_to_the_same_bits() {
    let place = Place::new();
    let tiny = "stylegan --batch 4 --set size=16 --set fmap_base=32 --set fmap_max=8 --seed 3";
    let tiny = format!("{tiny} --set stable_kimg=0.016 --set fade_kimg=0.032");
    place.resumes_to_the_same_bits(&format!("{tiny} --threads 2 --log seed"), [4, 10], "--threads 1");
    let sheets = ["level-8x8", "level-16x16", "truncation", "mixing", "noise"];
    assert!(sheets.iter().all(|name| place.path(&format!("parts/samples/{name}.png")).exists()));
}

/// A growing run is resumed in the middle of a fade, and across the end of the fade; there is a
/// sheet for every level.
#[test]
fn a_growing_run_goes_on_to_the_same_bits_and_shows_its_levels() {
    let place = Place::new();
    let tiny = "--batch 4 --set size=8 --set fmap_base=16 --set fmap_max=4 --set stable_kimg=0.016 --set fade_kimg=0.032 --seed 3";
    place.resumes_to_the_same_bits(&format!("progan {tiny}"), [9, 14], "--threads 1");
    let metrics = std::fs::read_to_string(place.path("whole/metrics.csv")).expect("metrics");
    assert!(metrics.starts_with(
        "step,d_loss,g_loss,d_real,d_fake,g_fake,penalty,gradient_norm,resolution,alpha,kimg,w_distance,"
    ));
    for run in ["whole", "parts"] {
        let sheets = ["level-4x4", "level-8x8", "step-000000", "reals"];
        assert!(sheets.iter().all(|sheet| place.path(&format!("{run}/samples/{sheet}.png")).exists()), "{run}");
    }
    let read = |name: &str| std::fs::read(place.path(name)).expect("a sheet");
    assert_eq!(read("whole/samples/level-4x4.png"), read("parts/samples/level-4x4.png"));
    // The original's line after every thousand images.
    let long = tiny.replace("--batch 4", "--batch 128");
    let ticks = place.good(&format!("progan {long} --steps 16 --log seed --out ticks"));
    let lines: Vec<&str> = ticks.out.lines().filter(|line| line.starts_with("tick ")).collect();
    assert!(lines.len() == 2 && lines[1].starts_with("tick 2     kimg 2.0      lod 0.00  minibatch 128"), "{lines:?}");
    place.bad("progan --steps 1 --set size=48", 3, &["progan.size", "64"]);
    place.bad("progan --steps 1 --set fade_kimg=0", 3, &["progan.fade_kimg"]);
}
