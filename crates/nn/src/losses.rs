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

/// A target for each verdict: 1 for what is called real, 0 for what is called fake.
fn all(verdict: &Var, target: f64) -> Tensor {
    Tensor::full(*verdict.shape(), target as f32)
}

/// Least-squares GAN (Mao et al. 2017): mean((verdict - target)^2).
pub fn least_squares(verdict: &Var, target: f64) -> Var {
    mse(verdict, &constant(&all(verdict, target)))
}

/// 1 - 2 y: -1 for what is called 1 and 1 for what is called 0. Both times a verdict should have the other sign.
fn against(targets: &Tensor) -> Var {
    constant(targets).affine(-2.0, 1.0)
}

/// Hinge loss of a discriminator (Lim and Ye 2017) against targets of 1 and 0: mean of max(0, 1 - verdict) where the target
/// is 1, and of max(0, 1 + verdict) where it is 0.
pub fn hinge(verdict: &Var, targets: &Tensor) -> Var {
    (verdict * &against(targets)).add_scalar(1.0).relu().mean()
}

/// Wasserstein loss of a critic (Arjovsky et al. 2017) against targets of 1 and 0: mean of -verdict where the target is 1, and of
/// the verdict where it is 0.
pub fn wasserstein(verdict: &Var, targets: &Tensor) -> Var {
    (verdict * &against(targets)).mean()
}

/// The [Wasserstein loss](wasserstein) of a critic on a batch of each: mean(fake) - mean(real).
pub fn wasserstein_critic(real: &Var, fake: &Var) -> Var {
    &wasserstein(fake, &all(fake, 0.0)) + &wasserstein(real, &all(real, 1.0))
}

/// Hinge and Wasserstein loss of a generator: -mean(fake).
pub fn negative_mean(fake: &Var) -> Var {
    fake.mean().neg()
}

/// Logistic loss of a discriminator (Goodfellow et al. 2014): mean(softplus(fake)) + mean(softplus(-real)), which is the
/// [cross-entropy](bce_with_logits) with the targets 0 and 1.
pub fn logistic_discriminator(real: &Var, fake: &Var) -> Var {
    &bce_with_logits(fake, &all(fake, 0.0)) + &bce_with_logits(real, &all(real, 1.0))
}

/// Non-saturating logistic loss of a generator: mean(softplus(-fake)).
pub fn logistic_generator(fake: &Var) -> Var {
    bce_with_logits(fake, &all(fake, 1.0))
}

/// The share of logits on the side of their target of 0 or 1: mean(target == round(sigmoid(logit))), a half rounding to 0.
pub fn accuracy(logits: &Var, targets: &Tensor) -> f64 {
    let probabilities = logits.detach().sigmoid();
    let right = |(p, y): &(&f32, &f32)| f32::from(u8::from(**p > 0.5)) == **y;
    let count = probabilities.value().data().iter().zip(targets.data()).filter(right).count();
    count as f64 / targets.size() as f64
}
