//! [`Matrix`]: rows of `f64`, and the matrix product that all metrics are built on.
//!
//! The engine's `f64` product is a plain loop for checks; here the product is most of the work.
//! This one keeps tiles of 4 x 4 sums, each accumulated over k = 0, 1, 2, ... in a fixed order. It
//! is compiled for the baseline instruction set, so its bits are the same on every processor of an
//! architecture.

use core::ops::Range;

use rayon::prelude::*;
use tensor::Tensor;

/// The number of rows and columns of a tile.
const TILE: usize = 4;
/// Rows per task. It is fixed, so that the work is split by size only.
pub(crate) const TASK: usize = 32;

/// Numbers in rows: usually one row of features per image.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Matrix {
    /// A matrix from its numbers, row by row.
    ///
    /// # Panics
    /// When there are not rows * columns of them.
    #[track_caller]
    pub fn new(rows: usize, columns: usize, data: Vec<f64>) -> Self {
        assert!(data.len() == rows * columns, "matrix: {} numbers do not fill {rows} x {columns}", data.len());
        Self { rows, columns, data }
    }

    /// A matrix of zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, data: vec![0.0; rows * columns] }
    }

    /// The rows of a tensor of shape (rows, ...).
    ///
    /// # Panics
    /// When the tensor is a single number.
    #[track_caller]
    pub fn from_tensor(tensor: &Tensor) -> Self {
        let Some((&rows, rest)) = tensor.shape().split_first() else { panic!("matrix: a single number has no rows") };
        let data = tensor.data().iter().map(|x| f64::from(*x)).collect();
        Self { rows, columns: rest.iter().product(), data }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All numbers, row by row.
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// The same, mutable.
    pub fn data_mut(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.columns..][..self.columns]
    }

    /// The same, mutable.
    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.data[row * self.columns..][..self.columns]
    }

    /// The rows of a range.
    pub fn part(&self, rows: Range<usize>) -> Self {
        let data = self.data[rows.start * self.columns..rows.end * self.columns].to_vec();
        Self { rows: rows.len(), columns: self.columns, data }
    }

    /// The rows with these indices, in this order.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let data = rows.iter().flat_map(|&row| self.row(row)).copied().collect();
        Self { rows: rows.len(), columns: self.columns, data }
    }

    /// The rows of `self` followed by those of `other`.
    ///
    /// # Panics
    /// When they have different numbers of columns.
    #[track_caller]
    pub fn above(&self, other: &Self) -> Self {
        assert_same_columns("above", self, other);
        let data = [&self.data[..], &other.data[..]].concat();
        Self { rows: self.rows + other.rows, columns: self.columns, data }
    }

    /// The transpose.
    pub fn transposed(&self) -> Self {
        let data = (0..self.columns).flat_map(|j| (0..self.rows).map(move |i| self.data[i * self.columns + j]));
        Self { rows: self.columns, columns: self.rows, data: data.collect() }
    }

    /// The mean of each column.
    pub fn column_means(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.columns];
        for row in self.data.chunks_exact(self.columns.max(1)) {
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        sums.into_iter().map(|sum| sum / self.rows as f64).collect()
    }

    /// The matrix with `row` subtracted from every row.
    pub fn minus_row(&self, row: &[f64]) -> Self {
        let mut result = self.clone();
        for line in result.data.chunks_exact_mut(self.columns.max(1)) {
            line.iter_mut().zip(row).for_each(|(x, mean)| *x -= mean);
        }
        result
    }

    /// self * other^T: the products of all rows of the one with all rows of the other, (rows,
    /// other's rows).
    ///
    /// # Panics
    /// When they have different numbers of columns.
    #[track_caller]
    pub fn times_transposed(&self, other: &Self) -> Self {
        let rows = map_products(self, other, |_, row| row.to_vec());
        Self { rows: self.rows, columns: other.rows, data: rows.concat() }
    }
}

#[track_caller]
fn assert_same_columns(what: &str, a: &Matrix, b: &Matrix) {
    let (left, right) = (a.columns, b.columns);
    assert!(left == right, "{what}: the rows have different lengths, {left} and {right}");
}

