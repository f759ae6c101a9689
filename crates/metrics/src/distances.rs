//! Euclidean distances between the rows of two matrices.

use crate::matrix::{Matrix, map_products};

/// Calls `visit(i, row)` for every row i of `a`, with the squared distances of that row to all rows
/// of `b`.
///
/// They are |a|^2 + |b|^2 - 2 ab, so the work is one matrix product. Cancellation loses about 1e-16
/// of |a|^2, which matters only between rows that are almost equal; equal rows have distance 0
/// exactly, because all three terms are summed in the same order.
#[track_caller]
pub(crate) fn map_squared_distances<R: Send>(
    a: &Matrix,
    b: &Matrix,
    visit: impl Fn(usize, &mut [f64]) -> R + Sync,
) -> Vec<R> {
    let (a_squares, b_squares) = (squares(a), squares(b));
    map_products(a, b, |i, row| {
        for (x, square) in row.iter_mut().zip(&b_squares) {
            let distance = a_squares[i] + square - 2.0 * *x;
            *x = if distance < 0.0 { 0.0 } else { distance };
        }
        visit(i, row)
    })
}

/// The distance of each row of `a` to the nearest row of `b`.
#[track_caller]
pub(crate) fn nearest(a: &Matrix, b: &Matrix) -> Vec<f64> {
    map_squared_distances(a, b, |_, row| row.iter().copied().fold(f64::INFINITY, f64::min).sqrt())
}

/// |row|^2 of each row, added one after the other as in the product.
fn squares(matrix: &Matrix) -> Vec<f64> {
    (0..matrix.rows()).map(|i| matrix.row(i).iter().fold(0.0, |sum, x| sum + x * x)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::testing::random;

    #[test]
    fn distances_are_right_and_zero_between_equals() {
        let (a, b) = (random(9, 5, 1), random(7, 5, 2));
        let all = map_squared_distances(&a, &b, |_, row| row.to_vec());
        for (i, row) in all.iter().enumerate() {
            for (j, got) in row.iter().enumerate() {
                let plain: f64 = a.row(i).iter().zip(b.row(j)).map(|(x, y)| (x - y) * (x - y)).sum();
                assert!((got - plain).abs() < 1e-14, "{i} {j}: {got} and {plain}");
            }
        }
        let itself = map_squared_distances(&a, &a, |i, row| row[i]);
        assert_eq!(itself, [0.0; 9]);
        assert_eq!(nearest(&a, &a), [0.0; 9]);
    }
}
