//! Where the bytes of a set may go while it is loaded.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// How much memory a set may take, and where it goes if it needs more. The images are the same whatever is chosen.
pub struct LoadOptions<'a> {
    /// Bytes of memory that the set may take. Beyond, a folder of pictures is decoded into a cache file, once, and read from there.
    pub memory: u64,
    /// The folder of the cache files. It is made when it is needed.
    pub cache: PathBuf,
    /// Whether the set is only looked at: nothing is decoded or written, and images of a folder that has no cache yet cannot be
    /// read.
    pub look_only: bool,
    /// Is called about what takes long, again and again; `Break` ends it with [`DataError::Stopped`](crate::DataError::Stopped).
    pub progress: &'a (dyn Fn(&Progress<'_>) -> ControlFlow<()> + Sync),
}

/// What takes long.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// Another process decodes into the same folder of caches: it is waited for. Reported several times a second.
    Waiting {
        /// The lock that it holds.
        lock: &'a Path,
        /// Its process id, if it can be read.
        holder: Option<u32>,
    },
    /// Pictures are decoded into a cache file.
    Decoding {
        /// The cache file.
        cache: &'a Path,
        /// Bytes that it will have.
        bytes: u64,
        /// Pictures done.
        done: usize,
        /// All pictures.
        total: usize,
    },
}

impl Default for LoadOptions<'_> {
    /// Everything in memory, whatever it takes.
    fn default() -> Self {
        Self {
            memory: u64::MAX,
            cache: PathBuf::from("data/.cache"),
            look_only: false,
            progress: &|_| ControlFlow::Continue(()),
        }
    }
}

impl LoadOptions<'_> {
    /// The options of one of `parts` sets that share the memory.
    pub fn shared_by(&self, parts: usize) -> Self {
        Self { memory: self.memory / parts.max(1) as u64, cache: self.cache.clone(), ..*self }
    }
}