/// Calls `visit(i, row)` for every row i of `a`, with the products of that row with all rows of
/// `b`; the results in order.
///
/// # Panics
/// When the two have different numbers of columns.
#[track_caller]
pub(crate) fn map_products<R: Send>(a: &Matrix, b: &Matrix, visit: impl Fn(usize, &mut [f64]) -> R + Sync) -> Vec<R> {
    assert_same_columns("product", a, b);
    let panels = panels(b);
    let tasks = a.rows.div_ceil(TASK);
    let results: Vec<Vec<R>> = (0..tasks)
        .into_par_iter()
        .map(|task| {
            let rows = task * TASK..a.rows.min((task + 1) * TASK);
            let mut products = vec![0.0; rows.len() * b.rows];
            for first in rows.clone().step_by(TILE) {
                let at = (first - rows.start) * b.rows;
                let count = TILE.min(rows.end - first);
                multiply(a, first, count, &panels, b.rows, &mut products[at..]);
            }
            let lines = products.chunks_mut(b.rows.max(1)).chain(core::iter::repeat_with(Default::default));
            rows.zip(lines).map(|(row, products)| visit(row, products)).collect()
        })
        .collect();
    results.into_iter().flatten().collect()
}

/// The rows of `b` packed into panels of four interleaved rows, which tiles read sequentially.
fn panels(b: &Matrix) -> Vec<[f64; TILE]> {
    let panels = b.rows.div_ceil(TILE);
    let mut interleaved = vec![[0.0; TILE]; panels * b.columns];
    for (row, line) in b.data.chunks_exact(b.columns.max(1)).enumerate() {
        let panel = &mut interleaved[row / TILE * b.columns..];
        panel.iter_mut().zip(line).for_each(|(four, x)| four[row % TILE] = *x);
    }
    interleaved
}

/// The products of `count` rows of `a` from `first` on with all panels, written to as many rows of
/// `width` numbers.
fn multiply(a: &Matrix, first: usize, count: usize, panels: &[[f64; TILE]], width: usize, products: &mut [f64]) {
    // In an incomplete last tile, the last row is computed repeatedly.
    let rows: [&[f64]; TILE] = core::array::from_fn(|i| a.row(first + i.min(count - 1)));
    for (number, panel) in panels.chunks_exact(a.columns.max(1)).enumerate() {
        let mut sums = [[0.0; TILE]; TILE];
        for (k, four) in panel.iter().enumerate() {
            for (sums, row) in sums.iter_mut().zip(&rows) {
                for (sum, x) in sums.iter_mut().zip(four) {
                    *sum += row[k] * x;
                }
            }
        }
        let column = number * TILE;
        let columns = TILE.min(width - column);
        for (i, sums) in sums[..count].iter().enumerate() {
            products[i * width + column..][..columns].copy_from_slice(&sums[..columns]);
        }
    }
}

/// The inner product of two vectors: eight chains, added at the end.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a8.iter().zip(b8) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use kernels::random::{Key, words};

    /// Numbers in [-1, 1).
    pub(crate) fn random(rows: usize, columns: usize, stream: u32) -> Matrix {
        let number = |i: usize| f64::from(words(Key::new(3, stream), i as u32)[0]) / f64::from(1_u32 << 31) - 1.0;
        Matrix::new(rows, columns, (0..rows * columns).map(number).collect())
    }

    /// The result in pools of 1, 2 and 3 threads, which must agree.
    pub(crate) fn at_any_thread_count<R: PartialEq + core::fmt::Debug + Send>(work: impl Fn() -> R + Sync) -> R {
        let mut results = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            Some(pool.install(&work))
        });
        assert_eq!(results[0], results[1]);
        assert_eq!(results[0], results[2]);
        results[0].take().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{at_any_thread_count, random};
    use super::*;

    #[test]
    fn products_are_those_of_the_plain_loop() {
        for (n, m, k) in [(1, 1, 1), (5, 3, 7), (4, 8, 2), (33, 70, 19), (65, 2, 5), (3, 0, 4), (0, 3, 4)] {
            let (a, b) = (random(n, k, 1), random(m, k, 2));
            let product = at_any_thread_count(|| a.times_transposed(&b));
            assert_eq!((product.rows(), product.columns()), (n, m));
            for i in 0..n {
                for j in 0..m {
                    let plain = a.row(i).iter().zip(b.row(j)).fold(0.0, |sum, (x, y)| sum + x * y);
                    assert_eq!(product.row(i)[j], plain, "{n} x {m} x {k} at {i}, {j}");
                    assert!((dot(a.row(i), b.row(j)) - plain).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "the rows have different lengths, 3 and 2")]
    fn rows_must_be_equally_long() {
        random(2, 3, 1).times_transposed(&random(2, 2, 1));
    }
}
