//! [`Scale`]: the reals that fakes are weighed against, looked at once, however often fakes are weighed.

use core::fmt;

use metrics::suite::{Baseline, FEWEST, Measured, Metric, Number, Sample, measure_all};
use metrics::{Extractor, Pictures};

use crate::data::Dataset;
use crate::engine::{Direction, FromLatents, Key, Sampler, Tensor, Translate};
use crate::failure::{Code, Failure};
use crate::pictures;
use rand::seq::index::sample;

/// Images that a network makes at a time: its memory grows with them.
const AT_A_TIME: usize = 64;
/// Principal components are fitted on at most so many reals.
const MOST_TO_FIT: usize = 5000;

/// What is to be measured.
pub(crate) struct Setup {
    pub(crate) metrics: Vec<&'static Metric>,
    /// Fakes, and reals, if there are so many.
    pub(crate) count: usize,
    /// Of the fakes, and of the choice of reals.
    pub(crate) seed: u64,
}

/// The reals of one domain, and what looks at images of it.
struct Target {
    extractor: Box<dyn Extractor>,
    real: Sample,
    baseline: Baseline,
}

/// The reals of every domain.
pub(crate) struct Scale {
    setup: Setup,
    targets: Vec<Target>,
}

/// One number, and of which pictures if the system makes several kinds.
pub(crate) struct Row {
    /// `a-to-b` or `b-to-a` of a system that translates.
    pub(crate) direction: Option<&'static str>,
    pub(crate) measured: Measured,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.direction {
            Some(direction) => write!(f, "{direction}  {}", self.measured),
            None => self.measured.fmt(f),
        }
    }
}

impl Scale {
    /// Chooses the reals of every domain of `data`, as many of each, and looks at them with what `extractor` makes for them.
    ///
    /// `learned` are the images that the system learned from, if `data` are others.
    ///
    /// The reals that score against the others are as many, if there are twice as many; else both are halves of all.
    ///
    /// # Errors
    /// When there are too few reals for two halves; and those of `extractor`.
    pub(crate) fn new(
        data: &Dataset,
        learned: Option<&Dataset>,
        mut setup: Setup,
        extractor: impl Fn(&Pictures) -> Result<Box<dyn Extractor>, Failure>,
    ) -> Result<Self, Failure> {
        let available = data.counts();
        if let Some(few) = available.iter().find(|available| **available < 2 * FEWEST) {
            return Err(Failure::new(Code::Data, "there are too few reals to measure anything")
                .at(data.origin())
                .because(format!("they are {few}, wanted are {} at least", 2 * FEWEST)));
        }
        setup.count = available.iter().fold(setup.count, |count, available| count.min(*available));
        let target = |(domain, available): (usize, &usize)| {
            let two = (2 * setup.count).min(*available);
            let key = Key::named(setup.seed, "evaluation reals").at(domain as u32);
            let pictures = data.pictures(domain, &sample(&mut key.draws(), *available, two).into_vec());
            let extractor = extractor(&pictures.part(0..two.min(MOST_TO_FIT)))?;
            let mut both = Sample::new(pictures, &*extractor);
            both.learned = learned.map(|learned| {
                let all = learned.counts()[domain];
                let chosen = sample(&mut key.draws(), all, setup.count.min(all)).into_vec();
                extractor.extract(&learned.pictures(domain, &chosen)).0
            });
            let (first, second) = (both.part(0..two / 2), both.part(two / 2..two));
            let baseline = Baseline::new(&setup.metrics, [&first, &second]);
            Ok(Target { extractor, real: both.part(0..setup.count), baseline })
        };
        let targets = available.iter().enumerate().map(target).collect::<Result<_, Failure>>()?;
        Ok(Self { setup, targets })
    }

    /// How many fakes are weighed against as many reals.
    pub(crate) fn count(&self) -> usize {
        self.setup.count
    }

    /// Measures what a system draws now. One that translates is measured in both directions, against the reals of the
    /// other domain, and on the way back.
    pub(crate) fn weigh(&self, sampler: Sampler<'_>) -> Vec<Row> {
        match sampler {
            Sampler::Latents(sampler) => self.against(None, 0, self.drawn(sampler)),
            Sampler::Images(translator) => [(Direction::AToB, "a-to-b", [0, 1]), (Direction::BToA, "b-to-a", [1, 0])]
                .into_iter()
                .flat_map(|(direction, name, [from, to])| {
                    let sources = &self.targets[from].real.pictures;
                    let (fakes, way_back) = translated(translator, direction, sources);
                    let mut rows = self.against(Some(name), to, fakes);
                    let number = Number { name: "cycle_l1", value: way_back, deviation: None };
                    let measured =
                        Measured { number, extractor: None, count: self.count(), pairs: None, baseline: None };
                    rows.push(Row { direction: Some(name), measured });
                    rows
                })
                .collect(),
        }
    }

