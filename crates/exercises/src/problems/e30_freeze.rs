//! Exercise 30: freezing the discriminator. (Guide: c12_two_players)
//!
//! In its own step, the generator learns to make the discriminator output "real". The gradient
//! passes through the discriminator, but the discriminator is not trained in this step: its weights
//! are constants.
//!
//! Given:   a tape; the weights of the two networks; and some latents.
//! Result:  (the loss, the generator's weight, the discriminator's weight), where each weight is
//!          the `Var` that the function puts on the tape. The gradient of the loss must reach the
//!          generator's weight, but not the discriminator's.
//!
//! Repair the function. (The tape differentiates with respect to `tape.variable(name, value)`, but
//! not with respect to `tape.constant(value)`.)
//!
//!     cargo run -p exercises -- check 30

use tensor::{Tape, Tensor, Var};

pub fn generator_loss(
    tape: &Tape<f64>,
    generator: Tensor<f64>,
    discriminator: Tensor<f64>,
    latents: Tensor<f64>,
) -> (Var<f64>, Var<f64>, Var<f64>) {
    let generator = tape.variable("generator", generator);
    let discriminator = tape.variable("discriminator", discriminator);

    let fakes = tape.constant(latents).matmul(&generator).tanh();
    let logits = fakes.matmul(&discriminator);
    (logits.neg().softplus().mean(), generator, discriminator)
}
