//! The command line: what can be typed, and what it says about itself. One subcommand per system of the table.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, ValueEnum};

use crate::animation::MOST_PER_SECOND;
use crate::config::Entry;
use crate::engine::Direction;
use crate::evaluate;
use crate::failure::EXIT_CODES;
use crate::systems::{Row, SYSTEMS};

/// How the numbers of a run are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogStyle {
    /// Means over the last steps, steps per second, time left.
    #[default]
    Default,
    /// The two lines of the original notebook every 100 steps, its rounding included.
    Seed,
}

/// When to write in colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// Options of `train <system>`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TrainOptions {
    /// Start from this preset
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// A file or folder with the images, in the real format; without it (or as `built-in`) the built-in ones
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<String>,
    /// A class of the images
    #[arg(long, value_name = "NAME")]
    pub(crate) class: Option<String>,
    /// Training steps in all
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<i64>,
    /// Images in a batch
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<i64>,
    /// Seed of everything random: the same seed gives the same weights, bit for bit
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<i64>,
    /// Threads to use, without any effect on the result [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// The run folder itself [default: runs/NNNN-SYSTEM, numbered]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub(crate) out: Option<PathBuf>,
    /// Draw a sheet of samples and the curves every N steps [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) sample_every: Option<i64>,
    /// Save everything every N steps [default: 500]
    #[arg(long, value_name = "N")]
    pub(crate) checkpoint_every: Option<i64>,
    /// Measure the pictures every N steps, into quality.csv and curves/quality; 0 is never [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) evaluate_every: Option<i64>,
    /// Go on with a run folder, or from one of its checkpoint files, to the same bits; --steps is the new total
    #[arg(long, value_name = "RUN")]
    pub(crate) resume: Option<PathBuf>,
    /// Read settings from a file with the keys of a run's config.toml
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub(crate) config: Option<PathBuf>,
    /// Set one key of the configuration, such as batch=32 or quickdraw.dropout=0.3; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// How progress is told
    #[arg(long, value_enum, value_name = "STYLE", default_value_t)]
    pub(crate) log: LogStyle,
    /// Tell where the time of a step went, layer by layer: a table at the end, and timings.csv
    #[arg(long)]
    pub(crate) timings: bool,
}

impl TrainOptions {
    /// What the options (but not `--set` and `--config`) say about the configuration.
    pub(crate) fn entries(&self, row: &Row) -> Vec<Entry> {
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
pub(crate) struct SummaryOptions {
    /// Of this preset
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// Set one key of the configuration, such as batch=32; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
}

/// Options of `train sample`.
#[derive(Args, Clone, Debug)]
pub(crate) struct SampleOptions {
    /// A run folder, or one of its checkpoint files
    pub(crate) run: PathBuf,
    /// How many pictures to draw [default: 16; with --seeds 1 of each]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Seed of the latents: picture n of a seed is always the same [default: the run's]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Several seeds, such as 0-35,100
    #[arg(long, value_name = "LIST", conflicts_with = "seed", allow_hyphen_values = true)]
    pub(crate) seeds: Option<String>,
    /// Where the pictures go; the ending says the form: .png a sheet, .npy an array of uint8 of shape (N, height, width) or, in
    /// colour, (N, height, width, 3), / a folder with 0001.png, 0002.png, ... [default: RUN/samples/sample-seed-N.png]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Draw with the checkpoint of this step [default: the newest]
    #[arg(long, value_name = "STEP")]
    pub(crate) checkpoint: Option<u64>,
    /// Draw with the weights of the last step, if the run keeps an average of them (`ema`) to draw with
    #[arg(long)]
    pub(crate) raw: bool,
    /// Tiles in a row [default: about as many as rows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) columns: Option<u32>,
    /// Show a pixel as N x N [default: as large as makes tiles of 128; single pictures 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) zoom: Option<u32>,
    /// Pixels between the tiles and around them [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) gap: Option<u32>,
    #[command(flatten)]
    pub(crate) walk: WalkOptions,
}

/// Options of `train translate`.
#[derive(Args, Clone, Debug)]
pub(crate) struct TranslateOptions {
    /// A run folder, or one of its checkpoint files
    pub(crate) run: PathBuf,
    /// A folder of pictures, or the file of one; each is scaled to the size that the run learned at
    pub(crate) pictures: PathBuf,
    /// From which domain to which
    #[arg(long, ignore_case = true, value_name = "AtoB|BtoA",
          value_parser = PossibleValuesParser::new(["AtoB", "BtoA"]).map(|text| direction(&text)))]
    pub(crate) direction: Direction,
    /// The folder for the translations, called as their pictures but all .png, and for _sheet.png, which shows the first ones:
    /// picture, translation, way home, identity
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
}

fn direction(text: &str) -> Direction {
    if text.eq_ignore_ascii_case("AtoB") { Direction::AToB } else { Direction::BToA }
}

