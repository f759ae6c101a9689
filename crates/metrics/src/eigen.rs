//! Eigenvalues of symmetric matrices.
//!
//! Linear-algebra crates choose their vector width, and with it the order of sums, according to the
//! processor. Here the same input must give the same bits everywhere, so the algorithms are
//! implemented here.
//!
//! * [`eigenvalues`]: Householder's reduction to tridiagonal form (Golub and Van Loan, *Matrix
//!   Computations*, 8.3.1), then the implicit QL algorithm (8.3.3). For matrices of thousands of
//!   rows; no vectors.
//! * [`eigenvectors`]: Jacobi's rotations (8.5). For a hundred rows.

use rayon::prelude::*;

use crate::matrix::{Matrix, dot};

/// The largest number of QL iterations per eigenvalue; three are usual.
const MOST_ROTATIONS: usize = 100;
/// The largest number of sweeps of Jacobi's method; eight are usual.
const MOST_SWEEPS: usize = 50;

/// The eigenvalues of a symmetric matrix, unordered. Their error is about 1e-16 of the largest one.
///
/// # Panics
/// When the matrix is not square, has a number that is not finite, or one so large that its square
/// is not.
#[track_caller]
pub fn eigenvalues(matrix: &Matrix) -> Vec<f64> {
    assert_square(matrix);
    assert!(matrix.data().iter().all(|x| x.is_finite()), "eigenvalues: a number is not finite");
    let (mut diagonal, mut beside) = three_diagonals(matrix.clone());
    ql(&mut diagonal, &mut beside);
    diagonal
}

#[track_caller]
fn assert_square(matrix: &Matrix) {
    let (rows, columns) = (matrix.rows(), matrix.columns());
    assert!(rows == columns, "eigenvalues: {rows} x {columns} is not square");
}

/// The diagonal and the subdiagonal (padded with a 0) of a tridiagonal matrix with the same
/// eigenvalues.
///
/// Each step reflects the rest of a row onto its first element: A <- A - v w^T - w v^T. The next
/// step needs the product of the new A with its own v; both are done in one pass through memory,
/// which dominates the cost.
fn three_diagonals(mut a: Matrix) -> (Vec<f64>, Vec<f64>) {
    let n = a.rows();
    let (mut diagonal, mut beside) = (vec![0.0; n], vec![0.0; n]);
    // The v and w that have yet to be subtracted from the rows from k on, indexed from k.
    let mut pending: Option<[Vec<f64>; 2]> = None;
    for k in 0..n {
        let row = &mut a.row_mut(k)[k..];
        if let Some([v, w]) = &pending {
            take_off(row, 0, v, w);
        }
        diagonal[k] = row[0];
        if k + 1 == n {
            break;
        }
        let mut v = row[1..].to_vec();
        let tail = dot(&v[1..], &v[1..]);
        let length = (v[0] * v[0] + tail).sqrt();
        // A row that is already zero needs no reflection: v = 0.
        let factor = if tail == 0.0 {
            beside[k] = v[0];
            v.fill(0.0);
            0.0
        } else {
            beside[k] = if v[0] > 0.0 { -length } else { length };
            v[0] -= beside[k];
            2.0 / (v[0] * v[0] + tail)
        };
        let last = pending.take();
        let rows = a.data_mut().par_chunks_mut(n).skip(k + 1).enumerate().with_min_len(16);
        let mut w: Vec<f64> = rows
            .map(|(i, row)| {
                let row = &mut row[k + 1..];
                if let Some([v, w]) = &last {
                    take_off(row, i + 1, v, w);
                }
                factor * dot(row, &v)
            })
            .collect();
        let half = 0.5 * factor * dot(&v, &w);
        w.iter_mut().zip(&v).for_each(|(w, v)| *w -= half * v);
        pending = Some([v, w]);
    }
    (diagonal, beside)
}

/// row -= v(at) w + w(at) v, over the last columns.
fn take_off(row: &mut [f64], at: usize, v: &[f64], w: &[f64]) {
    let (vi, wi) = (v[at], w[at]);
    let skipped = v.len() - row.len();
    for ((x, v), w) in row.iter_mut().zip(&v[skipped..]).zip(&w[skipped..]) {
        *x -= vi * w + wi * v;
    }
}

