//! The images to learn from: the adapter between the command line and the crate that reads data sets.

use crate::config::Config;
use crate::engine::Tensor;
use crate::failure::{Code, Failure};
use crate::standin::datasets::{self, Images};

/// Which images are asked for.
pub(crate) struct Choice {
    /// A file or folder; built-in or fetched images if absent.
    pub(crate) data: Option<String>,
    /// A class of them.
    pub(crate) class: Option<String>,
    /// Seed of built-in drawings.
    pub(crate) seed: u64,
}

impl Choice {
    /// What the configuration says.
    pub(crate) fn of(config: &Config) -> Self {
        Self { data: config.data.clone(), class: config.class.clone(), seed: 1 }
    }
}

/// Images in memory.
pub(crate) struct Dataset {
    images: Images,
}

impl Dataset {
    /// Wraps images that are there already.
    #[cfg(test)]
    pub(crate) fn from_images(images: Images) -> Self {
        Self { images }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.images.count()
    }

    /// Where they come from, one line for people.
    pub(crate) fn origin(&self) -> String {
        self.images.origin.clone()
    }

    /// Tells these images from all others.
    pub(crate) fn fingerprint(&self) -> String {
        self.images.fingerprint()
    }

    /// The images numbered `indices`, in [0, 1].
    pub(crate) fn batch(&self, indices: &[usize], shape: [usize; 3]) -> Tensor {
        Tensor::new(&[indices.len(), shape[0], shape[1], shape[2]], self.images.gather(indices))
    }

    /// The bytes of up to `count` images, spread over the whole set.
    pub(crate) fn some(&self, count: usize) -> Vec<u8> {
        let count = count.min(self.count());
        (0..count).flat_map(|number| self.images.image(number * self.count() / count)).copied().collect()
    }

    /// Refuses a data set that does not fill a batch.
    ///
    /// # Errors
    /// Both numbers.
    pub(crate) fn require(&self, batch: usize) -> Result<(), Failure> {
        if self.count() < batch {
            return Err(Failure::new(Code::Data, "there are fewer images than a batch holds")
                .at(self.origin())
                .because(format!("{} images, batch {batch}", self.count()))
                .help(format!("train with --batch {} or less, or use more images", self.count())));
        }
        Ok(())
    }
}

/// 28x28 grey doodles: a `.npy` file, or the built-in apples.
pub(crate) fn doodles(choice: &Choice) -> Result<Dataset, Failure> {
    match &choice.data {
        None => Ok(Dataset { images: datasets::apples(4096, choice.seed) }),
        Some(path) => Err(Failure::new(Code::Data, "cannot read the images").at(path)),
    }
}
