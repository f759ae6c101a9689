//! [`Studio`]: the pictures of a report that need the system itself: the gradients that a
//! discriminator sends to fakes, the nearest training images, a walk through the latents.
//!
//! They are made in inference from latents of the sheets, and do not affect the training. The files
//! are in the folder `report` of the run and are replaced when the sheet changes.

use std::path::{Path, PathBuf};

use models::{Direction, FromLatents, Sampler, System};
use tensor::{Options, Tape, Tensor, grad};

use super::document::{GradientPictures, Neighbours, Record, SeenPictures, Walk, short};
use super::neighbours::Finder;
use crate::data::Dataset;
use crate::failure::Failure;
use crate::observers::probe::Probe;
use crate::observers::samples;
use crate::sampling::pictures::{self, Arrangement};
use crate::storage::Unsynced;

/// The longest side of an image in these pictures; larger ones are reduced.
pub(crate) const SIDE: usize = 128;
/// Pairs of latents and frames between them.
const WALK: [usize; 2] = [8, 24];
/// At most so many pixels are drawn for a walk.
const WALK_PIXELS: usize = 8 << 20;

/// Makes the pictures.
pub(crate) struct Studio<'a> {
    run: PathBuf,
    seed: u64,
    data: &'a Dataset,
    /// For each domain of the data, made when it is needed first.
    finders: Vec<Option<Finder<'a>>>,
}

impl<'a> Studio<'a> {
    pub(crate) fn new(run: &Path, seed: u64, data: &'a Dataset) -> Self {
        let finders = data.counts().iter().map(|_| None).collect();
        Self { run: run.to_owned(), seed, data, finders }
    }

    /// What the discriminators saw in the step of this probe.
    pub(crate) fn seen(&self, probe: &Probe, record: &mut Record) -> Result<(), Failure> {
        let mut all = Vec::new();
        for seen in &probe.seen {
            let (Some(reals), Some(fakes)) = (&seen.reals, &seen.fakes) else { continue };
            let name = &seen.discriminator;
            let reals = self.sheet(&format!("seen-{name}-reals"), &[small(reals, SIDE)], Some(4))?;
            let fakes = self.sheet(&format!("seen-{name}-fakes"), &[small(fakes, SIDE)], Some(4))?;
            all.push(SeenPictures { step: probe.step, discriminator: name.clone(), reals, fakes });
        }
        if !all.is_empty() {
            record.seen = all;
        }
        Ok(())
    }

    /// The pictures that belong to the sheet of samples of step `step`.
    pub(crate) fn sheet_of(&mut self, step: u64, system: &dyn System, record: &mut Record) -> Result<(), Failure> {
        match system.samples() {
            Sampler::Points(_) => Ok(()),
            Sampler::Latents(sampler) => {
                let latents = sampler.latents(self.seed, samples::STREAM, samples::COUNT);
                let image = system.image_shape().unwrap_or_default();
                let fakes = pictures::in_parts(samples::COUNT, image, |rows| sampler.draw(&latents.rows(rows)));
                record.gradients = self.gradients(step, system, 0, "fakes", &fakes)?.into_iter().collect();
                let columns = pictures::columns(samples::COUNT);
                let grid = [columns, samples::COUNT.div_ceil(columns)];
                record.neighbours = vec![self.neighbours(step, (0, "sample"), &fakes, grid, |sample| sample)?];
                Ok(())
            }
            Sampler::Images(sampler) => {
                let indices: Vec<_> = self.data.counts().into_iter().map(samples::of_sheet).collect();
                let images = self.data.batch(&indices)?;
                let a_to_b = sampler.translate(Direction::AToB, &images[0]);
                let b_to_a = sampler.translate(Direction::BToA, &images[1]);
                let first = self.gradients(step, system, 1, "A to B", &a_to_b)?;
                let second = self.gradients(step, system, 0, "B to A", &b_to_a)?;
                record.gradients = first.into_iter().chain(second).collect();
                // The second column of each half of the sheet.
                let grid = [2 * samples::COLUMNS, samples::ROWS];
                let place = |row: usize, half: usize| grid[0] * row + half * samples::COLUMNS + 1;
                let to_b = self.neighbours(step, (1, "A to B"), &a_to_b, grid, |row| place(row, 0))?;
                let to_a = self.neighbours(step, (0, "B to A"), &b_to_a, grid, |row| place(row, 1))?;
                record.neighbours = vec![to_b, to_a];
                Ok(())
            }
        }
    }

