//! Options of the shared trainer that add layers, losses or probabilities: dropout, feature
//! matching, the minibatch standard deviation, the output activation, adaptive augmentation.

use models::trainer::ada::Ada;
use models::trainer::common::CommonOptions;
use models::trainer::diff_augment::Augment;
use models::trainer::options::{Batches, OutAct, TrainingOptions};
use models::{FromLatents, System, cifar, mnist, vanilla};
use nn::Network;
use tensor::{Tensor, Var};

use crate::{dcgan_trainer, digits, digits_options, images, mnist_trainer, small_dcgan};

fn layers(network: &Network) -> String {
    network.summary()
}

#[test]
fn a_dropout_rate_changes_the_layers_there_are_or_adds_them_after_activations() {
    let common = |d_dropout| CommonOptions { d_dropout, ..CommonOptions::default() };
    let trainer = mnist_trainer(TrainingOptions { common: common(0.5), g_dropout: 0.25, ..digits_options() });
    let d = layers(&trainer.discriminator);
    assert_eq!((d.matches("Dropout 0.5").count(), d.matches("Dropout").count()), (3, 3), "{d}");
    assert_eq!(layers(&trainer.generator).matches("Dropout 0.25").count(), 3);
    // The DCGAN has none: one after each hidden activation.
    let trainer = dcgan_trainer(TrainingOptions { common: common(0.5), g_dropout: 0.25, ..TrainingOptions::default() });
    let d = layers(&trainer.discriminator);
    assert!(d.contains("dropout_lrelu1") && d.contains("dropout_lrelu2") && d.matches("Dropout").count() == 2, "{d}");
    let g = layers(&trainer.generator);
    assert!(g.matches("Dropout 0.25").count() == 2 && !g.contains("dropout_tanh"), "{g}");
    // A rate of 0 adds nothing, and switches off what is there.
    let trainer = dcgan_trainer(TrainingOptions { common: common(0.0), ..TrainingOptions::default() });
    assert!(!layers(&trainer.discriminator).contains("Dropout"));
    let paper = vanilla::Settings { net: vanilla::Net::Paper, ..Default::default() };
    let rates = |rate| {
        let options = TrainingOptions { common: common(rate), ..paper.options.clone() };
        layers(&vanilla::trainer(&vanilla::Settings { options, ..paper.clone() }, 1).expect("good").discriminator)
    };
    assert!(rates(-1.0).contains("Dropout 0.2") && rates(-1.0).matches("Dropout 0.5").count() == 2);
    assert_eq!(rates(0.0).matches("Dropout 0\n").count() + rates(0.0).matches("Dropout 0 ").count(), 3);
    let horses = layers(&cifar::trainer(&cifar::Settings::default(), 1).expect("good").discriminator);
    assert!(horses.contains("Dropout 0.4"), "{horses}");
    for (bad, key) in [(1.0, "d_dropout"), (-0.5, "d_dropout")] {
        let options = TrainingOptions { common: common(bad), ..digits_options() };
        let error = mnist::trainer(&digits(options), 1).err().expect("out of range");
        assert_eq!(error.key, key);
        assert!(error.why.contains("0 to 0.95; -1, the default"), "{}", error.why);
    }
}

#[test]
fn dropout_in_samples_depends_on_the_latents_alone() {
    let options = TrainingOptions { g_dropout: 0.5, g_dropout_at_sampling: true, ..TrainingOptions::default() };
    let dropping = dcgan_trainer(options.clone());
    let plain = dcgan_trainer(TrainingOptions { g_dropout_at_sampling: false, ..options.clone() });
    let latents = dropping.latents(1, "z", 5);
    let images = dropping.draw(&latents);
    assert_ne!(images, plain.draw(&latents), "elements are dropped");
    assert_eq!(images, dropping.draw(&latents), "the same ones each time");
    assert_eq!(images.rows(3..5), dropping.draw(&latents.rows(3..5)), "in any batch");
    let averaged = dcgan_trainer(TrainingOptions { ema: 0.9, ..options.clone() });
    assert_eq!(averaged.draw_raw(&latents).expect("beside the average"), images, "without the average, too");
    let options = TrainingOptions { g_dropout_at_sampling: true, ..TrainingOptions::default() };
    let error = models::dcgan::trainer(&small_dcgan(options), 1).err().expect("nothing to drop");
    assert_eq!(error.key, "g_dropout_at_sampling");
}