/// Options of an animation between latents.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Animation")]
pub(crate) struct WalkOptions {
    /// Walk from latent to latent, and make it an animated .png or .gif: around the origin (slerp) for normal latents, straight
    /// (lerp) for uniform ones
    #[arg(long)]
    pub(crate) interpolate: bool,
    /// Frames from one latent to the next
    #[arg(long, value_name = "N", default_value_t = 16, requires = "interpolate",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) frames: u32,
    /// Latents that each tile walks through (with --seeds it walks through these)
    #[arg(long, value_name = "N", default_value_t = 4, requires = "interpolate", conflicts_with = "seeds",
          value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(crate) keys: u32,
    /// Frames per second
    #[arg(long, value_name = "N", default_value_t = 16, requires = "interpolate",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_PER_SECOND)))]
    pub(crate) fps: u32,
    /// Walk back from the last latent to the first, so that the animation has no end
    #[arg(long = "loop", requires = "interpolate")]
    pub(crate) closed: bool,
}

/// Options of `train animate`.
#[derive(Args, Clone, Debug)]
pub(crate) struct AnimateOptions {
    /// A run folder
    pub(crate) run: PathBuf,
    /// An animated .png, or a .gif [default: RUN/samples/progress.png]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Sheets per second
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_PER_SECOND)))]
    pub(crate) fps: u32,
    /// Seconds that the last sheet stays
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=60))]
    pub(crate) hold: u32,
    /// Only the sheets of every N-th step, and the last one [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) every: Option<u64>,
}

/// The end of `train sample --help`.
const SAMPLE_EXAMPLES: &str = "Examples:
  train sample RUN --count 100 --columns 20 --out sheet.png
  train sample RUN --count 50000 --out samples.npy
  train sample RUN --seeds 0-35,100 --out pictures/
  train sample RUN --interpolate --loop --count 8 --columns 4 --out walk.gif";

