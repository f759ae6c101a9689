//! `train summary`: the layers of a system's networks.

use std::sync::Arc;

use runs::config::{Assignment, Config, read_settings};
use runs::console::print;
use runs::failure::Failure;
use runs::systems::Trainable;

use crate::cli::tools::SummaryArgs;

/// Prints the layer tables of a system.
///
/// # Errors
/// When a setting is not accepted.
pub(crate) fn run(system: &Arc<Trainable>, args: &SummaryArgs) -> Result<(), Failure> {
    let mut assignments = read_settings(&args.settings)?;
    assignments.extend(args.preset.clone().map(|preset| Assignment::option("--preset", "preset", preset)));
    let config = Config::resolve(system, &assignments)?;
    // Shapes are enough: the weights take no memory.
    let tables = tensor::meta::run(|| -> Result<Vec<String>, Failure> {
        let system = config.build()?;
        let networks = nn::wholes(&system.networks());
        Ok(networks.iter().map(|parts| nn::summary(parts).trim_end().to_owned() + "\n").collect())
    })?;
    print(&tables.join("\n"))
}
