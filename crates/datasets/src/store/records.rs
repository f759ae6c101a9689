//! Images read by offset from files of fixed-size records.

use super::Store;
use crate::error::DataError;
use crate::file::{FileStamp, changed};
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// The records of one file.
pub(crate) struct RecordFile {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    /// Taken when the header was read.
    pub(crate) stamp: FileStamp,
    /// The offset of the first record.
    pub(crate) offset: u64,
    pub(crate) count: usize,
}

impl RecordFile {
    /// Fails if the file has changed since its header was read.
    pub(crate) fn unchanged(&self) -> Result<(), DataError> {
        let now = FileStamp::of(&self.file.metadata().map_err(|error| DataError::unreadable(&self.path, error))?);
        if now == self.stamp { Ok(()) } else { Err(changed(&self.path, self.stamp, now)) }
    }

    /// Fills `bytes` from `offset` on.
    pub(crate) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DataError> {
        let result = read_at(&self.file, offset, bytes);
        // Checked first: reading a file that became shorter gives an error that does not say so.
        self.unchanged()?;
        result.map_err(|error| DataError::unreadable(&self.path, error))
    }
}

/// Fills `bytes` from `offset` on.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(not(unix))]
pub(crate) fn read_at(mut file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    use std::sync::{Mutex, PoisonError};
    // All threads share the position in the file.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

/// Writes the pixels of an image from its bytes in the file.
type Decode = fn(&[u8], &mut [u8]);

/// Files of records. Each record is an image after `skip` bytes.
pub(crate) struct Records {
    pub(crate) files: Vec<RecordFile>,
    /// Bytes before the image in a record.
    pub(crate) skip: usize,
    /// Bytes of one image.
    pub(crate) image: usize,
    /// Converts the bytes in the file to pixels, if they differ.
    pub(crate) decode: Option<Decode>,
}

impl Records {
    fn record(&self) -> usize {
        self.skip + self.image
    }

    /// Reads images from one file.
    fn read_file(&self, file: &RecordFile, first: usize, images: &mut [u8]) -> Result<(), DataError> {
        let offset = file.offset + (first * self.record()) as u64;
        if self.skip == 0 && self.decode.is_none() {
            return file.read(offset, images);
        }
        let mut records = vec![0; images.len() / self.image * self.record()];
        file.read(offset, &mut records)?;
        for (record, image) in records.chunks_exact(self.record()).zip(images.chunks_exact_mut(self.image)) {
            match self.decode {
                Some(decode) => decode(&record[self.skip..], image),
                None => image.copy_from_slice(&record[self.skip..]),
            }
        }
        Ok(())
    }
}

impl Store for Records {
    fn count(&self) -> usize {
        self.files.iter().map(|file| file.count).sum()
    }

    fn read(&self, first: usize, images: &mut [u8]) -> Result<(), DataError> {
        let (mut first, mut images) = (first, images);
        for file in &self.files {
            if first >= file.count {
                first -= file.count;
                continue;
            }
            let here = (images.len() / self.image).min(file.count - first);
            let (now, later) = images.split_at_mut(here * self.image);
            self.read_file(file, first, now)?;
            (first, images) = (0, later);
            if images.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn location(&self) -> String {
        match &self.files[..] {
            [file] => format!("read from {}", file.path.display()),
            files => format!("read from {} files", files.len()),
        }
    }
}
