//! The shards of a batch: the result of a step depends on their number, and never on how many ranks
//! share them.

use std::sync::Arc;

use kernels::Key;
use models::cyclegan::{CycleGan, Variant};
use models::stylegan2::StyleGan2;
use models::trainer::common::ShardNorm;
use models::trainer::diff_augment::Augment;
use models::trainer::options::{Batches, DiscriminatorNorm};
use models::{Settings, System, cyclegan, dcgan, progan, quickdraw, stylegan, stylegan2, wgan_gp};
use nn::{State, on_ranks};
use tensor::Tensor;

/// Builds a system.
type Build<'a> = &'a (dyn Fn() -> Box<dyn System> + Sync);

/// The images with these indices.
fn images(system: &dyn System, domain: usize, indices: &[usize]) -> Tensor {
    let [h, w, c] = system.image_shape().expect("a system of images");
    let image = |index: &usize| {
        nn::init::uniform(&[1, h, w, c], 0.0, 1.0, Key::named(domain as u64, "images").at(*index as u32))
    };
    indices.iter().map(image).reduce(|all, image| all.concat(&image)).expect("a batch")
}

/// Trains some steps, and returns their metrics.
fn train(system: &mut dyn System, steps: core::ops::Range<u64>) -> Vec<Vec<f64>> {
    let steps = steps.map(|step| {
        let indices = system.batch(step, &[40, 50]);
        let reals: Vec<Tensor> =
            indices.iter().enumerate().map(|(domain, indices)| images(system, domain, indices)).collect();
        system.step(step, &reals).expect("finite").values().to_vec()
    });
    steps.collect()
}

/// The states and the metrics of all ranks after these steps, from the state `before` on.
fn train_on(
    ranks: usize,
    build: Build<'_>,
    before: Option<&State>,
    steps: &core::ops::Range<u64>,
) -> Vec<(State, Vec<Vec<f64>>)> {
    on_ranks(ranks, |rank| {
        let mut system = build();
        before.into_iter().for_each(|state| system.restore(state).expect("the same system"));
        system.share(Arc::new(rank)).expect("ranks that divide the shards");
        let metrics = train(&mut *system, steps.clone());
        (system.state(), metrics)
    })
}

/// Compares the ranks with one process, from start to end, and resumed from it at the middle.
fn ranks_agree(build: Build<'_>, ranks: &[usize], [middle, end]: [u64; 2]) {
    let mut alone = build();
    let first = train(&mut *alone, 0..middle);
    let half = alone.state();
    let metrics = [first, train(&mut *alone, middle..end)].concat();
    let state = alone.state();
    for &ranks in ranks {
        for (rank, found) in train_on(ranks, build, None, &(0..end)).iter().enumerate() {
            assert!(found.0 == state, "state of rank {rank} of {ranks}: {:?}", differs(&found.0, &state));
            assert_eq!(found.1, metrics, "metrics of rank {rank} of {ranks}");
        }
        for (rank, found) in train_on(ranks, build, Some(&half), &(middle..end)).iter().enumerate() {
            assert!(found.0 == state, "resumed rank {rank} of {ranks}: {:?}", differs(&found.0, &state));
        }
    }
}

fn differs(a: &State, b: &State) -> Vec<String> {
    let different = a.tensors.iter().filter(|(name, tensor)| b.tensors.get(*name) != Some(*tensor));
    different.map(|(name, _)| name.clone()).collect()
}

fn quickdraw(shards: usize, change: impl Fn(&mut quickdraw::Settings)) -> Box<dyn System> {
    let mut s = quickdraw::Settings { batch: 12, depth: 4, ..quickdraw::Settings::default() };
    s.common.shards = shards;
    change(&mut s);
    Box::new(quickdraw::Quickdraw::new(s, 3).expect("good settings"))
}

#[test]
fn quickdraw_is_the_same_on_any_number_of_ranks() {
    let everything = |s: &mut quickdraw::Settings| {
        (s.replay_pool, s.label_flip, s.noise.instance_noise, s.r1, s.ema) = (7, 0.1, 0.1, 1.0, 0.9);
        s.common.diff_augment = vec![Augment::Translation];
    };
    ranks_agree(&|| quickdraw(4, everything), &[2, 4], [2, 4]);
    ranks_agree(&|| quickdraw(6, everything), &[2, 3, 6], [1, 3]);
}

