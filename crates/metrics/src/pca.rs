//! [`Pca`]: an extractor that needs no training; its features are the principal components of the
//! pixels.
//!
//! Principal component analysis (Pearson 1901), fitted on reals: x' = V^T (x - mean), with the
//! directions V of largest variance. They are found by subspace iteration (Golub and Van Loan
//! 8.2.4; Halko, Martinsson, Tropp 2011): a random basis is repeatedly multiplied with X^T X. The
//! products use the engine's `f32`, since the directions are only a choice of features; everything
//! computed from the features is `f64`.
//!
//! **Pitfalls.** The features describe pixels, not semantics: strokes, shades and positions,
//! without fine details. Scores depend on the reals that the components were fitted on.

use kernels::{Element, Gemm, Key, Precision};
use rand_distr::{Distribution, StandardNormal};

use crate::eigen::eigenvectors;
use crate::matrix::dot;
use crate::{Extractor, Matrix, Pictures};

/// Additional directions, which improve the accuracy of the last requested ones.
const SPARE: usize = 16;
/// Images that are projected at a time.
const AT_A_TIME: usize = 512;

/// The mean image, and the directions of largest variance.
#[derive(Clone, Debug)]
pub struct Pca {
    size: [usize; 3],
    /// The number of features requested; there may be fewer.
    components: usize,
    mean: Vec<f32>,
    /// (pixels, features)
    directions: Vec<f32>,
    variances: Vec<f64>,
}

impl Pca {
    /// Fits up to `components` directions on `reals`: fewer if there are fewer pixels or images.
    ///
    /// # Panics
    /// When there are fewer than two images.
    #[track_caller]
    pub fn fit(reals: &Pictures, components: usize) -> Self {
        Self::fit_with(reals, components, || {})
    }

    /// The number of products with X^T X. After this many, the error from the directions that are
    /// not kept is far below one grey level.
    pub const ROUNDS: u64 = 24;

    /// Like [`fit`](Self::fit), and calls `round_done` after each of the [`ROUNDS`](Self::ROUNDS),
    /// which take almost all of the time.
    ///
    /// # Panics
    /// When there are fewer than two images.
    #[track_caller]
    pub fn fit_with(reals: &Pictures, components: usize, mut round_done: impl FnMut()) -> Self {
        let (n, d) = (reals.count(), reals.image_len());
        assert!(n >= 2, "pca: {n} images have no variance");
        let mut sums = vec![0_u64; d];
        (0..n).for_each(|i| sums.iter_mut().zip(reals.image(i)).for_each(|(sum, x)| *sum += u64::from(*x)));
        let mean: Vec<f32> = sums.into_iter().map(|sum| (sum as f64 / (n as f64 * 255.0)) as f32).collect();
        let x = centred(reals, &mean, 0, n);

        let kept = components.min(d).min(n - 1);
        let q = (kept + SPARE).min(d).min(n);
        let mut draws = Key::named(0, "pca start").draws();
        let mut basis: Vec<f32> = (0..d * q).map(|_| StandardNormal.sample(&mut draws)).collect();
        let mut scores = vec![0.0; n * q];
        for _ in 0..Self::ROUNDS {
            orthonormalize(&mut basis, q);
            product([n, q, d], false, &x, &basis, &mut scores);
            product([d, q, n], true, &x, &scores, &mut basis);
            round_done();
        }
        orthonormalize(&mut basis, q);
        product([n, q, d], false, &x, &basis, &mut scores);

        // Within the subspace: the covariance of the scores, and its eigenvectors.
        let columns = Matrix::new(n, q, scores.iter().map(|x| f64::from(*x)).collect()).transposed();
        let (values, vectors) = eigenvectors(&columns.times_transposed(&columns));
        let directions = basis
            .chunks_exact(q)
            .flat_map(|row| {
                let row: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
                (0..kept).map(|k| dot(&row, vectors.row(k)) as f32).collect::<Vec<_>>()
            })
            .collect();
        let variances = values[..kept].iter().map(|x| x / (n - 1) as f64).collect();
        Self { size: reals.size(), components, mean, directions, variances }
    }

    /// The variance along each direction, the largest first. (Pixel values are in [0, 1].)
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }
}

impl Extractor for Pca {
    fn name(&self) -> String {
        format!("pca{}", self.components)
    }

    fn extract(&self, pictures: &Pictures) -> (Matrix, Option<Matrix>) {
        assert!(
            pictures.size() == self.size,
            "pca: fitted on images of {:?}, these are of {:?}",
            self.size,
            pictures.size()
        );
        let (d, k) = (self.mean.len(), self.variances.len());
        let mut features = Vec::with_capacity(pictures.count() * k);
        for first in (0..pictures.count()).step_by(AT_A_TIME) {
            let last = pictures.count().min(first + AT_A_TIME);
            let x = centred(pictures, &self.mean, first, last);
            let mut y = vec![0.0; (last - first) * k];
            product([last - first, k, d], false, &x, &self.directions, &mut y);
            features.extend(y.into_iter().map(f64::from));
        }
        (Matrix::new(pictures.count(), k, features), None)
    }
}

