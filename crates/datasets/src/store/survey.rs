//! A pass over all images of a store: their fingerprint, blank images and duplicates.

use super::Store;
use super::hash::{PIECE, Pieces, fingerprint, hash_bytes};
use crate::error::DataError;
use crate::plural::plural;
use rayon::prelude::*;
use std::collections::HashSet;

/// Bytes that are read at a time.
const BLOCK: usize = 16 << 20;
/// The largest number of images on disk that are checked for duplicates: each takes eight bytes of
/// memory.
const MAX_CHECKED: usize = 1 << 22;
/// The fingerprint of a set of at most this many bytes covers every byte. (Versions that loaded
/// every set into memory had no larger sets, so their fingerprints stay valid.)
const MAX_BYTES_HASHED: u64 = 64 << 30;
/// The limit for generated pictures, which is lower because drawing takes longer than reading.
const MAX_BYTES_GENERATED: u64 = 8 << 30;
/// How many images the fingerprint of a larger set covers.
const SAMPLED: usize = 64;

/// What a pass over all images finds.
#[derive(Clone, Debug)]
pub(crate) struct Survey {
    pub(crate) fingerprint: String,
    pub(crate) suspects: Suspects,
}

/// Images that are probably useless for training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suspects {
    /// Blank images: all of their bytes are equal.
    pub blank: usize,
    /// Images that are not blank and equal an earlier image byte for byte.
    pub copies: usize,
    /// All images that were checked.
    pub count: usize,
}

impl Suspects {
    /// A warning if more than one image in a hundred is suspect.
    pub fn warning(&self) -> Option<String> {
        let Self { blank, copies, count } = *self;
        let text = || {
            let images = plural(count, "image");
            format!("of {count} {images} {blank} are blank and {copies} are exact copies of another")
        };
        ((blank + copies) * 100 > count).then(text)
    }
}

impl Survey {
    /// Surveys the images of `store`, each of `size` (height, width, channels).
    ///
    /// # Errors
    /// If an image cannot be read.
    pub(crate) fn of(store: &dyn Store, size: [usize; 3]) -> Result<Self, DataError> {
        let (image, count) = (size.iter().product(), store.count());
        let mut counter = SuspectCounter::default();
        let pieces = if let Some(all) = store.in_memory() {
            let hashes = all.par_chunks_exact(image).map(|image| (!is_blank(image)).then(|| hash_bytes(image)));
            hashes.collect::<Vec<_>>().into_iter().for_each(|hash| counter.add(hash));
            all.par_chunks(PIECE).map(hash_bytes).collect()
        } else {
            let generated = store.is_generated();
            let limit = if generated { MAX_BYTES_GENERATED } else { MAX_BYTES_HASHED };
            let all = image as u64 * count as u64 <= limit;
            let block = if all { (BLOCK / image).max(1) } else { 1 };
            let firsts: Vec<usize> = if all {
                (0..count).step_by(block).collect()
            } else {
                (0..SAMPLED).map(|number| number * (count / SAMPLED)).collect()
            };
            let stride = if generated { usize::MAX } else { count.div_ceil(MAX_CHECKED) };
            let (mut pieces, mut bytes) = (Pieces::default(), Vec::new());
            for first in firsts {
                bytes.resize(block.min(count - first) * image, 0);
                store.read(first, &mut bytes)?;
                pieces.push(&bytes);
                let checked = bytes.chunks_exact(image).step_by(stride);
                checked.for_each(|image| counter.add((!is_blank(image)).then(|| hash_bytes(image))));
            }
            pieces.finish()
        };
        let suspects = if store.is_generated() { Suspects { count, ..Suspects::default() } } else { counter.suspects };
        let [height, width, channels] = size;
        Ok(Self { fingerprint: fingerprint([count, height, width, channels], pieces), suspects })
    }
}

/// Counts suspect images.
#[derive(Default)]
pub(crate) struct SuspectCounter {
    pub(crate) suspects: Suspects,
    /// The hashes of the images that are not blank; the images themselves could fill the memory.
    seen: HashSet<u64>,
}

impl SuspectCounter {
    /// Counts an image by its hash; `None` for a blank one.
    pub(crate) fn add(&mut self, hash: Option<u64>) {
        self.suspects.count += 1;
        match hash {
            None => self.suspects.blank += 1,
            Some(hash) if !self.seen.insert(hash) => self.suspects.copies += 1,
            Some(_) => {}
        }
    }
}

/// Whether all bytes of an image are equal.
pub(crate) fn is_blank(image: &[u8]) -> bool {
    image.iter().all(|&byte| byte == image[0])
}
