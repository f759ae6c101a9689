//! Batches of augmented images.

use super::affine::Affine;
use super::{Augmentation, Placement};
use crate::error::DataError;
use crate::images::Images;
use kernels::random::Key;
use kernels::timing::{Category, Work, time};
use rayon::prelude::*;

impl Images {
    /// Like [`gather`](Images::gather), but each image is augmented with the random numbers of
    /// `key` and its index, and has (height, width) `size`. The stored images are at least as
    /// large.
    ///
    /// # Errors
    /// If an image cannot be read.
    ///
    /// # Panics
    /// If an index is out of range, `batch` has another length, or the images are smaller than
    /// `size`.
    #[track_caller]
    pub fn gather_augmented(
        &self,
        indices: &[usize],
        size: [usize; 2],
        augmentation: &Augmentation,
        key: Key,
        batch: &mut [f32],
    ) -> Result<(), DataError> {
        let image = [self.height(), self.width()];
        self.gather_placed(indices, size, batch, |index| augmentation.draw(key, index, image, size))
    }

    /// Like [`gather`](Images::gather), but takes the centre of (height, width) `size` of each
    /// image.
    ///
    /// # Errors
    /// If an image cannot be read.
    ///
    /// # Panics
    /// As [`gather_augmented`](Images::gather_augmented).
    #[track_caller]
    pub fn gather_center(&self, indices: &[usize], size: [usize; 2], batch: &mut [f32]) -> Result<(), DataError> {
        let [top, left] = [0, 1].map(|axis| (self.size()[axis].saturating_sub(size[axis])) / 2);
        self.gather_placed(indices, size, batch, |_| Placement { affine: None, flip: false, top, left })
    }

    #[track_caller]
    pub(super) fn gather_placed(
        &self,
        indices: &[usize],
        [height, width]: [usize; 2],
        batch: &mut [f32],
        place: impl Fn(usize) -> Placement + Sync,
    ) -> Result<(), DataError> {
        let length = height * width * self.channels();
        assert!(
            self.height() >= height && self.width() >= width && indices.len() * length == batch.len(),
            "Images::gather: {} images of {:?} as {height}x{width} into {}",
            indices.len(),
            self.size(),
            batch.len()
        );
        time(Category::Batch, "gather", Work::Unknown, || {
            let write = |(pixels, &index): (&mut [f32], &usize)| {
                let placement = place(index);
                let part = Part {
                    bytes: &self.image(index)?,
                    across: self.width(),
                    corner: [placement.top, placement.left],
                    size: [height, width],
                    channels: self.channels(),
                };
                part.write(&placement, pixels);
                Ok(())
            };
            // A thread outside the pool reads ahead for the threads of the pool, and must not take
            // their time.
            if self.are_in_memory() || rayon::current_thread_index().is_some() {
                batch.par_chunks_exact_mut(length.max(1)).zip(indices).try_for_each(write)
            } else {
                batch.chunks_exact_mut(length.max(1)).zip(indices).try_for_each(write)
            }
        })
    }
}

/// The part of an image from which an output is made.
struct Part<'a> {
    bytes: &'a [u8],
    /// The width of the whole image.
    across: usize,
    corner: [usize; 2],
    size: [usize; 2],
    channels: usize,
}

impl Part<'_> {
    /// The bytes of the pixel at (row, column) of this part.
    fn pixel(&self, row: usize, column: usize) -> &[u8] {
        let at = ((self.corner[0] + row) * self.across + self.corner[1] + column) * self.channels;
        &self.bytes[at..at + self.channels]
    }

    fn write(&self, placement: &Placement, pixels: &mut [f32]) {
        let [height, width] = self.size;
        let rows = pixels.chunks_exact_mut(width * self.channels);
        for (row, line) in rows.enumerate().take(height) {
            for (column, pixel) in line.chunks_exact_mut(self.channels).enumerate() {
                let column = if placement.flip { width - 1 - column } else { column };
                match &placement.affine {
                    None => {
                        for (value, &byte) in pixel.iter_mut().zip(self.pixel(row, column)) {
                            *value = f32::from(byte) / 255.0;
                        }
                    }
                    Some(Affine { matrix, offset }) => {
                        let (r, c) = (row as f64, column as f64);
                        let at = |axis: usize| matrix[axis][0] * r + matrix[axis][1] * c + offset[axis];
                        self.between(at(0), at(1), pixel);
                    }
                }
            }
        }
    }

    /// Writes the bilinear interpolation at a position between pixels.
    fn between(&self, row: f64, column: f64, pixel: &mut [f32]) {
        let split = |place: f64, side: usize| {
            let place = place.clamp(0.0, (side - 1) as f64);
            let low = place as usize;
            (low, (low + 1).min(side - 1), place - low as f64)
        };
        let (top, bottom, down) = split(row, self.size[0]);
        let (left, right, aside) = split(column, self.size[1]);
        let corners =
            [self.pixel(top, left), self.pixel(top, right), self.pixel(bottom, left), self.pixel(bottom, right)];
        for (channel, value) in pixel.iter_mut().enumerate() {
            let [a, b, c, d] = corners.map(|corner| f64::from(corner[channel]));
            let (above, below) = (a + (b - a) * aside, c + (d - c) * aside);
            *value = (above + (below - above) * down) as f32 / 255.0;
        }
    }
}