/// The images in [0, 1] minus the mean, one per row.
fn centred(pictures: &Pictures, mean: &[f32], first: usize, last: usize) -> Vec<f32> {
    let image = |i| pictures.image(i).iter().zip(mean).map(|(x, mean)| f32::from(*x) / 255.0 - mean);
    (first..last).flat_map(image).collect()
}

/// c = a b, or a^T b.
fn product([m, n, k]: [usize; 3], transpose_a: bool, a: &[f32], b: &[f32], c: &mut [f32]) {
    f32::gemm(Gemm { m, n, k, transpose_a, transpose_b: false, precision: Precision::F32 }, a, b, c);
}

/// Makes the columns of a (rows, q) basis orthogonal and of length 1 (Gram and Schmidt, twice over,
/// in `f64`). A column that depends on those before it becomes zeros.
fn orthonormalize(basis: &mut [f32], q: usize) {
    let rows = basis.len() / q;
    let mut columns = Matrix::new(rows, q, basis.iter().map(|x| f64::from(*x)).collect()).transposed();
    for j in 0..q {
        let (done, rest) = columns.data_mut().split_at_mut(j * rows);
        let column = &mut rest[..rows];
        let before = dot(column, column).sqrt();
        for _ in 0..2 {
            for other in done.chunks_exact(rows) {
                let part = dot(other, column);
                column.iter_mut().zip(other).for_each(|(x, y)| *x -= part * y);
            }
        }
        let length = dot(column, column).sqrt();
        let scale = if length > before * 1e-10 { 1.0 / length } else { 0.0 };
        column.iter_mut().for_each(|x| *x *= scale);
    }
    for (j, column) in columns.data().chunks_exact(rows).enumerate() {
        column.iter().enumerate().for_each(|(row, x)| basis[row * q + j] = *x as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::testing::at_any_thread_count;
    use kernels::random::words;

    /// Images of 6 x 5 pixels whose variance lies along three directions, strong, weaker, weak; and
    /// a little noise.
    fn pictures(count: usize) -> Pictures {
        let uniform =
            |i: usize, k: usize| f64::from(words(Key::new(1, k as u32), i as u32)[0]) / f64::from(u32::MAX) - 0.5;
        let pixel = |i: usize, p: usize| {
            let parts = [60.0, 30.0, 12.0].iter().enumerate();
            let sum: f64 = parts.map(|(k, scale)| if p % 3 == k { scale * 2.0 * uniform(i, k) } else { 0.0 }).sum();
            (128.0 + sum + 4.0 * uniform(i, 10 + p)).round() as u8
        };
        Pictures::new((0..count * 30).map(|at| pixel(at / 30, at % 30)).collect(), [6, 5, 1])
    }

    #[test]
    fn the_strong_directions_are_found_in_order() {
        let reals = pictures(300);
        let pca = Pca::fit(&reals, 3);
        // A uniform number of width 2 s along ten pixels has the variance 10 (2 s / 255)^2 / 12.
        for (variance, scale) in pca.variances().iter().zip([60.0, 30.0, 12.0_f64]) {
            let known = 10.0 * (2.0 * scale / 255.0).powi(2) / 12.0;
            assert!((variance / known - 1.0).abs() < 0.2, "{variance} and {known}");
        }
        let (features, logits) = at_any_thread_count(|| Pca::fit(&reals, 3).extract(&reals));
        assert!(logits.is_none() && features.columns() == 3 && pca.name() == "pca3");
        // The features are centred and have the reported variances.
        for (k, mean) in features.column_means().into_iter().enumerate() {
            let squares: f64 = (0..300).map(|i| features.row(i)[k] * features.row(i)[k]).sum();
            assert!(mean.abs() < 1e-5 && (squares / 299.0 / pca.variances()[k] - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn few_images_or_few_pixels_give_fewer_features() {
        assert_eq!(Pca::fit(&pictures(5), 64).extract(&pictures(9)).0.columns(), 4);
        let all = Pca::fit(&pictures(100), 64);
        assert_eq!((all.extract(&pictures(9)).0.columns(), all.name().as_str()), (30, "pca64"));
        let flat = Pca::fit(&Pictures::new(vec![7; 90], [6, 5, 1]), 64);
        assert!(flat.extract(&pictures(9)).0.data().iter().all(|x| x.is_finite()));
    }
}
