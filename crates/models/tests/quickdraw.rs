//! The quickdraw system follows its specification: sizes, shapes, the modes of a step, and its
//! random choices.

use models::quickdraw::{Bce, BnRunning, Quickdraw, Settings, discriminator, generator};
use models::{FromLatents, Settings as _, StepError, System};
use nn::losses::bce_with_logits;
use nn::{ForwardContext, Network, RngContext, State, TensorKind, differentiate};
use tensor::{Tensor, Var};

fn small() -> Settings {
    Settings { batch: 4, depth: 4, ..Settings::default() }
}

fn system() -> Quickdraw {
    Quickdraw::new(small(), 11).expect("good settings")
}

fn reals() -> Tensor {
    nn::init::uniform(&[4, 28, 28, 1], 0.0, 1.0, kernels::Key::named(1, "reals"))
}

/// The tensors of `state` whose names `chosen` accepts, as bits.
fn bits(state: &State, chosen: impl Fn(&str) -> bool) -> Vec<(String, Vec<u32>)> {
    let chosen = state.tensors.iter().filter(|(name, _)| chosen(name));
    chosen.map(|(name, tensor)| (name.clone(), tensor.data().iter().map(|x| x.to_bits()).collect())).collect()
}

fn running(name: &str) -> bool {
    name.contains("running_")
}

fn of_generator(name: &str) -> bool {
    name.starts_with("generator.") || name.starts_with("optimizer.generator.")
}

fn of_discriminator(name: &str) -> bool {
    name.starts_with("discriminator.") || name.starts_with("optimizer.discriminator.")
}

#[test]
fn the_totals_are_the_published_ones() {
    let counts = |network: &Network| (network.count(TensorKind::Parameter), network.count(TensorKind::Buffer));
    let settings = Settings::default();
    assert_eq!(counts(&discriminator(&settings, 1)), (4_311_553, 0));
    assert_eq!(counts(&generator(&settings, 1)), (177_329, 6_384));
    let summary = generator(&settings, 1).summary();
    for line in ["Total params: 183,713", "Trainable params: 177,329", "Non-trainable params: 6,384"] {
        assert!(summary.lines().any(|found| found == line), "{summary}");
    }
    assert!(discriminator(&settings, 1).summary().contains("Total params: 4,311,553\nTrainable params: 4,311,553\n"));
    for (depth, total) in [(32, 1_080_577), (16, 271_489)] {
        assert_eq!(counts(&discriminator(&Settings { depth, ..settings.clone() }, 1)), (total, 0));
    }
}

/// Name, output and number of parameters of every layer in the summary.
fn rows(network: &Network) -> Vec<(String, String, String)> {
    let summary = network.summary();
    let words = summary.lines().map(|line| line.split_whitespace().map(String::from).collect::<Vec<_>>());
    let rows = words.filter(|words| words.len() >= 3 && words[0] != "layer" && !words[1].starts_with("params"));
    rows.map(|words| (words[0].clone(), words[words.len() - 2].clone(), words[words.len() - 1].clone())).collect()
}

#[test]
fn every_layer_has_the_specified_output_and_size() {
    let settings = Settings::default();
    let check = |network: &Network, expected: &[(&str, &str, &str)]| {
        let rows = rows(network);
        for (name, output, count) in expected {
            let row = rows.iter().find(|(found, _, _)| found == name).unwrap_or_else(|| panic!("no layer {name}"));
            assert_eq!((&*row.1, &*row.2), (*output, *count), "{name}");
        }
    };
    check(
        &discriminator(&settings, 1),
        &[
            ("conv1", "14x14x64", "1,664"),
            ("conv2", "7x7x128", "204,928"),
            ("conv3", "4x4x256", "819,456"),
            ("conv4", "4x4x512", "3,277,312"),
            ("flatten", "8192", "0"),
            ("dense", "1", "8,193"),
        ],
    );
    check(
        &generator(&settings, 1),
        &[
            ("dense", "3136", "103,488"),
            ("bn1", "3136", "12,544"),
            ("reshape", "7x7x64", "0"),
            ("up1", "14x14x64", "0"),
            ("convt1", "14x14x32", "51,232"),
            ("bn2", "14x14x32", "128"),
            ("up2", "28x28x32", "0"),
            ("convt2", "28x28x16", "12,816"),
            ("bn3", "28x28x16", "64"),
            ("convt3", "28x28x8", "3,208"),
            ("bn4", "28x28x8", "32"),
            ("conv", "28x28x1", "201"),
        ],
    );
}

