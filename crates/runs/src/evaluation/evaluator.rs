//! [`Evaluator`]: compares generated images with real ones. The features of the real images are
//! extracted once.

use core::fmt;

use metrics::suite::{Baseline, FEWEST, Measured, Metric, Number, Sample, measure_all};
use metrics::{Extractor, NotFinite, Pictures};

use super::points;
use crate::console::{LateBar, Output};
use crate::data::Dataset;
use crate::failure::{Code, Failure};
use crate::sampling::pictures;
use kernels::Key;
use models::{Direction, FromLatents, Sampler, Translate};
use rand::seq::index::sample;
use tensor::Tensor;

/// Principal components are fitted on at most this many real images.
pub(super) const MOST_TO_FIT: usize = 5000;

/// What to measure.
pub(crate) struct Setup {
    pub metrics: Vec<&'static Metric>,
    /// The number of generated images, and of real ones if there are enough.
    pub count: usize,
    /// Seed of the generated images and of the selection of real ones.
    pub seed: u64,
    /// Where progress is shown.
    pub output: Output,
}

/// The real images of one domain, and the feature extractor for it.
struct Target {
    extractor: Box<dyn Extractor>,
    real: Sample,
    /// The true translations of the real images into the other domain, if known.
    counterparts: Option<Pictures>,
    /// One for each metric.
    baselines: Vec<Baseline>,
}

/// Holds the real images of every domain, with their features.
pub(crate) struct Evaluator {
    setup: Setup,
    targets: Vec<Target>,
}

/// One measured value, with the direction for systems that translate.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// `a-to-b` or `b-to-a`; `None` for systems that do not translate.
    pub direction: Option<&'static str>,
    /// The value, with everything it depends on.
    pub measured: Measured,
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.direction {
            Some(direction) => write!(f, "{direction}  {}", self.measured),
            None => self.measured.fmt(f),
        }
    }
}

impl Evaluator {
    /// Selects equally many real images of every domain of `data`, and extracts their features with
    /// the extractor that `extractor` returns. Points in the plane are drawn on demand; `data` then
    /// has no domain.
    ///
    /// `learned` are the training images, if `data` holds others.
    ///
    /// The baseline compares real images with other real images: `count` of each if there are twice
    /// as many, otherwise one half with the other half.
    ///
    /// # Errors
    /// When there are too few real images for two halves, and the errors of `extractor`.
    pub(crate) fn new(
        data: &Dataset,
        learned: Option<&Dataset>,
        mut setup: Setup,
        extractor: impl Fn(&Pictures) -> Result<Box<dyn Extractor>, Failure>,
    ) -> Result<Self, Failure> {
        let available = data.counts();
        if let Some(few) = available.iter().find(|available| **available < 2 * FEWEST) {
            return Err(Failure::new(Code::Data, "there are too few real images to measure the quality")
                .at(data.origin())
                .because(format!("found {few}, need at least {}", 2 * FEWEST)));
        }
        setup.count = available.iter().fold(setup.count, |count, available| count.min(*available));
        let target = |(domain, available): (usize, &usize)| {
            let two = (2 * setup.count).min(*available);
            let key = Key::named(setup.seed, "evaluation reals").at(domain as u32);
            let chosen = sample(&mut key.draws(), *available, two).into_vec();
            let pictures = data.pictures(domain, &chosen)?;
            let counterparts = data.counterparts(domain, &chosen[..setup.count])?;
            let extractor = extractor(&pictures.part(0..two.min(MOST_TO_FIT)))?;
            let mut both = Sample::new(pictures, &*extractor).map_err(not_finite)?;
            if let Some(learned) = learned {
                let all = learned.counts()[domain];
                let chosen = sample(&mut key.draws(), all, setup.count.min(all)).into_vec();
                let features = extractor.extract(&learned.pictures(domain, &chosen)?).0;
                both = both.with_learned(features).map_err(not_finite)?;
            }
            let (first, second) = (both.part(0..two / 2), both.part(two / 2..two));
            let baselines = one_by_one(&setup, |metric, _| Baseline::new(&[metric], [&first, &second]));
            Ok(Target { extractor, real: both.part(0..setup.count), counterparts, baselines })
        };
        let targets = available.iter().enumerate().map(target).collect::<Result<_, Failure>>()?;
        Ok(Self { setup, targets })
    }

    /// The number of generated images; equally many real ones are used.
    pub(crate) fn count(&self) -> usize {
        self.setup.count
    }

