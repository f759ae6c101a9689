//! Evaluation: [`evaluate`] measures the quality of the images that a run generates.
//!
//! This file chooses the metrics and the data. `evaluator.rs` holds the real images and compares
//! generated ones with them; `folders.rs` compares two folders of pictures without a run;
//! `inception.rs` extracts the features for the FID; `output.rs` writes the numbers to a file. The
//! metrics themselves are in the crate `metrics`.

pub mod evalnet;
pub mod folders;

mod evaluator;
mod inception;
mod output;
mod points;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::advice;
use metrics::suite::{self, FEWEST, INCEPTION_METRICS, METRICS, Metric, Of};
use metrics::{Pca, Pictures};

pub use evaluator::{DISTANCES, Measurement};
pub(crate) use evaluator::{Evaluator, Setup};
pub use points::NUMBERS;

use crate::console::{LateBar, Output};
use crate::data::{self, Dataset};
use crate::failure::{Code, Failure};
use crate::folder::resume::{self, Trained};
use crate::plan;
use crate::processor;
use crate::sampling::styled::Styled;
use crate::storage;
use crate::suggestion::suggestion;
use crate::systems::Trainable;
use models::Sampler;

/// The most images to compare: more would improve none of the metrics, and exhaust the memory.
const MOST: u64 = 100_000;
/// Memory needed per byte of an image: real images, equally many others and halves of these,
/// generated images, and four-byte floats while the real images are gathered.
const COPIES: usize = 14;

/// The default number of samples: images, and points in the plane, which cost little.
const USUAL: [u64; 2] = [2500, 10_000];

/// What features the metrics use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FeatureExtractor {
    /// Principal components, fitted on the real images.
    Pca64,
    /// The classifier for images with this side length, trained on the run's labelled data.
    Evalnet(usize),
    /// The network on which the FID is defined.
    Inception,
}

impl FeatureExtractor {
    const NAMES: [(&str, Self); 4] = [
        ("pca64", Self::Pca64),
        ("evalnet28", Self::Evalnet(28)),
        ("evalnet32", Self::Evalnet(32)),
        ("inception", Self::Inception),
    ];

    /// The extractor with this name.
    ///
    /// # Errors
    /// When there is none; the nearest is suggested.
    fn named(name: &str) -> Result<Self, Failure> {
        let names = Self::NAMES.map(|(name, _)| name);
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, extractor)| *extractor).ok_or_else(|| {
            Failure::new(Code::Usage, format!("there is no extractor `{name}`")).at("option --extractor").help(advice!(
                "no-such-extractor",
                "{}",
                suggestion(name, &names)
            ))
        })
    }
}

/// Whether `extractor` provides what the metric needs.
fn is_possible(metric: &Metric, extractor: FeatureExtractor) -> bool {
    metric.of != Of::Classes || extractor != FeatureExtractor::Pca64
}

/// The metrics with these names; all applicable ones if `names` is empty.
///
/// # Errors
/// When there is no such metric.
fn chosen(names: &[String], extractor: FeatureExtractor) -> Result<Vec<&'static Metric>, Failure> {
    let all = match extractor {
        FeatureExtractor::Inception => suite::of_inception(),
        _ => METRICS.iter().collect(),
    };
    if names.is_empty() {
        return Ok(all.into_iter().filter(|metric| is_possible(metric, extractor)).collect());
    }
    let find = |name: &String| {
        let found = all.iter().find(|metric| metric.is_called(name)).copied();
        found.ok_or_else(|| {
            if let Some(metric) = INCEPTION_METRICS.iter().find(|metric| metric.name == name) {
                return Failure::new(Code::Usage, format!("`{name}` is defined on the features of Inception"))
                    .at("option --metric")
                    .because("the extractor is another one")
                    .help(advice!(
                        "metric-of-inception",
                        "use `{}`, the same formula with this extractor; the Manual says how to use Inception",
                        metric.alias.unwrap_or(metric.name)
                    ));
            }
            let known: Vec<&str> = all.iter().map(|metric| metric.name).collect();
            Failure::new(Code::Usage, format!("there is no metric `{name}`")).at("option --metric").help(advice!(
                "no-such-metric",
                "{}",
                suggestion(name, &known)
            ))
        })
    };
    names.iter().map(find).collect()
}

