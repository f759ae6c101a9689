//! Improved precision and recall: are the fakes like reals, and do they cover all kinds of reals?
//!
//! Each image is the centre of a ball that reaches to its k-th nearest neighbour in the same set.
//! Precision is the fraction of fakes inside the ball of some real; recall is the fraction of reals
//! inside the ball of some fake. The border belongs to the ball. Source: Kynkäänniemi et al. 2019
//! ("Improved precision and recall metric for assessing generative models"), k = 3.
//!
//! **Pitfalls.** An outlier among the reals has a huge ball, in which any fake counts as good. Both
//! values fall with the number of images; reals against reals do not reach 1 either.

use crate::distances::map_squared_distances;
use crate::finite::assert_finite;
use crate::matrix::Matrix;
use crate::metric::{FEWEST, Metric, Number, Of};

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "precision-recall",
    alias: None,
    about: "share of fakes within the reals' manifold, and of reals within the fakes'",
    of: Of::Features,
    fewest: FEWEST,
    most: usize::MAX,
    quick: true,
    measure: |real, fake| {
        let found = precision_recall(&real.features, &fake.features, NEIGHBOR);
        vec![Number::plain("precision", found.precision), Number::plain("recall", found.recall)]
    },
};

/// The `k` of the metric: each ball reaches to the `k`-th nearest neighbour.
pub const NEIGHBOR: usize = 3;

/// Both fractions, in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrecisionRecall {
    /// The fraction of fakes that resemble reals.
    pub precision: f64,
    /// The fraction of reals that resemble fakes.
    pub recall: f64,
}

/// Precision and recall of the features `fake` against `real`, a row per image, with balls to the
/// `k`-th neighbour.
///
/// # Panics
/// When one of them has at most `k` rows or a number that is not finite, or their numbers of
/// columns differ.
#[track_caller]
pub fn precision_recall(real: &Matrix, fake: &Matrix, k: usize) -> PrecisionRecall {
    assert_finite("precision_recall", &[real, fake]);
    PrecisionRecall { precision: share_inside(fake, real, k), recall: share_inside(real, fake, k) }
}

/// The fraction of `points` inside a ball of `centers`.
#[track_caller]
fn share_inside(points: &Matrix, centers: &Matrix, k: usize) -> f64 {
    let count = centers.rows();
    assert!(k >= 1 && count > k, "precision_recall: neighbour {k} of {count} images");
    let radii = map_squared_distances(centers, centers, |i, row| {
        row[i] = f64::INFINITY;
        *row.select_nth_unstable_by(k - 1, f64::total_cmp).1
    });
    let inside = map_squared_distances(points, centers, |_, row| row.iter().zip(&radii).any(|(x, radius)| x <= radius));
    inside.iter().filter(|inside| **inside).count() as f64 / points.rows() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::testing::{at_any_thread_count, random};

    fn on_a_line(numbers: &[f64]) -> Matrix {
        Matrix::new(numbers.len(), 1, numbers.to_vec())
    }

    #[test]
    fn equal_sets_are_perfect_and_distant_ones_nothing() {
        let a = random(50, 4, 1);
        assert_eq!(precision_recall(&a, &a, NEIGHBOR), PrecisionRecall { precision: 1.0, recall: 1.0 });
        let far = Matrix::new(50, 4, a.data().iter().map(|x| x + 100.0).collect());
        let found = at_any_thread_count(|| precision_recall(&a, &far, NEIGHBOR));
        assert_eq!(found, PrecisionRecall { precision: 0.0, recall: 0.0 });
    }

    /// Reals at 0, 1, 2, 3 and 10, 11, 12, 13; fakes only near the first four.
    #[test]
    fn a_missing_kind_costs_recall_alone() {
        let real = on_a_line(&[0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0]);
        let fake = on_a_line(&[0.5, 1.5, 2.5, 1.0]);
        assert_eq!(precision_recall(&real, &fake, 1), PrecisionRecall { precision: 1.0, recall: 0.5 });
        assert_eq!(precision_recall(&real, &on_a_line(&[2.0, 4.0, 4.1]), 1).precision, 2.0 / 3.0, "a border is inside");
    }
}
