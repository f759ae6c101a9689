//! The gradient still passes through a layer with constant weights: freezing is not cutting.

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
