//! Properties of all growing GANs, tested on a small ProGAN.

use kernels::Key;
use nn::ForwardContext;
use tensor::{Tensor, Var};

use super::*;
use crate::systems::progan::{self, Generator, Settings};
use crate::{FromLatents, Settings as _, StepMetrics, System};

/// 4 images per step, 16 per resolution, and 32 per fade.
fn settings(size: usize) -> Settings {
    let sizes =
        Sizes { size, fmap_base: 32, fmap_max: 8, batch: 4, stable_kimg: 0.016, fade_kimg: 0.032, ..Sizes::default() };
    Settings { sizes, ..Settings::preset("cpu").unwrap() }
}

fn trainer(size: usize) -> Growing<Generator> {
    progan::trainer(&settings(size), 3).unwrap()
}

fn normal(shape: &[usize], name: &str) -> Var {
    Var::constant(nn::init::normal(shape, 0.0, 0.5, Key::named(9, name)))
}

fn reals(step: u64, size: usize) -> Vec<Tensor> {
    vec![nn::init::uniform(&[4, size, size, 3], 0.0, 1.0, Key::named(1, "reals").at(step as u32))]
}

fn train(trainer: &mut Growing<Generator>, steps: core::ops::Range<u64>) -> Vec<StepMetrics> {
    let size = trainer.image_shape().unwrap()[0];
    steps.map(|step| trainer.step(step, &reals(step, size)).unwrap()).collect()
}

#[test]
fn what_is_faded_in_starts_from_nothing() {
    let trainer = trainer(16);
    let latents = normal(&[3, 8], "latents");
    let paint = |stage| trainer.painter.paint(&mut ForwardContext::inference(), &latents, stage);
    let score =
        |images: &Var, stage| trainer.critic.score(&mut ForwardContext::inference(), images, stage).into_value();
    for level in 1..=2 {
        let below = paint(Stage::whole(level - 1));
        let nothing = paint(Stage { level, alpha: 0.0 });
        assert_eq!(
            nothing.value(),
            below.upsample([2, 2]).value(),
            "the picture of the resolution below, level {level}"
        );
        let whole = paint(Stage::whole(level));
        let half = paint(Stage { level, alpha: 0.5 });
        let middle = lerp(&nothing, &whole, 0.5);
        assert_eq!((half.value(), &**whole.shape()), (middle.value(), &[3, 4 << level, 4 << level, 3][..]));

        let images = normal(&[4, 4 << level, 4 << level, 3], "images");
        let smaller = smaller(&images, 2);
        assert_eq!(score(&images, Stage { level, alpha: 0.0 }), score(&smaller, Stage::whole(level - 1)));
        assert_ne!(score(&images, Stage { level, alpha: 0.5 }), score(&images, Stage::whole(level)));
    }
}

#[test]
fn reals_are_no_sharper_than_what_counts() {
    let images = normal(&[2, 8, 8, 1], "images");
    assert_eq!(at_stage(&images, Stage::whole(1)).value(), images.value());
    let half = at_stage(&images, Stage { level: 1, alpha: 0.25 });
    for i in [0, 9, 37, 100] {
        let (image, y, x) = (i / 64, i / 8 % 8, i % 8);
        let at = |y: usize, x: usize| images.value().data()[(image * 8 + y) * 8 + x];
        let (top, left) = (y / 2 * 2, x / 2 * 2);
        let block = (at(top, left) + at(top, left + 1) + at(top + 1, left) + at(top + 1, left + 1)) / 4.0;
        let wanted = block + 0.25 * (at(y, x) - block);
        assert!((half.value().data()[i] - wanted).abs() < 1e-6, "{i}");
    }
    let small = at_stage(&images, Stage::whole(0));
    assert_eq!(&**small.shape(), [2, 4, 4, 1]);
    let mean = |tensor: &Tensor| tensor.data().iter().sum::<f32>() / tensor.size() as f32;
    assert!((mean(small.value()) - mean(images.value())).abs() < 1e-6);
}

