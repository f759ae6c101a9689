//! StyleGAN2: the effects of styles, noise and truncation on an image, and of a training step on
//! the weights.

use std::collections::BTreeSet;

use kernels::Key;
use models::growing::Painter as _;
use models::style::mapping;
use models::stylegan2::{Generator, Settings, StyleGan2};
use models::{FromLatents, Projection, Sampler, Settings as _, StepMetrics, Styles, System, stylegan};
use nn::{ForwardContext, Network, RngContext, State, TensorKind};
use tensor::{Tape, Tensor, Var};

/// 4 images of 16x16 per step; R1 every 3 steps, path lengths every 2; the authors' learning rate
/// and weights.
fn settings() -> Settings {
    let small = Settings { size: 16, fmap_base: 64, fmap_max: 8, mapping_layers: 2, batch: 4, ..Settings::default() };
    Settings { r1_interval: 3, path_interval: 2, ema_ramp_up: true, ..small }
}

fn trainer() -> StyleGan2 {
    StyleGan2::new(&settings(), 3).expect("in range")
}

fn normal(shape: &[usize], name: &str) -> Tensor {
    nn::init::normal(shape, 0.0, 1.0, Key::named(9, name))
}

fn train(trainer: &mut StyleGan2, steps: core::ops::Range<u64>) -> Vec<StepMetrics> {
    let step = |step: u64| {
        let reals = nn::init::uniform(&[4, 16, 16, 3], 0.0, 1.0, Key::named(1, "reals").at(step as u32));
        trainer.step(step, &[reals]).expect("finite")
    };
    steps.map(step).collect()
}

fn sampler(trainer: &StyleGan2) -> &dyn FromLatents {
    let Sampler::Latents(sampler) = trainer.samples() else { panic!("it draws from latents") };
    sampler
}

fn styles(trainer: &StyleGan2) -> &dyn Styles {
    sampler(trainer).styles().expect("it has styles")
}

/// Images of these styles, the same for all layers.
fn drawn(styles: &dyn Styles, of: &Tensor, noise: Option<Key>) -> Tensor {
    styles.draw_styled(&vec![of.clone(); styles.layers()], noise)
}

fn set(generator: &mut Generator, ending: &str, value: f32) {
    let parts = generator.parts_mut().into_iter().flat_map(|part| part.tensors_mut());
    parts.filter(|(name, _, _)| name.ends_with(ending)).for_each(|(_, _, tensor)| tensor.data_mut().fill(value));
}

/// Scales images down until none of their values is clamped.
fn fade(parts: Vec<&mut Network>) {
    let tensors = parts.into_iter().flat_map(|part| part.tensors_mut());
    for (_, _, tensor) in tensors.filter(|(name, _, _)| name.contains(".rgb") && name.ends_with("conv.weight")) {
        tensor.data_mut().iter_mut().for_each(|weight| *weight *= 0.15);
    }
}

#[test]
fn noise_counts_for_nothing_until_its_strengths_are_learned() {
    let mut trainer = trainer();
    let of = normal(&[2, 8], "styles");
    let noises = [None, Some(Key::named(1, "noise")), Some(Key::named(2, "noise"))];
    let pictures = |trainer: &StyleGan2| noises.map(|noise| drawn(styles(trainer), &of, noise));
    let [constant, one, other] = pictures(&trainer);
    assert_eq!((&constant, &constant), (&one, &other));
    set(&mut trainer.average, "noise.weight", 0.3);
    let [constant, one, other] = pictures(&trainer);
    assert!(constant != one && one != other && constant != other);
    assert_eq!(pictures(&trainer)[1], one, "the same noise again");
    let strengths = trainer.average.parts().into_iter().flat_map(|part| part.tensors());
    let strengths: Vec<usize> =
        strengths.filter(|(name, _, _)| name.ends_with("noise.weight")).map(|(_, _, w)| w.size()).collect();
    assert_eq!(strengths, [1; 5], "one for all channels of a layer");
}