    /// The walk, after the last step of a process.
    pub(crate) fn walk(&self, step: u64, system: &dyn System, record: &mut Record) -> Result<(), Failure> {
        let Sampler::Latents(sampler) = system.samples() else { return Ok(()) };
        let [height, width, _] = system.image_shape().unwrap_or_default();
        let most = (WALK_PIXELS / (height * width).max(1)).clamp(16, WALK[0] * WALK[1]);
        let (pairs, frames) = if most == WALK[0] * WALK[1] { (WALK[0], WALK[1]) } else { (2, most / 2) };
        let latents = sampler.latents(self.seed, samples::STREAM, pairs + 1);
        let size = latents.shape()[1];
        let row = |number: usize| &latents.data()[number * size..][..size];
        let mut tiles: Vec<Tensor> = Vec::new();
        for pair in 0..pairs {
            let at = |frame: usize| frame as f64 / (frames - 1) as f64;
            let path = (0..frames).flat_map(|frame| sampler.kind().between(row(pair), row(pair + 1), at(frame)));
            let path = Tensor::new(&[frames, size], path.collect::<Vec<f32>>());
            tiles.push(in_few(sampler, &path));
        }
        let file = self.sheet("walk", &tiles, Some(frames))?;
        record.walk = Some(Walk { step, file, rows: pairs, frames });
        Ok(())
    }

    /// The gradient of the discriminator's output with respect to the pixels of `fakes`.
    fn gradients(
        &self,
        step: u64,
        system: &dyn System,
        domain: usize,
        of: &str,
        fakes: &Tensor,
    ) -> Result<Option<GradientPictures>, Failure> {
        let Some([fakes, scores, gradient]) = gradient_of_outputs(system, domain, fakes) else { return Ok(None) };
        let each = scores.size() / fakes.shape()[0].max(1);
        let mean = |of: &[f32]| short(of.iter().map(|x| f64::from(*x)).sum::<f64>() / of.len() as f64);
        let means = scores.data().chunks(each.max(1)).map(mean).collect();
        let name = of.replace(' ', "-");
        let [fakes, gradients] = [("fakes", small(&fakes, SIDE)), ("gradients", in_colours(&gradient))]
            .map(|(kind, images)| self.sheet(&format!("gradient-{name}-{kind}"), &[images], None));
        Ok(Some(GradientPictures { step, of: of.into(), fakes: fakes?, gradients: gradients?, scores: means }))
    }

    /// The nearest images of `domain` to the images `of`, which are on a sheet of `grid` (columns,
    /// rows), each at its `place`, row by row.
    fn neighbours(
        &mut self,
        step: u64,
        (domain, of): (usize, &str),
        images: &Tensor,
        grid: [usize; 2],
        place: impl Fn(usize) -> usize,
    ) -> Result<Neighbours, Failure> {
        let finder = match &mut self.finders[domain] {
            Some(finder) => finder,
            empty => empty.insert(Finder::new(self.data, domain)?),
        };
        let found = finder.nearest(images)?;
        let numbers: Vec<usize> = found.iter().map(|nearest| nearest.number).collect();
        let distances = found.iter().map(|found| if found.distance.is_finite() { found.distance } else { -1.0 });
        let (distances, places) = (distances.collect(), (0..numbers.len()).map(place).collect());
        let (searched, typical) = (finder.searched(), finder.typical);
        let nearest = small(&finder.images(&numbers)?, SIDE);
        let columns = pictures::columns(numbers.len());
        let file = self.sheet(&format!("nearest-{}", of.replace(' ', "-")), &[nearest], Some(columns))?;
        let (of, rows) = (of.to_owned(), numbers.len().div_ceil(columns));
        Ok(Neighbours { step, of, file, columns, rows, grid, places, numbers, distances, searched, typical })
    }

