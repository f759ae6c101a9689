//! The suite of metrics: selecting them by name, measuring them, and printing the results.

use core::fmt;

use kernels::scalar::log10;

pub use crate::measures::{INCEPTION_METRICS, METRICS};
pub use crate::metric::{FEWEST, Metric, Number, Of, Sample};

/// The metric called `name`, also by its older name.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.is_called(name))
}

/// The metrics on the features of Inception: FID, KID and IS by these names, and all others. The
/// classes of Inception are not those of the images, so class coverage is left out.
pub fn of_inception() -> Vec<&'static Metric> {
    let replaced = ["frechet", "kid", "class-score", "classes"];
    INCEPTION_METRICS.iter().chain(METRICS.iter().filter(|metric| !replaced.contains(&metric.name))).collect()
}

/// One measured value, with everything that it depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The value.
    pub number: Number,
    /// The extractor whose features it compares; None if it compares pixels.
    pub extractor: Option<String>,
    /// The number of fakes, and of reals.
    pub count: usize,
    /// The number of pairs, if it compares pairs.
    pub pairs: Option<usize>,
    /// The same value for reals against other reals, and the number of each.
    pub baseline: Option<(f64, usize)>,
}

impl Measured {
    /// `frechet[pca64, n=2500]`
    pub fn label(&self) -> String {
        let of = self.extractor.as_ref().map_or_else(String::new, |name| format!("{name}, "));
        let pairs = self.pairs.map_or_else(String::new, |pairs| format!(", pairs={pairs}"));
        format!("{}[{of}n={}{pairs}]", self.number.name, self.count)
    }
}

impl fmt::Display for Measured {
    /// `frechet[pca64, n=2500]  12.34  (real vs real 0.51)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<36} {:>10}", self.label(), short(self.number.value))?;
        if let Some(deviation) = self.number.deviation {
            write!(f, " ± {}", short(deviation))?;
        }
        match self.baseline {
            Some((value, count)) if count == self.count => write!(f, "  (real vs real {})", short(value)),
            Some((value, count)) => write!(f, "  (real vs real {}, n={count})", short(value)),
            None => Ok(()),
        }
    }
}

/// Formats a number with four significant digits, or with all digits of its integer part if there
/// are more.
pub fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let digits = 3 - log10(x.abs()).floor().clamp(-6.0, 3.0) as i32;
    format!("{x:.*}", digits as usize)
}

/// The scores of reals against other reals: the best scores that fakes can be expected to reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// Each value with the number of reals that it was measured on, in the order of
    /// [`measure_all`].
    values: Vec<(f64, usize)>,
}

