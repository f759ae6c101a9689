//! Updates with penalties on the discriminator's gradient against PyTorch: a critic update with
//! gradient penalty, the generator update after it, and a discriminator update with R1. The
//! metrics, every gradient (as Adam's mean, half of it after one update), and a weight of each
//! network after its update are compared.

use kernels::Key;
use models::System;
use models::trainer::gan::GanTrainer;
use models::trainer::options::{Loss, TrainingOptions};
use models::wgan_gp::{Settings, Window, trainer};
use serde_json::Value;
use tensor::Tensor;
use tests::{
    Report, entries, error, error_after_first_update, first_gradient, golden, number, prepare, relative, tensor, values,
};

const SEED: u64 = 1;

/// A trainer with the state of the golden file, and the options of one of its steps.
fn prepared(file: &Value, switches: impl FnOnce(&mut TrainingOptions)) -> GanTrainer {
    let [batch, latent, width] = ["batch", "latent", "width"].map(|key| number(&file[key]) as usize);
    // The file was made with a padding of 2.
    let mut settings = Settings { batch, latent, width, window: Window::Centred, ..Settings::default() };
    switches(&mut settings.options);
    let mut trainer = trainer(&settings, SEED).expect("settings in range");
    prepare(&mut trainer, file);
    trainer
}

fn compare(report: &mut Report, expected: &Value, metrics: &[(&str, f64)], state: &nn::State) {
    for (name, value) in metrics {
        report.note(*name, relative(value - number(&expected["told"][name]), *value));
    }
    for (name, expected) in entries(&expected["parameters"]) {
        // The Wasserstein loss does not depend on this bias, so rounding decides its update.
        if name == "critic.dense.bias" && metrics.iter().any(|(name, _)| *name == "d_real") {
            continue;
        }
        let gradient = first_gradient(state, name);
        report.note(format!("{name} gradient"), error(&expected["gradient"], &gradient));
        if expected.get("updated").is_some() {
            report.note(format!("{name} updated"), error_after_first_update(expected, state, name, &gradient));
        }
    }
}

#[test]
fn a_step_with_a_gradient_penalty_agrees() {
    let file = golden("wgan_step");
    let places: Tensor = tensor(&file["inputs"]["places"]);
    let drawn = nn::init::uniform(places.shape(), 0.0, 1.0, Key::named(SEED, "between reals and fakes").at(0));
    assert_eq!(values(&drawn), values(&places), "the file's places are those that the trainer draws");
    let mut trainer = prepared(&file, |options| options.gradient_penalty = number(&file["gradient_penalty"]));
    let (reals, latents) = (tensor(&file["inputs"]["reals"]), tensor(&file["inputs"]["latents"]));
    let d = trainer.train_discriminator(0, &reals, &latents).expect("finite");
    let g = trainer.train_generator(0, &latents).expect("finite");
    let mut report = Report::new("wgan-gp step", 1e-4);
    let metrics = [
        ("d_loss", d.loss),
        ("d_real", d.real),
        ("d_fake", d.fake),
        ("penalty", d.penalty),
        ("gradient_norm", d.gradient_norm),
        ("g_loss", g.loss),
    ];
    compare(&mut report, &file["wasserstein_step"], &metrics, &trainer.state());
    report.finish();
}

#[test]
fn a_turn_with_r1_agrees() {
    let file = golden("wgan_step");
    let mut trainer = prepared(&file, |options| {
        *options = TrainingOptions {
            loss: Loss::Nonsaturating,
            gradient_penalty: 0.0,
            r1: number(&file["r1"]),
            k: 1,
            ..options.clone()
        };
    });
    let (reals, latents) = (tensor(&file["inputs"]["reals"]), tensor(&file["inputs"]["latents"]));
    let d = trainer.train_discriminator(0, &reals, &latents).expect("finite");
    let mut report = Report::new("R1 turn", 1e-4);
    let metrics = [("d_loss", d.loss), ("penalty", d.penalty), ("gradient_norm", d.gradient_norm)];
    compare(&mut report, &file["r1_step"], &metrics, &trainer.state());
    report.finish();
}
