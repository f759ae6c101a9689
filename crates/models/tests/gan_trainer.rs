//! The shared trainer: order, modes and counts of a step, and the effect of each option on it.
//! (Options of labels and losses are tested beside their code.)

use models::trainer::common::InstanceNoise;
use models::trainer::gan::GanTrainer;
use models::trainer::options::{Batches, Bce, DiscriminatorNorm, Loss, TrainingOptions};
use models::{FromLatents, LatentKind, Sampler, System, cifar, dcgan, faces, folder, mnist, vanilla, wgan_gp};
use nn::State;
use tensor::Tensor;

fn images([size, channels]: [usize; 2], count: usize) -> Tensor {
    nn::init::uniform(&[count, size, size, channels], 0.0, 1.0, kernels::Key::named(1, "reals"))
}

fn digits(options: TrainingOptions) -> mnist::Settings {
    mnist::Settings { batch: 4, latent: 6, options, ..Default::default() }
}

fn mnist_trainer(options: TrainingOptions) -> GanTrainer {
    mnist::trainer(&digits(options), 11).expect("good settings")
}

fn small_dcgan(options: TrainingOptions) -> dcgan::Settings {
    let variant = dcgan::Variant::Mnist28;
    dcgan::Settings { variant, batch: 4, channels: 1, width: 2, latent: 5, options, ..Default::default() }
}

fn dcgan_trainer(options: TrainingOptions) -> GanTrainer {
    dcgan::trainer(&small_dcgan(options), 11).expect("good settings")
}

/// All systems with this trainer, small.
fn all() -> Vec<(GanTrainer, Tensor)> {
    let options = TrainingOptions::default;
    let paper = vanilla::Settings {
        net: vanilla::Net::Paper,
        options: TrainingOptions { d_batches: Batches::Mixed, ..options() },
        ..Default::default()
    };
    let horses = cifar::Settings { batch: 2, first: 2, width: 2, d_width: 2, ..Default::default() };
    let seeds = cifar::Settings { seed_range: true, seed_labels: true, ..horses.clone() };
    let variant = |variant| dcgan::Settings { variant, channels: 3, ..small_dcgan(options()) };
    let face = |size| faces::Settings { size, batch: 4, width: 2, latent: 5, ..Default::default() };
    let own = folder::Settings { size: 48, batch: 4, width: 1, latent: 5, ..Default::default() };
    let critic = |variant| wgan_gp::Settings { variant, batch: 4, width: 2, latent: 5, ..Default::default() };
    let trainers = [
        mnist::trainer(&digits(digits_options()), 1),
        vanilla::trainer(&vanilla::Settings { batch: 6, size: 8, ..Default::default() }, 1),
        vanilla::trainer(&vanilla::Settings { batch: 6, size: 8, ..paper }, 1),
        cifar::trainer(&horses, 1),
        cifar::trainer(&seeds, 1),
        dcgan::trainer(&small_dcgan(options()), 1),
        dcgan::trainer(&variant(dcgan::Variant::Official), 1),
        dcgan::trainer(&variant(dcgan::Variant::Radford), 1),
        dcgan::trainer(&variant(dcgan::Variant::Svhn), 1),
        dcgan::trainer(&variant(dcgan::Variant::Cifar32), 1),
        faces::trainer(&face(32), 1),
        faces::trainer(&face(64), 1),
        folder::trainer(&own, 1),
        wgan_gp::trainer(&critic(wgan_gp::Variant::Mnist), 1),
        wgan_gp::trainer(&critic(wgan_gp::Variant::Cifar), 1),
        wgan_gp::trainer(&critic(wgan_gp::Variant::Resnet), 1),
    ];
    trainers
        .into_iter()
        .map(|trainer| {
            let trainer = trainer.expect("good settings");
            let [size, _, channels] = trainer.image_shape().expect("of images");
            let reals = images([size, channels], trainer.batch_size());
            (trainer, reals)
        })
        .collect()
}

fn digits_options() -> TrainingOptions {
    mnist::Settings::default().options
}

