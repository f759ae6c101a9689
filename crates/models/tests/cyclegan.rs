//! The cyclegan system follows its specification: sizes, shapes, the order of a step, its schedule
//! and its random choices.

use models::cyclegan::networks::{discriminator, generator};
use models::cyclegan::{CycleGan, Settings, Upsample, Variant};
use models::{Direction, Sampler, Settings as _, System};
use nn::losses::least_squares;
use nn::{Network, State, TensorKind};
use tensor::{Tensor, Var};

fn small() -> Settings {
    Settings {
        size: 32,
        blocks: 1,
        generator_width: 2,
        discriminator_width: 2,
        pool: 3,
        epoch: 2,
        ..Settings::default()
    }
}

fn course() -> Settings {
    Settings { batch: 2, size: 32, blocks: 1, generator_width: 2, discriminator_width: 2, ..preset("course") }
}

fn preset(name: &str) -> Settings {
    Settings::preset(name).expect("a preset")
}

fn reals(step: u64, settings: &Settings) -> [Tensor; 2] {
    let shape = [settings.batch, settings.size, settings.size, 3];
    ["a", "b"].map(|name| nn::init::uniform(&shape, 0.0, 1.0, kernels::Key::named(1, name).at(step as u32)))
}

fn system(settings: &Settings) -> CycleGan {
    CycleGan::new(settings.clone(), 11).expect("good settings")
}

/// The bits of a state's tensors whose names begin with `prefix`.
fn bits(state: &State, prefix: &str) -> Vec<u32> {
    let chosen = state.tensors.iter().filter(|(name, _)| name.starts_with(prefix));
    chosen.flat_map(|(_, tensor)| tensor.data().iter().map(|x| x.to_bits())).collect()
}

#[test]
fn the_totals_are_the_published_ones() {
    let count = |network: Network| network.count(TensorKind::Parameter);
    let of_generator = |settings: &Settings| count(generator(settings, "g", 1));
    let official = Settings { size: 64, ..preset("original") };
    for (blocks, generator_width, total) in
        [(9, 64, 11_378_179), (6, 64, 7_837_699), (6, 32, 1_965_059), (6, 16, 494_083)]
    {
        let settings = Settings { blocks, generator_width, ..official.clone() };
        assert_eq!(of_generator(&settings), total);
        // A resized convolution has as many weights as a transposed one.
        assert_eq!(of_generator(&Settings { upsample: Upsample::ResizeConv, ..settings }), total);
    }
    assert_eq!(of_generator(&preset("cpu")), 494_083);
    assert_eq!(count(discriminator(&official, "d", 1)), 2_764_737);
    assert_eq!(count(discriminator(&preset("cpu"), "d", 1)), 694_241);
    assert_eq!(of_generator(&preset("course")), 8_402_176);
    assert_eq!(count(discriminator(&preset("course"), "d", 1)), 2_765_568);
}

#[test]
fn outputs_are_maps_of_patches() {
    let map = |settings: &Settings| discriminator(settings, "d", 1).output_shape().to_vec();
    for (size, side) in [(256, 30), (128, 14), (64, 6)] {
        assert_eq!(map(&Settings { size, ..preset("cpu") }), [side, side, 1]);
    }
    assert_eq!(map(&preset("course")), [7, 7, 1]);
    for settings in [preset("original"), preset("course"), Settings { upsample: Upsample::ResizeConv, ..small() }] {
        let settings = Settings { generator_width: 2, ..settings };
        assert_eq!(generator(&settings, "g", 1).output_shape(), [settings.size, settings.size, 3]);
    }
    let summary = generator(&preset("cpu"), "g", 1).summary();
    assert!(
        summary.lines().any(|line| line.starts_with("res6 ") && line.ends_with("16x16x64      73,856")),
        "{summary}"
    );
}

#[test]
fn weights_start_as_the_authors_do() {
    let network = generator(&preset("cpu"), "g", 1);
    for (name, _, tensor) in network.tensors() {
        let size = tensor.size() as f32;
        let deviation = (tensor.data().iter().map(|x| x * x).sum::<f32>() / size).sqrt();
        let wanted = if name.ends_with("bias") { 0.0 } else { 0.02 };
        assert!((deviation - wanted).abs() <= 4.0 * wanted / (2.0 * size).sqrt(), "{name}: {deviation}");
    }
}

/// The values that the course's own tests use.
#[test]
fn the_contract_of_the_course_holds() {
    let logits = Var::constant(Tensor::full([1], -0.8577_f32));
    assert!((least_squares(&logits, 1.0).item() - 3.451_049_3).abs() < 1e-6);
    let logits = Var::constant(Tensor::full([1], 0.8577_f32));
    assert!((least_squares(&logits, 0.0).item() - 0.735_649_3).abs() < 1e-6);
}