/// The generator's loss is the squared distance between the means of the features, and its gradient
/// lowers that distance.
#[test]
fn feature_matching_is_its_formula_and_is_learned() {
    let options = TrainingOptions { feature_matching: true, d_learning_rate: 1e-12, ..digits_options() };
    let settings = mnist::Settings { dropout: 0.0, ..digits(options) };
    let mut trainer = mnist::trainer(&settings, 4).expect("good settings");
    let reals = images([28, 1], 4);
    let losses: Vec<f64> =
        (0..12).map(|step| trainer.step(step, std::slice::from_ref(&reals)).expect("finite")["g_loss"]).collect();
    assert!(losses[11] < 0.5 * losses[0], "{losses:?}");
    // The formula, with the networks as they are now (the discriminator does not learn).
    let latents = trainer.latents(9, "z", 4);
    let reals = Var::constant(reals).affine(2.0, -1.0).into_value();
    let fakes = trainer.generator.infer(&latents);
    let mean = |images: &Tensor| -> Vec<f64> {
        let ctx = &mut nn::ForwardContext::inference();
        let [_, features] = trainer.discriminator.forward_with_features(ctx, &Var::constant(images.clone()));
        let size = features.shape()[1];
        assert_eq!(size, 32, "the input of the last layer");
        let column =
            |at: usize| features.value().data().iter().skip(at).step_by(size).map(|x| f64::from(*x)).sum::<f64>();
        (0..size).map(|at| column(at) / 4.0).collect()
    };
    let distance: f64 = mean(&reals).iter().zip(mean(&fakes)).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 32.0;
    // A step reports the loss before its update, on its own latents; here on these.
    let report = trainer.train_generator(12, &latents).expect("finite");
    assert!((report.loss - distance).abs() < 1e-5 * distance.max(1e-3), "{} {distance}", report.loss);
}

#[test]
fn the_discriminator_sees_the_deviation_of_the_batch() {
    let options = TrainingOptions { minibatch_std: true, ..TrainingOptions::default() };
    let trainer = dcgan_trainer(options.clone());
    let d = layers(&trainer.discriminator);
    assert!(d.contains("7x7x5") && d.contains("MinibatchStddev 4"), "{d}");
    let flat = mnist::trainer(&digits(options.clone()), 1).expect("good settings");
    assert!(layers(&flat.discriminator).contains("MinibatchStddev 4"), "vectors have one, too");
    // The same image four times has no deviation; with others beside it, its output changes.
    let one = images([28, 1], 1);
    let same = (0..3).fold(one.clone(), |all, _| all.concat(&one));
    let mixed = one.concat(&images([28, 1], 4).rows(1..4));
    for trainer in [&trainer, &flat] {
        let output = |images: &Tensor| trainer.discriminator.infer(images).data()[0];
        assert_ne!(output(&same), output(&mixed));
        let alone = trainer.discriminator.infer(&one).data()[0];
        assert!((output(&same) - alone).abs() < 1e-5, "{} {alone}", output(&same));
    }
    let single = models::cifar::Settings { batch: 1, options, ..Default::default() };
    assert_eq!(cifar::trainer(&single, 1).err().expect("no deviation").key, "minibatch_std");
    // 6 images have groups of 3, as 3 images do; 12 images have groups of 4.
    let common = CommonOptions { shards: 2, ..CommonOptions::default() };
    let of_batches = |d_batches| {
        let options = TrainingOptions { minibatch_std: true, d_batches, common: common.clone(), ..Default::default() };
        cifar::trainer(&models::cifar::Settings { batch: 6, options, ..Default::default() }, 1).err()
    };
    assert!(of_batches(Batches::Separate).is_none());
    let refused = of_batches(Batches::Mixed).expect("shards with smaller groups");
    assert!(refused.key == "shards" && refused.why.contains("groups of 4 images"), "{}", refused.why);
}

