//! The options of every command, as they are typed and as `--help` tells them.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::config::Entry;
use crate::engine::Direction;
use crate::processor::MOST_THREADS;
use crate::sampling::animation::MOST_PER_SECOND;
use crate::sampling::styles::StyleSheet;
use crate::systems::{Row, SYSTEMS};

/// How the numbers of a run are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogStyle {
    /// Means over the last steps, steps per second, time left.
    #[default]
    Default,
    /// The two lines of the original notebook every 100 steps, its rounding included.
    Seed,
}

/// When to write in colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// Options of `train <system>`.
#[derive(Args, Clone, Debug, Default)]
pub struct TrainOptions {
    /// Start from this preset
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// A folder of pictures, a .npy array, a .ndjson of strokes, or IDX or CIFAR-10 files; `built-in` for those that are drawn here
    /// [default: the system's own place below data/ (see data/README.md) if it is there, else built-in]
    #[arg(long, value_name = "PATH")]
    pub data: Option<String>,
    /// Only the images of this class, such as apple
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// Training steps in all
    #[arg(long, value_name = "N")]
    pub steps: Option<i64>,
    /// Real images in a batch
    #[arg(long, value_name = "N")]
    pub batch: Option<i64>,
    /// Seed of everything random: the same seed gives the same weights, bit for bit
    #[arg(long, value_name = "N")]
    pub seed: Option<i64>,
    /// Threads to use, without any effect on the result [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_THREADS)))]
    pub threads: Option<u16>,
    /// The run folder itself [default: runs/NNNN-SYSTEM, numbered]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub out: Option<PathBuf>,
    /// Draw a sheet of samples and the curves every N steps [default: 100]
    #[arg(long, value_name = "N")]
    pub sample_every: Option<i64>,
    /// Save everything every N steps [default: 500]
    #[arg(long, value_name = "N")]
    pub checkpoint_every: Option<i64>,
    /// Measure the pictures every N steps, into quality.csv and curves/quality; 0 is never [default: 0]
    #[arg(long, value_name = "N")]
    pub evaluate_every: Option<i64>,
    /// Only tell what the run would need, part by part and stage by stage: memory, time and disk
    #[arg(long)]
    pub dry_run: bool,
    /// Go on with a run folder, or from one of its checkpoint files, to the same bits; --steps is the new total
    #[arg(long, value_name = "RUN")]
    pub resume: Option<PathBuf>,
    /// Read settings from a file with the keys of a run's config.toml
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub config: Option<PathBuf>,
    /// Set one key of the configuration, such as batch=32; may be repeated (a run's config.toml shows all keys)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// How progress is told
    #[arg(long, value_enum, value_name = "STYLE", default_value_t)]
    pub log: LogStyle,
    /// Tell where the time of a step went, layer by layer: a table at the end, and timings.csv
    #[arg(long)]
    pub timings: bool,
}

