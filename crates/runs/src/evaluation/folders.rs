//! [`compare`]: measures the pictures of one folder against those of another, without a run.

use std::path::{Path, PathBuf};

use datasets::{Fitting, PictureSource, advice, decode_picture, list_pictures};
use metrics::suite::{Baseline, FEWEST, INCEPTION_METRICS, Measured, Metric, Of, Sample, measure_all};
use metrics::{Extractor, Pictures};
use models::inception;
use rand::seq::index::sample;
use rayon::prelude::*;

use super::evaluator::not_finite;
use super::{Evaluation, FeatureExtractor, MOST, Measurement, chosen, inception as extractor, output};
use crate::console::{LateBar, Output};
use crate::data;
use crate::failure::{Code, Failure};
use crate::plan;
use crate::processor;
use crate::storage;
use kernels::Key;

/// Which pictures to compare.
#[derive(Clone, Debug)]
pub struct CompareRequest {
    /// A folder or a zip archive with the pictures to measure, such as generated ones.
    pub pictures: PathBuf,
    /// A folder or a zip archive with the pictures to compare them with, such as real ones.
    pub against: PathBuf,
    /// The feature extractor: `pca64` (the default), for pictures of one size, or `inception`.
    pub extractor: Option<String>,
    /// The weights of the extractor `inception`.
    pub weights: Option<PathBuf>,
    /// The most pictures of each folder to compare, chosen at random; all by default.
    pub count: Option<u64>,
    /// Seed of the choice, and of the order in which the pictures are taken.
    pub seed: u64,
    /// The names of the metrics; all applicable ones if empty.
    pub metrics: Vec<String>,
    /// A `.json` or `.csv` file for the results.
    pub out: Option<PathBuf>,
    /// Where messages go.
    pub output: Output,
}

impl CompareRequest {
    /// A request for all metrics of `pictures` against `against`.
    pub fn of(pictures: impl Into<PathBuf>, against: impl Into<PathBuf>) -> Self {
        let (pictures, against) = (pictures.into(), against.into());
        let (extractor, weights, count, metrics, out) = (None, None, None, Vec::new(), None);
        Self { pictures, against, extractor, weights, count, seed: 1, metrics, out, output: Output::default() }
    }
}

/// Compares the pictures. Metrics of Inception use all pictures of both folders; the others use
/// equally many of each.
///
/// # Errors
/// When the request is invalid, a picture cannot be read, or a file cannot be written.
pub fn compare(request: &CompareRequest) -> Result<Evaluation, Failure> {
    processor::on_a_kernel_thread(|| compare_here(request))
}

/// Compares on the current thread.
fn compare_here(request: &CompareRequest) -> Result<Evaluation, Failure> {
    let format = request.out.as_deref().map(output::Format::of).transpose()?;
    let with = FeatureExtractor::named(request.extractor.as_deref().unwrap_or("pca64"))?;
    if let FeatureExtractor::Evalnet(_) = with {
        return Err(Failure::new(Code::Usage, "a classifier of a run's data cannot compare folders")
            .at("option --extractor")
            .because("it is trained on the labelled images of a run")
            .help(advice!("folders-without-classifier", "leave out `--extractor` for principal components")));
    }
    super::check_weights(with, request.weights.as_deref())?;
    let metrics = chosen(&request.metrics, with)?;
    super::check_count(request.count)?;
    let output = &request.output;
    let [fakes, reals] = [&request.pictures, &request.against].map(|folder| files(folder, request));
    let (fakes, reals) = (fakes?, reals?);
    let count = fakes.len().min(reals.len());
    let are_named = !request.metrics.is_empty();
    let metrics = extractor::defined_for(possible(metrics, with, are_named)?, are_named, count, output)?;
    if let Some(path) = &request.out {
        storage::make_folder_for(path)?;
    }
    output.say(&format!("pictures     {} ({})", request.pictures.display(), fakes.len()));
    output.say(&format!("against      {} ({})", request.against.display(), reals.len()));

    let (real, fake, name) = match with {
        FeatureExtractor::Inception => {
            plan::can_have_so_many(fakes.len().max(reals.len()), extractor::BYTES)?;
            let network = extractor::Network::open(request.weights.as_deref(), output)?;
            let sample = |files: &[PictureSource]| {
                let resize = |i: usize, image: &mut [f32]| {
                    let (pixels, [height, width]) = read(&files[i], 3)?;
                    inception::resize(&pixels, [height, width, 3], image);
                    Ok::<(), Failure>(())
                };
                let (features, logits) = network.features(files.len(), resize)?;
                Sample::of_features(features, Some(logits)).map_err(not_finite)
            };
            (sample(&reals)?, sample(&fakes)?, network.name())
        }
        _ => {
            let reals = same_size(&reals, None)?;
            let fakes = same_size(&fakes, Some((&request.against, reals.size())))?;
            let to_fit = reals.part(0..reals.count().min(super::evaluator::MOST_TO_FIT));
            let pca = super::principal_components(&to_fit, output);
            let sample = |pictures| Sample::new(pictures, &pca).map_err(not_finite);
            (sample(reals)?, sample(fakes)?, pca.name())
        }
    };
    let measurements: Vec<Measurement> = measured(&metrics, &name, [&real, &fake], count, output)
        .into_iter()
        .map(|measured| Measurement { direction: None, measured })
        .collect();
    let about = output::About::Folders { pictures: &request.pictures, against: &request.against };
    if let (Some(path), Some(format)) = (&request.out, format) {
        output::write(path, format, &about, None, &measurements)?;
    }
    let json = output::json(&about, None, &measurements);
    Ok(Evaluation { measurements, json })
}

