//! Sampling from a trained network: [`sample`]. `product.rs` decides what is written, `seeds.rs`
//! selects the latents, `arithmetic.rs` calculates with given ones, `styled.rs` changes the styles,
//! `job.rs` draws, and `walk.rs` interpolates.

pub mod animate;
pub mod animation;
pub(crate) mod array_file;
pub mod directions;
pub(crate) mod pictures;
pub(crate) mod plane;
pub mod project;
pub(crate) mod styled;
pub mod styles;
pub mod translate;

mod arithmetic;
mod chosen;
mod job;
mod list;
mod overflow;
mod points;
mod product;
pub(crate) mod seeds;
mod truncated_latents;
mod walk;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::{Advice, advice, plural, quoted};

use self::arithmetic::{Expression, Space};
use self::chosen::{Chosen, Given};
use self::directions::Move;
use self::job::{Job, draw};
use self::pictures::Arrangement;
use self::product::Product;
use self::styled::Styled;
use self::styles::StyleSheet;
use crate::console::Output;
use crate::failure::{Code, Failure};
use crate::folder::resume::{self, Trained};
use crate::plan;
use crate::processor;
use crate::signals;
use crate::storage::{self, RealDisk};
use crate::systems::Trainable;
use models::{FromLatents, LatentKind, Sampler};
use seeds::Seeds;
use tensor::Tensor;
use truncated_latents::TruncatedLatents;
pub use walk::Interpolation;

/// The largest number of images per request, and the largest number of a sample in an expression.
const MOST: usize = 1_000_000;
/// The largest number of tiles on a sheet; hardly any program opens larger ones.
const MOST_ON_A_SHEET: usize = 10_000;

/// The advice when drawing was stopped and the file is not kept.
fn nothing() -> Advice {
    advice!("drawing-stopped", "nothing was written")
}

/// The advice when drawing was stopped and some files are complete.
fn pictures_stay() -> Advice {
    advice!("pictures-stopped", "the pictures that were written are complete")
}

/// What to sample from a trained network, and where it goes.
#[derive(Clone, Debug, Default)]
pub struct SampleRequest {
    /// A run folder, or one of its checkpoint files.
    pub run: PathBuf,
    /// The caller's own system, if the run trains one; built-in systems are found by name.
    pub own: Option<Arc<Trainable>>,
    /// How many samples: by default 16, or 1 of each of several [`seeds`](Self::seeds), or all
    /// given [`latents`](Self::latents) or [`styles`](Self::styles).
    pub count: Option<u64>,
    /// Seed of the latents, by default that of the run. Sample `n` of a seed is always the same.
    pub seed: Option<u64>,
    /// Several seeds instead, such as `0-35,100`.
    pub seeds: Option<String>,
    /// Given latents instead: a `.npy` file, or arithmetic with files and samples of the seed, such
    /// as `mean(1-3) - mean(4-6) + mean(7-9)`.
    pub latents: Option<String>,
    /// Given styles instead, in the same way; a file has one style per image, or one for each of
    /// its layers.
    pub styles: Option<String>,
    /// Writes the latents to this `.npy` file, too: (N, latent), float32.
    pub latents_out: Option<PathBuf>,
    /// Writes the styles to this `.npy` file, too: (N, style), or (N, layers, style) if layers have
    /// different ones.
    pub styles_out: Option<PathBuf>,
    /// Moves the styles along directions, such as `3:2.5` or `file.npy[2]:-1`: the number of a
    /// direction or a file, and how far.
    pub directions: Vec<String>,
    /// The layers that directions move, such as `1-4`; all by default.
    pub layers: Option<String>,
    /// Where the samples go: a `.png` gets a sheet; a `.npy` gets an array of uint8 of shape (N,
    /// height, width) or, in colour, (N, height, width, channels); a path that ends in `/` gets a
    /// folder of single images, or of the frames of an animation. The default is a sheet in the
    /// run folder.
    pub out: Option<PathBuf>,
    /// The checkpoint step to load, instead of the newest one.
    pub checkpoint: Option<u64>,
    /// Uses the weights of the last step, for runs that normally draw with averaged weights.
    pub raw: bool,
    /// Truncation, for systems with styles: the distance of each style from the mean style is
    /// multiplied by this.
    pub psi: Option<f64>,
    /// Truncation, for normal latents: values farther from 0 than this are drawn again.
    pub truncate: Option<f64>,
    /// A sheet that shows what styles and noise control.
    pub sheet: Option<StyleSheet>,
    /// Tiles per row; by default the sheet is about square.
    pub columns: Option<u32>,
    /// Each image pixel is shown as a square of `zoom` x `zoom` pixels.
    pub zoom: Option<u32>,
    /// Pixels between the tiles and around them.
    pub gap: Option<u32>,
    /// An animation between latents instead of single samples.
    pub interpolation: Option<Interpolation>,
    /// Where messages go.
    pub output: Output,
}

