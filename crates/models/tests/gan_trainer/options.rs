//! The effect of each option of the shared trainer. (Options of labels and losses are tested beside
//! their code.)

use models::trainer::common::InstanceNoise;
use models::trainer::gan::GanTrainer;
use models::trainer::options::{Batches, Bce, DiscriminatorNorm, Loss, TrainingOptions};
use models::{FromLatents, LatentKind, System, cifar, dcgan, mnist};
use tensor::Tensor;

use crate::{dcgan_trainer, digits, digits_options, images, mnist_trainer, small_dcgan};

#[test]
fn mixed_batches_lose_half_the_sum() {
    let report = |d_batches| {
        let options = TrainingOptions { d_batches, label_smooth: 0.9, ..digits_options() };
        let settings = mnist::Settings { dropout: 0.0, ..digits(options) };
        let mut trainer = mnist::trainer(&settings, 11).expect("good settings");
        let latents = trainer.latents(1, "z", 4);
        trainer.train_discriminator(0, &images([28, 1], 4), &latents).expect("finite")
    };
    let [separate, mixed, two] = [Batches::Separate, Batches::Mixed, Batches::TwoUpdates].map(report);
    assert!((separate.loss - 2.0 * mixed.loss).abs() < 1e-5, "{separate:?} {mixed:?}");
    assert!((separate.real - mixed.real).abs() < 1e-6 && (separate.fake - mixed.fake).abs() < 1e-6);
    assert_eq!(two.real, separate.real);
    assert_ne!(two.fake, separate.fake, "the second update sees what the first has done");
}

#[test]
fn instance_noise_fades_away() {
    let settings = |sigma| {
        let options = TrainingOptions {
            noise: InstanceNoise { instance_noise: sigma, instance_noise_steps: 10 },
            label_smooth: 1.0,
            ..digits_options()
        };
        mnist::Settings { dropout: 0.0, ..digits(options) }
    };
    let report = |sigma, step| {
        let mut trainer = mnist::trainer(&settings(sigma), 11).expect("good settings");
        let latents = trainer.latents(1, "z", 4);
        let d = trainer.train_discriminator(step, &images([28, 1], 4), &latents).expect("finite");
        (d, trainer.train_generator(step, &latents).expect("finite"))
    };
    let apart = |step| (report(0.5, step).0.real - report(0.0, step).0.real).abs();
    assert!(apart(0) > 1e-4 && report(0.5, 0).1 != report(0.0, 0).1, "the images of both networks are noisy");
    assert_eq!((report(0.5, 10), report(0.5, 99)), (report(0.0, 10), report(0.0, 99)), "none is left");
    assert_ne!(report(0.5, 9), report(0.0, 9));
}

#[test]
fn samples_are_drawn_with_the_average() {
    let reals = images([28, 1], 4);
    let mut trainer = mnist_trainer(TrainingOptions { ema: 0.75, ..digits_options() });
    let mut expected = trainer.state().tensors["generator.dense1.weight"].clone();
    assert_eq!(trainer.state().tensors["average.dense1.weight"], expected, "it begins as the generator");
    for step in 0..3 {
        trainer.step(step, std::slice::from_ref(&reals)).expect("finite");
        let weight = trainer.state().tensors["generator.dense1.weight"].clone();
        let follow = |(own, x): (&mut f32, &f32)| *own = (0.75 * f64::from(*own) + 0.25 * f64::from(*x)) as f32;
        expected.data_mut().iter_mut().zip(weight.data()).for_each(follow);
    }
    let state = trainer.state();
    // (Where rounding would leave the average unchanged, it moves by one unit in the last place.)
    for (own, expected) in state.tensors["average.dense1.weight"].data().iter().zip(expected.data()) {
        assert!((own - expected).abs() <= 3.0 * f32::EPSILON * own.abs(), "{own} {expected}");
    }
    let latents = trainer.latents(1, "z", 2);
    let drawn = trainer.draw(&latents);
    let mut plain = mnist_trainer(digits_options());
    let mut generators = state.clone();
    generators.tensors.retain(|name, _| !name.starts_with("average."));
    plain.restore(&generators).expect("the same networks");
    assert_ne!(plain.draw(&latents), drawn);
    for (name, tensor) in state.tensors.iter().filter(|(name, _)| name.starts_with("average.")) {
        generators.tensors.insert(name.replace("average.", "generator."), tensor.clone());
    }
    plain.restore(&generators).expect("the same networks");
    assert_eq!(plain.draw(&latents), drawn);
}

