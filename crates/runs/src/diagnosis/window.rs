//! [`Window`]: the last steps of a run, as the signs see them.

use models::{LossKind, LossScale, MetricDescription};

use crate::observers::probe::{Fakes, Layer, Pair, Probe, Scores, is_regular};

/// The steps in a window.
pub(super) const STEPS: usize = 100;
/// The probes in a window.
pub(super) const PROBES: usize = 10;

/// The metrics of one step that concern a discriminator and the generator that it judges. A metric
/// that the system does not report is None.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Duel {
    /// The discriminator's loss, without penalties.
    pub(super) d_loss: f64,
    /// The generator's adversarial loss.
    pub(super) g_loss: f64,
    /// The share of images that the discriminator classifies correctly.
    pub(super) d_acc: Option<f64>,
    /// The share of fakes that the discriminator takes for real.
    pub(super) g_acc: Option<f64>,
    /// The mean norm of the penalised gradients.
    pub(super) gradient_norm: Option<f64>,
    /// The discriminator's mean output on the fakes of its own update.
    pub(super) d_fake: Option<f64>,
    /// The discriminator's mean output on samples.
    pub(super) d_sample: Option<f64>,
}

/// What a probe has found, reduced to the numbers that the signs look at. What could not be
/// measured is None.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Vitals {
    /// The step.
    pub(crate) step: u64,
    /// The mean generator loss of the window that ends here.
    pub(super) g_loss: f64,
    /// The smallest standard deviation, over all discriminators, of the outputs on reals and fakes.
    pub(super) score_deviation: Option<f64>,
    /// The largest mean absolute output of a discriminator.
    pub(super) score_size: Option<f64>,
    /// The largest norm of all gradients of a network.
    pub(super) gradient_norm: Option<f64>,
    /// The mean pairwise distance of fakes, divided by that of reals.
    pub(super) diversity: Option<f64>,
    /// The range of the fakes' values, divided by that of the reals.
    pub(super) range: Option<f64>,
    /// How far the fakes' values lie outside of the range of the data.
    pub(super) beyond: Option<f64>,
    /// The power of the fakes at the Nyquist frequencies, divided by that of the reals.
    pub(super) nyquist: Option<f64>,
    /// The median distance of a fake from the nearest training image, divided by that of training
    /// images from each other.
    pub(super) neighbour: Option<f64>,
    /// The number of modes of a mixture that the fakes cover, and that the reals do.
    pub(super) modes: Option<[f64; 2]>,
}

impl Vitals {
    /// The numbers of a probe, if it is one of every `every` steps or an early one. That of the
    /// last step is left out, so that a run whose number of steps is raised comes to the same
    /// conclusions.
    pub(crate) fn of(probe: &Probe, every: u64) -> Option<Self> {
        let Probe { step, scores, layers, fakes, .. } = probe;
        if !is_regular(*step, every) {
            return None;
        }
        let each = |number: &dyn Fn(&Fakes) -> Option<f64>| {
            fakes.iter().filter_map(number).filter(|number| number.is_finite()).collect::<Vec<f64>>()
        };
        let least = |numbers: Vec<f64>| numbers.into_iter().reduce(f64::min);
        let most = |numbers: Vec<f64>| numbers.into_iter().reduce(f64::max);
        let span = |fakes: &Fakes| {
            let (low, high) = (fakes.minimum, fakes.maximum);
            let reals = high.reals - low.reals;
            let beyond = (low.reals - low.fakes).max(high.fakes - high.reals).max(0.0);
            [(high.fakes - low.fakes) / reals, beyond / reals]
        };
        Some(Self {
            step: *step,
            g_loss: 0.0,
            score_deviation: least(scores.iter().filter_map(moments).map(|[_, spread]| spread).collect()),
            score_size: most(scores.iter().filter_map(moments).map(|[size, _]| size).collect()),
            gradient_norm: gradient_norm(layers),
            diversity: least(each(&|fakes| Some(fakes.distance.ratio()))),
            range: least(each(&|fakes| Some(span(fakes)[0]))),
            // Points of a distribution without bounds have no range to keep to.
            beyond: most(each(&|fakes| fakes.nyquist.map(|_| span(fakes)[1]))),
            nyquist: most(each(&|fakes| fakes.nyquist.map(Pair::ratio))),
            neighbour: most(each(&|fakes| fakes.nearest.map(Pair::ratio))),
            modes: fakes.iter().find_map(|fakes| fakes.modes.map(|pair| [pair.fakes, pair.reals])),
        })
    }
}

