//! Sampling from a trained network: [`sample`]. `seeds.rs` selects the latents, `walk.rs`
//! interpolates between them.

pub mod animate;
pub mod animation;
pub(crate) mod array_file;
pub(crate) mod pictures;
pub(crate) mod plane;
pub mod project;
pub mod styles;
pub mod translate;

mod points;
pub(crate) mod seeds;
mod truncated_latents;
mod walk;

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::{Advice, advice, plural, quoted};

use self::animation::Format;
use self::pictures::{Arrangement, Layout};
use self::styles::{StyleSheet, Truncated};
use crate::console::Output;
use crate::failure::{Code, Failure};
use crate::folder::resume::{self, Trained};
use crate::observers::progress;
use crate::plan;
use crate::processor;
use crate::signals;
use crate::storage::{self, RealDisk, StorageError, Unfinished};
use crate::systems::Trainable;
use models::{FromLatents, LatentKind, Sampler};
use seeds::Seeds;
use tensor::Tensor;
use truncated_latents::TruncatedLatents;
pub use walk::Interpolation;

/// The largest number of images per request.
const MOST: usize = 1_000_000;
/// The largest number of tiles on a sheet; hardly any program opens larger ones.
const MOST_ON_A_SHEET: usize = 10_000;

/// The advice when drawing was stopped and the file is not kept.
fn nothing() -> Advice {
    advice!("drawing-stopped", "nothing was written")
}

/// What to sample from a trained network, and where it goes.
#[derive(Clone, Debug, Default)]
pub struct SampleRequest {
    /// A run folder, or one of its checkpoint files.
    pub run: PathBuf,
    /// The caller's own system, if the run trains one; built-in systems are found by name.
    pub own: Option<Arc<Trainable>>,
    /// How many samples: by default 16, or 1 of each of several [`seeds`](Self::seeds).
    pub count: Option<u64>,
    /// Seed of the latents, by default that of the run. Sample `n` of a seed is always the same.
    pub seed: Option<u64>,
    /// Several seeds instead, such as `0-35,100`.
    pub seeds: Option<String>,
    /// Where the samples go: a `.png` gets a sheet; a `.npy` gets an array of uint8 of shape (N,
    /// height, width) or, in colour, (N, height, width, 3); a path that ends in `/` gets a folder
    /// of single images. The default is a sheet in the run folder.
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

/// The kind of output.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Product {
    /// All images side by side.
    Sheet,
    /// An array of bytes.
    Array,
    /// A folder with one picture per image.
    Files,
    /// An animated interpolation between latents.
    Walk(Format),
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
    let product = product_of(request)?;
    // Errors in the request alone are reported before a checkpoint is read.
    let listed = match &request.seeds {
        Some(list) => Some(Seeds::listed(list, count(request, product, 1)?, most(product))?),
        None => None,
    };
    let alone = count(request, product, request.sheet.map_or(16, StyleSheet::default_count))?;

    let state = match request.checkpoint {
        Some(step) => &resume::checkpoint_at(&request.run, step, "--checkpoint")?,
        None => &request.run,
    };
    let Trained { config, system, found, run } = resume::open_trained(state, request.own.as_ref())?;
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
    let truncated = request.psi.map(|psi| Truncated::new(&Sampler::Latents(sampler), psi, &request.run)).transpose()?;
    let sampler = match &truncated {
        Some(truncated) => truncated,
        None if request.raw => raw.checked(&request.run)?,
        None => sampler,
    };
    let within = request.truncate.map(|bound| TruncatedLatents::new(sampler, bound, &request.run)).transpose()?;
    let sampler = within.as_ref().map_or(sampler, |within| within);
    let alone = if plane.is_some() && request.count.is_none() { plane::COUNT } else { alone };
    let seeds = listed.unwrap_or_else(|| Seeds::one(request.seed.unwrap_or(config.seed()), alone));
    let what = match (request.sheet, product) {
        (Some(sheet), _) => sheet.name(),
        (None, Product::Walk(_)) => "interpolation",
        (None, _) => "sample",
    };
    let out = request.out.clone().unwrap_or_else(|| default_out(what, &seeds, run.as_deref()));