impl SampleRequest {
    /// A request for 16 samples of the run, or checkpoint file, `run`, on a sheet in the run
    /// folder.
    pub fn of(run: impl Into<PathBuf>) -> Self {
        Self { run: run.into(), ..Self::default() }
    }
}

/// A file or folder that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds, in a few words.
    pub about: String,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.about)
    }
}

/// Draws the samples and writes them.
///
/// # Errors
/// When the request is invalid, no checkpoint can be used, or the file cannot be written.
pub fn sample(request: &SampleRequest) -> Result<Written, Failure> {
    processor::on_a_kernel_thread(|| sample_here(request))
}

/// Draws on the current thread.
fn sample_here(request: &SampleRequest) -> Result<Written, Failure> {
    let product = Product::of(request)?;
    // Errors in the request alone are reported before a checkpoint is read.
    let listed = match &request.seeds {
        Some(list) => Some(Seeds::listed(list, count(request, product, 1)?, product.most())?),
        None => None,
    };
    let alone = count(request, product, request.sheet.map_or(16, StyleSheet::default_count))?;
    let expression = expression(request)?;
    let moves = request.directions.iter().map(|text| Move::read(text)).collect::<Result<Vec<_>, _>>()?;
    arrays_out(request)?;

    let state = match request.checkpoint {
        Some(step) => &resume::checkpoint_at(&request.run, step, "--checkpoint")?,
        None => &request.run,
    };
    let Trained { config, system, found, run } =
        resume::open_trained_showing(state, request.own.as_ref(), &request.output)?;
    let (sampler, plane) = match system.samples() {
        Sampler::Latents(sampler) => (sampler, None),
        Sampler::Points(plane) => {
            points::check(product, request)?;
            (plane.sampler, Some(plane))
        }
        Sampler::Images(_) => {
            return Err(Failure::new(Code::Usage, "this run does not generate images, it translates them")
                .at(request.run.display())
                .because(format!("`{}` makes images from other images, not from random numbers", config.entry.name))
                .help(advice!(
                    "translates-instead",
                    "give it pictures: `train translate {} PICTURES --direction AtoB --out translated`",
                    quoted(&request.run)
                )));
        }
    };
    let raw = Raw(sampler);
    let styled = styled(request, &moves, sampler, config.seed())?;
    let (plain, sampler): (&dyn FromLatents, &dyn FromLatents) = match &styled {
        Some(styled) => (sampler, styled),
        None if request.raw => (raw.checked(&request.run)?, &raw),
        None => (sampler, sampler),
    };
    let within = request.truncate.map(|bound| TruncatedLatents::new(sampler, bound, &request.run)).transpose()?;
    let sampler = within.as_ref().map_or(sampler, |within| within);
    let alone = if plane.is_some() && request.count.is_none() { plane::COUNT } else { alone };
    let seed = request.seed.unwrap_or(config.seed());
    let chosen = match (expression, listed) {
        (Some(expression), _) => given(request, product, &expression, sampler, styled.as_ref(), seed)?,
        (None, Some(seeds)) => Chosen::Seeds(seeds),
        (None, None) => Chosen::Seeds(Seeds::one(seed, alone)),
    };
    let what = match (request.sheet, product) {
        (Some(sheet), _) => sheet.name(),
        (None, Product::Walk(_)) => "interpolation",
        (None, _) if !moves.is_empty() => "direction",
        (None, _) => "sample",
    };
    let out = request.out.clone().unwrap_or_else(|| default_out(what, &chosen, run.as_deref()));

    storage::make_folder_for(&out)?;
    signals::listen();
    let draw_all = || match (plane, system.image_shape()) {
        (Some(plane), _) => {
            if request.sheet.is_some() {
                styles::of(&Sampler::Points(plane), "--sheet", &request.run)?;
            }
            points::write(product, &out, plane, sampler, &chosen, config.seed())
        }
        (None, image) => {
            let image = image.expect("a sampler that does not draw points draws images");
            let latent = sampler.latents(0, "probe", 1).size();
            // While drawing, each latent exists twice.
            plan::can_have_so_many(chosen.count(), 2 * size_of::<f32>() * latent)?;
            let job = Job {
                sampler,
                image,
                chosen: &chosen,
                arrangement: arrangement(request),
                out: &out,
                output: &request.output,
            };
            match (product, request.sheet, &chosen) {
                (Product::Sheet, Some(sheet), Chosen::Seeds(seeds)) => job.style_sheet(sheet, seeds, &request.run),
                (Product::Sheet, ..) => job.sheet(),
                (Product::Array, ..) => job.array(),
                (Product::Files, ..) => job.files(),
                (Product::Walk(format), ..) => job.walk(format, request),
            }
        }
    };
    let drawn = draw_all().map_err(|failure| overflow::explained(failure, request, plain, sampler, &chosen))?;
    write_arrays(request, sampler, styled.as_ref(), &chosen)?;
    found.passed_over().iter().for_each(|line| request.output.say(line));
    let moved = moves.iter().map(|one| format!(", moved along {}", one.text())).collect::<String>();
    let about = format!("{drawn} of {}, step {}, {}{moved}", config.entry.name, found.checkpoint.step, chosen.label());
    Ok(Written { path: out, about })
}

