//! [`Buffer`]: the memory of tensors, used again instead of given back.
//!
//! A training step asks for the same few dozen large buffers every time. Fresh memory from the operating system costs a
//! page fault for every 4 KiB; so a large buffer that is no longer used waits here for the next tensor that it is long enough
//! for: one of its own size, or of half its batch.

use core::any::{Any, TypeId};
use core::ops::{Deref, DerefMut};
use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, Mutex, PoisonError};

use kernels::Element;

use crate::meta::Claim;

/// Buffers of fewer elements than this are left to the allocator, which is fast for them.
pub(crate) const LARGE: usize = 1 << 13;

/// A buffer may be used for a tensor that needs at least one such part of it.
pub(crate) const SPARE: usize = 4;

/// What waits, by element type and length.
type Shelf = HashMap<TypeId, BTreeMap<usize, Vec<Box<dyn Any + Send>>>>;
static SHELF: LazyLock<Mutex<Shelf>> = LazyLock::new(Mutex::default);

/// A vector that goes onto the shelf when it is dropped, if it comes from there. (One that was made elsewhere does not: the next
/// one will be made elsewhere too, and the shelf would only grow.)
pub(crate) struct Buffer<T: Element> {
    /// The first `len` are in use.
    numbers: Vec<T>,
    len: usize,
    from_shelf: bool,
    /// In meta mode there are no numbers, only a claim for their memory.
    claim: Option<Claim>,
}

impl<T: Element> Buffer<T> {
    /// A buffer of `len` numbers with whatever an earlier tensor left in it. (Tests see NaN there: a kernel that does not
    /// write all of its output is found at once.)
    pub(crate) fn stale(len: usize) -> Self {
        if let Some(claim) = Claim::new::<T>(len, true) {
            return Self::meta(claim);
        }
        let from_shelf = len >= LARGE;
        let waiting = if from_shelf { Self::take(len) } else { None };
        let numbers = waiting.unwrap_or_else(|| vec![T::default(); len]);
        let mut buffer = Self { numbers, len, from_shelf, claim: None };
        if cfg!(test) {
            buffer.fill(T::from_f64(f64::NAN));
        }
        buffer
    }

    fn meta(claim: Claim) -> Self {
        Self { numbers: Vec::new(), len: 0, from_shelf: false, claim: Some(claim) }
    }

    /// Whether it has no numbers.
    pub(crate) fn is_meta(&self) -> bool {
        self.claim.is_some()
    }

    /// The shortest that waits and is long enough, unless it is far too long.
    fn take(len: usize) -> Option<Vec<T>> {
        let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
        let lengths = shelf.get_mut(&TypeId::of::<T>())?;
        let numbers = lengths.range_mut(len..=SPARE * len).find_map(|(_, waiting)| waiting.pop())?;
        numbers.downcast().ok().map(|numbers| *numbers)
    }
}

impl<T: Element> From<Vec<T>> for Buffer<T> {
    fn from(numbers: Vec<T>) -> Self {
        let len = numbers.len();
        if let Some(claim) = Claim::new::<T>(len, false) {
            return Self::meta(claim);
        }
        Self { numbers, len, from_shelf: false, claim: None }
    }
}

impl<T: Element> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.numbers[..self.len]
    }
}

impl<T: Element> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.numbers[..self.len]
    }
}

impl<T: Element> Drop for Buffer<T> {
    fn drop(&mut self) {
        if self.from_shelf {
            let numbers = core::mem::take(&mut self.numbers);
            let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
            let lengths = shelf.entry(TypeId::of::<T>()).or_default();
            lengths.entry(numbers.len()).or_default().push(Box::new(numbers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many buffers of this length wait.
    fn waiting(len: usize) -> usize {
        SHELF.lock().unwrap().get(&TypeId::of::<f32>()).and_then(|lengths| lengths.get(&len)).map_or(0, Vec::len)
    }

    #[test]
    fn the_shelf_holds_as_many_buffers_as_were_in_use_at_once() {
        let len = SPARE * LARGE + 123; // a length that no other test uses
        for _ in 0..10 {
            drop([Buffer::<f32>::stale(len), Buffer::<f32>::stale(len)]);
        }
        assert_eq!(waiting(len), 2);
        for _ in 0..10 {
            drop(Buffer::from(vec![0.0_f32; len]));
        }
        assert_eq!(waiting(len), 2, "what was made elsewhere is freed");

        let short = Buffer::<f32>::stale(len - 100);
        assert_eq!((short.len(), waiting(len)), (len - 100, 1), "a shorter tensor may use a longer buffer");
        drop(short);
        assert_eq!((waiting(len), waiting(len - 100)), (2, 0), "which is still as long afterwards");
        drop(Buffer::<f32>::stale(LARGE));
        assert_eq!(waiting(len), 2, "but not for a tensor that is far too small for it");
    }
}