    storage::make_folder_for(&out)?;
    signals::listen();
    let drawn = match (plane, system.image_shape()) {
        (Some(plane), _) => {
            if request.sheet.is_some() {
                styles::of(&Sampler::Points(plane), "--sheet", &request.run)?;
            }
            points::write(product, &out, plane, sampler, &seeds, config.seed())?
        }
        (None, image) => {
            let image = image.expect("a sampler that does not draw points draws images");
            let latent = sampler.latents(0, "probe", 1).size();
            // While drawing, each latent exists twice.
            plan::can_have_so_many(seeds.count(), 2 * size_of::<f32>() * latent)?;
            let job = Job {
                sampler,
                image,
                seeds: &seeds,
                arrangement: arrangement(request),
                out: &out,
                output: &request.output,
            };
            match product {
                Product::Sheet => match request.sheet {
                    Some(sheet) => job.style_sheet(sheet, &request.run)?,
                    None => job.sheet()?,
                },
                Product::Array => job.array()?,
                Product::Files => job.files()?,
                Product::Walk(format) => job.walk(format, request)?,
            }
        }
    };
    found.passed_over().iter().for_each(|line| request.output.say(line));
    let about = format!("{drawn} of {}, step {}, {}", config.entry.name, found.checkpoint.step, seeds.label());
    Ok(Written { path: out, about })
}

/// The kind of output that the request asks for; the file extension decides.
fn product_of(request: &SampleRequest) -> Result<Product, Failure> {
    let walks = request.interpolation.is_some();
    let product = match &request.out {
        None if walks => Product::Walk(Format::Png),
        None => Product::Sheet,
        Some(path)
            if path.as_os_str().to_string_lossy().ends_with(['/', std::path::MAIN_SEPARATOR]) || path.is_dir() =>
        {
            Product::Files
        }
        Some(path) => match &*storage::extension(path) {
            "png" | "gif" if walks => Product::Walk(Format::of(path)?),
            "png" => Product::Sheet,
            "npy" => Product::Array,
            "gif" => {
                return Err(Failure::new(Code::Usage, "a .gif is an animation").at(path.display()).help(advice!(
                    "gif-moves",
                    "add `--interpolate`, or make a sheet, `--out {}`",
                    with_extension(path, "png")
                )));
            }
            _ => {
                return Err(Failure::unknown_extension(path, "the samples").help(advice!(
                    "samples-ending",
                    "`--out {0}.png` is a sheet, `--out {0}.npy` an array of uint8, `--out {0}/` a folder of single pictures,\n\
                     `--interpolate --out {0}.gif` an animation",
                    with_extension(path, "")
                )));
            }
        },
    };
    // An option without effect is an error.
    let [walk, zoom] = [("--interpolate", walks), ("--zoom", request.zoom.is_some())];
    let sheet = ("--sheet", request.sheet.is_some());
    let [columns, gap] = [("--columns", request.columns.is_some()), ("--gap", request.gap.is_some())];
    let (what, idle) = match product {
        Product::Array => ("an array", &[walk, sheet, columns, gap, zoom][..]),
        Product::Files => ("single pictures", &[walk, sheet, columns, gap][..]),
        Product::Sheet | Product::Walk(_) => ("", &[][..]),
    };
    match idle.iter().find(|(_, given)| *given) {
        Some((option, _)) => {
            let out = request.out.as_deref().unwrap_or(Path::new(""));
            Err(Failure::new(Code::Usage, format!("{option} has no effect on {what}")).at(out.display()).help(advice!(
                "idle-option",
                "leave out `{option}`, or make a picture, `--out {}`",
                with_extension(out, "png")
            )))
        }
        None => Ok(product),
    }
}

/// The path with another extension, quoted for the command line.
fn with_extension(path: &Path, extension: &str) -> String {
    quoted(&path.with_extension(extension))
}

/// The largest number of images.
fn most(product: Product) -> usize {
    if matches!(product, Product::Array | Product::Files) { MOST } else { MOST_ON_A_SHEET }
}

