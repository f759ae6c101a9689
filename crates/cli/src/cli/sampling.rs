//! The options of the commands that draw with a trained network.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum, value_parser};
use datasets::Aspect;
use models::Direction;
use runs::sampling::animation::MOST_PER_SECOND;
use runs::sampling::directions::{MOST as MOST_DIRECTIONS, Method};
use runs::sampling::styles::StyleSheet;
use runs::sampling::translate::Fit;

/// Options of `train sample`.
#[derive(Args, Clone, Debug)]
pub(crate) struct SampleArgs {
    /// A run folder, or one of its checkpoint files
    pub(crate) run: PathBuf,
    /// How many images to generate [default: 16; with --seeds 1 per seed; with --latents or
    /// --styles all; with --sheet a few]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Random seed of the latents: image n of a seed is always the same [default: the run's]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Several seeds, such as 0-35,100
    #[arg(long, value_name = "LIST", conflicts_with = "seed", allow_hyphen_values = true)]
    pub(crate) seeds: Option<String>,
    /// Output file: FILE.png is a sheet, FILE.npy an array of uint8 of shape (N, height, width) or,
    /// in colour, (N, height, width, 3 or 4), DIR/ a folder with 0001.png, 0002.png, ... (with
    /// --interpolate, the frames) [default: RUN/samples/sample-seed-N.png]
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
    pub(crate) given: GivenArgs,
    #[command(flatten)]
    pub(crate) interpolation: InterpolationArgs,
}

/// Options for latents and styles that come from files, or go to files.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Latents and styles")]
pub(crate) struct GivenArgs {
    /// Draw these latents instead of random ones: a .npy file of shape (N, latent), or arithmetic
    /// with files and samples of the seed, such as "mean(1-3) - mean(4-6) + mean(7-9)",
    /// "0.5 * a.npy + 3" or "a.npy[1,4-6]". With --interpolate, the animation passes through them
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true,
          conflicts_with_all = ["seeds", "truncate", "sheet", "keys"])]
    pub(crate) latents: Option<String>,
    /// Draw these styles, for systems with styles: like --latents, with files of shape (N, style),
    /// as `train project` and --styles-out write them, or (N, layers, style)
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true,
          conflicts_with_all = ["latents", "seeds", "truncate", "sheet", "raw", "keys"])]
    pub(crate) styles: Option<String>,
    /// Also write the latents that are drawn, as a .npy file: (N, latent), float32
    #[arg(long, value_name = "FILE", conflicts_with_all = ["styles", "sheet", "interpolate"])]
    pub(crate) latents_out: Option<PathBuf>,
    /// Also write the styles that are drawn, as a .npy file, for systems with styles: (N, style)
    /// or, if layers have different styles, (N, layers, style), float32
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sheet", "interpolate", "raw"])]
    pub(crate) styles_out: Option<PathBuf>,
    /// Move the styles along a direction, for systems with styles: its number on the sheet
    /// sefa.png of `train directions`, or a .npy file, and an amount: 3:2.5, file.npy[2]:-1.
    /// May be given several times
    #[arg(long, value_name = "WHICH:AMOUNT", allow_hyphen_values = true, conflicts_with_all = ["sheet", "raw"])]
    pub(crate) direction: Vec<String>,
    /// The layers that the directions move, from 1, the coarsest: 1-2,5 [default: all]
    #[arg(long, value_name = "LIST", requires = "direction")]
    pub(crate) layers: Option<String>,
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
    /// A folder of images, or one image
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
    /// How pictures of another size than the training images are handled [default: own]
    #[arg(long, value_name = "HOW")]
    pub(crate) fit: Option<FitChoice>,
    /// With --fit own, scale down pictures whose longer side has more than N pixels
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) max_side: Option<u32>,
}

/// How pictures are fitted to the network.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FitChoice {
    /// Keep the picture's own size
    Own,
    /// Scale the largest central part with the right proportions to the size of the training images
    Crop,
    /// Stretch the picture to that size
    Stretch,
    /// Scale the picture to fit into that size, and fill the rest with the background
    Pad,
}

impl From<FitChoice> for Fit {
    fn from(choice: FitChoice) -> Self {
        match choice {
            FitChoice::Own => Self::Own,
            FitChoice::Crop => Self::Training(Aspect::Crop),
            FitChoice::Stretch => Self::Training(Aspect::Stretch),
            FitChoice::Pad => Self::Training(Aspect::Pad),
        }
    }
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

/// Options of `train directions`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DirectionsArgs {
    /// A run folder, or one of its checkpoint files
    pub(crate) run: PathBuf,
    /// How to find them [default: both]
    #[arg(long, value_name = "NAME")]
    pub(crate) method: Option<MethodChoice>,
    /// How many directions to write
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = value_parser!(u32).range(1..=i64::from(MOST_DIRECTIONS)))]
    pub(crate) count: u32,
    /// The layers whose styles are moved, from 1, the coarsest: 1-2,5 [default: all]
    #[arg(long, value_name = "LIST")]
    pub(crate) layers: Option<String>,
    /// Seed of the sample on the sheets [default: the run's]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Use the checkpoint of this step [default: the newest]
    #[arg(long, value_name = "STEP")]
    pub(crate) checkpoint: Option<u64>,
    /// The folder for sefa.npy, sefa.png, principal.npy, principal.png [default: RUN/directions]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// A way to find directions.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum MethodChoice {
    /// Closed form, from the weights: the directions to which the layers respond most (SeFa)
    Sefa,
    /// From samples: the directions in which styles vary most (GANSpace)
    Principal,
}

impl From<MethodChoice> for Method {
    fn from(choice: MethodChoice) -> Self {
        match choice {
            MethodChoice::Sefa => Self::ClosedForm,
            MethodChoice::Principal => Self::Principal,
        }
    }
}

/// Options of `train animate`.
#[derive(Args, Clone, Debug)]
pub(crate) struct AnimateArgs {
    /// A run folder
    pub(crate) run: PathBuf,
    /// An animated .png, a .gif, or DIR/ for the frames 0001.png, 0002.png, ... [default:
    /// RUN/samples/progress.png]
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
