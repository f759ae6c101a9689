//! [`StepMetrics`]: the metrics that a training step returns, and [`MetricDescription`]: what each
//! of them means. A system declares its descriptions once; files, charts and logs are made from
//! them.

/// The description of one metric of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricDescription {
    /// The name: a column of `metrics.csv`, such as `d_loss`.
    pub name: &'static str,
    /// The unit of the value.
    pub unit: Unit,
    /// The chart that the metric is drawn on, and the label of its line there.
    pub chart: Option<(Chart, &'static str)>,
    /// One sentence about the metric.
    pub description: &'static str,
}

impl MetricDescription {
    /// A metric that is not drawn on any chart.
    pub const fn new(name: &'static str, unit: Unit, description: &'static str) -> Self {
        Self { name, unit, chart: None, description }
    }

    /// The same metric, drawn on `chart` as a line labelled `label`.
    pub const fn on(self, chart: Chart, label: &'static str) -> Self {
        Self { chart: Some((chart, label)), ..self }
    }

    /// Whether the metric is drawn on the chart of losses.
    pub fn is_loss(&self) -> bool {
        self.chart.is_some_and(|(chart, _)| chart == Chart::LOSS)
    }
}

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The value of a loss or of one of its terms.
    Loss,
    /// A fraction, from 0 to 1.
    Share,
    /// An output of the discriminator: a probability, or the raw score for losses without one.
    Score,
    /// A Euclidean norm.
    Norm,
    /// Pixels.
    Pixels,
    /// Thousands of real images shown.
    Kimg,
}

/// A chart that metrics can be drawn on: `curves/FILE.svg` and `curves/FILE.png` of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chart {
    /// The name of its files, without an extension.
    pub file: &'static str,
    /// The title.
    pub title: &'static str,
    /// The label of the vertical axis.
    pub label: &'static str,
    /// The range of the vertical axis; None to derive it from the data.
    pub range: Option<(f64, f64)>,
}

impl Chart {
    /// Losses.
    pub const LOSS: Self = Self { file: "loss", title: "Training loss", label: "Loss", range: None };
    /// Fractions of correct answers.
    pub const ACCURACY: Self =
        Self { file: "accuracy", title: "Training accuracy", label: "Accuracy", range: Some((0.0, 1.0)) };
    /// Norms of the discriminator's gradients with respect to its input images.
    pub const GRADIENT: Self =
        Self { file: "gradient", title: "Norm of the critic's gradient", label: "Mean norm", range: None };
    /// Path lengths of a style-based generator.
    pub const PATH: Self = Self {
        file: "path",
        title: "Path length: change of the pictures with the style",
        label: "Mean path length",
        range: None,
    };
    /// The critic's estimate of the Wasserstein distance.
    pub const DISTANCE: Self = Self {
        file: "distance",
        title: "The critic's estimate of the distance",
        label: "D(reals) - D(fakes)",
        range: None,
    };
}

/// The discriminator's loss, penalties included.
pub const D_LOSS: MetricDescription = MetricDescription::new(
    "d_loss",
    Unit::Loss,
    "The discriminator's loss, penalties included: a value that settles is healthy, one near 0 means that it wins.",
)
.on(Chart::LOSS, "Discriminator");
/// The fraction of images that the discriminator classifies correctly.
pub const D_ACC: MetricDescription = MetricDescription::new(
    "d_acc",
    Unit::Share,
    "The share of images that the discriminator classifies correctly: near 1 it wins, near 0.5 it guesses.",
)
.on(Chart::ACCURACY, "Discriminator");
/// The generator's loss.
pub const G_LOSS: MetricDescription = MetricDescription::new(
    "g_loss",
    Unit::Loss,
    "The generator's loss, which depends on the discriminator: it need not fall, but should not grow steadily.",
)
.on(Chart::LOSS, "Adversarial (generator)");
/// The fraction of fakes that the discriminator classifies as real.
pub const G_ACC: MetricDescription = MetricDescription::new(
    "g_acc",
    Unit::Share,
    "The share of fakes that the discriminator takes for real: near 0 the generator learns little.",
)
.on(Chart::ACCURACY, "Adversarial (generator)");
/// The discriminator's mean output on reals.
pub const D_REAL: MetricDescription = MetricDescription::new(
    "d_real",
    Unit::Score,
    "The discriminator's mean output on reals: the further above d_fake, the easier it tells them apart.",
);
/// The discriminator's mean output on the fakes of its own update.
pub const D_FAKE: MetricDescription = MetricDescription::new(
    "d_fake",
    Unit::Score,
    "The discriminator's mean output on the fakes of its own update: it approaches d_real as the fakes improve.",
);
/// The discriminator's mean output on the fakes of the generator's update.
pub const G_FAKE: MetricDescription = MetricDescription::new(
    "g_fake",
    Unit::Score,
    "The discriminator's mean output on the fakes of the generator's update.",
);
/// The gradient penalty, as added to the discriminator's loss.
pub const PENALTY: MetricDescription =
    MetricDescription::new("penalty", Unit::Loss, "The gradient penalty, as added to the discriminator's loss.");
