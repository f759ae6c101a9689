//! The training images: connects the configuration with the crate `datasets`.
//!
//! Each system has a [`Loader`], which knows where its images come from by default, how pictures
//! are fitted to its size, and how they are augmented. The result is a `Dataset` with one domain;
//! with two domains for image translation; or with none for systems that generate their own real
//! samples.

mod loaders;
mod memory;
mod prefetch;
mod reading;

pub use loaders::{ALL, ANY, CIFAR, DIGITS, DOODLES, FACES, FOLDER, Loader, PAIRS};
pub(crate) use memory::CACHE;
pub(crate) use prefetch::Batches;

use crate::config::Config;
use crate::console::Output;
use crate::failure::{Code, Failure};
use crate::sampling::pictures;
use datasets::{Augmentation, BUILT_IN, DataError, ErrorKind, Fitting, Images, advice};
use kernels::Key;
use metrics::Pictures;
use models::System;
use tensor::Tensor;

/// Loads the training data of `system`: the images that `config` names, at least `fewest` of each
/// domain; no images if the system generates its own real samples.
///
/// # Errors
/// When the images are missing, have the wrong format or are too few; and when a setting concerns
/// images but the system uses none.
pub(crate) fn of(config: &Config, system: &dyn System, fewest: usize, output: &Output) -> Result<Dataset, Failure> {
    let Some(shape) = system.image_shape() else { return Dataset::none(config) };
    config.require_data()?;
    let data = config.entry.load.load(config, shape, output)?;
    data.require(fewest, shape)?;
    Ok(data)
}

/// Like [`of`], but without decoding or drawing any image; [`Dataset::memory`] and
/// [`Dataset::cache`] say how much space that will take.
///
/// # Errors
/// As [`of`], where the problem can be detected without reading the images.
pub(crate) fn look_at(
    config: &Config,
    system: &dyn System,
    fewest: usize,
    output: &Output,
) -> Result<Dataset, Failure> {
    let Some(shape) = system.image_shape() else { return Dataset::none(config) };
    config.require_data()?;
    let data = config.entry.load.look_at(config, shape, output)?;
    data.require(fewest, shape)?;
    Ok(data)
}

/// Rejects fewer images than one batch of `system` takes, and suggests a batch size that fits.
///
/// # Errors
/// Names the numbers found and required.
pub(crate) fn fill_a_batch(data: &Dataset, config: &Config, system: &dyn System) -> Result<(), Failure> {
    let (batch, fewest) = (system.batch_size(), data.counts().into_iter().min());
    let Err(failure) = data.domains.iter().try_for_each(|images| images.require(batch).map_err(failure)) else {
        return Ok(());
    };
    // Tries halves, because only the system knows which batch sizes it accepts.
    let mut smaller = std::iter::successors(fewest, |count| Some(count / 2)).take_while(|count| *count > 0);
    Err(match smaller.find(|batch| config.takes_batches_of(*batch)) {
        Some(batch) => {
            failure.help(advice!("smaller-batches", "use a larger data set, or smaller batches: `--batch {batch}`"))
        }
        None => match (1..=batch).find(|batch| config.takes_batches_of(*batch)) {
            Some(least) => failure.help(advice!(
                "too-few-for-any-batch",
                "use a larger data set: at least {least} images, for batches of {least}"
            )),
            None => failure,
        },
    })
}

/// Images of one or several domains.
pub(crate) struct Dataset {
    domains: Vec<Images>,
    /// The true translation of each image into the other domain, where it is known.
    counterparts: Option<Vec<Images>>,
    /// Height and width of the images returned; stored images may be larger.
    size: [usize; 2],
    augmentation: Augmentation,
    seed: u64,
    origin: String,
    built_in: bool,
    /// Bytes of memory needed.
    memory: u64,
    /// Bytes of disk needed.
    cache: u64,
    /// Notes for the user: how many images were found, and what is wrong with them.
    notes: Vec<String>,
}