/// All options with a state between steps.
fn with_state() -> TrainingOptions {
    TrainingOptions {
        k: 2,
        g_steps: 2,
        replay_pool: 5,
        ema: 0.9,
        spectral_norm: true,
        noise: InstanceNoise { instance_noise: 0.1, instance_noise_steps: 5 },
        label_flip: 0.2,
        label_noise: 0.1,
        clip_norm: 1.0,
        ..TrainingOptions::default()
    }
}

fn tensors(state: &State, chosen: impl Fn(&str) -> bool) -> Vec<(&String, &Tensor)> {
    state.tensors.iter().filter(|(name, _)| chosen(name)).collect()
}

fn of_generator(name: &str) -> bool {
    name.starts_with("generator.") || name.starts_with("optimizer.generator.")
}

fn of_discriminator(name: &str) -> bool {
    !of_generator(name) && !name.starts_with("average.")
}

fn updates(trainer: &GanTrainer) -> [u64; 2] {
    let counters = trainer.state().counters;
    [&trainer.discriminator, &trainer.generator]
        .map(|network| counters[&format!("optimizer.{}.updates", network.name())])
}

#[test]
fn every_system_goes_on_from_its_state_to_the_same_bits() {
    let fresh = |at: usize| all().swap_remove(at);
    for at in 0..all().len() {
        let (mut whole, reals) = fresh(at);
        for step in 0..2 {
            whole.step(step, std::slice::from_ref(&reals)).expect("finite");
        }
        let (mut resumed, _) = fresh(at);
        assert_ne!(whole.state(), resumed.state(), "{}: it has learned", whole.name());
        resumed.restore(&whole.state()).expect("the same system");
        let report = [&mut whole, &mut resumed].map(|trainer| {
            let report = (2..4).map(|step| trainer.step(step, std::slice::from_ref(&reals)).expect("finite"));
            report.collect::<Vec<_>>()
        });
        assert_eq!(report[0], report[1], "{}", whole.name());
        assert_eq!(report[0][0].values().len(), whole.metrics().len());
        assert_eq!(whole.state(), resumed.state(), "{}", whole.name());
    }
}

#[test]
fn what_the_switches_remember_is_part_of_the_state() {
    let reals = images([28, 1], 8);
    let step = |trainer: &mut GanTrainer, step| trainer.step(step, std::slice::from_ref(&reals)).expect("finite");
    let mut whole = dcgan_trainer(with_state());
    (0..3).for_each(|number| drop(step(&mut whole, number)));
    let state = whole.state();
    for name in ["pool.images", "average.convt1.weight", "discriminator.conv1.spectral_u"] {
        assert!(state.tensors.contains_key(name), "{name}");
    }
    let mut resumed = dcgan_trainer(with_state());
    resumed.restore(&state).expect("the same system");
    for number in 3..6 {
        assert_eq!(step(&mut whole, number), step(&mut resumed, number));
    }
    assert_eq!(whole.state(), resumed.state());
}

#[test]
fn images_are_drawn_in_range_and_alone_as_together() {
    for (mut trainer, reals) in all() {
        trainer.step(0, &[reals]).expect("finite");
        let Sampler::Latents(sampler) = trainer.samples() else { panic!("drawn from latents") };
        let latents = sampler.latents(3, "samples", 4);
        let drawn = sampler.draw(&latents);
        let [height, width, channels] = trainer.image_shape().expect("of images");
        assert_eq!(**drawn.shape(), [4, height, width, channels]);
        assert!(drawn.data().iter().all(|x| (0.0..=1.0).contains(x)), "{}", trainer.name());
        let (size, image) = (latents.shape()[1], height * width * channels);
        let alone = sampler.draw(&Tensor::new(&[1, size], latents.data()[2 * size..3 * size].to_vec()));
        assert_eq!(alone.data(), &drawn.data()[2 * image..3 * image], "{}", trainer.name());
        assert_eq!(sampler.latents(3, "samples", 2).data(), &latents.data()[..2 * size]);
    }
}

