//! [`Job`]: draws the chosen latents and writes what was asked for.

use std::io::Write as _;
use std::path::Path;

use datasets::{Advice, advice, plural};

use super::chosen::Chosen;
use super::pictures::{self, Arrangement, Layout};
use super::seeds::Seeds;
use super::styles::{self, StyleSheet};
use super::{array_file, nothing, pictures_stay};
use crate::console::{LateBar, Output};
use crate::failure::{Code, Failure};
use crate::plan;
use crate::processor;
use crate::signals;
use crate::storage::{self, RealDisk, StorageError, Unfinished};
use models::{FromLatents, Sampler};
use tensor::Tensor;

/// A drawing job: inputs and output path.
pub(super) struct Job<'a> {
    pub(super) sampler: &'a dyn FromLatents,
    /// Height, width, channels.
    pub(super) image: [usize; 3],
    pub(super) chosen: &'a Chosen,
    pub(super) arrangement: Arrangement,
    pub(super) out: &'a Path,
    pub(super) output: &'a Output,
}

impl Job<'_> {
    /// Draws a sheet. Returns a short description of what was written, as the following methods do.
    pub(super) fn sheet(&self) -> Result<String, Failure> {
        self.laid_out(&self.layout(self.chosen.count())?, || {
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
    pub(super) fn style_sheet(&self, sheet: StyleSheet, seeds: &Seeds, run: &Path) -> Result<String, Failure> {
        let (_, styles) = styles::of(&Sampler::Latents(self.sampler), "--sheet", run)?;
        let count = seeds.count();
        let [rows, columns] = sheet.grid(count);
        let arrangement = Arrangement { columns: Some(columns), ..self.arrangement };
        let layout = Layout::new(rows * columns, self.image, arrangement).map_err(|why| self.too_large(why))?;
        self.laid_out(&layout, || {
            let latents = seeds.of_one(self.sampler, sheet.latents(count));
            let bar = LateBar::new(self.output, "images", sheet.ticks(count));
            let tick = || bar.increment();
            let columns = sheet.draw(styles, &latents, seeds.first(), self.image, &tick);
            let columns = columns.into_iter().map(pictures::finite).collect::<Result<Vec<_>, _>>()?;
            Ok(pictures::side_by_side(&columns))
        })?;
        Ok(format!("{} of {count} {}", sheet.name(), plural(count, "sample")))
    }

    /// Writes a sheet with the pixels that `draw` returns.
    fn laid_out(&self, layout: &Layout, draw: impl FnOnce() -> Result<Vec<u8>, Failure>) -> Result<(), Failure> {
        // The pixels, and the encoded file, which may be as large.
        plan::can_have_so_many(self.chosen.count(), (3 * layout.bytes()).div_ceil(self.chosen.count()))?;
        let mut file = Unfinished::begin(&RealDisk, self.out)?;
        let sheet = layout.encode(&draw()?).map_err(|why| self.failed(why))?;
        file.write_all(&sheet).map_err(|error| StorageError::new("write", self.out, error))?;
        Ok(file.finish()?)
    }

    /// Writes an array of shape (count, height, width), or (count, height, width, channels) for
    /// colour images.
    pub(super) fn array(&self) -> Result<String, Failure> {
        let [height, width, channels] = self.image;
        let shape = [self.chosen.count(), height, width, channels];
        let mut file = Unfinished::begin(&RealDisk, self.out)?;
        let failed = |error: std::io::Error| StorageError::new("write", self.out, error);
        file.write_all(&array_file::header(array_file::BYTES, if channels == 1 { &shape[..3] } else { &shape }))
            .map_err(failed)?;
        self.each_batch(&nothing(), |bytes| {
            Ok(file.write_all(&pictures::straight(bytes, channels)).map_err(failed)?)
        })?;
        file.finish()?;
        Ok(self.counted())
    }

    /// Writes one picture per image.
    pub(super) fn files(&self) -> Result<String, Failure> {
        storage::make_folder(self.out)?;
        let arrangement = Arrangement { zoom: self.arrangement.zoom.or(Some(1)), ..Arrangement::BARE };
        let layout = Layout::new(1, self.image, arrangement).map_err(|why| self.too_large(why))?;
        let mut number = 0;
        self.each_batch(&pictures_stay(), |bytes| {
            for image in bytes.chunks_exact(self.image.iter().product()) {
                let path = self.out.join(self.chosen.name(number) + ".png");
                let file = layout.encode(image).map_err(|why| self.failed(why))?;
                storage::write_whole(&RealDisk, &path, &file)?;
                number += 1;
            }
            Ok(())
        })?;
        let [first, last] = [0, number - 1].map(|number| self.chosen.name(number));
        Ok(format!("{} ({first}.png to {last}.png)", self.counted()))
    }

    /// Draws all samples in batches, and passes the bytes of each batch to `visit`. The result does
    /// not depend on the batch size.
    fn each_batch(&self, kept: &Advice, mut visit: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        let (latents, length) = self.chosen.latents(self.sampler);
        let bar = LateBar::new(self.output, "samples", self.chosen.count() as u64);
        let mut drawn = 0;
        for batch in latents.chunks(length * pictures::at_a_time(self.image)) {
            self.stop_if_asked(drawn, self.chosen.count(), kept)?;
            visit(&processor::keep_threads_awake(|| draw(self.sampler, batch, length))?)?;
            drawn += batch.len() / length;
            bar.set(drawn as u64);
        }
        Ok(())
    }

    pub(super) fn stop_if_asked(&self, done: usize, of: usize, kept: &Advice) -> Result<(), Failure> {
        if !signals::asked() {
            return Ok(());
        }
        Err(Failure::new(Code::Interrupted, "stopped before everything was drawn")
            .at(self.out.display())
            .because(format!("{done} of {of} {} drawn", plural(of, "picture")))
            .help(kept.clone()))
    }

    pub(super) fn layout(&self, count: usize) -> Result<Layout, Failure> {
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
        format!("{} {}", self.chosen.count(), plural(self.chosen.count(), "sample"))
    }
}

/// The images for some latents of `length` floats each, as bytes.
pub(super) fn draw(sampler: &dyn FromLatents, latents: &[f32], length: usize) -> Result<Vec<u8>, Failure> {
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
