//! A constant weight still passes the gradient on to its input: frozen is not cut.

use tensor::{Tape, Tensor, Var};

pub fn generator_loss(
    tape: &Tape<f64>,
    generator: Tensor<f64>,
    discriminator: Tensor<f64>,
    latents: Tensor<f64>,
) -> (Var<f64>, Var<f64>, Var<f64>) {
    let generator = tape.variable("generator", generator);
    let discriminator = tape.constant(discriminator);

    let fakes = tape.constant(latents).matmul(&generator).tanh();
    let logits = fakes.matmul(&discriminator);
    (logits.neg().softplus().mean(), generator, discriminator)
}
