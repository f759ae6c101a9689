//! Work for several threads: slices cut into pieces of a fixed size.
//!
//! The cuts depend on the sizes of the problem, never on the number of threads, so a kernel
//! computes the same numbers from the same pieces whichever thread does it. A single piece stays on
//! the calling thread and costs nothing extra. More are distributed by `rayon::join`, which halves
//! them recursively.
//!
//! The instruction set is chosen ([`dispatch`](crate::simd::dispatch)) inside each piece.

use crate::job_local::wait;

/// Elements in a piece of an element-wise kernel: 64 KiB, which is small compared with a level-2
/// cache and much work compared with the overhead of a task.
pub(crate) const GRAIN: usize = 16 * 1024;

/// How far ahead kernels [prefetch](crate::simd::Simd::prefetch), in elements: 16 cache lines,
/// enough for one to arrive while those before it are processed.
pub(crate) const AHEAD: usize = 256;

/// A slice as consecutive pieces of `size` elements; the last one may be shorter.
#[derive(Clone, Copy)]
pub(crate) struct Pieces<S> {
    slice: S,
    size: usize,
}

impl<S> Pieces<S> {
    /// Cuts `slice` every `size` elements.
    pub(crate) fn new(slice: S, size: usize) -> Self {
        assert!(size > 0, "pieces of no elements");
        Self { slice, size }
    }
}

/// What can be cut between pieces: [`Pieces`] of a slice, and tuples and arrays of these with
/// equally many pieces.
pub(crate) trait Cut: Sized + Send {
    /// The slice (or the slices) of one piece.
    type Slices;
    /// How many pieces there are.
    fn count(&self) -> usize;
    /// The first `pieces` pieces, and the rest.
    fn cut(self, pieces: usize) -> (Self, Self);
    /// All slices, uncut.
    fn slices(self) -> Self::Slices;
}

impl<'a, T: Sync> Cut for Pieces<&'a [T]> {
    type Slices = &'a [T];
    fn count(&self) -> usize {
        self.slice.len().div_ceil(self.size)
    }
    fn cut(self, pieces: usize) -> (Self, Self) {
        let (left, right) = self.slice.split_at(pieces * self.size);
        (Self { slice: left, size: self.size }, Self { slice: right, size: self.size })
    }
    fn slices(self) -> &'a [T] {
        self.slice
    }
}

impl<'a, T: Send> Cut for Pieces<&'a mut [T]> {
    type Slices = &'a mut [T];
    fn count(&self) -> usize {
        self.slice.len().div_ceil(self.size)
    }
    fn cut(self, pieces: usize) -> (Self, Self) {
        let (left, right) = self.slice.split_at_mut(pieces * self.size);
        (Self { slice: left, size: self.size }, Self { slice: right, size: self.size })
    }
    fn slices(self) -> &'a mut [T] {
        self.slice
    }
}

macro_rules! cut_tuple {
    ($($T:ident $i:tt),+) => {
        impl<$($T: Cut),+> Cut for ($($T,)+) {
            type Slices = ($($T::Slices,)+);
            fn count(&self) -> usize {
                let count = self.0.count();
                $(assert_eq!(self.$i.count(), count, "slices of a kernel with different numbers of pieces");)+
                count
            }
            fn cut(self, pieces: usize) -> (Self, Self) {
                let halves = ($(self.$i.cut(pieces),)+);
                (($(halves.$i.0,)+), ($(halves.$i.1,)+))
            }
            fn slices(self) -> Self::Slices {
                ($(self.$i.slices(),)+)
            }
        }
    };
}
cut_tuple!(A 0, B 1);
cut_tuple!(A 0, B 1, C 2);

impl<C: Cut, const N: usize> Cut for [C; N] {
    type Slices = [C::Slices; N];
    fn count(&self) -> usize {
        let count = self.first().map_or(0, Cut::count);
        assert!(self.iter().all(|slice| slice.count() == count), "slices of a kernel with different numbers of pieces");
        count
    }
    fn cut(self, pieces: usize) -> (Self, Self) {
        let mut right = [const { None }; N];
        let mut rest = right.iter_mut();
        let left = self.map(|slice| {
            let (left, right) = slice.cut(pieces);
            *rest.next().expect("as many as slices") = Some(right);
            left
        });
        (left, right.map(|slice| slice.expect("every slice was cut")))
    }
    fn slices(self) -> Self::Slices {
        self.map(Cut::slices)
    }
}

/// Calls `visit(index of the piece, its slices)` for every piece, on all threads of the current
/// pool.
pub(crate) fn for_each_piece<P: Cut>(pieces: P, visit: impl Fn(usize, P::Slices) + Sync) {
    walk(0, pieces, &visit);
}

/// Through a `dyn` function; otherwise each kernel would have its own copy of this and of
/// `rayon::join`.
fn walk<P: Cut>(first: usize, pieces: P, visit: &(dyn Fn(usize, P::Slices) + Sync)) {
    match pieces.count() {
        0 => {}
        1 => visit(first, pieces.slices()),
        count => {
            let (left, right) = pieces.cut(count / 2);
            wait(|| rayon::join(|| walk(first, left, visit), || walk(first + count / 2, right, visit)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if the thread had to wait for pieces that other threads compute.
    #[test]
    fn other_jobs_do_not_see_the_variables_of_the_one_that_calls_a_kernel() {
        use crate::gemm::for_each_task;
        use crate::job_local::JobLocal;
        use std::sync::atomic::{AtomicBool, Ordering};

        thread_local! {
            static VARIABLE: JobLocal<u32> = const { JobLocal::new() };
        }
        let kernels: [fn(&(dyn Fn() + Sync)); 2] = [
            |piece| for_each_piece(Pieces::new(&[0; 4][..], 1), |_, _| piece()),
            |piece| for_each_task(true, 4, |_| piece()),
        ];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        for kernel in kernels {
            let is_done = AtomicBool::new(false);
            pool.scope(|scope| {
                scope.spawn(|_| {
                    assert_eq!(VARIABLE.with(JobLocal::get), None);
                    is_done.store(true, Ordering::Relaxed);
                });
                VARIABLE.with(|own| own.replace(Some(7)));
                kernel(&|| {
                    while !is_done.load(Ordering::Relaxed) {
                        rayon::yield_now();
                    }
                });
                assert_eq!(VARIABLE.with(|own| own.replace(None)), Some(7));
            });
        }
    }

    #[test]
    fn every_element_is_visited_once_with_its_piece_number() {
        for len in [0, 1, 9, 10, 11, 20, 95, 100] {
            let x: Vec<usize> = (0..len).collect();
            let mut y = vec![usize::MAX; 3 * len];
            for_each_piece((Pieces::new(&x[..], 10), Pieces::new(&mut y[..], 30)), |piece, (x, y)| {
                for (i, (x, y)) in x.iter().zip(y.chunks_mut(3)).enumerate() {
                    assert_eq!(*x, piece * 10 + i);
                    y.fill(*x);
                }
            });
            assert!(y.iter().enumerate().all(|(i, &y)| y == i / 3), "{len}");
        }
    }
}
