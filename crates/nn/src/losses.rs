//! Losses: scalars, composed of a few differentiable operations. Each is the mean over all elements
//! of its input.
//!
//! Discriminators return **logits**: any number, positive for "real"; the sigmoid of a logit is the
//! probability. Critics return **scores** in the same sense, without a probability. Inputs have any
//! shape, and targets the same one.

use tensor::{Tensor, Var};

fn constant(targets: &Tensor) -> Var {
    Var::constant(targets.clone())
}

/// Binary cross-entropy of logits x against targets y in [0, 1]: the mean of
/// -y log p - (1 - y) log(1 - p) with p = sigmoid(x). At least 0.
///
/// Computed as y softplus(-x) + (1 - y) softplus(x), which neither overflows nor cancels.
pub fn bce_with_logits(logits: &Var, targets: &Tensor) -> Var {
    let targets = constant(targets);
    let for_ones = &targets * &logits.neg().softplus();
    let for_zeros = &targets.neg().add_scalar(1.0) * &logits.softplus();
    (&for_ones + &for_zeros).mean()
}

/// Binary cross-entropy of probabilities p against targets in [0, 1], as Keras 2 computes it: p is
/// clipped to [1e-7, 1 - 1e-7] and converted back to a logit for [`bce_with_logits`]. Each element
/// is between 0 and 16.118; outside the bounds it is constant (16.118 or 15.942 for a target on the
/// other side), and its gradient is 0.
pub fn bce_keras_clip(probabilities: &Var, targets: &Tensor) -> Var {
    // The upper bound is 1 - 1e-7 rounded to f32.
    let p = probabilities.clamp(1e-7, f64::from(1.0 - 1e-7_f32));
    let logits = &p.log() - &p.neg().add_scalar(1.0).log();
    bce_with_logits(&logits, targets)
}

/// Cross-entropy of the softmax of logits x, of shape (n, classes), against the n correct classes:
/// the mean of -log p(correct) with p = e^x / (sum over the classes of e^x). At least 0.
///
/// Computed as log(sum e^(x - m)) + m - x(correct), where m is the largest logit of the row, so
/// that nothing overflows. m is treated as a constant in the backward pass, because it cancels.
///
/// # Panics
/// When `logits` is not a matrix, there is not one class per row, or a class is out of range.
#[track_caller]
pub fn cross_entropy(logits: &Var, classes: &[usize]) -> Var {
    let &[n, count] = &**logits.shape() else {
        panic!("cross_entropy: logits have shape {}, not (n, classes)", logits.shape())
    };
    assert!(classes.len() == n, "cross_entropy: {} classes for {n} rows of logits", classes.len());
    assert!(classes.iter().all(|class| *class < count), "cross_entropy: a class is out of range, there are {count}");
    let rows = logits.value().data().chunks_exact(count);
    let largest: Vec<f32> = rows.map(|row| row.iter().copied().fold(f32::NEG_INFINITY, f32::max)).collect();
    let shifted = logits - &Var::constant(Tensor::new(&[n, 1], largest));
    let one_hot = Tensor::from_fn([n, count], |i| f32::from(u8::from(classes[i / count] == i % count)));
    let all = shifted.exp().sum_to([n, 1]).log();
    let chosen = (&shifted * &Var::constant(one_hot)).sum_to([n, 1]);
    (&all - &chosen).mean()
}

/// Mean squared error: the mean of (prediction - target)^2. At least 0.
pub fn mse(predictions: &Var, targets: &Var) -> Var {
    (predictions - targets).square().mean()
}

/// Mean absolute error: the mean of |prediction - target|. At least 0.
pub fn l1(predictions: &Var, targets: &Var) -> Var {
    (predictions - targets).abs().mean()
}

/// The same target for all scores: 1 for real, 0 for fake.
fn all(scores: &Var, target: f64) -> Tensor {
    Tensor::full(*scores.shape(), target as f32)
}

/// Least-squares GAN loss (Mao et al., "Least squares generative adversarial networks", 2017): the
/// mean of (score - target)^2. At least 0.
pub fn least_squares(scores: &Var, target: f64) -> Var {
    mse(scores, &constant(&all(scores, target)))
}

/// 1 - 2 y: -1 for targets of 1 and 1 for targets of 0, so that score * sign should be negative.
fn signs(targets: &Tensor) -> Var {
    constant(targets).affine(-2.0, 1.0)
}

/// Hinge loss of a discriminator (Lim and Ye, "Geometric GAN", 2017) against targets of 1 and 0:
/// the mean of max(0, 1 - score) where the target is 1, and max(0, 1 + score) where it is 0. At
/// least 0.
pub fn hinge(scores: &Var, targets: &Tensor) -> Var {
    (scores * &signs(targets)).add_scalar(1.0).relu().mean()
}

/// Wasserstein loss of a critic (Arjovsky, Chintala and Bottou, "Wasserstein GAN", 2017) against
/// targets of 1 and 0: the mean of -score where the target is 1, and score where it is 0. Unbounded
/// on both sides.
pub fn wasserstein(scores: &Var, targets: &Tensor) -> Var {
    (scores * &signs(targets)).mean()
}

/// The [Wasserstein loss](wasserstein) of a critic, from its scores of a real and a fake batch:
/// mean(fake) - mean(real). Unbounded; the negative is the critic's estimate of the distance.
pub fn wasserstein_critic(real: &Var, fake: &Var) -> Var {
    &wasserstein(fake, &all(fake, 0.0)) + &wasserstein(real, &all(real, 1.0))
}

/// Hinge and Wasserstein loss of a generator, from the scores of its fakes: -mean(fake). Unbounded.
pub fn negative_mean(fake: &Var) -> Var {
    fake.mean().neg()
}

/// Logistic loss of a discriminator (Goodfellow et al., "Generative adversarial nets", 2014):
/// mean(softplus(fake)) + mean(softplus(-real)), the sum of the [cross-entropies](bce_with_logits)
/// with targets 0 and 1. At least 0; 2 log 2 = 1.386 for a discriminator that cannot distinguish
/// them.
pub fn logistic_discriminator(real: &Var, fake: &Var) -> Var {
    &bce_with_logits(fake, &all(fake, 0.0)) + &bce_with_logits(real, &all(real, 1.0))
}

/// Non-saturating logistic loss of a generator (same paper): mean(softplus(-fake)), the
/// [cross-entropy](bce_with_logits) with target 1. At least 0.
pub fn logistic_generator(fake: &Var) -> Var {
    bce_with_logits(fake, &all(fake, 1.0))
}

/// The accuracy of logits against targets of 0 and 1: the mean of round(sigmoid(logit)) == target,
/// where 0.5 rounds to 0. From 0 to 1; not differentiable.
pub fn accuracy(logits: &Var, targets: &Tensor) -> f64 {
    let probabilities = logits.detach().sigmoid();
    let right = |(p, y): &(&f32, &f32)| f32::from(u8::from(**p > 0.5)) == **y;
    let count = probabilities.value().data().iter().zip(targets.data()).filter(right).count();
    count as f64 / targets.size() as f64
}
