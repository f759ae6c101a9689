//! [`ImagePool`]: a history of fakes, so that the discriminator is also trained on those of earlier
//! steps (Shrivastava et al., "Learning from simulated and unsupervised images through adversarial
//! training", 2017). `ImagePools`: one for each shard of the batch.

use std::sync::{Mutex, MutexGuard, PoisonError};

use kernels::Key;
use kernels::random::{index, words};
use nn::{CommunicationError, State, Stateful};
use tensor::Tensor;

use crate::trainer::services::StepContext;

/// Fakes of earlier steps, for one discriminator. They are part of a run's state.
#[derive(Clone, Debug)]
pub struct ImagePool {
    name: String,
    /// Shape (capacity, ...); the first `filled` are images.
    images: Tensor,
    filled: usize,
}

impl ImagePool {
    /// An empty pool called `name` for up to `capacity` images of this shape. A pool of capacity 0
    /// returns all images unchanged.
    pub fn new(name: &str, capacity: usize, shape: &[usize]) -> Self {
        Self { name: name.into(), images: Tensor::zeros(&[&[capacity], shape].concat()[..]), filled: 0 }
    }

    /// The images to use instead of `fakes`, of shape (n, ...). Until the pool is full, it stores
    /// each image and returns it. After that, with probability 1/2 per image, it returns a random
    /// stored image and stores the new one in its place; otherwise it returns the new one. `key` is
    /// the step's random stream.
    pub fn query(&mut self, fakes: &Tensor, key: Key) -> Tensor {
        let capacity = self.images.shape()[0];
        let mut shown = fakes.clone();
        if capacity == 0 {
            return shown;
        }
        let size = self.images.size() / capacity;
        for (number, fake) in shown.data_mut().chunks_exact_mut(size).enumerate() {
            if self.filled < capacity {
                self.images.data_mut()[self.filled * size..][..size].copy_from_slice(fake);
                self.filled += 1;
                continue;
            }
            let [coin, choice, ..] = words(key, number as u32);
            if coin & 1 == 1 {
                let place = index(choice, capacity);
                self.images.data_mut()[place * size..][..size].swap_with_slice(fake);
            }
        }
        shown
    }
}

impl Stateful for ImagePool {
    fn save(&self, state: &mut State) {
        if self.images.size() > 0 {
            state.tensors.insert(format!("{}.images", self.name), self.images.clone());
            state.counters.insert(format!("{}.filled", self.name), self.filled as u64);
        }
    }

    fn load(&mut self, state: &State) {
        if self.images.size() > 0 {
            self.images = state.tensors[&format!("{}.images", self.name)].clone();
            self.filled = state.counters[&format!("{}.filled", self.name)] as usize;
        }
    }

    fn limits(&self) -> Vec<(String, u64)> {
        vec![(format!("{}.filled", self.name), self.images.shape()[0] as u64)]
    }
}

/// Locks a mutex, even if another thread panicked while it held the lock.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The image pools of the shards of a batch.
///
/// If several ranks share the shards, each has the pools of all shards: the fakes, which are small
/// compared with gradients, are [sent to all](ImagePools::share). So the whole state is on every
/// rank, and a run can be resumed with another number of ranks.
pub(crate) struct ImagePools {
    /// By the number of the shard.
    pools: Mutex<Vec<ImagePool>>,
    /// The fakes with which the shards of this process have queried their pools in this turn.
    new: Mutex<Vec<Tensor>>,
}

impl ImagePools {
    /// Empty pools for up to `capacity` images of this shape in total.
    pub(crate) fn new(name: &str, capacity: usize, shape: &[usize], shards: usize) -> Self {
        let pool = |shard: usize| {
            let name = if shards == 1 { name.to_owned() } else { format!("{name}.shard{shard}") };
            ImagePool::new(&name, capacity * (shard + 1) / shards - capacity * shard / shards, shape)
        };
        Self { pools: Mutex::new((0..shards).map(pool).collect()), new: Mutex::default() }
    }

    /// [Queries](ImagePool::query) the pool of the shard of `at`, with its random stream `stream`.
    pub(crate) fn query(&self, at: StepContext<'_>, stream: &str, fakes: &Tensor) -> Tensor {
        if at.has_ranks() && self.holds_images() {
            locked(&self.new).push(fakes.clone());
        }
        locked(&self.pools)[at.shard()].query(fakes, at.key(stream))
    }

