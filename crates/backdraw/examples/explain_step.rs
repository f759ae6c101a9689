//! Opens a training step: records everything that the engine does in it, and writes the page that
//! explains it.
//!
//! Run `cargo run -p backdraw --example explain_step`, and open `explain.html` in a browser. For a
//! step of a run, see `runs::explanation::ExplainRequest`.

use std::io;
use std::path::Path;

use backdraw::explain::document::{Document, Header};
use backdraw::explain::recorder::Recorder;
use backdraw::explain::{explain, page};
use backdraw::prelude::*;

const BATCH: usize = 4;

/// Trains both networks of a tiny GAN for one step, while a recorder observes the engine. The
/// recorder changes no bit of the result.
pub(crate) fn record(seed: u64) -> Result<Document, NonFinite> {
    let mut discriminator = Network::new("discriminator", &[2], Dialect::Torch, seed)
        .with("dense1", Dense::new(4))
        .with("tanh", Activation::Tanh)
        .with("dense2", Dense::new(1));
    let mut generator = Network::new("generator", &[2], Dialect::Torch, seed).with("dense", Dense::new(2));
    let [mut d_optimizer, mut g_optimizer] =
        [&discriminator, &generator].map(|network| Optimizer::adam(network, 1e-3, 0.5, 0.999));
    let random = |purpose| RngContext { seed, step: 0, purpose };
    let reals = Var::constant(Mixture::Ring8.points(BATCH, Key::named(seed, "reals")));
    let latents = Var::constant(LatentKind::Normal.draw(BATCH, 2, Key::named(seed, "latents")));

    let (recording, result) = Recorder::record(|| {
        let fakes = Var::constant(generator.infer(latents.value()));
        let (gradients, ()) = differentiate(random("discriminator step"), |ctx| {
            let [real, fake] = [&reals, &fakes].map(|points| discriminator.forward(ctx, points));
            (logistic_discriminator(&real, &fake), ())
        })?;
        d_optimizer.step(&mut discriminator, &gradients);
        let (gradients, ()) = differentiate(random("generator step"), |ctx| {
            let fakes = generator.forward(ctx, &latents);
            (logistic_generator(&ctx.frozen(|ctx| discriminator.forward(ctx, &fakes))), ())
        })?;
        g_optimizer.step(&mut generator, &gradients);
        Ok(())
    });
    result?;
    let header = Header {
        title: "A step of a tiny GAN".into(),
        system: "own".into(),
        seed,
        step: 1,
        batch: BATCH,
        dtype: "f32".into(),
        ..Header::default()
    };
    Ok(explain(&recording, header).document)
}

/// Writes the page into the file `out`.
pub(crate) fn write(out: &Path) -> io::Result<()> {
    let document = record(1).map_err(io::Error::other)?;
    // The document has everything that the page shows: here, every operation with its gradient.
    for node in &document.nodes {
        println!("{:>3}  {:<16} {:?}", node.id, node.op, node.shape);
    }
    let checks = document.nodes.iter().filter_map(|node| node.check.as_ref());
    println!("{} gradients agree with finite differences", checks.filter(|check| check.pass).count());
    std::fs::write(out, page(&document))
}

fn main() -> io::Result<()> {
    write(Path::new("explain.html"))
}
