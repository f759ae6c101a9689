//! Export: [`export`] writes the generator of a run for other software: PyTorch, ONNX, the Hugging
//! Face Hub, NumPy.
//!
//! `generator.rs` traces the generator (`nn::trace`), `onnx/` and `pytorch/` translate the trace,
//! `texts.rs` describes the files. Every format comes with inputs, and with the samples that the
//! run draws from them, so that anyone can check the export.

mod files;
mod generator;
mod npz;
mod onnx;
mod pytorch;
mod texts;

use std::path::PathBuf;
use std::sync::Arc;

use datasets::{advice, plural, quoted};
use models::{Direction, FromLatents, Sampler, Translate};
use tensor::Tensor;

use crate::console::{LateBar, Output};
use crate::failure::{Code, Failure};
use crate::folder::resume::{self, Trained};
use crate::processor;
use crate::sampling::{Written, array_file, pictures, seeds::Seeds};
use crate::signals;
use crate::systems::Trainable;
use files::Files;
use generator::{Generator, Refused, Source};
pub use onnx::NoiseSource;
use pytorch::Origin;
use texts::Facts;

/// What an export is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// A Python file with an `nn.Module`, and its weights as safetensors.
    Pytorch,
    /// An ONNX model.
    Onnx,
    /// A model folder for the Hugging Face Hub.
    Hub,
    /// All weights as NumPy arrays, in Backdraw's own layouts.
    Npz,
}

impl ExportFormat {
    /// All formats, with their names on the command line.
    pub const ALL: [(&str, Self); 4] =
        [("pytorch", Self::Pytorch), ("onnx", Self::Onnx), ("hub", Self::Hub), ("npz", Self::Npz)];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }
}

/// Which run to export, and how.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// A run folder, or one of its checkpoint files.
    pub run: PathBuf,
    /// The caller's own system, if the run trains one; built-in systems are found by name.
    pub own: Option<Arc<Trainable>>,
    /// The format.
    pub format: ExportFormat,
    /// The folder for the files; by default `export-FORMAT` in the run folder.
    pub out: Option<PathBuf>,
    /// Whether the files may be written into a folder that is not empty, and replace files there.
    pub overwrite: bool,
    /// The checkpoint step to load, instead of the newest one.
    pub checkpoint: Option<u64>,
    /// The number of samples to check with; by default 16, or fewer if the images are large.
    pub count: Option<u64>,
    /// Where the noise of a style-based generator comes from, in ONNX.
    pub noise: NoiseSource,
    /// Where messages go.
    pub output: Output,
}

impl ExportRequest {
    /// A request to export the newest checkpoint of `run`.
    pub fn of(run: impl Into<PathBuf>, format: ExportFormat) -> Self {
        let (own, out, checkpoint, count) = (None, None, None, None);
        let (overwrite, noise) = (false, NoiseSource::Fixed);
        Self { run: run.into(), own, format, out, overwrite, checkpoint, count, noise, output: Output::default() }
    }
}

/// The number of samples to check with.
const COUNT: usize = 16;
/// The largest number of them.
const MOST: u64 = 10_000;
/// The most pixels of all of them together by default: there are fewer samples of large images.
const PIXELS: usize = 1 << 22;

/// What takes time after the samples have been drawn.
const WRITING: &str = "writing the files";

/// Exports the generator of a run.
///
/// # Errors
/// When no checkpoint can be used, the format cannot hold the generator, the folder is not empty,
/// or a file cannot be written.
pub fn export(request: &ExportRequest) -> Result<Written, Failure> {
    processor::on_a_kernel_thread(|| export_here(request))
}