#[test]
fn the_pool_shows_older_fakes_once_it_is_full() {
    let report = |replay_pool, step: u64| {
        let options = TrainingOptions { replay_pool, d_learning_rate: 1e-12, ..digits_options() };
        let mut trainer =
            mnist::trainer(&mnist::Settings { dropout: 0.0, ..digits(options) }, 11).expect("good settings");
        let mut last = 0.0;
        for step in 0..=step {
            let latents = trainer.latents(step, "z", 4);
            last = trainer.train_discriminator(step, &images([28, 1], 4), &latents).expect("finite").fake;
        }
        last
    };
    assert_eq!(report(12, 2), report(0, 2), "the first 12 come back unchanged");
    assert!((3..8).any(|step| report(12, step) != report(0, step)));
}

#[test]
fn spectral_norms_bound_the_discriminator() {
    let options = TrainingOptions { spectral_norm: true, ..digits_options() };
    let mut trainer = mnist_trainer(options);
    let name = "discriminator.dense1.spectral_u";
    let before = trainer.state().tensors[name].clone();
    let turn = |trainer: &mut GanTrainer| {
        let latents = trainer.latents(1, "z", 4);
        trainer.train_generator(0, &latents).expect("finite");
        let between = trainer.state().tensors[name].clone();
        trainer.train_discriminator(0, &images([28, 1], 4), &latents).expect("finite");
        (between, trainer.state().tensors[name].clone())
    };
    let (between, after) = turn(&mut trainer);
    assert_eq!(before, between, "a frozen forward pass leaves it");
    assert_ne!(before, after);
}

#[test]
fn each_latent_kind_is_its_distribution() {
    let draw = |kind: LatentKind| kind.draw(500, 40, kernels::Key::named(1, "z"));
    let moments = |latents: &Tensor| {
        let mean = latents.data().iter().map(|x| f64::from(*x)).sum::<f64>() / latents.size() as f64;
        let square = latents.data().iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / latents.size() as f64;
        let most = latents.data().iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        (mean, square, f64::from(most))
    };
    for (kind, square, bounds) in [
        (LatentKind::Normal, 1.0, 3.5..6.0),
        (LatentKind::Uniform, 1.0 / 3.0, 0.999..1.0),
        (LatentKind::UnitUniform, 1.0, 1.73..1.7321),
        (LatentKind::Sphere, 1.0, 3.0..6.0),
    ] {
        let (mean, found, most) = moments(&draw(kind));
        assert!(
            mean.abs() < 0.03 && (found - square).abs() < 0.03 && bounds.contains(&most),
            "{kind:?} {mean} {found} {most}"
        );
    }
    for point in draw(LatentKind::Sphere).data().chunks_exact(40) {
        let length = point.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        assert!((length - 40f64.sqrt()).abs() < 1e-5);
    }
    let sphere = mnist_trainer(TrainingOptions { latent_kind: LatentKind::Sphere, ..digits_options() });
    assert_eq!(sphere.kind(), LatentKind::Sphere);
}

