//! Losses: how wrong a verdict is, as one number. All are means, and all are made of a few ops.
//!
//! A discriminator's verdict is a **logit** here: any number, positive for "real"; its sigmoid is the probability.

use tensor::{Tensor, Var};

fn constant(targets: &Tensor) -> Var {
    Var::constant(targets.clone())
}

/// Binary cross-entropy of logits x against targets y in [0, 1]: mean of -y log p - (1 - y) log(1 - p) with
/// p = sigmoid(x), computed as y softplus(-x) + (1 - y) softplus(x): neither an overflow nor a cancellation can happen.
pub fn bce_with_logits(logits: &Var, targets: &Tensor) -> Var {
    let targets = constant(targets);
    let for_ones = &targets * &logits.neg().softplus();
    let for_zeros = &targets.neg().add_scalar(1.0) * &logits.softplus();
    (&for_ones + &for_zeros).mean()
}

/// Binary cross-entropy of probabilities as Keras computes it: p is forced into [1e-7, 1 - 1e-7], turned back into a
/// logit, and goes into the stable form. Beyond the bounds the loss stays at 16.118 or 15.942 and the gradient is 0.
pub fn bce_keras_clip(probabilities: &Var, targets: &Tensor) -> Var {
    // The upper bound is what f32 makes of 1 - 1e-7.
    let p = probabilities.clamp(1e-7, f64::from(1.0 - 1e-7_f32));
    let logits = &p.log() - &p.neg().add_scalar(1.0).log();
    bce_with_logits(&logits, targets)
}

/// The mean squared difference.
pub fn mse(predictions: &Var, targets: &Var) -> Var {
    (predictions - targets).square().mean()
}

/// The mean absolute difference.
pub fn l1(predictions: &Var, targets: &Var) -> Var {
    (predictions - targets).abs().mean()
}

/// Least-squares GAN (Mao et al. 2017): mean((verdict - target)^2).
pub fn least_squares(verdict: &Var, target: f64) -> Var {
    verdict.add_scalar(-target).square().mean()
}

/// Hinge loss of a discriminator (Lim and Ye 2017): mean(max(0, 1 - real)) + mean(max(0, 1 + fake)).
pub fn hinge_discriminator(real: &Var, fake: &Var) -> Var {
    &real.neg().add_scalar(1.0).relu().mean() + &fake.add_scalar(1.0).relu().mean()
}

/// Hinge and Wasserstein loss of a generator: -mean(fake).
pub fn negative_mean(fake: &Var) -> Var {
    fake.mean().neg()
}

/// Wasserstein loss of a critic (Arjovsky et al. 2017): mean(fake) - mean(real).
pub fn wasserstein_critic(real: &Var, fake: &Var) -> Var {
    &fake.mean() - &real.mean()
}

/// Logistic loss of a discriminator (Goodfellow et al. 2014): mean(softplus(fake)) + mean(softplus(-real)).
pub fn logistic_discriminator(real: &Var, fake: &Var) -> Var {
    &fake.softplus().mean() + &real.neg().softplus().mean()
}

/// Non-saturating logistic loss of a generator: mean(softplus(-fake)).
pub fn logistic_generator(fake: &Var) -> Var {
    fake.neg().softplus().mean()
}

/// The share of logits on the side of their target of 0 or 1: mean(target == round(sigmoid(logit))), a half rounding to 0.
pub fn accuracy(logits: &Var, targets: &Tensor) -> f64 {
    let probabilities = logits.detach().sigmoid();
    let right = |(p, y): &(&f32, &f32)| f32::from(u8::from(**p > 0.5)) == **y;
    let count = probabilities.value().data().iter().zip(targets.data()).filter(right).count();
    count as f64 / targets.size() as f64
}
