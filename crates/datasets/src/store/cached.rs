//! The cache of a decoded folder of pictures: one file from which images are read by offset.
//!
//! | bytes | |
//! |---|---|
//! | [`MAGIC`] | the magic bytes |
//! | count x image | the images, dense |
//! | count x 8 | the hash of each image, little-endian |
//! | | [`Metadata`] as JSON |
//! | 24 | the length and the hash of the JSON, and the first eight bytes of [`MAGIC`] |
//!
//! The file is renamed to its final name when it is complete on disk. Whenever an image is read, it
//! is checked against its hash.

use super::Store;
use super::hash::{PIECE, Pieces, fingerprint, hash_bytes};
use super::records::RecordFile;
use super::survey::{Survey, SuspectCounter, Suspects, is_blank};
use crate::error::DataError;
use crate::file::FileStamp;
use crate::free_space;
use crate::text::file_size;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The magic bytes. The digits are the version of the format, which changes with the decoder and
/// with the way images are fitted.
const MAGIC: &[u8; 16] = b"BDIMAGES cache 1";
/// The length of the last part in bytes.
const FOOTER: u64 = 24;
/// The maximum length of the JSON in bytes.
const MAX_METADATA: u64 = 256 << 20;

/// What the file says about its images.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    /// A hash of what was decoded: the files, the size and the fitting.
    pub(crate) key: u64,
    /// (height, width, channels).
    pub(crate) size: [usize; 3],
    pub(crate) count: usize,
    /// As [`Images::fingerprint`](crate::Images::fingerprint).
    pub(crate) fingerprint: String,
    pub(crate) blank: usize,
    pub(crate) copies: usize,
    /// The files that could not be read: their indices in the list of files, and the reasons.
    pub(crate) left_out: Vec<(usize, String)>,
    /// The hash of the images' hashes.
    pub(crate) hashes: u64,
}

/// The images of a cache file.
pub(crate) struct Cached {
    file: RecordFile,
    image: usize,
    /// The hash of each image.
    hashes: Vec<u64>,
    pub(crate) metadata: Metadata,
}

impl Cached {
    /// Opens the file if it exists, is complete, and has this key and size. Checks everything
    /// except the images themselves.
    pub(crate) fn open(path: &Path, key: u64, size: [usize; 3]) -> Option<Self> {
        let file = File::open(path).ok()?;
        let stamp = FileStamp::of(&file.metadata().ok()?);
        let mut file = RecordFile { path: path.to_owned(), file, stamp, offset: MAGIC.len() as u64, count: 0 };
        let end = stamp.length.checked_sub(FOOTER)?;
        let (mut magic, mut footer) = ([0; MAGIC.len()], [0; FOOTER as usize]);
        file.read(0, &mut magic).ok()?;
        file.read(end, &mut footer).ok()?;
        let word = |at: usize| footer[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let (length, hash) = (word(0)?, word(8)?);
        if magic != *MAGIC || footer[16..] != MAGIC[..8] || length > end.min(MAX_METADATA) {
            return None;
        }
        let mut text = vec![0; length as usize];
        file.read(end - length, &mut text).ok()?;
        let metadata: Metadata = (hash_bytes(&text) == hash).then(|| serde_json::from_slice(&text).ok())??;
        let image: usize = size.iter().product();
        let bytes = (metadata.count as u64).checked_mul(image as u64 + 8)?;
        if (metadata.key, metadata.size) != (key, size) || bytes.checked_add(file.offset) != Some(end - length) {
            return None;
        }
        let mut hashes = vec![0; 8 * metadata.count];
        file.read(end - length - hashes.len() as u64, &mut hashes).ok()?;
        if hash_bytes(&hashes) != metadata.hashes {
            return None;
        }
        file.count = metadata.count;
        let hashes = hashes.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        Some(Self { file, image, hashes, metadata })
    }
}

impl Store for Cached {
    fn count(&self) -> usize {
        self.file.count
    }

