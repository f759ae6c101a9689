//! The saved state of a run: one `.safetensors` file that holds everything that the next step
//! depends on.
//!
//! * the f32 tensors of the system's [`State`]: weights, running statistics, moments of the
//!   optimisers;
//! * its counters, the step, the seed, the configuration's text, the fingerprint of the images, the
//!   format's version;
//! * what the tensors mean, for other programs (`layouts`);
//! * a SHA-256 over all other bytes of the file.
//!
//! The metadata is one JSON text under the key `backdraw`: safetensors writes several keys in no
//! fixed order, and the same state must always give the same bytes. Random streams are not saved,
//! because they are functions of the seed and the step. `format.rs` reads and writes the bytes,
//! `folder.rs` decides which file of a run is used, kept and deleted.

mod folder;
mod format;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub(crate) use folder::{delete_older, file_name, in_folder, newest_good};
use format::encode;
pub(crate) use format::{container, header, open, open_any, tensor};

use datasets::{Advice, advice, plural, quoted};

use crate::failure::{Code, Failure, printable};
use crate::storage::{self, Disk, StorageError};
use models::System;
pub use models::weights_hash;
use nn::{State, StateError};
use tensor::MAX_AXES;

/// The contents of a checkpoint file.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The name of the system.
    pub system: String,
    /// Completed training steps.
    pub step: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Text of the run's `config.toml`.
    pub config: String,
    /// Fingerprint of the images.
    pub data: String,
    /// What the tensors mean, for other programs: a JSON text with layouts, padding, epsilons and
    /// layers. Empty in files of older versions.
    pub layouts: String,
    /// The system's state.
    pub state: State,
}

/// Why a file cannot be used as a checkpoint.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("the operating system reports: {0}")]
    Unreadable(String),
    #[error("it is {0}, not a file")]
    NotAFile(&'static str),
    #[error("its tensors take {needed} bytes, but only {free} are available ({set_by})")]
    TooLarge { needed: u64, free: u64, set_by: String },
    #[error("it is a folder without checkpoints; {0}")]
    NoCheckpoint(String),
    #[error("it is a Python pickle: reading one can run any code, so it is not read")]
    Pickle,
    #[error("it is incomplete: {found} bytes of {wanted}")]
    Incomplete { found: u64, wanted: String },
    #[error("it is not a .safetensors file: {0}")]
    Container(String),
    #[error("it was not written by this program: the metadata `backdraw` is missing")]
    Foreign,
    #[error("its metadata cannot be read: {0}")]
    Metadata(String),
    #[error("it has format version {found}; this program reads up to {known}")]
    Newer { found: u64, known: u64 },
    #[error("its checksum is wrong: the file was changed after it was written (written {written}, found {found})")]
    Checksum { written: String, found: String },
    #[error("tensor `{name}` is of type {found}, expected F32")]
    Type { name: String, found: String },
    #[error("tensor `{name}` has {found} axes; at most {MAX_AXES} are possible")]
    Axes { name: String, found: usize },
    #[error("tensor `{name}` contains {count} {} that are not finite", plural(*.count, "number"))]
    NonFinite { name: String, count: usize },
}

/// What to do about a file that is damaged.
fn another(path: &Path) -> Advice {
    match folder::older_good(path) {
        Some(older) => advice!("damaged-checkpoint", "take an older checkpoint of the run: `{}`", quoted(&older)),
        None => advice!(
            "only-checkpoint-damaged",
            "the folder contains no older intact checkpoint of this run; start the run again"
        ),
    }
}

impl Flaw {
    /// What the user can do about it.
    pub(crate) fn help(&self, path: &Path) -> Advice {
        match self {
            Self::Unreadable(_) | Self::NotAFile(_) => advice!(
                "checkpoint-unreadable",
                "give a run folder, such as runs/0001-quickdraw, or one of its checkpoint files"
            ),
            Self::TooLarge { .. } => {
                advice!("checkpoint-too-large", "free some memory, or use a machine with more memory")
            }
            Self::NoCheckpoint(_) => advice!(
                "no-checkpoint",
                "give a run folder, such as runs/0001-quickdraw, or one of its checkpoint files"
            ),
            Self::Pickle => advice!(
                "checkpoint-is-a-pickle",
                "convert it to .safetensors where it was made; only checkpoints of this program can be resumed"
            ),
            Self::Newer { .. } => advice!("checkpoint-is-newer", "use the newer version of this program that wrote it"),
            Self::Foreign | Self::Container(_) | Self::Type { .. } | Self::Axes { .. } => {
                advice!("foreign-checkpoint", "give a file from the folder checkpoints of a run of this program")
            }
            Self::Incomplete { .. } | Self::Metadata(_) | Self::Checksum { .. } | Self::NonFinite { .. } => {
                another(path)
            }
        }
    }