#[test]
fn the_discriminator_step_leaves_the_generator_alone() {
    let mut system = system();
    let before = system.state();
    system.train_discriminator(0, &reals(), &system.latents(1, "z", 4)).expect("finite");
    let after = system.state();
    assert_eq!(bits(&before, of_generator), bits(&after, of_generator), "weights, running statistics, optimiser");
    assert_eq!(after.counters["optimizer.generator.updates"], 0);
    let changed = bits(&before, of_discriminator).into_iter().zip(bits(&after, of_discriminator));
    changed.for_each(|(old, new)| assert_ne!(old, new, "all of the discriminator learns"));
}

#[test]
fn the_generator_step_leaves_the_discriminator_alone() {
    let mut system = system();
    let before = system.state();
    system.train_generator(0, &system.latents(1, "z", 4)).expect("finite");
    let after = system.state();
    assert_eq!(bits(&before, of_discriminator), bits(&after, of_discriminator));
    assert_eq!(after.counters["optimizer.discriminator.updates"], 0);
    let changed = bits(&before, of_generator).into_iter().zip(bits(&after, of_generator));
    changed.for_each(|(old, new)| assert_ne!(old, new, "all of the generator learns"));
}

#[test]
fn the_running_statistics_move_once_per_step_by_the_generators_own_batch() {
    let mut system = system();
    let before = system.state();
    let latents = Var::constant(system.latents(1, "z", 4));
    // The statistics of one training pass, computed separately.
    let draw = RngContext { seed: 11, step: 3, purpose: "generator step" };
    let (apart, ()) =
        differentiate(draw, |ctx: &mut ForwardContext| (system.generator.forward(ctx, &latents).sum(), ()))
            .expect("finite");
    assert_eq!(bits(&before, running), bits(&system.state(), running), "a pass alone changes nothing");
    system.train_generator(3, latents.value()).expect("finite");
    let after = system.state();
    assert_eq!(apart.buffers.len(), 8);
    for (name, value) in &apart.buffers {
        assert_eq!(&after.tensors[name], value, "{name}");
        assert_ne!(&after.tensors[name], &before.tensors[name], "{name}");
    }
    system.draw(latents.value());
    assert_eq!(bits(&after, running), bits(&system.state(), running), "drawing changes nothing");
}

#[test]
fn the_discriminator_sees_fakes_made_in_inference() {
    let mut system = Quickdraw::new(Settings { dropout: 0.0, ..small() }, 11).expect("good settings");
    let latents = system.latents(1, "z", 4);
    let labels = Tensor::full([4, 1], 1.0).concat(&Tensor::zeros([4, 1]));
    let loss = |fakes: &Tensor| {
        let logits = Var::constant(system.discriminator.infer(&reals().concat(fakes)));
        f64::from(bce_with_logits(&logits, &labels).item())
    };
    let training = |latents: &Tensor| {
        let latents = Var::constant(latents.clone());
        let forward = |ctx: &mut ForwardContext| {
            let fakes = system.generator.forward(ctx, &latents);
            (fakes.sum(), fakes.into_value())
        };
        differentiate(RngContext { seed: 11, step: 0, purpose: "test" }, forward).expect("finite").1
    };
    let (inferred, trained) = (loss(&system.generator.infer(&latents)), loss(&training(&latents)));
    assert_ne!(inferred, trained, "the two modes differ");
    let [step, ..] = system.train_discriminator(0, &reals(), &latents).expect("finite");
    assert_eq!(step, inferred);
}

