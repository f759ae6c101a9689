//! Memorisation: are the fakes copies of the training images? The mean distance of a fake to the
//! nearest training image, divided by that of held-out reals.
//!
//! About 1: a fake is as new as a held-out real. Far below 1: the fakes are close to training
//! images. Above 1: they are far from all of them. After Meehan et al. 2020 ("A non-parametric test
//! to detect data-copying"), as a ratio instead of a test.
//!
//! **Pitfalls.** With features that ignore the difference between two images, every image looks
//! like a copy. If the data contains duplicates, held-out reals are copies too, and the ratio
//! grows.

use crate::distances::nearest;
use crate::finite::assert_finite;
use crate::matrix::Matrix;
use crate::metric::{FEWEST, Metric, Number, Of};

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "memorization",
    alias: None,
    about: "distance to the nearest training image, relative to held-out reals: 1 is new, 0 is a copy",
    of: Of::Features,
    fewest: FEWEST,
    most: usize::MAX,
    quick: false,
    measure: |real, fake| {
        let found = match &real.learned {
            Some(learned) => memorization(learned, &real.features, &fake.features),
            None => {
                let half = real.count() / 2;
                let halves = [0..half, half..real.count()].map(|half| real.features.part(half));
                memorization(&halves[0], &halves[1], &fake.features)
            }
        };
        vec![Number::plain("memorization", found)]
    },
};

/// The ratio, at least 0; infinite if all of `held_out` are in `learned`, NaN if all fakes are too.
///
/// # Panics
/// When one of the three has no rows or a number that is not finite, or their numbers of columns
/// differ.
#[track_caller]
pub fn memorization(learned: &Matrix, held_out: &Matrix, fake: &Matrix) -> f64 {
    let counts = [learned, held_out, fake].map(Matrix::rows);
    assert!(!counts.contains(&0), "memorization: the numbers of learned, held-out and fake images are {counts:?}");
    assert_finite("memorization", &[learned, held_out, fake]);
    let mean = |x: &Matrix| nearest(x, learned).into_iter().sum::<f64>() / x.rows() as f64;
    mean(fake) / mean(held_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::testing::{at_any_thread_count, random};

    #[test]
    fn copies_are_at_zero_and_fresh_images_near_one() {
        let [learned, held_out, fresh] = [1, 2, 3].map(|stream| random(200, 3, stream));
        assert_eq!(memorization(&learned, &held_out, &learned), 0.0);
        let fresh = at_any_thread_count(|| memorization(&learned, &held_out, &fresh));
        assert!((fresh - 1.0).abs() < 0.2, "{fresh}");
        let line = |numbers: &[f64]| Matrix::new(numbers.len(), 1, numbers.to_vec());
        assert_eq!(memorization(&line(&[0.0, 10.0]), &line(&[2.0]), &line(&[1.0, 10.0])), 0.25);
    }
}
