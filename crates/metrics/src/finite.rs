//! [`NotFinite`]: the error of features that are not finite.
//!
//! Comparisons with NaN are false, and many minimum and maximum functions ignore it. The distance
//! of features with a NaN could then be 0, the best possible value. So every measure rejects such
//! features, and [`Sample`](crate::suite::Sample) returns this error before that.

use core::fmt;

use crate::Matrix;

/// Numbers beyond the largest `f32` count as infinite: the measures take sums of squares and cubes
/// of them.
const LARGEST: f64 = f32::MAX as f64;

/// A feature or logit that is NaN, infinite, or larger than every `f32`.
#[derive(Clone, Debug, PartialEq)]
pub struct NotFinite {
    /// What kind of number it is: `feature` or `logit`.
    pub what: &'static str,
    /// The index of the image.
    pub image: usize,
    /// The index within the image's row.
    pub place: usize,
    /// The number itself.
    pub value: f64,
}

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, image, place, value } = self;
        write!(f, "{what} {place} of image {image} is {value:e}, which is not a finite f32")
    }
}

impl core::error::Error for NotFinite {}

/// Whether a value is finite and not too large. (A NaN is not within any bounds.)
pub(crate) fn is_finite(x: f64) -> bool {
    (-LARGEST..=LARGEST).contains(&x)
}

impl Matrix {
    /// Checks that every element is finite; `what` is the name of the elements in the error.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check_finite(&self, what: &'static str) -> Result<(), NotFinite> {
        let bad = self.data().iter().position(|x| !is_finite(*x));
        bad.map_or(Ok(()), |at| {
            let (image, place) = (at / self.columns(), at % self.columns());
            Err(NotFinite { what, image, place, value: self.data()[at] })
        })
    }
}

/// Panics when a number of the `sets` is not finite; the message names `measure`.
#[track_caller]
pub(crate) fn assert_finite(measure: &str, sets: &[&Matrix]) {
    for set in sets {
        if let Err(bad) = set.check_finite("number") {
            panic!("{measure}: {bad}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::class_score::class_score;
    use crate::classes::classes;
    use crate::frechet::{frechet, frechet_of_moments};
    use crate::kid::{Subsets, kid};
    use crate::matrix::testing::random;
    use crate::measures::diversity::diversity;
    use crate::memorization::memorization;
    use crate::modes::modes;
    use crate::precision_recall::precision_recall;
    use crate::two_sample::two_sample_accuracy;

    /// A measure of two sets of rows.
    type Measure = fn(&Matrix, &Matrix) -> f64;

    const MEASURES: [(&str, Measure); 12] = [
        ("frechet", frechet),
        ("moments", |a, b| frechet_of_moments([a.row(0), b.row(0)], [&Matrix::zeros(6, 6), &Matrix::zeros(6, 6)])),
        ("covariances", |a, b| frechet_of_moments([&[0.0; 6]; 2], [&a.part(0..6), &b.part(0..6)])),
        ("kid", |a, b| kid(a, b, Subsets::default()).mean),
        ("precision", |a, b| precision_recall(a, b, 3).precision),
        ("two-sample", two_sample_accuracy),
        ("diversity", diversity),
        ("memorization", |a, b| memorization(&a.part(4..a.rows()), &a.part(0..4), b)),
        ("held out", |a, b| memorization(&a.part(1..4), a, b)),
        ("class-score", |_, b| class_score(b, 2).mean),
        ("classes", |_, b| classes(b).confidence),
        ("modes", |_, b| {
            let points: Vec<f32> = b.row(0).iter().map(|x| *x as f32).collect();
            modes(&points, &[[0.0; 2]], 0.1, 0.1).near
        }),
    ];

    /// One bad value at one position of either set, in both forms of the Fréchet distance (more
    /// rows than columns, and fewer).
    #[test]
    fn every_measure_refuses_a_number_that_is_not_finite() {
        for (name, measure) in MEASURES {
            let good = random(40, 6, 1);
            assert!(measure(&good, &random(40, 6, 2)).is_finite(), "{name} of sound numbers");
            for (rows, bad) in [(40, f64::NAN), (6, f64::NAN), (40, f64::INFINITY), (6, -f64::INFINITY), (40, 1e39)] {
                let (good, mut sick) = (random(rows, 6, 1), random(rows, 6, 2));
                sick.row_mut(0)[2] = bad;
                let found = catch_unwind(AssertUnwindSafe(|| measure(&good, &sick)));
                let payload = found.expect_err(&format!("{name} took {bad} of {rows} rows"));
                let written = payload.downcast_ref::<String>().map(String::as_str);
                let message = written.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or_default();
                assert!(message.contains("finite"), "{name}, {bad}: {message}");
            }
        }
    }

    /// Constant features, equal sets, and equal sets of constant features give the documented
    /// values.
    #[test]
    fn features_without_variance_have_the_documented_values() {
        let (varied, flat) = (random(12, 4, 1), Matrix::new(12, 4, vec![0.5; 48]));
        let wide = Matrix::new(3, 9, vec![0.5; 27]);
        assert_eq!([frechet(&flat, &flat), frechet(&wide, &wide)], [0.0, 0.0]);
        assert!(frechet(&flat, &varied) > 0.0 && kid(&flat, &flat, Subsets::default()).mean.abs() < 1e-12);
        assert_eq!(precision_recall(&flat, &flat, 3).precision, 1.0);
        assert_eq!(precision_recall(&varied, &flat, 3).recall, 0.0, "balls of radius 0 hold no other image");
        assert!(
            diversity(&flat, &flat).is_nan() && diversity(&varied, &flat) == 0.0,
            "NaN if the reals are all the same"
        );
        assert!(memorization(&flat, &flat, &varied).is_infinite() && memorization(&flat, &flat, &flat).is_nan());
        assert_eq!(class_score(&flat, 3).mean, 1.0);
    }
}