#[test]
fn the_mean_outputs_are_probabilities_of_reals_and_of_fakes() {
    let mut system = Quickdraw::new(Settings { dropout: 0.0, ..small() }, 11).expect("good settings");
    let latents = system.latents(1, "z", 4);
    let mean = |images: &Tensor| {
        let logits = system.discriminate(0, &Var::constant(images.clone())).expect("of images");
        f64::from(logits.sigmoid().mean().item())
    };
    let expected = [mean(&reals()), mean(&system.generator.infer(&latents))];
    let [_, _, real, fake] = system.train_discriminator(0, &reals(), &latents).expect("finite");
    assert!((real - expected[0]).abs() < 1e-6 && (fake - expected[1]).abs() < 1e-6, "{real} {fake} {expected:?}");
    assert!((real - fake).abs() > 1e-4, "they differ: {real} {fake}");
}

#[test]
fn each_network_has_its_dropout_rate_and_samples_can_drop() {
    let mut settings = Settings { dropout: 0.4, g_dropout: 0.25, ..small() };
    settings.common.d_dropout = 0.1;
    let rates = |settings: &Settings| {
        [discriminator(settings, 1), generator(settings, 1)].map(|network| {
            let summary = network.summary();
            ["Dropout 0.1", "Dropout 0.25", "Dropout 0.4"].map(|rate| summary.matches(rate).count())
        })
    };
    assert_eq!(rates(&settings), [[4, 0, 0], [0, 1, 0]]);
    assert_eq!(rates(&small()), [[0, 0, 4], [0, 0, 1]], "where nothing is said");
    let dropping = |ema| {
        let settings = Settings { g_dropout_at_sampling: true, ema, ..settings.clone() };
        Quickdraw::new(settings, 11).expect("good settings")
    };
    let plain = Quickdraw::new(settings.clone(), 11).expect("good settings");
    let latents = plain.latents(1, "z", 3);
    let images = dropping(0.0).draw(&latents);
    assert_ne!(images, plain.draw(&latents));
    assert_eq!(images.rows(1..3), dropping(0.0).draw(&latents.rows(1..3)), "in any batch");
    assert_eq!(dropping(0.9).draw_raw(&latents).expect("beside the average"), images);
    let nothing = Settings { g_dropout: 0.0, g_dropout_at_sampling: true, ..small() };
    assert_eq!(Quickdraw::new(nothing, 11).err().expect("nothing to drop").key, "g_dropout_at_sampling");
}

#[test]
fn dropout_is_active_in_both_steps_with_fresh_masks() {
    let latents = system().latents(1, "z", 4);
    let losses = |dropout: f64| {
        let new = || Quickdraw::new(Settings { dropout, ..small() }, 11).expect("good settings");
        let step = |step: u64| {
            let [d, ..] = new().train_discriminator(step, &reals(), &latents).expect("finite");
            let [g, _] = new().train_generator(step, &latents).expect("finite");
            (d, g)
        };
        (step(0), step(1))
    };
    let (first, second) = losses(0.0);
    assert_eq!(first, second, "without dropout the step's number changes nothing");
    let (first, second) = losses(0.4);
    assert!(first.0 != second.0 && first.1 != second.1, "{first:?} {second:?}");
}

#[test]
fn a_step_returns_the_values_before_its_updates() {
    let mut system = system();
    let metrics = system.step(0, &[reals()]).expect("finite");
    assert_eq!(metrics.values().len(), system.metrics().len());
    // The logits of fresh networks are near 0, so the losses start near log 2.
    let ln2 = core::f64::consts::LN_2;
    assert!((metrics["d_loss"] - ln2).abs() < 0.1 && (metrics["g_loss"] - ln2).abs() < 0.2, "{metrics:?}");
    assert!((0.0..=1.0).contains(&metrics["d_acc"]) && (0.0..=1.0).contains(&metrics["g_acc"]));
    let counters = system.state().counters;
    assert_eq!(counters["optimizer.discriminator.updates"], 1);
    assert_eq!(counters["optimizer.generator.updates"], 1);
}