impl Baseline {
    /// Measures two disjoint sets of reals against each other, by each of the `metrics`.
    ///
    /// # Panics
    /// When a sample has fewer than [`FEWEST`] images.
    #[track_caller]
    pub fn new(metrics: &[&'static Metric], reals: [&Sample; 2]) -> Self {
        let numbers = numbers(metrics, reals[0], reals[1]).into_iter();
        Self { values: numbers.map(|(metric, number)| (number.value, reals[1].count().min(metric.most))).collect() }
    }
}

/// Measures `fake` against `real` by each of the `metrics`. Metrics of classes are skipped if the
/// extractor is not a classifier.
///
/// # Panics
/// When a sample has fewer than [`FEWEST`] images.
#[track_caller]
pub fn measure_all(
    metrics: &[&'static Metric],
    extractor: &str,
    real: &Sample,
    fake: &Sample,
    baseline: Option<&Baseline>,
) -> Vec<Measured> {
    let measured = numbers(metrics, real, fake).into_iter().enumerate().map(|(i, (metric, number))| Measured {
        number,
        extractor: matches!(metric.of, Of::Features | Of::Classes).then(|| extractor.to_owned()),
        count: fake.count().min(metric.most),
        pairs: if let Of::Pairs(pairs) = metric.of { Some(pairs) } else { None },
        baseline: baseline.map(|baseline| baseline.values[i]),
    });
    measured.collect()
}

/// The values of all metrics, each with its metric.
#[track_caller]
fn numbers(metrics: &[&'static Metric], real: &Sample, fake: &Sample) -> Vec<(&'static Metric, Number)> {
    let counts = [real.count(), fake.count()];
    assert!(counts.iter().all(|count| *count >= FEWEST), "metrics: {counts:?} images; {FEWEST} are needed");
    let possible = metrics.iter().filter(|metric| metric.of != Of::Classes || fake.logits.is_some());
    let measured = possible.flat_map(|&metric| {
        let few = [real, fake].map(|set| (set.count() > metric.most).then(|| set.part(0..metric.most)));
        let [real, fake] = [few[0].as_ref().unwrap_or(real), few[1].as_ref().unwrap_or(fake)];
        (metric.measure)(real, fake).into_iter().map(move |number| (metric, number))
    });
    measured.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extractor, Matrix, Pca, Pictures};
    use kernels::random::{Key, words};

    fn drawings(count: usize, stream: u32) -> Pictures {
        let byte = |i: usize| (words(Key::new(2, stream), i as u32)[0] >> 24) as u8 / if i % 784 < 300 { 1 } else { 9 };
        Pictures::new((0..count * 784).map(byte).collect(), [28, 28, 1])
    }

    /// Commands and scripts written before the metric was renamed keep working.
    #[test]
    fn the_older_name_finds_the_same_metric() {
        assert_eq!(find("spread").map(|metric| metric.name), Some("diversity"));
    }

    #[test]
    fn every_metric_can_be_measured_and_printed() {
        let pca = Pca::fit(&drawings(30, 1), 8);
        let sample = |stream| Sample::new(drawings(20, stream), &pca).unwrap();
        let (real, fake) = (sample(1), sample(2));
        let halves = [real.part(0..10), real.part(10..20)];
        let all: Vec<&Metric> = METRICS.iter().collect();
        let baseline = Baseline::new(&all, [&halves[0], &halves[1]]);
        let found = measure_all(&all, "pca8", &real, &fake, Some(&baseline));
        assert_eq!(found.len(), METRICS.len(), "two of two numbers, two of classes");
        assert!(found.iter().all(|one| one.number.value.is_finite() && one.baseline.unwrap().1 == 10), "{found:?}");
        let names: Vec<String> = found.iter().map(Measured::label).collect();
        for name in ["frechet[pca8, n=20]", "swd[n=20]", "ms_ssim[n=20, pairs=2000]"] {
            assert!(names.iter().any(|found| found == name), "{name} of {names:?}");
        }
        assert!(names.iter().all(|name| !name.to_lowercase().contains("fid")));
        let text = found[0].to_string();
        assert!(text.contains("(real vs real ") && text.contains(", n=10)"), "{text}");
    }

    #[test]
    fn copies_of_training_images_differ_from_other_reals() {
        let pca = Pca::fit(&drawings(30, 1), 8);
        let [mut real, learned] = [1, 2].map(|stream| Sample::new(drawings(20, stream), &pca).unwrap());
        let metrics = [find("memorization").unwrap()];
        let value = |real: &Sample| measure_all(&metrics, "pca8", real, &learned, None)[0].number.value;
        assert!(value(&real) > 0.5);
        real.learned = Some(learned.features.clone());
        assert_eq!(value(&real), 0.0);
        assert_eq!(value(&real.part(0..10)), 0.0);
    }

    /// An extractor that returns NaN for white images.
    struct NanForWhite;

    impl Extractor for NanForWhite {
        fn name(&self) -> String {
            "sick".into()
        }

        fn extract(&self, pictures: &Pictures) -> (Matrix, Option<Matrix>) {
            let feature = |i: usize| if pictures.image(i / 2)[0] == 255 && i % 2 == 1 { f64::NAN } else { 0.5 };
            (Matrix::new(pictures.count(), 2, (0..2 * pictures.count()).map(feature).collect()), None)
        }
    }

    #[test]
    fn a_sample_with_a_feature_that_is_not_finite_is_refused() {
        let pixels = |white: usize| (0..10).map(|i| if i == white { 255 } else { 7 }).collect();
        let sample = |white| Sample::new(Pictures::new(pixels(white), [1, 1, 1]), &NanForWhite);
        let message = sample(3).unwrap_err().to_string();
        assert_eq!(message, "feature 1 of image 3 is NaN, which is not a finite f32");
        let sound = sample(99).unwrap();
        assert!(sound.with_learned(Matrix::new(1, 1, vec![f64::INFINITY])).is_err());
    }

    #[test]
    fn a_classifier_is_asked_for_classes() {
        let mut sample = Sample::new(drawings(20, 1), &Pca::fit(&drawings(20, 1), 4)).unwrap();
        sample.logits = Some(Matrix::zeros(20, 10));
        let metrics = [find("classes").unwrap(), find("class-score").unwrap()];
        let found = measure_all(&metrics, "evalnet", &sample, &sample, None);
        let values: Vec<f64> = found.iter().map(|one| one.number.value).collect();
        assert_eq!((values[0], found.len()), (1.0, 3));
        assert!((values[1] - 0.1).abs() < 1e-12 && (values[2] - 1.0).abs() < 1e-12, "{values:?}");
        assert!(find("fid").is_none());
    }

    #[test]
    fn numbers_have_four_significant_digits() {
        let texts: Vec<String> = [12.3456, 0.512_345, 1234.56, 0.000_123_45, -3.5, 0.0].map(short).into();
        assert_eq!(texts, ["12.35", "0.5123", "1235", "0.0001234", "-3.500", "0"]);
    }
}