impl TrainOptions {
    /// What the options (but not `--set` and `--config`) say about the configuration.
    pub fn entries(&self, row: &Row) -> Vec<Entry> {
        let number = |name, key: &str, number: Option<i64>| number.map(|number| Entry::option(name, key, number));
        let text = |name, key: &str, text: Option<String>| text.map(|text| Entry::option(name, key, text));
        [
            text("--preset", "preset", self.preset.clone()),
            text("--data", "data", self.data.clone()),
            text("--class", "class", self.class.clone()),
            number("--steps", "steps", self.steps),
            number("--batch", &format!("{}.batch", row.name), self.batch),
            number("--seed", "seed", self.seed),
            number("--sample-every", "sample_every", self.sample_every),
            number("--checkpoint-every", "checkpoint_every", self.checkpoint_every),
            number("--evaluate-every", "evaluate_every", self.evaluate_every),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Options of `train summary`.
#[derive(Args, Clone, Debug)]
pub struct SummaryOptions {
    /// Of this preset [default: the system's own, see `train systems`]
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Set one key of the configuration, such as batch=32; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
}

/// Options of `train sample`.
#[derive(Args, Clone, Debug)]
pub struct SampleOptions {
    /// A run folder, or one of its checkpoint files
    pub run: PathBuf,
    /// How many pictures to draw [default: 16; with --seeds 1 of each, with --sheet a few]
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Seed of the latents: picture n of a seed is always the same [default: the run's]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Several seeds, such as 0-35,100
    #[arg(long, value_name = "LIST", conflicts_with = "seed", allow_hyphen_values = true)]
    pub seeds: Option<String>,
    /// Where the pictures go; the ending says the form: .png a sheet, .npy an array of uint8 of shape (N, height, width) or, in
    /// colour, (N, height, width, 3), / a folder with 0001.png, 0002.png, ... [default: RUN/samples/sample-seed-N.png]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Draw with the checkpoint of this step [default: the newest]
    #[arg(long, value_name = "STEP")]
    pub checkpoint: Option<u64>,
    /// Draw with the weights of the last step, if the run keeps an average of them (`ema`) to draw with
    #[arg(long)]
    pub raw: bool,
    /// Truncation, for systems that draw from styles: the distance of each style from their mean is multiplied by this, from -2 to 2.
    /// 0.7 draws pictures that vary less and look better, 0 only the mean one [default: 1]
    #[arg(long, value_name = "PSI", allow_negative_numbers = true, value_parser = psi, conflicts_with = "raw")]
    pub psi: Option<f64>,
    /// Numbers of a latent beyond this, on either side, are drawn anew, for systems whose latents are normal; from 0.05 to 10. Near 1 the
    /// pictures vary less and look better [default: none are]
    #[arg(long, value_name = "BOUND", value_parser = bound)]
    pub truncate: Option<f64>,
    /// A sheet that shows what styles and noise decide, for systems that draw from styles; a finished training has drawn all three
    #[arg(long, value_name = "KIND", conflicts_with_all = ["seeds", "raw", "psi", "columns", "interpolate"])]
    pub sheet: Option<StyleSheet>,
    /// Tiles in a row [default: about as many as rows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub columns: Option<u32>,
    /// Show a pixel as N x N [default: as large as makes tiles of 128; single pictures 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub zoom: Option<u32>,
    /// Pixels between the tiles and around them [default: 2]
    #[arg(long, value_name = "N")]
    pub gap: Option<u32>,
    #[command(flatten)]
    pub walk: WalkOptions,
}

fn psi(text: &str) -> Result<f64, String> {
    number(text, -2.0, 2.0)
}

fn bound(text: &str) -> Result<f64, String> {
    number(text, 0.05, 10.0)
}

fn number(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (low..=high).contains(number));
    number.ok_or_else(|| format!("say a number from {low} to {high}"))
}

/// Options of `train translate`.
#[derive(Args, Clone, Debug)]
pub struct TranslateOptions {
    /// A run folder, or one of its checkpoint files
    pub run: PathBuf,
    /// A folder of pictures, or the file of one; each is scaled to the size that the run learned at
    pub pictures: PathBuf,
    /// From which domain to which
    #[arg(long, ignore_case = true, value_name = "AtoB|BtoA",
          value_parser = PossibleValuesParser::new(["AtoB", "BtoA"]).map(|text| direction(&text)))]
    pub direction: Direction,
    /// The folder for the translations, called as their pictures but all .png, and for _sheet.png, which shows the first ones:
    /// picture, translation, way home, identity
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

fn direction(text: &str) -> Direction {
    if text.eq_ignore_ascii_case("AtoB") { Direction::AToB } else { Direction::BToA }
}

/// Options of `train project`.
#[derive(Args, Clone, Debug)]
pub struct ProjectOptions {
    /// A run folder, or one of its checkpoint files
    pub run: PathBuf,
    /// The picture; it is scaled to the size that the run learned at
    pub picture: PathBuf,
    /// Steps of the search
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub steps: u32,
    /// Seed of what is random in the search: the same seed finds the same style, bit for bit [default: the run's]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The sheet, a .png: the picture, the mean style's, some stages of the search, the last one; the style goes beside it, as .npy
    /// [default: RUN/samples/project-PICTURE.png]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Options of an animation between latents.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Animation")]
pub struct WalkOptions {
    /// Walk from latent to latent, and make it an animated .png or .gif: around the origin (slerp) for normal latents, straight
    /// (lerp) for uniform ones
    #[arg(long)]
    pub interpolate: bool,
    /// Frames from one latent to the next
    #[arg(long, value_name = "N", default_value_t = 16, requires = "interpolate",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub frames: u32,
    /// Latents that each tile walks through (with --seeds it walks through these)
    #[arg(long, value_name = "N", default_value_t = 4, requires = "interpolate", conflicts_with = "seeds",
          value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub keys: u32,
    /// Frames per second
    #[arg(long, value_name = "N", default_value_t = 16, requires = "interpolate",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_PER_SECOND)))]
    pub fps: u32,
    /// Walk back from the last latent to the first, so that the animation has no end
    #[arg(long = "loop", requires = "interpolate")]
    pub closed: bool,
}

/// Options of `train animate`.
#[derive(Args, Clone, Debug)]
pub struct AnimateOptions {
    /// A run folder
    pub run: PathBuf,
    /// An animated .png, or a .gif [default: RUN/samples/progress.png]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Sheets per second
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_PER_SECOND)))]
    pub fps: u32,
    /// Seconds that the last sheet stays
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=60))]
    pub hold: u32,
    /// Only the sheets of every N-th step, and the last one [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub every: Option<u64>,
}

