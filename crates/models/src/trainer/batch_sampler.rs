//! [`BatchSampler`]: the order in which a system iterates over its images.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use kernels::Key;
use rand::seq::SliceRandom;

/// Iterates over all images, epoch after epoch, in mini-batches: for
/// [`System::batch`](crate::System::batch).
///
/// ```
/// use models::BatchSampler;
///
/// let sampler = BatchSampler::new(true, true);
/// // Step 5 of a run with seed 1: 4 of 100 images.
/// assert_eq!(sampler.mini_batch(1, 5, 4, 100).len(), 4);
/// ```
#[derive(Debug)]
pub struct BatchSampler {
    /// Whether the images are shuffled anew for each epoch; otherwise they keep their order.
    shuffle: bool,
    /// Whether an incomplete mini-batch at the end of an epoch is dropped; otherwise it is short.
    drop_last: bool,
    /// Whether only every second mini-batch is used, from the second on.
    skip: bool,
    /// The order of the most recently requested epoch: a cache, because shuffling takes time.
    last: Mutex<Option<Epoch>>,
}

#[derive(Debug)]
struct Epoch {
    seed: u64,
    number: u64,
    /// `u32` takes half the memory of `usize`: there may be a hundred million images.
    order: Vec<u32>,
}

impl BatchSampler {
    /// `shuffle`: whether the images are shuffled anew for each epoch; otherwise they keep their
    /// order. `drop_last`: whether an incomplete mini-batch at the end of an epoch is dropped;
    /// otherwise it is short.
    pub fn new(shuffle: bool, drop_last: bool) -> Self {
        Self { shuffle, drop_last, skip: false, last: Mutex::default() }
    }

    /// Uses only every second mini-batch, from the second on.
    pub(crate) fn skipping(self) -> Self {
        Self { skip: true, ..self }
    }

    /// Drops an incomplete mini-batch at the end of an epoch.
    pub(crate) fn dropping_last(self) -> Self {
        Self { drop_last: true, ..self }
    }

    /// The indices of the images of mini-batch number `number` (from 0): `batch` out of `available`
    /// images, fewer at the end of an epoch unless such a mini-batch is dropped. They depend on
    /// nothing else, so a resumed run continues with the same images.
    ///
    /// # Panics
    /// When `batch` is 0.
    pub fn mini_batch(&self, seed: u64, number: u64, batch: usize, available: usize) -> Vec<usize> {
        let number = if self.skip { 2 * number + 1 } else { number };
        let per_epoch = if self.drop_last { available / batch } else { available.div_ceil(batch) }.max(1) as u64;
        let first = (number % per_epoch) as usize * batch;
        let positions = first..(first + batch).min(available);
        if !self.shuffle {
            return positions.collect();
        }
        self.in_epoch(seed, number / per_epoch, available, positions)
    }

    /// `count` images from number `first` on, in the sequence of all shuffled epochs.
    pub(crate) fn stretch(&self, seed: u64, first: u64, count: usize, available: usize) -> Vec<usize> {
        let (mut images, mut next) = (Vec::new(), first);
        while images.len() < count {
            let (epoch, position) = (next / available as u64, (next % available as u64) as usize);
            let positions = position..available.min(position + count - images.len());
            next += positions.len() as u64;
            images.extend(self.in_epoch(seed, epoch, available, positions));
        }
        images
    }

    /// The images at these positions of epoch number `number`.
    fn in_epoch(&self, seed: u64, number: u64, available: usize, positions: Range<usize>) -> Vec<usize> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            last.take().filter(|epoch| (epoch.seed, epoch.number, epoch.order.len()) == (seed, number, available));
        let epoch = known.unwrap_or_else(|| {
            let mut order: Vec<u32> = (0..available as u32).collect();
            order.shuffle(&mut Key::named(seed, "order of the images").at(number as u32).draws());
            Epoch { seed, number, order }
        });
        let images = epoch.order[positions].iter().map(|&image| image as usize).collect();
        *last = Some(epoch);
        images
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_every_image_once_and_the_next_in_another_order() {
        let sampler = BatchSampler::new(true, false);
        let epoch = |sampler: &BatchSampler, epoch: u64| -> Vec<Vec<usize>> {
            (4 * epoch..4 * epoch + 4).map(|number| sampler.mini_batch(7, number, 3, 11)).collect()
        };
        let first = epoch(&sampler, 0);
        assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3, 2], "the last one is short");
        let mut all = first.concat();
        all.sort_unstable();
        assert_eq!(all, (0..11).collect::<Vec<_>>());
        assert_ne!(first, epoch(&sampler, 1));
        assert_eq!(first, epoch(&BatchSampler::new(true, false), 0), "whatever was asked for before");
        assert_ne!(first[0], sampler.mini_batch(8, 0, 3, 11), "another seed, another order");
    }

    #[test]
    fn sequential_batches_begin_again_when_one_is_not_filled() {
        let sampler = BatchSampler::new(false, true);
        assert_eq!(sampler.mini_batch(1, 1, 20, 5000)[..2], [20, 21]);
        assert_eq!(sampler.mini_batch(1, 249, 20, 5000), (4980..5000).collect::<Vec<_>>());
        assert_eq!(sampler.mini_batch(1, 250, 20, 5000)[0], 0);
        assert_eq!(sampler.mini_batch(1, 249, 20, 4999)[0], 0, "19 images are left over");
    }

    #[test]
    fn a_stretch_goes_from_epoch_to_epoch() {
        let sampler = BatchSampler::new(true, false);
        let whole = sampler.stretch(7, 0, 33, 11);
        for epoch in whole.chunks(11) {
            let mut images = epoch.to_vec();
            images.sort_unstable();
            assert_eq!(images, (0..11).collect::<Vec<_>>());
        }
        assert_eq!(sampler.stretch(7, 9, 20, 11), whole[9..29], "wherever it begins");
    }

    #[test]
    fn every_second_mini_batch() {
        let sampler = BatchSampler::new(false, true).skipping();
        assert_eq!([0, 1, 2].map(|number| sampler.mini_batch(1, number, 2, 8)[0]), [2, 6, 2]);
    }
}
