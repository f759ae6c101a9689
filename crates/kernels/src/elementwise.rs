//! Element-wise functions of one and of two slices.
//!
//! Each function is a small struct with a method on vectors, and the loop is compiled for each of
//! them, so the function is chosen once, outside the loop. `functions.rs` lists them. Most compute
//! exactly what their plain form does, operation by operation; the others use
//! [`math`](crate::math).

mod functions;
#[cfg(test)]
mod tests;

use crate::pieces::{AHEAD, GRAIN, Pieces, for_each_piece};
use crate::simd::{Kernel, LANES, Simd, dispatch};
use functions::Function;
pub use functions::{Binary, Unary};

/// One piece of a function of `N` slices.
struct Map<'a, Op, const N: usize> {
    op: Op,
    x: [&'a [f32]; N],
    y: &'a mut [f32],
}

impl<Op: Function<N>, const N: usize> Kernel for Map<'_, Op, N> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (y, y_rest) = self.y.as_chunks_mut::<LANES>();
        let (whole, rest) = (y.len() * LANES, y_rest.len());
        let chunks = self.x.map(|x| &x[..whole].as_chunks::<LANES>().0[..y.len()]);
        // (Iterators over the first and the last slice, which are the same if `N` is 1, need no
        // bounds checks.)
        const { assert!(N == 1 || N == 2) };
        for ((first, last), y) in chunks[0].iter().zip(chunks[N - 1]).zip(y) {
            let mut x = [s.load(first); N];
            x[N - 1] = s.load(last);
            s.store(self.op.apply(s, x), y);
        }
        if rest > 0 {
            let mut x = [s.zero(); N];
            for (x, all) in x.iter_mut().zip(self.x) {
                *x = s.load_part(&all[whole..whole + rest]);
            }
            s.store_part(self.op.apply(s, x), y_rest);
        }
    }
}

/// What to do with a function of `N` vectors once it is chosen.
trait Visit<const N: usize> {
    fn visit(self, op: impl Function<N>);
}

/// Applies a function to whole slices.
struct ToSlices<'a, const N: usize> {
    x: [&'a [f32]; N],
    y: &'a mut [f32],
}

impl<const N: usize> Visit<N> for ToSlices<'_, N> {
    fn visit(self, op: impl Function<N>) {
        let pieces = (self.x.map(|x| Pieces::new(x, GRAIN)), Pieces::new(self.y, GRAIN));
        for_each_piece(pieces, |_, (x, y)| dispatch(Map { op, x, y }));
    }
}

/// See [`Element::unary`](crate::Element::unary).
pub(crate) fn unary(op: Unary, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "{op:?}: lengths of x and y");
    op.visit(ToSlices { x: [x], y });
}

/// See [`Element::binary`](crate::Element::binary).
pub(crate) fn binary(op: Binary, a: &[f32], b: &[f32], y: &mut [f32]) {
    assert_eq!((a.len(), b.len()), (y.len(), y.len()), "{op:?}: lengths of a and b, and of y");
    op.visit(ToSlices { x: [a, b], y });
}

/// Applies a function to each row of a matrix and the same row.
struct ToRows<'a> {
    a: &'a [f32],
    row: &'a [f32],
    y: &'a mut [f32],
}

/// Elements of the repeated row that one call of [`Map`] reads, approximately: they stay in the
/// first-level cache.
const PATTERN: usize = 2048;

impl Visit<2> for ToRows<'_> {
    fn visit(self, op: impl Function<2>) {
        let Self { a, row, y } = self;
        let pattern = row.repeat((PATTERN / row.len()).max(1));
        let size = pattern.len() * (GRAIN / pattern.len()).max(1);
        for_each_piece((Pieces::new(a, size), Pieces::new(y, size)), |_, (a, y)| {
            for (a, y) in a.chunks(pattern.len()).zip(y.chunks_mut(pattern.len())) {
                dispatch(Map { op, x: [a, &pattern[..a.len()]], y });
            }
        });
    }
}

/// See [`Element::binary_rows`](crate::Element::binary_rows).
pub(crate) fn binary_rows(op: Binary, a: &[f32], row: &[f32], y: &mut [f32]) {
    assert_eq!(a.len(), y.len(), "{op:?}: lengths of a and y");
    if a.is_empty() {
        return;
    }
    assert!(!row.is_empty(), "{op:?}: an empty row for {} elements", a.len());
    assert!(a.len().is_multiple_of(row.len()), "{op:?}: {} elements are not whole rows of {}", a.len(), row.len());
    if a.len() == row.len() {
        return binary(op, a, row, y);
    }
    op.visit(ToRows { a, row, y });
}

/// One piece of a count.
struct CountNonFinite<'a>(&'a [f32]);

impl Kernel for CountNonFinite<'_> {
    type Output = usize;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> usize {
        let (x, rest) = self.0.as_chunks::<LANES>();
        // Counts per lane, in floats. They are exact, because no lane of a piece counts to 2^24.
        let mut counts = s.zero();
        for x in x {
            s.prefetch(x, AHEAD);
            let finite = s.less(s.abs(s.load(x)), s.splat(f32::INFINITY));
            counts = s.add(counts, s.select(finite, s.zero(), s.splat(1.0)));
        }
        s.sum_lanes(counts) as usize + rest.iter().filter(|x| !x.is_finite()).count()
    }
}

/// See [`Element::count_non_finite`](crate::Element::count_non_finite).
pub(crate) fn count_non_finite(x: &[f32]) -> usize {
    let mut counts = vec![0; x.len().div_ceil(GRAIN)];
    for_each_piece((Pieces::new(x, GRAIN), Pieces::new(&mut counts[..], 1)), |_, (x, count)| {
        count[0] = dispatch(CountNonFinite(x));
    });
    counts.iter().sum()
}
