//! Where the bytes of images come from.
//!
//! [`Images`](crate::Images) are the same set wherever their bytes lie; a [`Store`] hands them out:
//!
//! | store | bytes |
//! |---|---|
//! | [`Memory`] | all of them in memory |
//! | [`records::Records`] | read by offset from files of records of one length: `.npy`, IDX, CIFAR-10 |
//! | [`cached::Cached`] | read by offset from the cache file of a folder that was decoded before |
//! | [`generated::Generated`] | drawn: picture n of a seed is always the same |
//! | [`derived::Scaled`], [`derived::Selected`] | those of another store, in another size, or some of them |

pub(crate) mod cached;
pub(crate) mod derived;
pub(crate) mod generated;
pub(crate) mod hash;
pub(crate) mod records;
pub(crate) mod survey;
#[cfg(test)]
mod tests;

use crate::error::DataError;
use survey::Survey;

/// The bytes of images of one size.
pub(crate) trait Store: Send + Sync {
    /// Number of images.
    fn count(&self) -> usize;

    /// Writes the images from number `first` on, as many as `images` has room for, dense.
    ///
    /// # Errors
    /// If they cannot be read, or a file changed since it was opened.
    fn read(&self, first: usize, images: &mut [u8]) -> Result<(), DataError>;

    /// All bytes, if they lie in memory.
    fn in_memory(&self) -> Option<&[u8]> {
        None
    }

    /// Reads all bytes, of which there are `length`, into memory that it asks for itself. None: by [`read`](Self::read).
    fn read_whole(&self) -> Option<Result<Vec<u8>, DataError>> {
        None
    }

    /// Bytes of memory that the store takes.
    fn resident_bytes(&self) -> u64 {
        0
    }

    /// Bytes of disk that the store still has to write before it can be read.
    fn cache_bytes(&self) -> u64 {
        0
    }

    /// Where the bytes are, for people: `in memory`, `read from FILE`.
    fn location(&self) -> String;

    /// Whether the pictures are drawn here: they cost time instead of reading, and none is blank or a copy.
    fn is_generated(&self) -> bool {
        false
    }

    /// What going through all images tells, if that was done before.
    fn known(&self) -> Option<Survey> {
        None
    }
}

/// Dense bytes in memory.
pub(crate) struct Memory {
    pub(crate) bytes: Vec<u8>,
    /// Bytes of an image.
    pub(crate) image: usize,
}

impl Store for Memory {
    fn count(&self) -> usize {
        self.bytes.len() / self.image
    }

    fn read(&self, first: usize, images: &mut [u8]) -> Result<(), DataError> {
        images.copy_from_slice(&self.bytes[first * self.image..][..images.len()]);
        Ok(())
    }

    fn in_memory(&self) -> Option<&[u8]> {
        Some(&self.bytes)
    }

    fn resident_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn location(&self) -> String {
        "in memory".into()
    }
}
