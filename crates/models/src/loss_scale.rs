//! [`LossScale`]: what the losses that a system reports can be compared with.

use kernels::scalar::ln;

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
        let entropy = -(middle * ln(middle) + (1.0 - middle) * ln(1.0 - middle));
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
    use crate::SYSTEMS;
    use crate::trainer::adversarial::discriminator_loss;
    use crate::trainer::options::{Batches, Bce, Loss, TrainingOptions};
    use tensor::{Tensor, Var};

    #[test]
    fn a_guess_has_the_loss_of_the_best_constant() {
        let loss = |loss, bce, label_smooth| TrainingOptions { loss, bce, label_smooth, ..TrainingOptions::default() };
        for (options, kind) in [
            (loss(Loss::Nonsaturating, Bce::Logits, 1.0), LossKind::CrossEntropy),
            (loss(Loss::Minimax, Bce::Logits, 0.9), LossKind::CrossEntropy),
            (loss(Loss::Nonsaturating, Bce::KerasClip, 0.9), LossKind::ClippedCrossEntropy),
            (loss(Loss::Lsgan, Bce::Logits, 1.0), LossKind::LeastSquares),
            (loss(Loss::Lsgan, Bce::Logits, 0.9), LossKind::LeastSquares),
            (loss(Loss::Hinge, Bce::Logits, 1.0), LossKind::Hinge),
            (loss(Loss::Wasserstein, Bce::Logits, 1.0), LossKind::Wasserstein),
        ] {
            let of = |output: f32| {
                let on = |target| {
                    let output = Var::constant(Tensor::full([1, 1], output));
                    f64::from(discriminator_loss(&options, &output, &Tensor::full([1, 1], target)).item())
                };
                on(options.label_smooth as f32) + on(0.0)
            };
            let best = (-300..300).map(|i| of(i as f32 / 100.0)).fold(f64::MAX, f64::min);
            for (d_batches, share) in [(Batches::Separate, 1.0), (Batches::Mixed, 0.5), (Batches::TwoUpdates, 0.5)] {
                let scale = TrainingOptions { d_batches, ..options.clone() }.loss_scale();
                assert_eq!(scale.kind, kind);
                assert!((scale.guess - share * best).abs() < 1e-4, "{options:?}: {} {}", scale.guess, share * best);
            }
        }
    }

    #[test]
    fn the_losses_of_the_systems_have_their_scales() {
        let ln2 = core::f64::consts::LN_2;
        for entry in SYSTEMS {
            let built = (entry.build)(&(entry.settings)("cpu"), 1);
            let system = built.unwrap_or_else(|bad| panic!("{}: {}", entry.name, bad.why));
            let expected = match entry.name {
                "mnist" | "cifar" => continue,
                "quickdraw" | "vanilla" => (LossKind::CrossEntropy, ln2),
                "cyclegan" => (LossKind::LeastSquares, 0.25),
                "wgan-gp" | "progan" => (LossKind::Wasserstein, 0.0),
                _ => (LossKind::CrossEntropy, 2.0 * ln2),
            };
            let scale = system.loss_scale().map(|scale| (scale.kind, scale.guess));
            assert_eq!(scale, Some(expected), "{}", entry.name);
        }
    }

    #[test]
    fn a_guess_lies_between_the_targets() {
        for (kind, middle) in [(LossKind::CrossEntropy, 0.0), (LossKind::LeastSquares, 0.5), (LossKind::Hinge, 0.0)] {
            assert_eq!(kind.middle(), middle);
        }
    }
}