impl Dataset {
    /// A data set without images, for systems that learn from points in the plane.
    fn none(config: &Config) -> Result<Self, Failure> {
        let idle = [
            ("data", config.data().is_some_and(|data| data != BUILT_IN)),
            ("class", config.class().is_some()),
            ("augment", !config.augmentation()?.is_off()),
            ("images", config.fitting()? != Fitting::default()),
        ];
        if let Some((what, _)) = idle.iter().find(|(_, given)| *given) {
            let left = config.typed(what).map_or_else(|| "it".to_owned(), |option| format!("`{option}`"));
            return Err(Failure::new(Code::Data, format!("`{what}` applies to images, but this preset uses none"))
                .at(format!("{}, preset `{}`", config.entry.name, config.preset()))
                .because("it learns from points in the plane, which the program generates")
                .help(advice!(
                    "points-need-no-images",
                    "leave out {left}, or choose another preset: `train systems` lists them"
                )));
        }
        Ok(Self {
            domains: Vec::new(),
            counterparts: None,
            size: [0, 0],
            augmentation: Augmentation::default(),
            seed: config.seed(),
            origin: "points in the plane, drawn for each step".into(),
            built_in: true,
            memory: 0,
            cache: 0,
            notes: Vec::new(),
        })
    }

    /// A data set of images that are in memory already.
    #[cfg(test)]
    pub(crate) fn from_images(images: Images) -> Self {
        Self::from_domains(vec![images])
    }

    /// Like [`from_images`](Self::from_images), for several domains of images of one size.
    #[cfg(test)]
    pub(crate) fn from_domains(domains: Vec<Images>) -> Self {
        let (origin, size) = (domains[0].origin().to_owned(), [domains[0].height(), domains[0].width()]);
        let augmentation = Augmentation::default();
        let (counterparts, notes) = (None, Vec::new());
        Self { domains, counterparts, size, augmentation, seed: 1, origin, built_in: false, memory: 0, cache: 0, notes }
    }

    /// Adds the true translation of each image.
    #[cfg(test)]
    pub(crate) fn with_counterparts(self, counterparts: Vec<Images>) -> Self {
        Self { counterparts: Some(counterparts), ..self }
    }

    /// The number of images of each domain.
    pub(crate) fn counts(&self) -> Vec<usize> {
        self.domains.iter().map(Images::count).collect()
    }

    /// Where the images come from, in one line.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The value of `--data` that always gives these images again, whatever files exist; `None` if
    /// the images come from files.
    pub(crate) fn lasting_name(&self) -> Option<String> {
        self.built_in.then(|| BUILT_IN.to_owned())
    }

    /// Bytes of memory that the images take as long as they are used, without the buffers for
    /// single batches.
    pub(crate) fn memory(&self) -> u64 {
        self.memory
    }

    /// Bytes of disk of a cache that has yet to be written.
    pub(crate) fn cache(&self) -> u64 {
        self.cache
    }

    /// Whether all images are in memory.
    pub(crate) fn are_in_memory(&self) -> bool {
        self.domains.iter().all(Images::are_in_memory)
    }

    /// A hash that identifies these images.
    ///
    /// # Errors
    /// When an image cannot be read.
    pub(crate) fn fingerprint(&self) -> Result<String, Failure> {
        let each = self.domains.iter().map(|images| images.fingerprint().map_err(failure));
        Ok(each.collect::<Result<Vec<_>, _>>()?.join("+"))
    }

    /// Notes about the images for the user, one per line.
    ///
    /// # Errors
    /// When an image cannot be read.
    pub(crate) fn notes(&self) -> Result<Vec<String>, Failure> {
        let mut notes: Vec<String> =
            self.domains.iter().map(|images| format!("             {}", images.summary())).collect();
        notes.extend(self.notes.iter().cloned());
        for images in &self.domains {
            let warning = images.suspects().map_err(failure)?.warning();
            notes.extend(warning.map(|warning| format!("warning      {warning}")));
        }
        Ok(notes)
    }

    /// The images numbered `indices` of each domain, not augmented, in [0, 1]: shape (indices,
    /// height, width, channels).
    ///
    /// # Errors
    /// When an image cannot be read.
    pub(crate) fn batch(&self, indices: &[Vec<usize>]) -> Result<Vec<Tensor>, Failure> {
        self.gathered(indices, |images, indices, batch| self.gather(images, indices, batch))
    }

    /// The images numbered `indices` of the domain `domain`, not augmented, as bytes: for
    /// evaluation.
    ///
    /// # Errors
    /// When an image cannot be read.
    pub(crate) fn pictures(&self, domain: usize, indices: &[usize]) -> Result<Pictures, Failure> {
        self.bytes(&self.domains[domain], indices)
    }