/// Settings of the preset `cpu`.
fn cpu<S: Settings>() -> S {
    S::preset("cpu").expect("a preset")
}

fn small_dcgan(shards: usize, change: impl Fn(&mut dcgan::Settings)) -> Box<dyn System> {
    let mut s = dcgan::Settings { batch: 12, width: 4, ..cpu() };
    s.options.common.shards = shards;
    change(&mut s);
    Box::new(dcgan::trainer(&s, 3).expect("good settings"))
}

#[test]
fn dcgan_is_the_same_on_any_number_of_ranks() {
    let batches = [Batches::Separate, Batches::Mixed, Batches::TwoUpdates];
    for (batches, shards, ranks) in
        batches.into_iter().zip([4, 6, 12]).zip([[2, 4], [3, 2], [12, 3]]).map(|((a, b), c)| (a, b, c))
    {
        let all = |s: &mut dcgan::Settings| {
            let o = &mut s.options;
            (o.d_batches, o.k, o.replay_pool, o.label_noise, o.ema, o.r1) = (batches, 2, 20, 0.1, 0.9, 0.0);
            if batches == Batches::TwoUpdates {
                (o.d_norm, o.r1, o.feature_matching) = (DiscriminatorNorm::Layer, 0.5, true);
            }
            (o.spectral_norm, o.g_dropout, o.common.d_dropout) = (true, 0.3, 0.3);
            (o.ada.ada, o.ada.ada_kimg) = (0.6, 0.1);
            o.common.diff_augment = vec![Augment::Color, Augment::Cutout];
        };
        ranks_agree(&|| small_dcgan(shards, all), &ranks, [1, 2]);
    }
}

#[test]
fn wgan_gp_is_the_same_on_any_number_of_ranks() {
    let build = |variant, shards| {
        let mut s = wgan_gp::Settings { variant, batch: 12, width: 4, ..cpu() };
        (s.options.common.shards, s.options.k) = (shards, 2);
        Box::new(wgan_gp::trainer(&s, 3).expect("good settings")) as Box<dyn System>
    };
    ranks_agree(&|| build(wgan_gp::Variant::Mnist, 4), &[2, 4], [1, 3]);
    // Dequantised reals, and twice as many fakes in the generator's turn.
    ranks_agree(&|| build(wgan_gp::Variant::Resnet, 6), &[3], [1, 2]);
    ranks_agree(&|| build(wgan_gp::Variant::Gauss8, 6), &[2, 3], [1, 2]);
}

#[test]
fn cyclegan_is_the_same_on_any_number_of_ranks() {
    for (variant, shards, ranks) in [(Variant::Official, 4, [2, 4]), (Variant::Course, 6, [3, 2])] {
        let build = || {
            let mut s = cyclegan::Settings { variant, batch: 12, size: 32, blocks: 1, pool: 14, ..cpu() };
            (s.generator_width, s.discriminator_width, s.common.shards) = (2, 2, shards);
            Box::new(CycleGan::new(s, 3).expect("good settings")) as Box<dyn System>
        };
        ranks_agree(&build, &ranks, [2, 4]);
    }
}

/// A growing GAN that fades in blocks after 24 images, and is grown after 48.
fn sizes(sizes: &mut models::growing::Sizes, shards: usize) {
    (sizes.size, sizes.fmap_base, sizes.fmap_max, sizes.batch) = (16, 16, 4, 24);
    (sizes.stable_kimg, sizes.fade_kimg, sizes.common.shards) = (0.096, 0.096, shards);
}

#[test]
fn growing_gans_are_the_same_on_any_number_of_ranks_across_a_border() {
    let progan = || {
        let mut s: progan::Settings = cpu();
        sizes(&mut s.sizes, 6);
        Box::new(progan::trainer(&s, 3).expect("good settings")) as Box<dyn System>
    };
    ranks_agree(&progan, &[2, 3], [4, 6]);
    let stylegan = || {
        let mut s: stylegan::Settings = cpu();
        sizes(&mut s.sizes, 2);
        Box::new(stylegan::trainer(&s, 3).expect("good settings")) as Box<dyn System>
    };
    ranks_agree(&stylegan, &[2], [3, 5]);
}

