//! The options of `train <system>`: those of the keys of a run come from [`RUN_KEYS`], the others
//! from [`TrainArgs`].

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, ValueEnum, value_parser};
use runs::config::{Assignment, DefaultValue, RUN_KEYS, RunKey};
use runs::observers::LogStyle;
use runs::processor::MOST_THREADS;
use runs::systems::Trainable;

/// Options of `train <system>` that are not keys of a run.
#[derive(Args, Clone, Debug)]
pub(crate) struct TrainArgs {
    /// Real images per batch
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<i64>,
    /// Threads to use; the result does not depend on it [default: one per processor]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=i64::from(MOST_THREADS)))]
    pub(crate) threads: Option<u16>,
    /// The run folder [default: the next free runs/NNNN-SYSTEM]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub(crate) out: Option<PathBuf>,
    /// Only print what the run would need: memory, time and disk space
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// With --dry-run: print JSON instead of a table
    #[arg(long, requires = "dry_run")]
    pub(crate) json: bool,
    /// Continue a run, from its folder or from one of its checkpoint files; the result is
    /// bit-identical to that of an uninterrupted run. --steps is the new total
    #[arg(long, value_name = "RUN")]
    pub(crate) resume: Option<PathBuf>,
    /// Start a new run from the weights of another one, given as its folder or one of its
    /// checkpoint files. Settings that this command does not set are that run's; steps count from 0
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    pub(crate) from: Option<PathBuf>,
    /// Read settings from a file with the keys of a run's config.toml
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub(crate) config: Option<PathBuf>,
    /// Set one key of the configuration, such as batch=32; may be repeated (a run's config.toml
    /// lists all keys)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Progress output style
    #[arg(long, value_enum, value_name = "STYLE", default_value_t)]
    pub(crate) log: LogChoice,
    /// Measure the time of each kernel and layer; prints a table at the end and writes timings.csv
    #[arg(long)]
    pub(crate) timings: bool,
    /// Write the metrics and the sheets of samples to an event file for TensorBoard, in the run
    /// folder
    #[arg(long)]
    pub(crate) tensorboard: bool,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogChoice {
    /// Means over the last steps, steps per second, time left
    #[default]
    Default,
    /// The lines that the system's original program prints, with its rounding
    #[value(alias = "seed")]
    Notebook,
}

impl From<LogChoice> for LogStyle {
    fn from(choice: LogChoice) -> Self {
        match choice {
            LogChoice::Default => Self::Default,
            LogChoice::Notebook => Self::Notebook,
        }
    }
}

/// Adds the options of the command that trains `system`.
pub(super) fn augment(command: Command, system: &Trainable) -> Command {
    let options = RUN_KEYS.iter().filter_map(|key| Some((key, key.option?)));
    let with_keys = options.fold(command, |command, (key, (option, value))| {
        let arg = Arg::new(key.name).long(option.trim_start_matches('-')).value_name(value).help(help(key, system));
        command.arg(if key.is_number() { arg.value_parser(value_parser!(i64)) } else { arg })
    });
    TrainArgs::augment_args(with_keys)
}

fn help(key: &RunKey, system: &Trainable) -> String {
    let about = key.about;
    match (key.name, key.default) {
        ("preset", _) => {
            let names: Vec<&str> = system.presets.iter().map(|preset| preset.name).collect();
            format!("{about}: {} [default: {}]", names.join(", "), names[0])
        }
        ("class", _) => match system.load.class {
            Some(class) => format!("{about}; `all` selects every class [default for real data: {class}]"),
            None => about.to_owned(),
        },
        (_, DefaultValue::Number(number)) => format!("{about} [default: {number}]"),
        _ => about.to_owned(),
    }
}

/// What the options of the keys of a run set.
pub(super) fn assignments(matches: &ArgMatches) -> Vec<Assignment> {
    let set = |key: &RunKey| {
        let (option, _) = key.option?;
        if key.is_number() {
            let number = matches.get_one::<i64>(key.name)?;
            return Some(Assignment::option(option, key.name, *number));
        }
        let text = matches.get_one::<String>(key.name)?;
        Some(Assignment::option(option, key.name, text.clone()))
    };
    RUN_KEYS.iter().filter_map(set).collect()
}
