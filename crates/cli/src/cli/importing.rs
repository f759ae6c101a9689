//! The options of `train import`.

use std::path::PathBuf;

use clap::Args;
use runs::import::PROGRAMS;

use super::exit_codes::EXIT_CODES;

/// Options of `train import`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ImportArgs {
    /// The weights of a generator (.safetensors); for cyclegan, of the generator A to B
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The system to import the weights as; not needed for files that `train export` wrote
    #[arg(long = "as", value_name = "SYSTEM")]
    pub(crate) system: Option<String>,
    /// The weights of a further network, such as discriminator=netD.safetensors; may be repeated
    #[arg(long = "with", value_name = "NETWORK=FILE", value_parser = network)]
    pub(crate) others: Vec<(String, PathBuf)>,
    /// The file or folder with real images, for evaluation and further training
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<String>,
    /// Set one key of the configuration, such as cyclegan.size=128; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// The run folder [default: the next free runs/NNNN-SYSTEM]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// A network and its file.
fn network(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((network, file)) if !network.is_empty() && !file.is_empty() => Ok((network.to_owned(), file.into())),
        _ => Err("must be a network and its file, such as discriminator=netD.safetensors".to_owned()),
    }
}

/// The end of `train import --help`.
pub(super) fn help() -> String {
    let program = |program: &runs::import::Program| {
        format!("  {:<10} {}\n             networks: {}", program.name, program.about, program.networks.join(", "))
    };
    let programs: Vec<String> = PROGRAMS.iter().map(program).collect();
    format!(
        "Programs whose weights can be imported, saved as .safetensors:
{}

The sizes of the networks are read from the weights. Networks without a file start with random weights.

Examples:
  train import netG.safetensors --as dcgan --with discriminator=netD.safetensors --out runs/celeba
  train import netG_A.safetensors --as cyclegan --with generator_ba=netG_B.safetensors
  train sample runs/celeba --count 64

{EXIT_CODES}",
        programs.join("\n")
    )
}