#[test]
fn each_network_is_updated_in_its_own_turn_only() {
    for (trainer, reals) in all() {
        let mut trainer = trainer;
        let reals = Tensor::new(
            &[2, reals.shape()[1], reals.shape()[2], reals.shape()[3]],
            reals.data()[..2 * reals.size() / reals.shape()[0]].to_vec(),
        );
        let latents = trainer.latents(1, "z", 2);
        let before = trainer.state();
        trainer.train_discriminator(0, &reals, &latents).expect("finite");
        let between = trainer.state();
        assert_eq!(tensors(&before, of_generator), tensors(&between, of_generator), "{}", trainer.name());
        assert_ne!(tensors(&before, of_discriminator), tensors(&between, of_discriminator));
        trainer.train_generator(0, &latents).expect("finite");
        let after = trainer.state();
        assert_eq!(tensors(&between, of_discriminator), tensors(&after, of_discriminator), "{}", trainer.name());
        assert_ne!(tensors(&between, of_generator), tensors(&after, of_generator));
    }
}

#[test]
fn k_and_g_steps_count_the_updates_and_k_the_reals() {
    let mut trainer = mnist_trainer(TrainingOptions { k: 3, g_steps: 2, ..digits_options() });
    assert_eq!(trainer.batch_size(), 12);
    assert_eq!(trainer.batch(0, &[100])[0].len(), 12);
    trainer.step(0, &[images([28, 1], 12)]).expect("finite");
    assert_eq!(updates(&trainer), [3, 2]);
    let mut two = mnist_trainer(TrainingOptions { d_batches: Batches::TwoUpdates, ..digits_options() });
    two.step(0, &[images([28, 1], 4)]).expect("finite");
    assert_eq!(updates(&two), [2, 1], "reals and fakes in an update each");
    // Three turns see the same mini-batches as three steps with one turn each.
    let one = mnist_trainer(digits_options());
    let batches: Vec<usize> = (0..3).flat_map(|step| one.batch(step, &[100]).remove(0)).collect();
    assert_eq!(trainer.batch(0, &[100])[0], batches);
}

#[test]
fn the_order_of_the_images_is_each_systems_own() {
    let horses = cifar::trainer(&cifar::Settings::default(), 1).expect("good settings");
    assert_eq!(horses.batch(0, &[5000])[0], (0..20).collect::<Vec<_>>());
    assert_eq!(horses.batch(250, &[5000])[0], (0..20).collect::<Vec<_>>(), "an epoch is 250 steps");
    let digits = mnist_trainer(digits_options());
    assert_eq!(digits.batch(2, &[10])[0].len(), 2, "the last batch is short");
    let mut all: Vec<usize> = (0..3).flat_map(|step| digits.batch(step, &[10]).remove(0)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..10).collect::<Vec<_>>());
    let dcgan = dcgan_trainer(TrainingOptions::default());
    assert_eq!(dcgan.batch(2, &[10])[0].len(), 4, "short batches are left out");
    let radford = dcgan::Settings { variant: dcgan::Variant::Radford, ..small_dcgan(TrainingOptions::default()) };
    let radford = dcgan::trainer(&radford, 11).expect("good settings");
    assert_eq!(radford.batch(0, &[100]), dcgan.batch(1, &[100]), "the generator has the mini-batches between");
    assert_eq!(radford.batch(1, &[100]), dcgan.batch(3, &[100]));
}

#[test]
fn a_short_batch_makes_as_few_fakes() {
    let mut trainer = mnist_trainer(digits_options());
    let report = trainer.step(5, &[images([28, 1], 2)]).expect("finite");
    assert!(report.non_finite().is_none());
}

/// Only the generator's own turns change the running statistics.
#[test]
fn fakes_are_made_in_the_mode_of_the_system() {
    let latents = dcgan_trainer(TrainingOptions::default()).latents(1, "z", 4);
    let reals = images([28, 1], 4);
    // PyTorch's example: training mode, with the statistics of the batch, not the running ones.
    let mut trainer = dcgan_trainer(TrainingOptions::default());
    let mut moved = trainer.state();
    for (name, tensor) in &mut moved.tensors {
        if name.contains("generator") && name.contains("running_mean") {
            tensor.data_mut().fill(3.0);
        }
    }
    let plain = trainer.train_discriminator(0, &reals, &latents).expect("finite");
    let mut other = dcgan_trainer(TrainingOptions::default());
    other.restore(&moved).expect("the same system");
    assert_eq!(plain, other.train_discriminator(0, &reals, &latents).expect("finite"));
    // Keras-GAN: inference mode, with the running statistics.
    let keras = || vanilla::trainer(&vanilla::Settings { batch: 8, ..Default::default() }, 1).expect("good settings");
    let mut moved = keras().state();
    for (name, tensor) in &mut moved.tensors {
        if name.contains("running_mean") {
            tensor.data_mut().fill(3.0);
        }
    }
    let latents = keras().latents(1, "z", 4);
    let plain = keras().train_discriminator(0, &reals, &latents).expect("finite");
    let mut other = keras();
    other.restore(&moved).expect("the same system");
    assert_ne!(plain.fake, other.train_discriminator(0, &reals, &latents).expect("finite").fake);
}

