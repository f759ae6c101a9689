//! The Fréchet distance between two normal distributions with the means and covariances of the
//! features:
//!
//! ```text
//! |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)),   S with division by n - 1
//! ```
//!
//! Source: Dowson and Landau 1982; for images Heusel et al. 2017 ("GANs trained by a two time-scale
//! update rule", who call it FID on the features of Inception).
//!
//! The trace of the root is the sum of the square roots of the eigenvalues of S1 S2. With S1 = L
//! L^T these are the eigenvalues of the symmetric matrix L^T S2 L, which are real and, except for
//! rounding, not negative. So there are no imaginary parts, unlike with the general matrix square
//! root that some programs use. L is the pivoted Cholesky factor, which needs no eigenvectors and
//! has fewer columns if S1 is singular.
//!
//! With fewer images than features the covariances are never formed: for centred feature matrices A
//! and B, tr (S1 S2)^(1/2) is exactly the sum of the singular values of A B^T / sqrt((n - 1)(m -
//! 1)). (They are the positive half of the eigenvalues of the symmetric block matrix [[0, A B^T],
//! [B A^T, 0]].)
//!
//! **Pitfalls.** The estimate has an upward bias of about 1/n: compare only values of equal n, and
//! look at the real-vs-real value. It depends on two moments only, and is meaningless without
//! naming the features.

use crate::metric::{FEWEST, Metric, Number, Of};
use rayon::prelude::*;

use crate::eigen::eigenvalues;
use crate::finite::{assert_finite, is_finite};
use crate::matrix::{Matrix, dot};

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "frechet",
    alias: None,
    about: "Frechet distance between two Gaussians fitted to the features; 0 means identical",
    of: Of::Features,
    fewest: FEWEST,
    most: usize::MAX,
    quick: true,
    measure: |real, fake| vec![Number::plain("frechet", frechet(&real.features, &fake.features))],
};

/// The distance between the features `a` and `b`, a row per image. It is at least 0.
///
/// # Panics
/// When one of them has fewer than two rows or a number that is not finite, or their numbers of
/// columns differ.
#[track_caller]
pub fn frechet(a: &Matrix, b: &Matrix) -> f64 {
    let (n, m) = (a.rows(), b.rows());
    assert!(n >= 2 && m >= 2, "frechet: a covariance needs two images at least, not {n} and {m}");
    assert_finite("frechet", &[a, b]);
    let means = [a.column_means(), b.column_means()];
    let (a, b) = (a.minus_row(&means[0]), b.minus_row(&means[1]));
    if n.max(m) <= a.columns() {
        let between: f64 = means[0].iter().zip(&means[1]).map(|(x, y)| (x - y) * (x - y)).sum();
        let variance = |x: &Matrix| dot(x.data(), x.data()) / (x.rows() - 1) as f64;
        let root = nuclear_norm(&a.times_transposed(&b)) / (((n - 1) * (m - 1)) as f64).sqrt();
        return not_negative(between + variance(&a) + variance(&b) - 2.0 * root);
    }
    frechet_of_moments([&means[0], &means[1]], [&covariance(&a), &covariance(&b)])
}

/// The distance between the normal distributions with these means and covariances.
///
/// # Panics
/// When the sizes do not fit, or a number is not finite.
#[track_caller]
pub fn frechet_of_moments(means: [&[f64]; 2], covariances: [&Matrix; 2]) -> f64 {
    let [s1, s2] = covariances;
    let d = means[0].len();
    let sizes = [means[1].len(), s1.rows(), s1.columns(), s2.rows(), s2.columns()];
    assert!(
        sizes == [d; 5],
        "frechet: the first mean has {d} numbers, but the second one and the covariances have {sizes:?}"
    );
    assert!({ means.iter().copied().flatten() }.all(|x| is_finite(*x)), "frechet: a mean is not finite");
    assert_finite("frechet", &[s1, s2]);
    let between: f64 = means[0].iter().zip(means[1]).map(|(x, y)| (x - y) * (x - y)).sum();
    let trace = |s: &Matrix| (0..d).map(|i| s.row(i)[i]).sum::<f64>();
    let factor = factor(s1);
    let product = factor.times_transposed(s2).times_transposed(&factor);
    let back = product.transposed();
    let symmetric = product.data().iter().zip(back.data()).map(|(x, y)| 0.5 * (x + y)).collect();
    let symmetric = Matrix::new(product.rows(), product.rows(), symmetric);
    let root: f64 = eigenvalues(&symmetric).into_iter().map(|x| if x < 0.0 { 0.0 } else { x.sqrt() }).sum();
    not_negative(between + trace(s1) + trace(s2) - 2.0 * root)
}

/// The distance, or 0 if rounding has made it negative. (`max` would turn a NaN into 0.)
fn not_negative(distance: f64) -> f64 {
    if distance < 0.0 { 0.0 } else { distance }
}

/// The covariance of the columns of a centred matrix (n, d), of shape (d, d): their products,
/// divided by n - 1.
pub fn covariance(centred: &Matrix) -> Matrix {
    let columns = centred.transposed();
    let mut products = columns.times_transposed(&columns);
    let count = (centred.rows() - 1) as f64;
    products.data_mut().iter_mut().for_each(|x| *x /= count);
    products
}

