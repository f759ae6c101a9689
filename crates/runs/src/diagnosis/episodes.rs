//! [`Monitor`]: evaluates the signs while a run trains; [`Episode`]: the steps during which a sign
//! shows.

use models::{LossScale, MetricDescription};

use super::window::{Columns, Duel, PROBES, STEPS, Vitals, Window};
use super::{SIGNS, Sign};

/// The signs are evaluated every so many steps.
pub(crate) const EVERY: u64 = 10;
/// An episode ends when its sign has not shown for so many steps.
const PAUSE: u64 = 200;

/// The steps during which a sign shows.
#[derive(Clone, Debug)]
pub(crate) struct Episode {
    /// The step at which it was reported.
    pub(crate) step: u64,
    /// The last step at which it was seen.
    pub(crate) last_step: u64,
    pub(crate) sign: &'static Sign,
    /// The numbers, as they were at `step`.
    pub(crate) evidence: String,
}

/// Where a sign stands.
#[derive(Clone, Copy, Default)]
struct Progress {
    /// The step from which on it was seen at each evaluation; None if it is not seen now.
    since: Option<u64>,
    /// The index of its open episode.
    open: Option<usize>,
}

/// Evaluates all signs, step by step. The same steps always give the same episodes.
pub(crate) struct Monitor {
    scale: Option<LossScale>,
    columns: Columns,
    duels: Vec<Vec<Duel>>,
    probes: Vec<Vitals>,
    progress: Vec<Progress>,
    episodes: Vec<Episode>,
}

impl Monitor {
    /// For a system with these losses and metrics.
    pub(crate) fn new(scale: Option<LossScale>, metrics: &[MetricDescription]) -> Self {
        let columns = Columns::of(metrics);
        let (duels, progress) = (vec![Vec::new(); columns.count()], vec![Progress::default(); SIGNS.len()]);
        Self { scale, columns, duels, probes: Vec::new(), progress, episodes: Vec::new() }
    }

    /// All episodes so far, in the order in which they were reported.
    pub(crate) fn episodes(&self) -> &[Episode] {
        &self.episodes
    }

    /// The episodes that have not ended.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Episode> {
        self.progress.iter().filter_map(|progress| Some(&self.episodes[progress.open?]))
    }

    /// The step before the window in which the sign of the episode was seen first.
    pub(crate) fn before(episode: &Episode) -> u64 {
        episode.step.saturating_sub(episode.sign.patience + STEPS as u64)
    }

    /// Takes the metrics of the step `step`, from 1, and those of its probe, if there was one.
    /// Returns the episodes that begin.
    pub(crate) fn step(&mut self, step: u64, values: &[f64], probe: Option<Vitals>) -> &[Episode] {
        for (steps, duel) in self.duels.iter_mut().zip(self.columns.read(values)) {
            if steps.len() == STEPS {
                steps.remove(0);
            }
            steps.push(duel);
        }
        // The first probes are of an untrained generator.
        if let Some(probe) = probe.filter(|_| step >= STEPS as u64) {
            let g_loss = self.duels.first().map_or(0.0, |steps| super::window::mean(steps, |step| step.g_loss));
            if self.probes.len() == PROBES {
                self.probes.remove(0);
            }
            self.probes.push(Vitals { step, g_loss, ..probe });
        }
        let before = self.episodes.len();
        if step.is_multiple_of(EVERY) {
            self.evaluate(step);
        }
        &self.episodes[before..]
    }

    fn evaluate(&mut self, step: u64) {
        let window = Window { scale: self.scale, duels: &self.duels, probes: &self.probes };
        for (sign, progress) in SIGNS.iter().zip(&mut self.progress) {
            let Some(evidence) = (sign.test)(&window) else {
                progress.since = None;
                progress.open = progress.open.filter(|&at| step < self.episodes[at].last_step + PAUSE);
                continue;
            };
            let since = *progress.since.get_or_insert(step);
            match progress.open {
                Some(at) => self.episodes[at].last_step = step,
                None if step - since >= sign.patience => {
                    progress.open = Some(self.episodes.len());
                    self.episodes.push(Episode { step, last_step: step, sign, evidence });
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::LossKind;
    use models::step_metrics::{D_ACC, D_LOSS, G_ACC, G_LOSS};

    const METRICS: [MetricDescription; 4] = [D_LOSS, D_ACC, G_LOSS, G_ACC];
    const WINS: [f64; 4] = [0.001, 1.0, 9.0, 0.0];
    const HEALTHY: [f64; 4] = [1.2, 0.7, 1.0, 0.3];

    fn monitor() -> Monitor {
        Monitor::new(Some(LossScale::summed(LossKind::CrossEntropy, 1.0)), &METRICS)
    }

    /// The steps and signs of the episodes of a run with these values after each step.
    fn run(monitor: &mut Monitor, steps: core::ops::Range<u64>, values: [f64; 4]) -> Vec<(u64, &'static str)> {
        let mut found = Vec::new();
        for step in steps {
            found.extend(monitor.step(step, &values, None).iter().map(|one| (one.step, one.sign.id)));
        }
        found
    }

    #[test]
    fn an_episode_is_reported_once_and_ends_after_a_pause() {
        let mut monitor = monitor();
        assert_eq!(run(&mut monitor, 1..100, WINS), [], "the window is not full");
        assert_eq!(run(&mut monitor, 100..500, WINS), [(150, "d-dominates")], "once");
        assert_eq!(monitor.open().count(), 1);
        // A short recovery does not end it.
        assert_eq!(run(&mut monitor, 500..550, HEALTHY), []);
        assert_eq!(run(&mut monitor, 550..800, WINS), []);
        assert_eq!(monitor.open().map(|one| one.last_step).collect::<Vec<_>>(), [790]);
        assert_eq!(run(&mut monitor, 800..1200, HEALTHY), []);
        assert_eq!(monitor.open().count(), 0);
        let again = run(&mut monitor, 1200..1500, WINS);
        assert_eq!(again.iter().map(|one| one.1).collect::<Vec<_>>(), ["d-dominates"], "{again:?}");
        assert_eq!(monitor.episodes().len(), 2);
    }

    #[test]
    fn a_system_with_two_discriminators_has_two_duels() {
        let of = |name| MetricDescription::new(name, models::step_metrics::Unit::Loss, "");
        let metrics = ["d_a_loss", "g_a_loss", "cycle_a_loss", "d_b_loss", "g_b_loss"].map(of);
        let columns = Columns::of(&metrics);
        let pairs: Vec<_> = columns.read(&[1.0, 2.0, 3.0, 4.0, 5.0]).map(|duel| (duel.d_loss, duel.g_loss)).collect();
        assert_eq!(pairs, [(1.0, 5.0), (4.0, 2.0)]);
        let none = Monitor::new(None, &[of("energy")]);
        assert!(none.duels.is_empty());
    }
}