#[test]
fn truncation_to_nothing_makes_all_pictures_the_mean_one() {
    let mut trainer = trainer();
    train(&mut trainer, 0..2);
    let (sampler, styles) = (sampler(&trainer), styles(&trainer));
    let latents = sampler.latents(5, "latents", 3);
    let (own, mean) = (styles.styles_of(&latents), styles.mean_style());
    assert!(mean.data().iter().any(|x| *x != 0.0), "it was learned");
    let at = |psi| drawn(styles, &mapping::truncated(&own, &mean, psi), None);
    let size = at(0.0).size() / 3;
    assert!(at(0.0).data().chunks(size).all(|picture| *picture == at(0.0).data()[..size]));
    assert_eq!(at(1.0), sampler.draw(&latents), "and without truncation they are the samples");
    assert!(at(0.5) != at(0.0) && at(0.5) != at(1.0));
    assert!(at(1.0).data().iter().all(|x| (0.0..=1.0).contains(x)));
}

#[test]
fn a_style_mixed_with_itself_is_itself_and_others_govern_their_own_layers() {
    let trainer = trainer();
    let (sampler, styles) = (sampler(&trainer), styles(&trainer));
    let [one, two] = ["one", "two"].map(|name| styles.styles_of(&normal(&[2, 8], name)));
    let mixed = |fine: &Tensor, from: usize| {
        let all: Vec<_> = (0..6).map(|layer| if layer < from { &one } else { fine }.clone()).collect();
        styles.draw_styled(&all, None)
    };
    assert_eq!(styles.layers(), 6, "at 16x16");
    let whole = sampler.draw(&normal(&[2, 8], "one"));
    (0..=6).for_each(|from| assert_eq!(mixed(&one, from), whole, "from layer {from} on"));
    let different: Vec<_> = (0..=6).map(|from| mixed(&two, from)).collect();
    assert!((0..6).all(|from| different[from] != different[from + 1]), "each layer listens to its style");
    assert_eq!(different[0], sampler.draw(&normal(&[2, 8], "two")));
    let alone = sampler.draw(&Tensor::new(&[1, 8], normal(&[2, 8], "one").data()[8..].to_vec()));
    assert_eq!(alone.data(), &whole.data()[768..], "whatever is drawn beside it");
}

#[test]
#[should_panic(expected = "5 styles for 6 layers")]
fn each_layer_needs_a_style() {
    let trainer = trainer();
    styles(&trainer).draw_styled(&vec![normal(&[1, 8], "style"); 5], None);
}

#[test]
fn a_training_pass_mixes_as_often_as_it_should() {
    let pictures = |style_mixing: f64, step: u64| {
        let trainer = StyleGan2::new(&Settings { style_mixing, ..settings() }, 3).expect("in range");
        let latents = Var::constant(normal(&[2, 8], "latents"));
        let mut ctx = ForwardContext::training(&Tape::new(), RngContext { seed: 1, step, purpose: "a test" });
        trainer.generator.paint(&mut ctx, &latents).detach().into_value()
    };
    let plain = pictures(0.0, 0);
    assert_eq!(plain, pictures(0.0, 1), "nothing else is random, as noise weighs nothing");
    let mixed = (0..60).filter(|step| pictures(0.5, *step) != plain).count();
    assert!((20..=40).contains(&mixed), "{mixed} of 60");
}

fn changed(before: &State, after: &State, whole: &str) -> BTreeSet<String> {
    let differs = |name: &&String| name.starts_with(whole) && before.tensors[*name] != after.tensors[*name];
    after.tensors.keys().filter(differs).cloned().collect()
}

/// All weights change from the first step on, and so does the mean style.
#[test]
fn a_step_changes_everything_but_the_noise_of_inference() {
    let mut trainer = trainer();
    let before = trainer.state();
    train(&mut trainer, 0..1);
    let after = trainer.state();
    for whole in ["generator.", "average.", "discriminator."] {
        let all = before.tensors.keys().filter(|name| name.starts_with(whole) && !name.ends_with("noise.map"));
        assert_eq!(changed(&before, &after, whole), all.cloned().collect(), "{whole}");
    }
}