/// Turns the diagonal of a tridiagonal matrix into its eigenvalues.
fn ql(d: &mut [f64], e: &mut [f64]) {
    let largest = d.iter().chain(e.iter()).fold(0.0_f64, |largest, x| largest.max(x.abs()));
    let nothing = largest * f64::EPSILON;
    for first in 0..d.len() {
        for turn in 0.. {
            assert!(
                turn < MOST_ROTATIONS,
                "eigenvalues: number {first} has not converged in {MOST_ROTATIONS} iterations"
            );
            // The end of the block that begins at `first` and has no zero beside the diagonal.
            let last = (first..d.len() - 1).find(|&i| e[i].abs() <= nothing).unwrap_or(d.len() - 1);
            if last == first {
                break;
            }
            // Wilkinson's shift: the eigenvalue of the first 2 x 2 block that is nearer to its
            // corner.
            let g = (d[first + 1] - d[first]) / (2.0 * e[first]);
            let r = length(g, 1.0);
            let mut g = d[last] - d[first] + e[first] / (g + if g < 0.0 { -r } else { r });
            let (mut sine, mut cosine, mut p) = (1.0, 1.0, 0.0);
            let mut cut = false;
            for i in (first..last).rev() {
                let (f, b) = (sine * e[i], cosine * e[i]);
                let r = length(f, g);
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    cut = true;
                    break;
                }
                (sine, cosine) = (f / r, g / r);
                g = d[i + 1] - p;
                let r = (d[i] - g) * sine + 2.0 * cosine * b;
                p = sine * r;
                d[i + 1] = g + p;
                g = cosine * r - b;
            }
            if !cut {
                d[first] -= p;
                e[first] = g;
            }
            e[last] = 0.0;
        }
    }
}

/// sqrt(x^2 + y^2) without overflow.
fn length(x: f64, y: f64) -> f64 {
    let (small, large) = (x.abs().min(y.abs()), x.abs().max(y.abs()));
    if large == 0.0 { 0.0 } else { large * (1.0 + (small / large) * (small / large)).sqrt() }
}

/// The eigenvalues of a symmetric matrix, the largest first, and the eigenvectors in the same
/// order, as rows of length 1.
///
/// # Panics
/// When the matrix is not square, or a number is not finite.
#[track_caller]
pub fn eigenvectors(matrix: &Matrix) -> (Vec<f64>, Matrix) {
    assert_square(matrix);
    assert!(matrix.data().iter().all(|x| x.is_finite()), "eigenvectors: a number is not finite");
    let n = matrix.rows();
    let mut a = matrix.clone();
    let mut vectors = Matrix::zeros(n, n);
    (0..n).for_each(|i| vectors.row_mut(i)[i] = 1.0);
    let size = dot(a.data(), a.data());
    let mut converged = false;
    for _ in 0..MOST_SWEEPS {
        let mut off = 0.0;
        for p in 0..n {
            for q in p + 1..n {
                let x = a.row(p)[q];
                off += x * x;
                if x == 0.0 {
                    continue;
                }
                // The rotation that makes a(p, q) zero.
                let ratio = (a.row(q)[q] - a.row(p)[p]) / (2.0 * x);
                let root = ratio.abs() + length(ratio, 1.0);
                let tangent = if ratio < 0.0 { -1.0 / root } else { 1.0 / root };
                let cosine = 1.0 / length(tangent, 1.0);
                let sine = tangent * cosine;
                rotate_rows(&mut a, p, q, cosine, sine);
                for i in 0..n {
                    let row = a.row_mut(i);
                    (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
                }
                rotate_rows(&mut vectors, p, q, cosine, sine);
            }
        }
        if off <= size * f64::EPSILON * f64::EPSILON {
            converged = true;
            break;
        }
    }
    assert!(converged, "eigenvectors: no convergence in {MOST_SWEEPS} sweeps");
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a.row(j)[j].total_cmp(&a.row(i)[i]));
    let values = order.iter().map(|&i| a.row(i)[i]).collect();
    (values, vectors.select(&order))
}

