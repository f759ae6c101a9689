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
use crate::reduce::fill_with;
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

/// Applies a function to stacked matrices and to one row for each, which is repeated.
struct ToRows<'a> {
    /// The rows of a matrix, and their length.
    matrix: [usize; 2],
    a: &'a [f32],
    rows: &'a [f32],
    y: &'a mut [f32],
}

impl Visit<2> for ToRows<'_> {
    fn visit(self, op: impl Function<2>) {
        let Self { matrix: [repeated, inner], a, rows, y } = self;
        let matrix = repeated * inner;
        let together = (GRAIN / matrix).max(1);
        let pieces = (Pieces::new(a, together * matrix), Pieces::new(rows, together * inner));
        for_each_piece((pieces, Pieces::new(y, together * matrix)), |_, ((a, rows), y)| {
            if together > 1 {
                return dispatch(MapRows { op, repeated, inner, a, rows, y });
            }
            // Some rows of a large matrix are a matrix.
            let size = inner * (GRAIN / inner).max(1);
            for_each_piece((Pieces::new(a, size), Pieces::new(y, size)), |_, (a, y)| {
                dispatch(MapRows { op, repeated: a.len() / inner, inner, a, rows, y });
            });
        });
    }
}

/// The repeated rows that one call of [`Map`] reads have about this many elements: they stay in the
/// first-level cache.
const PATTERN: usize = 2048;

/// Some matrices.
struct MapRows<'a, Op> {
    op: Op,
    repeated: usize,
    inner: usize,
    a: &'a [f32],
    rows: &'a [f32],
    y: &'a mut [f32],
}

impl<Op: Function<2>> Kernel for MapRows<'_, Op> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op, repeated, inner, a, rows, y } = self;
        let mut buffer = [0.0; PATTERN];
        let copies = (PATTERN / inner).clamp(1, repeated);
        let matrices = a.chunks_exact(repeated * inner).zip(y.chunks_exact_mut(repeated * inner));
        for (row, (a, y)) in rows.chunks_exact(inner).zip(matrices) {
            let mut pattern = row;
            if copies > 1 {
                fill_with(row, &mut buffer[..copies * inner]);
                pattern = &buffer[..copies * inner];
            }
            for (a, y) in a.chunks(pattern.len()).zip(y.chunks_mut(pattern.len())) {
                Map { op, x: [a, &pattern[..a.len()]], y }.run(s);
            }
        }
    }
}

/// See [`Element::binary_repeated`](crate::Element::binary_repeated).
pub(crate) fn binary_repeated(op: Binary, shape: [usize; 3], a: &[f32], b: &[f32], y: &mut [f32]) {
    let [outer, repeated, inner] = shape;
    let wanted = [outer * repeated * inner, outer * inner, outer * repeated * inner];
    assert_eq!([a.len(), b.len(), y.len()], wanted, "{op:?}: lengths of a, b and y for {shape:?}");
    if repeated == 1 {
        return binary(op, a, b, y);
    }
    if !y.is_empty() {
        op.visit(ToRows { matrix: [repeated, inner], a, rows: b, y });
    }
}

/// One piece of a sum that is computed in place.
struct AddAssign<'a> {
    x: &'a [f32],
    sum: &'a mut [f32],
}

impl Kernel for AddAssign<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (x, x_rest) = self.x.as_chunks::<LANES>();
        let (sum, sum_rest) = self.sum.as_chunks_mut::<LANES>();
        for (x, sum) in x.iter().zip(sum) {
            s.store(s.add(s.load(sum), s.load(x)), sum);
        }
        if !sum_rest.is_empty() {
            s.store_part(s.add(s.load_part(sum_rest), s.load_part(x_rest)), sum_rest);
        }
    }
}

/// See [`Element::add_assign`](crate::Element::add_assign).
pub(crate) fn add_assign(x: &[f32], sum: &mut [f32]) {
    assert_eq!(x.len(), sum.len(), "add_assign: lengths of x and the sum");
    for_each_piece((Pieces::new(x, GRAIN), Pieces::new(sum, GRAIN)), |_, (x, sum)| dispatch(AddAssign { x, sum }));
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