#[test]
fn a_batch_is_of_distinct_images_that_differ_by_step() {
    let system = system();
    let mut batches = Vec::new();
    for step in 0..20 {
        let batch = system.batch(step, &[50]).remove(0);
        assert_eq!(batch, system.batch(step, &[50])[0], "the same step, the same images");
        let mut sorted = batch.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert!(sorted.len() == 4 && sorted[3] < 50, "{batch:?}");
        batches.push(batch);
    }
    let distinct: std::collections::BTreeSet<_> = batches.iter().collect();
    assert_eq!(distinct.len(), 20);
    let other = Quickdraw::new(small(), 12).expect("good settings");
    assert_ne!(batches[0], other.batch(0, &[50])[0], "another seed, other images");
    let mut all = system.batch(0, &[4]).remove(0);
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
}

#[test]
fn more_latents_begin_with_the_fewer() {
    let system = system();
    let (few, many) = (system.latents(7, "samples", 3), system.latents(7, "samples", 16));
    assert_eq!(**many.shape(), [16, 32]);
    assert_eq!(few.data(), &many.data()[..3 * 32]);
    assert!(many.data().iter().all(|z| (-1.0..1.0).contains(z)));
    assert_ne!(many, system.latents(8, "samples", 16));
    assert_ne!(many, system.latents(7, "other", 16));
}

#[test]
fn the_drawing_of_a_latent_does_not_depend_on_its_neighbours() {
    let system = system();
    let latents = system.latents(7, "samples", 5);
    let together = system.draw(&latents);
    assert_eq!(**together.shape(), [5, 28, 28, 1]);
    assert!(together.data().iter().all(|ink| (0.0..=1.0).contains(ink)));
    let alone = system.draw(&Tensor::new(&[1, 32], latents.data()[64..96].to_vec()));
    assert_eq!(alone.data(), &together.data()[2 * 784..3 * 784]);
}

#[test]
fn a_restored_system_goes_on_to_the_same_bits() {
    for settings in [small(), Settings { bn_running: BnRunning::EmaDebiased, bce: Bce::KerasClip, ..small() }] {
        let new = || Quickdraw::new(settings.clone(), 11).expect("good settings");
        let mut first = new();
        for step in 0..2 {
            first.step(step, &[reals()]).expect("finite");
        }
        let mut second = new();
        second.restore(&first.state()).expect("the same system");
        assert_eq!(bits(&first.state(), |_| true), bits(&second.state(), |_| true));
        let metrics = [&mut first, &mut second].map(|system| system.step(2, &[reals()]).expect("finite"));
        assert_eq!(metrics[0], metrics[1]);
        assert_eq!(bits(&first.state(), |_| true), bits(&second.state(), |_| true));
        assert_eq!(first.state().counters, second.state().counters);
    }
}

#[test]
fn a_state_of_another_system_is_refused_whole() {
    let mut system = system();
    let before = system.state();
    let other = Quickdraw::new(Settings { depth: 5, ..small() }, 1).expect("good settings").state();
    let error = system.restore(&other).expect_err("another depth").to_string();
    assert!(error.contains("discriminator.conv1.weight has shape [5, 5, 1, 5], not [5, 5, 1, 4]"), "{error}");
    let mut lacking = before.clone();
    lacking.tensors.remove("generator.bn1.running_mean");
    let error = system.restore(&lacking).expect_err("a missing tensor").to_string();
    assert_eq!(error, "missing: generator.bn1.running_mean");
    assert_eq!(bits(&before, |_| true), bits(&system.state(), |_| true), "nothing is changed");
}

/// The operation and the value that an error names.
fn at(error: &StepError) -> (&str, &str) {
    let StepError::NonFinite(found) = error else { panic!("{error}") };
    (found.op, &found.what)
}

