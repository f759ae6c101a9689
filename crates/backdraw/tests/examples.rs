//! Every example does what it says, with few steps, and stays short.

#![allow(dead_code, reason = "the `main` of each example")]

use std::fs;
use std::path::Path;

use backdraw::datasets::apples;
use backdraw::prelude::*;

/// Declares each example as a module, and lists their names.
macro_rules! examples {
    ($($name:ident = $path:literal),+ $(,)?) => {
        $(
            #[path = $path]
            mod $name;
        )+

        const EXAMPLES: &[&str] = &[$(stringify!($name)),+];
    };
}

examples! {
    evaluate_folder = "../examples/evaluate_folder.rs",
    explain_step = "../examples/explain_step.rs",
    own_gan = "../examples/own_gan.rs",
    own_layer = "../examples/own_layer.rs",
    own_loss = "../examples/own_loss.rs",
    own_operation = "../examples/own_operation.rs",
    points = "../examples/points.rs",
    sample_checkpoint = "../examples/sample_checkpoint.rs",
}

#[test]
fn every_example_is_tested_here_short_and_on_the_landing_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let landing = fs::read_to_string(root.join("src/landing/next.md")).unwrap();
    let mut names = Vec::new();
    for file in fs::read_dir(root.join("examples")).unwrap() {
        let path = file.unwrap().path();
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines < 120, "{}: {lines} lines", path.display());
        names.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, EXAMPLES);
    for name in names {
        assert!(landing.contains(&format!("| `{name}` |")), "the landing page has no row for {name}");
    }
}

#[test]
fn an_own_gan_trains_goes_on_to_the_same_bits_and_is_sampled_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, steps: u32| {
        let run = Run::new(own_gan::OwnGan::new).images(apples(40, 1));
        run.steps(steps).out(folder.path().join(name)).output(Output::Silent)
    };
    let whole = run("whole", 4).train().unwrap();
    run("parts", 2).train().unwrap();
    let parts = run("parts", 4);
    assert_eq!(parts.train().unwrap().weights_hash, whole.weights_hash);
    let own = Some(parts.system());
    let request = SampleRequest { own, count: Some(4), output: Output::Silent, ..SampleRequest::of(&whole.run) };
    let sheet = sample(&request).unwrap();
    assert!(sheet.path.is_file() && sheet.about.contains("4 samples of own-gan, step 4"), "{sheet}");
    for file in ["metrics.csv", "curves/loss.svg", "samples/step-000004.png", "log.txt", "report.html"] {
        assert!(whole.run.join(file).is_file(), "{file}");
    }
}

#[test]
fn points_are_learned_in_a_plain_loop() {
    let [first, found] = [1, 500].map(|steps| points::train(1, steps).unwrap());
    assert!(found.near > first.near + 0.1 && found.covered > first.covered, "{first:?} to {found:?}");
}

#[test]
fn the_rule_of_an_own_operation_is_right() {
    let [first, second] = own_operation::check().unwrap();
    assert!(first < 1e-6 && second < 1e-4);
}

#[test]
fn an_own_layer_learns() {
    let (network, [first, last]) = own_layer::train(60).unwrap();
    assert!(last < first / 2.0, "{first} to {last}");
    let (_, _, beta) = network.tensors().into_iter().find(|(name, ..)| name == "network.swish.beta").unwrap();
    assert!(beta.data().iter().any(|beta| *beta != 1.0));
}

#[test]
fn an_own_loss_and_its_switch_are_recorded() {
    let folder = tempfile::tempdir().unwrap();
    own_loss::run(folder.path().to_str().unwrap(), 2).unwrap();
    let config = |name: &str| fs::read_to_string(folder.path().join(name).join("config.toml")).unwrap();
    assert!(
        config("relativistic").contains("relativistic = true") && config("logistic").contains("relativistic = false")
    );
    let metrics = |name: &str| fs::read(folder.path().join(name).join("metrics.csv")).unwrap();
    assert_ne!(metrics("relativistic"), metrics("logistic"));
}

#[test]
fn a_checkpoint_is_loaded_and_sampled() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("digits");
    sample_checkpoint::draw(&run, 1).unwrap();
    assert!(run.join("sheet.png").is_file() && run.join("samples.npy").is_file());
    assert_eq!(fs::read_dir(run.join("pictures")).unwrap().count(), 25);
}

#[test]
fn a_step_is_opened() {
    let document = explain_step::record(1).unwrap();
    let checks: Vec<_> = document.nodes.iter().filter_map(|node| node.check.as_ref()).collect();
    assert!(checks.len() > 20 && checks.iter().all(|check| check.pass), "{} checks", checks.len());
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("explain.html");
    explain_step::write(&page).unwrap();
    assert!(fs::read_to_string(page).unwrap().contains("A step of a tiny GAN"));
}

#[test]
fn folders_of_pictures_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let training = Run::built_in("quickdraw").unwrap().set("preset", "cpu").set("quickdraw.batch", 2);
    training.data("built-in").steps(1).out(&run).output(Output::Silent).train().unwrap();
    let pictures = folder.path().join("pictures/");
    let request = SampleRequest { count: Some(40), output: Output::Silent, ..SampleRequest::of(&run) };
    sample(&SampleRequest { out: Some(format!("{}/", pictures.display()).into()), ..request }).unwrap();
    let fakes = evaluate_folder::read(&pictures).unwrap();
    let scores = evaluate_folder::compare(&apples(80, 1), &fakes).unwrap();
    let frechet = scores.iter().find(|score| score.number.name == "frechet").unwrap();
    assert!(frechet.number.value > frechet.baseline.unwrap().0, "{frechet}");
}