    fn read(&self, first: usize, images: &mut [u8]) -> Result<(), DataError> {
        self.file.read(self.file.offset + (first * self.image) as u64, images)?;
        let mut read = images.chunks_exact(self.image).zip(&self.hashes[first..]);
        if read.all(|(image, hash)| hash_bytes(image) == *hash) {
            return Ok(());
        }
        Err(DataError::invalid(
            &self.file.path,
            "the cache of the pictures is damaged",
            "an image has changed since it was written",
            advice!("damaged-cache", "delete the file and start again; the pictures are then decoded again"),
        ))
    }

    fn resident_bytes(&self) -> u64 {
        8 * self.hashes.len() as u64
    }

    fn location(&self) -> String {
        format!("read from the cache {} (which may be deleted)", self.file.path.display())
    }

    fn known(&self) -> Option<Survey> {
        let Metadata { fingerprint, blank, copies, count, .. } = &self.metadata;
        let suspects = Suspects { blank: *blank, copies: *copies, count: *count };
        Some(Survey { fingerprint: fingerprint.clone(), suspects })
    }
}

/// The pictures of a folder that was only inspected: they can be counted, but not read.
pub(crate) struct Undecoded {
    pub(crate) folder: PathBuf,
    pub(crate) count: usize,
    /// The size of the future cache in bytes.
    pub(crate) bytes: u64,
}

impl Store for Undecoded {
    fn count(&self) -> usize {
        self.count
    }

    fn read(&self, _first: usize, _images: &mut [u8]) -> Result<(), DataError> {
        let (why, help) =
            ("they were only inspected", advice!("undecoded", "load them without the option inspect_only"));
        Err(DataError::invalid(&self.folder, "the pictures are not decoded yet", why, help))
    }

    fn cache_bytes(&self) -> u64 {
        self.bytes
    }

    fn location(&self) -> String {
        format!("first decoded into a cache of {}", file_size(self.bytes))
    }
}

/// The size in bytes of a cache of `count` images of `image` bytes.
pub(crate) fn cache_bytes(count: usize, image: usize) -> u64 {
    (count as u64).saturating_mul(image as u64 + 8) + PIECE as u64
}

/// The interval between attempts to take a lock that another process holds.
const POLL: Duration = Duration::from_millis(100);

/// The lock of a cache folder, held by the only process that writes to it.
pub(crate) struct CacheLock {
    _lock: Option<File>,
}

impl CacheLock {
    /// Creates the folder and waits for the lock. While another process holds it, `waiting` is
    /// called repeatedly with the lock file and, if it is known, the id of that process.
    pub(crate) fn acquire(
        folder: &Path,
        waiting: impl Fn(&Path, Option<u32>) -> ControlFlow<()>,
    ) -> Result<Self, DataError> {
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        let path = folder.join("lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let mut file = open.map_err(|error| unwritable(&path, &error))?;
        // Polled, because a blocking call could not be ended by `waiting`.
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let holder = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
                    if waiting(&path, holder).is_break() {
                        return Err(DataError::stopped(&path));
                    }
                    std::thread::sleep(POLL);
                }
                // The file system has no locks, but each process writes to its own temporary file.
                Err(TryLockError::Error(_)) => {
                    sweep(folder, ABANDONED);
                    return Ok(Self { _lock: None });
                }
            }
        }
        sweep(folder, Duration::ZERO);
        // Informs waiting processes and users. The lock holds without it.
        let _ = file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
        Ok(Self { _lock: Some(file) })
    }
}