/// The latents or styles that the request gives.
fn expression(request: &SampleRequest) -> Result<Option<Expression>, Failure> {
    let expression = match (&request.latents, &request.styles) {
        (Some(text), _) => Expression::read(text, "--latents")?,
        (None, Some(text)) => Expression::read(text, "--styles")?,
        (None, None) => return Ok(None),
    };
    if request.seed.is_some() && !expression.has_samples() {
        return Err(Failure::new(Code::Usage, "--seed has no effect on given rows")
            .at("option --seed")
            .because(format!("{} names no samples of a seed", expression.text()))
            .help(advice!("idle-seed", "leave out `--seed`")));
    }
    Ok(Some(expression))
}

/// Rejects files for latents and styles that are not arrays.
fn arrays_out(request: &SampleRequest) -> Result<(), Failure> {
    for path in [&request.latents_out, &request.styles_out].into_iter().flatten() {
        if storage::extension(path) != "npy" {
            return Err(Failure::unknown_extension(path, "an array")
                .help(advice!("array-ending", "use .npy, which NumPy reads")));
        }
        if request.out.as_ref() == Some(path) {
            return Err(Failure::new(Code::Usage, "two outputs have the same path")
                .at(path.display())
                .because("the second would replace the first")
                .help(advice!("two-outputs", "give each a path of its own")));
        }
    }
    Ok(())
}

/// The sampler for everything that concerns styles, if the request asks for any of it.
fn styled<'a>(
    request: &SampleRequest,
    moves: &[Move],
    sampler: &'a dyn FromLatents,
    seed: u64,
) -> Result<Option<Styled<'a>>, Failure> {
    let options = [
        ("--styles", request.styles.is_some()),
        ("--direction", !moves.is_empty()),
        ("--styles-out", request.styles_out.is_some()),
        ("--psi", request.psi.is_some()),
    ];
    let Some((option, _)) = options.iter().find(|(_, given)| *given) else { return Ok(None) };
    let mut styled = Styled::new(&Sampler::Latents(sampler), request.psi.unwrap_or(1.0), option, &request.run)?;
    if !moves.is_empty() {
        let layers = directions::layers_of(request.layers.as_deref(), styled.styles().layers())?;
        let shift = Move::shift(moves, sampler, styled.styles(), &layers, seed)?;
        styled = styled.moved(shift);
    }
    Ok(Some(if request.styles.is_some() { styled.on_styles() } else { styled }))
}

