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

/// The mean distance between two different rows.
///
/// # Panics
/// When there are fewer than two rows.
#[track_caller]
pub fn mean_distance(x: &Matrix) -> f64 {
    let n = x.rows();
    assert!(n >= 2, "mean distance: {n} rows have no distance");
    let rows = map_squared_distances(x, x, |_, row| row.iter().map(|x| x.sqrt()).sum::<f64>());
    rows.into_iter().sum::<f64>() / (n * (n - 1)) as f64
}

/// For each row of `a`, the number of the nearest row of `b` and the distance to it. Of two rows
/// that are equally near, the first.
///
/// # Panics
/// When `b` has no rows, or the numbers of columns differ.
#[track_caller]
pub fn nearest_rows(a: &Matrix, b: &Matrix) -> Vec<(usize, f64)> {
    assert!(b.rows() > 0, "nearest rows: there are none");
    map_squared_distances(a, b, |_, row| first_least(row, None))
}

/// For each row, the distance to the nearest other row; infinity if there is no other.
pub fn nearest_others(x: &Matrix) -> Vec<f64> {
    map_squared_distances(x, x, |i, row| first_least(row, Some(i)).1)
}

/// The index of the first of the smallest squares, except that of `without`, and its root.
fn first_least(squares: &[f64], without: Option<usize>) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (at, square) in squares.iter().enumerate().filter(|(at, _)| Some(*at) != without) {
        if *square < best.1 {
            best = (at, *square);
        }
    }
    (best.0, best.1.sqrt())
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
        let rows = nearest_rows(&a, &b);
        for (i, (at, distance)) in rows.into_iter().enumerate() {
            assert_eq!(distance, nearest(&a, &b)[i]);
            assert!((all[i][at].sqrt() - distance).abs() < 1e-14, "{i}");
        }
        let line = Matrix::new(3, 1, vec![0.0, 1.0, 3.0]);
        assert_eq!((nearest_others(&line), mean_distance(&line)), (vec![1.0, 1.0, 2.0], 2.0));
        assert_eq!(nearest_rows(&line, &line.part(1..3)), [(0, 1.0), (0, 0.0), (1, 0.0)]);
    }
}
