//! The cache of a folder that was decoded before: one file from which images are read by offset.
//!
//! | bytes | |
//! |---|---|
//! | [`MAGIC`] | how the file begins |
//! | count x image | the images, dense |
//! | count x 8 | the hash of each image, little-endian |
//! | | [`About`] as JSON |
//! | 24 | the length and the hash of that JSON, and [`MAGIC`]'s first eight bytes again |
//!
//! The file has its name only when all of it is on the disk. What an image is read from is checked against its hash each time.

use super::records::{Part, Stamp};
use super::{Store, hash::PIECE};
use crate::error::DataError;
use crate::images::{Counted, Survey, Suspects, is_blank};
use crate::store::hash::{Pieces, fingerprint, hash_bytes};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the file begins. The digits are the version of the form; another decoder or another way of fitting is another version.
const MAGIC: &[u8; 16] = b"BDIMAGES cache 1";
/// Length of the last part.
const FOOTER: u64 = 24;
/// What is said about the images takes at most so many bytes.
const MOST_ABOUT: u64 = 256 << 20;

/// What the file says about its images.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct About {
    /// Stands for the files that were decoded and how they were fitted.
    pub(crate) key: u64,
    /// Height, width and channels.
    pub(crate) size: [usize; 3],
    pub(crate) count: usize,
    /// As [`Images::fingerprint`](crate::Images::fingerprint).
    pub(crate) fingerprint: String,
    pub(crate) blank: usize,
    pub(crate) copies: usize,
    /// The files that could not be read: their places in the list of files, and why.
    pub(crate) left_out: Vec<(usize, String)>,
    /// The hash of the images' hashes.
    pub(crate) hashes: u64,
}

/// The images of a cache file.
pub(crate) struct Cached {
    part: Part,
    image: usize,
    /// Of each image.
    hashes: Vec<u64>,
    pub(crate) about: About,
}

impl Cached {
    /// Opens the file if it is there, whole, and of this key and size. Everything but the images themselves is checked.
    pub(crate) fn open(path: &Path, key: u64, size: [usize; 3]) -> Option<Self> {
        let file = File::open(path).ok()?;
        let stamp = Stamp::of(&file.metadata().ok()?);
        let mut part = Part { path: path.to_owned(), file, stamp, offset: MAGIC.len() as u64, count: 0 };
        let end = stamp.length.checked_sub(FOOTER)?;
        let (mut magic, mut footer) = ([0; MAGIC.len()], [0; FOOTER as usize]);
        part.read(0, &mut magic).ok()?;
        part.read(end, &mut footer).ok()?;
        let word = |at: usize| footer[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let (length, hash) = (word(0)?, word(8)?);
        if magic != *MAGIC || footer[16..] != MAGIC[..8] || length > end.min(MOST_ABOUT) {
            return None;
        }
        let mut text = vec![0; length as usize];
        part.read(end - length, &mut text).ok()?;
        let about: About = (hash_bytes(&text) == hash).then(|| serde_json::from_slice(&text).ok())??;
        let image: usize = size.iter().product();
        let bytes = (about.count as u64).checked_mul(image as u64 + 8)?;
        if (about.key, about.size) != (key, size) || bytes.checked_add(part.offset) != Some(end - length) {
            return None;
        }
        let mut hashes = vec![0; 8 * about.count];
        part.read(end - length - hashes.len() as u64, &mut hashes).ok()?;
        if hash_bytes(&hashes) != about.hashes {
            return None;
        }
        part.count = about.count;
        let hashes = hashes.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        Some(Self { part, image, hashes, about })
    }
}

impl Store for Cached {
    fn count(&self) -> usize {
        self.part.count
    }

    fn read(&self, first: usize, images: &mut [u8]) -> Result<(), DataError> {
        self.part.read(self.part.offset + (first * self.image) as u64, images)?;
        let mut read = images.chunks_exact(self.image).zip(&self.hashes[first..]);
        if read.all(|(image, hash)| hash_bytes(image) == *hash) {
            return Ok(());
        }
        Err(DataError::unusable(
            &self.part.path,
            "the cache of the pictures is damaged",
            "an image is not what was written there",
            advice!("damaged-cache", "delete the file and start again: the pictures are then decoded anew"),
        ))
    }

    fn resident_bytes(&self) -> u64 {
        8 * self.hashes.len() as u64
    }

    fn place(&self) -> String {
        format!("read from the cache {} (which may be deleted)", self.part.path.display())
    }

    fn known(&self) -> Option<Survey> {
        let About { fingerprint, blank, copies, count, .. } = &self.about;
        let suspects = Suspects { blank: *blank, copies: *copies, count: *count };
        Some(Survey { fingerprint: fingerprint.clone(), suspects })
    }
}

/// A folder's pictures before they are decoded: they can be counted, but not read.
pub(crate) struct Undecoded {
    pub(crate) folder: PathBuf,
    pub(crate) count: usize,
    /// Of the cache that they will have.
    pub(crate) bytes: u64,
}

impl Store for Undecoded {
    fn count(&self) -> usize {
        self.count
    }

