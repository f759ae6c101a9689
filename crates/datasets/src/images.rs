//! A set of images of one size, wherever their bytes lie.

use crate::error::DataError;
use crate::folder::{Aspect, Crop, Filter, Fitting};
use crate::labels::Labels;
use crate::npy::grouped;
use crate::plural::plural;
use crate::range::Levels;
use crate::store::derived::{Scaled, Selected};
use crate::store::hash::{PIECE, Pieces, fingerprint, hash_bytes};
use crate::store::{Memory, Store};
use kernels::timing::{Category, Work, time};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Images of a set at most: the order of a pass over them takes four bytes of memory for each.
const MOST_IMAGES: usize = 1 << 28;
/// Bytes that are read at a time when all images are gone through.
const BLOCK: usize = 16 << 20;
/// Of images that are not in memory, at most so many are looked at for blanks and copies: each is remembered by eight bytes.
const MOST_LOOKED_AT: usize = 1 << 22;
/// Every byte counts for the fingerprint of a set of so many bytes at most: no larger one fitted into memory when all sets had to.
const MOST_BYTES_HASHED: u64 = 64 << 30;
/// The same for pictures that are drawn here, which takes longer than reading.
const MOST_BYTES_DRAWN: u64 = 8 << 30;
/// The fingerprint of a larger set is that of so many of its images.
const SAMPLED: usize = 64;

/// `count` images of `height` x `width` x `channels` bytes (0..=255), dense, NHWC. Their bytes may lie in memory, or be read or
/// drawn when they are needed: [`kept`](Self::kept) brings them into memory.
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

/// What going through all images tells.
#[derive(Clone, Debug)]
pub(crate) struct Survey {
    pub(crate) fingerprint: String,
    pub(crate) suspects: Suspects,
}

/// Images that are probably not worth learning from, as [`Images::suspects`] counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suspects {
    /// Images all of whose bytes are the same: nothing is drawn on them.
    pub blank: usize,
    /// Images that are not blank but equal an earlier one byte for byte.
    pub copies: usize,
    /// All images that were looked at.
    pub count: usize,
}

impl Images {
    /// A set from dense NHWC bytes; `size` is (height, width, channels), `origin` one line for people.
    ///
    /// # Panics
    /// If `pixels` is not a whole number of images of that size, or the size has a zero.
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

    /// The images of a store; `size` is (height, width, channels) of each.
    pub(crate) fn of(store: Arc<dyn Store>, [height, width, channels]: [usize; 3], origin: String) -> Self {
        Self { store, height, width, channels, origin, labels: None, survey: Arc::default() }
    }

    /// The same images with a class for each: `labels` are places in `names`.
    ///
    /// # Panics
    /// If there is not one label for each image, or a label has no name.
    #[track_caller]
    pub fn with_labels(mut self, labels: Vec<u32>, names: Vec<String>) -> Self {
        assert_eq!(labels.len(), self.count(), "Images::with_labels: labels and images");
        self.labels = Some(Labels::new(labels, names));
        self
    }

    /// The class of each image, as a place in [`class_names`](Self::class_names), if they are known.
    pub fn labels(&self) -> Option<&[u32]> {
        self.labels.as_ref().map(Labels::of_each)
    }

    /// The names of the classes; empty if there are none.
    pub fn class_names(&self) -> &[String] {
        self.labels.as_ref().map_or(&[], Labels::names)
    }

    /// The images of one class, told by its name or its number.
    ///
    /// # Errors
    /// If the images have no classes, not this one, or no image of it.
    pub fn of_class(&self, class: &str) -> Result<Self, DataError> {
        let chosen = match &self.labels {
            Some(labels) => labels.images_of(class, &self.origin)?,
            None => return Err(Labels::none(class, &self.origin)),
        };
        let name = &self.class_names()[chosen.class];
        let origin =
            format!("{}, class {name} ({} {})", self.origin, chosen.images.len(), plural(chosen.images.len(), "image"));
        Ok(self.chosen(&chosen.images, origin))
    }