    /// The failure for this flaw of the file `path`.
    pub(crate) fn failure(&self, path: &Path) -> Failure {
        Failure::new(Code::Checkpoint, "cannot use the checkpoint")
            .at(path.display())
            .because(self)
            .help(self.help(path))
    }
}

impl Checkpoint {
    /// Reads the file `path` and checks every byte of it.
    ///
    /// # Errors
    /// The [`Flaw`] of the file. No file content causes a panic, and sizes stated in the file are
    /// checked against its length before memory is allocated.
    pub(crate) fn read(path: &Path) -> Result<Self, Flaw> {
        format::read(path)
    }

    /// Writes the file `path` atomically.
    ///
    /// # Errors
    /// When it cannot be written; existing files are then unchanged.
    pub(crate) fn write(&self, disk: &dyn Disk, path: &Path) -> Result<(), StorageError> {
        let bytes = encode(self).map_err(|why| StorageError::new("write", path, std::io::Error::other(why)))?;
        storage::write_whole(disk, path, &bytes)
    }

    /// The bytes of the file, as a message to other ranks.
    ///
    /// # Errors
    /// When a state cannot be represented; that of a system always can.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, String> {
        encode(self)
    }

    /// The checkpoint that [`to_bytes`](Self::to_bytes) encoded.
    ///
    /// # Errors
    /// The [`Flaw`] of the bytes.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Result<Self, Flaw> {
        let length = bytes.len() as u64;
        format::decode(&mut bytes, length)
    }

    /// Loads the state into `system`; `path` is named in errors.
    ///
    /// # Errors
    /// When the state belongs to another system or its tensors differ: lists the first five
    /// differences, with both shapes.
    pub fn restore(&self, system: &mut dyn System, path: &Path) -> Result<(), Failure> {
        let failure = |what: &str| Failure::new(Code::Checkpoint, what).at(path.display());
        if self.system != system.name() {
            return Err(failure("the checkpoint belongs to another system")
                .because(format!("the checkpoint belongs to a run of `{}`, expected `{}`", self.system, system.name()))
                .help(advice!("checkpoint-of-another-system", "give a checkpoint of this system")));
        }
        system.restore(&self.state).map_err(|error| {
            if !error.is_of_another_architecture() {
                return failure("a counter of the checkpoint is out of range")
                    .because(misfits(&error))
                    .help(another(path));
            }
            failure("the checkpoint has another architecture").because(misfits(&error)).help(advice!(
                "other-architecture",
                "resume with the settings that it was trained with; they are in its run's config.toml"
            ))
        })
    }
}

/// The first five tensors that do not match, one per line, and how many more there are.
fn misfits(error: &StateError) -> String {
    let all = all_misfits(error);
    let mut text = all.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    if all.len() > 5 {
        text.push_str(&format!("\nand {} more", all.len() - 5));
    }
    text
}

/// All tensors and counters that do not match, each with both shapes.
pub(crate) fn all_misfits(error: &StateError) -> Vec<String> {
    let shape = |shape: &[usize]| format!("{shape:?}").replace(", ", "x");
    let reshaped = error
        .reshaped
        .iter()
        .map(|(name, wanted, found)| format!("`{name}`: expected {}, found {}", shape(wanted), shape(found)));
    let missing = error.missing.iter().map(|name| format!("`{name}`: missing"));
    let unexpected = error.unexpected.iter().map(|name| format!("`{}`: not expected", printable(name)));
    let beyond = error.beyond.iter().map(|(name, most, found)| format!("`{name}`: at most {most}, found {found}"));
    reshaped.chain(missing).chain(unexpected).chain(beyond).collect()
}

/// The name of what the moving average `name` averages: `generator.conv.weight` for
/// `average.conv.weight`. None if `name` does not belong to the moving averages.
pub(crate) fn averaged(name: &str) -> Option<String> {
    Some(format!("generator.{}", name.strip_prefix("average.")?))
}

/// The part of a system's state that a name belongs to: the text before its first period.
pub(crate) fn part_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// A loaded checkpoint, with its file and the newer files that were skipped as damaged.
#[derive(Debug)]
pub struct LoadedCheckpoint {
    /// The file it was read from.
    pub path: PathBuf,
    /// Its contents.
    pub checkpoint: Checkpoint,
    pub(crate) damaged: Vec<(PathBuf, Flaw)>,
}

impl LoadedCheckpoint {
    /// One line about each file that was skipped.
    pub fn passed_over(&self) -> Vec<String> {
        self.damaged.iter().map(|(path, flaw)| format!("passed over  {}: {flaw}", path.display())).collect()
    }
}