/// Options of `train evaluate`.
#[derive(Args, Clone, Debug)]
pub struct EvaluateOptions {
    /// A run folder, or one of its checkpoint files
    pub run: PathBuf,
    /// How many fakes to draw, and how many reals to compare them with, if there are so many [default: 2500; points: 10000]
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Seed of the fakes, and of which reals are taken [default: the run's]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Of pictures that are truncated so, for systems that draw from styles (see `train sample --help`)
    #[arg(long, value_name = "PSI", allow_negative_numbers = true, value_parser = psi)]
    pub psi: Option<f64>,
    /// What looks at the images: pca64, evalnet28, evalnet32
    #[arg(long, value_name = "NAME", default_value = "pca64")]
    pub extractor: String,
    /// The reals [default: the run's own]
    #[arg(long, value_name = "PATH")]
    pub data: Option<String>,
    /// Only these metrics, separated by commas [default: all]
    #[arg(long = "metric", value_name = "LIST", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// Write the numbers to a file too (.json or .csv)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Options of `train evalnet`.
#[derive(Args, Clone, Debug)]
pub struct EvalnetOptions {
    /// A file or folder with labelled images, in the system's format [default: the system's usual data]
    #[arg(long, value_name = "PATH")]
    pub data: Option<String>,
    /// Seed of the weights and of the order of the images
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// Options of `train explain`.
#[derive(Args, Clone)]
pub struct ExplainOptions {
    /// Which system [default: quickdraw]
    #[arg(value_name = "SYSTEM", value_parser = PossibleValuesParser::new(SYSTEMS.iter().map(|row| row.name)))]
    pub system: Option<String>,
    /// Explain the next step of this run, a run folder or one of its checkpoint files; it is only read
    #[arg(long, value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// From which checkpoint of the run: `last`, or the steps that it has done
    #[arg(long, value_name = "last|N", default_value = "last", value_parser = step)]
    pub step: StepChoice,
    /// A preset of the system or, without SYSTEM, a teaching-size example: scalar, mlp, gan
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Real images in the batch
    #[arg(long, value_name = "N")]
    pub batch: Option<i64>,
    /// A file or folder with the images [default: the run's own, else those that are built in]
    #[arg(long, value_name = "PATH")]
    pub data: Option<String>,
    /// Only the images of this class
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// Seed of everything random: the same seed gives the same page, byte for byte [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<i64>,
    /// Set one key of the configuration, such as quickdraw.depth=8; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// The page [default: explain.html]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Which checkpoint of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepChoice {
    /// The newest.
    Last,
    /// That of this step.
    Number(u64),
}

fn step(text: &str) -> Result<StepChoice, String> {
    match text {
        "last" => Ok(StepChoice::Last),
        number => number.parse().map(StepChoice::Number).map_err(|_| "say `last`, or a number of steps".to_owned()),
    }
}

/// Options of `train fetch`.
#[derive(Args, Clone, Debug)]
pub struct FetchOptions {
    /// The data set; without it, lists those that there are
    #[arg(value_name = "SET")]
    pub set: Option<String>,
    /// The class of the doodles to download; may be repeated [default: apple]
    #[arg(long = "class", value_name = "NAME")]
    pub classes: Vec<String>,
    /// The folder that data sets are put into, each in a folder of its own
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub out: PathBuf,
    /// Take the files from this address instead of the publisher's
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// Only say what would be downloaded and where to
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `train gradcheck`.
#[derive(Args, Clone, Debug)]
pub struct GradcheckOptions {
    /// The operation; without it, all
    #[arg(value_name = "OP")]
    pub op: Option<String>,
}

/// Options of `train derive`.
#[derive(Args, Clone, Debug)]
pub struct DeriveOptions {
    /// The operation, such as matmul; `train gradcheck` lists them
    #[arg(value_name = "OP")]
    pub op: String,
}