/// In PyTorch's example the generator learns from the same fakes as the discriminator: from the
/// same latents, with the same dropout masks.
#[test]
fn shared_fakes_are_the_generators_own() {
    let mut trainer = dcgan_trainer(TrainingOptions { d_learning_rate: 1e-12, ..TrainingOptions::default() });
    let report = trainer.step(3, &[images([28, 1], 4)]).expect("finite");
    let (d_fake, g_fake) = (report["d_fake"], report["g_fake"]);
    assert!((d_fake - g_fake).abs() < 1e-6, "a discriminator that learns nothing says the same: {d_fake} {g_fake}");
    let course = dcgan::Settings {
        variant: dcgan::Variant::Svhn,
        channels: 3,
        ..small_dcgan(TrainingOptions { d_learning_rate: 1e-12, ..TrainingOptions::default() })
    };
    let report = dcgan::trainer(&course, 11).expect("good settings").step(3, &[images([32, 3], 4)]).expect("finite");
    assert!((report["d_fake"] - report["g_fake"]).abs() > 1e-6, "the course makes new ones");
}

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

/// In the CIFAR-10 example the label 1 means fake and 0 real: the discriminator's outputs are
/// higher for fakes.
#[test]
fn fakes_have_the_label_1_in_cifar() {
    let settings = cifar::Settings { batch: 8, first: 2, width: 2, d_width: 8, d_dropout: 0.0, ..Default::default() };
    let mut trainer = cifar::trainer(&settings, 1).expect("good settings");
    let reals = images([32, 3], 8);
    let report: Vec<_> =
        (0..12).map(|step| trainer.step(step, std::slice::from_ref(&reals)).expect("finite")).collect();
    let last = report.last().expect("steps");
    assert!(last["d_real"] > last["d_fake"] + 0.1, "it finds the reals more real than the fakes: {last:?}");
    let logits = trainer.discriminator.infer(&reals.clone());
    assert!(logits.data().iter().all(|x| *x < 0.0), "and says so with negative logits: {logits:?}");
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
    assert!(remarks(cifar::trainer(&lopsided, 1).expect("good settings")).contains("one will win"));
    let fives = dcgan::Settings { variant: dcgan::Variant::Radford, width: 2, ..Default::default() };
    let uneven = remarks(dcgan::trainer(&fives, 1).expect("good settings"));
    assert!(uneven.contains("the stride does not divide the kernel of discriminator.conv1, "), "{uneven}");
    assert!(uneven.contains("generator.convt5: checkerboard artefacts are likely"), "{uneven}");
}

fn small_wgan(options: impl FnOnce(&mut TrainingOptions)) -> GanTrainer {
    let mut s = wgan_gp::Settings { batch: 8, width: 4, latent: 5, ..Default::default() };
    options(&mut s.options);
    wgan_gp::trainer(&s, 3).expect("good settings")
}

/// Five turns of the critic per step; the loss is the sum of its parts.
#[test]
fn a_critic_reports_its_distance_and_its_gradient() {
    let mut trainer = small_wgan(|_| {});
    assert_eq!(trainer.batch_size(), 40);
    let report = trainer.step(0, &[images([28, 1], 40)]).expect("finite");
    assert_eq!(updates(&trainer), [5, 1]);
    assert!((report["w_distance"] - (report["d_real"] - report["d_fake"])).abs() < 1e-9);
    assert!((report["d_loss"] - (report["penalty"] - report["w_distance"])).abs() < 1e-5, "{report:?}");
    // By Jensen's inequality the mean of the squares is at least the square of the mean.
    assert!(
        report["penalty"] >= 10.0 * (report["gradient_norm"] - 1.0).powi(2) - 1e-6 && report["penalty"] > 0.0,
        "{report:?}"
    );
}

