//! Where the bytes of a picture are: in a file, or in an archive.

use crate::file::FileStamp;
use crate::file_type::{FileType, START, extension_of};
use crate::zip::{ZipArchive, ZipEntry};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A picture as it was found.
#[derive(Clone, Debug)]
pub(in crate::formats) enum Source {
    /// A file.
    File(PathBuf),
    /// A file of an archive, by its number.
    Entry(Arc<ZipArchive>, usize),
}

impl Source {
    /// The file called `name` in an archive, if there is one.
    pub(super) fn entry(archive: &Arc<ZipArchive>, name: &str) -> Option<Self> {
        let index = archive.entries().iter().position(|entry| entry.name == name)?;
        Some(Self::Entry(archive.clone(), index))
    }

    /// The file's path; one in an archive follows that of the archive.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Entry(archive, index) => archive.path().join(&archive.entries()[*index].name),
        }
    }

    /// The path below `folder`, which may be in an archive.
    pub(super) fn path_below(&self, folder: &Path) -> PathBuf {
        let path = self.path();
        path.strip_prefix(folder).map(Path::to_owned).unwrap_or(path)
    }

    /// The length of the content and a reader of it.
    ///
    /// # Errors
    /// If it cannot be read, or is not a file.
    pub(super) fn open(&self) -> io::Result<(u64, Box<dyn Read + '_>)> {
        match self {
            Self::File(path) => {
                // Opening a pipe could block forever.
                if !path.metadata()?.is_file() {
                    return Err(io::Error::other("it is not a file"));
                }
                let file = File::open(path)?;
                Ok((file.metadata()?.len(), Box::new(file)))
            }
            Self::Entry(archive, index) => {
                let entry = &archive.entries()[*index];
                Ok((entry.length, Box::new(archive.read(entry)?)))
            }
        }
    }

    /// The type of the content.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn file_type(&self) -> io::Result<FileType> {
        let Self::Entry(archive, index) = self else { return FileType::of_file(&self.path()) };
        let entry = &archive.entries()[*index];
        let mut start = Vec::with_capacity(START);
        archive.read(entry)?.take(START as u64).read_to_end(&mut start)?;
        Ok(FileType::of(&start, &self.extension()))
    }

    /// The extension in lower case, without the dot.
    pub(super) fn extension(&self) -> String {
        extension_of(&self.path())
    }

    /// The stamp of a file. An archive notices itself when it changes.
    pub(super) fn stamp(&self) -> Option<FileStamp> {
        match self {
            Self::File(path) => path.metadata().ok().map(|about| FileStamp::of(&about)),
            Self::Entry(..) => None,
        }
    }

    /// What the content depends on: the length and the time of a file, the length and the CRC-32 of
    /// an entry.
    pub(super) fn identity(&self, stamp: Option<FileStamp>) -> [u64; 2] {
        match self {
            Self::File(_) => stamp.map_or([0; 2], |stamp| [stamp.length, stamp.nanoseconds()]),
            Self::Entry(archive, index) => {
                let ZipEntry { length, crc, .. } = archive.entries()[*index];
                [length, u64::from(crc)]
            }
        }
    }
}
