//! What the metadata of exported weights say about the run, so that `train import` can read them:
//! the configuration, the network, and the names of the tensors in this project.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::generator::Generator;
use super::Stored;
use crate::checkpoint::{Checkpoint, averaged, part_of};
use crate::import::exported::{KEY, VERSION};
use crate::import::state_dict::{name_in_pytorch, of_pytorch};

/// The entry of the metadata for the weights of a checkpoint's generator, its key and text. None if
/// some weights of the network are not among the tensors as they are, such as those of equalised
/// layers, which are scaled.
pub(super) fn entry(
    checkpoint: &Checkpoint,
    tensors: &BTreeMap<String, Stored>,
    generator: &Generator,
) -> Option<(&'static str, String)> {
    let path = &generator.steps().find(|step| !step.path.is_empty())?.path;
    let from = format!("{}.", part_of(path));
    // A generator that is imported has no moving average yet.
    let to = averaged(&from).unwrap_or_else(|| from.clone());
    let mut names = BTreeMap::new();
    for (name, tensor) in &checkpoint.state.tensors {
        let Some(local) = name.strip_prefix(&from) else { continue };
        let theirs = in_module(local)?;
        let Some(Stored::Floats(stored)) = tensors.get(&theirs) else { return None };
        if of_pytorch(stored) != *tensor {
            return None;
        }
        names.insert(theirs, format!("{to}{local}"));
    }
    let floats = tensors.values().filter(|tensor| matches!(tensor, Stored::Floats(_)));
    let network = to.trim_end_matches('.');
    let about = json!({"version": VERSION, "config": checkpoint.config, "network": network, "names": names});
    (!names.is_empty() && names.len() == floats.count()).then(|| (KEY, about.to_string()))
}

/// The name in the module of the tensor `local` of a network, such as `res1_conv1.weight` for
/// `res1.conv1.weight`.
fn in_module(local: &str) -> Option<String> {
    let (layer, own) = local.rsplit_once('.')?;
    Some(format!("{}.{}", layer.replace('.', "_"), name_in_pytorch(own)))
}

/// The bytes of a safetensors file with this metadata, in a fixed order.
///
/// # Errors
/// When the header cannot be read.
pub(super) fn with_metadata(bytes: &[u8], metadata: &BTreeMap<&str, String>) -> Result<Vec<u8>, String> {
    let (length, rest) = bytes.split_first_chunk().ok_or("the file has no header")?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|error| error.to_string())?;
    let (header, data) = rest.split_at_checked(length).ok_or("the header is not whole")?;
    let tensors: Map<String, Value> = serde_json::from_slice(header).map_err(|error| error.to_string())?;
    let mut parts = vec![format!("\"__metadata__\":{}", json!(metadata))];
    parts.extend(tensors.iter().map(|(name, tensor)| format!("{}:{tensor}", json!(name))));
    let mut header = format!("{{{}}}", parts.join(","));
    // The data begin at a multiple of eight bytes.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    Ok([&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat())
}