    /// Writes a sheet without gaps; returns its path relative to the run folder.
    fn sheet(&self, name: &str, images: &[Tensor], columns: Option<usize>) -> Result<String, Failure> {
        let file = format!("report/{name}.png");
        let pixels: Vec<u8> = images.iter().flat_map(pictures::bytes).collect();
        let image = [1, 2, 3].map(|axis| images[0].shape()[axis]);
        let arrangement = Arrangement { columns, zoom: Some(1), gap: Some(0) };
        pictures::write_sheet(&Unsynced, &self.run.join(&file), &pixels, image, arrangement)?;
        Ok(file)
    }
}

/// Whether the discriminator's values on a whole sheet of such images take little memory.
fn is_small(images: &Tensor) -> bool {
    images.shape()[1] * images.shape()[2] <= SIDE * SIDE
}

/// Draws images in small parts and reduces them.
fn in_few(sampler: &dyn FromLatents, latents: &Tensor) -> Tensor {
    let count = latents.shape()[0];
    let parts: Vec<Tensor> = (0..count)
        .step_by(samples::COUNT)
        .map(|from| small(&sampler.draw(&latents.rows(from..count.min(from + samples::COUNT))), SIDE / 2))
        .collect();
    parts[1..].iter().fold(parts[0].clone(), |all, part| all.concat(part))
}

/// Images reduced to at most `side` rows and columns: the means of square blocks.
pub(super) fn small(images: &Tensor, side: usize) -> Tensor {
    let &[n, height, width, channels] = &**images.shape() else { unreachable!("images are (n, h, w, c)") };
    let block = height.max(width).div_ceil(side).max(1);
    if block == 1 {
        return images.clone();
    }
    let [rows, columns] = [height, width].map(|length| length.div_ceil(block));
    let data = images.data();
    Tensor::from_fn([n, rows, columns, channels], |i| {
        let (channel, x, y) = (i % channels, i / channels % columns, i / channels / columns % rows);
        let image = i / channels / columns / rows;
        let (mut sum, mut count) = (0.0, 0);
        for row in y * block..height.min((y + 1) * block) {
            for column in x * block..width.min((x + 1) * block) {
                sum += f64::from(data[((image * height + row) * width + column) * channels + channel]);
                count += 1;
            }
        }
        (sum / f64::from(count)) as f32
    })
}

/// Gradients as colour images: orange where a brighter pixel would raise the output, blue where it
/// would lower it, white where it makes no difference. Each image has its own scale; channels are
/// added.
fn in_colours(gradients: &Tensor) -> Tensor {
    let &[n, height, width, channels] = &**gradients.shape() else { unreachable!("images are (n, h, w, c)") };
    let sums = gradients.data().chunks(channels.max(1)).map(|pixel| pixel.iter().sum::<f32>()).collect();
    let sums = small(&Tensor::new(&[n, height, width, 1], sums), SIDE);
    let pixels = sums.size() / n.max(1);
    let mut data = Vec::with_capacity(3 * sums.size());
    for image in sums.data().chunks(pixels.max(1)) {
        let largest = image.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
        for x in image {
            let x = if largest > 0.0 && x.is_finite() { x / largest } else { 0.0 };
            let end = if x > 0.0 { [0.85, 0.36, 0.0] } else { [0.0, 0.33, 0.75] };
            data.extend(end.map(|end: f32| 1.0 + (end - 1.0) * x.abs()));
        }
    }
    Tensor::new(&[n, sums.shape()[1], sums.shape()[2], 3], data)
}