    fn read(&self, _first: usize, _images: &mut [u8]) -> Result<(), DataError> {
        let (why, help) = ("they were only looked at", advice!("undecoded", "start without looking only"));
        Err(DataError::unusable(&self.folder, "the pictures are not decoded yet", why, help))
    }

    fn cache_bytes(&self) -> u64 {
        self.bytes
    }

    fn place(&self) -> String {
        format!("decoded into a cache of {} first", crate::images::bytes_in_words(self.bytes))
    }
}

/// Bytes of a cache of so many images.
pub(crate) fn cache_bytes(count: usize, image: usize) -> u64 {
    (count as u64).saturating_mul(image as u64 + 8) + PIECE as u64
}

/// From one look at a lock that another process holds to the next.
const POLL: Duration = Duration::from_millis(100);

/// Held by the one process that writes into a folder of caches.
pub(crate) struct Turn {
    _lock: Option<File>,
}

impl Turn {
    /// Makes the folder and waits for the turn. While another process has it, `waiting` is called again and again, with its
    /// process id if that is known.
    pub(crate) fn take(
        folder: &Path,
        waiting: impl Fn(&Path, Option<u32>) -> ControlFlow<()>,
    ) -> Result<Self, DataError> {
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        let path = folder.join("lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let mut file = open.map_err(|error| unwritable(&path, &error))?;
        // Asked again and again: a call that waits in the system could not be ended by `waiting`.
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let holder = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
                    if waiting(&path, holder).is_break() {
                        return Err(DataError::Stopped { path });
                    }
                    std::thread::sleep(POLL);
                }
                // A file system without locks: each process writes under a name of its own.
                Err(TryLockError::Error(_)) => return Ok(Self { _lock: None }),
            }
        }
        sweep(folder);
        // For people and for those who wait; the lock holds without it.
        let _ = file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
        Ok(Self { _lock: Some(file) })
    }
}

/// Deletes what interrupted processes left: nobody else writes now.
fn sweep(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for left in entries.filter(|path| path.extension().is_some_and(|ending| ending == "part")) {
        let _ = fs::remove_file(left);
    }
}

/// Writes a cache file.
pub(crate) struct Writer {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    key: u64,
    size: [usize; 3],
    hashes: Vec<u64>,
    pieces: Pieces,
    counted: Counted,
    /// Whether it has its name.
    named: bool,
}

impl Writer {
    /// Begins the file `path` for at most `count` images, in the place of an old one, if the disk has room for it.
    pub(crate) fn begin(path: &Path, key: u64, size: [usize; 3], count: usize) -> Result<Self, DataError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        // It is of other files or settings, or it is damaged. Where it cannot be deleted, it will be replaced.
        let _ = fs::remove_file(path);
        let wanted = cache_bytes(count, size.iter().product());
        // Where the system does not say how much is free, writing will show it.
        if let Ok(free) = fs4::available_space(folder)
            && free < wanted
        {
            let why = format!("the decoded pictures take {wanted} bytes, {free} are free");
            return Err(DataError::NoCache { path: path.to_owned(), why });
        }
        let temporary = path.with_extension(format!("{}.part", std::process::id()));
        let failed = |error| unwritable(&temporary, &error);
        let mut file = File::create(&temporary).map_err(failed)?;
        file.write_all(MAGIC).map_err(failed)?;
        let (pieces, counted) = (Pieces::default(), Counted::default());
        let path = path.to_owned();
        Ok(Self { path, temporary, file, key, size, hashes: Vec::new(), pieces, counted, named: false })
    }

    /// Adds images at the end.
    pub(crate) fn push(&mut self, images: &[u8]) -> Result<(), DataError> {
        let image: usize = self.size.iter().product();
        let hashes: Vec<(u64, bool)> =
            images.par_chunks_exact(image).map(|image| (hash_bytes(image), is_blank(image))).collect();
        for (hash, blank) in hashes {
            self.hashes.push(hash);
            self.counted.add((!blank).then_some(hash));
        }
        self.pieces.push(images);
        self.file.write_all(images).map_err(|error| unwritable(&self.path, &error))
    }

    /// Gives the file its name when all of it is on the disk.
    pub(crate) fn finish(mut self, left_out: Vec<(usize, String)>) -> Result<(), DataError> {
        let count = self.hashes.len();
        let hashes: Vec<u8> = self.hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        let Suspects { blank, copies, .. } = self.counted.suspects;
        let [height, width, channels] = self.size;
        let pieces = std::mem::take(&mut self.pieces).finish();
        let about = About {
            key: self.key,
            size: self.size,
            count,
            fingerprint: fingerprint([count, height, width, channels], pieces),
            blank,
            copies,
            left_out,
            hashes: hash_bytes(&hashes),
        };
        self.settle(&hashes, &about).map_err(|error| unwritable(&self.path, &error))
    }

    fn settle(&mut self, hashes: &[u8], about: &About) -> io::Result<()> {
        let text = serde_json::to_vec(about)?;
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

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.named {
            // Best effort: the next process that writes here deletes it.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// The error of a cache that cannot be written.
fn unwritable(path: &Path, error: &io::Error) -> DataError {
    DataError::NoCache { path: path.to_owned(), why: format!("the system said: {error}") }
}
