//! Files that this program exported: their tensors are in PyTorch's layouts, and their metadata
//! contain the configuration and the names of the tensors in this project.

use std::collections::{BTreeMap, BTreeSet};

use datasets::advice;
use serde::Deserialize;

use super::state_dict::{Layout, StateDict, Wanted};
use super::{Filled, ImportRequest, fill, two_files};
use crate::config::Config;
use crate::failure::{Code, Failure};

/// The key of the metadata.
pub(crate) const KEY: &str = "backdraw_export";
/// The version of the metadata that is written, and the newest that can be read.
pub(crate) const VERSION: u64 = 2;

/// The metadata, as far as the import needs it.
#[derive(Deserialize)]
struct Exported {
    version: u64,
    /// The text of the run's `config.toml`.
    config: String,
    /// The network that the tensors are of.
    network: String,
    /// The names of the tensors in this project, by their names in the file; by default the same.
    #[serde(default)]
    names: BTreeMap<String, String>,
    /// The tensors in the file that are laid out like images. This and the other fields below exist
    /// from version 2.
    #[serde(default)]
    images: BTreeSet<String>,
    /// The tensors of the network that the file lacks, because the generator did not use them: the
    /// blocks that a growing generator has not reached, or has left behind.
    #[serde(default)]
    unused: BTreeSet<String>,
    /// The settings that put a run at the point of its schedule where the exported run was.
    #[serde(default)]
    schedule: BTreeMap<String, f64>,
}

/// The system that the file `dict` is of, with its weights.
///
/// # Errors
/// When the file was not exported by this program, or does not fit.
pub(super) fn filled(request: &ImportRequest, dict: StateDict) -> Result<Filled, Failure> {
    let about = read(&dict)?;
    let name = format!("{} (its configuration)", dict.path.display());
    let exported = Config::of_text(&about.config, &name, None)?;
    let schedule = exported.scheduled(about.schedule.iter().map(|(key, value)| (&**key, *value)), &name);
    let given = [exported.inherited(&request.assignments, &name)?, schedule].concat();
    let (mut images, mut unused) = (BTreeSet::new(), BTreeSet::new());
    let mut renamed = |dict: StateDict, about: Exported| {
        let Exported { names, images: like_images, unused: lacking, .. } = about;
        let name = |name: String| names.get(&name).cloned().unwrap_or(name);
        images.extend(like_images.into_iter().map(name));
        unused.extend(lacking);
        let tensors = dict.tensors.into_iter().map(|(theirs, tensor)| (name(theirs), tensor)).collect();
        StateDict { tensors, ..dict }
    };
    let mut dicts = vec![(about.network.clone(), renamed(dict, about))];
    for (network, path) in &request.others {
        let dict = StateDict::read(path)?;
        let about = read(&dict)?;
        if about.network != *network {
            return Err(Failure::new(Code::Usage, format!("the file does not contain the network `{network}`"))
                .at(path.display())
                .because(format!("it has the weights of `{}`", about.network)));
        }
        if dicts.iter().any(|(taken, _)| taken == network) {
            return Err(two_files(network, &dicts[0].0));
        }
        dicts.push((network.clone(), renamed(dict, about)));
    }
    fill(request, &given, &exported.entry, dicts, |network| {
        let wanted = |(name, _, tensor): (String, _, &tensor::Tensor)| Wanted {
            theirs: name.clone(),
            shape: tensor.shape().to_vec(),
            layout: if images.contains(&name) { Layout::Images } else { Layout::Weight },
            ours: name,
        };
        let tensors = network.tensors().into_iter().filter(|(name, ..)| !unused.contains(name));
        tensors.map(wanted).collect()
    })
}

/// Rejects a file of this program that is imported as the weights of another program.
///
/// # Errors
/// When the file was exported by this program.
pub(super) fn refuse(dict: &StateDict) -> Result<(), Failure> {
    if !dict.metadata.contains_key(KEY) {
        return Ok(());
    }
    Err(Failure::new(Code::Usage, "the file was exported by this program")
        .at(dict.path.display())
        .because("its metadata names its system")
        .help(advice!("import-own-export", "leave out `--as`")))
}

/// The metadata of an exported file.
fn read(dict: &StateDict) -> Result<Exported, Failure> {
    let failure = |what: &str| Failure::new(Code::Checkpoint, what).at(dict.path.display());
    let Some(text) = dict.metadata.get(KEY) else {
        return Err(Failure::new(Code::Usage, "the file does not say what its weights are")
            .at(dict.path.display())
            .because("it was not exported by this program, or has layers that cannot be imported again")
            .help(advice!("import-as-what", "say which system it is for, such as `--as dcgan`")));
    };
    let about: Exported = serde_json::from_str(text)
        .map_err(|error| failure("the metadata of the exported weights cannot be read").because(error))?;
    if about.version > VERSION {
        return Err(failure("the weights were exported by a newer version of this program")
            .because(format!("its metadata has version {}; this program reads up to {VERSION}", about.version)));
    }
    Ok(about)
}
