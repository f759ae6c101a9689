//! Sums over an axis, and repetition along one. Each is the derivative of the other.
//!
//! An array of shape (outer, reduced, inner) is a stack of matrices of `reduced` rows and `inner`
//! columns, so its sum over the middle axis is a stack of column sums, which are added in the order
//! of [`columns`]. A small matrix (a sum over a few numbers) does not need that: it is added number
//! by number, in `f64`.

use crate::columns::{self, Itself, Layout};
use crate::pieces::{GRAIN, Pieces, for_each_piece};
use crate::simd::{Kernel, Simd, dispatch};

/// The most elements of a matrix that is summed in a plain loop.
pub(crate) const SMALL: usize = 256;

/// The sums of a stack of small matrices.
struct SmallSums<'a> {
    reduced: usize,
    inner: usize,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for SmallSums<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        if self.inner == 1 {
            return self.sums_of_rows();
        }
        let mut sums = [0.0; SMALL];
        let sums = &mut sums[..self.inner];
        for (x, y) in self.x.chunks_exact(self.reduced * self.inner).zip(self.y.chunks_exact_mut(self.inner)) {
            sums.fill(0.0);
            for row in x.chunks_exact(self.inner) {
                for (sum, x) in sums.iter_mut().zip(row) {
                    *sum += f64::from(*x);
                }
            }
            for (y, sum) in y.iter_mut().zip(&*sums) {
                *y = *sum as f32;
            }
        }
    }
}

/// The number of rows that are summed at once.
const ROWS: usize = 8;

impl SmallSums<'_> {
    /// The sums of matrices of one column, whose elements are adjacent. Several are summed at once,
    /// because each addition of a sum waits for the one before it.
    #[inline(always)]
    fn sums_of_rows(self) {
        let length = self.reduced;
        let (blocks, rest) = self.y.as_chunks_mut::<ROWS>();
        let (x, x_rest) = self.x.split_at(blocks.len() * ROWS * length);
        for (x, y) in x.chunks_exact(ROWS * length).zip(blocks) {
            let rows: [&[f32]; ROWS] = core::array::from_fn(|row| &x[row * length..][..length]);
            let mut sums = [0.0; ROWS];
            for i in 0..length {
                for (sum, row) in sums.iter_mut().zip(rows) {
                    *sum += f64::from(row[i]);
                }
            }
            *y = sums.map(|sum| sum as f32);
        }
        for (x, y) in x_rest.chunks_exact(length).zip(rest) {
            *y = x.iter().fold(0.0, |sum, x| sum + f64::from(*x)) as f32;
        }
    }
}

/// See [`Element::sum_axis`](crate::Element::sum_axis).
pub(crate) fn sum_axis(shape: [usize; 3], x: &[f32], y: &mut [f32]) {
    let [outer, reduced, inner] = shape;
    let wanted = (outer * reduced * inner, outer * inner);
    assert_eq!((x.len(), y.len()), wanted, "sum_axis: lengths of x and y for {shape:?}");
    if x.is_empty() {
        return y.fill(0.0);
    }
    let matrix = reduced * inner;
    let together = (GRAIN / matrix).max(1);
    let pieces = (Pieces::new(x, matrix * together), Pieces::new(y, inner * together));
    if matrix <= SMALL {
        return for_each_piece(pieces, |_, (x, y)| dispatch(SmallSums { reduced, inner, x, y }));
    }
    let layout = Layout::new(inner);
    for_each_piece(pieces, |_, (x, y)| {
        for (x, y) in x.chunks_exact(matrix).zip(y.chunks_exact_mut(inner)) {
            for (y, [sum]) in y.iter_mut().zip(columns::sums(layout, reduced, Itself(x))) {
                *y = sum as f32;
            }
        }
    });
}

/// See [`Element::repeat_axis`](crate::Element::repeat_axis).
pub(crate) fn repeat_axis(shape: [usize; 3], x: &[f32], y: &mut [f32]) {
    let [outer, repeated, inner] = shape;
    let wanted = (outer * inner, outer * repeated * inner);
    assert_eq!((x.len(), y.len()), wanted, "repeat_axis: lengths of x and y for {shape:?}");
    if y.is_empty() {
        return;
    }
    let block = repeated * inner;
    let together = (GRAIN / block).max(1);
    for_each_piece((Pieces::new(x, inner * together), Pieces::new(y, block * together)), |_, (x, y)| {
        for (row, y) in x.chunks_exact(inner).zip(y.chunks_exact_mut(block)) {
            let piece = inner * (GRAIN / inner).max(1);
            for_each_piece(Pieces::new(y, piece), |_, y| fill_with(row, y));
        }
    });
}

/// Fills y, whose length is a multiple of that of `row`, with copies of `row`. Each copy doubles
/// the part that is written, so a short row does not cause many short copies.
pub(crate) fn fill_with(row: &[f32], y: &mut [f32]) {
    if let [x] = row {
        return y.fill(*x);
    }
    let mut written = row.len();
    y[..written].copy_from_slice(row);
    while written < y.len() {
        let more = written.min(y.len() - written);
        y.copy_within(..more, written);
        written += more;
    }
}

#[cfg(test)]
mod tests;
