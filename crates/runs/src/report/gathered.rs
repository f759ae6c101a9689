//! [`Gathered`]: the numbers of a run in bounded memory, from its steps or from its files, and what
//! the report says about them.

use models::MetricDescription;
use models::step_metrics::Unit;

use super::document::{Chart, LayerHistory, LayerRow, Line, ScoreHistory, short};
use crate::bands::{Fitting, name_of_fakes};
use crate::observers::probe::{Fakes, Layer, Pair, Probe};
use crate::observers::reduced::Reduced;

/// The largest number of points of a curve.
pub(crate) const MOST_POINTS: usize = 2000;
/// The largest number of probes kept.
pub(crate) const MOST_PROBES: usize = 512;
/// Bins of a histogram of scores.
pub(crate) const BINS: usize = 40;

/// The numbers of a run.
#[derive(Default)]
pub(crate) struct Gathered {
    rows: Reduced,
    probes: Vec<Probe>,
    /// Of so many probes in a row, the first is kept.
    stride: usize,
    /// The number of probes that were added.
    added: usize,
}

impl Gathered {
    /// Adds the metrics of a step.
    pub(crate) fn add_row(&mut self, step: u64, values: &[f64]) {
        self.rows.add(step, values);
    }

    /// Adds a probe. When there are too many, every second one is dropped.
    pub(crate) fn add_probe(&mut self, probe: &Probe) {
        self.stride = self.stride.max(1);
        if self.added.is_multiple_of(self.stride) {
            if self.probes.len() == MOST_PROBES {
                let mut number = 0;
                self.probes.retain(|_| {
                    number += 1;
                    number % 2 == 1
                });
                self.stride *= 2;
            }
            if self.added.is_multiple_of(self.stride) {
                self.probes.push(Probe { seen: Vec::new(), ..probe.clone() });
            }
        }
        self.added += 1;
    }

    /// The charts of the metrics, then those of the probes; `normal` has the bands behind them.
    pub(crate) fn charts(&self, metrics: &[MetricDescription], normal: Option<&Fitting>) -> Vec<Chart> {
        let mut charts: Vec<Chart> = Vec::new();
        for (at, metric) in metrics.iter().enumerate() {
            let (title, label, range, name) = match (metric.chart, metric.unit) {
                (Some((chart, name)), _) => (chart.title, chart.label, chart.range, name),
                (None, Unit::Score) => ("Outputs of the discriminator", "Mean output", None, metric.name),
                (None, Unit::Loss) => ("Terms of the losses", "Loss", None, metric.name),
                (None, Unit::Norm | Unit::Pixels) => (metric.name, "", None, metric.name),
                (None, Unit::Share) => ("Shares", "Share", Some((0.0, 1.0)), metric.name),
                (None, Unit::Kimg) => continue,
            };
            let band = normal.and_then(|normal| normal.of_metric(metric.name));
            let line = Line { band, ..line(name, metric.description, self.rows.extremes(at)) };
            add(&mut charts, (title, label, range), line);
        }
        for chart in &OF_FAKES {
            for line in self.of_fakes(chart, normal) {
                add(&mut charts, (chart.title, chart.label, None), line);
            }
        }
        charts.retain(|chart| chart.lines.iter().any(|line| line.values.iter().any(Option::is_some)));
        for chart in charts.iter_mut().filter(|chart| chart.lines.iter().any(|line| line.band.is_some())) {
            chart.note = normal.map(Fitting::sentence);
        }
        charts
    }

    /// The lines of a chart of the fixed fakes: theirs and those of reals, for each direction of a
    /// translation.
    fn of_fakes(&self, chart: &OfFakes, normal: Option<&Fitting>) -> Vec<Line> {
        let mut names: Vec<&str> = self.probes.iter().flat_map(|probe| &probe.fakes).map(|fakes| &*fakes.of).collect();
        names.sort_unstable();
        names.dedup();
        let mut lines = Vec::new();
        for name in names {
            let suffix = if name == "fakes" { String::new() } else { format!(", {name}") };
            let points = |number: fn(&Pair) -> f64| {
                let each =
                    self.probes.iter().flat_map(|probe| probe.fakes.iter().map(move |fakes| (probe.step, fakes)));
                let found = each.filter(|(_, fakes)| fakes.of == name);
                found.filter_map(|(step, fakes)| Some((step as f64, number(&(chart.pick)(fakes)?)))).collect()
            };
            let [of_fakes, of_reals] = chart.sentences;
            let band = normal.and_then(|normal| normal.of_fakes(&name_of_fakes(chart.column, name)));
            lines.push(Line { band, ..line(&format!("fakes{suffix}"), of_fakes, points(|pair| pair.fakes)) });
            lines.push(line(&format!("reals{suffix}"), of_reals, points(|pair| pair.reals)));
        }
        lines
    }