/// A convolution costs 3 kernels for reals and 3 for fakes, one less in the first layer, whose
/// input needs no gradient. The penalty adds a forward pass, the gradient by the images, and for
/// each of these products two partial derivatives, but no second derivative of a leaky ReLU and no
/// unused weight gradient.
#[test]
fn a_penalty_computes_only_what_is_asked() {
    let convolutions = |penalty: f64| {
        let mut trainer = small_wgan(|options| (options.gradient_penalty, options.k) = (penalty, 1));
        let latents = trainer.latents(1, "a turn", 8);
        kernels::timing::start(Default::default());
        trainer.train_discriminator(0, &images([28, 1], 8), &latents).expect("finite");
        let timings = kernels::timing::stop();
        let critics = timings
            .measurements()
            .iter()
            .filter(|row| row.category == kernels::timing::Category::Convolution && row.scope.starts_with("critic"));
        critics.flat_map(|row| row.spent).map(|spent| spent.calls).sum::<u64>()
    };
    let layers = 3;
    let plain = 2 * (3 * layers - 1);
    assert_eq!(convolutions(0.0), plain);
    assert_eq!(convolutions(10.0), plain + 4 * layers);
}

/// After some turns the norm of the critic's gradient between reals and fakes is about 1.
#[test]
fn the_penalty_brings_the_slope_to_1() {
    let mut trainer = small_wgan(|options| (options.d_learning_rate, options.k) = (2e-3, 1));
    let latents = trainer.latents(1, "a turn", 8);
    let reals = images([28, 1], 8);
    let norm = |trainer: &mut GanTrainer, turn| {
        trainer.train_discriminator(turn, &reals, &latents).expect("finite").gradient_norm
    };
    let first = norm(&mut trainer, 0);
    assert!(!(0.7..1.3).contains(&first), "{first}");
    let last = (1..120).map(|turn| norm(&mut trainer, turn)).last().expect("turns");
    assert!((0.7..1.3).contains(&last), "{last}");
}

/// R1 reduces the gradient on reals with every loss.
#[test]
fn r1_flattens_the_discriminator_on_reals() {
    let gradient_norm = |r1: f64| {
        let mut trainer = small_wgan(|options| {
            *options =
                TrainingOptions { loss: Loss::Nonsaturating, r1, d_learning_rate: 2e-3, ..TrainingOptions::default() };
        });
        let (reals, latents) = (images([28, 1], 8), trainer.latents(1, "a turn", 8));
        let report = (0..60).map(|turn| trainer.train_discriminator(turn, &reals, &latents).expect("finite"));
        report.last().expect("turns").gradient_norm
    };
    let [weak, strong] = [1e-6, 1.0].map(gradient_norm);
    assert!(strong < 0.3 * weak, "{strong} and {weak}");
}

/// With reals and fakes in one batch, in two, or with an update each, the penalty sees the same
/// images: its values at the first step are the same.
#[test]
fn a_penalty_is_possible_in_every_way_of_batching() {
    let settings = |d_batches, r1, gradient_penalty| mnist::Settings {
        dropout: 0.0,
        ..digits(TrainingOptions { d_batches, r1, gradient_penalty, fake_is_one: true, ..TrainingOptions::default() })
    };
    for (r1, gradient_penalty) in [(10.0, 0.0), (0.0, 10.0)] {
        let report = [Batches::Separate, Batches::Mixed, Batches::TwoUpdates].map(|d_batches| {
            let mut trainer = mnist::trainer(&settings(d_batches, r1, gradient_penalty), 11).expect("good settings");
            let before = trainer.state();
            let report = trainer.step(0, &[images([28, 1], 4)]).expect("finite");
            let changed = |name: &str| trainer.state().tensors[name] != before.tensors[name];
            assert!(changed("discriminator.dense1.weight"), "{d_batches:?}");
            [report["penalty"], report["gradient_norm"]]
        });
        assert!(report[0][0] > 0.0 && report == [report[0]; 3], "{report:?}");
    }
}