#[test]
fn the_output_activation_brings_its_range() {
    let reals = images([28, 1], 4);
    let options = |out_act| TrainingOptions { out_act, ..TrainingOptions::default() };
    let mut trainer = dcgan_trainer(options(OutAct::Sigmoid));
    let raw = trainer.generator.infer(&trainer.latents(1, "z", 4));
    assert!(raw.data().iter().all(|x| (0.0..=1.0).contains(x)), "a sigmoid");
    assert_eq!(trainer.draw(&trainer.latents(1, "z", 4)), raw, "which needs no mapping");
    let own = dcgan_trainer(options(OutAct::Own)).step(0, std::slice::from_ref(&reals)).expect("finite");
    let tanh = dcgan_trainer(options(OutAct::Tanh)).step(0, std::slice::from_ref(&reals)).expect("finite");
    let unit = trainer.step(0, std::slice::from_ref(&reals)).expect("finite");
    assert_eq!(own["d_real"], tanh["d_real"], "its own is a tanh");
    assert_ne!(own["d_real"], unit["d_real"], "the reals are in [0, 1] now");
    let flaw = cifar::Settings { seed_range: true, options: options(OutAct::Tanh), ..Default::default() };
    assert_eq!(cifar::trainer(&flaw, 1).err().expect("contradiction").key, "out_act");
}

#[test]
fn adaptive_augmentation_starts_with_none_and_adapts() {
    let options = TrainingOptions {
        ada: Ada { ada: 0.6, ada_kimg: 0.02 },
        common: CommonOptions { diff_augment: vec![Augment::Translation, Augment::Cutout], ..CommonOptions::default() },
        ..TrainingOptions::default()
    };
    let mut adaptive = dcgan_trainer(options.clone());
    let mut plain = dcgan_trainer(TrainingOptions::default());
    let reals = images([28, 1], 4);
    let first = |trainer: &mut models::trainer::gan::GanTrainer| {
        trainer.step(0, std::slice::from_ref(&reals)).expect("finite")["d_real"]
    };
    assert_eq!(first(&mut adaptive), first(&mut plain), "p is 0 at first");
    let p = |trainer: &models::trainer::gan::GanTrainer| trainer.state().tensors["ada.probability"].data()[0];
    let mut seen = Vec::new();
    for step in 1..12 {
        adaptive.step(step, std::slice::from_ref(&reals)).expect("finite");
        seen.push(p(&adaptive));
    }
    assert!(seen.iter().any(|p| *p > 0.0) && seen.iter().all(|p| (0.0..=1.0).contains(p)), "{seen:?}");
    let bare = TrainingOptions { common: CommonOptions::default(), ..options };
    assert_eq!(models::dcgan::trainer(&small_dcgan(bare), 1).err().expect("nothing to adapt").key, "ada");
}

/// With a share s of the reals taken for reals, the mean sign is 2 s - 1, not s.
#[test]
fn adaptive_augmentation_follows_the_mean_sign_of_the_reals() {
    let reals = images([28, 1], 8);
    let after_a_step = |ada: f64| {
        let options = TrainingOptions {
            ada: Ada { ada, ada_kimg: 0.08 },
            common: CommonOptions { diff_augment: vec![Augment::Cutout], ..CommonOptions::default() },
            ..digits_options()
        };
        let settings = mnist::Settings { batch: 8, dropout: 0.0, ..digits(options) };
        let mut trainer = mnist::trainer(&settings, 4).expect("good settings");
        let logits = trainer.discriminate(0, &Var::constant(reals.clone())).expect("of images").into_value();
        trainer.step(0, std::slice::from_ref(&reals)).expect("finite");
        let p = trainer.state().tensors["ada.probability"].data()[0];
        (p, logits.data().iter().filter(|logit| **logit > 0.0).count())
    };
    let (_, taken) = after_a_step(0.5);
    let share = taken as f64 / 8.0;
    assert!(share > 0.5 && share < 1.0, "not a test with {share}");
    let sign = 2.0 * share - 1.0;
    assert_eq!(after_a_step(sign + 0.01).0, 0.0, "below the target");
    assert!((after_a_step(sign - 0.01).0 - 0.1).abs() < 1e-6, "above it, by 8 of 80 reals");
}

#[test]
fn the_discriminators_outputs_are_those_on_images_in_its_range() {
    let pictures = images([28, 1], 3);
    let score = |trainer: &dyn System| trainer.discriminate(0, &Var::constant(pictures.clone())).unwrap().into_value();
    let trainer = dcgan_trainer(TrainingOptions::default());
    let symmetric = Var::constant(pictures.clone()).affine(2.0, -1.0).into_value();
    assert_eq!(score(&trainer), trainer.discriminator.infer(&symmetric));
    let trainer = dcgan_trainer(TrainingOptions { out_act: OutAct::Sigmoid, ..TrainingOptions::default() });
    assert_eq!(score(&trainer), trainer.discriminator.infer(&pictures));
}
