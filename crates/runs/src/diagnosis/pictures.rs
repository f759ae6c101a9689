//! The signs that show in the samples. They need probes.

use super::losses::{D_RATE, G_CAP, G_RATE, again, fresh};
use super::remedies::Change::{AtLeast, Double, Lower, Set};
use super::window::{Vitals, Window};
use super::{Severity, Sign};

/// The generator finds images that the discriminator takes for real and that resemble no real one.
pub(super) const GARBAGE: Sign = Sign {
    id: "garbage",
    title: "the generator fools the discriminator with garbage",
    meaning: "The generator's loss falls while its samples move away from the data: the discriminator rewards the wrong thing.",
    severity: Severity::Sick,
    chapter: "from-symptom-to-cause",
    patience: 50,
    test: garbage,
    remedies: &[
        again(&[D_RATE, G_RATE]),
        again(&[Set("gradient_penalty", "10.0"), D_RATE, G_CAP]),
        again(&[Set("r1", "1.0"), D_RATE, G_CAP]),
        again(&[Set("k", "2"), D_RATE, G_CAP]),
        again(&[Lower("g_learning_rate")]),
    ],
};

/// All samples look alike.
pub(super) const MODE_COLLAPSE: Sign = Sign {
    id: "mode-collapse",
    title: "mode collapse",
    meaning: "The generator draws nearly the same sample from every latent.",
    severity: Severity::Sick,
    chapter: "mode-collapse",
    patience: 50,
    test: mode_collapse,
    remedies: &[
        again(&[D_RATE, G_RATE]),
        again(&[Lower("g_learning_rate"), Lower("d_learning_rate")]),
        again(&[Lower("learning_rate")]),
        again(&[Set("minibatch_std", "true"), D_RATE, G_CAP]),
        again(&[Set("r1", "1.0"), D_RATE, G_CAP]),
        again(&[Double("batch"), D_RATE, G_CAP]),
    ],
};

/// A regular pattern of single pixels.
pub(super) const CHECKERBOARD: Sign = Sign {
    id: "checkerboard",
    title: "checkerboard artefacts",
    meaning: "The samples contain a regular pattern of the period of two pixels, which the data do not have.",
    severity: Severity::Flaw,
    chapter: "checkerboards",
    patience: 50,
    test: checkerboard,
    remedies: &[fresh(&[Set("upsample", "'resize-conv'")])],
};

/// The samples are copies of training images.
pub(super) const MEMORISATION: Sign = Sign {
    id: "memorisation",
    title: "the generator copies training images",
    meaning: "The samples are much closer to training images than these are to each other.",
    severity: Severity::Flaw,
    chapter: "from-symptom-to-cause",
    patience: 50,
    test: memorisation,
    remedies: &[
        again(&[Set("diff_augment", "['color', 'translation', 'cutout']")]),
        again(&[AtLeast("d_dropout", 0.5)]),
    ],
};

/// The samples do not use the range of the data.
pub(super) const RANGE: Sign = Sign {
    id: "range",
    title: "the samples have another range than the data",
    meaning: "The darkest and the brightest values of the samples are not those of the data.",
    severity: Severity::Flaw,
    chapter: "from-symptom-to-cause",
    patience: 50,
    test: range,
    remedies: &[
        fresh(&[Set("seed_range", "false")]),
        again(&[Lower("g_learning_rate")]),
        again(&[Lower("learning_rate")]),
    ],
};

/// The value of `number` in each of the last `count` probes, if all have it.
fn series(window: &Window<'_>, count: usize, number: fn(&Vitals) -> Option<f64>) -> Option<Vec<f64>> {
    window.last(count)?.iter().map(number).collect()
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().copied().fold(f64::MIN, f64::max)
}

fn smallest(numbers: &[f64]) -> f64 {
    numbers.iter().copied().fold(f64::MAX, f64::min)
}

fn garbage(window: &Window<'_>) -> Option<String> {
    const COUNT: usize = 6;
    let losses: Vec<f64> = window.last(COUNT)?.iter().map(|probe| probe.g_loss).collect();
    let distances = series(window, COUNT, |probe| probe.neighbour)?;
    let [first, last] = [losses[0], losses[COUNT - 1]];
    let [near, far] = [distances[0], distances[COUNT - 1]];
    let falls = losses.windows(2).all(|pair| pair[1] < pair[0]) && first - last > 0.1 * first.abs();
    let grows = distances.windows(2).all(|pair| pair[1] > pair[0]) && far > 1.2 * near && far > 2.0;
    (falls && grows).then(|| {
        format!(
            "g_loss {first:.2} and then {last:.2}; distance from the nearest training image {near:.1} and then {far:.1} times that between training images"
        )
    })
}

