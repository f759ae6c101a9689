//! Pictures that are drawn on demand.

use super::Store;
use crate::error::DataError;
use kernels::random::{Draws, Key};
use rayon::prelude::*;
use std::ops::Range;

/// The pictures `numbers` of a key: `draw` makes each from its random numbers.
pub(crate) struct Generated<F> {
    pub(crate) key: Key,
    pub(crate) numbers: Range<u64>,
    /// Bytes of one picture.
    pub(crate) image: usize,
    pub(crate) draw: F,
}

/// The random numbers of picture `number`.
pub(crate) fn draws(key: Key, number: u64) -> Draws {
    // The step counts 2^32 pictures. Further ones use other streams, which in practice do not
    // collide with named ones.
    let stream = key.stream.wrapping_add((number >> 32) as u32);
    Key { stream, step: number as u32, ..key }.draws()
}

impl<F: Fn(Draws, &mut [u8]) + Send + Sync> Store for Generated<F> {
    fn count(&self) -> usize {
        self.numbers.end.saturating_sub(self.numbers.start) as usize
    }

    fn read(&self, first: usize, images: &mut [u8]) -> Result<(), DataError> {
        let draw = |(index, picture): (usize, &mut [u8])| {
            (self.draw)(draws(self.key, self.numbers.start + (first + index) as u64), picture);
        };
        if images.len() == self.image {
            draw((0, images));
        } else {
            images.par_chunks_mut(self.image).enumerate().for_each(draw);
        }
        Ok(())
    }

    fn location(&self) -> String {
        "drawn on demand".into()
    }

    fn is_generated(&self) -> bool {
        true
    }
}
