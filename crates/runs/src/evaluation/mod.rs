//! `train evaluate`: how good the pictures of a run are, in numbers.
//!
//! This file is the command: which metrics, of which run, told where. `scale.rs` holds the reals that the fakes are weighed
//! against, and draws the fakes; `output.rs` writes the numbers to a file. The metrics themselves are the crate `metrics`.

pub mod evalnet;

mod output;
mod points;
mod scale;

use datasets::advice;
use metrics::suite::{self, FEWEST, METRICS, Metric, Of};

pub use scale::{Row, Scale, Setup};

use crate::console::{Console, print};
use crate::data::{self, Dataset};
use crate::engine::Sampler;
use crate::failure::{Code, EXIT_CODES, Failure};
use crate::folder::resume::{self, Trained};
use crate::options::EvaluateOptions;
use crate::plan;
use crate::sampling::styles::Truncated;
use crate::storage;
use crate::suggestion::suggestion;
use crate::training;

/// More images than this are of no use to any of the metrics here, and fill the memory.
const MOST: u64 = 100_000;
/// Bytes that a byte of an image takes while so many are compared: reals, as many others and halves of these, fakes, and numbers of four
/// bytes while the reals are gathered.
const COPIES: usize = 14;

/// Fakes that are measured when nothing is said: images, and points of the plane, which cost little.
const USUAL: [u64; 2] = [2500, 10_000];

/// What looks at the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looking {
    /// Principal components, fitted on the reals.
    Pca64,
    /// The classifier for images of so many pixels a side, trained on the run's labelled data.
    Evalnet(usize),
}

impl Looking {
    const NAMES: [(&str, Self); 3] =
        [("pca64", Self::Pca64), ("evalnet28", Self::Evalnet(28)), ("evalnet32", Self::Evalnet(32))];

    /// The extractor of this name.
    ///
    /// # Errors
    /// When there is none; the nearest is suggested.
    fn named(name: &str) -> Result<Self, Failure> {
        let names = Self::NAMES.map(|(name, _)| name);
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, looking)| *looking).ok_or_else(|| {
            Failure::new(Code::Usage, format!("there is no extractor `{name}`")).at("option --extractor").help(advice!(
                "no-such-extractor",
                "{}",
                suggestion(name, &names)
            ))
        })
    }
}

/// Whether `looking` knows what the metric needs.
fn is_possible(metric: &Metric, looking: Looking) -> bool {
    metric.of != Of::Classes || looking != Looking::Pca64
}

/// The metrics with these names; all possible ones if there are none.
///
/// # Errors
/// When there is no such metric.
fn chosen(names: &[String], looking: Looking) -> Result<Vec<&'static Metric>, Failure> {
    if names.is_empty() {
        return Ok(METRICS.iter().filter(|metric| is_possible(metric, looking)).collect());
    }
    let find = |name: &String| {
        suite::find(name).ok_or_else(|| {
            let known = METRICS.each_ref().map(|metric| metric.name);
            Failure::new(Code::Usage, format!("there is no metric `{name}`")).at("option --metric").help(advice!(
                "no-such-metric",
                "{}",
                suggestion(name, &known)
            ))
        })
    };
    names.iter().map(find).collect()
}

