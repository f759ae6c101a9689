//! The options of the commands that look at systems, steps, data sets and operations.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use explain::presets::PRESETS;
use museum::EXHIBITS;
use runs::explanation::StepChoice;
use runs::systems::SYSTEMS;

/// Options of `train summary`.
#[derive(Args, Clone, Debug)]
pub(crate) struct SummaryArgs {
    /// A preset [default: the system's own, see `train systems`]
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// Set one key of the configuration, such as batch=32; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Print JSON instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `train report`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReportArgs {
    /// Run folders; the curves of several runs are drawn in the same charts
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<PathBuf>,
    /// The HTML file to write [default: report.html]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Options of `train explain`.
#[derive(Args, Clone)]
pub(crate) struct ExplainArgs {
    /// The system [default: quickdraw]
    #[arg(value_name = "SYSTEM", value_parser = PossibleValuesParser::new(SYSTEMS.iter().map(|entry| entry.name)))]
    pub(crate) system: Option<String>,
    /// Explain the next step of this run, a run folder or one of its checkpoint files; nothing in
    /// it is changed
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<PathBuf>,
    /// The checkpoint of the run: `last`, or the number of steps done
    #[arg(long, value_name = "last|N", default_value = "last", value_parser = step)]
    pub(crate) step: StepChoice,
    /// A preset of the system or, without SYSTEM, a teaching-size example: scalar, mlp, gan
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// Real images per batch
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<i64>,
    /// A file or folder with the images [default: the run's own, else built-in ones]
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<String>,
    /// Only the images of this class
    #[arg(long, value_name = "NAME")]
    pub(crate) class: Option<String>,
    /// Random seed: the same seed gives the same page, byte for byte [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<i64>,
    /// Set one key of the configuration, such as quickdraw.depth=8; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// The HTML file to write [default: explain.html]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

fn step(text: &str) -> Result<StepChoice, String> {
    match text {
        "last" => Ok(StepChoice::Last),
        number => number.parse().map(StepChoice::Number).map_err(|_| "must be `last` or a number of steps".to_owned()),
    }
}

/// The end of `train explain --help`, before the exit codes.
pub(super) fn explain_help() -> String {
    let examples: Vec<String> = PRESETS.iter().map(|preset| format!("  {:<8} {}", preset.name, preset.about)).collect();
    format!("Teaching-size examples (--preset without SYSTEM):\n{}\n\n{EXAMPLES}", examples.join("\n"))
}

const EXAMPLES: &str = "Examples:
  train explain --preset scalar                a neuron with three weights: check every number by hand
  train explain --preset gan --out gan.html    a whole GAN step, small enough to see all of it
  train explain                                the first training step of quickdraw
  train explain mnist --batch 8                another system, with fewer images
  train explain --run runs/0001-quickdraw      the next step of a run
  train explain --run runs/0001-quickdraw --step 500";

/// Options of `train compare`.
#[derive(Args, Clone, Debug)]
pub(crate) struct CompareArgs {
    /// The run folders; each is compared with the first
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    pub(crate) runs: Vec<PathBuf>,
    /// Repeat at most N steps of two runs of the same system, from the last state that they have in
    /// common, to find the first tensor that differs; 0 to skip this
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) replay: u64,
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Also write a page with the comparison and the report of the runs (.html), or the sheets of
    /// samples side by side (.png)
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Options of `train fetch`.
#[derive(Args, Clone, Debug)]
pub(crate) struct FetchArgs {
    /// The data set; without it, lists the data sets
    #[arg(value_name = "SET")]
    pub(crate) set: Option<String>,
    /// The class of the doodles to download; may be repeated [default: apple]
    #[arg(long = "class", value_name = "NAME")]
    pub(crate) classes: Vec<String>,
    /// The parent folder; each data set goes into a folder of its own below it
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) out: PathBuf,
    /// Download from this address instead of the publisher's
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,
    /// Only print what would be downloaded, and to which folder
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the list, or what `--dry-run` prints, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `train gradcheck`.
#[derive(Args, Clone, Debug)]
pub(crate) struct GradcheckArgs {
    /// The operation [default: all]
    #[arg(value_name = "OP")]
    pub(crate) op: Option<String>,
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `train derive`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DeriveArgs {
    /// The operation, such as matmul; `train gradcheck` lists all
    #[arg(value_name = "OP")]
    pub(crate) op: String,
}

/// Options of `train museum`.
#[derive(Args, Clone, Debug)]
pub(crate) struct MuseumArgs {
    /// The mistake to show; without it, all mistakes are listed
    #[arg(value_name = "BUG", value_parser = PossibleValuesParser::new(EXHIBITS.iter().map(|exhibit| exhibit.name)))]
    pub(crate) bug: Option<String>,
    /// The folder for the two runs and their report [default: museum/BUG]
    #[arg(long, value_name = "DIR", requires = "bug")]
    pub(crate) out: Option<PathBuf>,
    /// Random seed of both runs
    #[arg(long, value_name = "N", default_value_t = 1, requires = "bug")]
    pub(crate) seed: u32,
}

/// Options of `train playground-hash`.
#[derive(Args, Clone, Debug)]
pub(crate) struct PlaygroundHashArgs {
    /// The address of the page, or the part of it after `#`
    #[arg(long, value_name = "LINK", default_value = "points")]
    pub(crate) link: String,
    /// Train this many more steps
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) steps: u64,
    /// Write the weights of a generator of pictures, as the page loads them
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