#[test]
fn penalties_have_updates_of_their_own_at_their_steps() {
    let mut trainer = trainer();
    let rows = train(&mut trainer, 0..7);
    let updates = trainer.state().counters;
    let of = |who: &str| updates[&format!("optimizer.{who}.updates")];
    assert_eq!(of("discriminator"), 7 + 3, "after the steps 0, 3 and 6");
    assert_eq!(of("generator"), 7 + 4, "after the steps 0, 2, 4 and 6");
    let column = |name: &str| {
        let numbers: Vec<f64> = rows.iter().map(|row| row[name]).collect();
        (1..7).filter(|step| numbers[*step] != numbers[step - 1]).collect::<Vec<_>>()
    };
    for (name, steps) in [("penalty", vec![3, 6]), ("gradient_norm", vec![3, 6])] {
        assert_eq!(column(name), steps, "{name} is new at these steps and repeated after them");
    }
    for name in ["path_length", "path_penalty"] {
        assert_eq!(column(name), [2, 4, 6], "{name}");
    }
    assert_eq!(column("kimg").len(), 6);
    assert_eq!(rows[6]["kimg"], 0.028);
    assert!(rows[0]["path_length"] > 0.0, "the mean length starts to move at once");
}

#[test]
fn a_penalty_without_weight_has_no_updates() {
    let mut trainer = StyleGan2::new(&Settings { r1: 0.0, path_weight: 0.0, ..settings() }, 3).expect("in range");
    let rows = train(&mut trainer, 0..3);
    let counters = trainer.state().counters;
    assert_eq!(counters.values().copied().collect::<Vec<_>>(), [3, 3]);
    assert_eq!(rows[2].values()[5..9], [0.0; 4]);
}

/// Interrupted before and after steps with penalty updates.
#[test]
fn it_goes_on_from_its_state_to_the_same_bits() {
    let mut whole = trainer();
    let metrics = train(&mut whole, 0..8);
    for stop in [3, 4, 6] {
        let mut half = trainer();
        train(&mut half, 0..stop);
        let mut resumed = trainer();
        resumed.restore(&half.state()).expect("its own state");
        assert_eq!(train(&mut resumed, stop..8), metrics[stop as usize..], "after {stop} steps");
        assert_eq!(resumed.state(), whole.state(), "after {stop} steps");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let mut trainer = trainer();
            let rows = train(&mut trainer, 0..4);
            (rows, trainer.state())
        })
    };
    let [(one, first), (two, second)] = [on(1), on(2)];
    assert_eq!(one, two);
    assert_eq!(first, second);
}

/// Demodulation, gains and equalised weights give initial images with a standard deviation of about
/// 1 at every level.
#[test]
fn pictures_start_neither_faint_nor_glaring() {
    let s = Settings { size: 64, fmap_base: 2048, fmap_max: 32, ..settings() };
    let trainer = StyleGan2::new(&s, 1).expect("in range");
    let latents = Var::constant(normal(&[8, 32], "latents"));
    let images = trainer.generator.paint(&mut ForwardContext::inference(), &latents).into_value();
    let square = images.data().iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / images.size() as f64;
    assert!((0.3..6.0).contains(&square), "mean square {square}");
    assert_eq!(trainer.generator.parts().iter().map(|part| part.count(TensorKind::Buffer)).sum::<usize>(), 32);
}

/// An image that the network generated from a style other than the mean, with other noise than its
/// own.
#[test]
fn the_style_of_a_picture_is_found() {
    let mut trainer = trainer();
    train(&mut trainer, 0..3);
    set(&mut trainer.average, "noise.weight", 0.05);
    fade(trainer.average.parts_mut());
    let styles = styles(&trainer);
    let target = drawn(styles, &styles.styles_of(&normal(&[1, 8], "b")), Some(Key::named(4, "noise")));
    let search = |seed: u64| {
        let mut projection = Projection::new(sampler(&trainer), styles, &target, 200, seed);
        let first = projection.distance();
        (0..200).for_each(|_| projection.step());
        (first, projection.distance(), projection.style(), projection.picture())
    };
    let (first, last, style, picture) = search(1);
    assert!(first > 0.02 && last < first / 8.0, "{first}, {last}");
    assert_eq!((style.shape().to_vec(), picture.shape()), (vec![8], target.shape()));
    assert_eq!(search(1), (first, last, style.clone(), picture), "the same bits again");
    assert_ne!(search(2).2, style);
}