#[test]
fn a_bad_weight_stops_the_step_and_nothing_is_updated() {
    let mut system = system();
    let mut state = system.state();
    state.tensors.get_mut("discriminator.conv2.weight").expect("a weight").data_mut()[17] = f32::NAN;
    system.restore(&state).expect("the same names");
    let before = bits(&system.state(), |_| true);
    let error = system.step(0, &[reals()]).expect_err("a NaN");
    assert_eq!(at(&error), ("variable", "discriminator.conv2.weight"));
    // In the generator's update the weight is frozen, so it is not a variable.
    let error = system.train_generator(0, &system.latents(1, "z", 4)).expect_err("a NaN");
    assert_eq!(at(&error), ("conv2d", "the value of `discriminator.conv2`"));
    assert_eq!(before, bits(&system.state(), |_| true));

    // A bad weight of the generator is detected in the discriminator's first layer.
    let mut state = Quickdraw::new(small(), 11).expect("good settings").state();
    state.tensors.get_mut("generator.conv.bias").expect("a bias").data_mut()[0] = f32::NAN;
    system.restore(&state).expect("the same names");
    let error = system.step(0, &[reals()]).expect_err("a NaN");
    assert_eq!(at(&error), ("conv2d", "the value of `discriminator.conv1`"));
}

#[test]
fn both_forms_of_the_loss_agree_where_nothing_saturates() {
    let losses = [Bce::Logits, Bce::KerasClip].map(|bce| {
        let mut system = Quickdraw::new(Settings { bce, ..small() }, 11).expect("good settings");
        system.step(0, &[reals()]).expect("finite")
    });
    for (exact, clipped) in losses[0].values().iter().zip(losses[1].values()) {
        assert!((exact - clipped).abs() < 1e-4, "{losses:?}");
    }
}

#[test]
fn a_setting_out_of_range_is_named_with_its_range() {
    let cases: [(&str, Settings, &str); 16] = [
        ("batch", Settings { batch: 1, ..small() }, "1 is not in the allowed range 2 to 4096"),
        ("batch", Settings { batch: 5000, ..small() }, "5000 is not in the allowed range 2 to 4096"),
        ("latent", Settings { latent: 0, ..small() }, "0 is not in the allowed range 1 to 4096"),
        ("depth", Settings { depth: 0, ..small() }, "0 is not in the allowed range 1 to 256"),
        ("dropout", Settings { dropout: 1.0, ..small() }, "1 is not in the allowed range 0 to 0.95"),
        ("dropout", Settings { dropout: -0.1, ..small() }, "-0.1 is not in the allowed range 0 to 0.95"),
        ("dropout", Settings { dropout: f64::NAN, ..small() }, "NaN is not in the allowed range 0 to 0.95"),
        ("d_learning_rate", Settings { d_learning_rate: 0.0, ..small() }, "to 10"),
        ("g_learning_rate", Settings { g_learning_rate: 11.0, ..small() }, "11 is not in the allowed range"),
        ("d_decay", Settings { d_decay: -1.0, ..small() }, "-1 is not in the allowed range 0 to 1"),
        ("g_decay", Settings { g_decay: 2.0, ..small() }, "2 is not in the allowed range 0 to 1"),
        ("clip", Settings { clip: 0.0, ..small() }, "0 is not in the allowed range 1e-12 to 1e12"),
        ("clip", Settings { clip: 1e30, ..small() }, "1e30 is not in the allowed range 1e-12 to 1e12"),
        ("clip", Settings { clip: -2e-7, ..small() }, "-2e-7 is not in the allowed range 1e-12 to 1e12"),
        ("bn_momentum", Settings { bn_momentum: 1.0, ..small() }, "1 is not in the allowed range 0 to 0.999999"),
        ("bn_momentum", Settings { bn_momentum: f64::INFINITY, ..small() }, "inf is not in the allowed range"),
    ];
    for (key, settings, why) in cases {
        let error = Quickdraw::new(settings, 1).map(|_| ()).expect_err(key);
        assert_eq!(error.key, key);
        assert!(error.to_string().starts_with(&format!("{key}: ")) && error.why.contains(why), "{error}");
    }
    for preset in ["original", "cpu"] {
        Settings::preset(preset).expect(preset).check().expect("a preset is in range");
    }
    assert!(Settings::preset("other").is_none());
}