#[test]
fn it_grows_by_its_schedule_and_tells_where_it_is() {
    let mut trainer = trainer(16);
    assert_eq!(trainer.level().unwrap(), "4x4");
    let rows = train(&mut trainer, 0..28);
    let at = |step: usize| ["resolution", "alpha", "kimg"].map(|name| rows[step][name]);
    let wanted = [
        (4, [4.0, 1.0, 0.02]),
        (8, [8.0, 0.5, 0.036]),
        (12, [8.0, 1.0, 0.052]),
        (16, [8.0, 1.0, 0.068]),
        (20, [16.0, 0.5, 0.084]),
        (24, [16.0, 1.0, 0.1]),
    ];
    for (step, numbers) in wanted {
        assert_eq!(at(step), numbers, "step {step}");
    }
    assert_eq!(trainer.level().unwrap(), "16x16");
    assert_eq!(trainer.batch(0, &[100])[0].len(), 4);
}

#[test]
fn optimisers_forget_at_the_borders_and_only_there() {
    let (mut trainer, growth) = (trainer(16), settings(16).sizes.growth(0).unwrap());
    let mut since = 0;
    for step in 0..30 {
        train(&mut trainer, step..step + 1);
        since = if growth.is_a_border(step) { 1 } else { since + 1 };
        let updates = [&trainer.critic_optimizer, &trainer.painter_optimizer].map(Optimizer::updates);
        assert_eq!(updates, [since; 2], "after step {step}");
    }
    assert!(since > 4, "the last border is long ago");
}

/// The average starts as a copy and is updated before the generator, so the first step does not
/// change it.
#[test]
fn the_average_follows_the_generator_one_step_behind() {
    let mut slow = settings(8);
    slow.sizes.ema_ramp_up = false;
    let mut trainer = progan::trainer(&slow, 3).unwrap();
    let tensors = |painter: &Generator| -> Vec<Tensor> {
        painter.parts().iter().flat_map(|part| part.tensors()).map(|(_, _, tensor)| tensor.clone()).collect()
    };
    let start = tensors(&trainer.painter);
    assert_eq!(tensors(&trainer.average), start);
    train(&mut trainer, 0..1);
    let once = tensors(&trainer.painter);
    for (average, start) in tensors(&trainer.average).iter().zip(&start) {
        assert!(average.data().iter().zip(start.data()).all(|(a, b)| (a - b).abs() < 1e-6));
    }
    assert_ne!(once, start);
    train(&mut trainer, 1..2);
    let wanted = |a: f32, b: f32| 0.999 * a + (1.0 - 0.999_f64) as f32 * b;
    for ((average, start), once) in tensors(&trainer.average).iter().zip(&start).zip(&once) {
        for ((average, start), once) in average.data().iter().zip(start.data()).zip(once.data()) {
            assert!((average - wanted(*start, *once)).abs() < 1e-6);
        }
    }
}

/// After new blocks were added, the average forgets earlier weights sooner.
#[test]
fn a_ramp_makes_the_average_follow_faster_after_a_border() {
    let distance = |ramp_up: bool| {
        let mut settings = settings(8);
        settings.sizes.ema_ramp_up = ramp_up;
        let mut trainer = progan::trainer(&settings, 3).unwrap();
        train(&mut trainer, 0..11);
        let block = |painter: &Generator| painter.parts()[1].tensors()[0].2.clone();
        let (own, average) = (block(&trainer.painter), block(&trainer.average));
        own.data().iter().zip(average.data()).map(|(a, b)| (a - b).abs()).sum::<f32>()
    };
    assert!(distance(true) < 0.7 * distance(false), "{} and {}", distance(true), distance(false));
}

#[test]
fn it_goes_on_across_the_borders_to_the_same_bits() {
    let mut whole = trainer(16);
    train(&mut whole, 0..26);
    // Interrupted before and after a fade begins, within a group of steps, and at the start of one.
    for stop in [7, 8, 10, 12, 21] {
        let mut half = trainer(16);
        train(&mut half, 0..stop);
        let mut resumed = progan::trainer(&settings(16), 3).unwrap();
        resumed.restore(&half.state()).unwrap();
        assert_eq!(resumed.level(), half.level());
        let latents = resumed.latents(5, "samples", 2);
        assert_eq!(resumed.draw(&latents), half.draw(&latents));
        train(&mut resumed, stop..26);
        assert_eq!(resumed.state(), whole.state(), "after {stop} steps");
    }
}