    /// The true translations of the same images into the other domain, if known.
    ///
    /// # Errors
    /// When an image cannot be read.
    pub(crate) fn counterparts(&self, domain: usize, indices: &[usize]) -> Result<Option<Pictures>, Failure> {
        self.counterparts.as_ref().map(|all| self.bytes(&all[domain], indices)).transpose()
    }

    /// Height, width and channels of the returned images of the domain `domain`.
    pub(crate) fn shape(&self, domain: usize) -> [usize; 3] {
        [self.size[0], self.size[1], self.domains[domain].channels()]
    }

    /// The class of each image of the first domain and the number of classes, if known.
    pub(crate) fn classes(&self) -> Option<(&[u32], usize)> {
        let images = self.domains.first()?;
        Some((images.labels()?, images.class_names().len()))
    }

    /// Like [`batch`](Self::batch), but augmented: each image differently at each step, and
    /// reproducibly for a given step.
    ///
    /// # Errors
    /// When an image cannot be read.
    pub(crate) fn shown_at(&self, step: u64, indices: &[Vec<usize>]) -> Result<Vec<Tensor>, Failure> {
        if self.augmentation.is_off() {
            return self.batch(indices);
        }
        // `as u32` is lossless: the configuration limits the number of steps.
        let key = Key::named(self.seed, "augment").at(step as u32);
        let mut domain = 0;
        self.gathered(indices, |images, indices, batch| {
            let key = Key { stream: key.stream.wrapping_add(domain), ..key };
            domain += 1;
            images.gather_augmented(indices, self.size, &self.augmentation, key, batch)
        })
    }

    /// The images numbered `indices`, not augmented, as bytes.
    fn bytes(&self, images: &Images, indices: &[usize]) -> Result<Pictures, Failure> {
        let size = [self.size[0], self.size[1], images.channels()];
        let shape = [indices.len(), size[0], size[1], size[2]];
        let batch = gathered(shape, |batch| self.gather(images, indices, batch))?;
        Ok(Pictures::new(pictures::bytes(&batch), size))
    }

    /// Writes the images numbered `indices`, not augmented; larger images are cropped to their
    /// centre.
    fn gather(&self, images: &Images, indices: &[usize], batch: &mut [f32]) -> Result<(), DataError> {
        if self.whole(images) { images.gather(indices, batch) } else { images.gather_center(indices, self.size, batch) }
    }

    fn gathered(
        &self,
        indices: &[Vec<usize>],
        mut gather: impl FnMut(&Images, &[usize], &mut [f32]) -> Result<(), DataError>,
    ) -> Result<Vec<Tensor>, Failure> {
        let [height, width] = self.size;
        let domains = self.domains.iter().zip(indices);
        domains
            .map(|(images, indices)| {
                let shape = [indices.len(), height, width, images.channels()];
                gathered(shape, |batch| gather(images, indices, batch))
            })
            .collect()
    }

    /// Whether images are returned uncropped.
    fn whole(&self, images: &Images) -> bool {
        [images.height(), images.width()] == self.size
    }

    /// Up to `count` images of each domain, not augmented, spread evenly over the whole set.
    ///
    /// # Errors
    /// When an image cannot be read.
    pub(crate) fn some(&self, count: usize) -> Result<Vec<Tensor>, Failure> {
        self.batch(&self.spread(count))
    }

    /// The indices of up to `count` images of each domain, spread evenly over the whole set.
    fn spread(&self, count: usize) -> Vec<Vec<usize>> {
        let numbers = |images: &Images| {
            let all = images.count();
            let count = count.min(all);
            (0..count).map(|number| number * all / count).collect()
        };
        self.domains.iter().map(numbers).collect()
    }

