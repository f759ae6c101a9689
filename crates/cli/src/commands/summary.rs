//! `train summary`: the layers of a system's networks.

use std::sync::Arc;

use nn::{Network, TensorKind};
use runs::config::{Assignment, Config, read_settings};
use runs::console::print;
use runs::failure::Failure;
use runs::systems::Trainable;
use serde_json::{Value, json};

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
        if args.json {
            return Ok(vec![format!("{:#}\n", Value::from_iter(networks.iter().map(|parts| as_json(parts))))]);
        }
        Ok(networks.iter().map(|parts| nn::summary(parts).trim_end().to_owned() + "\n").collect())
    })?;
    print(&tables.join("\n"))
}

/// The parts of a network: their layers with the shapes of their outputs, and their tensors.
fn as_json(parts: &[&Network]) -> Value {
    let part = |part: &&Network| {
        let layers = part.layers().into_iter();
        let layers: Vec<Value> =
            layers.map(|(name, kind, output)| json!({ "name": name, "kind": kind, "output": output })).collect();
        let tensors = part.tensors().into_iter().map(|(name, kind, tensor)| {
            let trainable = kind == TensorKind::Parameter;
            json!({ "name": name, "shape": &**tensor.shape(), "trainable": trainable })
        });
        json!({
            "network": part.name(),
            "input": part.input_shape(),
            "layers": layers,
            "tensors": tensors.collect::<Vec<_>>(),
            "parameters": part.count(TensorKind::Parameter),
            "buffers": part.count(TensorKind::Buffer),
        })
    };
    Value::from_iter(parts.iter().map(part))
}