/// Rejects metrics that need classes when there is no classifier. The advice depends on the images,
/// because they decide which classifier is possible.
fn require_classes(metrics: &[&'static Metric], extractor: FeatureExtractor, data: &Dataset) -> Result<(), Failure> {
    let Some(metric) = metrics.iter().find(|metric| !is_possible(metric, extractor)) else { return Ok(()) };
    let side = data.pictures(0, &[0])?.size()[0];
    let fitting = FeatureExtractor::NAMES.iter().find(|(_, known)| *known == FeatureExtractor::Evalnet(side));
    let failure = Failure::new(Code::Usage, format!("`{}` needs a classifier as its extractor", metric.name))
        .at("option --metric")
        .because("principal components do not predict classes");
    Err(match fitting.filter(|_| data.classes().is_some()) {
        Some((name, _)) => failure.help(advice!("metric-of-classes", "add `--extractor {name}`")),
        None => failure.help(advice!(
            "metric-without-classes",
            "leave out `--metric` to use all other metrics: there is no classifier for these images"
        )),
    })
}

/// What to measure, for which run.
#[derive(Clone, Debug, Default)]
pub struct EvaluateRequest {
    /// A run folder, or one of its checkpoint files.
    pub run: PathBuf,
    /// The caller's own system, if the run is of one; those of the table are found by name.
    pub own: Option<Arc<Trainable>>,
    /// How many images to generate, and how many real ones to compare them with; by default 2500
    /// images or 10,000 points in the plane.
    pub count: Option<u64>,
    /// Seed of the generated images and of the selection of real ones; by default that of the run.
    pub seed: Option<u64>,
    /// Truncation, for systems with styles.
    pub psi: Option<f64>,
    /// The feature extractor: `pca64` (the default), `evalnet28`, `evalnet32` or `inception`.
    pub extractor: Option<String>,
    /// The weights of the extractor `inception`.
    pub weights: Option<PathBuf>,
    /// Real images to compare with, instead of those of the run.
    pub data: Option<String>,
    /// The names of the metrics; all applicable ones if empty.
    pub metrics: Vec<String>,
    /// A `.json` or `.csv` file for the results.
    pub out: Option<PathBuf>,
    /// Where messages go.
    pub output: Output,
}

impl EvaluateRequest {
    /// A request for all metrics of the run, or checkpoint file, `run`.
    pub fn of(run: impl Into<PathBuf>) -> Self {
        Self { run: run.into(), ..Self::default() }
    }
}

/// Rejects weights without the extractor that they are for, and the other way round.
fn check_weights(extractor: FeatureExtractor, weights: Option<&Path>) -> Result<(), Failure> {
    match weights {
        None if extractor == FeatureExtractor::Inception => Err(inception::needs_weights()),
        Some(path) if extractor != FeatureExtractor::Inception => {
            Err(Failure::new(Code::Usage, "the weights are for the extractor `inception`")
                .at("option --weights")
                .because(format!("{} would not be used", path.display()))
                .help(advice!("weights-unused", "leave out `--weights`, or choose that extractor")))
        }
        _ => Ok(()),
    }
}

/// Rejects a number of images that is not allowed.
fn check_count(count: Option<u64>) -> Result<(), Failure> {
    match count {
        Some(count) if !(FEWEST as u64..=MOST).contains(&count) => {
            Err(Failure::new(Code::Usage, format!("cannot evaluate {count} images"))
                .at("option --count")
                .because(format!("allowed: {FEWEST} to {MOST}")))
        }
        _ => Ok(()),
    }
}

/// The results of an evaluation, in the order of their lines.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Each measured value.
    pub measurements: Vec<Measurement>,
    json: serde_json::Value,
}

impl Evaluation {
    /// The results as JSON, as in a `.json` file.
    pub fn json(&self) -> &serde_json::Value {
        &self.json
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.measurements.iter().try_for_each(|one| writeln!(f, "{one}"))
    }
}

/// Measures the images of a run.
///
/// # Errors
/// When the request is invalid, no checkpoint can be used, the real images cannot be read, or a
/// file cannot be written.
pub fn evaluate(request: &EvaluateRequest) -> Result<Evaluation, Failure> {
    processor::on_a_kernel_thread(|| evaluate_here(request))
}

/// The extractor `pca64`, fitted on `reals`, which takes seconds if the images are large.
fn principal_components(reals: &Pictures, output: &Output) -> Pca {
    let bar = LateBar::new(output, "rounds of principal components", Pca::ROUNDS);
    Pca::fit_with(reals, 64, || bar.increment())
}