fn small_stylegan2(shards: usize, change: impl Fn(&mut stylegan2::Settings)) -> Box<dyn System> {
    let mut s = stylegan2::Settings { size: 8, fmap_base: 16, fmap_max: 4, batch: 48, ..cpu() };
    (s.r1_interval, s.path_interval, s.common.shards) = (2, 2, shards);
    change(&mut s);
    Box::new(StyleGan2::new(&s, 3).expect("good settings"))
}

#[test]
fn stylegan2_is_the_same_on_any_number_of_ranks_with_both_penalties() {
    ranks_agree(&|| small_stylegan2(4, |_| ()), &[2, 4], [1, 3]);
    ranks_agree(&|| small_stylegan2(6, |_| ()), &[3], [1, 3]);
}

/// Whether the weights of this name have another gradient in shards than in the batch: those of
/// noise maps, which are random, and of the convolution behind the deviation within groups.
fn is_random(name: &str) -> bool {
    let of_groups = ["discriminator.4x4.conv.weight", "discriminator.conv.weight"];
    name.contains("noise.weight") || of_groups.iter().any(|weight| name.contains(weight))
}

/// The first moments of Adam and the mean squares of RMSprop after a step whose learning rate is so
/// small that no weight changes: the gradients, up to a factor or squared.
fn gradients(mut system: Box<dyn System>) -> Vec<(String, Tensor)> {
    let mut state = system.state();
    for (name, weight) in &mut state.tensors {
        // The deviation within groups has no effect: it is the last input.
        if is_random(name) && name.starts_with("discriminator.") {
            let [inputs, outputs] = [2, 3].map(|axis| weight.shape()[axis]);
            let rows = weight.data_mut().chunks_exact_mut(outputs).skip(inputs - 1).step_by(inputs);
            rows.for_each(|row| row.fill(0.0));
        }
    }
    system.restore(&state).expect("the same names");
    train(&mut *system, 0..1);
    let wanted = |name: &str| name.ends_with(".mean") || name.ends_with(".mean_square");
    let moments = system.state().tensors.into_iter().filter(|(name, _)| name.starts_with("optimizer.") && wanted(name));
    moments.filter(|(name, _)| !is_random(name)).collect()
}

/// Compares the gradients of a step in shards with those of a step on the whole batch.
fn gradients_are_those_of_the_batch(
    build: impl Fn(usize) -> Box<dyn System>,
    shards: usize,
    of: &str,
    of_squares: f32,
) {
    let [whole, parts] = [1, shards].map(|shards| gradients(build(shards)));
    let largest = |x: &Tensor| x.data().iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    // A bias before a normalisation has no gradient but rounding errors.
    let least = |name: &str| {
        let slot = name.rsplit('.').next().unwrap_or_default();
        let alike = whole.iter().filter(|(name, _)| name.ends_with(slot));
        0.1 * alike.map(|(_, x)| largest(x)).fold(0.0, f32::max)
    };
    let mut compared = 0;
    for ((name, whole), (_, parts)) in whole.iter().zip(&parts).filter(|((name, _), _)| name.contains(of)) {
        let largest = largest(whole).max(least(name));
        let apart = whole.data().iter().zip(parts.data()).fold(0.0_f32, |apart, (a, b)| apart.max((a - b).abs()));
        let allowed = if name.ends_with("mean_square") { of_squares } else { 1e-5 };
        assert!(apart <= allowed * largest, "{name}: {apart:e} apart, of {largest:e}");
        compared += usize::from(largest > 0.0);
    }
    assert!(compared > 2, "{compared} gradients");
}

