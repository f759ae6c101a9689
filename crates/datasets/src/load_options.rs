//! Which part of a data set is loaded, and how much memory it may take.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// A part of a published data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The images that networks learn from.
    Train,
    /// The held-out images.
    Test,
}

/// How much memory a set may take, and where its cache goes if it needs more. The images are the
/// same for all options.
pub struct LoadOptions<'a> {
    /// Bytes of memory that the set may take. A larger folder of pictures is decoded once into a
    /// cache file and read from there.
    pub memory: u64,
    /// The folder of the cache files, created when it is needed.
    pub cache: PathBuf,
    /// Whether to inspect the set only: nothing is decoded or written, so the images of a folder
    /// without a cache can be counted but not read.
    pub inspect_only: bool,
    /// Called repeatedly during operations that take long. If it returns `Break`, loading ends with
    /// an error of the kind [`ErrorKind::Stopped`](crate::ErrorKind::Stopped).
    pub progress: &'a (dyn Fn(&Progress<'_>) -> ControlFlow<()> + Sync),
}

/// An operation that takes long.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// Waiting for another process that is writing to the same cache folder. Reported several times
    /// a second.
    Waiting {
        /// The lock file that it holds.
        lock: &'a Path,
        /// Its process id, if it can be read.
        holder: Option<u32>,
    },
    /// Decoding pictures into memory. Reported for each picture, from several threads and not in
    /// order.
    Reading {
        /// Pictures decoded so far.
        done: usize,
        /// All pictures.
        total: usize,
    },
    /// Decoding pictures into a cache file, or unpacking an array into one.
    Decoding {
        /// The cache file.
        cache: &'a Path,
        /// Its final size in bytes.
        bytes: u64,
        /// Pictures decoded so far.
        done: usize,
        /// All pictures.
        total: usize,
    },
}

impl Default for LoadOptions<'_> {
    /// Everything in memory, without a limit.
    fn default() -> Self {
        Self {
            memory: u64::MAX,
            cache: PathBuf::from("data/.cache"),
            inspect_only: false,
            progress: &|_| ControlFlow::Continue(()),
        }
    }
}

impl LoadOptions<'_> {
    /// The options for one of `sets` sets that share the memory.
    pub fn shared_by(&self, sets: usize) -> Self {
        Self { memory: self.memory / sets.max(1) as u64, cache: self.cache.clone(), ..*self }
    }
}