    /// After all shards have queried their pools: repeats the queries of the other ranks.
    ///
    /// # Errors
    /// When another rank cannot be reached.
    pub(crate) fn share(&self, at: StepContext<'_>, stream: &str) -> Result<(), CommunicationError> {
        if !at.has_ranks() || !self.holds_images() {
            return Ok(());
        }
        let all = at.gathered(core::mem::take(&mut *locked(&self.new)))?;
        for (at, fakes) in at.others().map(|at| (at, &all[at.shard()])) {
            locked(&self.pools)[at.shard()].query(fakes, at.key(stream));
        }
        Ok(())
    }

    fn holds_images(&self) -> bool {
        locked(&self.pools).iter().any(|pool| pool.images.size() > 0)
    }
}

impl Stateful for ImagePools {
    fn save(&self, state: &mut State) {
        locked(&self.pools).iter().for_each(|pool| pool.save(state));
    }

    fn load(&mut self, state: &State) {
        locked(&self.pools).iter_mut().for_each(|pool| pool.load(state));
    }

    fn limits(&self) -> Vec<(String, u64)> {
        locked(&self.pools).iter().flat_map(Stateful::limits).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(number: usize) -> Tensor {
        Tensor::full([1, 2, 2, 1], number as f32)
    }

    #[test]
    fn the_first_ones_come_back_unchanged_then_half_of_them_are_old() {
        let mut pool = ImagePool::new("pool", 50, &[2, 2, 1]);
        let key = Key::named(1, "pool");
        let mut query = |step: usize| pool.query(&numbered(step), key.at(step as u32)).data()[0] as usize;
        assert!((0..50).all(|step| query(step) == step));
        let shown: Vec<usize> = (50..2050).map(&mut query).collect();
        let old = shown.iter().zip(50..).filter(|(shown, step)| *shown != step).count();
        assert!((900..1100).contains(&old), "{old} of 2000 are old");
        // An image is returned from the pool only once, because the new one replaces it.
        let mut again = shown.clone();
        again.sort_unstable();
        again.dedup();
        assert_eq!(again.len(), shown.len());
        // Every slot is used: after so many queries, the probability that any of the first images
        // is left is tiny (50 e^-20).
        assert!((0..50).all(|first| shown.contains(&first)));
    }

    #[test]
    fn images_of_a_batch_are_drawn_for_one_by_one() {
        let mut pool = ImagePool::new("pool", 3, &[1, 1, 1]);
        let batch = |from: usize| Tensor::from_fn([4, 1, 1, 1], |i| (from + i) as f32);
        let shown = pool.query(&batch(0), Key::named(1, "pool"));
        assert_eq!(shown.data()[..3], [0.0, 1.0, 2.0], "the pool fills in the middle of a batch");
        let differs = (1..20).any(|step| {
            let fakes = batch(4 * step);
            let shown = pool.query(&fakes, Key::named(1, "pool").at(step as u32));
            let old = shown.data().iter().zip(fakes.data()).filter(|(a, b)| a != b).count();
            (1..4).contains(&old)
        });
        assert!(differs, "all of a batch share one draw");
    }

    #[test]
    fn a_restored_pool_goes_on_as_the_saved_one() {
        let key = Key::named(1, "pool");
        let mut pool = ImagePool::new("pool", 5, &[2, 2, 1]);
        for step in 0..20 {
            pool.query(&numbered(step), key.at(step as u32));
        }
        let mut state = State::default();
        pool.save(&mut state);
        let mut restored = ImagePool::new("pool", 5, &[2, 2, 1]);
        restored.load(&state);
        for step in 20..60 {
            let query = |pool: &mut ImagePool| pool.query(&numbered(step), key.at(step as u32));
            assert_eq!(query(&mut pool), query(&mut restored));
        }
    }

    #[test]
    fn a_pool_holds_no_more_than_it_can() {
        let pool = ImagePool::new("pool", 5, &[2, 2, 1]);
        let mut state = State::default();
        pool.save(&mut state);
        let restore = |filled: u64| {
            let mut state = state.clone();
            state.counters.insert("pool.filled".into(), filled);
            state.restore(vec![&mut pool.clone()])
        };
        assert_eq!(restore(5), Ok(()));
        assert_eq!(restore(6).unwrap_err().beyond, [("pool.filled".to_owned(), 5, 6)]);
    }

    #[test]
    fn no_capacity_is_no_pool() {
        let mut pool = ImagePool::new("pool", 0, &[2, 2, 1]);
        assert_eq!(pool.query(&numbered(7), Key::new(1, 1)), numbered(7));
        let mut state = State::default();
        pool.save(&mut state);
        assert_eq!(state, State::default());
    }
}