    /// The histograms of the scores.
    pub(crate) fn scores(&self) -> Vec<ScoreHistory> {
        let mut names: Vec<&str> = Vec::new();
        for scores in self.probes.iter().flat_map(|probe| &probe.scores) {
            if !names.contains(&&*scores.discriminator) {
                names.push(&scores.discriminator);
            }
        }
        let history = |name: &&str| {
            let found: Vec<_> = self
                .probes
                .iter()
                .filter_map(|probe| {
                    Some((probe.step, probe.scores.iter().find(|scores| scores.discriminator == *name)?))
                })
                .collect();
            let mut all: Vec<f32> =
                found.iter().flat_map(|(_, scores)| scores.reals.iter().chain(&scores.fakes)).copied().collect();
            all.retain(|score| score.is_finite());
            all.sort_unstable_by(f32::total_cmp);
            // Single scores far out would leave one bin for all others.
            let at = |share: f64| {
                all.get(((all.len() as f64 - 1.0) * share) as usize).map_or(0.0, |score| f64::from(*score))
            };
            let [low, high] = [at(0.005), at(0.995)];
            let (low, high) = if low < high { (low, high) } else { (low - 0.5, low + 0.5) };
            let bins = |scores: &[f32]| {
                let mut bins = vec![0usize; BINS];
                for score in scores.iter().filter(|score| score.is_finite()) {
                    let place = (f64::from(*score) - low) / (high - low) * BINS as f64;
                    bins[place.clamp(0.0, BINS as f64 - 1.0) as usize] += 1;
                }
                let share = |count: &usize| (1000.0 * *count as f64 / scores.len().max(1) as f64).round() as u16;
                bins.iter().map(share).collect::<Vec<u16>>()
            };
            ScoreHistory {
                discriminator: (*name).to_owned(),
                steps: found.iter().map(|(step, _)| *step).collect(),
                low,
                high,
                reals: found.iter().map(|(_, scores)| bins(&scores.reals)).collect(),
                fakes: found.iter().map(|(_, scores)| bins(&scores.fakes)).collect(),
            }
        };
        names.iter().map(history).collect()
    }

    /// The layers over time.
    pub(crate) fn layers(&self) -> LayerHistory {
        let mut rows: Vec<LayerRow> = Vec::new();
        let count = self.probes.len();
        for (at, probe) in self.probes.iter().enumerate() {
            for Layer { network, layer, norms, dead, saturated } in &probe.layers {
                let is = |row: &LayerRow| row.network == *network && row.layer == *layer;
                let place = rows.iter().position(is).unwrap_or_else(|| {
                    let [gradient, weight, ratio, dead, saturated] = [(); 5].map(|()| vec![None; count]);
                    let (network, layer) = (network.clone(), layer.clone());
                    rows.push(LayerRow { network, layer, gradient, weight, ratio, dead, saturated });
                    rows.len() - 1
                });
                let row = &mut rows[place];
                if let Some(norms) = norms {
                    row.gradient[at] = short(norms.gradient);
                    row.weight[at] = short(norms.weight);
                    row.ratio[at] = short(norms.update / norms.weight);
                }
                row.dead[at] = dead.and_then(short);
                row.saturated[at] = saturated.and_then(short);
            }
        }
        LayerHistory { steps: self.probes.iter().map(|probe| probe.step).collect(), rows }
    }
}

