//! [`Shared`] and [`Region`]: one slice that the tasks of a parallel loop write together, each its
//! own elements.
//!
//! Where the part of each task is contiguous, [`pieces`](crate::pieces) hand out sub-slices and the
//! compiler checks that they are disjoint. The parts here are not contiguous: a task of a
//! convolution writes some channels of pixels that are scattered over all images. No borrow can
//! express that, so two types split the responsibility:
//!
//! * A [`Shared`] holds the mutable borrow of the slice, so nobody else reads or writes it while
//!   the loop runs. Every task may have a copy, because a copy gives no access.
//! * A [`Region`] gives access, with bounds checks. Claiming one is `unsafe`: the task states why
//!   no other region touches the same elements at the same time. A kernel that is given a region
//!   needs no further promise.
//!
//! These are the only types through which a kernel can write to memory that another thread may hold
//! as well.

use core::marker::PhantomData;
use core::ops::Range;

/// A mutably borrowed slice from which tasks [claim](Shared::claim) regions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared<'a> {
    pointer: *mut f32,
    len: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: it only carries an address; access goes through `claim`, whose callers vouch for it.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    /// Borrows `slice` for the tasks of a loop.
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self { pointer: slice.as_mut_ptr(), len: slice.len(), borrow: PhantomData }
    }

    /// A region for one task.
    ///
    /// # Safety
    /// While the region is in use, no other region of the same slice reads or writes an element
    /// that is accessed through this one.
    pub(crate) unsafe fn claim(self) -> Region<'a> {
        Region { pointer: self.pointer, len: self.len, borrow: PhantomData }
    }
}

/// Access to those elements of a slice that one task owns.
#[derive(Debug)]
pub(crate) struct Region<'a> {
    pointer: *mut f32,
    len: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: like a `&mut [f32]` to the elements that it owns.
unsafe impl Send for Region<'_> {}

impl<'a> Region<'a> {
    /// A region that owns all of `slice`.
    pub(crate) fn whole(slice: &'a mut [f32]) -> Self {
        Self { pointer: slice.as_mut_ptr(), len: slice.len(), borrow: PhantomData }
    }

    /// The same region for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Region<'_> {
        Region { pointer: self.pointer, len: self.len, borrow: PhantomData }
    }

    /// The length of the whole slice.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The start of the slice, for unsafe code that checks its offsets against [`len`](Region::len)
    /// itself.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.pointer
    }

    /// Some elements, which must be the task's own.
    ///
    /// # Panics
    /// When the range reaches beyond the slice.
    #[inline(always)]
    pub(crate) fn part(&mut self, range: Range<usize>) -> &mut [f32] {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "{range:?} is outside a region of {} elements",
            self.len
        );
        // SAFETY: inside the slice, and no other region accesses these elements, as the caller of
        // `claim` promised.
        unsafe { core::slice::from_raw_parts_mut(self.pointer.add(range.start), range.end - range.start) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(target_family = "wasm", ignore = "there are no threads")]
    fn tasks_write_interleaved_parts() {
        let mut x = vec![0.0; 12];
        let shared = Shared::new(&mut x);
        std::thread::scope(|scope| {
            for task in 0..3 {
                scope.spawn(move || {
                    // SAFETY: task t accesses the elements t, t + 3, t + 6, ... and no others.
                    let mut region = unsafe { shared.claim() };
                    (task..region.len()).step_by(3).for_each(|i| region.part(i..i + 1)[0] = task as f32);
                });
            }
        });
        assert!(x.iter().enumerate().all(|(i, x)| *x == (i % 3) as f32));
    }

    #[test]
    #[should_panic(expected = "1..4 is outside a region of 3 elements")]
    fn a_part_beyond_the_slice_is_refused() {
        Region::whole(&mut [0.0; 3]).part(1..4);
    }
}
