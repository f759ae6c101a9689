//! Directions in the space of styles: [`directions`] finds those along which images change most,
//! writes them as arrays, and draws a sheet of what each does. `train sample --direction` moves
//! samples along them.

mod find;
mod moves;

use std::path::PathBuf;
use std::sync::Arc;

use datasets::{advice, plural};

use super::array_file;
use super::list;
use super::pictures::{self, Arrangement};
use super::seeds::STREAM;
use super::{Written, styles};
use crate::console::{LateBar, Output};
use crate::failure::{Code, Failure};
use crate::folder::resume::{self, Trained};
use crate::plan;
use crate::processor;
use crate::signals;
use crate::storage::{self, RealDisk};
use crate::systems::Trainable;
use models::{FromLatents, Styles};
use tensor::Tensor;

pub(super) use find::closed_form;
pub(super) use moves::Move;

/// The columns of a sheet: how far each sample is moved.
const AMOUNTS: [f32; 7] = [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0];
/// The largest number of directions that are written.
pub const MOST: u32 = 512;

/// How directions are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// From the weights: the directions to which the layers with styles respond most (Shen and
    /// Zhou, "Closed-form factorization of latent semantics in GANs", 2021).
    ClosedForm,
    /// From samples: the directions in which styles vary most (Härkönen, Hertzmann, Lehtinen and
    /// Paris, "GANSpace: discovering interpretable GAN controls", 2020).
    Principal,
}

impl Method {
    /// The name of its files, without extension.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClosedForm => "sefa",
            Self::Principal => "principal",
        }
    }
}

/// Which directions to find, and where they go.
#[derive(Clone, Debug)]
pub struct DirectionsRequest {
    /// A run folder, or one of its checkpoint files.
    pub run: PathBuf,
    /// The caller's own system, if the run trains one; built-in systems are found by name.
    pub own: Option<Arc<Trainable>>,
    /// The checkpoint step to load, instead of the newest one.
    pub checkpoint: Option<u64>,
    /// How they are found; each method has files of its own.
    pub methods: Vec<Method>,
    /// How many, from 1 to [`MOST`]; there are at most as many as a style has numbers.
    pub count: u32,
    /// The layers that are moved, such as `1-4`; all by default.
    pub layers: Option<String>,
    /// Seed of the sample on the sheets, by default that of the run.
    pub seed: Option<u64>,
    /// The folder; `directions` in the run folder by default.
    pub out: Option<PathBuf>,
    /// Where messages go.
    pub output: Output,
}

impl DirectionsRequest {
    /// A request for the eight strongest directions of the run `run` by both methods.
    pub fn of(run: impl Into<PathBuf>) -> Self {
        let methods = vec![Method::ClosedForm, Method::Principal];
        let (own, checkpoint, layers, seed, out) = (None, None, None, None, None);
        Self { run: run.into(), own, checkpoint, methods, count: 8, layers, seed, out, output: Output::default() }
    }
}

/// Finds the directions, and writes them.
///
/// # Errors
/// When the run has no styles, no checkpoint can be used, or a file cannot be written.
pub fn directions(request: &DirectionsRequest) -> Result<Written, Failure> {
    processor::on_a_kernel_thread(|| directions_here(request))
}

/// Finds them on the current thread.
fn directions_here(request: &DirectionsRequest) -> Result<Written, Failure> {
    let state = match request.checkpoint {
        Some(step) => &resume::checkpoint_at(&request.run, step, "--checkpoint")?,
        None => &request.run,
    };
    let Trained { config, system, found, run } =
        resume::open_trained_showing(state, request.own.as_ref(), &request.output)?;
    let help =
        |failure: Failure| failure.help(advice!("directions-need-styles", "give a run of stylegan or stylegan2"));
    let (sampler, styles) = styles::of(&system.samples(), "train directions", &request.run).map_err(help)?;
    let image = system.image_shape().expect("styles make images");
    let layers = layers_of(request.layers.as_deref(), styles.layers())?;
    let out = request
        .out
        .clone()
        .unwrap_or_else(|| run.as_deref().map_or_else(|| "directions".into(), |run| run.join("directions")));
    let seed = request.seed.unwrap_or(config.seed());

    storage::make_folder(&out)?;
    signals::listen();
    let sheet = Sheet { sampler, styles, layers: &layers, image, seed };
    let mut about = Vec::new();
    for method in &request.methods {
        let found = request.output.busy("finding directions", || match method {
            Method::ClosedForm => find::closed_form(sampler, styles, &layers, config.seed()),
            Method::Principal => find::principal(sampler, styles, config.seed()),
        });
        let count = (request.count as usize).min(found.vectors.shape()[0]);
        let vectors = found.vectors.rows(0..count);
        let [array, picture] = ["npy", "png"].map(|extension| out.join(method.name()).with_extension(extension));
        sheet.draw(&vectors, &picture, &request.output)?;
        storage::write_whole(
            &RealDisk,
            &array,
            &array_file::of_numbers(&in_layers(&vectors, &layers, styles.layers())),
        )?;
        let [array, picture] = [array, picture].map(|path| path.file_name().unwrap_or_default().display().to_string());
        let share = match method {
            Method::ClosedForm => String::new(),
            Method::Principal => {
                let share = found.values[..count].iter().sum::<f64>() / found.values.iter().sum::<f64>();
                format!(" ({:.0}% of the variance of styles)", 100.0 * share)
            }
        };
        about.push(format!("{count} {} in {array} and {picture}{share}", plural(count, "direction")));
    }
    found.passed_over().iter().for_each(|line| request.output.say(line));
    let about = format!("{}, of {}, step {}", about.join("; "), config.entry.name, found.checkpoint.step);
    Ok(Written { path: out, about })
}