fn rotate_rows(a: &mut Matrix, p: usize, q: usize, cosine: f64, sine: f64) {
    let n = a.columns();
    let (head, tail) = a.data_mut().split_at_mut(q * n);
    for (x, y) in head[p * n..][..n].iter_mut().zip(&mut tail[..n]) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::testing::{at_any_thread_count, random};

    fn symmetric(n: usize) -> Matrix {
        let a = random(n, n, 7);
        let data = (0..n * n).map(|i| a.row(i / n)[i % n] + a.row(i % n)[i / n]).collect();
        Matrix::new(n, n, data)
    }

    fn sorted(mut values: Vec<f64>) -> Vec<f64> {
        values.sort_by(f64::total_cmp);
        values
    }

    #[test]
    fn the_two_methods_agree_and_the_vectors_are_eigenvectors() {
        for n in [1, 2, 3, 4, 17, 40] {
            let a = symmetric(n);
            let values = sorted(at_any_thread_count(|| eigenvalues(&a)));
            let (others, vectors) = eigenvectors(&a);
            for (i, (x, y)) in values.iter().rev().zip(&others).enumerate() {
                assert!((x - y).abs() < 1e-13 * n as f64, "{n}: {x} and {y}");
                let v = vectors.row(i);
                assert!((dot(v, v) - 1.0).abs() < 1e-13);
                (0..n).for_each(|row| assert!((dot(a.row(row), v) - y * v[row]).abs() < 1e-13 * n as f64));
            }
        }
    }

    /// The second-difference matrix, with known eigenvalues 2 - 2 cos(pi i / (n + 1)); it is
    /// tridiagonal already.
    #[test]
    fn known_eigenvalues_are_found() {
        let n = 200;
        let near = |i: usize| match (i / n).abs_diff(i % n) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        };
        let values = sorted(eigenvalues(&Matrix::new(n, n, (0..n * n).map(near).collect())));
        for (i, x) in values.iter().enumerate() {
            let known = 2.0 - 2.0 * (core::f64::consts::PI * (i + 1) as f64 / (n + 1) as f64).cos();
            assert!((x - known).abs() < 1e-13, "{x} and {known}");
        }
    }

    #[test]
    fn hard_matrices_end() {
        for n in [0, 1, 5, 64] {
            assert_eq!(eigenvalues(&Matrix::zeros(n, n)), vec![0.0; n]);
            let ones = sorted(eigenvalues(&Matrix::new(n, n, vec![1.0; n * n])));
            assert!(ones.iter().rev().skip(1).all(|x| x.abs() < 1e-13), "{ones:?}");
            assert!(n == 0 || (ones[n - 1] - n as f64).abs() < 1e-12);
        }
        let graded: Vec<f64> = (0..900).map(|i| 10.0_f64.powi(-(i / 30 + i % 30) / 2)).collect();
        let graded = Matrix::new(30, 30, graded);
        let trace: f64 = (0..30).map(|i| graded.row(i)[i]).sum();
        assert!((eigenvalues(&graded).iter().sum::<f64>() - trace).abs() < 1e-13);
        let (values, _) = eigenvectors(&Matrix::new(2, 2, vec![0.0; 4]));
        assert_eq!(values, [0.0, 0.0]);
    }

    #[test]
    #[should_panic(expected = "a number is not finite")]
    fn a_nan_has_no_eigenvalues() {
        eigenvalues(&Matrix::new(2, 2, vec![1.0, f64::NAN, 0.0, 1.0]));
    }

    /// The squares overflow, so the method cannot converge: it must panic, not return a wrong
    /// value.
    #[test]
    #[should_panic(expected = "has not converged")]
    fn numbers_beyond_all_measure_are_not_searched_for_ever() {
        eigenvalues(&Matrix::new(3, 3, vec![1e200, 2e200, 3e200, 2e200, 1e200, 4e200, 3e200, 4e200, -1e200]));
    }
}