/// Without a lock, another process may be writing. An unfinished file counts as left by an
/// interrupted process if nobody has written to it for this long.
pub(super) const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// Deletes the files that interrupted processes left: all unfinished ones of at least this age.
pub(super) fn sweep(folder: &Path, age: Duration) {
    // A clock that was set back makes files that seem to be from the future.
    let is_old = |path: &Path| {
        let written = fs::metadata(path).and_then(|about| about.modified());
        written.is_ok_and(|at| SystemTime::now().duration_since(at).unwrap_or_default() >= age)
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for left in entries.filter(|path| path.extension().is_some_and(|ending| ending == "part") && is_old(path)) {
        let _ = fs::remove_file(left);
    }
}

/// Creates the file that is renamed to `path` once it is complete. On a file system without locks,
/// only its name distinguishes it from the files of other processes. The process id is not enough:
/// processes in containers that share the folder may have the same id.
pub(crate) fn create_unfinished(path: &Path) -> io::Result<(File, PathBuf)> {
    let random = RandomState::new().hash_one(path);
    let temporary = path.with_extension(format!("{}-{random:016x}.part", std::process::id()));
    Ok((File::create_new(&temporary)?, temporary))
}

/// Writes a cache file.
pub(crate) struct CacheWriter {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    key: u64,
    size: [usize; 3],
    hashes: Vec<u64>,
    pieces: Pieces,
    suspects: SuspectCounter,
    /// Whether the file has been renamed to its final name.
    named: bool,
}

impl CacheWriter {
    /// Begins the file `path` for at most `count` images in place of an old one, if there is enough
    /// space on the disk.
    pub(crate) fn create(path: &Path, key: u64, size: [usize; 3], count: usize) -> Result<Self, DataError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        // The old file belongs to other pictures or settings, or is damaged. If it cannot be
        // deleted, it will be replaced.
        let _ = fs::remove_file(path);
        let wanted = cache_bytes(count, size.iter().product());
        // If the system does not know the free space, writing fails if there is too little.
        if let Ok(free) = free_space(folder)
            && free < wanted
        {
            let why = format!("the decoded pictures take {wanted} bytes, {free} are free");
            return Err(DataError::cache(path, why));
        }
        let (mut file, temporary) = create_unfinished(path).map_err(|error| unwritable(path, &error))?;
        file.write_all(MAGIC).map_err(|error| unwritable(&temporary, &error))?;
        let (pieces, suspects) = (Pieces::default(), SuspectCounter::default());
        let path = path.to_owned();
        Ok(Self { path, temporary, file, key, size, hashes: Vec::new(), pieces, suspects, named: false })
    }

    /// Appends images.
    pub(crate) fn push(&mut self, images: &[u8]) -> Result<(), DataError> {
        let image: usize = self.size.iter().product();
        let hashes: Vec<(u64, bool)> =
            images.par_chunks_exact(image).map(|image| (hash_bytes(image), is_blank(image))).collect();
        for (hash, blank) in hashes {
            self.hashes.push(hash);
            self.suspects.add((!blank).then_some(hash));
        }
        self.pieces.push(images);
        self.file.write_all(images).map_err(|error| unwritable(&self.path, &error))
    }

    /// Completes the file and renames it to its final name once it is on disk.
    pub(crate) fn finish(mut self, left_out: Vec<(usize, String)>) -> Result<(), DataError> {
        let count = self.hashes.len();
        let hashes: Vec<u8> = self.hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        let Suspects { blank, copies, .. } = self.suspects.suspects;
        let [height, width, channels] = self.size;
        let pieces = std::mem::take(&mut self.pieces).finish();
        let metadata = Metadata {
            key: self.key,
            size: self.size,
            count,
            fingerprint: fingerprint([count, height, width, channels], pieces),
            blank,
            copies,
            left_out,
            hashes: hash_bytes(&hashes),
        };
        self.settle(&hashes, &metadata).map_err(|error| unwritable(&self.path, &error))
    }

    fn settle(&mut self, hashes: &[u8], metadata: &Metadata) -> io::Result<()> {
        let text = serde_json::to_vec(metadata)?;
        self.file.write_all(hashes)?;
        self.file.write_all(&text)?;
        self.file.write_all(&(text.len() as u64).to_le_bytes())?;
        self.file.write_all(&hash_bytes(&text).to_le_bytes())?;
        self.file.write_all(&MAGIC[..8])?;
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        self.named = true;
        // Only Unix can open a folder as a file; elsewhere a rename needs no second sync.
        if cfg!(unix) { File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
    }
}

impl Drop for CacheWriter {
    fn drop(&mut self) {
        if !self.named {
            // Best effort: the next process that writes here deletes it.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// The error for a cache that cannot be written.
fn unwritable(path: &Path, error: &io::Error) -> DataError {
    DataError::cache(path, format!("the system said: {error}"))
}
