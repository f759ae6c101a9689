//! StyleGAN: the effects of styles, noise and truncation on an image, and of a training step on the
//! weights.

use std::collections::BTreeSet;

use kernels::Key;
use models::growing::{Growing, Painter as _, Stage, Stylist as _};
use models::style::mapping;
use models::stylegan::{self, Generator, Settings};
use models::{FromLatents, Sampler, Settings as _, Styles, System};
use nn::{ForwardContext, RngContext, State, TensorKind};
use tensor::{Tape, Tensor, Var};

/// 4 images per step, 16 per resolution, and 32 per fade.
fn settings() -> Settings {
    let mut s = Settings::preset("cpu").expect("a preset");
    (s.sizes.size, s.sizes.fmap_base, s.sizes.fmap_max) = (16, 32, 8);
    (s.sizes.batch, s.sizes.stable_kimg, s.sizes.fade_kimg) = (4, 0.016, 0.032);
    s
}

fn trainer() -> Growing<Generator> {
    stylegan::trainer(&settings(), 3).expect("in range")
}

fn normal(shape: &[usize], name: &str) -> Tensor {
    nn::init::normal(shape, 0.0, 1.0, Key::named(9, name))
}

fn train(trainer: &mut Growing<Generator>, steps: core::ops::Range<u64>) {
    for step in steps {
        let reals = nn::init::uniform(&[4, 16, 16, 3], 0.0, 1.0, Key::named(1, "reals").at(step as u32));
        trainer.step(step, &[reals]).expect("finite");
    }
}

fn sampler(trainer: &Growing<Generator>) -> &dyn FromLatents {
    let Sampler::Latents(sampler) = trainer.samples() else { panic!("it draws from latents") };
    sampler
}

/// Images of these styles, the same for all layers.
fn drawn(styles: &dyn Styles, of: &Tensor, noise: Option<Key>) -> Tensor {
    styles.draw_styled(&vec![of.clone(); styles.layers()], noise)
}

fn set_noise_weights(trainer: &mut Growing<Generator>, value: f32) {
    let parts = trainer.average.parts_mut().into_iter().chain(trainer.painter.parts_mut());
    for (name, _, tensor) in parts.flat_map(|part| part.tensors_mut()) {
        if name.ends_with("noise.weight") {
            tensor.data_mut().fill(value);
        }
    }
}

#[test]
fn noise_counts_for_nothing_until_its_weights_are_learned() {
    let mut trainer = trainer();
    let of = normal(&[2, 8], "styles");
    let noises = [None, Some(Key::named(1, "noise")), Some(Key::named(2, "noise"))];
    let pictures = |trainer: &Growing<Generator>| {
        let styles = sampler(trainer).styles().expect("it has styles");
        noises.map(|noise| drawn(styles, &of, noise))
    };
    let [constant, one, other] = pictures(&trainer);
    assert_eq!((&constant, &constant), (&one, &other));
    set_noise_weights(&mut trainer, 0.3);
    let [constant, one, other] = pictures(&trainer);
    assert!(constant != one && one != other && constant != other);
    assert_eq!(pictures(&trainer)[1], one, "the same noise again");
    let alone = drawn(sampler(&trainer).styles().expect("it has styles"), &normal(&[1, 8], "styles"), noises[1]);
    assert_eq!(alone.data(), &one.data()[..alone.size()], "whatever is drawn beside it");
}

/// The average has the same noise maps as the generator.
#[test]
fn the_average_draws_with_the_same_noise() {
    let trainer = trainer();
    let maps = |generator: &Generator| -> Vec<Tensor> {
        let tensors = generator.parts().into_iter().flat_map(|part| part.tensors());
        tensors.filter(|(_, kind, _)| *kind == TensorKind::Internal).map(|(_, _, map)| map.clone()).collect()
    };
    let own = maps(&trainer.painter);
    assert_eq!((own.len(), &own), (6, &maps(&trainer.average)));
    assert_eq!(&**own[5].shape(), [1, 16, 16, 1]);
}

