//! A set of images of one size, in memory as bytes.

use crate::error::DataError;
use crate::folder::{Filter, grey, resample};
use crate::labels::Labels;
use kernels::timing::{Kind, Work, time};
use rayon::prelude::*;
use std::collections::HashSet;
use std::fmt;

/// Bytes hashed as one piece; fixed, so that the fingerprint does not depend on the number of threads.
const PIECE: usize = 1 << 20;

/// `count` images of `height` x `width` x `channels` bytes (0..=255), dense, NHWC.
#[derive(Clone, PartialEq, Eq)]
pub struct Images {
    pixels: Vec<u8>,
    height: usize,
    width: usize,
    channels: usize,
    origin: String,
    labels: Option<Labels>,
}

/// Images that are probably not worth learning from, as [`Images::suspects`] counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspects {
    /// Images all of whose bytes are the same: nothing is drawn on them.
    pub blank: usize,
    /// Images that are not blank but equal an earlier one byte for byte.
    pub copies: usize,
    /// All images.
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
        Self { pixels, height, width, channels, origin, labels: None }
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
        let origin = format!("{}, class {name} ({} images)", self.origin, chosen.images.len());
        Ok(self.chosen(&chosen.images, origin))
    }

    /// The images `indices` in that order, with their labels.
    ///
    /// # Panics
    /// If there is no such image.
    #[track_caller]
    pub fn chosen(&self, indices: &[usize], origin: String) -> Self {
        let pixels = indices.iter().flat_map(|&index| self.image(index)).copied().collect();
        let labels = self.labels.as_ref().map(|labels| labels.chosen(indices));
        Self { pixels, origin, labels, ..*self }
    }

    /// Number of images.
    pub fn count(&self) -> usize {
        self.pixels.len() / self.image_len()
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

    /// The bytes of image `index`, (height, width, channels).
    ///
    /// # Panics
    /// If there is no such image.
    #[track_caller]
    pub fn image(&self, index: usize) -> &[u8] {
        let count = self.count();
        assert!(index < count, "Images::image: image {index} of {count}");
        &self.pixels[index * self.image_len()..][..self.image_len()]
    }

    /// The same images as `size` (height, width, channels): scaled with `filter`, colours made grey or grey repeated.
    ///
    /// # Panics
    /// If a side is 0, or the channels are neither as before nor 1 nor 3.
    pub fn in_size(self, size: [usize; 3], filter: Filter) -> Self {
        let before = self.size();
        if before == size {
            return self;
        }
        let [height, width, channels] = size;
        let convert = |image: &[u8]| {
            let scaled = resample(image, before, [height, width], filter);
            match (before[2], channels) {
                (3, 1) => scaled.as_chunks().0.iter().map(|&pixel| grey(pixel)).collect(),
                (1, 3) => scaled.iter().flat_map(|&value| [value; 3]).collect(),
                (before, channels) => {
                    assert_eq!(before, channels, "Images::in_size: channels");
                    scaled
                }
            }
        };
        let pixels = self.pixels.par_chunks_exact(self.image_len()).flat_map_iter(convert).collect();
        Self { pixels, height, width, channels, ..self }
    }

    /// Writes the images `indices` in that order as one batch (indices, height, width, channels), scaled to [0, 1] (byte / 255).
    ///
    /// # Panics
    /// If there is no such image, or `batch` has not as many places.
    #[track_caller]
    pub fn gather(&self, indices: &[usize], batch: &mut [f32]) {
        let (length, places) = (self.image_len(), batch.len());
        assert!(indices.len() * length == places, "Images::gather: {} images of {length} into {places}", indices.len());
        time(Kind::Batch, "gather", Work::Unknown, || {
            for (&index, pixels) in indices.iter().zip(batch.chunks_exact_mut(length)) {
                for (pixel, &byte) in pixels.iter_mut().zip(self.image(index)) {
                    *pixel = f32::from(byte) / 255.0;
                }
            }
        });
    }

    /// Sixteen hexadecimal digits that change when a byte, the order, the number or the size of the images does, and stay
    /// the same wherever the file lies: a resumed run compares them to know its data again. Guards against mix-ups, not
    /// against someone who wants to deceive.
    pub fn fingerprint(&self) -> String {
        let pieces: Vec<u64> = self.pixels.par_chunks(PIECE).map(hash_bytes).collect();
        let shape = [self.count(), self.height, self.width, self.channels].map(|length| length as u64);
        let hash = shape.into_iter().chain(pieces).fold(SEED, absorb);
        format!("{:016x}", spread(hash))
    }

    /// An error unless there are at least `batch` images.
    pub fn require(&self, batch: usize) -> Result<(), DataError> {
        if self.count() < batch {
            return Err(DataError::TooFew { origin: self.origin.clone(), count: self.count(), batch });
        }
        Ok(())
    }

    /// Counts the blank images and the copies of earlier ones.
    pub fn suspects(&self) -> Suspects {
        let mut seen = HashSet::with_capacity(self.count());
        let (mut blank, mut copies) = (0, 0);
        for image in self.pixels.chunks_exact(self.image_len()) {
            if image.iter().all(|&byte| byte == image[0]) {
                blank += 1;
            } else if !seen.insert(image) {
                copies += 1;
            }
        }
        Suspects { blank, copies, count: self.count() }
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

/// Start value of the hashes (FNV's 64-bit offset).
const SEED: u64 = 0xCBF2_9CE4_8422_2325;

/// FNV-1a's step on a word instead of a byte. For a fixed word it is a bijection of the hash and the other way round, so two
/// inputs that differ in one word always differ in the result.
fn absorb(hash: u64, word: u64) -> u64 {
    (hash ^ word).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(29)
}

/// The hash of a piece, eight bytes at a time (little-endian), its length last.
fn hash_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(SEED, |hash, word| absorb(hash, u64::from_le_bytes(*word)));
    let hash = rest.iter().fold(hash, |hash, &byte| absorb(hash, u64::from(byte)));
    absorb(hash, bytes.len() as u64)
}

/// Lets every bit of the hash depend on every other (the finisher of splitmix64).
fn spread(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let hash = (hash ^ hash >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ hash >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Images {
        Images::new((0..24).collect(), [2, 3, 1], "a test".into())
    }

    #[test]
    fn batches_are_gathered_in_order_and_scaled() {
        let images = Images::new(vec![0, 255, 51, 102], [1, 2, 1], "a test".into());
        assert_eq!((images.count(), images.height(), images.width(), images.channels()), (2, 1, 2, 1));
        let mut batch = [0.5; 6];
        images.gather(&[1, 0, 1], &mut batch);
        assert_eq!(batch, [0.2, 0.4, 0.0, 1.0, 0.2, 0.4]);
        images.gather(&[], &mut []);
    }

    #[test]
    fn the_fingerprint_is_fixed_and_feels_every_change() {
        let images = small();
        // Written into run folders: it must not change from one version to the next.
        assert_eq!(images.fingerprint(), "263eab78204a3f70");
        let mut others: Vec<String> = (0..24)
            .map(|index| {
                let mut pixels = images.pixels.clone();
                pixels[index] ^= 0x80;
                Images::new(pixels, [2, 3, 1], String::new()).fingerprint()
            })
            .collect();
        others.push(Images::new(images.pixels.clone(), [3, 2, 1], String::new()).fingerprint());
        others.push(Images::new(images.pixels[..18].to_vec(), [2, 3, 1], String::new()).fingerprint());
        others.push(images.fingerprint());
        assert_eq!(others.iter().collect::<HashSet<_>>().len(), others.len());
        assert_eq!(Images::new(images.pixels, [2, 3, 1], "moved".into()).fingerprint(), others[26]);
    }

    #[test]
    fn blanks_and_copies_are_counted() {
        let images = Images::new(vec![0, 0, 1, 2, 9, 9, 1, 2, 3, 4], [1, 2, 1], "a test".into());
        let suspects = images.suspects();
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
        assert!(error.help().text().contains("smaller batches"), "{error}");
    }

    #[test]
    #[should_panic(expected = "image 4 of 4")]
    fn an_image_that_is_not_there_is_named() {
        small().gather(&[0, 4], &mut [0.0; 12]);
    }
}