#[test]
fn pictures_have_the_final_size_from_the_start_and_do_not_depend_on_their_neighbours() {
    let mut trainer = trainer(16);
    for steps in [0..1, 1..11] {
        train(&mut trainer, steps);
        let latents = trainer.latents(5, "samples", 3);
        let all = trainer.draw(&latents);
        assert_eq!(&**all.shape(), [3, 16, 16, 3]);
        assert!(all.data().iter().all(|x| (0.0..=1.0).contains(x)));
        let alone = trainer.draw(&Tensor::new(&[1, 8], latents.data()[8..16].to_vec()));
        assert_eq!(alone.data(), &all.data()[768..1536]);
        assert_ne!(trainer.draw_raw(&latents).unwrap(), all);
    }
}

/// Each network is updated in its own turn only, with all the weights of its stage.
#[test]
fn only_what_counts_learns() {
    let mut trainer = trainer(16);
    let before = trainer.state();
    let stage = Stage { level: 1, alpha: 0.5 };
    let images = normal(&[4, 8, 8, 3], "images");
    trainer.train_critic(0, stage, &images, &normal(&[4, 8], "latents")).unwrap();
    let changed = |before: &State, after: &State| -> Vec<String> {
        let differs = |name: &&String| before.tensors[*name] != after.tensors[*name] && !name.starts_with("optimizer");
        after.tensors.keys().filter(differs).cloned().collect()
    };
    let after = trainer.state();
    // (Only the drift term has a gradient with respect to the output bias.)
    let parts = |part: &str, layers: &[&str]| -> Vec<String> {
        layers.iter().flat_map(|layer| ["bias", "weight"].map(|what| format!("{part}.{layer}.{what}"))).collect()
    };
    let wanted = [
        parts("discriminator.4x4", &["conv", "dense1", "dense2"]),
        parts("discriminator.8x8", &["conv1", "conv2"]),
        parts("discriminator.rgb4x4", &["conv"]),
        parts("discriminator.rgb8x8", &["conv"]),
    ];
    assert_eq!(changed(&before, &after), wanted.concat());
    trainer.train_painter(0, stage, &normal(&[4, 8], "latents")).unwrap();
    let painted = changed(&after, &trainer.state());
    let expected = [
        "generator.4x4.bias.bias",
        "generator.4x4.conv.bias",
        "generator.4x4.conv.weight",
        "generator.4x4.dense.weight",
    ];
    assert_eq!(painted[..4], expected);
    assert!(painted.iter().all(|name| name.starts_with("generator.") && !name.contains("16x16")), "{painted:?}");
    assert_eq!(painted.len(), 12);
}

#[test]
fn bad_sizes_are_refused_by_their_key() {
    let sizes = |change: fn(&mut Sizes)| {
        let mut settings = settings(16);
        change(&mut settings.sizes);
        progan::trainer(&settings, 1).err().map(|error| error.key)
    };
    assert_eq!(sizes(|s| s.size = 48), Some("size"));
    assert_eq!(sizes(|s| s.size = 2048), Some("size"));
    assert_eq!(sizes(|s| s.channels = 2), Some("channels"));
    assert_eq!(sizes(|s| s.fmap_base = 4), Some("fmap_base"));
    assert_eq!(sizes(|s| s.fmap_max = 0), Some("fmap_max"));
    assert_eq!(sizes(|s| s.batch = 0), Some("batch"));
    assert_eq!(sizes(|s| s.fade_kimg = 0.0), Some("fade_kimg"));
    assert_eq!(sizes(|s| s.stable_kimg = f64::NAN), Some("stable_kimg"));
    assert_eq!(sizes(|_| ()), None);
}
