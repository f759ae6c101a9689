//! Work for several threads: slices cut into pieces of a fixed size.
//!
//! The cuts depend on the sizes of the problem, never on the number of threads, so a kernel
//! computes the same numbers from the same pieces whichever thread does it. A single piece stays on
//! the calling thread and costs nothing extra. More are distributed by `rayon::join`, which halves
//! them recursively.
//!
//! The instruction set is chosen ([`dispatch`](crate::simd::dispatch)) inside each piece.

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

impl<'a, T: Sync, const N: usize> Cut for [Pieces<&'a [T]>; N] {
    type Slices = [&'a [T]; N];
    fn count(&self) -> usize {
        let count = self[0].count();
        assert!(
            self.iter().all(|pieces| pieces.count() == count),
            "slices of a kernel with different numbers of pieces"
        );
        count
    }
    fn cut(self, pieces: usize) -> (Self, Self) {
        let halves = self.map(|slice| slice.cut(pieces));
        (halves.map(|halves| halves.0), halves.map(|halves| halves.1))
    }
    fn slices(self) -> Self::Slices {
        self.map(Pieces::slices)
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
cut_tuple!(A 0, B 1, C 2, D 3);

/// Calls `visit(index of the piece, its slices)` for every piece, on all threads of the current
/// pool.
pub(crate) fn for_each_piece<P: Cut>(pieces: P, visit: impl Fn(usize, P::Slices) + Sync) {
    walk(0, pieces, &visit);
}

/// Through a `dyn` function, because one copy of this and of `rayon::join` for each kernel would be
/// a quarter of the machine code of this crate.
fn walk<P: Cut>(first: usize, pieces: P, visit: &(dyn Fn(usize, P::Slices) + Sync)) {
    match pieces.count() {
        0 => {}
        1 => visit(first, pieces.slices()),
        count => {
            let (left, right) = pieces.cut(count / 2);
            rayon::join(|| walk(first, left, visit), || walk(first + count / 2, right, visit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
