//! Exercise 30: the freeze. (Guide: c12_two_players)
//!
//! In its own step the generator learns to make the discriminator say "real". The gradient passes through the discriminator,
//! but the discriminator's weights do not learn in this step: they are constants.
//!
//! Given:   a tape; the weights of the two networks; and some latents.
//! Wanted:  (the loss, the generator's weight, the discriminator's weight), the last two as they were put on the tape.
//!          The gradient of the loss must reach the generator's weight, and not the discriminator's.
//!
//! Repair the function. (`tape.variable(name, value)` is differentiated by; `tape.constant(value)` is not.)
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