#[test]
fn without_batch_norm_and_dropout_shards_have_the_gradients_of_the_batch() {
    let tiny = 1e-12;
    let of_quickdraw = |shards| {
        quickdraw(shards, |s| (s.d_learning_rate, s.g_learning_rate, s.dropout, s.r1) = (tiny, tiny, 0.0, 1.0))
    };
    gradients_are_those_of_the_batch(of_quickdraw, 4, "discriminator", 1e-5);
    let of_wgan = |shards, feature_matching| {
        let mut s = wgan_gp::Settings { variant: wgan_gp::Variant::Mnist, batch: 12, width: 4, ..cpu() };
        let o = &mut s.options;
        (o.gradient_penalty, o.r1, o.label_flip, o.k) = (0.0, 1.0, 0.2, 1);
        (o.d_learning_rate, o.g_learning_rate, o.common.shards) = (tiny, tiny, shards);
        o.feature_matching = feature_matching;
        Box::new(wgan_gp::trainer(&s, 3).expect("good settings")) as Box<dyn System>
    };
    for feature_matching in [false, true] {
        gradients_are_those_of_the_batch(|shards| of_wgan(shards, feature_matching), 6, "", 1e-5);
    }
    let of_cyclegan = |shards| {
        let mut s = cyclegan::Settings { batch: 4, size: 32, blocks: 1, learning_rate: tiny, ..cpu() };
        (s.generator_width, s.discriminator_width, s.common.shards) = (2, 2, shards);
        Box::new(CycleGan::new(s, 3).expect("good settings")) as Box<dyn System>
    };
    gradients_are_those_of_the_batch(of_cyclegan, 4, "", 1e-5);
    let of_progan = |shards| {
        let mut s = progan::Settings { learning_rate: tiny, gradient_penalty: 0.0, ..cpu() };
        sizes(&mut s.sizes, shards);
        Box::new(progan::trainer(&s, 3).expect("good settings")) as Box<dyn System>
    };
    gradients_are_those_of_the_batch(of_progan, 3, "", 1e-5);
    let of_stylegan2 =
        |shards| small_stylegan2(shards, |s| (s.learning_rate, s.path_weight, s.style_mixing) = (tiny, 0.0, 0.0));
    gradients_are_those_of_the_batch(of_stylegan2, 3, "", 1e-5);
}

#[test]
fn synchronised_batch_norm_is_the_same_on_any_number_of_ranks() {
    let everything = |s: &mut quickdraw::Settings| {
        (s.replay_pool, s.label_flip, s.noise.instance_noise, s.r1, s.ema) = (7, 0.1, 0.1, 1.0, 0.9);
        s.common.batch_norm = ShardNorm::Sync;
    };
    ranks_agree(&|| quickdraw(4, everything), &[2, 4], [1, 2]);
    ranks_agree(&|| quickdraw(6, everything), &[2, 3], [1, 2]);
    // With two updates, the fakes for both are made before the first.
    let twice = |s: &mut dcgan::Settings| {
        let o = &mut s.options;
        (o.d_batches, o.replay_pool, o.common.batch_norm) = (Batches::TwoUpdates, 20, ShardNorm::Sync);
    };
    ranks_agree(&|| small_dcgan(4, twice), &[2, 4], [1, 2]);
    let cyclegan = || {
        let (variant, common) = (Variant::Course, Default::default());
        let mut s = cyclegan::Settings { variant, batch: 4, size: 32, blocks: 1, pool: 14, common, ..cpu() };
        (s.generator_width, s.discriminator_width, s.common.shards) = (2, 2, 4);
        s.common.batch_norm = ShardNorm::Sync;
        Box::new(CycleGan::new(s, 3).expect("good settings")) as Box<dyn System>
    };
    ranks_agree(&cyclegan, &[2], [1, 2]);
}

