//! The command line: what can be typed, and its help. Every system of the table is a subcommand;
//! the options of the commands are in a file for each group of them.

pub(crate) mod color;
pub(crate) mod evaluation;
pub(crate) mod exit_codes;
pub(crate) mod export;
pub(crate) mod files;
pub(crate) mod importing;
pub(crate) mod sampling;
pub(crate) mod tools;
pub(crate) mod train;

use std::sync::Arc;

use clap::builder::{EnumValueParser, PossibleValuesParser};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use runs::config::Assignment;
use runs::systems::{self, SYSTEMS, Trainable};

use crate::program;
use color::ColorChoice;
use evaluation::{EvalnetArgs, EvaluateArgs};
use exit_codes::EXIT_CODES;
use export::ExportArgs;
use files::{CompletionsArgs, DoctorArgs, InspectArgs, ManArgs, RunsArgs, SystemsArgs};
use importing::ImportArgs;
use sampling::{AnimateArgs, DirectionsArgs, ProjectArgs, SampleArgs, TranslateArgs};
use tools::{
    CompareArgs, DeriveArgs, ExplainArgs, FetchArgs, GradcheckArgs, MuseumArgs, PlaygroundHashArgs, ReportArgs,
    SummaryArgs,
};
use train::TrainArgs;

/// The end of `train sample --help`.
const SAMPLE_EXAMPLES: &str = "Examples:
  train sample RUN --count 100 --columns 20 --out sheet.png
  train sample RUN --count 50000 --out samples.npy
  train sample RUN --seeds 0-35,100 --out pictures/
  train sample RUN --interpolate --loop --count 8 --columns 4 --out walk.gif
  train sample RUN --latents \"mean(1-3) - mean(4-6) + mean(7-9)\"
  train sample RUN --count 4 --latents-out z.npy
  train sample RUN --latents z.npy --interpolate --out frames/
  train sample RUN --psi 0.7
  train sample RUN --sheet mixing --out mixing.png";

