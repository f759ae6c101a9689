//! A set of images of one size, in memory or on disk.

use crate::error::DataError;
use crate::fitting::{Aspect, Crop, Filter, Fitting};
use crate::labels::Labels;
use crate::plural::plural;
use crate::store::derived::{Scaled, Selected};
use crate::store::survey::{Survey, Suspects};
use crate::store::{Memory, Store};
use crate::text::{file_size, grouped};
use crate::value_range::ValueRange;
use kernels::timing::{Category, Work, time};
use rayon::prelude::*;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The most images in a set: a permutation of them takes four bytes of memory each.
const MAX_IMAGES: usize = 1 << 28;
/// Bytes that are read at a time to load a set into memory.
const BLOCK: usize = 16 << 20;

/// `count` images of `height` x `width` x `channels` bytes (0..=255), dense, NHWC. They are in
/// memory, or are read or generated on demand; [`load_into_memory`](Self::load_into_memory) brings
/// them into memory.
#[derive(Clone)]
pub struct Images {
    store: Arc<dyn Store>,
    height: usize,
    width: usize,
    channels: usize,
    origin: String,
    labels: Option<Labels>,
    survey: Arc<OnceLock<Survey>>,
}

impl Images {
    /// A set from dense NHWC bytes. `size` is (height, width, channels); `origin` tells users in
    /// one line where the images come from.
    ///
    /// # Panics
    /// If `pixels` is not a whole number of images of that size, or the size contains a zero.
    #[track_caller]
    pub fn new(pixels: Vec<u8>, size: [usize; 3], origin: String) -> Self {
        let [height, width, channels] = size;
        let one = height * width * channels;
        assert!(
            one > 0 && pixels.len().is_multiple_of(one),
            "Images::new: {} bytes are not a whole number of {height}x{width}x{channels} images ({one} bytes each)",
            pixels.len()
        );
        Self::of(Arc::new(Memory { bytes: pixels, image: one }), size, origin)
    }

    /// The images of a store, each of `size` (height, width, channels).
    pub(crate) fn of(store: Arc<dyn Store>, [height, width, channels]: [usize; 3], origin: String) -> Self {
        Self { store, height, width, channels, origin, labels: None, survey: Arc::default() }
    }

    /// The same images with a class for each: `labels` are indices into `names`.
    ///
    /// # Panics
    /// If there is not one label for each image, or a label has no name.
    #[track_caller]
    pub fn with_labels(mut self, labels: Vec<u32>, names: Vec<String>) -> Self {
        assert_eq!(labels.len(), self.count(), "Images::with_labels: labels and images");
        self.labels = Some(Labels::new(labels, names));
        self
    }

    /// The class of each image, an index into [`class_names`](Self::class_names), if known.
    pub fn labels(&self) -> Option<&[u32]> {
        self.labels.as_ref().map(Labels::of_each)
    }

    /// The names of the classes; empty if there are no classes.
    pub fn class_names(&self) -> &[String] {
        self.labels.as_ref().map_or(&[], Labels::names)
    }

    /// The images of one class, given by its name or its index.
    ///
    /// # Errors
    /// If the images have no classes, or none of this class.
    pub fn of_class(&self, class: &str) -> Result<Self, DataError> {
        let chosen = match &self.labels {
            Some(labels) => labels.images_of(class, &self.origin)?,
            None => return Err(Labels::none(class, &self.origin)),
        };
        let name = &self.class_names()[chosen.class];
        let origin =
            format!("{}, class {name} ({} {})", self.origin, chosen.images.len(), plural(chosen.images.len(), "image"));
        Ok(self.select(&chosen.images, origin))
    }

    /// The images at `indices`, in that order, with their labels.
    ///
    /// # Panics
    /// If an index is out of range.
    #[track_caller]
    pub fn select(&self, indices: &[usize], origin: String) -> Self {
        let (image, count) = (self.image_len(), self.count());
        if let Some(index) = indices.iter().find(|&&index| index >= count) {
            panic!("Images::select: image {index} of {count}");
        }
        let store: Arc<dyn Store> = match self.store.in_memory() {
            Some(all) => {
                let bytes = indices.iter().flat_map(|&index| &all[index * image..][..image]).copied().collect();
                Arc::new(Memory { bytes, image })
            }
            None => {
                let indices = indices.iter().map(|&index| index as u32).collect();
                Arc::new(Selected { from: self.store.clone(), indices, image })
            }
        };
        let labels = self.labels.as_ref().map(|labels| labels.select(indices));
        Self { labels, ..Self::of(store, self.size(), origin) }
    }

