//! What the metadata of exported weights say about the run, so that `train import` can read them:
//! the configuration, the network, and the names of the tensors in this project.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tensor::{Tensor, Var};

use super::Stored;
use crate::checkpoint::{Checkpoint, averaged, part_of};
use crate::folder::resume::Trained;
use crate::import::exported::{KEY, VERSION};
use crate::import::state_dict::Layout;

/// The run that weights come from.
pub(in super::super) struct Origin<'a> {
    pub(super) checkpoint: &'a Checkpoint,
    /// The factors by which layers multiply their tensors, by the names of these.
    pub(super) factors: BTreeMap<String, f64>,
    /// The settings that put another run at the point of its schedule where this run is.
    pub(super) schedule: Vec<(&'static str, f64)>,
}

impl<'a> Origin<'a> {
    pub(in super::super) fn of(trained: &'a Trained) -> Self {
        let checkpoint = &trained.found.checkpoint;
        let factors = trained.system.networks().into_iter().flat_map(nn::Network::factors).collect();
        Self { checkpoint, factors, schedule: trained.system.schedule_after(checkpoint.step) }
    }

    /// The entry of the metadata for these tensors, its key and text. None if an import could not
    /// restore all of them, because some do not belong to a layer, or their layer transforms them
    /// by more than a factor.
    pub(super) fn entry(&self, tensors: &BTreeMap<String, Stored>) -> Option<(&'static str, String)> {
        let state = &self.checkpoint.state.tensors;
        let (mut names, mut images, mut network) = (BTreeMap::new(), Vec::new(), None);
        for (theirs, stored) in tensors {
            let Stored::Floats { tensor, source } = stored else { continue };
            let (name, layout) = source.as_ref()?;
            // A generator that is imported has no moving average yet.
            let ours = averaged(name).unwrap_or_else(|| name.clone());
            let own = state.get(name)?;
            let used = self.factors.get(&ours).map_or_else(|| own.clone(), |factor| scaled(own, *factor));
            if layout.to_ours(tensor, own.shape()) != used || network.is_some_and(|of| of != part_of(name)) {
                return None;
            }
            network = Some(part_of(name));
            names.insert(theirs, ours);
            images.extend((*layout == Layout::Images).then_some(theirs));
        }
        let network = network?;
        let unused = state.keys().filter(|name| part_of(name) == network);
        let unused = unused.map(|name| averaged(name).unwrap_or_else(|| name.clone()));
        let unused: Vec<String> = unused.filter(|ours| names.values().all(|named| named != ours)).collect();
        let network = averaged(&format!("{network}.")).map_or(network, |_| "generator");
        let about = json!({
            "version": VERSION,
            "config": self.checkpoint.config,
            "network": network,
            "names": names,
            "images": images,
            "unused": unused,
            "schedule": self.schedule.iter().copied().collect::<BTreeMap<_, _>>(),
        });
        Some((KEY, about.to_string()))
    }
}

/// A tensor as a layer uses it.
fn scaled(tensor: &Tensor, factor: f64) -> Tensor {
    Var::constant(tensor.clone()).scale(factor).into_value()
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
