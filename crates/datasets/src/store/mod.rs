//! Where the bytes of images are.
//!
//! [`Images`](crate::Images) behave the same wherever their bytes are. A [`Store`] provides the
//! bytes:
//!
//! | store | bytes |
//! |---|---|
//! | [`Memory`] | in memory |
//! | [`records::Records`] | in files of fixed-size records, read by offset: IDX, CIFAR-10 |
//! | [`cached::Cached`] | in the cache of a decoded folder, read by offset |
//! | [`generated::Generated`] | drawn on demand: picture n of a seed is always the same |
//! | [`derived::Scaled`], [`derived::Selected`] | converted or selected from another store |

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
    /// The number of images.
    fn count(&self) -> usize;

    /// Reads as many images as fit in `images`, starting with number `first`.
    ///
    /// # Errors
    /// If they cannot be read, or a file has changed since it was opened.
    fn read(&self, first: usize, images: &mut [u8]) -> Result<(), DataError>;

    /// All bytes, if they are in memory.
    fn in_memory(&self) -> Option<&[u8]> {
        None
    }

    /// Bytes of memory that the store uses.
    fn resident_bytes(&self) -> u64 {
        0
    }

    /// Bytes of disk that must be written before the store can be read.
    fn cache_bytes(&self) -> u64 {
        0
    }

    /// Where the bytes are, for users: `in memory`, `read from FILE`.
    fn location(&self) -> String;

    /// Whether the pictures are generated. Drawing takes time, and none is blank or a duplicate.
    fn is_generated(&self) -> bool {
        false
    }

    /// The result of an earlier survey of all images, if it was saved.
    fn known(&self) -> Option<Survey> {
        None
    }
}

/// Dense bytes in memory.
pub(crate) struct Memory {
    pub(crate) bytes: Vec<u8>,
    /// Bytes of one image.
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