/// Exports on the current thread.
fn export_here(request: &ExportRequest) -> Result<Written, Failure> {
    let count = match request.count {
        None => None,
        Some(count @ 1..=MOST) => Some(count as usize),
        Some(count) => {
            return Err(Failure::new(Code::Usage, format!("cannot export {count} samples"))
                .at("option --count")
                .because(format!("allowed: 1 to {MOST}")));
        }
    };
    match request.format {
        ExportFormat::Npz if count.is_some() => return Err(idle(request, "--count", "the arrays have no samples")),
        ExportFormat::Onnx => {}
        _ if request.noise == NoiseSource::Input => {
            return Err(idle(request, "--noise", "only ONNX models can have their noise as inputs"));
        }
        _ => {}
    }
    let state = match request.checkpoint {
        Some(step) => &resume::checkpoint_at(&request.run, step, "--checkpoint")?,
        None => &request.run,
    };
    let trained = resume::open_trained_showing(state, request.own.as_ref(), &request.output)?;
    let out = request.out.clone().unwrap_or_else(|| {
        let name = format!("export-{}", request.format.name());
        trained.run.as_ref().map_or_else(|| PathBuf::from(&name), |run| run.join(&name))
    });
    let mut files = Files::new(&out, request.overwrite)?;
    signals::listen();
    let exporter = Exporter { request, trained: &trained, count };
    let written = match request.format {
        ExportFormat::Npz => request.output.busy(WRITING, || {
            exporter.arrays(&mut files)?;
            files.write()
        })?,
        _ => {
            let all = exporter.checked()?;
            request.output.busy(WRITING, || {
                exporter.generators(all, &mut files)?;
                files.write()
            })?
        }
    };
    trained.found.passed_over().iter().for_each(|line| request.output.say(line));
    let about = format!(
        "{written} {} of {}, step {}, for {}; README.md says how to use {}",
        plural(written, "file"),
        trained.config.entry.name,
        trained.found.checkpoint.step,
        texts::software(request.format),
        if written == 1 { "it" } else { "them" }
    );
    Ok(Written { path: out, about })
}

/// The failure for an option without effect.
fn idle(request: &ExportRequest, option: &str, why: &str) -> Failure {
    Failure::new(Code::Usage, format!("{option} has no effect on this export"))
        .at(request.run.display())
        .because(why)
        .help(advice!("export-idle-option", "leave out `{option}`"))
}

/// What to export.
struct Exporter<'a> {
    request: &'a ExportRequest,
    trained: &'a Trained,
    count: Option<usize>,
}

/// A generator with the inputs and outputs to check it with.
struct Checked {
    generator: Generator,
    /// The file of its inputs.
    inputs: Vec<u8>,
    /// The file of its outputs.
    samples: Vec<u8>,
    /// The outputs as a picture; None for points.
    sheet: Option<Vec<u8>>,
}