#[test]
fn the_schedule_is_constant_then_linear() {
    let factor = |n| Settings::default().learning_rate_factor(n);
    for (n, wanted) in [(1, 1.0), (100, 1.0), (101, 0.990_099), (150, 0.504_950), (200, 0.009_901), (500, 0.009_901)] {
        assert!((factor(n) - wanted).abs() < 5e-7, "epoch {n}: {}", factor(n));
    }
}

/// The learning rate is that of the step's epoch, also after a resume; it bounds the size of Adam's
/// updates.
#[test]
fn an_update_follows_the_schedule() {
    let settings = Settings { epoch: 1, constant: 1, decay: 9, ..small() };
    let mut system = system(&settings);
    let largest = |before: &State, after: &State| {
        let weight = "generator_ab.conv1.weight";
        let pairs = before.tensors[weight].data().iter().zip(after.tensors[weight].data());
        pairs.fold(0f32, |largest, (a, b)| largest.max((a - b).abs()))
    };
    let start = system.state();
    system.step(0, &reals(0, &settings)).expect("finite");
    let full = largest(&start, &system.state());
    assert!((full - 2e-4).abs() < 1e-6, "the first update is the step size: {full}");
    system.restore(&start).expect("its own state");
    system.step(9, &reals(0, &settings)).expect("finite");
    let late = largest(&start, &system.state());
    assert!((late - 2e-5).abs() < 1e-7, "nine epochs on a tenth is left: {late}");
}

/// All weights, running statistics and optimisers of the updated side change, and none of the other
/// side, though it runs in training mode (the course's networks have running statistics).
#[test]
fn each_half_of_a_step_leaves_the_other_side_alone() {
    for settings in [small(), course()] {
        let mut system = system(&settings);
        let reals = reals(0, &settings).map(|images| Var::constant(images).affine(2.0, -1.0));
        let sides = [
            ["generator_ab", "generator_ba", "optimizer.generator"],
            ["discriminator_a", "discriminator_b", "optimizer.discriminator"],
        ];
        let check = |before: &State, after: &State, [learns, stays]: [[&str; 3]; 2]| {
            learns.iter().for_each(|prefix| assert_ne!(bits(before, prefix), bits(after, prefix), "{prefix} learns"));
            stays.iter().for_each(|prefix| assert_eq!(bits(before, prefix), bits(after, prefix), "{prefix} stays"));
            let updates = |state: &State, side: &str| state.counters[&format!("{side}s.updates")];
            assert_eq!(updates(after, learns[2]), updates(before, learns[2]) + 1, "one update for both networks");
            assert_eq!(updates(after, stays[2]), updates(before, stays[2]));
        };
        let start = system.state();
        let found = system.train_generators(0, &reals).expect("finite");
        let between = system.state();
        check(&start, &between, sides);
        assert_eq!(found.identity == [0.0; 2], settings.identity == 0.0);
        system.train_discriminators(0, &reals, found.fakes).expect("finite");
        check(&between, &system.state(), [sides[1], sides[0]]);
    }
}

/// The two variants differ in which networks are updated first.
#[test]
fn the_authors_generators_learn_first_and_the_courses_discriminators() {
    // If the discriminators are updated first, the generators' first adversarial loss depends on
    // that update.
    for (settings, first) in [(small(), true), (Settings { variant: Variant::Course, ..small() }, false)] {
        let adversarial = |learning_rate: f64| {
            let settings = Settings { learning_rate, ..settings.clone() };
            system(&settings).step(0, &reals(0, &settings)).expect("finite")["g_a_loss"]
        };
        assert_eq!(adversarial(1e-12) == adversarial(1e-2), first, "{:?}", settings.variant);
    }
}

#[test]
fn n_and_n_steps_are_two_n_steps() {
    for settings in [small(), course()] {
        let run = |system: &mut CycleGan, steps: core::ops::Range<u64>| {
            steps.map(|step| system.step(step, &reals(step, &settings)).expect("finite")).collect::<Vec<_>>()
        };
        let mut whole = system(&settings);
        let values = run(&mut whole, 0..12);
        let mut first = system(&settings);
        run(&mut first, 0..6);
        let saved = first.state();
        assert_eq!(saved.counters.contains_key("pool_a.filled"), settings.pool > 0);
        let mut second = CycleGan::new(settings.clone(), 11).expect("good settings");
        second.restore(&saved).expect("its own state");
        let rest = run(&mut second, 6..12);
        assert_eq!(rest, values[values.len() / 2..]);
        assert_eq!(bits(&second.state(), ""), bits(&whole.state(), ""));
    }
}