/// A chart of the fixed fakes beside reals.
pub(crate) struct OfFakes {
    title: &'static str,
    label: &'static str,
    /// Its column in `fakes.csv`.
    pub(crate) column: &'static str,
    pub(crate) pick: fn(&Fakes) -> Option<Pair>,
    /// How to read the lines of fakes and of reals.
    sentences: [&'static str; 2],
}

pub(crate) const OF_FAKES: [OfFakes; 3] = [
    OfFakes {
        title: "Diversity of fixed fakes",
        label: "Mean distance",
        column: "distance",
        pick: |fakes| Some(fakes.distance),
        sentences: [
            "The mean distance between two of a fixed set of fakes. If it is far below that of reals, all fakes look alike (mode collapse).",
            "The mean distance between two reals, which that of the fakes should approach.",
        ],
    },
    OfFakes {
        title: "Distance to the nearest training image",
        label: "Median distance",
        column: "nearest",
        pick: |fakes| fakes.nearest,
        sentences: [
            "The median distance of a fake from the nearest training image. If it is far below that of reals, the generator copies its data.",
            "The median distance of a training image from the nearest other one.",
        ],
    },
    OfFakes {
        title: "Finest detail: checkerboards",
        label: "Power at the highest frequency",
        column: "nyquist",
        pick: |fakes| fakes.nyquist,
        sentences: [
            "The power of patterns that alternate between bright and dark from pixel to pixel. If it is many times that of reals, the samples have checkerboard artefacts.",
            "The power of such patterns in reals.",
        ],
    },
];

/// Adds a line to the chart with this title, label and range.
fn add(charts: &mut Vec<Chart>, (title, label, range): (&str, &str, Option<(f64, f64)>), line: Line) {
    let at = charts.iter().position(|chart| chart.title == title).unwrap_or_else(|| {
        charts.push(Chart { title: title.into(), label: label.into(), range, ..Chart::default() });
        charts.len() - 1
    });
    charts[at].lines.push(line);
}

/// A line through these points, reduced.
pub(super) fn line(name: &str, sentence: &str, points: Vec<(f64, f64)>) -> Line {
    let points = at_most(points, MOST_POINTS);
    let (steps, values) = points.into_iter().map(|(step, value)| (step, short(value))).unzip();
    Line { name: name.into(), sentence: sentence.into(), steps, values, band: None }
}

/// At most `most` of the points: of each of equally many neighbours the smallest and the largest,
/// in the order of their steps.
fn at_most(points: Vec<(f64, f64)>, most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points;
    }
    let group = points.len().div_ceil(most / 2);
    let mut kept = Vec::with_capacity(most);
    for group in points.chunks(group) {
        let finite = || group.iter().filter(|(_, value)| value.is_finite());
        let least = finite().min_by(|a, b| a.1.total_cmp(&b.1));
        let most = finite().max_by(|a, b| a.1.total_cmp(&b.1));
        match (least, most) {
            (Some(least), Some(most)) if least.0 == most.0 => kept.push(*least),
            (Some(least), Some(most)) if least.0 < most.0 => kept.extend([*least, *most]),
            (Some(least), Some(most)) => kept.extend([*most, *least]),
            _ => kept.push(group[0]),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observers::probe::Scores;

    #[test]
    fn a_reduced_curve_keeps_its_peaks() {
        let mut points: Vec<(f64, f64)> = (0..8000).map(|step| (f64::from(step), f64::from(step % 7))).collect();
        points[4321].1 = 99.0;
        points[5000].1 = -50.0;
        points[6000].1 = f64::NAN;
        let reduced = at_most(points, MOST_POINTS);
        assert!(reduced.len() <= MOST_POINTS && reduced.len() > MOST_POINTS / 3, "{}", reduced.len());
        assert!(reduced.contains(&(4321.0, 99.0)) && reduced.contains(&(5000.0, -50.0)));
        assert!(reduced.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn probes_are_thinned_evenly_and_histograms_hold_every_score() {
        let mut gathered = Gathered::default();
        for step in 1..=5000 {
            let reals = vec![1.0, 2.0, 3.0, f32::NAN];
            let scores = Scores { discriminator: "d".into(), reals, fakes: vec![-1.0; 2] };
            gathered.add_probe(&Probe { step, scores: vec![scores], ..Probe::default() });
        }
        let steps: Vec<u64> = gathered.probes.iter().map(|probe| probe.step).collect();
        assert!(steps.len() <= MOST_PROBES && steps.len() >= MOST_PROBES / 2, "{}", steps.len());
        assert!(steps.windows(2).all(|pair| pair[1] - pair[0] == steps[1] - steps[0]), "{steps:?}");
        let [history] = &gathered.scores()[..] else { panic!("one discriminator") };
        assert_eq!((history.low, history.high), (-1.0, 3.0));
        assert!(history.reals.iter().all(|bins| bins.iter().sum::<u16>() == 750), "NaN is in no bin");
        assert!(history.fakes.iter().all(|bins| bins[0] == 1000));
    }
}