/// The mean absolute output of a discriminator, and the standard deviation of its outputs.
fn moments(scores: &Scores) -> Option<[f64; 2]> {
    let count = (scores.reals.len() + scores.fakes.len()) as f64;
    let all = || scores.reals.iter().chain(&scores.fakes).map(|score| f64::from(*score));
    let middle = all().sum::<f64>() / count;
    let spread = (all().map(|score| (score - middle).powi(2)).sum::<f64>() / count).sqrt();
    let size = all().map(f64::abs).sum::<f64>() / count;
    [size, spread].iter().all(|number| number.is_finite()).then_some([size, spread])
}

/// The largest norm of all gradients of a network.
fn gradient_norm(layers: &[Layer]) -> Option<f64> {
    let mut squares: Vec<(&str, f64)> = Vec::new();
    for layer in layers {
        let Some(norms) = layer.norms else { continue };
        match squares.iter_mut().find(|(network, _)| *network == layer.network) {
            Some((_, sum)) => *sum += norms.gradient * norms.gradient,
            None => squares.push((&layer.network, norms.gradient * norms.gradient)),
        }
    }
    squares.into_iter().map(|(_, sum)| sum.sqrt()).reduce(f64::max)
}

/// The last steps of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    /// What the losses can be compared with.
    pub(super) scale: Option<LossScale>,
    /// For each discriminator the last [`STEPS`] steps, the oldest first.
    pub(super) duels: &'a [Vec<Duel>],
    /// The last probes, at most [`PROBES`], the oldest first.
    pub(super) probes: &'a [Vitals],
}

impl Window<'_> {
    /// The kind of the losses.
    pub(super) fn kind(&self) -> Option<LossKind> {
        self.scale.map(|scale| scale.kind)
    }

    /// The last `count` probes, if there are so many.
    pub(super) fn last(&self, count: usize) -> Option<&[Vitals]> {
        self.probes.len().checked_sub(count).map(|first| &self.probes[first..])
    }

    /// The evidence of the first discriminator for which `test` holds.
    pub(super) fn any(&self, test: impl Fn(&[Duel]) -> Option<String>) -> Option<String> {
        self.duels.iter().find_map(|steps| test(steps))
    }
}

/// The mean of a metric over some steps.
pub(super) fn mean(steps: &[Duel], metric: impl Fn(&Duel) -> f64) -> f64 {
    steps.iter().map(metric).sum::<f64>() / steps.len() as f64
}

/// The mean of a metric, if the system reports it.
pub(super) fn mean_of(steps: &[Duel], metric: impl Fn(&Duel) -> Option<f64>) -> Option<f64> {
    let values = steps.iter().map(metric).collect::<Option<Vec<f64>>>()?;
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// The standard deviation of a metric over some steps.
pub(super) fn deviation(steps: &[Duel], metric: impl Fn(&Duel) -> f64) -> f64 {
    let middle = mean(steps, &metric);
    mean(steps, |step| (metric(step) - middle).powi(2)).sqrt()
}

/// Where the metrics of each discriminator stand among the columns of a system.
pub(super) struct Columns(Vec<[Option<usize>; 8]>);

impl Columns {
    /// The columns of a system with these metrics.
    pub(super) fn of(metrics: &[MetricDescription]) -> Self {
        const NAMES: [[&str; 8]; 3] = [
            ["d_loss", "g_loss", "d_acc", "g_acc", "penalty", "gradient_norm", "d_fake", "d_sample"],
            // Two discriminators: that of A judges the generator B to A.
            ["d_a_loss", "g_b_loss", "", "", "", "", "", ""],
            ["d_b_loss", "g_a_loss", "", "", "", "", "", ""],
        ];
        let find = |name: &str| metrics.iter().position(|metric| metric.name == name);
        let of = NAMES.iter().map(|names| names.map(find));
        Self(of.filter(|places| places[0].is_some() && places[1].is_some()).collect())
    }

    /// The number of discriminators.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The metrics of each discriminator in a row of values.
    pub(super) fn read<'a>(&'a self, values: &'a [f64]) -> impl Iterator<Item = Duel> + 'a {
        self.0.iter().map(|places| {
            let [d_loss, g_loss, d_acc, g_acc, penalty, gradient_norm, d_fake, d_sample] =
                places.map(|place| Some(values[place?]));
            let (d_loss, g_loss) = (d_loss.unwrap_or_default(), g_loss.unwrap_or_default());
            Duel { d_loss: d_loss - penalty.unwrap_or_default(), g_loss, d_acc, g_acc, gradient_norm, d_fake, d_sample }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_of_the_last_step_does_not_change_the_diagnosis() {
        let at = |step| Vitals::of(&Probe { step, ..Probe::default() }, 250);
        assert!(at(64).is_some() && at(500).is_some());
        assert!(at(600).is_none(), "it would not be there if the run had more steps");
    }
}
