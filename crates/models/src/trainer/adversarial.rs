//! The losses of both networks according to the options, the discriminator's targets, and the
//! metrics of its outputs.

use kernels::Key;
use kernels::random::{unit, words};
use nn::losses::{bce_keras_clip, bce_with_logits, hinge, logistic_discriminator, mse, negative_mean, wasserstein};
use tensor::{Tensor, Var};

use crate::trainer::options::{Bce, Loss, NoiseDirection, TrainingOptions};

/// Whether an image is real or fake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Real,
    Fake,
}

/// The discriminator's targets for images of this side, shape (count, 1). `key` is the random
/// stream: for each image, one random word decides the flip and one the target.
pub(crate) fn targets(options: &TrainingOptions, side: Side, count: usize, key: Key) -> Tensor {
    let target = |number: usize| {
        let [flip, draw] = [0, 1].map(|word| unit(words(key, number as u32)[word]));
        let real = (side == Side::Real) != (flip < options.label_flip);
        let real_is = |real| f64::from(u8::from(real != options.fake_is_one));
        // How far the target lies from the image's label (after the flip) towards the other label.
        let inward = match (options.soft_labels, real) {
            (true, true) => 0.3 - 0.5 * draw,
            (true, false) => 0.3 * draw,
            (false, true) => 1.0 - options.label_smooth,
            (false, false) => 0.0,
        };
        let target = real_is(real) + inward * (1.0 - 2.0 * real_is(real));
        let noise = if options.soft_labels { 0.0 } else { options.label_noise * draw };
        match options.label_noise_way {
            NoiseDirection::Inward => target + noise * if target < 0.5 { 1.0 } else { -1.0 },
            NoiseDirection::Outward => target + noise,
        }
    };
    Tensor::from_fn([count, 1], |number| target(number) as f32)
}

/// The discriminator's loss.
pub(crate) fn discriminator_loss(options: &TrainingOptions, logits: &Var, targets: &Tensor) -> Var {
    match options.loss {
        Loss::Nonsaturating | Loss::Minimax => cross_entropy(options, logits, targets),
        Loss::Lsgan => mse(logits, &Var::constant(targets.clone())),
        Loss::Hinge => hinge(logits, targets),
        Loss::Wasserstein => wasserstein(logits, targets),
    }
}

/// The generator's loss; `logits` are the discriminator's outputs on its fakes.
pub(crate) fn generator_loss(options: &TrainingOptions, logits: &Var) -> Var {
    let label = |side: Side| f32::from(u8::from((side == Side::Real) != options.fake_is_one));
    let all = |side| Tensor::full(*logits.shape(), label(side));
    match options.loss {
        Loss::Nonsaturating => cross_entropy(options, logits, &all(Side::Real)),
        Loss::Minimax => cross_entropy(options, logits, &all(Side::Fake)).neg(),
        Loss::Lsgan => mse(logits, &Var::constant(all(Side::Real))),
        Loss::Hinge | Loss::Wasserstein if options.fake_is_one => negative_mean(&logits.neg()),
        Loss::Hinge | Loss::Wasserstein => negative_mean(logits),
    }
}

/// The [logistic loss](logistic_discriminator) with one-sided label smoothing: `label_smooth` is
/// the target for reals, 1 for no smoothing.
pub(crate) fn smooth_logistic(real: &Var, fake: &Var, label_smooth: f64) -> Var {
    if label_smooth == 1.0 {
        return logistic_discriminator(real, fake);
    }
    let all = |logits: &Var, target: f64| Tensor::full(*logits.shape(), target as f32);
    &bce_with_logits(fake, &all(fake, 0.0)) + &bce_with_logits(real, &all(real, label_smooth))
}

fn cross_entropy(options: &TrainingOptions, logits: &Var, targets: &Tensor) -> Var {
    match options.bce {
        Bce::Logits => bce_with_logits(logits, targets),
        Bce::KerasClip => bce_keras_clip(&logits.sigmoid(), targets),
    }
}