    fn against(&self, direction: Option<&'static str>, domain: usize, fakes: Pictures) -> Vec<Row> {
        let Target { extractor, real, baseline } = &self.targets[domain];
        let fakes = Sample::new(fakes, &**extractor);
        let all = measure_all(&self.setup.metrics, &extractor.name(), real, &fakes, Some(baseline));
        all.into_iter().map(|measured| Row { direction, measured }).collect()
    }

    fn drawn(&self, sampler: &dyn FromLatents) -> Pictures {
        let latents = sampler.latents(self.setup.seed, "evaluation", self.count());
        let length = latents.size() / self.count();
        let parts = latents.data().chunks(length * AT_A_TIME).map(|rows| {
            let some = Tensor::new(&[rows.len() / length, length], rows.to_vec());
            sampler.draw(&some)
        });
        joined(parts)
    }
}

/// The translations of all `sources`, and the mean difference of what comes back from the sources, in units of [-1, 1].
fn translated(translator: &dyn Translate, direction: Direction, sources: &Pictures) -> (Pictures, f64) {
    let mut difference = 0.0;
    let count = sources.count();
    let parts = (0..count).step_by(AT_A_TIME).map(|first| {
        let some = sources.batch(first..count.min(first + AT_A_TIME));
        let there = translator.translate(direction, &some);
        let back = translator.translate(direction.reverse(), &there);
        let pairs = some.data().iter().zip(back.data());
        difference += pairs.map(|(x, y)| 2.0 * f64::from((x - y).abs())).sum::<f64>();
        there
    });
    let fakes = joined(parts);
    (fakes, difference / sources.pixels().len() as f64)
}

/// Images in [0, 1] as bytes, one batch after the other.
fn joined(parts: impl Iterator<Item = Tensor>) -> Pictures {
    let (mut pixels, mut size) = (Vec::new(), [0; 3]);
    for part in parts {
        size.copy_from_slice(&part.shape()[1..]);
        pixels.extend(pictures::bytes(&part));
    }
    Pictures::new(pixels, size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::suite;

    /// Turns light into dark.
    struct Negative;

    impl Translate for Negative {
        fn translate(&self, _direction: Direction, images: &Tensor) -> Tensor {
            Tensor::from_fn(*images.shape(), |i| 1.0 - images.data()[i])
        }
    }

    fn scale(domains: Vec<datasets::Images>, metrics: &[&str]) -> Scale {
        let metrics = metrics.iter().map(|name| suite::find(name).unwrap()).collect();
        let setup = Setup { metrics, count: 12, seed: 1 };
        Scale::new(&Dataset::from_domains(domains), None, setup, |reals| Ok(Box::new(metrics::Pca::fit(reals, 8))))
            .unwrap()
    }

    #[test]
    fn a_translation_is_weighed_against_the_other_domain_in_both_directions() {
        let apples = datasets::apples(30, 1);
        let pixels: Vec<u8> = (0..30).flat_map(|i| apples.image(i)).map(|x| 255 - x).collect();
        let negatives = datasets::Images::new(pixels, [28, 28, 1], "negatives".into());
        let rows = scale(vec![apples, negatives], &["colors", "frechet"]).weigh(Sampler::Images(&Negative));
        let told: Vec<_> = rows.iter().map(|row| (row.direction.unwrap(), row.measured.number.name)).collect();
        let names = ["colors", "frechet", "cycle_l1"];
        assert_eq!(told, ["a-to-b", "b-to-a"].map(|way| names.map(|name| (way, name))).concat());
        for row in &rows {
            let (value, baseline) = (row.measured.number.value, row.measured.baseline);
            match row.measured.number.name {
                "cycle_l1" => assert!(value < 1e-6 && baseline.is_none()),
                _ => assert!(value < 3.0 * baseline.unwrap().0, "{row}"),
            }
        }
        assert!(rows[0].to_string().starts_with("a-to-b  colors[n=12]"), "{}", rows[0]);
    }

    #[test]
    fn all_reals_are_halved_if_there_are_not_twice_as_many() {
        let system = crate::fake::Fake::new(1);
        let found = |count: usize| {
            let scale = scale(vec![datasets::apples(count, 1)], &["spread"]);
            let row = scale.weigh(crate::engine::System::samples(&system)).remove(0);
            (row.measured.count, row.measured.baseline.unwrap().1)
        };
        assert_eq!([found(40), found(20), found(17)], [(12, 12), (12, 10), (12, 9)]);
    }
}
