//! Every rule on a network or a setting that breaks it.

use nn::layers::{Activation, BatchNorm, Conv2d, Dense, Flatten, InstanceNorm, MaxPool2d, MinibatchStddev, Reshape};
use nn::{Dialect, Network};

use super::*;
use crate::trainer::options::{DiscriminatorNorm, NoiseDirection};
use crate::{LossKind, SYSTEMS, cifar, cyclegan, dcgan, mnist};

fn network(name: &str) -> Network {
    Network::new(name, &[4, 4, 3], Dialect::Torch, 1)
}

fn ids(networks: &[&Network], batch: usize) -> Vec<&'static str> {
    let scale = Some(LossScale::summed(LossKind::CrossEntropy, 1.0));
    of_system(networks, scale, batch).iter().map(|remark| remark.id).collect()
}

/// Ids of the remarks on a dcgan with these options and this batch.
fn of_dcgan(options: TrainingOptions, batch: usize) -> Vec<&'static str> {
    let settings = dcgan::Settings { options, batch, width: 16, ..dcgan::Settings::default() };
    let trainer = dcgan::trainer(&settings, 1).expect("good settings");
    crate::System::remarks(&trainer).iter().map(|remark| remark.id).collect()
}

#[test]
fn layers_that_do_not_belong_there() {
    let plain = || network("discriminator").with("conv", Conv2d::new(4, 4).stride(2)).with("flatten", Flatten);
    let good = plain().with("dense", Dense::new(1));
    let generator = network("generator").with("conv", Conv2d::new(3, 3)).with("tanh", Activation::Tanh);
    assert_eq!(ids(&[&good, &generator], 8), [""; 0]);

    let sparse = plain().with("relu", Activation::Relu).with("dense", Dense::new(1));
    let pooled =
        network("discriminator").with("pool", MaxPool2d([2, 2])).with("flatten", Flatten).with("d", Dense::new(1));
    assert_eq!(ids(&[&sparse, &generator], 8), ["sparse-gradients"]);
    assert_eq!(ids(&[&pooled, &generator], 8), ["sparse-gradients"]);
    let sigmoid = plain().with("dense", Dense::new(1)).with("sigmoid", Activation::Sigmoid);
    assert_eq!(ids(&[&sigmoid, &generator], 8), ["double-sigmoid"]);
    let squares = Some(LossScale::summed(LossKind::LeastSquares, 1.0));
    assert_eq!(of_system(&[&sigmoid, &generator], squares, 8), [], "which takes no logits");
    let edge = network("generator").with("conv", Conv2d::new(3, 3)).with("bn", BatchNorm::default());
    assert_eq!(ids(&[&good, &edge], 8), ["edge-batch-norm"]);
    assert_eq!(ids(&[&good, &edge], 4), ["small-batch", "edge-batch-norm"]);
    let block = network("generator.4x4").with("conv", Conv2d::new(3, 3)).with("bn", BatchNorm::default());
    assert_eq!(ids(&[&good, &block, &generator], 8), [""; 0], "not at the edge of the whole");
    let reshaped = network("generator")
        .with("flatten", Flatten)
        .with("dense", Dense::new(16))
        .with("bn", BatchNorm::default())
        .with("reshape", Reshape(vec![4, 4, 1]));
    assert_eq!(ids(&[&good, &reshaped], 8), ["edge-batch-norm"], "reshaping does not count");
    let first =
        network("discriminator").with("bn", BatchNorm::default()).with("flatten", Flatten).with("d", Dense::new(1));
    assert_eq!(ids(&[&first, &generator], 8), ["edge-batch-norm"]);
    let uneven = network("generator").with("conv", Conv2d::new(3, 3).stride(2)).with("tanh", Activation::Tanh);
    assert_eq!(ids(&[&good, &uneven], 8), ["uneven-windows"]);
    let seen = network("critic").with("conv", Conv2d::new(4, 3).stride(2)).with("f", Flatten).with("d", Dense::new(1));
    let severities = |networks: &[&Network]| -> Vec<Severity> {
        of_system(networks, None, 8).iter().map(|remark| remark.severity).collect()
    };
    assert_eq!(severities(&[&good, &uneven]), [Severity::Warning]);
    assert_eq!(severities(&[&seen, &generator]), [Severity::Note], "the discriminator draws nothing");
    let tiny = network("generator").with("conv", Conv2d::new(3, 4).stride(4)).with("norm", InstanceNorm);
    assert_eq!(ids(&[&good, &tiny], 8), ["tiny-instance-norm"]);
    let grouped =
        network("discriminator").with("std", MinibatchStddev(4)).with("flatten", Flatten).with("d", Dense::new(1));
    assert_eq!(ids(&[&grouped, &generator], 6), ["stddev-group"]);
    assert_eq!(ids(&[&grouped, &generator], 8), [""; 0], "two groups");
    let large = network("discriminator").with("flatten", Flatten).with("a", Dense::new(1000)).with("b", Dense::new(1));
    assert_eq!(ids(&[&large, &generator], 8), ["unbalanced"]);
    let wide = network("generator").with("a", Conv2d::new(1000, 3)).with("b", Conv2d::new(3, 3));
    assert_eq!(ids(&[&good, &wide], 8), ["unbalanced"]);
}