    /// A sheet for each domain that shows the augmentation, if there is any: rows of `columns`
    /// images, the first one unchanged, the others as augmented in the first steps.
    ///
    /// # Errors
    /// When an image cannot be read.
    pub(crate) fn augmented(&self, rows: usize, columns: usize) -> Result<Option<Vec<Tensor>>, Failure> {
        if self.augmentation.is_off() {
            return Ok(None);
        }
        let numbers = self.spread(rows);
        let steps = (1..columns as u64).map(|step| self.shown_at(step - 1, &numbers));
        let all: Vec<Vec<Tensor>> = std::iter::once(self.batch(&numbers)).chain(steps).collect::<Result<_, _>>()?;
        let sheet = |domain: usize| {
            let images: Vec<&Tensor> = all.iter().map(|column| &column[domain]).collect();
            let [count, height, width, channels] = [0, 1, 2, 3].map(|axis| images[0].shape()[axis]);
            let length = height * width * channels;
            let in_rows =
                (0..count).flat_map(|row| images.iter().map(move |column| &column.data()[row * length..][..length]));
            Tensor::new(&[count * columns, height, width, channels], in_rows.flatten().copied().collect())
        };
        Ok(Some((0..self.domains.len()).map(sheet).collect()))
    }

    /// Rejects images that a system with this batch size and images of `shape` cannot learn from.
    ///
    /// # Errors
    /// Names the numbers found and required.
    pub(crate) fn require(&self, batch: usize, shape: [usize; 3]) -> Result<(), Failure> {
        for images in &self.domains {
            images.require(batch).map_err(failure)?;
            let found = [self.size[0], self.size[1], images.channels()];
            if found != shape {
                let text = |[height, width, channels]: [usize; 3]| format!("{height}x{width}x{channels}");
                return Err(Failure::new(Code::Data, "the images do not have the size that the system needs")
                    .at(self.origin())
                    .because(format!("expected {}, found {}", text(shape), text(found))));
            }
        }
        Ok(())
    }
}

/// A tensor of images, filled by `gather`.
fn gathered(shape: [usize; 4], gather: impl FnOnce(&mut [f32]) -> Result<(), DataError>) -> Result<Tensor, Failure> {
    let mut result = Ok(());
    let images = Tensor::written(shape, |batch| result = gather(batch));
    result.map(|()| images).map_err(failure)
}

/// Converts an error of the crate `datasets` to a [`Failure`].
pub(crate) fn failure(error: DataError) -> Failure {
    let code = match error.kind() {
        ErrorKind::Cache => Code::Storage,
        ErrorKind::Stopped => Code::Interrupted,
        _ => Code::Data,
    };
    let failure = Failure::new(code, error.what()).because(error.why()).help(error.help().clone());
    match error.path() {
        Some(path) => failure.at(path.display()),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_domains(augmentation: Augmentation) -> Dataset {
        let domains = vec![datasets::digits(6, 1), datasets::digits(9, 2)];
        Dataset { domains, augmentation, ..Dataset::from_images(datasets::digits(1, 1)) }
    }

    #[test]
    fn each_domain_is_gathered_by_its_own_numbers() {
        let data = two_domains(Augmentation::default());
        assert_eq!(data.counts(), [6, 9]);
        let batch = data.batch(&[vec![5, 0], vec![8]]).unwrap();
        assert_eq!((&**batch[0].shape(), &**batch[1].shape()), (&[2, 28, 28, 1][..], &[1, 28, 28, 1][..]));
        assert_eq!(batch[1].data()[100], f32::from(data.domains[1].image(8).unwrap()[100]) / 255.0);
        assert_eq!(data.some(4).unwrap()[1].shape()[0], 4);
        assert!(data.fingerprint().unwrap().contains('+') && data.augmented(2, 3).unwrap().is_none());
        let both = [vec![1], vec![2]];
        assert_eq!(data.shown_at(3, &both).unwrap()[0].data(), data.batch(&both).unwrap()[0].data());
    }

    #[test]
    fn augmentation_differs_by_step_and_domain_and_comes_back_with_the_step() {
        let mut data = two_domains(Augmentation { rotation: 20.0, ..Augmentation::default() });
        data.domains[1] = data.domains[0].clone();
        let shown = |step: u64| data.shown_at(step, &[vec![3, 4], vec![3, 4]]).unwrap();
        let first = shown(1);
        assert_ne!(first[0].data(), first[1].data(), "the domains draw apart");
        assert_ne!(shown(2)[0].data(), first[0].data());
        assert_eq!(shown(1)[0].data(), first[0].data());
        let sheet = &data.augmented(2, 3).unwrap().unwrap()[0];
        assert_eq!(**sheet.shape(), [6, 28, 28, 1]);
        assert_eq!(sheet.data()[784 * 3..784 * 4], *data.batch(&[vec![3], vec![]]).unwrap()[0].data());
    }
}
