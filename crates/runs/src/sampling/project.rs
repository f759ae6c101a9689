//! Projection: [`project`] searches for the style with which a trained network reproduces a given
//! image.
//!
//! The picture is scaled to the size of the training images, in the same way as those were. A sheet
//! shows it beside the network's output at some stages of the search; the style that was found is
//! saved beside the sheet, as an array.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::{advice, load_picture, plural};

use crate::console::{LateBar, Output};
use crate::data;
use crate::failure::{Code, Failure};
use crate::folder::resume::{self, Trained};
use crate::processor;
use crate::sampling::array_file;
use crate::sampling::pictures::{self, Arrangement};
use crate::sampling::{Written, styles};
use crate::signals;
use crate::storage::{self, RealDisk};
use crate::systems::Trainable;
use models::Projection;
use tensor::Tensor;

/// The stages shown on the sheet, as fractions of all steps.
const SHOWN: [f64; 5] = [0.0, 0.05, 0.25, 0.5, 1.0];

/// Which image to project into which run, and where the result goes.
#[derive(Clone, Debug)]
pub struct ProjectRequest {
    /// A run folder, or one of its checkpoint files.
    pub run: PathBuf,
    /// The caller's own system, if the run trains one; built-in systems are found by name.
    pub own: Option<Arc<Trainable>>,
    /// The image; it is scaled to the size of the training images.
    pub picture: PathBuf,
    /// Steps of the search.
    pub steps: u32,
    /// Seed of the search, by default that of the run.
    pub seed: Option<u64>,
    /// The sheet, a `.png`; the style is saved beside it as `.npy`. By default, a sheet in the run
    /// folder.
    pub out: Option<PathBuf>,
    /// Where messages go.
    pub output: Output,
}

impl ProjectRequest {
    /// A search for `picture` with the run `run` and default settings.
    pub fn of(run: impl Into<PathBuf>, picture: impl Into<PathBuf>) -> Self {
        let (own, seed, out) = (None, None, None);
        Self { run: run.into(), own, picture: picture.into(), steps: 1000, seed, out, output: Output::default() }
    }
}

/// Searches for the style, and writes the result.
///
/// # Errors
/// When the run has no styles, no checkpoint can be used, the picture cannot be read, or a file
/// cannot be written.
pub fn project(request: &ProjectRequest) -> Result<Written, Failure> {
    processor::on_a_kernel_thread(|| project_here(request))
}

/// Searches on the current thread.
fn project_here(request: &ProjectRequest) -> Result<Written, Failure> {
    if let Some(path) = &request.out
        && storage::extension(path) != "png"
    {
        return Err(Failure::unknown_extension(path, "the sheet")
            .help(advice!("project-ending", "use .png; the style is written next to it, as .npy")));
    }
    let Trained { config, system, found, run } =
        resume::open_trained_showing(&request.run, request.own.as_ref(), &request.output)?;
    let help = |failure: Failure| failure.help(advice!("project-needs-styles", "give a run of stylegan2 or stylegan"));
    let (sampler, styles) = styles::of(&system.samples(), "train project", &request.run).map_err(help)?;
    let shape @ [height, width, channels] = system.image_shape().expect("styles make images");
    let pixels = load_picture(&request.picture, shape, &config.fitting()?).map_err(data::failure)?;
    let target = Tensor::from_fn([1, height, width, channels], |i| f32::from(pixels[i]) / 255.0);
    let seed = request.seed.unwrap_or(config.seed());
    let new = || Projection::new(sampler, styles, &target, request.steps as usize, seed);
    let projection = request.output.busy("calculating the mean style", new);
    let out = request.out.clone().unwrap_or_else(|| default_out(&request.picture, run.as_deref()));

    storage::make_folder_for(&out)?;
    signals::listen();
    let Search { columns, distances: [first, last], style } =
        search(projection, &target, request.steps, &request.output)?;
    let columns = columns.into_iter().map(pictures::finite).collect::<Result<Vec<_>, _>>()?;
    let array = out.with_extension("npy");
    storage::write_whole(&RealDisk, &array, &array_file::of_numbers(&style))?;
    let arrangement = Arrangement::in_columns(columns.len());
    pictures::write_sheet(&RealDisk, &out, &pictures::side_by_side(&columns), shape, arrangement)?;
    found.passed_over().iter().for_each(|line| request.output.say(line));
    let about = format!(
        "distance {last:.4}, {first:.4} at the mean style; {} of {}, step {}, seed {seed}; style in {}",
        request.picture.display(),
        config.entry.name,
        found.checkpoint.step,
        array.display()
    );
    Ok(Written { path: out, about })
}

/// The default path of the sheet: beside the run's own sheets, named after the picture.
fn default_out(picture: &Path, run: Option<&Path>) -> PathBuf {
    let name = format!("project-{}.png", picture.file_stem().unwrap_or_default().to_string_lossy());
    run.map_or_else(|| PathBuf::from(&name), |run| run.join("samples").join(&name))
}

/// The result of a search.
struct Search {
    /// The target picture, and the network's output at each stage of the sheet.
    columns: Vec<Tensor>,
    /// The distance to the target before the first and after the last step.
    distances: [f64; 2],
    style: Tensor,
}

fn search(mut projection: Projection, target: &Tensor, steps: u32, output: &Output) -> Result<Search, Failure> {
    let bar = LateBar::new(output, "steps", u64::from(steps));
    let (mut columns, first) = (vec![target.clone()], projection.distance());
    for step in 0..=steps {
        if SHOWN.iter().any(|share| (share * f64::from(steps)).round() == f64::from(step)) {
            columns.push(projection.picture());
        }
        if signals::asked() {
            return Err(Failure::new(Code::Interrupted, "stopped before the style was found")
                .because(format!("{step} of {steps} {} done", plural(steps as usize, "step")))
                .help(advice!("search-stopped", "nothing was written")));
        }
        if step < steps {
            processor::keep_threads_awake(|| projection.step());
        }
        bar.set(u64::from(step));
    }
    Ok(Search { columns, distances: [first, projection.distance()], style: projection.style() })
}
