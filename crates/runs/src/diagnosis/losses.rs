//! The signs that show in the losses and in the discriminator's outputs.

use models::LossKind;

use super::remedies::Change::{AtLeast, Cap, Lower, Raise, Restore, Set};
use super::remedies::{Change, Remedy};
use super::window::{Duel, STEPS, Window, deviation, mean, mean_of};
use super::{Severity, Sign};

/// The discriminator is always right, and certain of it.
pub(super) const D_DOMINATES: Sign = Sign {
    id: "d-dominates",
    title: "the discriminator wins",
    meaning: "The discriminator recognises every fake with certainty, so the generator learns little or nothing from it.",
    severity: Severity::Sick,
    chapter: "the-discriminator-wins",
    patience: 50,
    test: d_dominates,
    remedies: &[
        again(&[Set("k", "1"), D_CAP, G_RATE]),
        again(&[D_CAP, G_RATE]),
        again(&[Set("label_smooth", "0.9"), AtLeast("instance_noise", 0.1), Lower("d_learning_rate"), G_RATE]),
        again(&[Lower("d_learning_rate"), G_RATE]),
        again(&[Set("spectral_norm", "true"), D_CAP, G_RATE]),
    ],
};

/// The discriminator's outputs are so large that its loss has hardly a slope.
pub(super) const SATURATED_D: Sign = Sign {
    id: "saturated-d",
    title: "the discriminator is saturated",
    meaning: "The discriminator's outputs are so large that its probabilities are exactly 0 or 1, where its loss has no slope.",
    severity: Severity::Sick,
    chapter: "the-discriminator-wins",
    patience: 50,
    test: saturated,
    remedies: &[
        fresh(&[D_CAP, G_RATE]),
        fresh(&[Lower("d_learning_rate"), G_RATE, Set("bce", "'logits'")]),
        fresh(&[Lower("learning_rate")]),
        fresh(&[Set("label_smooth", "0.9"), D_CAP, G_CAP]),
    ],
};

/// The discriminator has the same output for all images.
pub(super) const DEAD_D: Sign = Sign {
    id: "dead-d",
    title: "the discriminator is dead",
    meaning: "The discriminator gives the same output for every image, real or fake, and no longer changes.",
    severity: Severity::Sick,
    chapter: "dead-units",
    patience: 50,
    test: dead,
    remedies: &[
        fresh(&[D_RATE, G_RATE]),
        fresh(&[Raise("d_learning_rate"), G_RATE]),
        fresh(&[Lower("d_learning_rate"), G_RATE]),
        fresh(&[Lower("learning_rate")]),
    ],
};

/// Losses or gradients are enormous.
pub(crate) const EXPLODING: Sign = Sign {
    id: "exploding",
    title: "losses or gradients explode",
    meaning: "The losses or the gradients are enormous, so each update destroys what the network has learned.",
    severity: Severity::Sick,
    chapter: "diverging",
    patience: 20,
    test: exploding,
    remedies: &[
        fresh(&[D_CAP, G_CAP]),
        fresh(&[Lower("d_learning_rate"), Lower("g_learning_rate")]),
        fresh(&[Lower("learning_rate")]),
        fresh(&[Set("clip_norm", "1.0"), D_CAP, G_CAP]),
    ],
};

/// Unusual learning rates are the most likely cause: other changes helped only together with a
/// return to the preset's rates. So this is tried first, and accompanies every other remedy. A rate
/// that is too low cannot be why a network wins or a number explodes, and is not raised there.
pub(super) const D_CAP: Change = Cap("d_learning_rate");
pub(super) const G_CAP: Change = Cap("g_learning_rate");
pub(super) const D_RATE: Change = Restore("d_learning_rate");
pub(super) const G_RATE: Change = Restore("g_learning_rate");

/// A remedy with which the run can continue from its weights.
pub(super) const fn again(changes: &'static [Change]) -> Remedy {
    Remedy { changes, fresh: false }
}

/// A remedy that needs a new start.
pub(super) const fn fresh(changes: &'static [Change]) -> Remedy {
    Remedy { changes, fresh: true }
}

/// The whole window of one discriminator, if it is full.
fn full(steps: &[Duel]) -> Option<&[Duel]> {
    (steps.len() == STEPS).then_some(steps)
}

fn d_dominates(window: &Window<'_>) -> Option<String> {
    let scale = window.scale.filter(|scale| scale.kind != LossKind::Wasserstein)?;
    window.any(|steps| {
        let steps = full(steps)?;
        let (d_loss, g_loss) = (mean(steps, |step| step.d_loss), mean(steps, |step| step.g_loss));
        let (d_acc, g_acc) = (mean_of(steps, |step| step.d_acc), mean_of(steps, |step| step.g_acc));
        let certain = match scale.kind {
            // Of a fake with the logit x the generator has the loss -x, or -e^x if it minimises
            // log(1 - D(G(z))).
            LossKind::CrossEntropy | LossKind::ClippedCrossEntropy => g_loss > 6.5 || (-0.0015..=0.0).contains(&g_loss),
            LossKind::LeastSquares => g_loss > 0.8,
            LossKind::Hinge => g_loss > 0.9,
            LossKind::Wasserstein => false,
        };
        let right = d_acc.is_none_or(|share| share > 0.98) && g_acc.is_none_or(|share| share < 0.01);
        (certain && right && d_loss < 0.05 * scale.guess).then(|| {
            let share = d_acc.map_or_else(String::new, |share| format!("; d_acc {share:.3}"));
            let half = |steps: &[Duel]| mean(steps, |step| step.g_loss);
            format!(
                "d_loss {d_loss:.4} (a guess has {:.3}){share}; g_loss {:.2} and then {:.2}",
                scale.guess,
                half(&steps[..STEPS / 2]),
                half(&steps[STEPS / 2..])
            )
        })
    })
}

