//! The signs that show in what the discriminator calls real and fake.

use models::LossKind;

use super::losses::{D_RATE, G_CAP, G_RATE, fresh};
use super::remedies::Change::Lower;
use super::window::{Duel, STEPS, Window, mean_of};
use super::{Severity, Sign};

/// The discriminator calls all images real, or all of them fake.
pub(super) const ONE_ANSWER: Sign = Sign {
    id: "one-answer",
    title: "the discriminator has one answer for all images",
    meaning: "The discriminator calls every image real, or every image fake, so its loss cannot teach the generator what is \
              real.",
    severity: Severity::Sick,
    chapter: "from-symptom-to-cause",
    patience: 100,
    test: one_answer,
    remedies: &[fresh(&[D_RATE, G_RATE]), fresh(&[Lower("d_learning_rate"), G_CAP]), fresh(&[Lower("learning_rate")])],
};

/// Both networks win, which is only possible if their losses use different labels.
pub(super) const CONTRADICTION: Sign = Sign {
    id: "contradiction",
    title: "both networks win",
    meaning: "The discriminator recognises nearly every fake, and at the same time the generator's fakes pass for real: the \
              labels of the two losses contradict each other.",
    severity: Severity::Sick,
    chapter: "from-symptom-to-cause",
    patience: 50,
    test: contradiction,
    remedies: &[],
};

/// The samples are not what the generator is trained on.
pub(super) const SAMPLES_DIFFER: Sign = Sign {
    id: "samples-differ",
    title: "samples differ from the fakes of training",
    meaning: "The discriminator rates samples lower than the fakes of the training steps: the generator has \
              memorised the latents of training, or its running statistics are wrong.",
    severity: Severity::Flaw,
    chapter: "from-symptom-to-cause",
    patience: 150,
    test: samples_differ,
    remedies: &[],
};

/// The accuracy of the discriminator and the share of fakes that pass for real, over a full window.
fn accuracies(window: &Window<'_>, steps: &[Duel]) -> Option<[f64; 2]> {
    // A critic's scores have no middle: that all of them are on one side of 0 means nothing.
    window.kind().filter(|kind| *kind != LossKind::Wasserstein && steps.len() == STEPS)?;
    Some([mean_of(steps, |step| step.d_acc)?, mean_of(steps, |step| step.g_acc)?])
}

fn one_answer(window: &Window<'_>) -> Option<String> {
    window.any(|steps| {
        let [d_acc, g_acc] = accuracies(window, steps)?;
        let same = (d_acc - 0.5).abs() < 0.01 && !(0.005..=0.995).contains(&g_acc);
        same.then(|| format!("d_acc {d_acc:.3}; g_acc {g_acc:.3}"))
    })
}

fn contradiction(window: &Window<'_>) -> Option<String> {
    window.any(|steps| {
        let [d_acc, g_acc] = accuracies(window, steps)?;
        (d_acc > 0.95 && g_acc > 0.95).then(|| format!("d_acc {d_acc:.3}; g_acc {g_acc:.3}"))
    })
}

fn samples_differ(window: &Window<'_>) -> Option<String> {
    window.any(|steps| {
        let [fake, sample] = [|step: &Duel| step.d_fake, |step: &Duel| step.d_sample].map(|one| mean_of(steps, one));
        let (fake, sample) = (fake.filter(|_| steps.len() == STEPS)?, sample?);
        (fake - sample > 0.025).then(|| format!("d_fake {fake:.3}; d_sample {sample:.3}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::LossScale;

    fn window_of(kind: LossKind, duel: Duel, test: fn(&Window<'_>) -> Option<String>) -> Option<String> {
        let duels = [vec![duel; STEPS]];
        test(&Window { scale: Some(LossScale::summed(kind, 1.0)), duels: &duels, probes: &[] })
    }

    #[test]
    fn the_answers_of_a_sick_discriminator() {
        let duel = |d_acc, g_acc| Duel { d_acc: Some(d_acc), g_acc: Some(g_acc), ..Duel::default() };
        let entropy = LossKind::CrossEntropy;
        for g_acc in [0.0, 1.0] {
            assert!(window_of(entropy, duel(0.5, g_acc), one_answer).is_some());
            assert_eq!(window_of(LossKind::Wasserstein, duel(0.5, g_acc), one_answer), None);
        }
        assert_eq!(window_of(entropy, duel(0.5, 0.5), one_answer), None, "an equilibrium");
        assert_eq!(window_of(entropy, duel(0.9, 0.0), one_answer), None, "it recognises reals");
        assert!(window_of(entropy, duel(0.99, 0.99), contradiction).is_some());
        assert_eq!(window_of(entropy, duel(0.99, 0.1), contradiction), None);
        let gap = |d_sample| Duel { d_fake: Some(0.5), d_sample: Some(d_sample), ..Duel::default() };
        assert_eq!(window_of(entropy, gap(0.46), samples_differ).as_deref(), Some("d_fake 0.500; d_sample 0.460"));
        assert_eq!(window_of(entropy, gap(0.49), samples_differ), None);
        assert_eq!(window_of(entropy, Duel::default(), samples_differ), None, "not every system reports it");
    }
}
