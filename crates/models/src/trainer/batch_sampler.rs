//! [`BatchSampler`]: in which order a game goes through its images.

use std::cell::RefCell;
use std::ops::Range;

use kernels::Key;
use rand::seq::SliceRandom;

/// A walk through all images again and again, in mini-batches.
#[derive(Debug)]
pub(crate) struct BatchSampler {
    /// Whether each pass has an order of its own; else it is the images' own order.
    shuffle: bool,
    /// Whether the images that do not fill a mini-batch at the end of a pass are left out; else the last one is short.
    drop_last: bool,
    /// Whether only every second mini-batch, from the second on, is used.
    skip: bool,
    /// The order of the last pass asked for. It follows from the seed; it is only kept because making it takes a while.
    last: RefCell<Option<Epoch>>,
}

#[derive(Debug)]
struct Epoch {
    seed: u64,
    number: u64,
    /// Half as long as with `usize`: there may be a hundred million images.
    order: Vec<u32>,
}

impl BatchSampler {
    pub(crate) fn new(shuffle: bool, drop_last: bool) -> Self {
        Self { shuffle, drop_last, skip: false, last: RefCell::default() }
    }

    /// The walk that uses only every second mini-batch, from the second on.
    pub(crate) fn skipping(self) -> Self {
        Self { skip: true, ..self }
    }

    /// The images of mini-batch `number` (from 0) of `batch` out of `available` images.
    pub(crate) fn mini_batch(&self, seed: u64, number: u64, batch: usize, available: usize) -> Vec<usize> {
        let number = if self.skip { 2 * number + 1 } else { number };
        let a_pass = if self.drop_last { available / batch } else { available.div_ceil(batch) }.max(1) as u64;
        let first = (number % a_pass) as usize * batch;
        let places = first..(first + batch).min(available);
        if !self.shuffle {
            return places.collect();
        }
        self.in_pass(seed, number / a_pass, available, places)
    }

    /// The `count` images from image number `first` on, of all those of one pass after the other, shuffled.
    pub(crate) fn stretch(&self, seed: u64, first: u64, count: usize, available: usize) -> Vec<usize> {
        let (mut images, mut next) = (Vec::new(), first);
        while images.len() < count {
            let (pass, place) = (next / available as u64, (next % available as u64) as usize);
            let places = place..available.min(place + count - images.len());
            next += places.len() as u64;
            images.extend(self.in_pass(seed, pass, available, places));
        }
        images
    }

    /// What stands at these places of the order of pass number `number`.
    fn in_pass(&self, seed: u64, number: u64, available: usize, places: Range<usize>) -> Vec<usize> {
        let mut last = self.last.borrow_mut();
        let known = last.take().filter(|pass| (pass.seed, pass.number, pass.order.len()) == (seed, number, available));
        let pass = known.unwrap_or_else(|| {
            let mut order: Vec<u32> = (0..available as u32).collect();
            order.shuffle(&mut Key::named(seed, "order of the images").at(number as u32).draws());
            Epoch { seed, number, order }
        });
        let images = pass.order[places].iter().map(|&image| image as usize).collect();
        *last = Some(pass);
        images
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_meets_every_image_once_and_the_next_in_another_order() {
        let sampler = BatchSampler::new(true, false);
        let pass = |sampler: &BatchSampler, pass: u64| -> Vec<Vec<usize>> {
            (4 * pass..4 * pass + 4).map(|number| sampler.mini_batch(7, number, 3, 11)).collect()
        };
        let first = pass(&sampler, 0);
        assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3, 2], "the last one is short");
        let mut all = first.concat();
        all.sort_unstable();
        assert_eq!(all, (0..11).collect::<Vec<_>>());
        assert_ne!(first, pass(&sampler, 1));
        assert_eq!(first, pass(&BatchSampler::new(true, false), 0), "whatever was asked for before");
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
    fn a_stretch_goes_from_pass_to_pass() {
        let sampler = BatchSampler::new(true, false);
        let whole = sampler.stretch(7, 0, 33, 11);
        for pass in whole.chunks(11) {
            let mut images = pass.to_vec();
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
