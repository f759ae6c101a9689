//! The options of `train export`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use runs::export::{ExportFormat, NoiseSource};

/// Options of `train export`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExportArgs {
    /// A run folder, or one of its checkpoint files
    pub(crate) run: PathBuf,
    /// pytorch: a Python file with an nn.Module, and its weights as safetensors; onnx: a model for
    /// onnxruntime and others; hub: a model folder for the Hugging Face Hub; npz: all weights as
    /// NumPy arrays, in Backdraw's own layouts
    #[arg(long, value_name = "FORMAT",
          value_parser = PossibleValuesParser::new(ExportFormat::ALL.map(|(name, _)| name)).map(|name| format(&name)))]
    pub(crate) format: ExportFormat,
    /// The folder for the files [default: RUN/export-FORMAT]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Write into a folder that is not empty, and replace the files of an earlier export there
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Use the checkpoint of this step [default: the newest]
    #[arg(long, value_name = "STEP")]
    pub(crate) checkpoint: Option<u64>,
    /// Number of samples to write, for checking the export [default: 16; fewer if the images are
    /// large]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// The noise of style-based generators in ONNX: fixed in the model, or inputs of the model
    #[arg(long, value_name = "WHERE", default_value = "fixed")]
    pub(crate) noise: NoiseChoice,
}

/// Where noise comes from.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum NoiseChoice {
    /// The model contains the noise maps of the run, so that an image depends on its latent only
    Fixed,
    /// Each layer with noise has an input; its default is the noise map of the run
    Input,
}

impl From<NoiseChoice> for NoiseSource {
    fn from(choice: NoiseChoice) -> Self {
        match choice {
            NoiseChoice::Fixed => Self::Fixed,
            NoiseChoice::Input => Self::Input,
        }
    }
}

/// The format with this name, which is one of the possible values.
fn format(name: &str) -> ExportFormat {
    ExportFormat::ALL.iter().find(|(other, _)| *other == name).map_or(ExportFormat::Pytorch, |(_, format)| *format)
}
