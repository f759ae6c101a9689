//! [`Buffer`]: the memory of tensors, used again instead of given back.
//!
//! A training step asks for the same few dozen large buffers every time. Fresh memory from the operating system costs a
//! page fault for every 4 KiB; so a large buffer that is no longer used waits here for the next tensor of its length.

use core::any::{Any, TypeId};
use core::ops::{Deref, DerefMut};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use kernels::Element;

/// Buffers of fewer elements than this are left to the allocator, which is fast for them.
const LARGE: usize = 1 << 13;

/// What waits, by element type and length.
type Shelf = HashMap<(TypeId, usize), Vec<Box<dyn Any + Send>>>;
static SHELF: LazyLock<Mutex<Shelf>> = LazyLock::new(Mutex::default);

/// A vector that goes onto the shelf when it is dropped, if it comes from there. (One that was made elsewhere does not: the next
/// one will be made elsewhere too, and the shelf would only grow.)
pub(crate) struct Buffer<T: Element> {
    numbers: Vec<T>,
    from_shelf: bool,
}

impl<T: Element> Buffer<T> {
    /// A buffer of `len` numbers with whatever an earlier tensor left in it. (Tests see NaN there: a kernel that does not
    /// write all of its output is found at once.)
    pub(crate) fn stale(len: usize) -> Self {
        let from_shelf = len >= LARGE;
        let waiting = from_shelf.then(|| {
            let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
            shelf.get_mut(&(TypeId::of::<T>(), len)).and_then(Vec::pop)
        });
        let numbers = waiting.flatten().and_then(|numbers| numbers.downcast::<Vec<T>>().ok());
        let numbers = numbers.map_or_else(|| vec![T::default(); len], |numbers| *numbers);
        let mut buffer = Self { numbers, from_shelf };
        if cfg!(test) {
            buffer.fill(T::from_f64(f64::NAN));
        }
        buffer
    }
}

impl<T: Element> From<Vec<T>> for Buffer<T> {
    fn from(numbers: Vec<T>) -> Self {
        Self { numbers, from_shelf: false }
    }
}

impl<T: Element> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.numbers
    }
}

impl<T: Element> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.numbers
    }
}

impl<T: Element> Drop for Buffer<T> {
    fn drop(&mut self) {
        if self.from_shelf {
            let numbers = core::mem::take(&mut self.numbers);
            let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
            shelf.entry((TypeId::of::<T>(), numbers.len())).or_default().push(Box::new(numbers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many buffers of this length wait.
    fn waiting(len: usize) -> usize {
        SHELF.lock().unwrap().get(&(TypeId::of::<f32>(), len)).map_or(0, Vec::len)
    }

    #[test]
    fn the_shelf_holds_as_many_buffers_as_were_in_use_at_once() {
        let len = LARGE + 123; // a length that no other test uses
        for _ in 0..10 {
            drop([Buffer::<f32>::stale(len), Buffer::<f32>::stale(len)]);
        }
        assert_eq!(waiting(len), 2);
        for _ in 0..10 {
            drop(Buffer::from(vec![0.0_f32; len]));
        }
        assert_eq!(waiting(len), 2, "what was made elsewhere is freed");
    }
}
