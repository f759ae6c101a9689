//! Your own GAN in a loop of your own, without files: points in the plane.
//!
//! Run `cargo run -p backdraw --example points`. The reals lie in eight clusters on a circle. Every
//! 500 steps the program prints how many clusters the generator has found.

use backdraw::metrics::modes::{Modes, modes};
use backdraw::prelude::*;

const LATENT: usize = 8;
const BATCH: usize = 128;
const REALS: Mixture = Mixture::Ring8;

/// A network with two hidden layers.
fn network(name: &str, inputs: usize, outputs: usize, seed: u64) -> Network {
    Network::new(name, &[inputs], Dialect::Torch, seed)
        .with("dense1", Dense::new(64))
        .with("lrelu1", Activation::LeakyRelu(0.2))
        .with("dense2", Dense::new(64))
        .with("lrelu2", Activation::LeakyRelu(0.2))
        .with("dense3", Dense::new(outputs))
}

/// Trains for `steps` steps, and returns which clusters the generator has found.
pub(crate) fn train(seed: u64, steps: u64) -> Result<Modes, NonFinite> {
    let mut discriminator = network("discriminator", 2, 1, seed);
    let mut generator = network("generator", LATENT, 2, seed);
    let mut d_optimizer = Optimizer::adam(&discriminator, 1e-3, 0.5, 0.999);
    let mut g_optimizer = Optimizer::adam(&generator, 1e-3, 0.5, 0.999);
    for step in 0..steps {
        // All random numbers are functions of the seed, a purpose and the step.
        let random = |purpose| RngContext { seed, step, purpose };
        let key = |purpose| Key::named(seed, purpose).at(step as u32);
        let reals = Var::constant(REALS.points(BATCH, key("reals")));
        let latents = Var::constant(LatentKind::Normal.draw(BATCH, LATENT, key("latents")));

        let fakes = Var::constant(generator.infer(latents.value()));
        let (gradients, d_loss) = differentiate(random("discriminator"), |ctx| {
            let [real, fake] = [&reals, &fakes].map(|points| discriminator.forward(ctx, points));
            let loss = logistic_discriminator(&real, &fake);
            let number = loss.item();
            (loss, number)
        })?;
        d_optimizer.step(&mut discriminator, &gradients);

        let (gradients, g_loss) = differentiate(random("generator"), |ctx| {
            let fakes = generator.forward(ctx, &latents);
            let loss = logistic_generator(&ctx.frozen(|ctx| discriminator.forward(ctx, &fakes)));
            let number = loss.item();
            (loss, number)
        })?;
        g_optimizer.step(&mut generator, &gradients);

        if (step + 1) % 500 == 0 {
            let found = found(&generator, seed);
            println!(
                "step {:>5}  d_loss {d_loss:.3}  g_loss {g_loss:.3}  clusters {} of 8, {:.0}% of the points in one",
                step + 1,
                found.covered,
                100.0 * found.near
            );
        }
    }
    Ok(found(&generator, seed))
}

/// Which clusters the generator has found: those with at least 1% of 2000 points.
fn found(generator: &Network, seed: u64) -> Modes {
    let points = generator.infer(&LatentKind::Normal.draw(2000, LATENT, Key::named(seed, "test latents")));
    modes(points.data(), &REALS.centres(), 10.0 * REALS.deviation(), 0.01)
}

fn main() -> Result<(), NonFinite> {
    train(1, 3000).map(|_| ())
}