/// Which of `count` layers are moved: those of a list such as `1-4`, or all.
///
/// # Errors
/// When it is not such a list.
pub(super) fn layers_of(list: Option<&str>, count: usize) -> Result<Vec<bool>, Failure> {
    let Some(list) = list else { return Ok(vec![true; count]) };
    let numbers = list::numbers(list, count).map_err(|why| {
        Failure::new(Code::Usage, "cannot read the list of layers").at("option --layers").because(why).help(advice!(
            "list-of-layers",
            "give the numbers of layers, from the coarsest, 1, to the finest, {count}, such as `--layers 1-2,{count}`"
        ))
    })?;
    Ok((1..=count).map(|layer| numbers.contains(&layer)).collect())
}

/// Directions (n, style) as they are written: with an axis of layers, (n, layers, style), if some
/// layers are not moved.
fn in_layers(vectors: &Tensor, moved: &[bool], layers: usize) -> Tensor {
    if moved.iter().all(|moved| *moved) {
        return vectors.clone();
    }
    let &[count, width] = &**vectors.shape() else { unreachable!("directions are (n, style)") };
    let part = |i: usize| {
        if moved[i / width % layers] { vectors.data()[i / (layers * width) * width + i % width] } else { 0.0 }
    };
    Tensor::from_fn([count, layers, width], part)
}

/// How a sheet of directions is drawn.
struct Sheet<'a> {
    sampler: &'a dyn FromLatents,
    styles: &'a dyn Styles,
    layers: &'a [bool],
    image: [usize; 3],
    seed: u64,
}

impl Sheet<'_> {
    /// Draws sample 1 of the seed, moved along each direction (the rows) by each amount (the
    /// columns).
    fn draw(&self, vectors: &Tensor, path: &std::path::Path, output: &Output) -> Result<(), Failure> {
        let &[count, width] = &**vectors.shape() else { unreachable!("directions are (n, style)") };
        let pixels: usize = self.image.iter().product();
        plan::can_have_so_many(count * AMOUNTS.len(), 2 * size_of::<f32>() * pixels)?;
        let style = self.styles.styles_of(&self.sampler.latents(self.seed, STREAM, 1));
        let bar = LateBar::new(output, "columns", AMOUNTS.len() as u64);
        let mut columns = Vec::new();
        for amount in AMOUNTS {
            if signals::asked() {
                return Err(Failure::new(Code::Interrupted, "stopped before the directions were drawn")
                    .at(path.display())
                    .help(advice!("directions-stopped", "the files that were written are complete")));
            }
            let moved = Tensor::from_fn([count, width], |i| style.data()[i % width] + amount * vectors.data()[i]);
            let drawn = pictures::in_parts(count, self.image, |rows| {
                let still = Tensor::from_fn([rows.len(), width], |i| style.data()[i % width]);
                let moved = moved.rows(rows);
                let of = |is_moved: &bool| if *is_moved { moved.clone() } else { still.clone() };
                let of_layers: Vec<Tensor> = self.layers.iter().map(of).collect();
                processor::keep_threads_awake(|| self.styles.draw_styled(&of_layers, None))
            });
            columns.push(pictures::finite(drawn)?);
            bar.increment();
        }
        let arrangement = Arrangement::in_columns(AMOUNTS.len());
        pictures::write_sheet(&RealDisk, path, &pictures::side_by_side(&columns), self.image, arrangement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_that_are_not_moved_have_zeros() {
        let vectors = Tensor::from_fn([2, 2], |i| (i + 1) as f32);
        assert_eq!(in_layers(&vectors, &[true; 3], 3), vectors);
        let written = in_layers(&vectors, &[true, false, true], 3);
        assert_eq!(written.shape().to_vec(), [2, 3, 2]);
        assert_eq!(written.data(), [1.0, 2.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 3.0, 4.0]);
        assert_eq!(layers_of(Some("1,3"), 3).unwrap(), [true, false, true]);
        assert!(layers_of(Some("4"), 3).unwrap_err().to_string().contains("the largest number is 3"));
    }
}