/// The rows of an expression, for `sampler`; those of styles if `styled` draws from styles. With
/// `--count`, only so many of them.
fn given(
    request: &SampleRequest,
    product: Product,
    expression: &Expression,
    sampler: &dyn FromLatents,
    styled: Option<&Styled<'_>>,
    seed: u64,
) -> Result<Chosen, Failure> {
    let of_styles = styled.filter(|styled| styled.is_from_styles()).map(Styled::shape);
    let of_latents = [sampler.latents(0, "probe", 1).size()];
    let row = of_styles.as_ref().map_or(&of_latents[..], |shape| shape);
    let length = row.iter().product::<usize>();
    let mut rows = expression.rows(&Space { sampler, seed, row })?;
    let count = count(request, product, rows.len() / length)?;
    rows.truncate(count * length);
    if rows.len() < count * length || count > product.most() {
        let all = rows.len() / length;
        return Err(Failure::new(Code::Usage, format!("cannot draw {count} {}", plural(count, "image")))
            .at("option --count")
            .because(format!("{} stands for {all}; allowed are at most {}", expression.text(), product.most()))
            .help(advice!("count-of-rows", "draw fewer: `--count {}`", all.min(product.most()))));
    }
    let what = if of_styles.is_some() { "styles" } else { "latents" };
    Ok(Chosen::Given(Given { rows, count, what, text: expression.text().to_owned() }))
}

/// Writes the latents and the styles that were drawn, if the request asks for them.
fn write_arrays(
    request: &SampleRequest,
    sampler: &dyn FromLatents,
    styled: Option<&Styled<'_>>,
    chosen: &Chosen,
) -> Result<(), Failure> {
    if request.latents_out.is_none() && request.styles_out.is_none() {
        return Ok(());
    }
    let (rows, length) = chosen.latents(sampler);
    let rows = Tensor::new(&[chosen.count(), length], rows);
    let write = |path: &Path, array: &Tensor| {
        storage::make_folder_for(path)?;
        storage::write_whole(&RealDisk, path, &array_file::of_numbers(array))
    };
    if let Some(path) = &request.latents_out {
        write(path, &rows)?;
    }
    if let (Some(path), Some(styled)) = (&request.styles_out, styled) {
        let [layers, style] = styled.shape();
        plan::can_have_so_many(chosen.count(), 3 * size_of::<f32>() * layers * style)?;
        write(path, &styled::together(&styled.of_layers(&rows)))?;
    }
    Ok(())
}

/// `--count`, or the default `usual`.
fn count(request: &SampleRequest, product: Product, usual: usize) -> Result<usize, Failure> {
    let Some(count) = request.count else { return Ok(usual) };
    let wanted = usize::try_from(count).ok().filter(|count| (1..=product.most()).contains(count));
    wanted.ok_or_else(|| {
        Failure::new(
            Code::Usage,
            format!("cannot draw {count} {}", plural(usize::try_from(count).unwrap_or(usize::MAX), "sample")),
        )
        .at("option --count")
        .because(format!(
            "allowed: 1 to {MOST_ON_A_SHEET} for a sheet or an animation, 1 to {MOST} for a .npy or a folder"
        ))
    })
}

fn arrangement(request: &SampleRequest) -> Arrangement {
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    Arrangement { columns: request.columns.map(size), zoom: request.zoom.map(size), gap: request.gap.map(size) }
}

/// The default output path: beside the run's own sheets.
fn default_out(what: &str, chosen: &Chosen, run: Option<&Path>) -> PathBuf {
    let name = format!("{what}-{}.png", chosen.file_label());
    run.map_or_else(|| PathBuf::from(&name), |run| run.join("samples").join(&name))
}

/// Draws with the weights of the last step instead of their average.
struct Raw<'a>(&'a dyn FromLatents);

impl Raw<'_> {
    /// Returns itself if the system has averaged weights.
    fn checked(&self, run: &Path) -> Result<&dyn FromLatents, Failure> {
        match self.0.draw_raw(&self.latents(0, "probe", 1)) {
            Some(_) => Ok(self),
            None => Err(Failure::new(Code::Usage, "this run keeps no average of its weights")
                .at(run.display())
                .because("it was trained with ema = 0, so there are only the weights of the last step")
                .help(advice!("no-average", "leave out `--raw`"))),
        }
    }
}

impl FromLatents for Raw<'_> {
    fn kind(&self) -> LatentKind {
        self.0.kind()
    }
    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        self.0.latents(seed, stream, count)
    }
    fn draw(&self, latents: &Tensor) -> Tensor {
        self.0.draw_raw(latents).unwrap_or_else(|| self.0.draw(latents))
    }
}
