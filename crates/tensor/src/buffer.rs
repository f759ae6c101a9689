//! [`Buffer`]: the memory of tensors, which is recycled.
//!
//! Every training step needs the same few dozen large buffers. Fresh memory from the operating
//! system costs a page fault per 4 KiB, so a large buffer that is no longer used goes to a pool. A
//! later tensor takes it from there, if it is long enough and not much too long.
//!
//! Buffers begin at a cache line. Otherwise (the allocator aligns to 16 bytes) every load and store
//! of a 64-byte vector would touch two lines.

use core::any::{Any, TypeId};
use core::ops::{Deref, DerefMut};
use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, Mutex, PoisonError};

use kernels::Element;

use crate::meta::Claim;

/// Buffers with fewer elements are left to the allocator, which is fast for them.
pub(crate) const LARGE: usize = 1 << 13;

/// A buffer is used only for tensors that need at least this fraction (1 / SPARE) of it.
pub(crate) const SPARE: usize = 4;

/// Bytes of a cache line.
const LINE: usize = 64;

/// The free buffers, by element type and length.
type Pool = HashMap<TypeId, BTreeMap<usize, Vec<Box<dyn Any + Send>>>>;
static POOL: LazyLock<Mutex<Pool>> = LazyLock::new(Mutex::default);

/// A vector that returns to the pool when it is dropped, if it was allocated for the pool. (A
/// vector that was allocated elsewhere is freed: the next one will be allocated elsewhere too, and
/// the pool would only grow.)
pub(crate) struct Buffer<T: Element> {
    /// Those from `start` to `start + len` are in use.
    numbers: Vec<T>,
    start: usize,
    len: usize,
    pooled: bool,
    /// In meta mode there are no numbers, only an account of their memory.
    claim: Option<Claim>,
}

impl<T: Element> Buffer<T> {
    /// A buffer of `len` numbers with arbitrary content. (In tests it is NaN, so that a kernel that
    /// does not write all of its output is found.)
    pub(crate) fn stale(len: usize) -> Self {
        if let Some(claim) = Claim::new::<T>(len, true) {
            return Self::meta(claim);
        }
        let pooled = len >= LARGE;
        let padded = Self::padded(len);
        let recycled = if pooled { Self::take(padded) } else { None };
        let numbers = recycled.unwrap_or_else(|| vec![T::default(); padded]);
        let start = numbers.as_ptr().align_offset(LINE).min(padded - len);
        let mut buffer = Self { numbers, start, len, pooled, claim: None };
        if cfg!(test) {
            buffer.fill(T::from_f64(f64::NAN));
        }
        buffer
    }

    /// The buffer of a meta tensor.
    pub(crate) fn meta(claim: Claim) -> Self {
        Self { numbers: Vec::new(), start: 0, len: 0, pooled: false, claim: Some(claim) }
    }

    /// The length of a vector in which `len` numbers can begin at a cache line.
    fn padded(len: usize) -> usize {
        if len == 0 { 0 } else { len + LINE / size_of::<T>() - 1 }
    }

    /// Whether it is the buffer of a meta tensor.
    pub(crate) fn is_meta(&self) -> bool {
        self.claim.is_some()
    }

    /// The shortest free buffer that is long enough, unless it is much too long.
    fn take(len: usize) -> Option<Vec<T>> {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let lengths = pool.get_mut(&TypeId::of::<T>())?;
        let numbers = lengths.range_mut(len..=SPARE * len).find_map(|(_, free)| free.pop())?;
        numbers.downcast().ok().map(|numbers| *numbers)
    }
}

impl<T: Element> From<Vec<T>> for Buffer<T> {
    fn from(numbers: Vec<T>) -> Self {
        let len = numbers.len();
        if let Some(claim) = Claim::new::<T>(len, false) {
            return Self::meta(claim);
        }
        Self { numbers, start: 0, len, pooled: false, claim: None }
    }
}

impl<T: Element> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.numbers[self.start..][..self.len]
    }
}

impl<T: Element> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.numbers[self.start..][..self.len]
    }
}

impl<T: Element> Drop for Buffer<T> {
    fn drop(&mut self) {
        if self.pooled {
            let numbers = core::mem::take(&mut self.numbers);
            let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
            let lengths = pool.entry(TypeId::of::<T>()).or_default();
            lengths.entry(numbers.len()).or_default().push(Box::new(numbers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of free buffers that were made for this length.
    fn free(len: usize) -> usize {
        let len = Buffer::<f32>::padded(len);
        POOL.lock().unwrap().get(&TypeId::of::<f32>()).and_then(|lengths| lengths.get(&len)).map_or(0, Vec::len)
    }

    #[test]
    fn buffers_begin_at_a_cache_line() {
        for len in [0, 1, 15, 16, 17, 1000, LARGE, 3 * LARGE + 5] {
            let (floats, doubles) = (Buffer::<f32>::stale(len), Buffer::<f64>::stale(len));
            assert_eq!([floats.len(), doubles.len()], [len; 2]);
            let begins =
                [floats.as_ptr().addr(), doubles.as_ptr().addr()].map(|at| len == 0 || at.is_multiple_of(LINE));
            assert_eq!(begins, [true; 2], "{len} numbers");
        }
    }

    #[test]
    fn the_pool_holds_as_many_buffers_as_were_in_use_at_once() {
        let len = SPARE * LARGE + 123; // a length that no other test uses
        for _ in 0..10 {
            drop([Buffer::<f32>::stale(len), Buffer::<f32>::stale(len)]);
        }
        assert_eq!(free(len), 2);
        for _ in 0..10 {
            drop(Buffer::from(vec![0.0_f32; len]));
        }
        assert_eq!(free(len), 2, "a vector that was allocated elsewhere is freed");

        let short = Buffer::<f32>::stale(len - 100);
        assert_eq!((short.len(), free(len)), (len - 100, 1), "a shorter tensor can use a longer buffer");
        drop(short);
        assert_eq!((free(len), free(len - 100)), (2, 0), "the buffer keeps its length");
        drop(Buffer::<f32>::stale(LARGE));
        assert_eq!(free(len), 2, "a buffer is not used for a tensor that is much too small");
    }
}