fn mode_collapse(window: &Window<'_>) -> Option<String> {
    const COUNT: usize = 4;
    let diversity = series(window, COUNT, |probe| probe.diversity)?;
    if largest(&diversity) < 0.3 {
        return Some(format!("distance between samples {:.3} of that between real images", diversity[COUNT - 1]));
    }
    // Two modes far apart are as diverse as all of them.
    let modes = window.last(COUNT)?.iter().map(|probe| probe.modes).collect::<Option<Vec<[f64; 2]>>>()?;
    let [covered, by_reals] = modes[COUNT - 1];
    let is_few = modes.iter().all(|[covered, by_reals]| *covered < 3.0 && *by_reals >= 6.0);
    is_few.then(|| format!("the samples cover {covered} of {by_reals} modes"))
}

fn checkerboard(window: &Window<'_>) -> Option<String> {
    let power = series(window, 4, |probe| probe.nyquist)?;
    // Small networks reach eight times the power of photographs without a visible pattern.
    (smallest(&power) > 12.0)
        .then(|| format!("power at the Nyquist frequencies {:.1} times that of the reals", power[3]))
}

fn memorisation(window: &Window<'_>) -> Option<String> {
    let distance = series(window, 4, |probe| probe.neighbour)?;
    (largest(&distance) < 0.3)
        .then(|| format!("distance from the nearest training image {:.2} of that between training images", distance[3]))
}

fn range(window: &Window<'_>) -> Option<String> {
    let (used, beyond) = (series(window, 4, |probe| probe.range)?, series(window, 4, |probe| probe.beyond)?);
    if largest(&used) < 0.5 {
        return Some(format!("the samples use {:.0}% of the range of the data", 100.0 * used[3]));
    }
    (smallest(&beyond) > 0.1).then(|| format!("the samples leave the range of the data by {:.2}", beyond[3]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::SIGNS;

    const HEALTHY: Vitals = Vitals {
        step: 0,
        g_loss: 1.0,
        score_deviation: Some(1.0),
        score_size: Some(1.0),
        gradient_norm: Some(10.0),
        diversity: Some(0.9),
        range: Some(1.0),
        beyond: Some(0.0),
        nyquist: Some(1.5),
        neighbour: Some(1.1),
        modes: None,
    };

    fn signs(probes: &[Vitals]) -> Vec<&'static str> {
        let window = Window { scale: None, duels: &[], probes };
        SIGNS.iter().filter(|sign| (sign.test)(&window).is_some()).map(|sign| sign.id).collect()
    }

    #[test]
    fn healthy_samples_have_no_sign() {
        assert_eq!(signs(&[HEALTHY; 8]), [""; 0]);
        assert_eq!(signs(&[Vitals { modes: Some([3.0, 8.0]), ..HEALTHY }; 8]), [""; 0]);
        // A mixture of two modes.
        assert_eq!(signs(&[Vitals { modes: Some([2.0, 2.0]), ..HEALTHY }; 8]), [""; 0]);
        // What cannot be measured shows nothing.
        assert_eq!(signs(&[Vitals::default(); 8]), [""; 0]);
    }

    #[test]
    fn each_flaw_shows_after_four_probes() {
        let cases = [
            ("mode-collapse", Vitals { diversity: Some(0.05), ..HEALTHY }),
            ("mode-collapse", Vitals { modes: Some([2.0, 8.0]), ..HEALTHY }),
            ("checkerboard", Vitals { nyquist: Some(30.0), ..HEALTHY }),
            ("memorisation", Vitals { neighbour: Some(0.1), ..HEALTHY }),
            ("range", Vitals { range: Some(0.3), ..HEALTHY }),
            ("range", Vitals { beyond: Some(0.5), ..HEALTHY }),
        ];
        for (sign, probe) in cases {
            assert_eq!(signs(&[HEALTHY, probe, probe, probe]), [""; 0], "{sign}");
            assert_eq!(signs(&[HEALTHY, probe, probe, probe, probe]), [sign], "{sign}");
        }
    }

    #[test]
    fn garbage_is_a_falling_loss_with_growing_distances() {
        let probes = |growth: f64| -> Vec<Vitals> {
            let probe = |at: u32| Vitals {
                g_loss: 3.0 - 0.3 * f64::from(at),
                neighbour: Some(2.0 + growth * f64::from(at)),
                ..HEALTHY
            };
            (0..6).map(probe).collect()
        };
        assert_eq!(signs(&probes(0.3)), ["garbage"]);
        assert_eq!(signs(&probes(-0.1)), [""; 0], "the samples get better");
    }
}