/// The rows of L^T with S = L L^T, as many as the rank of S.
fn factor(s: &Matrix) -> Matrix {
    let d = s.rows();
    let mut left: Vec<f64> = (0..d).map(|i| s.row(i)[i]).collect();
    let nothing = left.iter().copied().fold(0.0, f64::max) * d as f64 * f64::EPSILON;
    let mut rows: Vec<Vec<f64>> = Vec::new();
    while rows.len() < d {
        let pivot = (0..d).fold(0, |best, i| if left[i] > left[best] { i } else { best });
        if left[pivot] <= nothing {
            break;
        }
        let root = left[pivot].sqrt();
        let mut row = s.row(pivot).to_vec();
        row.par_chunks_mut(256).enumerate().for_each(|(chunk, part)| {
            for done in &rows {
                let factor = done[pivot];
                part.iter_mut().zip(&done[chunk * 256..]).for_each(|(x, y)| *x -= factor * y);
            }
            part.iter_mut().for_each(|x| *x /= root);
        });
        left.iter_mut().zip(&row).for_each(|(left, x)| *left -= x * x);
        left[pivot] = f64::NEG_INFINITY;
        rows.push(row);
    }
    Matrix::new(rows.len(), d, rows.concat())
}

/// The sum of the singular values.
fn nuclear_norm(k: &Matrix) -> f64 {
    let (n, m) = (k.rows(), k.columns());
    let mut both = Matrix::zeros(n + m, n + m);
    for i in 0..n {
        both.row_mut(i)[n..].copy_from_slice(k.row(i));
    }
    let back = k.transposed();
    for j in 0..m {
        both.row_mut(n + j)[..n].copy_from_slice(back.row(j));
    }
    eigenvalues(&both).into_iter().map(f64::abs).sum::<f64>() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::testing::{at_any_thread_count, random};

    #[test]
    fn known_moments_give_the_known_distance() {
        let matrix = |numbers: &[f64]| Matrix::new(2, 2, numbers.to_vec());
        let (s1, s2) = (matrix(&[2.0, 0.5, 0.5, 1.0]), matrix(&[1.0, 0.3, 0.3, 2.0]));
        let found = frechet_of_moments([&[1.0, 0.0], &[0.0, 0.5]], [&s1, &s2]);
        assert!((found - 1.608_545_911).abs() < 1e-9, "{found}");
        let scaled = |scale: f64| Matrix::new(3, 3, (0..9).map(|i| if i % 4 == 0 { scale } else { 0.0 }).collect());
        let found = frechet_of_moments([&[0.0; 3], &[1.0, 0.0, 0.0]], [&scaled(1.0), &scaled(4.0)]);
        assert!((found - 4.0).abs() < 1e-12, "{found}");
    }

    #[test]
    fn a_set_is_at_distance_zero_from_itself_whatever_its_shape() {
        for (n, d) in [(40, 5), (9, 30), (30, 30), (200, 64), (2, 3)] {
            let a = random(n, d, 4);
            let found = frechet(&a, &a);
            assert!(found <= 1e-9, "{n} x {d}: {found:e}");
        }
        // Constant features, and one that repeats another.
        let mut flat = random(50, 6, 5);
        (0..50).for_each(|i| (flat.row_mut(i)[2], flat.row_mut(i)[4]) = (1.0, 0.0));
        assert!(frechet(&flat, &flat) <= 1e-9);
        (0..50).for_each(|i| flat.row_mut(i)[5] = flat.row(i)[0]);
        assert!(frechet(&flat, &flat) <= 1e-7);
    }

    /// Both formulas are exact, so they agree where both can be used: padding features with zeros
    /// changes nothing.
    #[test]
    fn the_form_for_few_images_agrees_with_the_other() {
        let (a, b) = (random(12, 7, 1), random(15, 7, 2));
        let wide = |x: &Matrix| {
            let mut wide = Matrix::zeros(x.rows(), 20);
            (0..x.rows()).for_each(|i| wide.row_mut(i)[..7].copy_from_slice(x.row(i)));
            wide
        };
        let [narrow, wide] = [frechet(&a, &b), at_any_thread_count(|| frechet(&wide(&a), &wide(&b)))];
        assert!((narrow - wide).abs() < 1e-7 && narrow > 0.1, "{narrow} and {wide}");
    }

    #[test]
    fn it_is_symmetric_and_feels_a_shift() {
        let (a, mut b) = (random(300, 8, 1), random(300, 8, 2));
        let near = frechet(&a, &b);
        assert!((near - frechet(&b, &a)).abs() < 1e-12);
        b.data_mut().iter_mut().for_each(|x| *x += 1.0);
        let far = at_any_thread_count(|| frechet(&a, &b));
        assert!((far - near - 8.0).abs() < 1.0, "{near}, then {far}");
    }

    /// As wide as Inception's features. Both formulas, on shifted features: only the means differ.
    #[test]
    #[ignore = "takes ten seconds"]
    fn both_forms_hold_for_features_as_wide_as_those_of_inception() {
        for n in [2500, 1000] {
            let a = random(n, 2048, 1);
            let mut b = a.clone();
            b.data_mut().iter_mut().for_each(|x| *x += 0.25);
            let start = std::time::Instant::now();
            let found = frechet(&a, &b);
            println!("{n} x 2048: {:.1} s on {} threads", start.elapsed().as_secs_f64(), rayon::current_num_threads());
            assert!((found - 2048.0 * 0.0625).abs() < 1e-5, "{n}: {found}");
        }
    }
}