/// Options of `train evaluate`.
#[derive(Args, Clone, Debug)]
pub(crate) struct EvaluateOptions {
    /// A run folder, or one of its checkpoint files
    pub(crate) run: PathBuf,
    /// How many fakes to draw, and how many reals to compare them with, if there are so many
    #[arg(long, value_name = "N", default_value_t = 2500)]
    pub(crate) count: u64,
    /// Seed of the fakes, and of which reals are taken [default: the run's]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// What looks at the images: pca64, evalnet28, evalnet32
    #[arg(long, value_name = "NAME", default_value = "pca64")]
    pub(crate) extractor: String,
    /// The reals [default: the run's own]
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<String>,
    /// Only these metrics, separated by commas [default: all]
    #[arg(long = "metric", value_name = "LIST", value_delimiter = ',')]
    pub(crate) metrics: Vec<String>,
    /// Write the numbers to a file too (.json or .csv)
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Options of `train evalnet`.
#[derive(Args, Clone, Debug)]
pub(crate) struct EvalnetOptions {
    /// A file or folder with labelled images, in the system's format [default: the system's usual data]
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<String>,
    /// Seed of the weights and of the order of the images
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Options of `train fetch`.
#[derive(Args, Clone, Debug)]
pub(crate) struct FetchOptions {
    /// The data set; without it, lists those that there are
    #[arg(value_name = "SET")]
    pub(crate) set: Option<String>,
    /// The class of the doodles to download; may be repeated [default: apple]
    #[arg(long = "class", value_name = "NAME")]
    pub(crate) classes: Vec<String>,
    /// The folder that data sets are put into, each in a folder of its own
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) out: PathBuf,
    /// Take the files from this address instead of the publisher's
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,
    /// Only say what would be downloaded and where to
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What was typed.
pub(crate) enum Action {
    Train(&'static Row, Box<TrainOptions>),
    Summary(&'static Row, SummaryOptions),
    Translate(TranslateOptions),
    Sample(Box<SampleOptions>),
    Animate(AnimateOptions),
    Evaluate(EvaluateOptions),
    Evalnet(&'static Row, EvalnetOptions),
    Fetch(FetchOptions),
    Systems,
}

/// The whole command line.
pub(crate) fn command() -> Command {
    let mut command = Command::new("train")
        .about("Trains generative adversarial networks on the CPU, to the same bits everywhere.")
        .version(env!("CARGO_PKG_VERSION"))
        .arg_required_else_help(true)
        .subcommand_required(true)
        .subcommand_value_name("SYSTEM or COMMAND")
        .subcommand_help_heading("Systems and commands")
        .after_help(format!(
            "Examples:
  train quickdraw                              learn to draw apples, into runs/0001-quickdraw
  train quickdraw --preset cpu --steps 500     a smaller network, a shorter run
  train quickdraw --data data/quickdraw/apple.npy
  train quickdraw --resume runs/0001-quickdraw --steps 4000
  train summary quickdraw                      the layers and how many weights they have
  train sample runs/0001-quickdraw --count 64  draw with a trained network
  train translate runs/0002-cyclegan pictures --direction AtoB --out translated
  train animate runs/0001-quickdraw            how it learned, as an animated picture
  train evaluate runs/0001-quickdraw           how good its pictures are, in numbers
  train fetch mnist                            download a data set

{EXIT_CODES}"
        ))
        .arg(
            Arg::new("color")
                .long("color")
                .global(true)
                .value_name("WHEN")
                .default_value("auto")
                .value_parser(clap::builder::EnumValueParser::<ColorChoice>::new())
                .help("When to write in colour"),
        );
    for row in SYSTEMS {
        let options = TrainOptions::augment_args(Command::new(row.name)).about(row.about).after_help(EXIT_CODES);
        let names: Vec<&str> = row.presets.iter().map(|preset| preset.name).collect();
        let preset = format!("Start from this preset: {} [default: {}]", names.join(" or "), names[0]);
        command = command.subcommand(options.mut_arg("preset", |arg| arg.help(preset)));
    }
    // `about` comes last: the derived options bring the first line of their own documentation.
    let systems = PossibleValuesParser::new(SYSTEMS.iter().map(|row| row.name));
    let system = Arg::new("system").required(true).value_name("SYSTEM").value_parser(systems).help("The system");
    command
        .subcommand(
            SummaryOptions::augment_args(Command::new("summary").arg(system.clone()))
                .about("Prints the layers of a system with the numbers of their weights"),
        )
        .subcommand(
            TranslateOptions::augment_args(Command::new("translate"))
                .about("Translates pictures with a trained network")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            SampleOptions::augment_args(Command::new("sample"))
                .about("Draws with a trained network: sheets, single pictures, arrays, animations")
                .after_help(SAMPLE_EXAMPLES),
        )
        .subcommand(
            AnimateOptions::augment_args(Command::new("animate"))
                .about("Makes an animation of a run's own sheets: a network that learns to draw"),
        )
        .subcommand(
            EvaluateOptions::augment_args(Command::new("evaluate"))
                .about("Measures how good the pictures of a run are")
                .after_help(evaluate::help()),
        )
        .subcommand(
            EvalnetOptions::augment_args(Command::new("evalnet").arg(system))
                .about("Trains the classifier that `evaluate --extractor evalnet28` looks through, on a system's labelled images")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            FetchOptions::augment_args(Command::new("fetch"))
                .about("Downloads a data set, checks it and puts it under data/"),
        )
        .subcommand(Command::new("systems").about("Lists the systems and their presets"))
}

/// Reads what was typed.
///
/// # Errors
/// What `clap` says about a wrong command line, with the nearest name where there is one.
pub(crate) fn parse(matches: &ArgMatches) -> Result<(Action, ColorChoice), clap::Error> {
    let color = matches.get_one::<ColorChoice>("color").copied().unwrap_or_default();
    let missing = || command().error(clap::error::ErrorKind::MissingSubcommand, "say what to train, or a command");
    let (name, inner) = matches.subcommand().ok_or_else(missing)?;
    let row = |name: &str| SYSTEMS.iter().find(|row| row.name == name).ok_or_else(missing);
    let row_of = |inner: &ArgMatches| row(inner.get_one::<String>("system").ok_or_else(missing)?);
    let action = match name {
        "summary" => Action::Summary(row_of(inner)?, SummaryOptions::from_arg_matches(inner)?),
        "translate" => Action::Translate(TranslateOptions::from_arg_matches(inner)?),
        "sample" => Action::Sample(Box::new(SampleOptions::from_arg_matches(inner)?)),
        "animate" => Action::Animate(AnimateOptions::from_arg_matches(inner)?),
        "evaluate" => Action::Evaluate(EvaluateOptions::from_arg_matches(inner)?),
        "evalnet" => Action::Evalnet(row_of(inner)?, EvalnetOptions::from_arg_matches(inner)?),
        "fetch" => Action::Fetch(FetchOptions::from_arg_matches(inner)?),
        "systems" => Action::Systems,
        system => Action::Train(row(system)?, Box::new(TrainOptions::from_arg_matches(inner)?)),
    };
    Ok((action, color))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does() {
        let help = command().render_help().to_string();
        for words in [SYSTEMS[0].about, "the layers of a system", "Draws with a trained network"] {
            assert!(help.contains(words), "{words}: {help}");
        }
    }

    #[test]
    fn every_example_of_the_help_parses() {
        let help = command().render_long_help().to_string();
        let examples: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  train ")).collect();
        assert!(examples.len() >= 6, "{help}");
        for example in examples {
            let words = example.split("  ").next().unwrap_or_default().split_whitespace();
            command().try_get_matches_from(["train"].into_iter().chain(words)).unwrap();
        }
    }

    #[test]
    fn every_option_reaches_the_configuration() {
        let line = "train quickdraw --preset cpu --data x --class c --steps 1 --batch 2 --seed 3 --sample-every 4 \
                    --checkpoint-every 5 --evaluate-every 6";
        let matches = command().try_get_matches_from(line.split_whitespace()).unwrap();
        let (Action::Train(row, options), _) = parse(&matches).unwrap() else { panic!("not a training") };
        let entries: Vec<String> =
            options.entries(row).iter().map(|entry| format!("{}={}", entry.key, entry.value)).collect();
        assert_eq!(
            entries.join(" "),
            "preset=\"cpu\" data=\"x\" class=\"c\" steps=1 quickdraw.batch=2 seed=3 sample_every=4 checkpoint_every=5 \
             evaluate_every=6"
        );
    }
}
