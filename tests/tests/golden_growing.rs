//! A discriminator update and a generator update of growing GANs against PyTorch, while a
//! resolution is half faded in: ProGAN with its gradient penalty, StyleGAN with R1. The metrics,
//! gradients (as Adam's mean, which is the last one here), and a weight of each network after its
//! update are compared.

use kernels::Key;
use models::growing::{Growing, Painter, Sizes, Stage};
use models::{System, progan, stylegan};
use serde_json::Value;
use tensor::{Tensor, Var};
use tests::{Report, entries, error, error_after_first_update, golden, number, prepare, relative, tensor, values};

const SEED: u64 = 1;

/// The sizes of the file's networks: 8x8 colour images, with the same number of features at all
/// levels.
fn sizes(file: &Value) -> Sizes {
    let maps = number(&file["maps"]) as usize;
    Sizes { size: 8, fmap_base: 4 * maps, fmap_max: maps, ..Sizes::default() }
}

fn compare<P: Painter>(group: &'static str, mut trainer: Growing<P>, file: &Value) {
    let expected = &file[group];
    prepare(&mut trainer, expected);
    let stage = Stage { level: 1, alpha: number(&file["alpha"]) };
    let [reals, latents] = ["reals", "latents"].map(|name| Var::constant(tensor(&expected["inputs"][name])));
    let d = trainer.train_critic(0, stage, &reals, &latents).expect("finite");
    let [g_loss, g_fake] = trainer.train_painter(0, stage, &latents).expect("finite");
    let metrics = [
        ("d_loss", d.loss),
        ("d_real", d.real),
        ("d_fake", d.fake),
        ("penalty", d.penalty),
        ("gradient_norm", d.gradient_norm),
        ("g_loss", g_loss),
        ("g_fake", g_fake),
    ];
    let mut report = Report::new(group, 1e-4);
    for (name, value) in metrics {
        report.note(name, relative(value - number(&expected["told"][name]), value));
    }
    let state = trainer.state();
    for (name, expected) in entries(&expected["parameters"]) {
        let gradient = &state.tensors[&format!("optimizer.{name}.mean")];
        report.note(format!("{name} gradient"), error(&expected["gradient"], gradient));
        if expected.get("updated").is_some() {
            report.note(format!("{name} updated"), error_after_first_update(expected, &state, name, gradient));
        }
    }
    report.finish();
}

#[test]
fn a_step_of_progan_agrees() {
    let file = golden("growing_step");
    let places: Tensor = tensor(&file["progan"]["inputs"]["places"]);
    let drawn = nn::init::uniform(places.shape(), 0.0, 1.0, Key::named(SEED, "points between reals and fakes").at(0));
    assert_eq!(values(&drawn), values(&places), "the file's places are those that the trainer draws");
    let [gradient_penalty, drift] = ["gradient_penalty", "drift"].map(|key| number(&file[key]));
    let settings = progan::Settings { sizes: sizes(&file), gradient_penalty, drift, ..Default::default() };
    compare("progan", progan::trainer(&settings, SEED).expect("settings in range"), &file);
}

#[test]
fn a_step_of_stylegan_with_r1_agrees() {
    let file = golden("growing_step");
    let settings =
        stylegan::Settings { sizes: sizes(&file), r1: number(&file["r1"]), style_mixing: 0.0, ..Default::default() };
    compare("stylegan", stylegan::trainer(&settings, SEED).expect("settings in range"), &file);
}
