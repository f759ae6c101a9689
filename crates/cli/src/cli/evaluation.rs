//! The options of the commands that measure the quality of images.

use std::path::PathBuf;

use clap::Args;
use metrics::suite::{INCEPTION_METRICS, METRICS, Metric};
use runs::evaluation::{DISTANCES, NUMBERS};

use super::exit_codes::EXIT_CODES;
use super::sampling::psi;

/// Options of `train evaluate`.
#[derive(Args, Clone, Debug)]
pub(crate) struct EvaluateArgs {
    /// A run folder, or one of its checkpoint files
    #[arg(required_unless_present = "pictures")]
    pub(crate) run: Option<PathBuf>,
    /// Measure the pictures of this folder instead of those of a run
    #[arg(long, value_name = "DIR", requires = "against", conflicts_with_all = ["run", "psi", "data"])]
    pub(crate) pictures: Option<PathBuf>,
    /// The folder of pictures to compare them with
    #[arg(long, value_name = "DIR", requires = "pictures")]
    pub(crate) against: Option<PathBuf>,
    /// Number of generated images, and of real images to compare them with (fewer if the data set
    /// is smaller) [default: 2500; points: 10000; pictures: all]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Seed of the generated images and of the choice of real ones [default: the run's; pictures:
    /// 1]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Evaluate truncated samples, for systems with styles (see `train sample --help`)
    #[arg(long, value_name = "PSI", allow_negative_numbers = true, value_parser = psi)]
    pub(crate) psi: Option<f64>,
    /// The feature extractor: pca64, evalnet28, evalnet32, inception
    #[arg(long, value_name = "NAME", default_value = "pca64")]
    pub(crate) extractor: String,
    /// The weights of the extractor inception (.safetensors)
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// The real images [default: the run's own]
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<String>,
    /// Only these metrics, separated by commas [default: all; class-score and classes only with a
    /// classifier as extractor]
    #[arg(long = "metric", value_name = "LIST", value_delimiter = ',')]
    pub(crate) metrics: Vec<String>,
    /// Also write the scores to a file (.json or .csv)
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `train evalnet`.
#[derive(Args, Clone, Debug)]
pub(crate) struct EvalnetArgs {
    /// A file or folder with labelled images, in a format that the system reads [default: the
    /// system's usual data]
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<String>,
    /// Seed of the weights and of the order of the images
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// The end of `train evaluate --help`.
pub(super) fn help() -> String {
    let list = |rows: &[(&str, &str)]| {
        rows.iter().map(|(name, about)| format!("  {name:<17} {about}")).collect::<Vec<_>>().join("\n")
    };
    let rows = |metrics: &[Metric]| list(&metrics.iter().map(|metric| (metric.name, metric.about)).collect::<Vec<_>>());
    format!(
        "Metrics:
{}

With the extractor inception, these replace frechet, kid, class-score and classes:
{}

Additional metrics of a run that translates images, in each direction:
{}

Metrics of a run that generates points in the plane, which replace all others:
{}

Feature extractors:
  pca64             projection onto the 64 principal components of the real images
  evalnet28         a small classifier of 28x28 images, trained on the run's labelled data at first use
  evalnet32         the same for 32x32 images
  inception         the network of FID, KID and IS; it needs --weights (the Manual says where to get the file)

A score can only be compared with scores of the same extractor and number of images, so its name contains both.
The score of real images against other real images is printed next to it. Only the scores of Inception are called FID, KID and IS.

Examples:
  train evaluate runs/0001-quickdraw
  train evaluate runs/0004-dcgan --extractor inception --weights inception.safetensors --count 10000
  train evaluate --pictures samples/ --against photographs/ --extractor inception --weights inception.safetensors

{EXIT_CODES}",
        rows(METRICS),
        rows(&INCEPTION_METRICS),
        list(&DISTANCES),
        list(&NUMBERS)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_metric() {
        assert!(METRICS.iter().chain(&INCEPTION_METRICS).all(|metric| help().contains(metric.about)));
        let others = DISTANCES.iter().chain(&NUMBERS);
        assert!({ others }.all(|(name, about)| help().contains(name) && help().contains(about)));
    }
}
