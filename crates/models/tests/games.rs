//! The shared game: order, modes and counts of a step, and what each switch does to it. (What the switches make of labels and
//! losses is tested beside them.)

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

fn mnist_game(options: TrainingOptions) -> GanTrainer {
    mnist::trainer(&digits(options), 11).expect("good settings")
}

fn small_dcgan(options: TrainingOptions) -> dcgan::Settings {
    let variant = dcgan::Variant::Mnist28;
    dcgan::Settings { variant, batch: 4, channels: 1, width: 2, latent: 5, options, ..Default::default() }
}

fn dcgan_game(options: TrainingOptions) -> GanTrainer {
    dcgan::trainer(&small_dcgan(options), 11).expect("good settings")
}

/// All systems, small.
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
    let games = [
        mnist::trainer(&digits(digits_tips()), 1),
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
    games
        .into_iter()
        .map(|trainer| {
            let trainer = trainer.expect("good settings");
            let [size, _, channels] = trainer.image_shape().expect("of images");
            let reals = images([size, channels], trainer.batch_size());
            (trainer, reals)
        })
        .collect()
}

fn digits_tips() -> TrainingOptions {
    mnist::Settings::default().options
}

/// Every switch that keeps something of its own between steps.
fn remembering() -> TrainingOptions {
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
        let told = [&mut whole, &mut resumed].map(|trainer| {
            let told = (2..4).map(|step| trainer.step(step, std::slice::from_ref(&reals)).expect("finite"));
            told.collect::<Vec<_>>()
        });
        assert_eq!(told[0], told[1], "{}", whole.name());
        assert_eq!(told[0][0].values().len(), whole.metrics().len());
        assert_eq!(whole.state(), resumed.state(), "{}", whole.name());
    }
}

#[test]
fn what_the_switches_remember_is_part_of_the_state() {
    let reals = images([28, 1], 8);
    let step = |trainer: &mut GanTrainer, step| trainer.step(step, std::slice::from_ref(&reals)).expect("finite");
    let mut whole = dcgan_game(remembering());
    (0..3).for_each(|number| drop(step(&mut whole, number)));
    let state = whole.state();
    for name in ["pool.images", "average.convt1.weight", "discriminator.conv1.spectral_u"] {
        assert!(state.tensors.contains_key(name), "{name}");
    }
    let mut resumed = dcgan_game(remembering());
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
fn each_player_learns_in_its_own_turn_only() {
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
    let mut trainer = mnist_game(TrainingOptions { k: 3, g_steps: 2, ..digits_tips() });
    assert_eq!(trainer.batch_size(), 12);
    assert_eq!(trainer.batch(0, &[100])[0].len(), 12);
    trainer.step(0, &[images([28, 1], 12)]).expect("finite");
    assert_eq!(updates(&trainer), [3, 2]);
    let mut two = mnist_game(TrainingOptions { d_batches: Batches::TwoUpdates, ..digits_tips() });
    two.step(0, &[images([28, 1], 4)]).expect("finite");
    assert_eq!(updates(&two), [2, 1], "reals and fakes in an update each");
    // Three turns on the same three mini-batches as three steps' discriminators see.
    let one = mnist_game(digits_tips());
    let batches: Vec<usize> = (0..3).flat_map(|step| one.batch(step, &[100]).remove(0)).collect();
    assert_eq!(trainer.batch(0, &[100])[0], batches);
}

#[test]
fn the_order_of_the_images_is_each_systems_own() {
    let horses = cifar::trainer(&cifar::Settings::default(), 1).expect("good settings");
    assert_eq!(horses.batch(0, &[5000])[0], (0..20).collect::<Vec<_>>());
    assert_eq!(horses.batch(250, &[5000])[0], (0..20).collect::<Vec<_>>(), "a pass is 250 steps");
    let digits = mnist_game(digits_tips());
    assert_eq!(digits.batch(2, &[10])[0].len(), 2, "the last batch is short");
    let mut all: Vec<usize> = (0..3).flat_map(|step| digits.batch(step, &[10]).remove(0)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..10).collect::<Vec<_>>());
    let dcgan = dcgan_game(TrainingOptions::default());
    assert_eq!(dcgan.batch(2, &[10])[0].len(), 4, "short batches are left out");
    let radford = dcgan::Settings { variant: dcgan::Variant::Radford, ..small_dcgan(TrainingOptions::default()) };
    let radford = dcgan::trainer(&radford, 11).expect("good settings");
    assert_eq!(radford.batch(0, &[100]), dcgan.batch(1, &[100]), "the generator has the mini-batches between");
    assert_eq!(radford.batch(1, &[100]), dcgan.batch(3, &[100]));
}

