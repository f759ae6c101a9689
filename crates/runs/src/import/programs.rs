//! The PyTorch programs whose networks can be imported, and the names of their tensors.
//!
//! Both programs build their networks as `nn.Sequential`, so a tensor is named after the position
//! of its layer: `main.3.weight`. The layers here have the same order. Those that only change
//! shapes, which the programs do without, are not counted.

use std::collections::BTreeMap;

use nn::Network;

use super::state_dict::{Layout, StateDict, Wanted, name_in_pytorch};

/// A program, called like the system that it is imported as.
pub struct Program {
    /// The name of the system.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// The networks of the system that can be imported; the first one is required.
    pub networks: &'static [&'static str],
    /// The name of the sequence of layers in all names.
    sequence: &'static str,
    /// The settings of the system that its networks depend on, read from their tensors.
    settings: fn(&Dicts<'_>) -> Settings,
    /// Whether inference does not need the tensor with this name.
    is_idle: fn(&str) -> bool,
}

/// The state dicts of networks, by the names of the networks.
type Dicts<'a> = BTreeMap<&'a str, &'a StateDict>;
/// Keys of settings with their values; None if the tensors do not determine the value.
type Settings = Vec<(&'static str, Option<usize>)>;

/// The name of the sequence of layers within a residual block.
const BLOCK: &str = "conv_block";

/// All programs.
pub const PROGRAMS: [Program; 2] = [
    Program {
        name: "dcgan",
        about: "netG and netD of the DCGAN in PyTorch's examples, for pictures of 64x64 pixels",
        networks: &["generator", "discriminator"],
        sequence: "main",
        settings: |dicts| {
            let generator = dicts["generator"];
            vec![
                ("latent", generator.size("main.0.weight", 0)),
                ("width", generator.size("main.0.weight", 1).map(|widest| widest / 8)),
                ("channels", generator.size("main.12.weight", 1)),
            ]
        },
        is_idle: |_| false,
    },
    Program {
        name: "cyclegan",
        about: "netG (ResNet) and netD (70x70 PatchGAN) of the CycleGAN authors, with instance normalisation",
        networks: &["generator_ab", "generator_ba", "discriminator_a", "discriminator_b"],
        sequence: "model",
        settings: |dicts| {
            let generator = dicts["generator_ab"];
            let is_block = |name: &&String| name.ends_with(&format!(".{BLOCK}.1.weight"));
            let discriminators = ["discriminator_a", "discriminator_b"];
            let discriminator = discriminators.iter().find_map(|name| dicts.get(name));
            vec![
                ("blocks", Some(generator.tensors.keys().filter(is_block).count()).filter(|blocks| *blocks > 0)),
                ("generator_width", generator.size("model.1.weight", 0)),
                ("discriminator_width", discriminator.and_then(|dict| dict.size("model.0.weight", 0))),
            ]
        },
        // Older versions saved running statistics of the instance normalisation, and ignore them.
        is_idle: |name| name.ends_with(".running_mean") || name.ends_with(".running_var"),
    },
];

impl Program {
    /// The program that is imported as the system `name`.
    pub fn find(name: &str) -> Option<&'static Self> {
        PROGRAMS.iter().find(|program| program.name == name)
    }

    /// The settings of the system that its networks depend on, as far as the tensors determine
    /// them. `dicts` are the state dicts by the names of their networks, the first network
    /// included.
    pub(super) fn settings(&self, dicts: &Dicts<'_>) -> Vec<(&'static str, usize)> {
        (self.settings)(dicts).into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }

    /// Removes what inference does not need, and renumbers the layers of residual blocks with
    /// dropout, a layer that only acts in training.
    pub(super) fn simplify(&self, dict: &mut StateDict) {
        let with_dropout = format!(".{BLOCK}.6.");
        let renamed = |name: String| name.replace(&with_dropout, &format!(".{BLOCK}.5."));
        let kept = std::mem::take(&mut dict.tensors).into_iter().filter(|(name, _)| !(self.is_idle)(name));
        dict.tensors = kept.map(|(name, tensor)| (renamed(name), tensor)).collect();
    }

    /// The tensors of `network`, with their names in the program.
    pub(super) fn wanted(&self, network: &Network) -> Vec<Wanted> {
        let mut theirs = BTreeMap::from([(network.name().to_owned(), self.sequence.to_owned())]);
        let mut counts = BTreeMap::new();
        for (path, description, _) in network.layers() {
            let Some((parent, _)) = path.rsplit_once('.') else { continue };
            if description.starts_with("Reshape") || description.starts_with("Flatten") {
                continue;
            }
            let sequence = match parent == network.name() {
                true => self.sequence.to_owned(),
                false => format!("{}.{BLOCK}", theirs[parent]),
            };
            let count = counts.entry(parent.to_owned()).or_insert(0);
            theirs.insert(path.clone(), format!("{sequence}.{count}"));
            *count += 1;
        }
        let wanted = |(ours, _, tensor): (String, _, &tensor::Tensor)| {
            let (layer, name) = ours.rsplit_once('.')?;
            let theirs = format!("{}.{}", theirs.get(layer)?, name_in_pytorch(name));
            Some(Wanted { theirs, shape: tensor.shape().to_vec(), ours, layout: Layout::Weight })
        };
        network.tensors().into_iter().filter_map(wanted).collect()
    }
}