/// Some of the `fakes`, the discriminator's outputs on them, and the gradient of the outputs with
/// respect to the pixels. None if the system has no discriminator of images. (The plan runs it,
/// too, to know the memory.)
pub(crate) fn gradient_of_outputs(system: &dyn System, domain: usize, fakes: &Tensor) -> Option<[Tensor; 3]> {
    // A discriminator's own step holds twice as many images.
    let fits = system.batch_size().max(1).min(fakes.shape()[0]);
    let fakes = if is_small(fakes) { fakes.clone() } else { fakes.rows(0..fits) };
    let images = Tape::new().variable("fakes", fakes.clone());
    let scores = system.discriminate(domain, &images)?;
    let gradient = grad(&scores.sum(), &[images], Options::default()).remove(0).into_value();
    Some([fakes, scores.into_value(), gradient])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Assignment, Config};
    use crate::console::Output;
    use crate::{data, systems};

    #[test]
    fn translations_are_compared_with_the_images_of_their_own_domain() {
        let settings = ["size=32", "generator_width=2", "discriminator_width=2", "blocks=1"].map(str::to_owned);
        let mut given = config::read_settings(&settings).unwrap();
        given.push(Assignment::option("--data", "data", datasets::BUILT_IN));
        let config = Config::resolve(&systems::find("cyclegan").unwrap(), &given).unwrap();
        let system = config.build().unwrap();
        let data = data::of(&config, &*system, 1, &Output::Silent).unwrap();
        let (run, mut record) = (tempfile::tempdir().unwrap(), Record::default());
        std::fs::create_dir(run.path().join("report")).unwrap();
        Studio::new(run.path(), 1, &data).sheet_of(3, &*system, &mut record).unwrap();

        let Sampler::Images(sampler) = system.samples() else { panic!("it translates") };
        let sources = data.batch(&data.counts().into_iter().map(samples::of_sheet).collect::<Vec<_>>()).unwrap();
        let of = |direction, source: usize, domain| {
            let finder = Finder::new(&data, domain).unwrap();
            let nearest = finder.nearest(&sampler.translate(direction, &sources[source])).unwrap();
            (nearest.iter().map(|nearest| nearest.distance).collect::<Vec<_>>(), finder.typical)
        };
        let [to_b, to_a] = &record.neighbours[..] else { panic!("{record:?}") };
        assert_eq!((&*to_b.of, to_b.places[1]), ("A to B", 9), "A, its translation, back again, ...");
        assert_eq!((&*to_a.of, to_a.places[1]), ("B to A", 13));
        assert_eq!((to_b.distances.clone(), to_b.typical), of(Direction::AToB, 0, 1));
        assert_eq!((to_a.distances.clone(), to_a.typical), of(Direction::BToA, 1, 0));
        assert_ne!(of(Direction::AToB, 0, 0), of(Direction::AToB, 0, 1), "the domains differ");
    }

    #[test]
    fn images_are_reduced_to_the_means_of_blocks() {
        let images = Tensor::from_fn([2, 3, 2, 1], |i| i as f32);
        assert_eq!(small(&images, 3), images);
        let reduced = small(&images, 2);
        assert_eq!(**reduced.shape(), [2, 2, 1, 1]);
        assert_eq!(reduced.data(), [1.5, 4.5, 7.5, 10.5]);
    }

    #[test]
    fn gradients_have_a_colour_for_each_sign() {
        let gradients = Tensor::new(&[1, 1, 3, 2], vec![1.0, 1.0, 0.5, -0.5, -2.0, 0.0]);
        let expected = [0.85, 0.36, 0.0, 1.0, 1.0, 1.0, 0.0, 0.33, 0.75];
        let colours = in_colours(&gradients);
        let differ = |(found, expected): (&f32, f32)| (found - expected).abs() > 1e-6;
        assert!(!colours.data().iter().zip(expected).any(differ), "{colours:?}");
    }
}