#[test]
fn a_short_batch_makes_as_few_fakes() {
    let mut trainer = mnist_game(digits_tips());
    let told = trainer.step(5, &[images([28, 1], 2)]).expect("finite");
    assert!(told.non_finite().is_none());
}

/// The running statistics follow the generator's own turns, whatever the discriminator is shown.
#[test]
fn fakes_are_made_in_the_mode_of_the_system() {
    let latents = dcgan_game(TrainingOptions::default()).latents(1, "z", 4);
    let reals = images([28, 1], 4);
    // PyTorch's example: training mode, so that the batch's own statistics count and not the running ones.
    let mut trainer = dcgan_game(TrainingOptions::default());
    let mut moved = trainer.state();
    for (name, tensor) in &mut moved.tensors {
        if name.contains("generator") && name.contains("running_mean") {
            tensor.data_mut().fill(3.0);
        }
    }
    let plain = trainer.train_discriminator(0, &reals, &latents).expect("finite");
    let mut other = dcgan_game(TrainingOptions::default());
    other.restore(&moved).expect("the same system");
    assert_eq!(plain, other.train_discriminator(0, &reals, &latents).expect("finite"));
    // Keras-GAN: inference, where they count.
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

/// In PyTorch's example the generator learns from the very fakes that the discriminator was shown: of the same latents, with the
/// same draws of its dropout.
#[test]
fn shared_fakes_are_the_generators_own() {
    let mut trainer = dcgan_game(TrainingOptions { d_learning_rate: 1e-12, ..TrainingOptions::default() });
    let told = trainer.step(3, &[images([28, 1], 4)]).expect("finite");
    let (d_fake, g_fake) = (told["d_fake"], told["g_fake"]);
    assert!((d_fake - g_fake).abs() < 1e-6, "a discriminator that learns nothing says the same: {d_fake} {g_fake}");
    let course = dcgan::Settings {
        variant: dcgan::Variant::Svhn,
        channels: 3,
        ..small_dcgan(TrainingOptions { d_learning_rate: 1e-12, ..TrainingOptions::default() })
    };
    let told = dcgan::trainer(&course, 11).expect("good settings").step(3, &[images([32, 3], 4)]).expect("finite");
    assert!((told["d_fake"] - told["g_fake"]).abs() > 1e-6, "the course makes new ones");
}

#[test]
fn mixed_batches_lose_half_the_sum() {
    let told = |d_batches| {
        let options = TrainingOptions { d_batches, label_smooth: 0.9, ..digits_tips() };
        let settings = mnist::Settings { dropout: 0.0, ..digits(options) };
        let mut trainer = mnist::trainer(&settings, 11).expect("good settings");
        let latents = trainer.latents(1, "z", 4);
        trainer.train_discriminator(0, &images([28, 1], 4), &latents).expect("finite")
    };
    let [separate, mixed, two] = [Batches::Separate, Batches::Mixed, Batches::TwoUpdates].map(told);
    assert!((separate.loss - 2.0 * mixed.loss).abs() < 1e-5, "{separate:?} {mixed:?}");
    assert!((separate.real - mixed.real).abs() < 1e-6 && (separate.fake - mixed.fake).abs() < 1e-6);
    assert_eq!(two.real, separate.real);
    assert_ne!(two.fake, separate.fake, "the second update sees what the first has done");
}

/// 1 is fake and 0 is real for the horses: the discriminator's numbers go up for fakes.
#[test]
fn the_horses_are_called_0() {
    let settings = cifar::Settings { batch: 8, first: 2, width: 2, d_width: 8, d_dropout: 0.0, ..Default::default() };
    let mut trainer = cifar::trainer(&settings, 1).expect("good settings");
    let reals = images([32, 3], 8);
    let told: Vec<_> = (0..12).map(|step| trainer.step(step, std::slice::from_ref(&reals)).expect("finite")).collect();
    let last = told.last().expect("steps");
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
            ..digits_tips()
        };
        mnist::Settings { dropout: 0.0, ..digits(options) }
    };
    let told = |sigma, step| {
        let mut trainer = mnist::trainer(&settings(sigma), 11).expect("good settings");
        let latents = trainer.latents(1, "z", 4);
        let d = trainer.train_discriminator(step, &images([28, 1], 4), &latents).expect("finite");
        (d, trainer.train_generator(step, &latents).expect("finite"))
    };
    let apart = |step| (told(0.5, step).0.real - told(0.0, step).0.real).abs();
    assert!(apart(0) > 1e-4 && told(0.5, 0).1 != told(0.0, 0).1, "both players' images are noisy");
    assert_eq!((told(0.5, 10), told(0.5, 99)), (told(0.0, 10), told(0.0, 99)), "none is left");
    assert_ne!(told(0.5, 9), told(0.0, 9));
}

