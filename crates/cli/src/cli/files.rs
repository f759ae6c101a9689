//! The options of the commands that look at files, runs and the machine.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

/// Options of `train inspect`.
#[derive(Args, Clone, Debug)]
pub(crate) struct InspectArgs {
    /// A run folder, a checkpoint, or a .safetensors, .npy or .npz file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `train runs`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    pub(crate) command: RunsCommand,
}

/// What to do with runs.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum RunsCommand {
    /// List the runs in a folder: system, steps, size, when they were last written
    List {
        /// The folder
        #[arg(value_name = "DIR", default_value = "runs")]
        folder: PathBuf,
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Show a run: system, steps, last metrics, files
    Show {
        /// The run folder
        #[arg(value_name = "RUN")]
        run: PathBuf,
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Remove runs with all their files, after asking
    Remove {
        /// The run folders
        #[arg(value_name = "RUN", required = true)]
        runs: Vec<PathBuf>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Options of `train doctor`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DoctorArgs {
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `train systems`.
#[derive(Args, Clone, Debug)]
pub(crate) struct SystemsArgs {
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `train completions`.
#[derive(Args, Clone, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Options of `train man`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ManArgs {
    /// Write a page for every command into this folder [default: the page of the program, to
    /// standard output]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
