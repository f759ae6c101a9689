//! The images to learn from: the adapter between the command line and the crate that reads data sets.

use std::path::Path;

use crate::config::Config;
use crate::engine::Tensor;
use crate::failure::{Code, Failure};
use datasets::{BUILT_IN, DataError, Images, Source};
use metrics::Pictures;

/// Seed of the built-in drawings: always the same ones, whatever the seed of the run.
const DRAWINGS: u64 = 1;

/// Images in memory.
pub(crate) struct Dataset {
    images: Images,
    origin: String,
    built_in: bool,
}

impl Dataset {
    /// Wraps images that are there already.
    #[cfg(test)]
    pub(crate) fn from_images(images: Images) -> Self {
        let origin = images.origin().to_owned();
        Self { images, origin, built_in: false }
    }

    /// How many there are of each domain.
    pub(crate) fn counts(&self) -> Vec<usize> {
        vec![self.images.count()]
    }

    /// Where they come from, one line for people.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// What `--data` must say to get them again, if that is not decided by the files that are there.
    pub(crate) fn lasting_name(&self) -> Option<String> {
        self.built_in.then(|| BUILT_IN.to_owned())
    }

    /// Tells these images from all others.
    pub(crate) fn fingerprint(&self) -> String {
        self.images.fingerprint()
    }

    /// Something about them that people should know, if there is anything.
    pub(crate) fn warning(&self) -> Option<String> {
        self.images.suspects().warning()
    }

    /// The images numbered `indices` of each domain, in [0, 1]: shape (indices, height, width, channels).
    pub(crate) fn batch(&self, indices: &[Vec<usize>]) -> Vec<Tensor> {
        let images = &self.images;
        let gather = |indices: &Vec<usize>| {
            let shape = [indices.len(), images.height(), images.width(), images.channels()];
            Tensor::written(shape, |batch| images.gather(indices, batch))
        };
        indices.iter().map(gather).collect()
    }

    /// The images numbered `indices` of the domain number `domain`, as they are: for measuring.
    pub(crate) fn pictures(&self, domain: usize, indices: &[usize]) -> Pictures {
        let images = [&self.images][domain];
        let pixels = indices.iter().flat_map(|&index| images.image(index)).copied().collect();
        Pictures::new(pixels, [images.height(), images.width(), images.channels()])
    }

    /// The class of each image and the names of the classes, if they are known.
    pub(crate) fn labels(&self) -> Option<(&[u32], &[String])> {
        Some((self.images.labels()?, self.images.class_names()))
    }

    /// The bytes of up to `count` images, spread over the whole set.
    pub(crate) fn some(&self, count: usize) -> Vec<u8> {
        let all = self.images.count();
        let count = count.min(all);
        (0..count).flat_map(|number| self.images.image(number * all / count)).copied().collect()
    }

    /// Refuses images that a system for images of `shape` with this batch cannot learn from.
    ///
    /// # Errors
    /// The numbers found and wanted.
    pub(crate) fn require(&self, batch: usize, shape: [usize; 3]) -> Result<(), Failure> {
        self.images.require(batch).map_err(failure)?;
        let found = [self.images.height(), self.images.width(), self.images.channels()];
        if found != shape {
            let text = |[height, width, channels]: [usize; 3]| format!("{height}x{width}x{channels}");
            return Err(Failure::new(Code::Data, "the images have another size than the system learns from")
                .at(self.origin())
                .because(format!("wanted {}, found {}", text(shape), text(found))));
        }
        Ok(())
    }
}

/// 28x28 grey doodles: the file that is named, the one at its usual place, or the built-in apples.
///
/// # Errors
/// When the file is not there or is not what it should be.
pub(crate) fn doodles(config: &Config) -> Result<Dataset, Failure> {
    let data = config.data.as_deref().map(Path::new);
    let source = Source::resolve(data, config.class.as_deref(), Path::new("")).map_err(failure)?;
    let images = source.load(DRAWINGS).map_err(failure)?;
    let built_in = matches!(source, Source::BuiltIn { .. });
    Ok(Dataset { images, origin: source.to_string(), built_in })
}

/// The crate's error in this program's form.
fn failure(error: DataError) -> Failure {
    let failure = Failure::new(Code::Data, error.what()).because(error.why()).help(error.help());
    match error.path() {
        Some(path) => failure.at(path.display()),
        None => failure,
    }
}