/// The metrics that need no pixels if pictures may differ in size.
fn possible(
    metrics: Vec<&'static Metric>,
    with: FeatureExtractor,
    are_named: bool,
) -> Result<Vec<&'static Metric>, Failure> {
    let fits = |metric: &Metric| match with {
        FeatureExtractor::Inception => matches!(metric.of, Of::Features | Of::Classes),
        _ => metric.of != Of::Classes,
    };
    if let Some(metric) = metrics.iter().find(|metric| are_named && !fits(metric)) {
        return Err(match with {
            FeatureExtractor::Inception => {
                Failure::new(Code::Usage, format!("`{}` compares pixels, not features of Inception", metric.name))
                    .at("option --metric")
                    .because("with Inception, pictures of different sizes are compared")
                    .help(advice!("pixels-without-inception", "leave out `--extractor --weights`"))
            }
            _ => Failure::new(Code::Usage, format!("`{}` needs a classifier as its extractor", metric.name))
                .at("option --metric")
                .because("principal components do not predict classes")
                .help(advice!("folders-without-classes", "leave out `--metric` to use all other metrics")),
        });
    }
    Ok(metrics.into_iter().filter(|metric| fits(metric)).collect())
}

/// Each metric, and the same of one half of the reals against the other.
fn measured(
    metrics: &[&'static Metric],
    name: &str,
    [real, fake]: [&Sample; 2],
    count: usize,
    output: &Output,
) -> Vec<Measured> {
    let bar = LateBar::new(output, "metrics", metrics.len() as u64);
    let half = real.count() / 2;
    let halves = [real.part(0..half), real.part(half..real.count())];
    let equal = [real.part(0..count), fake.part(0..count)];
    let mut all = Vec::new();
    for (at, metric) in metrics.iter().enumerate() {
        bar.set(at as u64);
        let one = [*metric];
        let is_of_inception = INCEPTION_METRICS.iter().any(|known| known.name == metric.name && name == "inception");
        let [real, fake] = if is_of_inception { [real, fake] } else { equal.each_ref() };
        let baseline = (half >= FEWEST).then(|| Baseline::new(&one, halves.each_ref()));
        all.extend(measure_all(&one, name, real, fake, baseline.as_ref()));
    }
    all
}

/// The pictures of a folder, in random order; as many as the request wants.
fn files(folder: &Path, request: &CompareRequest) -> Result<Vec<PictureSource>, Failure> {
    let (files, left_out) = list_pictures(folder, None).map_err(data::failure)?;
    left_out.iter().for_each(|line| request.output.say(line));
    if files.len() < FEWEST {
        return Err(Failure::new(Code::Data, "there are too few pictures to compare")
            .at(folder.display())
            .because(format!("found {}, need at least {FEWEST}", files.len())));
    }
    let wanted = request.count.unwrap_or(MOST) as usize;
    let mut draws = Key::named(request.seed, "pictures of a folder").draws();
    let order = sample(&mut draws, files.len(), files.len().min(wanted)).into_vec();
    Ok(order.into_iter().map(|at| files[at].clone()).collect())
}

/// The bytes of a picture with `channels` each, and its height and width.
fn read(file: &PictureSource, channels: usize) -> Result<(Vec<u8>, [usize; 2]), Failure> {
    let picture = decode_picture(file, channels, &Fitting::default()).map_err(data::failure)?;
    Ok((picture.bytes, picture.size))
}

/// All pictures, which must have the same size: that of the first one, or of the other folder.
fn same_size(files: &[PictureSource], other: Option<(&Path, [usize; 3])>) -> Result<Pictures, Failure> {
    let (first, place) = match other {
        Some((folder, [height, width, _])) => ([height, width], folder.to_owned()),
        None => (read(&files[0], 3)?.1, files[0].path()),
    };
    let size = [first[0], first[1], 3];
    plan::can_have_so_many(files.len(), super::COPIES * size.iter().product::<usize>())?;
    let each: Vec<Vec<u8>> = files
        .par_iter()
        .map(|file| {
            let (pixels, found) = read(file, 3)?;
            if found == first {
                return Ok(pixels);
            }
            let text = |[height, width]: [usize; 2]| format!("{height}x{width}");
            Err(Failure::new(Code::Data, "the pictures have different sizes")
                .at(file.path().display())
                .because(format!(
                    "it has {} pixels (height x width), {} has {}",
                    text(found),
                    place.display(),
                    text(first)
                ))
                .help(advice!(
                    "folders-of-one-size",
                    "scale them to one size; with Inception as the extractor, pictures may have any size"
                )))
        })
        .collect::<Result<_, Failure>>()?;
    Ok(Pictures::new(each.concat(), size))
}
