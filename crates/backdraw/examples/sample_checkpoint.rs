//! Loads a checkpoint and draws with its generator: into memory, and into files.
//!
//! Run `cargo run -p backdraw --example sample_checkpoint`. The first time it trains `mnist` for
//! some seconds, into `runs/digits`.

use std::path::Path;

use backdraw::prelude::*;

/// The image as text, a character for every second row.
fn text(image: &[f32], width: usize) -> String {
    let shade = |brightness: &f32| b" .:-=+*#%@"[(9.99 * brightness.clamp(0.0, 1.0)) as usize] as char;
    let rows = image.chunks(width).step_by(2);
    rows.map(|row| row.iter().map(shade).collect::<String>() + "\n").collect()
}

/// Draws with the run in the folder `run`, which is first trained to step `steps`.
pub(crate) fn draw(run: &Path, steps: u32) -> Result<(), Failure> {
    let training = Run::built_in("mnist").expect("a built-in system").set("preset", "cpu").data("built-in");
    training.steps(steps).out(run).train()?;

    // The newest intact checkpoint; a path of a file in `runs/digits/checkpoints` selects another.
    let trained = open_trained(run, None)?;
    println!("step {} of {}", trained.found.checkpoint.step, trained.config.entry.name);
    let Sampler::Latents(generator) = trained.system.samples() else { unreachable!("mnist draws from latents") };

    // Two latents, and the one halfway between them.
    let latents = generator.latents(7, "my latents", 2);
    let [a, b] = [0, 1].map(|i| Var::constant(latents.rows(i..i + 1)));
    let halfway = 0.5 * (a + b);
    // Images have the shape (n, height, width, channels), with values in [0, 1].
    let images = generator.draw(&latents.concat(halfway.value()));
    let &[count, height, width, _] = &**images.shape() else { unreachable!("images have four axes") };
    for (image, name) in images.data().chunks(height * width).zip(["first", "second", "halfway"]) {
        println!("{name}, 1 of {count}:\n{}", text(image, width));
    }

    // The same from files: a sheet, an array for NumPy, a folder of pictures. Sample n of a seed is
    // always the same.
    for out in ["sheet.png", "samples.npy", "pictures/"] {
        let request = SampleRequest { count: Some(25), out: Some(run.join(out)), ..SampleRequest::of(run) };
        println!("{}", sample(&request)?);
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    draw(Path::new("runs/digits"), 500)
}