/// The mean norm of the penalised gradients.
pub const GRADIENT_NORM: MetricDescription = MetricDescription::new(
    "gradient_norm",
    Unit::Norm,
    "The mean norm of the discriminator's gradients with respect to the images of the penalty.",
)
.on(Chart::GRADIENT, "gradient");
/// For a Wasserstein critic, its estimate of the distance between reals and fakes.
pub const W_DISTANCE: MetricDescription = MetricDescription::new(
    "w_distance",
    Unit::Score,
    "d_real - d_fake: a Wasserstein critic's estimate of the distance.",
)
.on(Chart::DISTANCE, "Wasserstein estimate");
/// Thousands of real images shown so far.
pub const KIMG: MetricDescription =
    MetricDescription::new("kimg", Unit::Kimg, "Thousands of real images shown so far.");

/// The metrics of one training step, in the order of their descriptions.
#[derive(Clone, Debug, PartialEq)]
pub struct StepMetrics {
    descriptions: &'static [MetricDescription],
    values: Vec<f64>,
}

impl StepMetrics {
    /// One value for each description, in the same order.
    ///
    /// # Panics
    /// When there are more or fewer values than descriptions.
    #[track_caller]
    pub fn new(descriptions: &'static [MetricDescription], values: Vec<f64>) -> Self {
        assert!(
            descriptions.len() == values.len(),
            "step metrics: {} values for {} descriptions",
            values.len(),
            descriptions.len()
        );
        Self { descriptions, values }
    }

    /// The values, in the order of the descriptions.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Each value with its description.
    pub fn iter(&self) -> impl Iterator<Item = (&'static MetricDescription, f64)> {
        self.descriptions.iter().zip(self.values.iter().copied())
    }

    /// The value called `name`, if the system has one.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|(metric, _)| metric.name == name).map(|(_, value)| value)
    }

    /// The first value that is not finite, if there is one.
    pub fn non_finite(&self) -> Option<(&'static MetricDescription, f64)> {
        self.iter().find(|(_, value)| !value.is_finite())
    }
}

impl core::ops::Index<&str> for StepMetrics {
    type Output = f64;

    /// The value called `name`.
    ///
    /// # Panics
    /// When the system has no metric of this name.
    #[track_caller]
    fn index(&self, name: &str) -> &f64 {
        match self.descriptions.iter().position(|metric| metric.name == name) {
            Some(at) => &self.values[at],
            None => panic!("step metrics: there is no `{name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name_and_the_first_bad_one_is_named() {
        const TWO: [MetricDescription; 2] = [D_LOSS, G_ACC];
        let good = StepMetrics::new(&TWO, vec![1.5, 0.25]);
        assert_eq!((good["g_acc"], good.get("d_loss"), good.get("kimg")), (0.25, Some(1.5), None));
        assert!(good.non_finite().is_none());
        let bad = StepMetrics::new(&TWO, vec![1.5, f64::INFINITY]);
        assert_eq!(bad.non_finite().map(|(metric, _)| metric.name), Some("g_acc"));
    }

    #[test]
    #[should_panic(expected = "1 values for 2 descriptions")]
    fn a_value_for_each_description() {
        const TWO: [MetricDescription; 2] = [D_LOSS, G_LOSS];
        StepMetrics::new(&TWO, vec![1.0]);
    }
}
