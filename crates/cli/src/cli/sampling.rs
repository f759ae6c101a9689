//! The options of the commands that draw with a trained network.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum, value_parser};
use models::Direction;
use runs::sampling::animation::MOST_PER_SECOND;
use runs::sampling::styles::StyleSheet;

/// Options of `train sample`.
#[derive(Args, Clone, Debug)]
pub(crate) struct SampleArgs {
    /// A run folder, or one of its checkpoint files
    pub(crate) run: PathBuf,
    /// How many images to generate [default: 16; with --seeds 1 per seed; with --sheet a few]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Random seed of the latents: image n of a seed is always the same [default: the run's]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Several seeds, such as 0-35,100
    #[arg(long, value_name = "LIST", conflicts_with = "seed", allow_hyphen_values = true)]
    pub(crate) seeds: Option<String>,
    /// Output file: FILE.png is a sheet, FILE.npy an array of uint8 of shape (N, height, width) or,
    /// in colour, (N, height, width, 3), DIR/ a folder with 0001.png, 0002.png, ... [default:
    /// RUN/samples/sample-seed-N.png]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Use the checkpoint of this step [default: the newest]
    #[arg(long, value_name = "STEP")]
    pub(crate) checkpoint: Option<u64>,
    /// Use the weights of the last step instead of their moving average (`ema`)
    #[arg(long)]
    pub(crate) raw: bool,
    /// Truncation, for systems with styles: multiplies the distance of each style from the mean
    /// style, from -2 to 2. 0.7 gives less varied images of higher quality, 0 only the mean image
    /// [default: 1]
    #[arg(long, value_name = "PSI", allow_negative_numbers = true, value_parser = psi, conflicts_with = "raw")]
    pub(crate) psi: Option<f64>,
    /// Truncation, for systems with normal latents: values beyond this bound, on either side, are
    /// drawn again; from 0.05 to 10. Near 1, the images are less varied and of higher quality
    /// [default: no bound]
    #[arg(long, value_name = "BOUND", value_parser = bound)]
    pub(crate) truncate: Option<f64>,
    /// A sheet that shows the effect of styles and noise, for systems with styles; a finished
    /// run already contains all three
    #[arg(long, value_name = "NAME", conflicts_with_all = ["seeds", "raw", "psi", "columns", "interpolate"])]
    pub(crate) sheet: Option<SheetChoice>,
    /// Tiles per row [default: about as many as rows]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) columns: Option<u32>,
    /// Show each pixel as N x N pixels [default: as needed for tiles of 128 pixels; 1 for single
    /// images]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) zoom: Option<u32>,
    /// Pixels between and around the tiles [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) gap: Option<u32>,
    #[command(flatten)]
    pub(crate) interpolation: InterpolationArgs,
}

/// Options of an animation between latents.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Animation")]
pub(crate) struct InterpolationArgs {
    /// Interpolate between latents, into an animated .png or .gif: spherically (slerp) for normal
    /// latents, linearly (lerp) for uniform ones
    #[arg(long)]
    pub(crate) interpolate: bool,
    /// Frames from one latent to the next
    #[arg(long, value_name = "N", default_value_t = 16, requires = "interpolate", value_parser = value_parser!(u32).range(1..=10_000))]
    pub(crate) frames: u32,
    /// How many latents each tile moves through (with --seeds, it moves through the latents of the
    /// listed seeds)
    #[arg(long, value_name = "N", default_value_t = 4, requires = "interpolate", conflicts_with = "seeds",
          value_parser = value_parser!(u32).range(2..=10_000))]
    pub(crate) keys: u32,
    /// Frames per second
    #[arg(long, value_name = "N", default_value_t = 16, requires = "interpolate",
          value_parser = value_parser!(u32).range(1..=i64::from(MOST_PER_SECOND)))]
    pub(crate) fps: u32,
    /// Return from the last latent to the first, so that the animation loops seamlessly
    #[arg(long = "loop", requires = "interpolate")]
    pub(crate) closed: bool,
}

/// A sheet that shows the effect of styles and noise.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SheetChoice {
    /// Each row shows a sample, from psi = 1 (unchanged) through psi = 0 (the mean image) to psi =
    /// -1 (its opposite)
    Truncation,
    /// Coarse features from the first image of the row, fine ones from the first of the column
    Mixing,
    /// Each row shows a sample, the same sample with different noise, and a map of the pixels that
    /// the noise changes (white: most)
    Noise,
}

impl From<SheetChoice> for StyleSheet {
    fn from(choice: SheetChoice) -> Self {
        match choice {
            SheetChoice::Truncation => Self::Truncation,
            SheetChoice::Mixing => Self::Mixing,
            SheetChoice::Noise => Self::Noise,
        }
    }
}

pub(super) fn psi(text: &str) -> Result<f64, String> {
    number(text, -2.0, 2.0)
}

fn bound(text: &str) -> Result<f64, String> {
    number(text, 0.05, 10.0)
}

fn number(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (low..=high).contains(number));
    number.ok_or_else(|| format!("must be a number from {low} to {high}"))
}

/// Options of `train translate`.
#[derive(Args, Clone, Debug)]
pub(crate) struct TranslateArgs {
    /// A run folder, or one of its checkpoint files
    pub(crate) run: PathBuf,
    /// A folder of images, or one image; each is scaled to the size of the run's images
    pub(crate) pictures: PathBuf,
    /// Source and target domain
    #[arg(long, ignore_case = true, value_name = "AtoB|BtoA",
          value_parser = PossibleValuesParser::new(["AtoB", "BtoA"]).map(|text| direction(&text)))]
    pub(crate) direction: Direction,
    /// The folder for the translations and for _sheet.png. The translations are .png files with
    /// the names of their images. The sheet shows the first few: image, translation, cycle
    /// reconstruction, identity mapping
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

fn direction(text: &str) -> Direction {
    if text.eq_ignore_ascii_case("AtoB") { Direction::AToB } else { Direction::BToA }
}

/// Options of `train project`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProjectArgs {
    /// A run folder, or one of its checkpoint files
    pub(crate) run: PathBuf,
    /// The image; it is scaled to the size of the run's images
    pub(crate) picture: PathBuf,
    /// Steps of the search
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(crate) steps: u32,
    /// Seed of the search: the same seed finds the same style, bit for bit [default: the run's]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// The sheet, a .png file: the image, the image of the mean style, stages of the search, the
    /// result; the style is written next to it, as .npy [default: RUN/samples/project-PICTURE.png]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Options of `train animate`.
#[derive(Args, Clone, Debug)]
pub(crate) struct AnimateArgs {
    /// A run folder
    pub(crate) run: PathBuf,
    /// An animated .png or a .gif [default: RUN/samples/progress.png]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Sheets per second
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u32).range(1..=i64::from(MOST_PER_SECOND)))]
    pub(crate) fps: u32,
    /// Seconds to hold the last sheet
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = value_parser!(u32).range(0..=60))]
    pub(crate) hold: u32,
    /// Use only the sheets whose step is a multiple of N, and the last one [default: all sheets]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(crate) every: Option<u64>,
}