#[test]
fn contradictions_are_refused_by_their_key() {
    let base = TrainingOptions::default;
    let cases: [(&str, TrainingOptions, &str); 11] = [
        ("soft_labels", TrainingOptions { soft_labels: true, ..base() }, "bce = keras-clip"),
        (
            "label_noise_way",
            TrainingOptions {
                label_noise: 0.05,
                label_noise_way: models::trainer::options::NoiseDirection::Outward,
                ..base()
            },
            "use inward",
        ),
        ("label_smooth", TrainingOptions { loss: Loss::Hinge, label_smooth: 0.9, ..base() }, "hinge"),
        ("label_noise", TrainingOptions { loss: Loss::Hinge, label_noise: 0.1, ..base() }, "hinge"),
        (
            "label_smooth",
            TrainingOptions { soft_labels: true, label_smooth: 0.9, bce: Bce::KerasClip, ..base() },
            "leave one",
        ),
        ("clip_norm", TrainingOptions { clip_value: 1.0, clip_norm: 1.0, ..base() }, "clip_value is set"),
        ("k", TrainingOptions { k: 0, ..base() }, "0 is not in the allowed range 1 to 100"),
        ("label_flip", TrainingOptions { label_flip: 0.6, ..base() }, "0 to 0.5"),
        ("ema", TrainingOptions { ema: 1.0, ..base() }, "0 to 0.999999"),
        ("label_smooth", TrainingOptions { loss: Loss::Wasserstein, label_smooth: 0.9, ..base() }, "Wasserstein"),
        ("r1", TrainingOptions { r1: 10.0, gradient_penalty: 10.0, ..base() }, "one of the two"),
    ];
    for (key, options, why) in cases {
        let error = mnist::trainer(&digits(options), 1).map(|_| ()).expect_err(key);
        assert!(error.key == key && error.why.contains(why), "{key}: {error}");
    }
    for (key, options) in [
        ("r1", TrainingOptions { r1: 1.0, ..base() }),
        ("gradient_penalty", TrainingOptions { gradient_penalty: 1.0, ..base() }),
    ] {
        let error = dcgan::trainer(&small_dcgan(options), 1).map(|_| ()).expect_err("batch normalisation");
        assert!(error.key == key && error.why.contains("discriminator.bn2 mixes the images"), "{error}");
    }
    for d_norm in [DiscriminatorNorm::Layer, DiscriminatorNorm::None] {
        assert!(dcgan::trainer(&small_dcgan(TrainingOptions { r1: 1.0, d_norm, ..base() }), 1).is_ok(), "{d_norm:?}");
        let error = mnist::trainer(&digits(TrainingOptions { d_norm, ..base() }), 1)
            .map(|_| ())
            .expect_err("nothing to replace");
        assert!(error.key == "d_norm", "{error}");
    }
    let good = TrainingOptions { soft_labels: true, bce: Bce::KerasClip, ..base() };
    assert!(mnist::trainer(&digits(good), 1).is_ok());
}

#[test]
fn unusual_settings_have_remarks() {
    let remarks = |trainer: GanTrainer| {
        trainer.remarks().iter().map(|remark| format!("{} {:?}\n", remark.text, remark.remedies)).collect::<String>()
    };
    assert_eq!(remarks(mnist_trainer(digits_options())), "");
    assert!(remarks(dcgan_trainer(TrainingOptions::default())).contains("batches of 4"));
    let eight = |options| {
        dcgan::trainer(&dcgan::Settings { batch: 8, width: 16, ..small_dcgan(options) }, 1).expect("good settings")
    };
    assert_eq!(remarks(eight(TrainingOptions::default())), "");
    assert!(
        remarks(eight(TrainingOptions { d_batches: Batches::Mixed, ..TrainingOptions::default() }))
            .contains("d_batches")
    );
    assert!(
        remarks(eight(TrainingOptions { spectral_norm: true, ..TrainingOptions::default() })).contains("spectral_norm")
    );
    assert!(remarks(mnist_trainer(TrainingOptions { k: 2, g_steps: 2, ..digits_options() })).contains("g_steps = 2"));
    let horses = cifar::Settings { seed_range: true, ..Default::default() };
    assert!(remarks(cifar::trainer(&horses, 1).expect("good settings")).contains("seed_range"));
    let lopsided = cifar::Settings { first: 1, width: 1, d_width: 100, ..Default::default() };
    assert!(remarks(cifar::trainer(&lopsided, 1).expect("good settings")).contains("will probably win"));
    let fives = dcgan::Settings { variant: dcgan::Variant::Radford, width: 2, ..Default::default() };
    let uneven = remarks(dcgan::trainer(&fives, 1).expect("good settings"));
    assert!(uneven.contains("the stride does not divide the kernel of discriminator.conv1, "), "{uneven}");
    assert!(uneven.contains("generator.convt5: checkerboard artefacts are likely"), "{uneven}");
}