/// The discriminator's mean output, larger for images that look more real, and the fraction of
/// images that it classifies as `side`. The output is a probability, or the raw score for losses
/// without one.
pub(crate) fn mean_and_accuracy(options: &TrainingOptions, logits: &Tensor, side: Side) -> [f64; 2] {
    let count = logits.size() as f64;
    let (of, middle) = match options.loss {
        Loss::Nonsaturating | Loss::Minimax => (Var::constant(logits.clone()).sigmoid().into_value(), 0.5),
        Loss::Lsgan => (logits.clone(), 0.5),
        Loss::Hinge | Loss::Wasserstein => (logits.clone(), 0.0),
    };
    // Mirrored at the midpoint of the scale if fakes have the label 1.
    let reals = |x: &f32| if options.fake_is_one { 2.0 * middle - f64::from(*x) } else { f64::from(*x) };
    let mean = of.data().iter().map(reals).sum::<f64>() / count;
    let right = of.data().iter().filter(|x| (reals(x) > middle) == (side == Side::Real)).count();
    [mean, right as f64 / count]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key { seed: 3, stream: 9, step: 4 };
    const SIDES: [Side; 2] = [Side::Real, Side::Fake];

    fn both(options: &TrainingOptions) -> [Vec<f32>; 2] {
        SIDES.map(|side| targets(options, side, 4000, KEY).data().to_vec())
    }

    fn within(values: &[f32], low: f32, high: f32) {
        let [least, most] = [f32::min, f32::max].map(|pick| values.iter().copied().reduce(pick).unwrap());
        let slack = 0.01 * (high - low);
        assert!(low <= least && least <= low + slack, "{least} from {low}");
        assert!(most <= high && most >= high - slack, "{most} to {high}");
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        assert!((mean - (low + high) / 2.0).abs() < 0.02 * (high - low), "evenly: {mean}");
    }

    #[test]
    fn plain_smooth_and_turned_targets() {
        let options = TrainingOptions::default();
        assert_eq!(both(&options), [vec![1.0; 4000], vec![0.0; 4000]]);
        let turned = TrainingOptions { fake_is_one: true, ..options.clone() };
        assert_eq!(both(&turned), [vec![0.0; 4000], vec![1.0; 4000]]);
        let smooth = TrainingOptions { label_smooth: 0.9, ..options };
        assert_eq!(both(&smooth), [vec![0.9; 4000], vec![0.0; 4000]], "one-sided");
        let turned = TrainingOptions { fake_is_one: true, ..smooth };
        assert_eq!(both(&turned), [vec![0.1; 4000], vec![1.0; 4000]]);
    }

    #[test]
    fn noise_goes_inward_or_beyond_and_soft_labels_have_their_ranges() {
        let noisy = TrainingOptions { label_noise: 0.05, ..TrainingOptions::default() };
        let [real, fake] = both(&noisy);
        within(&real, 0.95, 1.0);
        within(&fake, 0.0, 0.05);
        // The convention of the CIFAR-10 example: fakes are 1 and reals 0, and noise raises both.
        let [real, fake] =
            both(&TrainingOptions { label_noise_way: NoiseDirection::Outward, fake_is_one: true, ..noisy });
        within(&fake, 1.0, 1.05);
        within(&real, 0.0, 0.05);
        let [real, fake] = both(&TrainingOptions { soft_labels: true, ..TrainingOptions::default() });
        within(&real, 0.7, 1.2);
        within(&fake, 0.0, 0.3);
    }

    #[test]
    fn flips_swap_as_many_labels_as_they_say() {
        let options = TrainingOptions { label_flip: 0.05, label_smooth: 0.9, ..TrainingOptions::default() };
        let [real, fake] = both(&options);
        let share = |of: &[f32], value: f32| of.iter().filter(|x| **x == value).count() as f64 / 4000.0;
        assert!((share(&real, 0.0) - 0.05).abs() < 0.015 && (share(&fake, 0.9) - 0.05).abs() < 0.015);
        assert_eq!((share(&real, 0.9) + share(&real, 0.0), share(&fake, 0.9) + share(&fake, 0.0)), (1.0, 1.0));
        assert_eq!(targets(&options, Side::Real, 10, KEY).data(), &real[..10], "the first do not depend on how many");
        assert_ne!(targets(&options, Side::Real, 4000, KEY.at(5)).data(), real, "another step flips others");
    }

    /// Values from an exercise in Udacity's course.
    #[test]
    fn the_course_s_logits_lose_what_they_should() {
        let logits = [-0.6136, 0.0316, -0.4927, 0.2484, 0.4397, 0.1124, 0.6408, 0.4412];
        let logits = Var::constant(Tensor::new(&[8, 1], logits.to_vec()));
        let loss = |options: &TrainingOptions, side| {
            f64::from(discriminator_loss(options, &logits, &targets(options, side, 8, KEY)).item())
        };
        let plain = TrainingOptions::default();
        let smooth = TrainingOptions { label_smooth: 0.9, ..TrainingOptions::default() };
        let cases =
            [(&plain, Side::Real, 0.665_705_44), (&smooth, Side::Real, 0.675_803), (&plain, Side::Fake, 0.766_680_5)];
        for (options, side, expected) in cases {
            assert!((loss(options, side) - expected).abs() < 1e-6, "{side:?}: {}", loss(options, side));
        }
    }

    #[test]
    fn every_loss_is_its_formula() {
        let x = [-1.5_f64, 0.25, 2.0];
        let logits = Var::constant(Tensor::new(&[3, 1], x.map(|x| x as f32).to_vec()));
        let mean = |f: &dyn Fn(f64) -> f64| x.iter().map(|x| f(*x)).sum::<f64>() / 3.0;
        let softplus = |x: f64| x.exp().ln_1p();
        let hinge = |x: f64| (1.0 - x).max(0.0);
        let options = |loss| TrainingOptions { loss, ..TrainingOptions::default() };
        // The discriminator's losses on reals and on fakes, and the generator's loss.
        let cases: [(Loss, [f64; 3]); 4] = [
            (Loss::Nonsaturating, [mean(&|x| softplus(-x)), mean(&softplus), mean(&|x| softplus(-x))]),
            (Loss::Minimax, [mean(&|x| softplus(-x)), mean(&softplus), mean(&|x| -softplus(x))]),
            (Loss::Lsgan, [mean(&|x| (x - 1.0).powi(2)), mean(&|x| x * x), mean(&|x| (x - 1.0).powi(2))]),
            (Loss::Hinge, [mean(&hinge), mean(&|x| hinge(-x)), mean(&|x| -x)]),
        ];
        for (loss, expected) in cases {
            let turned = TrainingOptions { fake_is_one: true, ..options(loss) };
            let d = |options: &TrainingOptions, logits: &Var, side| {
                f64::from(discriminator_loss(options, logits, &targets(options, side, 3, KEY)).item())
            };
            let found = [
                d(&options(loss), &logits, Side::Real),
                d(&options(loss), &logits, Side::Fake),
                f64::from(generator_loss(&options(loss), &logits).item()),
            ];
            // Swapped labels and mirrored outputs give the same losses.
            let mirror = if loss == Loss::Lsgan { logits.affine(-1.0, 1.0) } else { logits.neg() };
            let mirrored = [
                d(&turned, &mirror, Side::Real),
                d(&turned, &mirror, Side::Fake),
                f64::from(generator_loss(&turned, &mirror).item()),
            ];
            for i in 0..3 {
                assert!((found[i] - expected[i]).abs() < 1e-6, "{loss:?} {i}: {} not {}", found[i], expected[i]);
                assert!((mirrored[i] - expected[i]).abs() < 1e-6, "{loss:?} turned {i}: {}", mirrored[i]);
            }
        }
    }

    #[test]
    fn outputs_are_reported_on_the_scale_of_the_loss() {
        let logits = Tensor::new(&[4, 1], vec![-2.0, 0.25, 0.75, 3.0]);
        let report = |options: &TrainingOptions, side| mean_and_accuracy(options, &logits, side);
        let options = |loss, fake_is_one| TrainingOptions { loss, fake_is_one, ..TrainingOptions::default() };
        assert_eq!(report(&options(Loss::Hinge, false), Side::Real), [0.5, 0.75]);
        assert_eq!(report(&options(Loss::Hinge, true), Side::Real), [-0.5, 0.25]);
        assert_eq!(report(&options(Loss::Lsgan, false), Side::Fake), [0.5, 0.5]);
        let [mean, right] = report(&options(Loss::Nonsaturating, false), Side::Real);
        assert!((mean - (0.119_203 + 0.562_177 + 0.679_179 + 0.952_574) / 4.0).abs() < 1e-6, "{mean}");
        assert_eq!(right, 0.75);
    }
}