/// What was typed.
pub(crate) enum Action {
    /// The system, the options of the keys of a run, the other options.
    Train(Arc<Trainable>, Vec<Assignment>, Box<TrainArgs>),
    Summary(Arc<Trainable>, SummaryArgs),
    Translate(TranslateArgs),
    Project(ProjectArgs),
    Sample(Box<SampleArgs>),
    Animate(AnimateArgs),
    Directions(DirectionsArgs),
    Evaluate(EvaluateArgs),
    Evalnet(Arc<Trainable>, EvalnetArgs),
    Explain(Box<ExplainArgs>),
    Compare(CompareArgs),
    Export(ExportArgs),
    PlaygroundHash(PlaygroundHashArgs),
    Report(ReportArgs),
    Museum(MuseumArgs),
    Fetch(FetchArgs),
    Import(ImportArgs),
    Gradcheck(GradcheckArgs),
    Derive(DeriveArgs),
    Systems(SystemsArgs),
    Inspect(InspectArgs),
    Runs(RunsArgs),
    Doctor(DoctorArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// The examples of `train --help`.
const EXAMPLES: &str = "Examples:
  train quickdraw                              learn to draw apples, into runs/0001-quickdraw
  train quickdraw --preset cpu --steps 500     a smaller network, a shorter run
  train quickdraw --data data/quickdraw/apple.npy
  train quickdraw --resume runs/0001-quickdraw --steps 4000
  train quickdraw --from runs/0001-quickdraw --set d_learning_rate=2e-4
  train summary quickdraw                      the layers and their parameter counts
  train sample runs/0001-quickdraw --count 64  generate images with a trained network
  train translate runs/0002-cyclegan pictures --direction AtoB --out translated
  train project runs/0003-stylegan2 face.png   find the style that generates this image
  train directions runs/0003-stylegan2         find what the styles control
  train animate runs/0001-quickdraw            animate how the network learned
  train evaluate runs/0001-quickdraw           measure the quality of the images
  train compare runs/0001-quickdraw runs/0002-quickdraw
  train export runs/0001-quickdraw --format onnx
  train explain --preset gan                   explain backprop, on a real training step
  train report runs/0001-quickdraw --out r.html  put a run's report into one file
  train import netG.safetensors --as dcgan     make a run of weights trained with PyTorch
  train fetch mnist                            download a data set
  train gradcheck                              check all derivatives
  train derive matmul                          derive a gradient step by step
  train museum no-cut                          see what a classic mistake does
  train inspect runs/0001-quickdraw            the tensors of the newest checkpoint
  train runs list                              all runs, with their state and size
  train doctor                                 what this machine offers, and what is missing";

/// The whole command line, with the name of the program that runs in all help texts.
pub(crate) fn command() -> Command {
    program::renamed(as_written())
}

/// The whole command line, with help texts for `train`.
fn as_written() -> Command {
    let mut command = Command::new(program::name())
        .about("Trains generative adversarial networks on the CPU, with bit-identical results on every machine.")
        .version(env!("CARGO_PKG_VERSION"))
        .arg_required_else_help(true)
        .subcommand_required(true)
        .subcommand_value_name("SYSTEM or COMMAND")
        .subcommand_help_heading("Systems and commands")
        .after_help(format!("{EXAMPLES}\n\n{EXIT_CODES}"))
        .arg(
            Arg::new("color")
                .long("color")
                .global(true)
                .value_name("WHEN")
                .default_value("auto")
                .value_parser(EnumValueParser::<ColorChoice>::new())
                .help("When to use colour"),
        );
    for entry in SYSTEMS.iter() {
        let options = train::augment(Command::new(entry.name), entry);
        command = command.subcommand(options.about(entry.about).after_help(EXIT_CODES));
    }
    // `about` comes last, because `augment_args` sets it to the first line of the struct's
    // documentation.
    let systems = PossibleValuesParser::new(SYSTEMS.iter().map(|entry| entry.name));
    let system = Arg::new("system").required(true).value_name("SYSTEM").value_parser(systems).help("The system");
    command
        .subcommand(
            SummaryArgs::augment_args(Command::new("summary").arg(system.clone()))
                .about("Prints the layers of a system's networks, with their parameter counts"),
        )
        .subcommand(
            TranslateArgs::augment_args(Command::new("translate"))
                .about("Translates images from one domain to another, with a run of cyclegan")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            ProjectArgs::augment_args(Command::new("project"))
                .about("Finds the style that reproduces a given image, with a run of stylegan2 or stylegan")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            SampleArgs::augment_args(Command::new("sample"))
                .about("Generates images with a trained network: sheets, single images, arrays, animations")
                .after_help(format!("{SAMPLE_EXAMPLES}\n\n{EXIT_CODES}")),
        )
        .subcommand(
            AnimateArgs::augment_args(Command::new("animate"))
                .about("Animates the sheets of a run, to show how the network learned")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            DirectionsArgs::augment_args(Command::new("directions"))
                .about("Finds directions in the space of styles and shows what each does, for runs of stylegan2 or stylegan")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            EvaluateArgs::augment_args(Command::new("evaluate"))
                .about("Measures the quality of a run's images, or of a folder of pictures")
                .after_help(evaluation::help()),
        )
        .subcommand(
            EvalnetArgs::augment_args(Command::new("evalnet").arg(system))
                .about("Trains the classifier for `train evaluate` with the extractor evalnet28 or evalnet32")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            ExplainArgs::augment_args(Command::new("explain"))
                .about("Explains a real training step, on a page that shows how backprop computed every gradient")
                .after_help(format!("{}\n\n{EXIT_CODES}", tools::explain_help())),
        )
        .subcommand(
            CompareArgs::augment_args(Command::new("compare"))
                .about("Compares runs: settings, metrics, quality, sheets, and the first tensor that differs")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            ExportArgs::augment_args(Command::new("export"))
                .about("Exports a generator to PyTorch, ONNX, the Hugging Face Hub or NumPy")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            MuseumArgs::augment_args(Command::new("museum"))
                .about("Trains a GAN with a classic mistake beside a healthy one, and explains the difference")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            PlaygroundHashArgs::augment_args(Command::new("playground-hash"))
                .about("Trains the GAN that a link to the playground describes, and prints the hash of its weights")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            ReportArgs::augment_args(Command::new("report"))
                .about("Writes the report of one or several runs into one file: curves, samples, scores, layers")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            FetchArgs::augment_args(Command::new("fetch"))
                .about("Downloads a data set into data/ and verifies it; without a name, lists the data sets")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            ImportArgs::augment_args(Command::new("import"))
                .about("Makes a run from weights that were trained elsewhere (.safetensors files)")
                .after_help(importing::help()),
        )
        .subcommand(
            GradcheckArgs::augment_args(Command::new("gradcheck"))
                .about("Checks the derivatives of the engine's operations against finite differences")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            DeriveArgs::augment_args(Command::new("derive"))
                .about("Derives the gradient of an operation, step by step, and checks it on a small case")
                .after_help(EXIT_CODES),
        )
        .subcommand(SystemsArgs::augment_args(Command::new("systems")).about("Lists the systems and their presets"))
        .subcommand(
            InspectArgs::augment_args(Command::new("inspect"))
                .about("Lists the arrays in a checkpoint or another file: shapes, types, ranges, hashes")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            RunsArgs::augment_args(Command::new("runs")).about("Lists, shows and removes runs").after_help(EXIT_CODES),
        )
        .subcommand(
            DoctorArgs::augment_args(Command::new("doctor"))
                .about("Examines processor, memory, disk and data, and says what to do about problems")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            CompletionsArgs::augment_args(Command::new("completions"))
                .about("Prints a script that completes commands and options in a shell"),
        )
        .subcommand(ManArgs::augment_args(Command::new("man")).about("Prints the manual page, or writes all of them"))
}

/// Removes clap's tip that an unknown option can be passed as a value, because no value of this
/// command line begins like an option.
pub(crate) fn without_false_tip(mut error: clap::Error) -> clap::Error {
    if error.kind() == clap::error::ErrorKind::UnknownArgument {
        error.remove(clap::error::ContextKind::Suggested);
    }
    error
}

/// Reads what was typed.
///
/// # Errors
/// What `clap` says about a wrong command line, with the nearest name where there is one.
pub(crate) fn parse(matches: &ArgMatches) -> Result<(Action, ColorChoice), clap::Error> {
    let color = matches.get_one::<ColorChoice>("color").copied().unwrap_or_default();
    let missing = || command().error(clap::error::ErrorKind::MissingSubcommand, "a system or a command is missing");
    let (name, inner) = matches.subcommand().ok_or_else(missing)?;
    let find = |name: &str| systems::find(name).ok_or_else(missing);
    let system = |inner: &ArgMatches| find(inner.get_one::<String>("system").ok_or_else(missing)?);
    let action = match name {
        "summary" => Action::Summary(system(inner)?, SummaryArgs::from_arg_matches(inner)?),
        "translate" => Action::Translate(TranslateArgs::from_arg_matches(inner)?),
        "project" => Action::Project(ProjectArgs::from_arg_matches(inner)?),
        "sample" => Action::Sample(Box::new(SampleArgs::from_arg_matches(inner)?)),
        "animate" => Action::Animate(AnimateArgs::from_arg_matches(inner)?),
        "directions" => Action::Directions(DirectionsArgs::from_arg_matches(inner)?),
        "evaluate" => Action::Evaluate(EvaluateArgs::from_arg_matches(inner)?),
        "evalnet" => Action::Evalnet(system(inner)?, EvalnetArgs::from_arg_matches(inner)?),
        "explain" => Action::Explain(Box::new(ExplainArgs::from_arg_matches(inner)?)),
        "export" => Action::Export(ExportArgs::from_arg_matches(inner)?),
        "compare" => Action::Compare(CompareArgs::from_arg_matches(inner)?),
        "museum" => Action::Museum(MuseumArgs::from_arg_matches(inner)?),
        "playground-hash" => Action::PlaygroundHash(PlaygroundHashArgs::from_arg_matches(inner)?),
        "report" => Action::Report(ReportArgs::from_arg_matches(inner)?),
        "fetch" => Action::Fetch(FetchArgs::from_arg_matches(inner)?),
        "import" => Action::Import(ImportArgs::from_arg_matches(inner)?),
        "gradcheck" => Action::Gradcheck(GradcheckArgs::from_arg_matches(inner)?),
        "derive" => Action::Derive(DeriveArgs::from_arg_matches(inner)?),
        "systems" => Action::Systems(SystemsArgs::from_arg_matches(inner)?),
        "inspect" => Action::Inspect(InspectArgs::from_arg_matches(inner)?),
        "runs" => Action::Runs(RunsArgs::from_arg_matches(inner)?),
        "doctor" => Action::Doctor(DoctorArgs::from_arg_matches(inner)?),
        "completions" => Action::Completions(CompletionsArgs::from_arg_matches(inner)?),
        "man" => Action::Man(ManArgs::from_arg_matches(inner)?),
        name => {
            let args = TrainArgs::from_arg_matches(inner)?;
            Action::Train(find(name)?, train::assignments(inner), Box::new(args))
        }
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
        for words in [SYSTEMS[0].about, "layers of a system's networks", "Generates images with a trained network"] {
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
        let (Action::Train(_, options, args), _) = parse(&matches).unwrap() else { panic!("not a training") };
        let set: Vec<String> = options.iter().map(|one| format!("{}={}", one.key, one.value)).collect();
        assert_eq!(
            set.join(" "),
            "preset=\"cpu\" steps=1 seed=3 data=\"x\" class=\"c\" sample_every=4 checkpoint_every=5 evaluate_every=6"
        );
        assert_eq!(args.batch, Some(2));
    }

    #[test]
    fn words_of_older_versions_are_understood_and_not_advertised() {
        let line = "train quickdraw --log seed --preset seed";
        let matches = command().try_get_matches_from(line.split_whitespace()).unwrap();
        let (Action::Train(_, _, args), _) = parse(&matches).unwrap() else { panic!("not a training") };
        assert_eq!(args.log, train::LogChoice::Notebook);
        let help = command().find_subcommand_mut("quickdraw").unwrap().render_long_help().to_string();
        assert!(help.contains("notebook") && help.contains("original, cpu"), "{help}");
    }
}