#[test]
fn samples_are_drawn_with_the_average() {
    let reals = images([28, 1], 4);
    let mut trainer = mnist_game(TrainingOptions { ema: 0.75, ..digits_tips() });
    let mut expected = trainer.state().tensors["generator.dense1.weight"].clone();
    assert_eq!(trainer.state().tensors["average.dense1.weight"], expected, "it begins as the generator");
    for step in 0..3 {
        trainer.step(step, std::slice::from_ref(&reals)).expect("finite");
        let weight = trainer.state().tensors["generator.dense1.weight"].clone();
        let follow = |(own, x): (&mut f32, &f32)| *own = (0.75 * f64::from(*own) + 0.25 * f64::from(*x)) as f32;
        expected.data_mut().iter_mut().zip(weight.data()).for_each(follow);
    }
    let state = trainer.state();
    // (A difference that the rounding would swallow is followed by one unit.)
    for (own, expected) in state.tensors["average.dense1.weight"].data().iter().zip(expected.data()) {
        assert!((own - expected).abs() <= 3.0 * f32::EPSILON * own.abs(), "{own} {expected}");
    }
    let latents = trainer.latents(1, "z", 2);
    let drawn = trainer.draw(&latents);
    let mut plain = mnist_game(digits_tips());
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
    let told = |replay_pool, step: u64| {
        let options = TrainingOptions { replay_pool, d_learning_rate: 1e-12, ..digits_tips() };
        let mut trainer =
            mnist::trainer(&mnist::Settings { dropout: 0.0, ..digits(options) }, 11).expect("good settings");
        let mut last = 0.0;
        for step in 0..=step {
            let latents = trainer.latents(step, "z", 4);
            last = trainer.train_discriminator(step, &images([28, 1], 4), &latents).expect("finite").fake;
        }
        last
    };
    assert_eq!(told(12, 2), told(0, 2), "the first 12 come back unchanged");
    assert!((3..8).any(|step| told(12, step) != told(0, step)));
}