#[test]
fn truncation_to_nothing_makes_all_pictures_the_mean_one() {
    let mut trainer = trainer();
    train(&mut trainer, 0..6);
    let sampler = sampler(&trainer);
    let styles = sampler.styles().expect("it has styles");
    let latents = sampler.latents(5, "latents", 3);
    let (own, mean) = (styles.styles_of(&latents), styles.mean_style());
    assert!(mean.data().iter().any(|x| *x != 0.0), "it was learned");
    let at = |psi| drawn(styles, &mapping::truncated(&own, &mean, psi), None);
    let size = at(0.0).size() / 3;
    assert!(at(0.0).data().chunks(size).all(|picture| *picture == at(0.0).data()[..size]));
    assert_eq!(at(1.0), sampler.draw(&latents), "and without truncation they are the samples");
    assert!(at(0.5) != at(0.0) && at(0.5) != at(1.0));
}

#[test]
fn a_style_mixed_with_itself_is_itself_and_others_govern_their_own_layers() {
    let trainer = trainer();
    let sampler = sampler(&trainer);
    let styles = sampler.styles().expect("it has styles");
    let [one, two] = ["one", "two"].map(|name| styles.styles_of(&normal(&[2, 8], name)));
    let mixed = |fine: &Tensor, from: usize| {
        let all: Vec<_> = (0..4).map(|layer| if layer < from { &one } else { fine }.clone()).collect();
        styles.draw_styled(&all, None)
    };
    assert_eq!(styles.layers(), 4, "at 8x8");
    let whole = sampler.draw(&normal(&[2, 8], "one"));
    for from in 0..=4 {
        assert_eq!(mixed(&one, from), whole, "from layer {from} on");
    }
    let different: Vec<_> = (0..=4).map(|from| mixed(&two, from)).collect();
    assert!((0..4).all(|from| different[from] != different[from + 1]), "each layer listens to its style");
    assert_eq!(different[0], sampler.draw(&normal(&[2, 8], "two")));
}

#[test]
#[should_panic(expected = "3 styles for 4 layers")]
fn each_layer_needs_a_style() {
    let trainer = trainer();
    let styles = sampler(&trainer).styles().expect("it has styles");
    styles.draw_styled(&vec![normal(&[1, 8], "style"); 3], None);
}

/// With mixing, a forward pass in training uses the styles of one latent up to some layer, and of
/// another from there on.
#[test]
fn a_training_pass_mixes_as_often_as_it_should() {
    let pictures = |style_mixing: f64, step: u64| {
        let trainer = stylegan::trainer(&Settings { style_mixing, ..settings() }, 3).expect("in range");
        let latents = Var::constant(normal(&[2, 8], "latents"));
        let mut ctx = ForwardContext::training(&Tape::new(), RngContext { seed: 1, step, purpose: "a test" });
        trainer.painter.paint(&mut ctx, &latents, Stage::whole(2)).detach().into_value()
    };
    let plain = pictures(0.0, 0);
    assert_eq!(plain, pictures(0.0, 1), "nothing else is random, as noise weighs nothing");
    assert!((0..5).all(|step| pictures(1.0, step) != plain && pictures(1.0, step) == pictures(1.0, step)));
    let mixed = (0..60).filter(|step| pictures(0.5, *step) != plain).count();
    assert!((20..=40).contains(&mixed), "{mixed} of 60");
}

#[test]
fn what_is_faded_in_starts_from_nothing_and_ends_as_all() {
    let trainer = trainer();
    let style = Var::constant(normal(&[2, 8], "style"));
    let paint = |stage: Stage| {
        let styles = vec![style.clone(); trainer.painter.layers(stage.level)];
        trainer.painter.paint_styled(&mut ForwardContext::inference(), &styles, stage)
    };
    let (below, whole) = (paint(Stage::whole(1)).upsample([2, 2]), paint(Stage::whole(2)));
    assert_eq!(paint(Stage { level: 2, alpha: 0.0 }).value(), below.value());
    let half = &below + &(&whole - &below).scale(0.5);
    assert_eq!(paint(Stage { level: 2, alpha: 0.5 }).value(), half.value());
    assert_eq!(&**whole.shape(), [2, 16, 16, 3]);
}

