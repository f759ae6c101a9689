//! Stores that convert or select the images of another store.

use super::Store;
use crate::error::DataError;
use crate::fitting::Fitting;
use rayon::prelude::*;
use std::sync::Arc;

/// The images of another store, converted to another size or number of channels.
pub(crate) struct Scaled {
    pub(crate) from: Arc<dyn Store>,
    /// (height, width, channels) of the other store.
    pub(crate) before: [usize; 3],
    /// (height, width, channels) of this store.
    pub(crate) size: [usize; 3],
    pub(crate) fitting: Fitting,
    /// A table applied to every byte first, if any.
    pub(crate) levels: Option<[u8; 256]>,
}

impl Scaled {
    fn convert(&self, image: &[u8], place: &mut [u8]) {
        // Alpha, the last of four channels, is no brightness.
        let is_alpha = |at: usize| self.before[2] == 4 && at % 4 == 3;
        let level = |levels: &[u8; 256], (at, &byte): (usize, &u8)| {
            if is_alpha(at) { byte } else { levels[usize::from(byte)] }
        };
        let levelled =
            |levels: &[u8; 256]| image.iter().enumerate().map(|place| level(levels, place)).collect::<Vec<u8>>();
        let levelled = self.levels.as_ref().map(levelled);
        let image = levelled.as_deref().unwrap_or(image);
        place.copy_from_slice(&self.fitting.convert(image, self.before, self.size));
    }
}

impl Store for Scaled {
    fn count(&self) -> usize {
        self.from.count()
    }

    fn read(&self, first: usize, images: &mut [u8]) -> Result<(), DataError> {
        let (before, after) = (self.before.iter().product::<usize>(), self.size.iter().product::<usize>());
        if let Some(bytes) = self.from.in_memory() {
            let all = bytes[first * before..].par_chunks_exact(before).zip(images.par_chunks_exact_mut(after));
            all.for_each(|(image, place)| self.convert(image, place));
            return Ok(());
        }
        let convert = |(index, place): (usize, &mut [u8])| {
            let mut image = vec![0; before];
            self.from.read(first + index, &mut image)?;
            self.convert(&image, place);
            Ok(())
        };
        if images.len() == after {
            convert((0, images))
        } else {
            images.par_chunks_exact_mut(after).enumerate().try_for_each(convert)
        }
    }

    fn resident_bytes(&self) -> u64 {
        self.from.resident_bytes()
    }

    fn cache_bytes(&self) -> u64 {
        self.from.cache_bytes()
    }

    fn location(&self) -> String {
        format!("{}, scaled on demand", self.from.location())
    }

    fn is_generated(&self) -> bool {
        self.from.is_generated()
    }
}

/// Some of the images of another store, in any order.
pub(crate) struct Selected {
    pub(crate) from: Arc<dyn Store>,
    pub(crate) indices: Vec<u32>,
    /// Bytes of one image.
    pub(crate) image: usize,
}

impl Store for Selected {
    fn count(&self) -> usize {
        self.indices.len()
    }

    fn read(&self, first: usize, images: &mut [u8]) -> Result<(), DataError> {
        let mut places = images.chunks_exact_mut(self.image).zip(&self.indices[first..]);
        places.try_for_each(|(place, &index)| self.from.read(index as usize, place))
    }

    fn resident_bytes(&self) -> u64 {
        self.from.resident_bytes() + 4 * self.indices.len() as u64
    }

    fn cache_bytes(&self) -> u64 {
        self.from.cache_bytes()
    }

    fn location(&self) -> String {
        self.from.location()
    }

    fn is_generated(&self) -> bool {
        self.from.is_generated()
    }
}
