//! Two-sample test with a nearest-neighbour classifier: can reals and fakes be distinguished by
//! their nearest neighbours?
//!
//! Each image of both sets together is classified as its nearest other image. The accuracy is 0.5
//! if the two sets are alike, 1 if they are separate, and below 0.5 if the fakes are copies of the
//! reals, so that each is the nearest neighbour of its original. Source: Lopez-Paz and Oquab 2017
//! ("Revisiting classifier two-sample tests"), Xu et al. 2018.
//!
//! **Pitfalls.** Both sets must have the same size. Of two neighbours at equal distance the first
//! one counts, reals before fakes.

use crate::distances::map_squared_distances;
use crate::finite::assert_finite;
use crate::matrix::Matrix;
use crate::metric::{FEWEST, Metric, Number, Of};

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "two-sample",
    alias: None,
    about: "accuracy of a nearest-neighbour classifier: 0.5 is ideal, 1 is separable, below 0.5 means copies",
    of: Of::Features,
    fewest: FEWEST,
    most: usize::MAX,
    quick: true,
    measure: |real, fake| vec![Number::plain("two_sample", two_sample_accuracy(&real.features, &fake.features))],
};

/// The accuracy, in [0, 1].
///
/// # Panics
/// When there are fewer than two images, a number is not finite, or the numbers of columns differ.
#[track_caller]
pub fn two_sample_accuracy(real: &Matrix, fake: &Matrix) -> f64 {
    assert_finite("two_sample", &[real, fake]);
    let all = real.above(fake);
    assert!(all.rows() >= 2, "two_sample: {} images have no neighbours", all.rows());
    let right = map_squared_distances(&all, &all, |i, row| {
        row[i] = f64::INFINITY;
        let nearest = (0..row.len()).fold(0, |best, j| if row[j] < row[best] { j } else { best });
        (nearest < real.rows()) == (i < real.rows())
    });
    right.iter().filter(|right| **right).count() as f64 / all.rows() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::testing::{at_any_thread_count, random};

    #[test]
    fn copies_likes_and_strangers_are_told_apart() {
        let (a, b) = (random(200, 3, 1), random(200, 3, 2));
        assert_eq!(two_sample_accuracy(&a, &a), 0.0);
        let like = at_any_thread_count(|| two_sample_accuracy(&a, &b));
        assert!((0.4..0.6).contains(&like), "{like}");
        let far = Matrix::new(200, 3, b.data().iter().map(|x| x + 9.0).collect());
        assert_eq!(two_sample_accuracy(&a, &far), 1.0);
    }
}