fn changed(before: &State, after: &State, whole: &str) -> BTreeSet<String> {
    let differs = |name: &&String| name.starts_with(whole) && before.tensors[*name] != after.tensors[*name];
    after.tensors.keys().filter(differs).cloned().collect()
}

/// A step changes all weights of the current level, noise weights too, and the mean style; nothing
/// else.
#[test]
fn a_step_changes_what_it_should() {
    let mut trainer = trainer();
    let before = trainer.state();
    train(&mut trainer, 0..1);
    let after = trainer.state();
    let of = |whole: &str| changed(&before, &after, whole);
    let counts = |name: &&String| ["4x4_", "8x8_", "mapping", "rgb8x8"].iter().any(|part| name.contains(part));
    let expected: BTreeSet<_> = before
        .tensors
        .keys()
        .filter(|name| name.starts_with("generator.") && !name.ends_with("noise.map"))
        .filter(counts)
        // A constant map stays constant under normalisation.
        .filter(|name| *name != "generator.4x4_constant.bias.bias")
        .cloned()
        .collect();
    let found: BTreeSet<_> =
        of("generator.").into_iter().filter(|name| name != "generator.4x4_constant.bias.bias").collect();
    assert_eq!(found, expected);
    assert_eq!(found.iter().filter(|name| name.ends_with("noise.weight")).count(), 4);
    assert!(found.contains("generator.mapping.styles.mean"));
    let critic = of("discriminator.");
    assert!(critic.iter().all(|name| !name.contains("16x16") && !name.contains("rgb4x4")), "{critic:?}");
    assert_eq!(critic.len(), 2 * (1 + 2 + 3));
}

/// Interrupted before and after a fade begins, within a group of steps, and at the start of one.
#[test]
fn it_goes_on_across_a_border_to_the_same_bits() {
    let mut whole = trainer();
    train(&mut whole, 0..14);
    for stop in [7, 8, 10, 12] {
        let mut half = trainer();
        train(&mut half, 0..stop);
        let mut resumed = trainer();
        resumed.restore(&half.state()).expect("its own state");
        train(&mut resumed, stop..14);
        assert_eq!(resumed.state(), whole.state(), "after {stop} steps");
    }
}

#[test]
fn bad_settings_are_refused_by_their_key() {
    let key = |change: fn(&mut Settings)| {
        let mut s = settings();
        change(&mut s);
        stylegan::trainer(&s, 1).err().map(|error| error.key)
    };
    assert_eq!(key(|s| s.style_mixing = 1.1), Some("style_mixing"));
    assert_eq!(key(|s| s.ema_kimg = 0.0), Some("ema_kimg"));
    assert_eq!(key(|s| s.r1 = f64::NAN), Some("r1"));
    assert_eq!(key(|s| s.learning_rate = 0.0), Some("learning_rate"));
    assert_eq!(key(|s| s.sizes.size = 4), Some("size"));
    assert_eq!(key(|s| s.sizes.size = 8), None, "it may end where it begins");
}

/// Two layers for each level that the networks have reached, with a scale and a shift of each
/// channel.
#[test]
fn style_weights_are_those_of_the_layers_so_far() {
    let mut trainer = trainer();
    let columns = |trainer: &Growing<Generator>| {
        let styles = sampler(trainer).styles().expect("it has styles");
        assert_eq!(styles.style_weights().len(), styles.layers());
        styles.style_weights().iter().map(|weights| weights.shape().to_vec()).collect::<Vec<_>>()
    };
    let parts = trainer.average.parts();
    let styled = |part: &&&nn::Network| part.tensors().iter().any(|(name, _, _)| name.ends_with("adain.weight"));
    let all: Vec<Vec<usize>> = parts.iter().filter(styled).map(|part| vec![8, 2 * part.output_shape()[2]]).collect();
    assert_eq!(columns(&trainer), all[..4]);
    train(&mut trainer, 0..12);
    assert_eq!(columns(&trainer), all[..6]);
}
