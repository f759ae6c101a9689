//! A whole discriminator step and a whole generator step of quickdraw against PyTorch, whose
//! results were cross-checked with Keras: losses, accuracies, logits, every gradient, every updated
//! weight, accumulator and running statistic, to 1e-5.
//!
//! The generator's gradients flow through the updated discriminator. For the few weights whose
//! gradient is nearly 0, rounding decides the sign of their update. If the 53 weights with the
//! smallest gradients (below 1e-7 of the largest) move the other way, the generator's gradients
//! change by up to 2e-4, in `f64` too. So if a new order of summation only affects the early layers
//! of the generator, suspect this first.

use models::System;
use models::quickdraw::{Quickdraw, Settings};
use nn::losses::bce_with_logits;
use nn::{ForwardContext, Gradients, Network, RngContext, differentiate};
use serde_json::Value;
use tensor::{Tensor, Var};
use tests::{Report, entries, error, error_where, golden, number, prepare, relative, sizes, tensor};

const RNG: RngContext = RngContext { seed: 1, step: 0, purpose: "golden values" };

/// A system with the state of the golden file: given weights, no dropout.
fn prepared(file: &Value) -> Quickdraw {
    let settings = Settings { batch: number(&file["batch"]) as usize, dropout: 0.0, ..Settings::default() };
    let mut system = Quickdraw::new(settings, 1).expect("settings in range");
    prepare(&mut system, file);
    system
}

/// The gradients of the loss of the `logits`, computed as the training step does, and the logits.
fn gradients(labels: &Tensor, logits: impl Fn(&mut ForwardContext) -> Var) -> (Gradients, Tensor) {
    let forward = |ctx: &mut ForwardContext| {
        let logits = logits(ctx);
        (bce_with_logits(&logits, labels), logits.into_value())
    };
    differentiate(RNG, forward).expect("finite gradients")
}

/// Compares everything that the file has about each parameter of `network`.
fn compare(reports: [&mut Report; 2], expected: &Value, gradients: &Gradients, network: &Network, system: &Quickdraw) {
    let [report, squares] = reports;
    let parameters = &expected["parameters"];
    assert_eq!(gradients.parameters.len(), entries(parameters).count(), "all parameters of the {}", network.name());
    let state = system.state();
    for (name, gradient) in &gradients.parameters {
        let expected = &parameters[name];
        if expected["rounding_only"] == true {
            // A bias before a batch normalisation has no effect: its gradient is 0 except for
            // rounding, which RMSprop amplifies. So its error is relative to the scale of the
            // gradient of the weight beside it.
            let weight = &parameters[name.replace(".bias", ".weight")]["gradient"];
            let largest = gradient.data().iter().fold(0.0_f32, |largest, g| largest.max(g.abs()));
            report.note(format!("{name} gradient (of rounding)"), relative(largest.into(), number(&weight["l2"])));
            continue;
        }
        report.note(format!("{name} gradient"), error(&expected["gradient"], gradient));
        let mean_square = &state.tensors[&format!("optimizer.{name}.mean_square")];
        squares.note(format!("{name} mean square"), error(&expected["mean_square"], mean_square));
        // The first update is 3.16 * rate * sign(g) unless |g| is tiny, where rounding decides the
        // sign: such elements are not compared.
        let largest = number(&expected["gradient"]["max_abs"]) as f32;
        let clear = |i: usize| gradient.data()[i].abs() >= 1e-3 * largest;
        let updated = &state.tensors[name];
        report.note(format!("{name} updated"), error_where(&expected["updated"], updated, clear));
    }
}

#[test]
fn a_discriminator_step_and_a_generator_step_agree() {
    let file = golden("quickdraw_step");
    let mut system = prepared(&file);
    let input = |name: &str| tensor(&file["inputs"][name]);
    let (reals, latents, latents2): (Tensor, Tensor, Tensor) = (input("reals"), input("latents"), input("latents2"));
    let count = sizes(&file["inputs"]["reals"]["shape"])[0];
    let ones = Tensor::full([count, 1], 1.0);
    let mut report = Report::new("quickdraw step", 1e-5);
    // After one update, an accumulator is a tenth of the squared gradient, and squaring doubles the
    // relative error: if the gradient is within 1e-5, the accumulator is only within 2e-5.
    let mut squares = Report::new("quickdraw step, accumulators", 2e-5);

    let expected = &file["discriminator_step"];
    let fakes = system.generator.infer(&latents);
    report.note("discriminator step, fakes", error(&expected["fakes"], &fakes));
    let images = Var::constant(reals.concat(&fakes));
    let labels = ones.concat(&Tensor::zeros([count, 1]));
    let (found, logits) = gradients(&labels, |ctx| system.discriminator.forward(ctx, &images));
    report.note("discriminator step, logits", error(&expected["logits"], &logits));
    let [loss, accuracy, ..] = system.train_discriminator(0, &reals, &latents).expect("finite");
    report.note("discriminator step, loss", relative(loss - number(&expected["loss"]), loss));
    assert_eq!(accuracy, number(&expected["accuracy"]));
    compare([&mut report, &mut squares], expected, &found, &system.discriminator, &system);

    let expected = &file["generator_step"];
    let latents2_var = Var::constant(latents2.clone());
    let forward = |ctx: &mut ForwardContext| system.generator.forward(ctx, &latents2_var);
    let (found, logits) = gradients(&ones, |ctx| {
        let fakes = forward(ctx);
        ctx.frozen(|ctx| system.discriminator.forward(ctx, &fakes))
    });
    let made = |ctx: &mut ForwardContext| {
        let fakes = forward(ctx);
        (fakes.sum(), fakes.into_value())
    };
    let (_, fakes) = differentiate(RNG, made).expect("finite");
    report.note("generator step, fakes", error(&expected["fakes"], &fakes));
    report.note("generator step, logits", error(&expected["logits"], &logits));
    let [loss, accuracy] = system.train_generator(0, &latents2).expect("finite");
    report.note("generator step, loss", relative(loss - number(&expected["loss"]), loss));
    assert_eq!(accuracy, number(&expected["accuracy"]));
    compare([&mut report, &mut squares], expected, &found, &system.generator, &system);
    let state = system.state();
    for (name, expected) in entries(&expected["buffers"]) {
        report.note(name, error(expected, &state.tensors[name]));
    }
    report.finish();
    squares.finish();
}
