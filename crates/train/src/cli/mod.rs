//! The command line: what can be typed, and what it says about itself. One subcommand per system of the table; the options of
//! each command are in `options.rs`.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use runs::options::{
    AnimateOptions, ColorChoice, DeriveOptions, EvalnetOptions, EvaluateOptions, ExplainOptions, FetchOptions,
    GradcheckOptions, LogStyle, ProjectOptions, SampleOptions, StepChoice, SummaryOptions, TrainOptions,
    TranslateOptions,
};

use runs::evaluation;
use runs::explanation;
use runs::failure::EXIT_CODES;
use runs::systems::{self, Row, SYSTEMS};

/// The end of `train sample --help`.
const SAMPLE_EXAMPLES: &str = "Examples:
  train sample RUN --count 100 --columns 20 --out sheet.png
  train sample RUN --count 50000 --out samples.npy
  train sample RUN --seeds 0-35,100 --out pictures/
  train sample RUN --interpolate --loop --count 8 --columns 4 --out walk.gif
  train sample RUN --psi 0.7
  train sample RUN --sheet mixing --out mixing.png";

/// What was typed.
pub(crate) enum Action {
    Train(&'static Row, Box<TrainOptions>),
    Summary(&'static Row, SummaryOptions),
    Translate(TranslateOptions),
    Project(ProjectOptions),
    Sample(Box<SampleOptions>),
    Animate(AnimateOptions),
    Evaluate(EvaluateOptions),
    Evalnet(&'static Row, EvalnetOptions),
    Explain(Box<ExplainOptions>),
    Fetch(FetchOptions),
    Gradcheck(GradcheckOptions),
    Derive(DeriveOptions),
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
  train project runs/0003-stylegan2 face.png   which style draws this picture?
  train animate runs/0001-quickdraw            how it learned, as an animated picture
  train evaluate runs/0001-quickdraw           how good its pictures are, in numbers
  train explain --preset gan                   how backprop works: a training step, opened
  train fetch mnist                            download a data set
  train gradcheck                              are all derivatives right?
  train derive matmul                          how one of them comes about

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
        let preset = format!("Start from this preset: {} [default: {}]", names.join(", "), names[0]);
        let mut options = options.mut_arg("preset", |arg| arg.help(preset));
        if let Some(class) = row.load.class {
            let help = format!("Only the images of this class; `all` is every one [default: {class}, of real data]");
            options = options.mut_arg("class", |arg| arg.help(help));
        }
        command = command.subcommand(options);
    }
    // `about` comes last: the derived options bring the first line of their own documentation.
    let systems = PossibleValuesParser::new(SYSTEMS.iter().map(|row| row.name));
    let system = Arg::new("system").required(true).value_name("SYSTEM").value_parser(systems).help("Which system");
    command
        .subcommand(
            SummaryOptions::augment_args(Command::new("summary").arg(system.clone()))
                .about("Prints the layers of a system's networks, and how many weights they have"),
        )
        .subcommand(
            TranslateOptions::augment_args(Command::new("translate"))
                .about("Translates pictures with a trained network, a run of cyclegan")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            ProjectOptions::augment_args(Command::new("project"))
                .about("Looks for the style by which a network draws a given picture, a run of stylegan2 or stylegan")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            SampleOptions::augment_args(Command::new("sample"))
                .about("Draws with a trained network: sheets, single pictures, arrays, animations")
                .after_help(format!("{SAMPLE_EXAMPLES}\n\n{EXIT_CODES}")),
        )
        .subcommand(
            AnimateOptions::augment_args(Command::new("animate"))
                .about("Makes an animation of a run's own sheets: a network that learns to draw")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            EvaluateOptions::augment_args(Command::new("evaluate"))
                .about("Measures how good the pictures of a run are, in numbers")
                .after_help(evaluation::help()),
        )
        .subcommand(
            EvalnetOptions::augment_args(Command::new("evalnet").arg(system))
                .about("Trains the classifier that `train evaluate --extractor evalnet28` looks through")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            ExplainOptions::augment_args(Command::new("explain"))
                .about("Opens the tape of a real training step: one page that shows how backprop made it")
                .after_help(format!("{}\n\n{EXIT_CODES}", explanation::help())),
        )
        .subcommand(
            FetchOptions::augment_args(Command::new("fetch"))
                .about("Downloads a data set, checks it and puts it under data/; lists those that there are")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            GradcheckOptions::augment_args(Command::new("gradcheck"))
                .about("Checks the derivatives of the engine's operations against finite differences")
                .after_help(EXIT_CODES),
        )
        .subcommand(
            DeriveOptions::augment_args(Command::new("derive"))
                .about("Derives the gradient of an operation, step by step, and checks it on a small case")
                .after_help(EXIT_CODES),
        )
        .subcommand(Command::new("systems").about("Lists the systems and their presets"))
}

/// The error without a tip that leads nowhere: that an unknown option can be given "as a value". No value here is called like one.
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
    let missing = || command().error(clap::error::ErrorKind::MissingSubcommand, "say what to train, or a command");
    let (name, inner) = matches.subcommand().ok_or_else(missing)?;
    let row = |name: &str| systems::find(name).ok_or_else(missing);
    let row_of = |inner: &ArgMatches| row(inner.get_one::<String>("system").ok_or_else(missing)?);
    let action = match name {
        "summary" => Action::Summary(row_of(inner)?, SummaryOptions::from_arg_matches(inner)?),
        "translate" => Action::Translate(TranslateOptions::from_arg_matches(inner)?),
        "project" => Action::Project(ProjectOptions::from_arg_matches(inner)?),
        "sample" => Action::Sample(Box::new(SampleOptions::from_arg_matches(inner)?)),
        "animate" => Action::Animate(AnimateOptions::from_arg_matches(inner)?),
        "evaluate" => Action::Evaluate(EvaluateOptions::from_arg_matches(inner)?),
        "evalnet" => Action::Evalnet(row_of(inner)?, EvalnetOptions::from_arg_matches(inner)?),
        "explain" => Action::Explain(Box::new(ExplainOptions::from_arg_matches(inner)?)),
        "fetch" => Action::Fetch(FetchOptions::from_arg_matches(inner)?),
        "gradcheck" => Action::Gradcheck(GradcheckOptions::from_arg_matches(inner)?),
        "derive" => Action::Derive(DeriveOptions::from_arg_matches(inner)?),
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
        for words in [SYSTEMS[0].about, "layers of a system's networks", "Draws with a trained network"] {
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