/// The search needs only the styles and the noise of a system.
#[test]
fn a_growing_network_s_styles_are_found_as_well() {
    let mut s = stylegan::Settings::preset("cpu").expect("a preset");
    (s.sizes.size, s.sizes.fmap_base, s.sizes.fmap_max, s.sizes.batch) = (16, 32, 8, 4);
    let mut trainer = stylegan::trainer(&s, 3).expect("in range");
    fade(trainer.average.parts_mut());
    let Sampler::Latents(sampler) = trainer.samples() else { panic!("it draws from latents") };
    let styles = sampler.styles().expect("it has styles");
    let target = drawn(styles, &styles.styles_of(&normal(&[1, 8], "target")), None);
    let mut projection = Projection::new(sampler, styles, &target, 200, 1);
    let first = projection.distance();
    (0..200).for_each(|_| projection.step());
    assert!(projection.distance() < first / 4.0, "{first}, {}", projection.distance());
}

#[test]
fn bad_settings_are_refused_by_their_key() {
    let key = |change: fn(&mut Settings)| {
        let mut s = settings();
        change(&mut s);
        StyleGan2::new(&s, 1).err().map(|error| error.key)
    };
    assert_eq!(key(|s| s.size = 48), Some("size"));
    assert_eq!(key(|s| s.channels = 2), Some("channels"));
    assert_eq!(key(|s| s.fmap_base = 4), Some("fmap_base"));
    assert_eq!(key(|s| s.mapping_layers = 0), Some("mapping_layers"));
    assert_eq!(key(|s| s.batch = 0), Some("batch"));
    assert_eq!(key(|s| s.r1 = f64::NAN), Some("r1"));
    assert_eq!(key(|s| s.r1_interval = 0), Some("r1_interval"));
    assert_eq!(key(|s| s.path_weight = -1.0), Some("path_weight"));
    assert_eq!(key(|s| s.path_interval = 0), Some("path_interval"));
    assert_eq!(key(|s| s.path_decay = 2.0), Some("path_decay"));
    assert_eq!(key(|s| s.style_mixing = 1.1), Some("style_mixing"));
    assert_eq!(key(|s| s.ema_kimg = 0.0), Some("ema_kimg"));
    assert_eq!(key(|s| s.batch = 1), None, "half of one picture is one");
}

/// A vector of the length of the columns of `weights`, orthogonal to all of them; None if they fill
/// the space.
fn orthogonal(weights: &Tensor) -> Option<Vec<f64>> {
    let &[width, columns] = &**weights.shape() else { panic!("(style, channels)") };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let column = |c: usize| (0..width).map(|row| f64::from(weights.data()[row * columns + c])).collect::<Vec<f64>>();
    let probe: Vec<f64> = normal(&[width], "probe").data().iter().map(|x| f64::from(*x)).collect();
    for mut vector in (0..columns).map(column).chain([probe]) {
        for other in &basis {
            let along = dot(&vector, other);
            vector.iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
        }
        let length = dot(&vector, &vector).sqrt();
        vector.iter_mut().for_each(|x| *x /= length);
        basis.push(vector);
    }
    (columns < width).then(|| basis.pop()).flatten()
}

/// A layer responds to its style through its weights only: moving the style of one layer along a
/// vector that these weights do not see changes nothing.
#[test]
fn style_weights_are_those_of_their_layers() {
    let s = Settings { size: 32, fmap_base: 32, ..settings() };
    let trainer = StyleGan2::new(&s, 3).expect("in range");
    let styles = styles(&trainer);
    let weights = styles.style_weights();
    assert_eq!(weights.len(), styles.layers());
    let style = normal(&[1, 8], "a style");
    let own = drawn(styles, &style, None);
    let mut seen = 0;
    for (layer, weights) in weights.iter().enumerate() {
        let change = |along: &[f64]| {
            let moved = Tensor::from_fn([1, 8], |i| style.data()[i] + along[i] as f32);
            let of: Vec<Tensor> =
                (0..styles.layers()).map(|at| if at == layer { &moved } else { &style }.clone()).collect();
            let image = styles.draw_styled(&of, None);
            image.data().iter().zip(own.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        let columns = weights.shape()[1];
        let first: Vec<f64> = (0..8).map(|row| f64::from(weights.data()[row * columns])).collect();
        let seen_by = change(&first);
        assert!(seen_by > 1e-4, "layer {layer}: {seen_by}");
        if let Some(along) = orthogonal(weights) {
            assert!(change(&along) < 0.01 * seen_by, "layer {layer}: {}", change(&along));
            seen += 1;
        }
    }
    assert!(seen >= 3, "{seen} layers do not see every direction");
}