#[test]
fn every_place_of_the_larger_domain_comes_once_a_round() {
    let system = system(&Settings { batch: 3, ..small() });
    let steps = (0..10).map(|step| system.batch(step, &[4, 15]));
    let (a, b): (Vec<_>, Vec<_>) = steps.map(|both| (both[0].clone(), both[1].clone())).unzip();
    let (a, b) = (a.concat(), b.concat());
    for round in a.chunks(15) {
        let count = |i: usize| round.iter().filter(|chosen| **chosen == i).count();
        assert_eq!([0, 1, 2, 3].map(count), [4, 4, 4, 3]);
    }
    assert_ne!(a[..15], a[15..], "another order each round");
    assert!(b.iter().all(|chosen| *chosen < 15));
    let different = (0..15).filter(|i| b.contains(i)).count();
    assert!((8..15).contains(&different), "30 draws with replacement show {different} of 15");
}

#[test]
fn a_translation_does_not_depend_on_its_neighbours() {
    for settings in [small(), course()] {
        let system = system(&settings);
        let Sampler::Images(sampler) = system.samples() else { panic!("it translates pictures") };
        let [one, other] = reals(0, &Settings { batch: 1, ..settings });
        let both = sampler.translate(Direction::AToB, &one.concat(&other));
        assert_eq!(both, sampler.translate(Direction::AToB, &one).concat(&sampler.translate(Direction::AToB, &other)));
        assert!(both.data().iter().all(|x| (0.0..=1.0).contains(x)));
        assert_ne!(both, sampler.translate(Direction::BToA, &one.concat(&other)));
    }
}

#[test]
fn bad_settings_are_named() {
    let key = |settings: Settings| CycleGan::new(settings, 1).map(|_| ()).expect_err("a bad setting").key;
    assert_eq!(key(Settings { size: 66, ..small() }), "size");
    assert_eq!(key(Settings { size: 36, ..course() }), "size");
    assert_eq!(key(Settings { size: 28, ..small() }), "size");
    assert_eq!(key(Settings { blocks: 0, ..small() }), "blocks");
    assert_eq!(key(Settings { cycle: -1.0, ..small() }), "cycle");
    assert_eq!(key(Settings { upsample: Upsample::ResizeConv, ..course() }), "upsample");
}

#[test]
fn each_domain_has_its_discriminator() {
    let (settings, system) = (small(), system(&small()));
    let [pictures, _] = reals(0, &settings);
    let symmetric = Var::constant(pictures.clone()).affine(2.0, -1.0).into_value();
    for domain in [0, 1] {
        let scores = system.discriminate(domain, &Var::constant(pictures.clone())).expect("a domain");
        assert_eq!(scores.into_value(), system.discriminators[domain].infer(&symmetric));
    }
    assert!(system.discriminate(2, &Var::constant(pictures)).is_none());
}

/// The weights do not depend on the size of the images, so a translation is the same as that of a
/// system that was made for the size.
#[test]
fn images_of_other_sizes_are_translated_as_by_networks_of_that_size() {
    let resized = Settings { upsample: Upsample::ResizeConv, ..small() };
    for settings in [small(), resized, course()] {
        let translated = |size: usize, image: &Tensor| {
            let system = system(&Settings { size, ..settings.clone() });
            let Sampler::Images(sampler) = system.samples() else { panic!("it translates pictures") };
            (sampler.translate(Direction::BToA, image), sampler.sides().expect("networks of convolutions"))
        };
        let image = nn::init::uniform(&[1, 64, 64, 3], 0.0, 1.0, kernels::Key::named(1, "an image"));
        let (found, sides) = translated(32, &image);
        assert_eq!(found, translated(64, &image).0);
        assert_eq!([1, 8, 9].map(|side| sides.at_least(side)), [8, 8, 8 + sides.multiple]);
        for [height, width] in [[sides.least, sides.least], [sides.at_least(9), 5 * sides.multiple]] {
            let shape = [2, height, width, 3];
            assert_eq!(translated(32, &Tensor::zeros(shape)).0.shape().to_vec(), shape);
        }
    }
}

#[test]
#[should_panic(expected = "generator_ab: a batch of shape [1, 32, 32, 1], not of images like [32, 32, 3]")]
fn an_image_needs_the_channels_of_the_training_images() {
    let system = system(&small());
    let Sampler::Images(sampler) = system.samples() else { panic!("it translates pictures") };
    sampler.translate(Direction::AToB, &Tensor::zeros([1, 32, 32, 1]));
}