#[test]
fn settings_that_pull_against_each_other() {
    let base = TrainingOptions::default;
    assert_eq!(of_dcgan(base(), 8), [""; 0]);
    assert_eq!(of_dcgan(base(), 4), ["small-batch"]);
    assert_eq!(of_dcgan(TrainingOptions { d_batches: Batches::Mixed, ..base() }, 8), ["mixed-batch"]);
    assert_eq!(of_dcgan(TrainingOptions { k: 2, g_steps: 2, ..base() }, 8), ["turns"]);
    assert_eq!(of_dcgan(TrainingOptions { loss: Loss::Wasserstein, ..base() }, 8), ["unbounded-critic"]);
    let bounded = TrainingOptions { loss: Loss::Wasserstein, d_norm: DiscriminatorNorm::Layer, ..base() };
    for bounded in [
        TrainingOptions { gradient_penalty: 10.0, ..bounded.clone() },
        TrainingOptions { spectral_norm: true, ..bounded },
    ] {
        assert_eq!(of_dcgan(bounded, 8), [""; 0]);
    }
    assert_eq!(of_dcgan(TrainingOptions { spectral_norm: true, ..base() }, 8), ["undone-bound"]);
    let horses = cifar::Settings { seed_range: true, ..cifar::Settings::default() };
    let trainer = cifar::trainer(&horses, 1).expect("good settings");
    assert!(crate::System::remarks(&trainer).iter().any(|remark| remark.id == "other-range"));
}

#[test]
fn rules_that_reject() {
    let critic =
        TrainingOptions { gradient_penalty: 10.0, d_norm: DiscriminatorNorm::Own, ..TrainingOptions::default() };
    let settings = dcgan::Settings { options: critic, ..dcgan::Settings::default() };
    assert!(
        dcgan::trainer(&settings, 1).is_err_and(|error| error.why.contains("batch normalisation")),
        "critic-batch-norm"
    );
    let beyond =
        TrainingOptions { label_noise: 0.05, label_noise_way: NoiseDirection::Outward, ..TrainingOptions::default() };
    let settings = mnist::Settings { options: beyond, ..mnist::Settings::default() };
    assert!(mnist::trainer(&settings, 1).is_err_and(|error| error.why.contains("beyond 1")), "labels");
    let odd = cyclegan::Settings { size: 66, ..cyclegan::Settings::default() };
    assert!(cyclegan::CycleGan::new(odd, 1).is_err_and(|error| error.key == "size"), "size");
}

#[test]
fn the_cpu_presets_have_no_warning() {
    for entry in SYSTEMS {
        let built = (entry.build)(&(entry.settings)("cpu"), 1);
        let system = built.unwrap_or_else(|bad| panic!("{}: {}", entry.name, bad.why));
        let warnings = system.remarks().into_iter().filter(|remark| remark.severity != Severity::Note);
        // The authors' generators have transposed convolutions of 3x3 or 5x5 with stride 2.
        let uneven = ["cyclegan", "wgan-gp"].contains(&entry.name);
        let expected: &[&str] = if uneven { &["uneven-windows"] } else { &[] };
        assert_eq!(warnings.map(|remark| remark.id).collect::<Vec<_>>(), expected, "{}", entry.name);
    }
}

#[test]
fn ids_are_unique() {
    for (at, rule) in RULES.iter().enumerate() {
        assert!(RULES[..at].iter().all(|other| other.id != rule.id), "{}", rule.id);
    }
}