    /// The images `indices` in that order, with their labels.
    ///
    /// # Panics
    /// If there is no such image.
    #[track_caller]
    pub fn chosen(&self, indices: &[usize], origin: String) -> Self {
        let (image, count) = (self.image_len(), self.count());
        if let Some(index) = indices.iter().find(|&&index| index >= count) {
            panic!("Images::chosen: image {index} of {count}");
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
        let labels = self.labels.as_ref().map(|labels| labels.chosen(indices));
        Self { labels, ..Self::of(store, self.size(), origin) }
    }

    /// Number of images.
    pub fn count(&self) -> usize {
        self.store.count()
    }

    /// Rows of an image.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns of an image.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Values of a pixel: 1 for grey, 3 for colour.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Height, width and channels of an image.
    pub fn size(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    /// Where the images come from, in one line for people.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Bytes of an image.
    fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Bytes of all images.
    fn length(&self) -> u64 {
        self.image_len() as u64 * self.count() as u64
    }

    /// The bytes of image `index`, (height, width, channels).
    ///
    /// # Errors
    /// If it cannot be read.
    ///
    /// # Panics
    /// If there is no such image.
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

    /// The same images with their bytes in memory, if these are no more than `most`.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn kept(self, most: u64) -> Result<Self, DataError> {
        if self.store.in_memory().is_some() || self.length() > most {
            return Ok(self);
        }
        let image = self.image_len();
        // The system may have less than it said.
        if Vec::<u8>::new().try_reserve_exact(self.length() as usize).is_err() {
            return Ok(self);
        }
        let bytes = match self.store.read_whole() {
            Some(whole) => whole?,
            None => {
                let mut bytes = vec![0; self.length() as usize];
                // Small enough for every thread to get some.
                let block = (BLOCK / 64 / image).max(1);
                let blocks = bytes.par_chunks_mut(block * image).enumerate();
                blocks.try_for_each(|(number, images)| self.store.read(number * block, images))?;
                bytes
            }
        };
        Ok(Self { store: Arc::new(Memory { bytes, image }), ..self })
    }

    /// Whether their bytes lie in memory.
    pub fn are_in_memory(&self) -> bool {
        self.store.in_memory().is_some()
    }

    /// Bytes of memory that the set takes as it is, without what is read for a batch.
    pub fn resident_bytes(&self) -> u64 {
        self.store.resident_bytes() + self.labels().map_or(0, |labels| 4 * labels.len() as u64)
    }

    /// Bytes of memory that the set would take after [`kept`](Self::kept) with `most`.
    pub fn resident_bytes_kept(&self, most: u64) -> u64 {
        let labels = self.labels().map_or(0, |labels| 4 * labels.len() as u64);
        if self.length() <= most { self.length() + labels } else { self.resident_bytes() }
    }

    /// Bytes of disk that are still to be written before an image can be read: those of the cache of a large folder that was only
    /// looked at, see [`LoadOptions`](crate::LoadOptions).
    pub fn cache_bytes(&self) -> u64 {
        self.store.cache_bytes()
    }

    /// How many there are, how large, and where their bytes are, in one line for people.
    pub fn summary(&self) -> String {
        let Self { height, width, channels, .. } = self;
        let count = grouped(self.count());
        format!(
            "{count} {} {height}x{width}x{channels}, {}: {}",
            plural(self.count(), "image"),
            bytes_in_words(self.length()),
            self.store.place()
        )
    }

    /// The same images as `size` (height, width, channels): scaled with `filter`, colours made grey or grey repeated. They are
    /// converted when they are needed.
    ///
    /// # Panics
    /// If a side is 0, or the channels are neither as before nor 1 nor 3.
    pub fn in_size(self, size: [usize; 3], filter: Filter) -> Self {
        let before = self.size();
        if before == size {
            return self;
        }
        let fitting = Fitting { aspect: Aspect::Stretch, filter, ..Fitting::default() };
        self.converted(size, &fitting, Levels::default())
    }

    /// The same images as `size` (height, width, channels), fitted as pictures of files are: `levels` are applied to their bytes,
    /// those with alpha are laid on the background, other sizes are cropped and scaled, colours become grey or grey is repeated.
    ///
    /// # Panics
    /// If a side is 0, or the channels are neither as before nor 1 nor 3.
    pub fn converted(self, size: [usize; 3], fitting: &Fitting, Levels(range): Levels) -> Self {
        let before = self.size();
        if before == size && fitting.crop == Crop::None && range.is_none() {
            return self;
        }
        assert!(size.iter().product::<usize>() > 0, "Images::converted: {size:?}");
        let known = matches!((before[2], size[2]), (1 | 3 | 4, 1 | 3));
        assert!(before[2] == size[2] || known, "Images::converted: channels");
        let levels = range.map(|range| std::array::from_fn(|byte| range.byte(byte as f64)));
        let store = Arc::new(Scaled { from: self.store, before, size, fitting: fitting.clone(), levels });
        Self { labels: self.labels, ..Self::of(store, size, self.origin) }
    }

    /// Writes the images `indices` in that order as one batch (indices, height, width, channels), scaled to [0, 1] (byte / 255).
    ///
    /// # Errors
    /// If one cannot be read.
    ///
    /// # Panics
    /// If there is no such image, or `batch` has not as many places.
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

    /// Sixteen hexadecimal digits that change when a byte, the order, the number or the size of the images does, and stay
    /// the same wherever the file lies: a resumed run compares them to know its data again. Of sets that are too large to be gone
    /// through (64 GiB, drawn ones 8 GiB), only 64 images spread over the set, their number and their size count. Guards against
    /// mix-ups, not against someone who wants to deceive.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn fingerprint(&self) -> Result<String, DataError> {
        self.survey().map(|survey| survey.fingerprint.clone())
    }

