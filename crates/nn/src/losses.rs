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

/// Cross-entropy of the softmax of logits (n, classes) against the right classes (n of them): mean of -log p(right) with
/// p = e^x / (sum over the classes of e^x), computed as log(sum e^(x - m)) + m - x(right) with the row's largest number m, so
/// that nothing overflows. m is a constant: it cancels.
///
/// # Panics
/// When there is not a class for each row, or one that is not there.
#[track_caller]
pub fn cross_entropy(logits: &Var, classes: &[usize]) -> Var {
    let &[n, count] = &**logits.shape() else {
        panic!("cross_entropy: logits of {}, not (n, classes)", logits.shape())
    };
    assert!(classes.len() == n, "cross_entropy: {} classes for {n} rows of logits", classes.len());
    assert!(classes.iter().all(|class| *class < count), "cross_entropy: a class beyond the {count} of the logits");
    let rows = logits.value().data().chunks_exact(count);
    let largest: Vec<f32> = rows.map(|row| row.iter().copied().fold(f32::NEG_INFINITY, f32::max)).collect();
    let shifted = logits - &Var::constant(Tensor::new(&[n, 1], largest));
    let right = Tensor::from_fn([n, count], |i| f32::from(u8::from(classes[i / count] == i % count)));
    let all = shifted.exp().sum_to([n, 1]).log();
    let chosen = (&shifted * &Var::constant(right)).sum_to([n, 1]);
    (&all - &chosen).mean()
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
