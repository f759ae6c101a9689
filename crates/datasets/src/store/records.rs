//! Images read by offset from files of records of one length.

use super::Store;
use crate::error::DataError;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What tells that a file is still the one that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) length: u64,
    /// When it was last changed, where the system knows.
    pub(crate) changed: Option<SystemTime>,
}

impl Stamp {
    /// The stamp of a file.
    pub(crate) fn of(about: &std::fs::Metadata) -> Self {
        Self { length: about.len(), changed: about.modified().ok() }
    }

    /// When it was last changed, in nanoseconds since 1970; 0 if that is not known.
    pub(crate) fn nanoseconds(self) -> u64 {
        let since = self.changed.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        since.map_or(0, |since| since.as_nanos() as u64)
    }
}

/// The records of one file.
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    /// Of the file when its header was read.
    pub(crate) stamp: Stamp,
    /// Where the first record begins.
    pub(crate) offset: u64,
    pub(crate) count: usize,
}

impl Part {
    /// The error if the file is no longer what it was.
    pub(crate) fn unchanged(&self) -> Result<(), DataError> {
        let now = Stamp::of(&self.file.metadata().map_err(|error| DataError::unreadable(&self.path, error))?);
        if now == self.stamp { Ok(()) } else { Err(changed(&self.path, self.stamp, now)) }
    }

    /// Reads `bytes` from `offset` on.
    pub(crate) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DataError> {
        let result = read_at(&self.file, offset, bytes);
        // First this: a file that became shorter gives a read error that does not say so.
        self.unchanged()?;
        result.map_err(|error| DataError::unreadable(&self.path, error))
    }
}

/// The error for a file that is no longer what it was when it was opened.
pub(crate) fn changed(path: &Path, before: Stamp, now: Stamp) -> DataError {
    let why = if before.length == now.length {
        format!("it was written to after it was opened; it still has {} bytes", now.length)
    } else {
        format!("it had {} bytes when it was opened, and has {} now", before.length, now.length)
    };
    DataError::unusable(
        path,
        "the file changed while it was in use",
        why,
        advice!(
            "changed-data",
            "let what writes to it finish, then start again; a file that is replaced as a whole does not disturb a run"
        ),
    )
}

#[cfg(unix)]
fn read_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    use std::sync::{Mutex, PoisonError};
    // The place in the file is shared by all threads.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

/// Writes the pixels of an image, given its bytes in the file.
type Unpack = fn(&[u8], &mut [u8]);

/// Files of records, each an image after `skip` bytes.
pub(crate) struct Records {
    pub(crate) parts: Vec<Part>,
    /// Bytes of a record in front of the image.
    pub(crate) skip: usize,
    /// Bytes of an image.
    pub(crate) image: usize,
    /// Makes the pixels of an image of its bytes in the file; None where they are the same.
    pub(crate) unpack: Option<Unpack>,
}

impl Records {
    fn record(&self) -> usize {
        self.skip + self.image
    }

    /// Reads images of one part.
    fn read_part(&self, part: &Part, first: usize, images: &mut [u8]) -> Result<(), DataError> {
        let offset = part.offset + (first * self.record()) as u64;
        if self.skip == 0 && self.unpack.is_none() {
            return part.read(offset, images);
        }
        let mut records = vec![0; images.len() / self.image * self.record()];
        part.read(offset, &mut records)?;
        for (record, image) in records.chunks_exact(self.record()).zip(images.chunks_exact_mut(self.image)) {
            match self.unpack {
                Some(unpack) => unpack(&record[self.skip..], image),
                None => image.copy_from_slice(&record[self.skip..]),
            }
        }
        Ok(())
    }
}

impl Store for Records {
    fn count(&self) -> usize {
        self.parts.iter().map(|part| part.count).sum()
    }

    fn read(&self, first: usize, images: &mut [u8]) -> Result<(), DataError> {
        let (mut first, mut images) = (first, images);
        for part in &self.parts {
            if first >= part.count {
                first -= part.count;
                continue;
            }
            let here = (images.len() / self.image).min(part.count - first);
            let (now, later) = images.split_at_mut(here * self.image);
            self.read_part(part, first, now)?;
            (first, images) = (0, later);
            if images.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn place(&self) -> String {
        match &self.parts[..] {
            [part] => format!("read from {}", part.path.display()),
            parts => format!("read from {} files", parts.len()),
        }
    }
}