#[test]
fn with_synchronised_batch_norm_shards_have_the_gradients_of_the_batch() {
    // The moving averages of squares have twice the relative error of the gradients.
    const OF_SQUARES: f32 = 2e-5;
    let tiny = 1e-12;
    let of_quickdraw = |shards| {
        quickdraw(shards, |s| {
            (s.d_learning_rate, s.g_learning_rate, s.dropout, s.r1) = (tiny, tiny, 0.0, 1.0);
            s.common.batch_norm = ShardNorm::Sync;
        })
    };
    gradients_are_those_of_the_batch(of_quickdraw, 4, "", OF_SQUARES);
    for batches in [Batches::Separate, Batches::Mixed, Batches::TwoUpdates] {
        let of_dcgan = |shards| {
            small_dcgan(shards, |s| {
                let o = &mut s.options;
                (o.d_learning_rate, o.g_learning_rate, o.d_batches) = (tiny, tiny, batches);
                (o.common.batch_norm, o.feature_matching) = (ShardNorm::Sync, batches == Batches::Mixed);
            })
        };
        gradients_are_those_of_the_batch(of_dcgan, 3, "", OF_SQUARES);
    }
    let of_wgan = |shards| {
        let mut s = wgan_gp::Settings { variant: wgan_gp::Variant::Resnet, batch: 12, width: 4, ..cpu() };
        let o = &mut s.options;
        (o.gradient_penalty, o.r1, o.k) = (0.0, 1.0, 1);
        (o.d_learning_rate, o.g_learning_rate, o.common.shards) = (tiny, tiny, shards);
        o.common.batch_norm = ShardNorm::Sync;
        Box::new(wgan_gp::trainer(&s, 3).expect("good settings")) as Box<dyn System>
    };
    gradients_are_those_of_the_batch(of_wgan, 6, "generator", OF_SQUARES);
}

#[test]
fn a_single_shard_is_synchronised_with_itself() {
    let steps = |batch_norm| {
        let mut system = small_dcgan(1, |s| s.options.common.batch_norm = batch_norm);
        (train(&mut *system, 0..2), system.state())
    };
    assert!(steps(ShardNorm::Shard) == steps(ShardNorm::Sync));
}

#[test]
fn systems_without_batch_norm_have_nothing_to_synchronise() {
    let refused = |error: Option<models::SettingsError>| {
        let error = error.expect("refused");
        assert_eq!(error.key, "batch_norm");
        assert!(error.why.contains("no batch normalisation") && error.why.contains("leave it at shard"), "{error:?}");
    };
    let mut s: progan::Settings = cpu();
    s.sizes.common.batch_norm = ShardNorm::Sync;
    refused(progan::trainer(&s, 3).err());
    let mut s: stylegan2::Settings = cpu();
    s.common.batch_norm = ShardNorm::Sync;
    refused(StyleGan2::new(&s, 3).err());
    let mut s: cyclegan::Settings = cpu();
    s.common.batch_norm = ShardNorm::Sync;
    refused(CycleGan::new(s, 3).err());
    // The networks for points have no batch normalisation; the generator of the variant with
    // residual blocks has.
    for (variant, has_none) in [(wgan_gp::Variant::Gauss8, true), (wgan_gp::Variant::Resnet, false)] {
        let mut s = wgan_gp::Settings { variant, ..cpu() };
        s.options.common.batch_norm = ShardNorm::Sync;
        let error = wgan_gp::trainer(&s, 3).err();
        if has_none { refused(error) } else { assert_eq!(error, None) }
    }
}

#[test]
fn unequal_shards_and_split_groups_are_refused_by_their_key() {
    let refused = |error: Option<models::SettingsError>| error.map(|error| (error.key, error.why)).expect("refused");
    let settings = |shards| {
        let mut s = quickdraw::Settings { batch: 12, ..quickdraw::Settings::default() };
        s.common.shards = shards;
        s.check().err()
    };
    assert_eq!(settings(6), None);
    let why = "12 images cannot be divided into 8 equal shards: use one of 1, 2, 3, 4, 6, 12";
    assert_eq!(refused(settings(8)), ("shards", why.to_owned()));
    assert!(refused(settings(0)).1.contains("1 to 4096"));
    let mut s: progan::Settings = cpu();
    (s.sizes.batch, s.sizes.common.shards) = (16, 8);
    let (key, why) = refused(progan::trainer(&s, 3).err());
    assert!(key == "shards" && why.contains("groups of 4 images, but a shard of the batch has 2"), "{why}");
    let mut s: stylegan2::Settings = cpu();
    (s.batch, s.common.shards, s.path_interval) = (4, 4, 2);
    assert!(refused(StyleGan2::new(&s, 3).err()).1.contains("groups of 4"));
    (s.batch, s.common.shards) = (20, 5);
    assert_eq!(StyleGan2::new(&s, 3).err(), None);
    (s.batch, s.common.shards) = (12, 3);
    assert_eq!(StyleGan2::new(&s, 3).err(), None);
    (s.batch, s.common.shards) = (36, 9);
    assert_eq!(StyleGan2::new(&s, 3).err(), None);
}
