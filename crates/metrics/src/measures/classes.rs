//! Class coverage: how many classes a classifier finds in the fakes, and with what confidence.
//!
//! A class is covered if at least one image in a hundred is assigned to it. The confidence is the
//! mean of the largest probability. This is the mode count of Che et al. 2017 and Srivastava et al.
//! 2017 ("VEEGAN"), with a threshold.
//!
//! **Pitfalls.** A classifier assigns noise to a class as well: coverage without confidence means
//! nothing.

use crate::metric::{FEWEST, Metric, Number, Of};
use kernels::scalar::exp;

use crate::Matrix;
use crate::class_score::log_softmax;
use crate::finite::assert_finite;

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "classes",
    alias: None,
    about: "number of classes with at least 1 % of the fakes, and the classifier's mean confidence",
    of: Of::Classes,
    fewest: FEWEST,
    most: usize::MAX,
    quick: false,
    measure: |_, fake| {
        let found = classes(fake.classified());
        vec![Number::plain("classes", found.covered as f64), Number::plain("confidence", found.confidence)]
    },
};

/// A class with at least this fraction of the images is covered.
pub const SHARE: f64 = 0.01;

/// The classes in a set of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Classes {
    /// The number of images of each class.
    pub counts: Vec<usize>,
    /// The number of classes with at least the fraction [`SHARE`] of the images.
    pub covered: usize,
    /// The mean largest probability, in [0, 1].
    pub confidence: f64,
}

/// The classes in the images with these `logits`, a row per image.
///
/// # Panics
/// When there are no images or no classes, or a logit is not finite.
#[track_caller]
pub fn classes(logits: &Matrix) -> Classes {
    let n = logits.rows();
    assert!(n > 0 && logits.columns() > 0, "classes: {n} images of {} classes", logits.columns());
    assert_finite("classes", &[logits]);
    let mut counts = vec![0_usize; logits.columns()];
    let mut confidence = 0.0;
    for i in 0..n {
        let logs = log_softmax(logits.row(i));
        let best = (0..logs.len()).fold(0, |best, c| if logs[c] > logs[best] { c } else { best });
        counts[best] += 1;
        confidence += exp(logs[best]) / n as f64;
    }
    let covered = counts.iter().filter(|count| **count as f64 >= SHARE * n as f64).count();
    Classes { counts, covered, confidence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_classes_do_not_count() {
        let row = |class: usize| (0..4).map(move |c| if c == class { 3.0_f64.ln() } else { 0.0 });
        let rows = |class: usize, count: usize| (0..count).flat_map(move |_| row(class));
        let logits: Vec<f64> = rows(0, 97).chain(rows(1, 2)).chain(rows(3, 1)).collect();
        let found = classes(&Matrix::new(100, 4, logits.clone()));
        assert_eq!((found.counts.as_slice(), found.covered), (&[97, 2, 0, 1][..], 3));
        assert!((found.confidence - 0.5).abs() < 1e-12);
        let more: Vec<f64> = logits.into_iter().chain(rows(0, 10)).collect();
        assert_eq!(classes(&Matrix::new(110, 4, more)).covered, 2);
    }
}
