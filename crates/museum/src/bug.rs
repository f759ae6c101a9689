//! [`Bug`]: the mistakes of the museum.

use serde::{Deserialize, Serialize};

/// A mistake in the training step of the museum's GAN. Each place in the step that can be wrong
/// checks for its mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bug {
    /// None: the correct step.
    None,
    /// The discriminator's update also updates the generator, by the discriminator's loss.
    NoCut,
    /// The generator's update also updates the discriminator, by the generator's loss.
    NoFreeze,
    /// Gradients are added to those of all earlier steps.
    KeptGradients,
    /// The cross-entropy is computed from the logarithms of rounded probabilities.
    NaiveLoss,
    /// The loss takes logits, but gets probabilities.
    DoubleSigmoid,
    /// The running statistics of batch normalisation are never updated.
    StaleStatistics,
    /// The learning rates are a hundred times as high.
    HighRate,
    /// In the discriminator's loss, fakes have the label 1 and reals 0; the generator's loss keeps
    /// the usual labels.
    SwappedLabels,
    /// The generator minimises log(1 - D(G(z))).
    SaturatingLoss,
    /// The initial weights are ten times as large.
    LargeWeights,
    /// Every step uses the same latents.
    SameLatents,
    /// The real images have values from 0 to 255.
    UnscaledData,
    /// The discriminator's units have a bias that switches all of them off.
    DeadUnits,
    /// The discriminator's loss leaves out the reals.
    ForgottenReals,
}
