//! One whole step of a small 28x28 DCGAN against PyTorch, in the order of its example: the metrics,
//! every gradient (as Adam's mean, half of it after one update), every updated weight, the
//! generator's running statistics.

use models::System;
use models::dcgan::{Settings, Variant, trainer};
use models::trainer::gan::GanTrainer;
use serde_json::Value;
use tensor::{Tensor, Var};
use tests::{
    Report, entries, error, error_after_first_update, first_gradient, golden, number, prepare, relative, tensor,
};

/// A trainer with the state of the golden file.
fn prepared(file: &Value) -> GanTrainer {
    let [batch, latent, width] = ["batch", "latent", "width"].map(|key| number(&file[key]) as usize);
    let settings = Settings { variant: Variant::Mnist28, batch, latent, width, channels: 1, ..Settings::default() };
    let mut trainer = trainer(&settings, 1).expect("settings in range");
    prepare(&mut trainer, file);
    trainer
}

#[test]
fn a_step_agrees() {
    let file = golden("dcgan_step");
    let mut trainer = prepared(&file);
    let reals: Tensor = tensor(&file["inputs"]["reals"]);
    let reals = Var::constant(reals).affine(2.0, -1.0).into_value();
    let latents: Tensor = tensor(&file["inputs"]["latents"]);
    let d = trainer.train_discriminator(0, &reals, &latents).expect("finite");
    let g = trainer.train_generator(0, &latents).expect("finite");

    let mut report = Report::new("dcgan step", 1e-5);
    let metrics = [("d_loss", d.loss), ("d_real", d.real), ("d_fake", d.fake), ("g_loss", g.loss), ("g_fake", g.fake)];
    for (name, value) in metrics {
        report.note(name, relative(value - number(&file["told"][name]), value));
    }
    let state = trainer.state();
    for (name, expected) in entries(&file["parameters"]) {
        let gradient = first_gradient(&state, name);
        report.note(format!("{name} gradient"), error(&expected["gradient"], &gradient));
        report.note(format!("{name} updated"), error_after_first_update(expected, &state, name, &gradient));
    }
    for (name, expected) in entries(&file["buffers"]) {
        report.note(name, error(expected, &state.tensors[name]));
    }
    report.finish();
}
