//! Every loss against PyTorch and, if Keras has it, against Keras: its value and its gradients.

use std::fs;
use std::path::Path;

use nn::losses;
use serde_json::Value;
use tensor::{Options, Tape, Tensor, Var, grad};
use tests::{Report, cases, entries, error, golden, number, relative, tensor, text};

fn apply(case: &Value, input: impl Fn(&str) -> Var) -> Var {
    let targets = || input("targets").into_value();
    match text(&case["loss"]) {
        "bce_with_logits" => losses::bce_with_logits(&input("logits"), &targets()),
        "bce_keras_clip" => losses::bce_keras_clip(&input("probabilities"), &targets()),
        "cross_entropy" => {
            let classes: Vec<usize> = input("classes").value().data().iter().map(|class| *class as usize).collect();
            losses::cross_entropy(&input("logits"), &classes)
        }
        "mse" => losses::mse(&input("predictions"), &input("targets")),
        "l1" => losses::l1(&input("predictions"), &input("targets")),
        "hinge_discriminator" => {
            let of = |logits: Var, target| losses::hinge(&logits, &Tensor::full(*logits.shape(), target));
            &of(input("real"), 1.0) + &of(input("fake"), 0.0)
        }
        "hinge_generator" | "wasserstein_generator" => losses::negative_mean(&input("fake")),
        "lsgan_discriminator" => {
            &losses::least_squares(&input("real"), 1.0) + &losses::least_squares(&input("fake"), 0.0)
        }
        "lsgan_generator" => losses::least_squares(&input("fake"), 1.0),
        "wasserstein_critic" => losses::wasserstein_critic(&input("real"), &input("fake")),
        "logistic_discriminator" => losses::logistic_discriminator(&input("real"), &input("fake")),
        "logistic_generator" => losses::logistic_generator(&input("fake")),
        other => panic!("no such loss: {other}"),
    }
}

#[test]
fn losses_agree() {
    // A loss is a mean of terms of size 1 or more, so its error is relative to at least 1.
    let mut values = Report::new("losses", 1e-6);
    let mut gradients = Report::new("gradients of losses", 1e-6);
    for (name, case) in cases(&golden("losses")) {
        let tape = Tape::new();
        let variables: Vec<_> =
            entries(&case["inputs"]).map(|(key, spec)| (key, tape.variable(key, tensor(spec)))).collect();
        let find = |key: &str| variables.iter().find(|(name, _)| *name == key).expect("a listed input").1.clone();
        let loss = apply(case, find);
        assert!(loss.shape().is_empty(), "{name}: a loss is a single number");
        let expected = number(&case["value"]);
        values.note(name, relative(f64::from(loss.item()) - expected, expected.abs().max(1.0)));
        for (key, expected) in entries(&case["grads"]) {
            let gradient = grad(&loss, &[find(key)], Options::KEEP).remove(0);
            gradients.note(format!("{name} by {key}"), error(expected, gradient.value()));
        }
    }
    values.finish();
    gradients.finish();
}

/// Outside the clipping bounds of Keras' loss the gradient is exactly 0: a saturated network does
/// not learn.
#[test]
fn the_clipped_loss_is_flat_outside_its_bounds() {
    for p in [0.0, 1e-9, 1.0] {
        let tape = Tape::new();
        let p = tape.variable("p", Tensor::new(&[1, 1], vec![p]));
        for target in [0.0, 1.0] {
            let loss = losses::bce_keras_clip(&p, &Tensor::full([1, 1], target));
            assert_eq!(grad(&loss, std::slice::from_ref(&p), Options::default())[0].item(), 0.0);
        }
    }
}

/// A half rounds to 0, as `round` does in the notebook's accuracy.
#[test]
fn accuracy_counts_the_right_side() {
    let logits = Var::constant(Tensor::new(&[5, 1], vec![3.0, -0.1, 0.0, 0.0, 1e-3]));
    let targets = Tensor::new(&[5, 1], vec![1.0, 1.0, 0.0, 1.0, 0.0]);
    assert_eq!(losses::accuracy(&logits, &targets), 2.0 / 5.0);
}

/// The losses checked here are those used in training: each loss of `nn::losses` is used by a
/// system (or its classifier).
#[test]
fn every_loss_is_used_by_a_system() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let losses = fs::read_to_string(root.join("nn/src/losses.rs")).expect("the losses");
    let mut systems = String::new();
    let mut folders = vec![root.join("models/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the systems").map(|entry| entry.expect("an entry").path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => systems += &fs::read_to_string(entry).expect("a source file"),
            }
        }
    }
    let names: Vec<&str> =
        losses.lines().filter_map(|line| line.strip_prefix("pub fn ")?.split_once('(')).map(|(name, _)| name).collect();
    assert!(names.contains(&"hinge") && names.contains(&"bce_with_logits"), "{names:?}");
    for name in names {
        assert!(systems.contains(&format!("{name}(")), "no system uses `{name}`");
    }
}
