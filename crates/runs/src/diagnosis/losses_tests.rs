//! The signs of the losses on synthetic series.

use super::*;
use crate::diagnosis::SIGNS;
use crate::diagnosis::window::Vitals;
use models::LossScale;

/// The signs that show after 100 steps of these metrics.
fn signs(scale: LossScale, duel: impl Fn(usize) -> Duel, probes: &[Vitals]) -> Vec<&'static str> {
    let duels = [(0..STEPS).map(duel).collect::<Vec<_>>()];
    let window = Window { scale: Some(scale), duels: &duels, probes };
    SIGNS.iter().filter(|sign| (sign.test)(&window).is_some()).map(|sign| sign.id).collect()
}

/// The generator's loss if the discriminator guesses: log 2.
const GUESS: f64 = std::f64::consts::LN_2;

fn cross_entropy() -> LossScale {
    LossScale::summed(LossKind::CrossEntropy, 1.0)
}

fn duel(d_loss: f64, d_acc: f64, g_loss: f64, g_acc: f64) -> Duel {
    Duel { d_loss, g_loss, d_acc: Some(d_acc), g_acc: Some(g_acc), ..Duel::default() }
}

/// A little noise, the same each time.
fn noise(step: usize) -> f64 {
    ((step * 7919) % 101) as f64 / 101.0 - 0.5
}

#[test]
fn healthy_losses_have_no_sign() {
    let healthy = |step| duel(1.2 + 0.3 * noise(step), 0.7, 1.1 + 0.4 * noise(step + 1), 0.3);
    assert_eq!(signs(cross_entropy(), healthy, &[]), [""; 0]);
    // Close to the equilibrium, the losses are those of a guess, but not constant.
    let even = |step| duel(1.386 + 0.05 * noise(step), 0.5, 0.7 + 0.05 * noise(step + 1), 0.5);
    assert_eq!(signs(cross_entropy(), even, &[]), [""; 0]);
    let critic = LossScale::summed(LossKind::Wasserstein, 1.0);
    let distance = |step| Duel { gradient_norm: Some(1.0), ..duel(-20.0 + noise(step), 0.9, 300.0 + noise(step), 0.1) };
    assert_eq!(signs(critic, distance, &[]), [""; 0]);
}

#[test]
fn a_discriminator_that_wins() {
    let wins = |step| duel(0.0002, 1.0, 9.0 + step as f64 / 100.0, 0.0);
    assert_eq!(signs(cross_entropy(), wins, &[]), ["d-dominates"]);
    let squares = LossScale::summed(LossKind::LeastSquares, 1.0);
    assert_eq!(
        signs(squares, |_| Duel { d_acc: None, g_acc: None, ..duel(0.01, 0.0, 0.98, 0.0) }, &[]),
        ["d-dominates"]
    );
}

#[test]
fn a_saturated_discriminator() {
    let clipped = LossScale::summed(LossKind::ClippedCrossEntropy, 1.0).halved();
    for loss in [7.971, 8.059, 15.942, 16.118] {
        assert_eq!(signs(clipped, |_| duel(loss, 0.5, 0.0, 0.9), &[]), ["saturated-d"], "{loss}");
    }
    assert!(signs(cross_entropy(), |_| duel(0.0, 1.0, 192_200.0, 0.0), &[]).contains(&"saturated-d"));
    let probe = Vitals { score_size: Some(22.0), ..Vitals::default() };
    assert_eq!(signs(cross_entropy(), |step| duel(1.2 + noise(step), 0.7, 1.0, 0.3), &[probe; 2]), ["saturated-d"]);
}

#[test]
fn a_dead_discriminator() {
    assert_eq!(signs(cross_entropy(), |_| duel(2.0 * GUESS, 0.5, GUESS, 0.5), &[]), ["dead-d"]);
    assert_eq!(signs(cross_entropy().halved(), |_| duel(GUESS, 0.5, GUESS, 0.5), &[]), ["dead-d"]);
    let probe = Vitals { score_deviation: Some(0.01), ..Vitals::default() };
    let noisy = |step| duel(1.386 + 0.1 * noise(step), 0.5, 0.7, 0.5);
    assert_eq!(signs(cross_entropy(), noisy, &[probe; 3]), ["dead-d"]);
    let critic = LossScale::summed(LossKind::Wasserstein, 1.0);
    let still = |_| Duel { gradient_norm: Some(0.0), ..duel(0.0, 0.5, -465.4, 1.0) };
    assert_eq!(signs(critic, still, &[]), ["dead-d"]);
}

#[test]
fn explosions() {
    let critic = LossScale::summed(LossKind::Wasserstein, 1.0);
    assert_eq!(signs(critic, |step| duel(1e9 * noise(step), 0.5, 3e9, 0.6), &[]), ["exploding"]);
    let steep =
        |step| Duel { gradient_norm: Some(if step % 10 == 0 { 900.0 } else { 2.0 }), ..duel(-20.0, 0.5, 900.0, 0.6) };
    assert_eq!(signs(critic, steep, &[]), ["exploding"]);
    let probes = |norms: [f64; 4]| norms.map(|norm| Vitals { gradient_norm: Some(norm), ..Vitals::default() });
    let healthy = |step| duel(1.2 + noise(step), 0.7, 1.0, 0.3);
    assert_eq!(signs(cross_entropy(), healthy, &probes([3.0, 4.0, 150.0, 400.0])), ["exploding"]);
    assert_eq!(signs(cross_entropy(), healthy, &probes([60.0, 90.0, 150.0, 222.0])), [""; 0], "large, but as before");
}
