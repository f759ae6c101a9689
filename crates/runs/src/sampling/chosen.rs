//! The latents that are drawn: those of seeds, or given ones.

use super::seeds::Seeds;
use models::FromLatents;

/// The latents that are drawn. For a sampler from styles, its "latents" are styles.
pub(super) enum Chosen {
    /// Some of each of several seeds.
    Seeds(Seeds),
    /// Given ones.
    Given(Given),
}

/// Given latents.
pub(super) struct Given {
    /// One after the other.
    pub(super) rows: Vec<f32>,
    /// The number of them.
    pub(super) count: usize,
    /// What they are: `latents`, or `styles`.
    pub(super) what: &'static str,
    /// As they were typed.
    pub(super) text: String,
}

impl Chosen {
    /// The total number of samples.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Seeds(seeds) => seeds.count(),
            Self::Given(given) => given.count,
        }
    }

    /// All latents, concatenated, and the length of one. (They are small, a few hundred bytes each,
    /// unlike the images.)
    pub(super) fn latents(&self, sampler: &dyn FromLatents) -> (Vec<f32>, usize) {
        match self {
            Self::Seeds(seeds) => seeds.latents(sampler),
            Self::Given(Given { rows, count, .. }) => (rows.clone(), rows.len() / count),
        }
    }

    /// The numbers of tiles of an interpolation, and of key latents per tile. Given latents are the
    /// keys of one tile.
    pub(super) fn walk(&self, keys: usize) -> (usize, usize) {
        match self {
            Self::Seeds(seeds) => seeds.walk(keys),
            Self::Given(given) => (1, given.count),
        }
    }

    /// The key latents of an interpolation, for each of the tiles shown side by side
    /// ([`Seeds::keys`]).
    pub(super) fn keys(&self, sampler: &dyn FromLatents, keys: usize) -> (Vec<Vec<f32>>, usize) {
        match self {
            Self::Seeds(seeds) => seeds.keys(sampler, keys),
            Self::Given(Given { rows, count, .. }) => {
                let length = rows.len() / count;
                (rows.chunks(length).map(<[f32]>::to_vec).collect(), length)
            }
        }
    }

    /// The file name of sample `number` (from 0), without extension.
    pub(super) fn name(&self, number: usize) -> String {
        match self {
            Self::Seeds(seeds) => seeds.name(number),
            Self::Given(given) => format!("{:0width$}", number + 1, width = given.count.to_string().len().max(4)),
        }
    }

    /// `seed 3`, `seeds 0 to 35` or `latents z.npy`, for messages.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Seeds(seeds) => seeds.label(),
            Self::Given(Given { what, text, .. }) => format!("{what} {text}"),
        }
    }

    /// The same, for the name of a file.
    pub(super) fn file_label(&self) -> String {
        match self {
            Self::Seeds(seeds) => seeds.label().replace(' ', "-"),
            Self::Given(given) => given.what.to_owned(),
        }
    }
}