    /// Measures the current output of a system. A system that translates is measured in both
    /// directions: against the real images of the other domain, for cycle consistency, and, where
    /// the true translation is known, against that.
    ///
    /// # Errors
    /// When the system's output, or the extractor's, is not finite.
    pub(crate) fn measure(&self, sampler: Sampler<'_>) -> Result<Vec<Measurement>, Failure> {
        match sampler {
            Sampler::Latents(sampler) => self.against(None, 0, self.drawn(sampler)?),
            Sampler::Points(plane) => points::measure(plane, &self.setup),
            Sampler::Images(translator) => {
                let mut rows = Vec::new();
                for (direction, name, [from, to]) in
                    [(Direction::AToB, "a-to-b", [0, 1]), (Direction::BToA, "b-to-a", [1, 0])]
                {
                    let Target { real, counterparts, .. } = &self.targets[from];
                    let bar = LateBar::new(&self.setup.output, "images", self.count() as u64);
                    let translated = Translated::new(translator, direction, real.pixels(), counterparts.as_ref(), bar)?;
                    rows.extend(self.against(Some(name), to, translated.fakes)?);
                    rows.extend(translated.distances.into_iter().map(|(distance, value)| {
                        let number = Number { name: distance, value, deviation: None };
                        let measured =
                            Measured { number, extractor: None, count: self.count(), pairs: None, baseline: None };
                        Measurement { direction: Some(name), measured }
                    }));
                }
                Ok(rows)
            }
        }
    }

    fn against(
        &self,
        direction: Option<&'static str>,
        domain: usize,
        fakes: Pictures,
    ) -> Result<Vec<Measurement>, Failure> {
        let Target { extractor, real, baselines, .. } = &self.targets[domain];
        let fakes = Sample::new(fakes, &**extractor).map_err(not_finite)?;
        let name = extractor.name();
        let all =
            one_by_one(&self.setup, |metric, at| measure_all(&[metric], &name, real, &fakes, Some(&baselines[at])));
        Ok(all.into_iter().flatten().map(|measured| Measurement { direction, measured }).collect())
    }

    fn drawn(&self, sampler: &dyn FromLatents) -> Result<Pictures, Failure> {
        let latents = sampler.latents(self.setup.seed, "evaluation", self.count());
        let length = latents.size() / self.count();
        let at_a_time = pictures::at_a_time(self.targets[0].real.pixels().size());
        let bar = LateBar::new(&self.setup.output, "images", self.count() as u64);
        let mut drawn = 0;
        let parts = latents.data().chunks(length * at_a_time).map(|rows| {
            bar.set(drawn);
            drawn += (rows.len() / length) as u64;
            let some = Tensor::new(&[rows.len() / length, length], rows.to_vec());
            sampler.draw(&some)
        });
        joined(parts)
    }
}