#[test]
fn spectral_norms_bound_the_discriminator() {
    let options = TrainingOptions { spectral_norm: true, ..digits_tips() };
    let mut trainer = mnist_game(options);
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
    assert_eq!(before, between, "a frozen walk leaves it");
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
    let sphere = mnist_game(TrainingOptions { latent_kind: LatentKind::Sphere, ..digits_tips() });
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
fn what_is_worth_a_remark_is_told() {
    let remarks = |trainer: GanTrainer| {
        trainer.remarks().iter().map(|remark| format!("{} {:?}\n", remark.text, remark.remedies)).collect::<String>()
    };
    assert_eq!(remarks(mnist_game(digits_tips())), "");
    assert!(remarks(dcgan_game(TrainingOptions::default())).contains("batches of 4"));
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
    assert!(remarks(mnist_game(TrainingOptions { k: 2, g_steps: 2, ..digits_tips() })).contains("g_steps = 2"));
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

/// Five critic turns a step, each told with its penalty; the loss is what it is made of.
#[test]
fn a_critic_tells_its_distance_and_its_slope() {
    let mut trainer = small_wgan(|_| {});
    assert_eq!(trainer.batch_size(), 40);
    let told = trainer.step(0, &[images([28, 1], 40)]).expect("finite");
    assert_eq!(updates(&trainer), [5, 1]);
    assert!((told["w_distance"] - (told["d_real"] - told["d_fake"])).abs() < 1e-9);
    assert!((told["d_loss"] - (told["penalty"] - told["w_distance"])).abs() < 1e-5, "{told:?}");
    // By Jensen's inequality the mean of the squares is at least the square of the mean.
    assert!(
        told["penalty"] >= 10.0 * (told["gradient_norm"] - 1.0).powi(2) - 1e-6 && told["penalty"] > 0.0,
        "{told:?}"
    );
}

/// A convolution by its reals and its fakes costs 3 kernels a side, one less in the first layer: nobody asks for the gradient by the
/// images. The penalty adds a walk forward, the images' gradient, and for each of these products two partial derivatives, but no
/// second derivative of a leaky ReLU and no weight gradient before the loss is known.
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

/// After some turns the critic's slope between reals and fakes is about 1.
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

/// R1 wants a flat discriminator on reals, whatever the loss.
#[test]
fn r1_flattens_the_discriminator_on_reals() {
    let play = |r1: f64| {
        let mut trainer = small_wgan(|options| {
            *options =
                TrainingOptions { loss: Loss::Nonsaturating, r1, d_learning_rate: 2e-3, ..TrainingOptions::default() };
        });
        let (reals, latents) = (images([28, 1], 8), trainer.latents(1, "a turn", 8));
        let told = (0..60).map(|turn| trainer.train_discriminator(turn, &reals, &latents).expect("finite"));
        told.last().expect("turns").gradient_norm
    };
    let [weak, strong] = [1e-6, 1.0].map(play);
    assert!(strong < 0.3 * weak, "{strong} and {weak}");
}

/// Reals and fakes may share a batch or have an update each: the penalty looks at the same images, and the first step is told the same
/// number.
#[test]
fn a_penalty_is_possible_in_every_way_of_batching() {
    let settings = |d_batches, r1, gradient_penalty| mnist::Settings {
        dropout: 0.0,
        ..digits(TrainingOptions { d_batches, r1, gradient_penalty, fake_is_one: true, ..TrainingOptions::default() })
    };
    for (r1, gradient_penalty) in [(10.0, 0.0), (0.0, 10.0)] {
        let told = [Batches::Separate, Batches::Mixed, Batches::TwoUpdates].map(|d_batches| {
            let mut trainer = mnist::trainer(&settings(d_batches, r1, gradient_penalty), 11).expect("good settings");
            let before = trainer.state();
            let told = trainer.step(0, &[images([28, 1], 4)]).expect("finite");
            let changed = |name: &str| trainer.state().tensors[name] != before.tensors[name];
            assert!(changed("discriminator.dense1.weight"), "{d_batches:?}");
            [told["penalty"], told["gradient_norm"]]
        });
        assert!(told[0][0] > 0.0 && told == [told[0]; 3], "{told:?}");
    }
}