/// Refuses metrics of classes without a classifier; which one there can be is a matter of the images.
fn require_classes(metrics: &[&'static Metric], looking: Looking, data: &Dataset) -> Result<(), Failure> {
    let Some(metric) = metrics.iter().find(|metric| !is_possible(metric, looking)) else { return Ok(()) };
    let side = data.pictures(0, &[0])?.size()[0];
    let extractor = Looking::NAMES.iter().find(|(_, looking)| *looking == Looking::Evalnet(side));
    let failure = Failure::new(Code::Usage, format!("`{}` needs an extractor that knows classes", metric.name))
        .at("option --metric")
        .because("principal components know none");
    Err(match extractor.filter(|_| data.classes().is_some()) {
        Some((name, _)) => failure.help(advice!("metric-of-classes", "add `--extractor {name}`")),
        None => failure.help(advice!(
            "metric-without-classes",
            "leave out `--metric` to measure everything that can be: there is no classifier for these images"
        )),
    })
}

/// What `train evaluate --help` says beyond the options.
pub fn help() -> String {
    let list = |rows: &[(&str, &str)]| {
        rows.iter().map(|(name, about)| format!("  {name:<17} {about}")).collect::<Vec<_>>().join("\n")
    };
    let metrics = METRICS.each_ref().map(|metric| (metric.name, metric.about));
    format!(
        "Metrics:
{}

Beside them, of a run that translates, in each direction:
{}

And of a run that draws points of the plane, instead of all others:
{}

Extractors:
  pca64             the 64 strongest variations of the reals' pixels
  evalnet28         a small classifier of 28x28 images, trained on the run's labelled data when first asked for
  evalnet32         the same for 32x32 images

A score only compares with scores of the same extractor and number of images, so both stand in its name.
Beside it stands what reals score against other reals. None of them is a FID: that is Inception's alone.

{EXIT_CODES}",
        list(&metrics),
        list(&scale::DISTANCES),
        list(&points::NUMBERS)
    )
}

/// Measures, and tells.
///
/// # Errors
/// When the options make no sense, no checkpoint can be used, the reals cannot be read, or a file cannot be written.
pub fn run(options: &EvaluateOptions) -> Result<(), Failure> {
    let form = options.out.as_deref().map(output::Form::of).transpose()?;
    let looking = Looking::named(&options.extractor)?;
    let metrics = chosen(&options.metrics, looking)?;
    let fewest = FEWEST as u64;
    if let Some(count) = options.count.filter(|count| !(fewest..=MOST).contains(count)) {
        return Err(Failure::new(Code::Usage, format!("cannot measure {count} images"))
            .at("option --count")
            .because(format!("allowed: {fewest} to {MOST}")));
    }
    let Trained { mut config, system, found, .. } = resume::open_trained(&options.run)?;
    let sampler = system.samples();
    let truncated = options.psi.map(|psi| Truncated::new(&sampler, psi, &options.run)).transpose()?;
    if let Some(data) = &options.data {
        config.name_data(Some(data.clone()));
    }
    let is_plane = matches!(system.samples(), Sampler::Points(_));
    if is_plane && (!options.metrics.is_empty() || looking != Looking::Pca64) {
        return Err(Failure::new(Code::Usage, "this run draws points of the plane, no images")
            .at(options.run.display())
            .because("--metric and --extractor are for images")
            .help(advice!(
                "points-have-own-numbers",
                "leave out `--metric --extractor`: points have numbers of their own"
            )));
    }
    let data = data::of(&config, &*system, FEWEST)?;
    if options.data.is_none() {
        training::same_images(&data, &found.checkpoint.data, false)?;
    }
    require_classes(&metrics, looking, &data)?;

    if let Some(path) = &options.out {
        storage::make_folder_for(path)?;
    }
    let console = Console::default();
    found.passed_over().iter().for_each(|line| console.say(line));
    console.say(&format!("run          {}, step {}", found.path.display(), found.checkpoint.step));
    let count = options.count.unwrap_or(USUAL[usize::from(is_plane)]);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    // Fakes that are the training images again score well against those and not against others.
    let held_back = match system.image_shape() {
        Some(shape) => config.row.load.load_held_back(&config, shape)?,
        None => None,
    };
    let enough = held_back.as_ref().filter(|images| {
        images.counts().iter().zip(data.counts()).all(|(there, learned)| *there >= count.min(learned))
    });
    let (reals, which) = match (enough, &held_back) {
        (Some(images), _) => (images, "test split"),
        (None, Some(_)) => (&data, "training images: the test split is too small"),
        (None, None) if is_plane => (&data, "others than it has learned from"),
        (None, None) => (&data, "training images: there is no test split"),
    };
    console.say(&format!("reals        {} ({which})", reals.origin()));
    let bytes = system.image_shape().map_or(0, |image| COPIES * image.iter().product::<usize>());
    plan::can_have_so_many(reals.counts().into_iter().fold(count, usize::min), bytes)?;
    let setup = Setup { metrics, count, seed: options.seed.unwrap_or(config.seed) };
    let scale = Scale::new(reals, enough.map(|_| &data), setup, |reals| match looking {
        Looking::Pca64 => Ok(Box::new(metrics::Pca::fit(reals, 64))),
        Looking::Evalnet(side) => evalnet::extractor(side, &config, &data, &console),
    })?;
    if scale.count() < count {
        console.say(&format!("images       {} instead of {count}: there are no more reals", scale.count()));
    }
    if let Some(psi) = options.psi {
        console.say(&format!("styles       truncated, psi {psi}"));
    }
    let fakes = truncated.as_ref().map_or(sampler, |truncated| Sampler::Latents(truncated));
    let rows = scale.weigh(fakes).map_err(|failure| failure.at(found.path.display()))?;
    print(&rows.iter().map(|row| format!("{row}\n")).collect::<String>())?;
    match (&options.out, form) {
        (Some(path), Some(form)) => output::write(path, form, &found, options.psi, &rows),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_and_extractors_are_found_by_name() {
        let names = |list: &str| list.split(',').map(str::to_owned).collect::<Vec<_>>();
        let found = chosen(&names("kid,ink"), Looking::Pca64).unwrap();
        assert_eq!(found.iter().map(|metric| metric.name).collect::<Vec<_>>(), ["kid", "ink"]);
        assert_eq!(chosen(&[], Looking::Evalnet(28)).unwrap().len(), METRICS.len());
        let told = |names: &[String]| chosen(names, Looking::Pca64).err().unwrap().to_string();
        assert!(told(&names("freshet")).contains("did you mean `frechet`?"));
        assert!(chosen(&names("classes"), Looking::Pca64).is_ok(), "whether it can be measured is asked later");
        assert_eq!(Looking::named("evalnet32").unwrap(), Looking::Evalnet(32));
        assert_eq!(Looking::named("inception").unwrap_err().code, Code::Usage);
        assert!(METRICS.iter().all(|metric| help().contains(metric.about)));
        let beside = scale::DISTANCES.iter().chain(&points::NUMBERS);
        assert!({ beside }.all(|(name, about)| help().contains(name) && help().contains(about)));
    }
}