/// Calls `measure` with each metric and its number, and returns the results. Shows progress,
/// because some metrics take seconds.
fn one_by_one<R>(setup: &Setup, mut measure: impl FnMut(&'static Metric, usize) -> R) -> Vec<R> {
    let bar = LateBar::new(&setup.output, "metrics", setup.metrics.len() as u64);
    let one = |(at, metric): (usize, &&'static Metric)| {
        bar.set(at as u64);
        measure(metric, at)
    };
    setup.metrics.iter().enumerate().map(one).collect()
}

/// The distances that measure a translation, with an explanation of each.
pub const DISTANCES: [(&str, &str); 4] = [
    ("cycle_l1", "mean absolute difference between an image and its cycle reconstruction, for pixels in [-1, 1]"),
    ("true_l1", "mean absolute difference between a translation and the true image (built-in landscapes)"),
    ("untranslated_l1", "mean absolute difference between the untranslated image and the true image"),
    ("true_ratio", "true_l1 / untranslated_l1: 0 is perfect, 1 is no better than leaving the image as it is"),
];

/// The translations of the images of one domain.
struct Translated {
    fakes: Pictures,
    /// Those of [`DISTANCES`] that can be measured, in the same order.
    distances: Vec<(&'static str, f64)>,
}

impl Translated {
    /// Translates all `sources`, and compares the results with them and, if known, with the
    /// `truth`.
    fn new(
        translator: &dyn Translate,
        direction: Direction,
        sources: &Pictures,
        truth: Option<&Pictures>,
        bar: LateBar,
    ) -> Result<Self, Failure> {
        let count = sources.count();
        let [mut way_back, mut from_truth, mut untranslated] = [0.0; 3];
        let at_a_time = pictures::at_a_time(sources.size());
        let parts = (0..count).step_by(at_a_time).map(|first| {
            bar.set(first as u64);
            let range = first..count.min(first + at_a_time);
            let some = sources.batch(range.clone());
            let there = translator.translate(direction, &some);
            way_back += difference(&some, &translator.translate(direction.reverse(), &there));
            if let Some(truth) = truth {
                let truth = truth.batch(range);
                from_truth += difference(&there, &truth);
                untranslated += difference(&some, &truth);
            }
            there
        });
        let fakes = joined(parts)?;
        let [way_back, from_truth, untranslated] =
            [way_back, from_truth, untranslated].map(|sum: f64| sum / sources.pixels().len() as f64);
        let values = [way_back, from_truth, untranslated, from_truth / untranslated];
        let known = if truth.is_some() { DISTANCES.len() } else { 1 };
        let distances = DISTANCES.iter().zip(values).take(known).map(|((name, _), value)| (*name, value));
        Ok(Self { fakes, distances: distances.collect() })
    }
}

/// The sum of the absolute differences of images in [0, 1], scaled to the range [-1, 1], in which
/// losses are reported.
fn difference(a: &Tensor, b: &Tensor) -> f64 {
    a.data().iter().zip(b.data()).map(|(x, y)| 2.0 * f64::from((x - y).abs())).sum()
}

/// The extractor returned a value that is not finite.
pub(super) fn not_finite(bad: NotFinite) -> Failure {
    Failure::new(Code::Diverged, "the features of an image are not finite").because(bad)
}

/// Converts batches of images in [0, 1] to bytes, concatenated.
///
/// # Errors
/// When a value is not finite.
fn joined(parts: impl Iterator<Item = Tensor>) -> Result<Pictures, Failure> {
    let (mut pixels, mut size) = (Vec::new(), [0; 3]);
    for part in parts {
        size.copy_from_slice(&part.shape()[1..]);
        pixels.extend(pictures::bytes(&pictures::finite(part)?));
    }
    Ok(Pictures::new(pixels, size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::suite;

    /// Inverts brightness.
    struct Negative;

    impl Translate for Negative {
        fn translate(&self, _direction: Direction, images: &Tensor) -> Tensor {
            Tensor::from_fn(*images.shape(), |i| 1.0 - images.data()[i])
        }
    }

    fn evaluator(domains: Vec<datasets::Images>, metrics: &[&str]) -> Evaluator {
        let metrics = metrics.iter().map(|name| suite::find(name).unwrap()).collect();
        let setup = Setup { metrics, count: 12, seed: 1, output: Output::Silent };
        Evaluator::new(&Dataset::from_domains(domains), None, setup, |reals| Ok(Box::new(metrics::Pca::fit(reals, 8))))
            .unwrap()
    }

    #[test]
    fn a_translation_is_measured_against_the_other_domain_in_both_directions() {
        let apples = datasets::apples(30, 1);
        let pixels: Vec<u8> = (0..30).flat_map(|i| apples.image(i).unwrap().into_owned()).map(|x| 255 - x).collect();
        let negatives = datasets::Images::new(pixels, [28, 28, 1], "negatives".into());
        let rows =
            evaluator(vec![apples, negatives], &["colors", "frechet"]).measure(Sampler::Images(&Negative)).unwrap();
        let reported: Vec<_> = rows.iter().map(|row| (row.direction.unwrap(), row.measured.number.name)).collect();
        let names = ["colors", "frechet", "cycle_l1"];
        assert_eq!(reported, ["a-to-b", "b-to-a"].map(|way| names.map(|name| (way, name))).concat());
        for row in &rows {
            let (value, baseline) = (row.measured.number.value, row.measured.baseline);
            match row.measured.number.name {
                "cycle_l1" => assert!(value < 1e-6 && baseline.is_none()),
                _ => assert!(value < 3.0 * baseline.unwrap().0, "{row}"),
            }
        }
        assert!(rows[0].to_string().starts_with("a-to-b  colors[n=12]"), "{}", rows[0]);
    }

    /// Returns the true translation: both sets have the same pictures in the same order.
    struct Oracle {
        sets: [datasets::Images; 2],
    }

    impl Translate for Oracle {
        fn translate(&self, direction: Direction, images: &Tensor) -> Tensor {
            let [from, to] = match direction {
                Direction::AToB => [&self.sets[0], &self.sets[1]],
                Direction::BToA => [&self.sets[1], &self.sets[0]],
            };
            let bytes = pictures::bytes(images);
            let length = bytes.len() / images.shape()[0];
            let truth = |image: &[u8]| {
                let place = (0..from.count()).find(|place| *from.image(*place).unwrap() == *image).unwrap();
                to.image(place).unwrap().iter().map(|byte| f32::from(*byte) / 255.0).collect::<Vec<_>>()
            };
            Tensor::new(images.shape(), bytes.chunks(length).flat_map(truth).collect())
        }
    }

    /// Returns its input.
    struct Identity;

    impl Translate for Identity {
        fn translate(&self, _direction: Direction, images: &Tensor) -> Tensor {
            images.clone()
        }
    }

    #[test]
    fn a_translation_is_measured_against_the_truth_where_it_is_known() {
        use datasets::{Season, seasons};
        let domains = vec![seasons(0..20, 1, Season::Summer), seasons(20..40, 1, Season::Winter)];
        let truths = vec![seasons(0..20, 1, Season::Winter), seasons(20..40, 1, Season::Summer)];
        let oracle = Oracle { sets: [Season::Summer, Season::Winter].map(|season| seasons(0..40, 1, season)) };
        let setup = || Setup { metrics: Vec::new(), count: 12, seed: 1, output: Output::Silent };
        let pca = |reals: &Pictures| Ok(Box::new(metrics::Pca::fit(reals, 8)) as Box<dyn Extractor>);
        let data = Dataset::from_domains(domains).with_counterparts(truths);
        let evaluator = Evaluator::new(&data, None, setup(), pca).unwrap();
        let values = |translator: &dyn Translate| -> Vec<[f64; 4]> {
            let rows = evaluator.measure(Sampler::Images(translator)).unwrap();
            let names: Vec<_> = rows.iter().map(|row| row.measured.number.name).collect();
            assert_eq!(names, [DISTANCES.map(|(name, _)| name); 2].concat());
            let (each, _) = rows.as_chunks::<4>();
            each.iter().map(|rows| rows.each_ref().map(|row| row.measured.number.value)).collect()
        };
        for [cycle, truth, untranslated, ratio] in values(&oracle) {
            assert!(cycle == 0.0 && truth == 0.0 && ratio == 0.0 && untranslated > 0.1, "{untranslated}");
        }
        for [cycle, truth, untranslated, ratio] in values(&Identity) {
            assert!(cycle == 0.0 && truth == untranslated && ratio == 1.0, "{truth} {untranslated}");
        }
        assert!(values(&Negative).iter().all(|[_, truth, untranslated, ratio]| *ratio == truth / untranslated));
    }

    /// Returns only NaN.
    struct NanSystem;

    impl Translate for NanSystem {
        fn translate(&self, _direction: Direction, images: &Tensor) -> Tensor {
            Tensor::full(*images.shape(), f32::NAN)
        }
    }

    impl FromLatents for NanSystem {
        fn kind(&self) -> models::LatentKind {
            models::LatentKind::Normal
        }
        fn latents(&self, _seed: u64, _stream: &str, count: usize) -> Tensor {
            Tensor::zeros([count, 2])
        }
        fn draw(&self, latents: &Tensor) -> Tensor {
            Tensor::full([latents.shape()[0], 28, 28, 1], f32::NAN)
        }
    }

    #[test]
    fn pictures_that_are_not_finite_are_no_black_ones() {
        let apples = || datasets::apples(30, 1);
        let latents = evaluator(vec![apples()], &["frechet"]).measure(Sampler::Latents(&NanSystem));
        let images = evaluator(vec![apples(), apples()], &["ink"]).measure(Sampler::Images(&NanSystem));
        for failure in [latents.err().unwrap(), images.err().unwrap()] {
            assert_eq!(failure.code, Code::Diverged);
            assert!(failure.to_string().contains("not finite"), "{failure}");
        }
    }

    #[test]
    fn all_reals_are_halved_if_there_are_not_twice_as_many() {
        let system = crate::fake::Fake::new(1);
        let found = |count: usize| {
            let evaluator = evaluator(vec![datasets::apples(count, 1)], &["diversity"]);
            let row = evaluator.measure(models::System::samples(&system)).unwrap().remove(0);
            (row.measured.count, row.measured.baseline.unwrap().1)
        };
        assert_eq!([found(40), found(20), found(17)], [(12, 12), (12, 10), (12, 9)]);
    }
}