    /// Counts the blank images and the copies of earlier ones. Of a set that is not in memory only some are looked at if it is
    /// large; pictures that are drawn here are known to be none of both.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn suspects(&self) -> Result<Suspects, DataError> {
        self.survey().map(|survey| survey.suspects)
    }

    /// What is found by going through all images, once.
    fn survey(&self) -> Result<&Survey, DataError> {
        if let Some(found) = self.survey.get() {
            return Ok(found);
        }
        let found = match self.store.known() {
            Some(known) => known,
            None => self.go_through()?,
        };
        Ok(self.survey.get_or_init(|| found))
    }

    fn go_through(&self) -> Result<Survey, DataError> {
        let (image, count) = (self.image_len(), self.count());
        let mut counted = Counted::default();
        let pieces = if let Some(all) = self.store.in_memory() {
            let hashes = all.par_chunks_exact(image).map(|image| (!is_blank(image)).then(|| hash_bytes(image)));
            hashes.collect::<Vec<_>>().into_iter().for_each(|hash| counted.add(hash));
            all.par_chunks(PIECE).map(hash_bytes).collect()
        } else {
            let drawn = self.store.is_drawn();
            let all = self.length() <= if drawn { MOST_BYTES_DRAWN } else { MOST_BYTES_HASHED };
            let block = if all { (BLOCK / image).max(1) } else { 1 };
            let firsts: Vec<usize> = if all {
                (0..count).step_by(block).collect()
            } else {
                (0..SAMPLED).map(|number| number * (count / SAMPLED)).collect()
            };
            let stride = count.div_ceil(MOST_LOOKED_AT);
            let (mut pieces, mut bytes) = (Pieces::default(), Vec::new());
            for first in firsts {
                bytes.resize(block.min(count - first) * image, 0);
                self.store.read(first, &mut bytes)?;
                pieces.push(&bytes);
                let looked_at = bytes.chunks_exact(image).step_by(if drawn { usize::MAX } else { stride });
                looked_at.for_each(|image| counted.add((!is_blank(image)).then(|| hash_bytes(image))));
            }
            pieces.finish()
        };
        let suspects = if self.store.is_drawn() { Suspects { count, ..Suspects::default() } } else { counted.suspects };
        Ok(Survey { fingerprint: fingerprint([count, self.height, self.width, self.channels], pieces), suspects })
    }

    /// An error unless there are at least `batch` images.
    pub fn require(&self, batch: usize) -> Result<(), DataError> {
        if self.count() > MOST_IMAGES {
            return Err(DataError::Unusable {
                path: None,
                what: "too many images".into(),
                why: format!("{}: at most {} images are taken", self.origin, grouped(MOST_IMAGES)),
                help: advice!("too-many-images", "use a part of them"),
            });
        }
        if self.count() < batch {
            return Err(DataError::TooFew { origin: self.origin.clone(), count: self.count(), batch });
        }
        Ok(())
    }
}

/// Counts suspect images as they come.
#[derive(Default)]
pub(crate) struct Counted {
    pub(crate) suspects: Suspects,
    /// The hashes of the images that are not blank: the images themselves would fill the memory.
    seen: HashSet<u64>,
}

impl Counted {
    /// Adds an image by its hash; None if nothing is drawn on it.
    pub(crate) fn add(&mut self, hash: Option<u64>) {
        self.suspects.count += 1;
        match hash {
            None => self.suspects.blank += 1,
            Some(hash) if !self.seen.insert(hash) => self.suspects.copies += 1,
            Some(_) => {}
        }
    }
}

/// Whether nothing is drawn on an image.
pub(crate) fn is_blank(image: &[u8]) -> bool {
    image.iter().all(|&byte| byte == image[0])
}

/// `5.9 GB`, `15.7 MB`.
pub(crate) fn bytes_in_words(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        1e9.. => format!("{:.1} GB", bytes / 1e9),
        1e6.. => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} kB", bytes / 1e3),
    }
}

impl Suspects {
    /// One line to show to people if more than one image in a hundred is suspect.
    pub fn warning(&self) -> Option<String> {
        let Self { blank, copies, count } = *self;
        ((blank + copies) * 100 > count)
            .then(|| format!("of {count} images {blank} are blank and {copies} are exact copies of another"))
    }
}

