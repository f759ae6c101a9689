//! Diversity of the fakes: the mean distance between two fakes, relative to the mean distance
//! between two reals.
//!
//! About 1 is right; a generator that has collapsed to one image scores 0. This is the simplest
//! test for mode collapse, used since the first GANs.
//!
//! **Pitfalls.** Two noise images are far from each other, so a large value alone means nothing. A
//! generator that has collapsed to two distinct images still has half of the diversity.

use crate::distances::mean_distance;
use crate::finite::assert_finite;
use crate::matrix::Matrix;
use crate::metric::{FEWEST, Metric, Number, Of};

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "diversity",
    alias: Some("spread"),
    about: "mean distance between fakes relative to reals: 1 is ideal, 0 is mode collapse",
    of: Of::Features,
    fewest: FEWEST,
    most: usize::MAX,
    quick: true,
    measure: |real, fake| vec![Number::plain("diversity", diversity(&real.features, &fake.features))],
};

/// The ratio, at least 0; NaN if all reals are the same.
///
/// # Panics
/// When one of them has fewer than two rows, or a number that is not finite.
#[track_caller]
pub fn diversity(real: &Matrix, fake: &Matrix) -> f64 {
    assert_finite("diversity", &[real, fake]);
    mean_distance(fake) / mean_distance(real)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::testing::{at_any_thread_count, random};

    #[test]
    fn it_is_the_scale_of_the_fakes() {
        let a = random(30, 4, 1);
        assert_eq!(diversity(&a, &a), 1.0);
        let half = Matrix::new(30, 4, a.data().iter().map(|x| 0.5 * x).collect());
        assert!((at_any_thread_count(|| diversity(&a, &half)) - 0.5).abs() < 1e-12);
        let collapsed = Matrix::new(30, 4, a.row(0).repeat(30));
        assert_eq!(diversity(&a, &collapsed), 0.0);
    }
}