    /// The number of images.
    pub fn count(&self) -> usize {
        self.store.count()
    }

    /// The height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The number of channels: 1 for grey, 3 for colour, 4 for colour with alpha.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// (height, width, channels).
    pub fn size(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    /// Where the images come from, in one line.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Bytes of one image.
    fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Bytes of all images.
    fn length(&self) -> u64 {
        self.image_len() as u64 * self.count() as u64
    }

    /// The bytes of image `index`, with shape (height, width, channels).
    ///
    /// # Errors
    /// If it cannot be read.
    ///
    /// # Panics
    /// If the index is out of range.
    #[track_caller]
    pub fn image(&self, index: usize) -> Result<Cow<'_, [u8]>, DataError> {
        let (count, image) = (self.count(), self.image_len());
        assert!(index < count, "Images::image: image {index} of {count}");
        if let Some(all) = self.store.in_memory() {
            return Ok(Cow::Borrowed(&all[index * image..][..image]));
        }
        let mut bytes = vec![0; image];
        self.store.read(index, &mut bytes)?;
        Ok(Cow::Owned(bytes))
    }

    /// Loads the images into memory if they take at most `limit` bytes.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn load_into_memory(self, limit: u64) -> Result<Self, DataError> {
        if self.store.in_memory().is_some() || self.length() > limit {
            return Ok(self);
        }
        let image = self.image_len();
        // There may be less memory than the system reported.
        if Vec::<u8>::new().try_reserve_exact(self.length() as usize).is_err() {
            return Ok(self);
        }
        let mut bytes = vec![0; self.length() as usize];
        // Small blocks, so that every thread gets some.
        let block = (BLOCK / 64 / image).max(1);
        let blocks = bytes.par_chunks_mut(block * image).enumerate();
        blocks.try_for_each(|(number, images)| self.store.read(number * block, images))?;
        Ok(Self { store: Arc::new(Memory { bytes, image }), ..self })
    }

    /// Whether the images are in memory.
    pub fn are_in_memory(&self) -> bool {
        self.store.in_memory().is_some()
    }

    /// Bytes of memory that the set takes, without the buffers of a batch.
    pub fn resident_bytes(&self) -> u64 {
        self.store.resident_bytes() + self.labels().map_or(0, |labels| 4 * labels.len() as u64)
    }

    /// Bytes of memory that the set will take after [`load_into_memory`](Self::load_into_memory)
    /// with `limit`.
    pub fn resident_bytes_in_memory(&self, limit: u64) -> u64 {
        let labels = self.labels().map_or(0, |labels| 4 * labels.len() as u64);
        if self.length() <= limit { self.length() + labels } else { self.resident_bytes() }
    }

    /// Bytes of disk that must be written before an image can be read: the cache of a large folder
    /// that was only inspected, see [`LoadOptions`](crate::LoadOptions).
    pub fn cache_bytes(&self) -> u64 {
        self.store.cache_bytes()
    }

    /// The number and size of the images, and where they are stored, in one line.
    pub fn summary(&self) -> String {
        let Self { height, width, channels, .. } = self;
        let count = grouped(self.count());
        format!(
            "{count} {} {height}x{width}x{channels}, {}: {}",
            plural(self.count(), "image"),
            file_size(self.length()),
            self.store.location()
        )
    }

    /// The images resized to `size` (height, width, channels) with `filter`, on demand. Colours are
    /// converted to grey, or grey is repeated.
    ///
    /// # Panics
    /// If a side is 0, or the number of channels is neither the same nor 1, 3 or 4.
    pub fn resized(self, size: [usize; 3], filter: Filter) -> Self {
        let before = self.size();
        if before == size && size[2] != 4 {
            return self;
        }
        let fitting = Fitting { aspect: Aspect::Stretch, filter, ..Fitting::default() };
        self.converted(size, &fitting, None)
    }

    /// The images converted to `size` (height, width, channels), on demand, as `fitting` says:
    /// `range` is applied to their bytes, transparent pixels are blended with the background, other
    /// sizes are cropped and scaled, colours become grey or grey is repeated. With four channels,
    /// colours are multiplied by their alpha.
    ///
    /// # Panics
    /// If a side is 0, or the number of channels is neither the same nor 1, 3 or 4.
    pub fn converted(self, size: [usize; 3], fitting: &Fitting, range: Option<ValueRange>) -> Self {
        let before = self.size();
        // Colours with alpha are multiplied by it.
        if before == size && size[2] != 4 && fitting.crop == Crop::None && range.is_none() {
            return self;
        }
        assert!(size.iter().product::<usize>() > 0, "Images::converted: {size:?}");
        let known = matches!((before[2], size[2]), (1 | 3 | 4, 1 | 3 | 4));
        assert!(before[2] == size[2] || known, "Images::converted: channels");
        let levels = range.map(|range| std::array::from_fn(|byte| range.byte(byte as f64)));
        let store = Arc::new(Scaled { from: self.store, before, size, fitting: fitting.clone(), levels });
        Self { labels: self.labels, ..Self::of(store, size, self.origin) }
    }

    /// Writes the images at `indices` as one batch of shape (indices, height, width, channels),
    /// scaled to [0, 1] (byte / 255).
    ///
    /// # Errors
    /// If an image cannot be read.
    ///
    /// # Panics
    /// If an index is out of range, or `batch` has another length.
    #[track_caller]
    pub fn gather(&self, indices: &[usize], batch: &mut [f32]) -> Result<(), DataError> {
        let (length, places) = (self.image_len(), batch.len());
        assert!(indices.len() * length == places, "Images::gather: {} images of {length} into {places}", indices.len());
        time(Category::Batch, "gather", Work::Unknown, || {
            for (&index, pixels) in indices.iter().zip(batch.chunks_exact_mut(length)) {
                for (pixel, &byte) in pixels.iter_mut().zip(&*self.image(index)?) {
                    *pixel = f32::from(byte) / 255.0;
                }
            }
            Ok(())
        })
    }

    /// Sixteen hexadecimal digits that identify the images: they depend on every byte, on the
    /// order, the number and the size of the images, but not on where the files are. Resumed runs
    /// compare them. Of very large sets (more than 64 GiB; 8 GiB for generated ones) only 64
    /// images, the number and the size count. They guard against mistakes, not against attacks.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn fingerprint(&self) -> Result<String, DataError> {
        self.survey().map(|survey| survey.fingerprint.clone())
    }

    /// Counts blank images and duplicates. Of a large set on disk only a sample is checked;
    /// generated pictures have neither.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn suspects(&self) -> Result<Suspects, DataError> {
        self.survey().map(|survey| survey.suspects)
    }

    /// The survey of all images, made once.
    fn survey(&self) -> Result<&Survey, DataError> {
        if let Some(found) = self.survey.get() {
            return Ok(found);
        }
        let found = match self.store.known() {
            Some(known) => known,
            None => Survey::of(&*self.store, self.size())?,
        };
        Ok(self.survey.get_or_init(|| found))
    }

    /// Checks that there are at least `batch` images, and not too many.
    pub fn require(&self, batch: usize) -> Result<(), DataError> {
        if self.count() > MAX_IMAGES {
            let why = format!("{}: at most {} images are possible", self.origin, grouped(MAX_IMAGES));
            return Err(DataError::invalid_set(
                "too many images",
                why,
                advice!("too-many-images", "use a part of them"),
            ));
        }
        if self.count() < batch {
            let (origin, count) = (&self.origin, self.count());
            let images = plural(count, "image");
            let why = format!("{origin}: {count} {images}, but a batch needs {batch} different ones");
            let help = match count {
                0 => advice!("no-images", "use a data set with images"),
                _ => advice!("too-few-images", "use a larger data set"),
            };
            return Err(DataError::invalid_set("fewer images than a batch", why, help));
        }
        Ok(())
    }
}

impl fmt::Debug for Images {
    /// The pixels would fill the screen; shape and origin are enough.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = [self.count(), self.height, self.width, self.channels];
        f.debug_struct("Images").field("shape", &shape).field("origin", &self.origin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
