//! The formula of the Inception Score, on the logits of any classifier:
//!
//! ```text
//! exp(mean over x of KL(p(y | x) || p(y)))
//! ```
//!
//! The score is high if each image clearly belongs to one class (p(y | x) is sharp) and all classes
//! occur (p(y), the mean over the images, is flat). It ranges from 1 to the number of classes. The
//! images are divided, in order, into splits; the result is the mean and the standard deviation
//! (with division by the number of splits) over them. Source: Salimans et al. 2016 ("Improved
//! techniques for training GANs"); Barratt and Sharma 2018 on its flaws.
//!
//! **Pitfalls.** It does not compare with reals: one perfect image per class has the highest score.
//! It rises with the images per split. Only with Inception's logits is it an *Inception Score*.

use crate::metric::{FEWEST, Metric, Number, Of};
use kernels::scalar::{exp, ln};

use crate::Matrix;
use crate::finite::assert_finite;

/// The number of splits over which the metric averages.
const SPLITS: usize = 10;

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "class-score",
    alias: None,
    about: "the Inception Score's formula with this classifier: from 1 to the number of classes",
    of: Of::Classes,
    fewest: FEWEST,
    most: usize::MAX,
    quick: false,
    measure: |_, fake| {
        let found = class_score(fake.classified(), SPLITS);
        vec![Number { name: "class_score", value: found.mean, deviation: Some(found.deviation) }]
    },
};

/// Mean and standard deviation over the splits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScore {
    /// The score.
    pub mean: f64,
    /// The standard deviation over the splits.
    pub deviation: f64,
}

/// The score of `logits`, a row per image, over up to `splits` parts, whose sizes differ by at most
/// one image.
///
/// # Panics
/// When there are no images or no classes, or a logit is not finite.
#[track_caller]
pub fn class_score(logits: &Matrix, splits: usize) -> ClassScore {
    let n = logits.rows();
    assert!(n > 0 && logits.columns() > 0, "class_score: {n} images of {} classes", logits.columns());
    assert_finite("class_score", &[logits]);
    let splits = splits.clamp(1, n);
    let scores: Vec<f64> = (0..splits).map(|i| score(&logits.part(i * n / splits..(i + 1) * n / splits))).collect();
    let mean = scores.iter().sum::<f64>() / splits as f64;
    let variance = scores.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / splits as f64;
    ClassScore { mean, deviation: variance.sqrt() }
}

fn score(logits: &Matrix) -> f64 {
    let (n, classes) = (logits.rows() as f64, logits.columns());
    let logs: Vec<Vec<f64>> = (0..logits.rows()).map(|i| log_softmax(logits.row(i))).collect();
    let mut mean = vec![0.0; classes];
    for row in &logs {
        mean.iter_mut().zip(row).for_each(|(mean, log)| *mean += exp(*log) / n);
    }
    // p log p is 0 at p = 0.
    let divergence = |row: &Vec<f64>| {
        let term = |(log, mean): (&f64, &f64)| if exp(*log) == 0.0 { 0.0 } else { exp(*log) * (log - ln(*mean)) };
        row.iter().zip(&mean).map(term).sum::<f64>()
    };
    exp(logs.iter().map(divergence).sum::<f64>() / n)
}

/// The logarithms of the softmax of logits, without overflow.
pub(crate) fn log_softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|x| exp(x - largest)).sum();
    logits.iter().map(|x| x - largest - ln(sum)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_probabilities(rows: &[[f64; 3]]) -> Matrix {
        Matrix::new(rows.len(), 3, rows.iter().flatten().map(|p| p.ln()).collect())
    }

    #[test]
    fn the_known_example() {
        let rows = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2]];
        let found = class_score(&of_probabilities(&rows), 1);
        assert!((found.mean - 1.450_717_768).abs() < 1e-9 && found.deviation == 0.0, "{found:?}");
        let both = class_score(&of_probabilities(&rows), 2);
        let halves = [&rows[..2], &rows[2..]].map(|half| class_score(&of_probabilities(half), 1).mean);
        assert!((both.mean - (halves[0] + halves[1]) / 2.0).abs() < 1e-12);
        assert!((both.deviation - (halves[0] - halves[1]).abs() / 2.0).abs() < 1e-12);
    }

    #[test]
    fn the_ends_are_one_and_the_number_of_classes() {
        assert!((class_score(&Matrix::zeros(20, 7), 3).mean - 1.0).abs() < 1e-12);
        let sure: Vec<f64> =
            (0..21).flat_map(|i| (0..7).map(move |c| if c == i % 7 { 900.0 } else { -900.0 })).collect();
        assert!((class_score(&Matrix::new(21, 7, sure), 1).mean - 7.0).abs() < 1e-12);
        // A class that never occurs adds nothing, although its logarithm is infinite.
        assert_eq!(class_score(&Matrix::new(2, 2, [900.0, -900.0].repeat(2)), 1).mean, 1.0);
    }
}