/// Measures on the current thread.
fn evaluate_here(request: &EvaluateRequest) -> Result<Evaluation, Failure> {
    let format = request.out.as_deref().map(output::Format::of).transpose()?;
    let extractor = FeatureExtractor::named(request.extractor.as_deref().unwrap_or("pca64"))?;
    let metrics = chosen(&request.metrics, extractor)?;
    check_weights(extractor, request.weights.as_deref())?;
    check_count(request.count)?;
    let Trained { mut config, system, found, .. } =
        resume::open_trained_showing(&request.run, request.own.as_ref(), &request.output)?;
    let sampler = system.samples();
    let truncated = request.psi.map(|psi| Styled::new(&sampler, psi, "--psi", &request.run)).transpose()?;
    if let Some(data) = &request.data {
        config.name_data(Some(data.clone()));
    }
    let is_plane = matches!(system.samples(), Sampler::Points(_));
    if is_plane && (!request.metrics.is_empty() || extractor != FeatureExtractor::Pca64) {
        return Err(Failure::new(Code::Usage, "this run generates points in the plane, not images")
            .at(request.run.display())
            .because("--metric and --extractor apply to images")
            .help(advice!(
                "points-have-own-numbers",
                "leave out `--metric --extractor`: points have their own metrics"
            )));
    }
    if found.checkpoint.data.is_empty() && config.data().is_none() && !is_plane {
        return Err(Failure::new(Code::Usage, "there are no images to compare with")
            .at(request.run.display())
            .because("its weights were imported, and its configuration names no data")
            .help(advice!("imported-without-data", "name the real images: `--data PATH`")));
    }
    let data = data::of(&config, &*system, FEWEST, &request.output)?;
    if request.data.is_none() {
        resume::require_same_images(&data, &found.checkpoint.data, false)?;
    }
    require_classes(&metrics, extractor, &data)?;

    if let Some(path) = &request.out {
        storage::make_folder_for(path)?;
    }
    let output = &request.output;
    found.passed_over().iter().for_each(|line| output.say(line));
    output.say(&format!("run          {}, step {}", found.path.display(), found.checkpoint.step));
    let count = request.count.unwrap_or(USUAL[usize::from(is_plane)]);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    // Held-out images, because memorised training images score well against the training set only.
    let held_back = match system.image_shape() {
        Some(shape) => config.entry.load.load_held_back(&config, shape, output)?,
        None => None,
    };
    let enough = held_back.as_ref().filter(|images| {
        images.counts().iter().zip(data.counts()).all(|(there, learned)| *there >= count.min(learned))
    });
    let (reals, which) = match (enough, &held_back) {
        (Some(images), _) => (images, "test split"),
        (None, Some(_)) => (&data, "training images: the test split is too small"),
        (None, None) if is_plane => (&data, "new points, not those of the training"),
        (None, None) => (&data, "training images: there is no test split"),
    };
    output.say(&format!("reals        {} ({which})", reals.origin()));
    let features = if extractor == FeatureExtractor::Inception { inception::BYTES } else { 0 };
    let bytes = system.image_shape().map_or(0, |image| COPIES * image.iter().product::<usize>() + features);
    let possible = reals.counts().into_iter().fold(count, usize::min);
    plan::can_have_so_many(possible, bytes)?;
    let metrics = inception::defined_for(metrics, !request.metrics.is_empty(), possible, output)?;
    let weights = request.weights.as_deref();
    let setup = Setup { metrics, count, seed: request.seed.unwrap_or(config.seed()), output: output.clone() };
    let evaluator = Evaluator::new(reals, enough.map(|_| &data), setup, |reals| match extractor {
        FeatureExtractor::Pca64 => Ok(Box::new(principal_components(reals, output))),
        FeatureExtractor::Evalnet(side) => evalnet::extractor(side, &config, &data, output),
        FeatureExtractor::Inception => Ok(Box::new(inception::Network::open(weights, output)?)),
    })?;
    if evaluator.count() < count {
        output.say(&format!("images       {} instead of {count}: there are no more real images", evaluator.count()));
    }
    if let Some(psi) = request.psi {
        output.say(&format!("styles       truncated, psi {psi}"));
    }
    let fakes = truncated.as_ref().map_or(sampler, |truncated| Sampler::Latents(truncated));
    let measurements = evaluator.measure(fakes).map_err(|failure| failure.at(found.path.display()))?;
    if let (Some(path), Some(format)) = (&request.out, format) {
        output::write(path, format, &output::About::Run(&found), request.psi, &measurements)?;
    }
    let json = output::json(&output::About::Run(&found), request.psi, &measurements);
    Ok(Evaluation { measurements, json })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_and_extractors_are_found_by_name() {
        let names = |list: &str| list.split(',').map(str::to_owned).collect::<Vec<_>>();
        let found = chosen(&names("kid,ink"), FeatureExtractor::Pca64).unwrap();
        assert_eq!(found.iter().map(|metric| metric.name).collect::<Vec<_>>(), ["kid", "ink"]);
        assert_eq!(chosen(&[], FeatureExtractor::Evalnet(28)).unwrap().len(), METRICS.len());
        let message = |names: &[String]| chosen(names, FeatureExtractor::Pca64).err().unwrap().to_string();
        assert!(message(&names("freshet")).contains("did you mean `frechet`?"));
        assert!(
            chosen(&names("classes"), FeatureExtractor::Pca64).is_ok(),
            "whether it can be measured is asked later"
        );
        assert_eq!(FeatureExtractor::named("evalnet32").unwrap(), FeatureExtractor::Evalnet(32));
        assert_eq!(FeatureExtractor::named("inceptio").unwrap_err().code, Code::Usage);
        let inception = chosen(&[], FeatureExtractor::Inception).unwrap();
        let starts: Vec<_> = inception.iter().map(|metric| metric.name).take(4).collect();
        assert_eq!(starts, ["fid", "kid", "is", "precision-recall"]);
        assert_eq!(chosen(&names("frechet"), FeatureExtractor::Inception).unwrap()[0].name, "fid");
        assert!(message(&names("fid")).contains("use `frechet`"));
    }
}