/// The losses of clipped cross-entropy if all probabilities are exactly 0 or 1: -log(1e-7), and in
/// `f32` that of 1 - 1e-7; and the halves of both.
const FINGERPRINTS: [f64; 4] = [16.118, 15.942, 8.059, 7.971];

fn saturated(window: &Window<'_>) -> Option<String> {
    let kind = window.kind().filter(|kind| kind.is_cross_entropy())?;
    let by_loss = window.any(|steps| {
        let steps = full(steps)?;
        ["d_loss", "g_loss"].into_iter().find_map(|name| {
            let metric = |step: &Duel| if name == "d_loss" { step.d_loss } else { step.g_loss };
            let shared = |is: &dyn Fn(f64) -> bool| {
                let count = steps.iter().filter(|step| is(metric(step))).count();
                (10 * count >= 9 * STEPS).then(|| mean(steps, metric))
            };
            if kind == LossKind::ClippedCrossEntropy {
                let found =
                    FINGERPRINTS.into_iter().find(|print| shared(&|loss| (loss - print).abs() < 0.01).is_some())?;
                return Some(format!("{name} is {found:.2} in nearly every step: the value of a clipped probability"));
            }
            shared(&|loss| loss > 15.0).map(|loss| format!("{name} {loss:.1}: probabilities below 1e-6"))
        })
    });
    let by_scores = || {
        let probes = window.last(2)?;
        let sizes = probes.iter().map(|probe| probe.score_size).collect::<Option<Vec<f64>>>()?;
        let least = sizes.iter().copied().fold(f64::MAX, f64::min);
        (least > 15.0).then(|| format!("mean absolute output {least:.1} in the last 2 probes"))
    };
    by_loss.or_else(by_scores)
}

fn dead(window: &Window<'_>) -> Option<String> {
    let scale = window.scale?;
    let guesses = window.any(|steps| {
        let steps = full(steps)?;
        let d_loss = mean(steps, |step| step.d_loss);
        let spread = [deviation(steps, |step| step.d_loss), deviation(steps, |step| step.g_loss)];
        if scale.kind == LossKind::Wasserstein {
            let slope = mean_of(steps, |step| step.gradient_norm)?;
            let still = spread[1] <= 1e-6 * mean(steps, |step| step.g_loss).abs();
            return (slope < 1e-3 && still).then(|| format!("gradient_norm {slope:.1e}; g_loss does not change"));
        }
        let near = (d_loss / scale.guess - 1.0).abs() < 0.01;
        (near && spread.iter().all(|spread| *spread < 0.005)).then(|| {
            format!("d_loss {d_loss:.4}; a guess has {:.4}; standard deviation {:.1e}", scale.guess, spread[0])
        })
    });
    let equal_outputs = || {
        let probes = window.last(3).filter(|_| scale.kind != LossKind::Wasserstein)?;
        let flat = probes.iter().all(|probe| probe.score_deviation.is_some_and(|deviation| deviation < 0.05));
        let last = probes.last().filter(|_| flat)?.score_deviation?;
        Some(format!("standard deviation of its outputs {last:.1e}"))
    };
    guesses.or_else(equal_outputs)
}

fn exploding(window: &Window<'_>) -> Option<String> {
    let by_loss = window.any(|steps| {
        let steps = &steps[steps.len().saturating_sub(STEPS / 5)..];
        let size = |step: &Duel| step.d_loss.abs().max(step.g_loss.abs());
        let large = steps.iter().filter(|step| size(step) > 1e4).count();
        (2 * large > STEPS / 5).then(|| format!("mean size of the losses {:.1e}", mean(steps, size)))
    });
    let by_gradients = || {
        let norms = window.probes.iter().map(|probe| probe.gradient_norm).collect::<Option<Vec<f64>>>()?;
        let (earlier, last) = norms.split_at_checked(norms.len().checked_sub(2)?)?;
        let least = last.iter().copied().fold(f64::MAX, f64::min);
        // Some healthy networks have norms of a few hundred, so the earlier ones count, too.
        let usual = earlier.iter().sum::<f64>() / earlier.len().max(1) as f64;
        let explodes = least > 1e4 || least > 100.0 && earlier.len() >= 2 && least > 10.0 * usual;
        explodes.then(|| format!("norm of all gradients {least:.0} in the last 2 probes; {usual:.1} before"))
    };
    // A critic's penalty keeps the mean norm near 1; single steps are far above it if that fails.
    let by_slope = || {
        window.kind().filter(|kind| *kind == LossKind::Wasserstein)?;
        window.any(|steps| {
            let slope = mean_of(full(steps)?, |step| step.gradient_norm)?;
            (slope > 30.0).then(|| format!("gradient_norm {slope:.0}; a critic with a penalty has about 1"))
        })
    };
    by_loss.or_else(by_slope).or_else(by_gradients)
}

#[cfg(test)]
#[path = "losses_tests.rs"]
mod tests;
