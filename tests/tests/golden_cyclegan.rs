//! One whole step of a tiny CycleGAN against PyTorch: fakes, losses, every gradient (as Adam's
//! mean, half of it after one update) and some updated weights.

use models::cyclegan::{CycleGan, Settings};
use models::{Direction, System, Translate};
use serde_json::Value;
use tensor::{Tensor, Var};
use tests::{
    Report, entries, error, error_after_first_update, first_gradient, golden, number, prepare, relative, tensor,
};

/// A system with the state of the golden file.
fn prepared(file: &Value) -> CycleGan {
    let [size, blocks, width] = ["size", "blocks", "width"].map(|key| number(&file[key]) as usize);
    let settings = Settings { size, blocks, generator_width: width, discriminator_width: width, ..Settings::default() };
    let mut system = CycleGan::new(settings, 1).expect("settings in range");
    prepare(&mut system, file);
    system
}

#[test]
fn a_step_agrees() {
    let file = golden("cyclegan_step");
    let mut system = prepared(&file);
    let reals: [Tensor; 2] = ["reals_a", "reals_b"].map(|name| tensor(&file["inputs"][name]));
    let mut report = Report::new("cyclegan step", 1e-5);
    for (domain, direction, real) in [("a", Direction::BToA, &reals[1]), ("b", Direction::AToB, &reals[0])] {
        let fakes = Var::constant(system.translate(direction, real)).affine(2.0, -1.0);
        report.note(format!("fakes of {domain}"), error(&file["fakes"][domain], fakes.value()));
    }

    let metrics = system.step(0, &reals).expect("finite");
    for (metric, value) in metrics.iter() {
        report.note(metric.name, relative(value - number(&file["losses"][metric.name]), value));
    }
    let state = system.state();
    for (name, expected) in entries(&file["parameters"]) {
        let gradient = first_gradient(&state, name);
        if expected["rounding_only"] == true {
            // The bias gradient is a remainder of sums that cancel, so its error is relative to
            // their scale: that of the gradient of the weight beside it.
            let weight = &file["parameters"][name.replace(".bias", ".weight")]["gradient"];
            let largest = gradient.data().iter().fold(0.0_f32, |largest, g| largest.max(g.abs()));
            report.note(format!("{name} gradient (of rounding)"), relative(largest.into(), number(&weight["l2"])));
            continue;
        }
        report.note(format!("{name} gradient"), error(&expected["gradient"], &gradient));
        if expected.get("updated").is_some() {
            report.note(format!("{name} updated"), error_after_first_update(expected, &state, name, &gradient));
        }
    }
    report.finish();
}