impl fmt::Debug for Images {
    /// The pixels would fill the screen; the shape and the origin tell enough.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = [self.count(), self.height, self.width, self.channels];
        f.debug_struct("Images").field("shape", &shape).field("origin", &self.origin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Background;
    use crate::range::Range;

    fn small() -> Images {
        Images::new((0..24).collect(), [2, 3, 1], "a test".into())
    }

    #[test]
    fn batches_are_gathered_in_order_and_scaled() {
        let images = Images::new(vec![0, 255, 51, 102], [1, 2, 1], "a test".into());
        assert_eq!((images.count(), images.height(), images.width(), images.channels()), (2, 1, 2, 1));
        let mut batch = [0.5; 6];
        images.gather(&[1, 0, 1], &mut batch).unwrap();
        assert_eq!(batch, [0.2, 0.4, 0.0, 1.0, 0.2, 0.4]);
        images.gather(&[], &mut []).unwrap();
    }

    #[test]
    fn the_fingerprint_is_fixed_and_feels_every_change() {
        let (images, bytes) = (small(), (0..24).collect::<Vec<u8>>());
        // Written into run folders: it must not change from one version to the next.
        assert_eq!(images.fingerprint().unwrap(), "263eab78204a3f70");
        let mut others: Vec<String> = (0..24)
            .map(|index| {
                let mut pixels = bytes.clone();
                pixels[index] ^= 0x80;
                Images::new(pixels, [2, 3, 1], String::new()).fingerprint().unwrap()
            })
            .collect();
        others.push(Images::new(bytes.clone(), [3, 2, 1], String::new()).fingerprint().unwrap());
        others.push(Images::new(bytes[..18].to_vec(), [2, 3, 1], String::new()).fingerprint().unwrap());
        others.push(images.fingerprint().unwrap());
        assert_eq!(others.iter().collect::<HashSet<_>>().len(), others.len());
        assert_eq!(Images::new(bytes, [2, 3, 1], "moved".into()).fingerprint().unwrap(), others[26]);
    }

    #[test]
    fn blanks_and_copies_are_counted() {
        let images = Images::new(vec![0, 0, 1, 2, 9, 9, 1, 2, 3, 4], [1, 2, 1], "a test".into());
        let suspects = images.suspects().unwrap();
        assert_eq!(suspects, Suspects { blank: 2, copies: 1, count: 5 });
        let warning = suspects.warning().unwrap();
        assert!(warning.contains("2 are blank") && warning.contains("1 are exact copies"), "{warning}");
        assert_eq!(Suspects { blank: 1, copies: 0, count: 100 }.warning(), None);
    }

    #[test]
    fn a_batch_needs_that_many_images() {
        assert!(small().require(4).is_ok());
        let error = small().require(5).unwrap_err();
        assert!(error.why().contains('4') && error.why().contains('5'), "{error}");
        assert!(error.help().text().contains("a larger set"), "{error}");
    }

    #[test]
    #[should_panic(expected = "image 4 of 4")]
    fn an_image_that_is_not_there_is_named() {
        small().gather(&[0, 4], &mut [0.0; 12]).unwrap();
    }

    #[test]
    fn sizes_channels_and_numbers_are_brought_to_what_is_wanted() {
        let images = |bytes: &[u8], size| Images::new(bytes.to_vec(), size, "a test".into());
        let first = |images: Images| images.image(0).unwrap().into_owned();
        let usual = Fitting::default();
        let auto = Levels::default();
        let grey = images(&[1, 2, 3, 4], [2, 2, 1]).with_labels(vec![0], vec!["a".into()]);
        let colour = grey.clone().converted([2, 2, 3], &usual, auto);
        assert_eq!(first(colour.clone()), [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
        assert_eq!((colour.labels(), colour.class_names().len()), (Some(&[0][..]), 1));
        assert_eq!(first(colour.converted([2, 2, 1], &usual, auto)), [1, 2, 3, 4]);
        assert_eq!(first(grey.clone().converted([1, 1, 1], &usual, auto)), [3]);
        // As it is scaled by `in_size`, where nothing is cropped.
        let area = |images: Images| images.in_size([1, 1, 1], Filter::Area);
        assert_eq!(first(area(grey.clone())), first(grey.clone().converted([1, 1, 1], &usual, auto)));
        let turned = Levels(Range::new(255.0, 0.0));
        assert_eq!(first(grey.clone().converted([2, 2, 1], &usual, turned)), [254, 253, 252, 251]);
        let padded = Fitting { aspect: Aspect::Pad, background: Background([9; 3]), ..Fitting::default() };
        assert_eq!(first(grey.converted([2, 4, 1], &padded, auto)), [9, 1, 2, 9, 9, 3, 4, 9]);
        let clear = images(&[255, 0, 0, 51], [1, 1, 4]);
        let below = Fitting { background: Background([0, 100, 200]), ..Fitting::default() };
        assert_eq!(first(clear.converted([1, 1, 3], &below, auto)), [51, 80, 160]);
    }
}