/// `--count`, or the default `usual`.
fn count(request: &SampleRequest, product: Product, usual: usize) -> Result<usize, Failure> {
    let Some(count) = request.count else { return Ok(usual) };
    let wanted = usize::try_from(count).ok().filter(|count| (1..=most(product)).contains(count));
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
fn default_out(what: &str, seeds: &Seeds, run: Option<&Path>) -> PathBuf {
    let name = format!("{what}-{}.png", seeds.label().replace(' ', "-"));
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

/// A drawing job: inputs and output path.
struct Job<'a> {
    sampler: &'a dyn FromLatents,
    /// Height, width, channels.
    image: [usize; 3],
    seeds: &'a Seeds,
    arrangement: Arrangement,
    out: &'a Path,
    output: &'a Output,
}

impl Job<'_> {
    /// Draws a sheet. Returns a short description of what was written, as the following methods do.
    fn sheet(&self) -> Result<String, Failure> {
        self.laid_out(&self.layout(self.seeds.count())?, || {
            let mut pixels = Vec::new();
            self.each_batch(&nothing(), |bytes| {
                pixels.extend_from_slice(bytes);
                Ok(())
            })?;
            Ok(pixels)
        })?;
        Ok(self.counted())
    }

    /// Draws a sheet of what styles and noise control, with the system of this run.
    fn style_sheet(&self, sheet: StyleSheet, run: &Path) -> Result<String, Failure> {
        let (_, styles) = styles::of(&Sampler::Latents(self.sampler), "--sheet", run)?;
        let count = self.seeds.count();
        let [rows, columns] = sheet.grid(count);
        let arrangement = Arrangement { columns: Some(columns), ..self.arrangement };
        let layout = Layout::new(rows * columns, self.image, arrangement).map_err(|why| self.too_large(why))?;
        self.laid_out(&layout, || {
            let latents = self.seeds.of_one(self.sampler, sheet.latents(count));
            let columns = sheet.draw(styles, &latents, self.seeds.first(), self.image);
            let columns = columns.into_iter().map(pictures::finite).collect::<Result<Vec<_>, _>>()?;
            Ok(pictures::side_by_side(&columns))
        })?;
        Ok(format!("{} of {count} {}", sheet.name(), plural(count, "sample")))
    }

    /// Writes a sheet with the pixels that `draw` returns.
    fn laid_out(&self, layout: &Layout, draw: impl FnOnce() -> Result<Vec<u8>, Failure>) -> Result<(), Failure> {
        // The pixels, and the encoded file, which may be as large.
        plan::can_have_so_many(self.seeds.count(), (3 * layout.bytes()).div_ceil(self.seeds.count()))?;
        let mut file = Unfinished::begin(&RealDisk, self.out)?;
        let sheet = layout.encode(&draw()?).map_err(|why| self.failed(why))?;
        file.write_all(&sheet).map_err(|error| StorageError::new("write", self.out, error))?;
        Ok(file.finish()?)
    }

    /// Writes an array of shape (count, height, width), or (count, height, width, channels) for
    /// colour images.
    fn array(&self) -> Result<String, Failure> {
        let [height, width, channels] = self.image;
        let shape = [self.seeds.count(), height, width, channels];
        let mut file = Unfinished::begin(&RealDisk, self.out)?;
        let failed = |error: std::io::Error| StorageError::new("write", self.out, error);
        file.write_all(&array_file::header(array_file::BYTES, if channels == 1 { &shape[..3] } else { &shape }))
            .map_err(failed)?;
        self.each_batch(&nothing(), |bytes| Ok(file.write_all(bytes).map_err(failed)?))?;
        file.finish()?;
        Ok(self.counted())
    }

    /// Writes one picture per image.
    fn files(&self) -> Result<String, Failure> {
        storage::make_folder(self.out)?;
        let arrangement = Arrangement { zoom: self.arrangement.zoom.or(Some(1)), ..Arrangement::BARE };
        let layout = Layout::new(1, self.image, arrangement).map_err(|why| self.too_large(why))?;
        let mut number = 0;
        self.each_batch(&advice!("pictures-stopped", "the pictures that were written are complete"), |bytes| {
            for image in bytes.chunks_exact(self.image.iter().product()) {
                let path = self.out.join(self.seeds.name(number) + ".png");
                let file = layout.encode(image).map_err(|why| self.failed(why))?;
                storage::write_whole(&RealDisk, &path, &file)?;
                number += 1;
            }
            Ok(())
        })?;
        let [first, last] = [0, number - 1].map(|number| self.seeds.name(number));
        Ok(format!("{} ({first}.png to {last}.png)", self.counted()))
    }

    /// Draws all samples in batches, and passes the bytes of each batch to `visit`. The result does
    /// not depend on the batch size.
    fn each_batch(&self, kept: &Advice, mut visit: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        let (latents, length) = self.seeds.latents(self.sampler);
        let bar = progress::bar(self.output, 0, self.seeds.count() as u64);
        let mut drawn = 0;
        for batch in latents.chunks(length * pictures::at_a_time(self.image)) {
            self.stop_if_asked(drawn, self.seeds.count(), kept)?;
            visit(&processor::keep_threads_awake(|| draw(self.sampler, batch, length))?)?;
            drawn += batch.len() / length;
            if let Some(bar) = &bar {
                bar.set_position(drawn as u64);
            }
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        Ok(())
    }

    fn stop_if_asked(&self, done: usize, of: usize, kept: &Advice) -> Result<(), Failure> {
        if !signals::asked() {
            return Ok(());
        }
        Err(Failure::new(Code::Interrupted, "stopped before everything was drawn")
            .at(self.out.display())
            .because(format!("{done} of {of} {} drawn", plural(of, "picture")))
            .help(kept.clone()))
    }

    fn layout(&self, count: usize) -> Result<Layout, Failure> {
        Layout::new(count, self.image, self.arrangement).map_err(|why| self.too_large(why))
    }

    fn too_large(&self, why: String) -> Failure {
        Failure::new(Code::Usage, "cannot arrange the samples").at(self.out.display()).because(why).help(advice!(
            "sheet-too-large",
            "ask for fewer or smaller ones, such as `--count 16 --columns 4 --zoom 1`"
        ))
    }

    fn failed(&self, why: String) -> Failure {
        StorageError::drawing(self.out, why).into()
    }

    fn counted(&self) -> String {
        format!("{} {}", self.seeds.count(), plural(self.seeds.count(), "sample"))
    }
}

/// The images for some latents of `length` floats each, as bytes.
fn draw(sampler: &dyn FromLatents, latents: &[f32], length: usize) -> Result<Vec<u8>, Failure> {
    let images = sampler.draw(&Tensor::new(&[latents.len() / length, length], latents.to_vec()));
    Ok(pictures::bytes(&pictures::finite(images)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::{Settings as _, System as _, quickdraw};

    /// A small network with non-default weights and running statistics.
    fn system() -> quickdraw::Quickdraw {
        let settings = quickdraw::Settings { batch: 2, depth: 2, ..quickdraw::Settings::preset("cpu").unwrap() };
        quickdraw::Quickdraw::new(settings, 3).unwrap()
    }

    /// Sample 3 is the same in a batch of one, of three and of many, on one thread and on three.
    #[test]
    fn a_sample_does_not_depend_on_its_batch() {
        let drawn = |at_a_time: usize, threads: usize| -> Vec<u8> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let system = system();
                let Sampler::Latents(sampler) = system.samples() else { panic!("quickdraw draws from latents") };
                let (latents, length) = Seeds::one(7, 70).latents(sampler);
                latents.chunks(length * at_a_time).flat_map(|batch| draw(sampler, batch, length).unwrap()).collect()
            })
        };
        let wanted = drawn(70, 2);
        assert_eq!(wanted.len(), 70 * 784);
        assert!(wanted.chunks(784).skip(1).any(|image| image != &wanted[..784]), "different pictures");
        for (at_a_time, threads) in [(1, 1), (3, 3), (16, 1), (64, 2)] {
            assert_eq!(drawn(at_a_time, threads), wanted, "{at_a_time} at a time on {threads} threads");
        }
    }

    #[test]
    fn few_samples_are_the_first_of_many_and_walks_begin_at_them() {
        let system = system();
        let Sampler::Latents(sampler) = system.samples() else { panic!("quickdraw draws from latents") };
        let (many, length) = Seeds::one(7, 100).latents(sampler);
        let (few, _) = Seeds::one(7, 5).latents(sampler);
        assert_eq!((few.len(), &few[..]), (5 * length, &many[..5 * length]));
        let (keys, _) = Seeds::one(7, 5).keys(sampler, 3);
        assert_eq!(keys.concat(), many[..15 * length]);
        let listed = Seeds::listed("7,9", 5, 100).unwrap();
        let (keys, _) = listed.keys(sampler, 3);
        assert_eq!((keys.len(), &keys[0]), (2, &few));
        assert_eq!(keys[1], Seeds::one(9, 5).latents(sampler).0);
        assert_eq!(keys.concat(), listed.latents(sampler).0);
    }
}
