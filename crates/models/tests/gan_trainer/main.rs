//! The shared trainer: order, modes and counts of a step. [`options`] tests the effect of each
//! option on it, [`penalties`] the gradient penalties.

mod additions;
mod options;
mod penalties;

use models::trainer::common::InstanceNoise;
use models::trainer::gan::GanTrainer;
use models::trainer::options::{Batches, TrainingOptions};
use models::{FromLatents, Sampler, System, cifar, dcgan, faces, folder, mnist, vanilla, wgan_gp};
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

/// All systems with this trainer, with small settings.
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

/// All options that keep a state between steps.
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

/// In the CIFAR-10 example the label 1 means fake and 0 real: the discriminator's outputs are
/// higher for fakes.
#[test]
fn fakes_have_the_label_1_in_cifar() {
    let mut settings = cifar::Settings { batch: 8, first: 2, width: 2, d_width: 8, ..Default::default() };
    settings.options.common.d_dropout = 0.0;
    let mut trainer = cifar::trainer(&settings, 1).expect("good settings");
    let reals = images([32, 3], 8);
    let report: Vec<_> =
        (0..12).map(|step| trainer.step(step, std::slice::from_ref(&reals)).expect("finite")).collect();
    let last = report.last().expect("steps");
    assert!(last["d_real"] > last["d_fake"] + 0.1, "it finds the reals more real than the fakes: {last:?}");
    let logits = trainer.discriminator.infer(&reals.clone());
    assert!(logits.data().iter().all(|x| *x < 0.0), "and says so with negative logits: {logits:?}");
}