impl Exporter<'_> {
    /// All weights of the networks as arrays.
    fn arrays(&self, files: &mut Files) -> Result<(), Failure> {
        let tensors = texts::of_networks(self.trained);
        let arrays = npz::archive(tensors.iter().map(|(name, tensor)| (&***name, *tensor)));
        let arrays = arrays.map_err(|why| self.refused(&Refused { what: "the archive".into(), why }, None))?;
        files.add("weights.npz", arrays);
        let facts = self.facts();
        files.add("README.md", texts::of_arrays(&facts).into_bytes());
        files.add("layouts.json", texts::layouts(&*self.trained.system).into_bytes());
        Ok(())
    }

    /// The generators, as networks that other software can run.
    fn generators(&self, all: Vec<Checked>, files: &mut Files) -> Result<(), Failure> {
        let facts = self.facts();
        let mut stems = Vec::new();
        for checked in all {
            let generator = &checked.generator;
            let stem = generator.stem;
            let of = |name: &str, ending: &str| match generator.source {
                Source::Latents { .. } => format!("{name}.{ending}"),
                Source::Images(_) => format!("{name}{}.{ending}", stem.trim_start_matches("generator")),
            };
            let (inputs, samples) = (of(texts::inputs(generator.source), "npy"), of("samples", "npy"));
            match self.request.format {
                ExportFormat::Onnx => {
                    if self.request.noise == NoiseSource::Input && !generator.has_noise() {
                        return Err(idle(self.request, "--noise", "no layer of this generator adds noise"));
                    }
                    let metadata = facts.metadata(generator);
                    let model = onnx::model(generator, self.request.noise, &metadata);
                    let other = || pytorch::module(generator, NO_FILES, &[], None).is_ok().then_some("pytorch");
                    let model = model.map_err(|refused| self.refused(&refused, other()))?;
                    files.add(&format!("{stem}.onnx"), model);
                }
                _ => {
                    let model = if self.request.format == ExportFormat::Hub {
                        of("model", "safetensors")
                    } else {
                        format!("{stem}.safetensors")
                    };
                    let names = pytorch::FileNames { weights: &model, inputs: &inputs, samples: &samples };
                    let origin = Origin::of(self.trained);
                    let module = pytorch::module(generator, names, &facts.about(generator), Some(&origin));
                    let other = || onnx::model(generator, NoiseSource::Fixed, &[]).is_ok().then_some("onnx");
                    let module = module.map_err(|refused| self.refused(&refused, other()))?;
                    files.add(&format!("{stem}.py"), module.code.into_bytes());
                    files.add(&model, module.weights);
                }
            }
            files.add(&inputs, checked.inputs);
            files.add(&samples, checked.samples);
            if let Some(sheet) = checked.sheet {
                files.add(&of("samples", "png"), sheet);
            }
            stems.push(checked.generator);
        }
        if self.request.format == ExportFormat::Hub {
            files.add("config.json", facts.config(&stems).into_bytes());
        }
        files.add("README.md", texts::readme(self.request.format, &facts, &stems).into_bytes());
        Ok(())
    }

    /// The generators of the system, with samples.
    fn checked(&self) -> Result<Vec<Checked>, Failure> {
        let system = &self.trained.system;
        let whole = |why| self.refused(&Refused { what: format!("`{}`", system.name()), why }, None);
        match system.samples() {
            Sampler::Latents(sampler) => Ok(vec![self.drawn(sampler, Generator::of_latents(sampler).map_err(whole)?)?]),
            Sampler::Points(plane) => {
                Ok(vec![self.drawn(plane.sampler, Generator::of_latents(plane.sampler).map_err(whole)?)?])
            }
            Sampler::Images(sampler) => {
                let shape = system.image_shape().expect("a translation has images");
                let of = |direction| {
                    let generator = Generator::of_images(sampler, direction, shape).map_err(whole)?;
                    self.translated(sampler, direction, shape, generator)
                };
                [Direction::AToB, Direction::BToA].into_iter().map(of).collect()
            }
        }
    }

    /// How many samples of this shape to check with.
    fn count(&self, shape: &[usize]) -> usize {
        let pixels = shape.iter().product::<usize>().max(1);
        self.count.unwrap_or((PIXELS / pixels).clamp(1, COUNT))
    }

    /// The generator with the first samples of the run's seed.
    fn drawn(&self, sampler: &dyn FromLatents, generator: Generator) -> Result<Checked, Failure> {
        let image = self.trained.system.image_shape().filter(|_| generator.makes_images());
        let count = self.count(&image.unwrap_or_default());
        let (latents, length) = Seeds::one(self.trained.config.seed(), count).latents(sampler);
        let latents = Tensor::new(&[count, length], latents);
        let drawn = self.each(&latents, |latents| sampler.draw(latents))?;
        let inputs = array_file::of_numbers(&latents);
        let Some(image) = image else {
            return Ok(Checked { generator, inputs, samples: array_file::of_numbers(&drawn), sheet: None });
        };
        self.with_images(generator, inputs, &drawn, image)
    }

    /// The generator of a direction with test pictures and their translations.
    fn translated(
        &self,
        sampler: &dyn Translate,
        direction: Direction,
        image: [usize; 3],
        generator: Generator,
    ) -> Result<Checked, Failure> {
        let count = self.count(&image).min(4);
        let [height, width, channels] = image;
        let shape = [count, height, width, channels];
        let bytes = test_pictures(shape);
        let pictures = Tensor::from_fn(shape, |i| f32::from(bytes[i]) / 255.0);
        let drawn = self.each(&pictures, |pictures| sampler.translate(direction, pictures))?;
        let inputs = [array_file::header(array_file::BYTES, &shape), bytes].concat();
        self.with_images(generator, inputs, &drawn, image)
    }

    fn with_images(
        &self,
        generator: Generator,
        inputs: Vec<u8>,
        drawn: &Tensor,
        image: [usize; 3],
    ) -> Result<Checked, Failure> {
        let bytes = pictures::bytes(drawn);
        let shape = if image[2] == 1 { &drawn.shape()[..3] } else { &drawn.shape()[..] };
        let samples = [array_file::header(array_file::BYTES, shape), bytes.clone()].concat();
        let sheet = pictures::sheet(&bytes, image, pictures::Arrangement::default());
        let failed = |why: String| Failure::new(Code::Usage, "cannot arrange the samples").because(why);
        Ok(Checked { generator, inputs, samples, sheet: Some(sheet.map_err(failed)?) })
    }

    /// What `draw` makes of each row of `inputs`, drawn one by one, with a progress bar.
    fn each(&self, inputs: &Tensor, draw: impl Fn(&Tensor) -> Tensor) -> Result<Tensor, Failure> {
        let count = inputs.shape()[0];
        let bar = LateBar::new(&self.request.output, "samples", count as u64);
        let mut drawn: Option<Vec<f32>> = None;
        let mut shape = Vec::new();
        for row in 0..count {
            if signals::asked() {
                return Err(Failure::new(Code::Interrupted, "stopped before everything was drawn")
                    .because(format!("{row} of {count} {} drawn", plural(count, "sample")))
                    .help(advice!("export-stopped", "nothing was written")));
            }
            let one = pictures::finite(processor::keep_threads_awake(|| draw(&inputs.rows(row..row + 1))))?;
            shape = one.shape().to_vec();
            drawn.get_or_insert_default().extend_from_slice(one.data());
            bar.set(row as u64 + 1);
        }
        shape[0] = count;
        Ok(Tensor::new(&shape, drawn.unwrap_or_default()))
    }

    fn facts(&self) -> Facts<'_> {
        Facts::of(self.trained)
    }

    /// The failure when the format cannot hold a layer; `other` is a format that can, besides npz.
    fn refused(&self, Refused { what, why }: &Refused, other: Option<&str>) -> Failure {
        let run = &self.request.run;
        let others = other.map(|other| format!("; the format {other} can hold it")).unwrap_or_default();
        Failure::new(Code::Usage, format!("cannot export {what} as {}", self.request.format.name()))
            .at(run.display())
            .because(format!("{why}{others}"))
            .help(advice!(
                "export-weights",
                "export the weights alone, which every run has: `train export {} --format npz`",
                quoted(run)
            ))
    }
}

/// The names of no files, for a module that is not written.
const NO_FILES: pytorch::FileNames<'static> = pytorch::FileNames { weights: "", inputs: "", samples: "" };

/// Pictures with smooth and with sharp details: colours that shift across the picture, and a
/// pattern of squares.
fn test_pictures(shape: [usize; 4]) -> Vec<u8> {
    let [_, height, width, channels] = shape;
    let pixel = |at: usize| {
        let (channel, x) = (at % channels, at / channels % width);
        let (y, number) = (at / channels / width % height, at / channels / width / height);
        let ramp = (x * 160 / width + y * 60 / height + channel * 70 + number * 40) % 200;
        let square = if (x / 4 + y / 4 + number).is_multiple_of(3) { 55 } else { 0 };
        u8::try_from(ramp + square).unwrap_or(u8::MAX)
    };
    (0..shape.iter().product()).map(pixel).collect()
}

#[cfg(test)]
mod tests;
