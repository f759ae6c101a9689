//! [`LossScale`]: what the losses that a system reports can be compared with.

/// What the losses that a system reports can be compared with: their kind, and the loss of a
/// discriminator that cannot tell reals from fakes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossScale {
    /// The kind of the losses.
    pub kind: LossKind,
    /// The smallest loss, without penalties, of a discriminator with the same output for all
    /// images, such as 2 log 2.
    pub guess: f64,
}

/// The kinds of adversarial losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossKind {
    /// Binary cross-entropy, computed from logits.
    CrossEntropy,
    /// Binary cross-entropy of probabilities clipped to [1e-7, 1 - 1e-7].
    ClippedCrossEntropy,
    /// The squared distance of the output from 1 and 0.
    LeastSquares,
    /// Hinges at 1 and -1.
    Hinge,
    /// The difference of the mean outputs.
    Wasserstein,
}

impl LossKind {
    /// Whether the loss is a binary cross-entropy.
    pub fn is_cross_entropy(self) -> bool {
        matches!(self, Self::CrossEntropy | Self::ClippedCrossEntropy)
    }

    /// The output above which the discriminator classifies an image as real. For cross-entropies it
    /// is a logit.
    pub fn middle(self) -> f64 {
        if self == Self::LeastSquares { 0.5 } else { 0.0 }
    }
}

impl LossScale {
    /// Losses of this kind, summed over reals and fakes, where the target of reals is `real` and
    /// that of fakes is 0.
    pub fn summed(kind: LossKind, real: f64) -> Self {
        let middle = real / 2.0;
        let entropy = -(middle * middle.ln() + (1.0 - middle) * (1.0 - middle).ln());
        let guess = match kind {
            LossKind::CrossEntropy | LossKind::ClippedCrossEntropy => 2.0 * entropy,
            LossKind::LeastSquares => 2.0 * middle * middle,
            LossKind::Hinge => 2.0,
            LossKind::Wasserstein => 0.0,
        };
        Self { kind, guess }
    }

    /// The mean over reals and fakes instead of the sum.
    pub fn halved(self) -> Self {
        Self { guess: self.guess / 2.0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_has_the_loss_of_the_best_constant() {
        let smallest =
            |loss: &dyn Fn(f64) -> f64| (1..1000).map(|i| loss(f64::from(i) / 1000.0)).fold(f64::MAX, f64::min);
        for real in [1.0, 0.9] {
            let entropy = |p: f64| -(real * p.ln() + (1.0 - real) * (1.0 - p).ln()) - (1.0 - p).ln();
            let squares = |p: f64| (p - real).powi(2) + p * p;
            for (kind, expected) in
                [(LossKind::CrossEntropy, smallest(&entropy)), (LossKind::LeastSquares, smallest(&squares))]
            {
                let guess = LossScale::summed(kind, real).guess;
                assert!((guess - expected).abs() < 1e-6, "{kind:?} {real}: {guess} {expected}");
            }
        }
        assert_eq!(LossScale::summed(LossKind::CrossEntropy, 1.0).halved().guess, core::f64::consts::LN_2);
    }
}
