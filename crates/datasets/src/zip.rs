//! Reads zip archives.
//!
//! Entries are listed from the central directory at the end of the file, and read by offset, so
//! several threads can read at once. Stored and deflated entries are supported, and sizes beyond 4
//! GiB (zip64). No more bytes are
//! produced than the archive announces. An archive with names that lead out of it, entries that
//! overlap (as in a zip bomb), or impossible lengths cannot be opened.
//!
//! Format: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification", version 6.3.10.

use crate::error::{DataError, download_again};
use crate::file::{FileStamp, open};
use crate::file_type::{FileType, extension_of, start_of};
use crate::store::records::read_at;
use crate::text::shown;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How a zip archive begins: with a local header or, if it is empty, with its end.
pub(crate) const MAGIC: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// The most entries that are listed.
const MAX_ENTRIES: u64 = 2_000_000;
/// The longest central directory that is read, in bytes.
const MAX_DIRECTORY: u64 = 1 << 29;
/// The length of the record at the end, without the comment.
const END: usize = 22;
/// The length of a local header and of an entry of the central directory, without names.
const LOCAL: u64 = 30;
const CENTRAL: usize = 46;
/// Deflate turns one byte into at most 1032.
const MAX_RATIO: u64 = 1032;

/// An open archive.
#[derive(Debug)]
pub struct ZipArchive {
    path: PathBuf,
    file: File,
    stamp: FileStamp,
    entries: Vec<ZipEntry>,
    /// Where the central directory begins, and all entries have ended.
    directory: u64,
}

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZipEntry {
    /// Its path, with `/` between folders.
    pub name: String,
    /// Its length in bytes, uncompressed.
    pub length: u64,
    /// The CRC-32 of its content.
    pub crc: u32,
    /// 0 for stored, 8 for deflated.
    method: u16,
    encrypted: bool,
    packed: u64,
    /// The offset of its local header.
    header: u64,
}

/// Why an archive is refused: what is wrong, and why.
type Refusal = (&'static str, String);

impl ZipArchive {
    /// Opens the archive at `path`, and lists its files in the order of the archive.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or tries to do harm.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let file = open(path)?;
        let about = file.metadata().map_err(|error| DataError::unreadable(path, error))?;
        let stamp = FileStamp::of(&about);
        let (entries, directory) = list(&file, stamp.length).map_err(|(what, why)| {
            let help = match what {
                HARMFUL => advice!("harmful-zip", "do not use this archive unless you know who made it, and how"),
                _ => download_again(),
            };
            DataError::invalid(path, what, why, help)
        })?;
        Ok(Self { path: path.to_owned(), file, stamp, entries, directory })
    }

    /// The archive's own path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files in it.
    pub fn entries(&self) -> &[ZipEntry] {
        &self.entries
    }

    /// The archive as a file, and its stamp when it was opened.
    pub(crate) fn file(&self) -> io::Result<(File, FileStamp)> {
        Ok((self.file.try_clone()?, self.stamp))
    }

    /// A reader of the content of `entry`. It ends with an error if the length or the CRC-32 of the
    /// content is not the one in the archive.
    ///
    /// # Errors
    /// If the entry is encrypted or compressed by another method, or the archive is damaged or has
    /// changed.
    pub fn read<'a>(&'a self, entry: &ZipEntry) -> io::Result<impl Read + use<'a>> {
        let start = self.start(entry)?;
        let raw = Section::new(&self.file, start, entry.packed);
        let content: Box<dyn Read + 'a> =
            if entry.method == 0 { Box::new(raw) } else { Box::new(DeflateDecoder::new(raw)) };
        Ok(Checked { content, left: entry.length, crc: Crc::new(), wanted: entry.crc })
    }

    /// The offset of the content of an entry that is stored, not compressed.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn stored_at(&self, entry: &ZipEntry) -> io::Result<Option<u64>> {
        let start = self.start(entry)?;
        Ok((entry.method == 0).then_some(start))
    }

    /// The offset of the content of `entry`, after its local header.
    fn start(&self, entry: &ZipEntry) -> io::Result<u64> {
        if FileStamp::of(&self.file.metadata()?) != self.stamp {
            return Err(invalid("the archive changed while it was in use"));
        }
        if entry.encrypted {
            return Err(invalid("it is encrypted"));
        }
        if ![0, 8].contains(&entry.method) {
            let name = match entry.method {
                9 => "Deflate64",
                12 => "bzip2",
                14 => "LZMA",
                93 => "Zstandard",
                95 => "xz",
                _ => "an unknown method",
            };
            return Err(invalid(format!("it is compressed with {name}; only stored and deflated files are read")));
        }
        let mut local = [0; LOCAL as usize];
        read_at(&self.file, entry.header, &mut local)?;
        let start = entry.header + LOCAL + u64::from(u16_at(&local, 26)) + u64::from(u16_at(&local, 28));
        if local[..4] != *MAGIC[0] || start.checked_add(entry.packed).is_none_or(|end| end > self.directory) {
            return Err(invalid("its header in the archive is damaged"));
        }
        Ok(start)
    }
}

impl ZipEntry {
    /// Whether it is in the folder `folder` of the archive, at any depth, and its path there; every
    /// entry is in the folder "".
    pub(crate) fn within(&self, folder: &str) -> Option<&str> {
        if folder.is_empty() { Some(&self.name) } else { self.name.strip_prefix(folder)?.strip_prefix('/') }
    }
}

/// Splits a path that leads into an archive, such as `faces.zip/train`, into the archive and the
/// path inside, with `/` between folders; the path of an archive itself has the path "" inside.
pub(crate) fn split(path: &Path) -> Option<(PathBuf, String)> {
    let archive = path.ancestors().find(|path| path.is_file())?;
    if !is_zip(archive) {
        return None;
    }
    let inside = path.strip_prefix(archive).ok()?;
    let parts: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    Some((archive.to_owned(), parts.join("/")))
}

/// Whether there is something at `path`, which may lead into a zip archive.
pub fn exists(path: &Path) -> bool {
    let is_in = |archive: &Path, inside: &str| {
        let is_it = |entry: &ZipEntry| {
            let name = &*entry.name;
            name == inside || name.strip_suffix(".npy") == Some(inside) || entry.within(inside).is_some()
        };
        ZipArchive::open(archive).is_ok_and(|archive| archive.entries().iter().any(is_it))
    };
    path.exists() || split(path).is_some_and(|(archive, inside)| is_in(&archive, &inside))
}

/// Whether `path` is a zip archive, or leads into one.
pub fn is_in_archive(path: &Path) -> bool {
    split(path).is_some()
}

/// As [`std::fs::canonicalize`], for a path that may lead into a zip archive.
///
/// # Errors
/// If there is no such file, folder or archive.
pub fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    match split(path) {
        Some((archive, inside)) if !inside.is_empty() => Ok(std::fs::canonicalize(archive)?.join(inside)),
        _ => std::fs::canonicalize(path),
    }
}

/// Whether the file is a zip archive by its content or, if that is of no known type, by its name:
/// it is then damaged.
fn is_zip(path: &Path) -> bool {
    let Ok(start) = start_of(path) else { return false };
    let extension = extension_of(path);
    MAGIC.iter().any(|magic| start.starts_with(magic))
        || ["zip", "npz"].contains(&&*extension) && FileType::of(&start, &extension) == FileType::Unknown
}

/// The error for an archive that no ordinary program writes.
const HARMFUL: &str = "the archive may do harm";

/// The files of an archive of `length` bytes, and the offset of its directory.
fn list(file: &File, length: u64) -> Result<(Vec<ZipEntry>, u64), Refusal> {
    let damaged = |why: String| ("the zip archive is damaged or incomplete", why);
    let unreadable = |error: io::Error| damaged(format!("the system said: {error}"));
    let tail_length = length.min(END as u64 + u64::from(u16::MAX)) as usize;
    let mut tail = vec![0; tail_length];
    read_at(file, length - tail_length as u64, &mut tail).map_err(unreadable)?;
    // The comment, which comes last, may contain anything.
    let is_end =
        |at: &usize| tail[*at..].starts_with(MAGIC[1]) && usize::from(u16_at(&tail, at + 20)) == tail_length - at - END;
    let end = (0..=tail_length.saturating_sub(END)).rev().filter(|at| at + END <= tail_length).find(is_end);
    let end = end.ok_or_else(|| damaged("the directory at its end is missing".into()))?;
    let mut count = u64::from(u16_at(&tail, end + 10));
    let mut size = u64::from(u32_at(&tail, end + 12));
    let mut offset = u64::from(u32_at(&tail, end + 16));
    let mut limit = length - tail_length as u64 + end as u64;
    let is_large = count == u64::from(u16::MAX) || [size, offset].contains(&u64::from(u32::MAX));
    if let Some(locator) = end.checked_sub(20).filter(|at| is_large && tail[*at..].starts_with(b"PK\x06\x07")) {
        limit = u64_at(&tail, locator + 8);
        let mut record = [0; 56];
        read_at(file, limit.min(length), &mut record).map_err(unreadable)?;
        if !record.starts_with(b"PK\x06\x06") {
            return Err(damaged("the record of its size is missing".into()));
        }
        (count, size, offset) = (u64_at(&record, 32), u64_at(&record, 40), u64_at(&record, 48));
    }
    if offset.checked_add(size).is_none_or(|end| end > limit) || count.saturating_mul(CENTRAL as u64) > size {
        return Err(damaged(format!("its directory claims {count} files in {size} bytes at {offset} of {length}")));
    }
    if count > MAX_ENTRIES || size > MAX_DIRECTORY {
        return Err(("the zip archive is too large", format!("it has {count} files; at most {MAX_ENTRIES} are read")));
    }
    let mut directory = vec![0; size as usize];
    read_at(file, offset, &mut directory).map_err(unreadable)?;
    let mut entries = Vec::new();
    let mut rest = &directory[..];
    for _ in 0..count {
        let (entry, after) = entry(rest).ok_or_else(|| damaged("its directory cannot be read".into()))?;
        rest = after;
        check(&entry)?;
        if !entry.name.ends_with('/') {
            entries.push(entry);
        }
    }
    apart(&entries, offset)?;
    Ok((entries, offset))
}

/// The first entry of a central directory, and what follows it.
fn entry(directory: &[u8]) -> Option<(ZipEntry, &[u8])> {
    let head = directory.get(..CENTRAL).filter(|head| head.starts_with(b"PK\x01\x02"))?;
    let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(head, at)));
    let all = directory.get(CENTRAL..CENTRAL + name + extra + comment)?;
    let [mut packed, mut length, mut header] = [20, 24, 42].map(|at| u64::from(u32_at(head, at)));
    // Sizes that do not fit in 32 bits are in an extra field, in this order.
    let mut large = extra_field(&all[name..name + extra], 1).unwrap_or_default();
    for value in [&mut length, &mut packed, &mut header] {
        if *value == u64::from(u32::MAX) {
            let (eight, others) = large.split_at_checked(8)?;
            (*value, large) = (u64_at(eight, 0), others);
        }
    }
    let flags = u16_at(head, 8);
    let entry = ZipEntry {
        // Some programs on Windows write backslashes.
        name: String::from_utf8_lossy(&all[..name]).replace('\\', "/"),
        length,
        crc: u32_at(head, 16),
        method: u16_at(head, 10),
        encrypted: flags & 1 == 1,
        packed,
        header,
    };
    Some((entry, &directory[CENTRAL + name + extra + comment..]))
}

/// The content of the extra field with this id.
fn extra_field(mut extra: &[u8], id: u16) -> Option<&[u8]> {
    while extra.len() >= 4 {
        let (found, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let content = extra.get(4..4 + length)?;
        if found == id {
            return Some(content);
        }
        extra = &extra[4 + length..];
    }
    None
}

/// Refuses names that lead out of the archive, and lengths that no compressed data can have.
fn check(entry: &ZipEntry) -> Result<(), Refusal> {
    let name = &entry.name;
    let drive = name.as_bytes().get(1) == Some(&b':');
    if name.is_empty()
        || name.starts_with('/')
        || drive
        || name.contains('\0')
        || name.split('/').any(|part| part == "..")
    {
        return Err((HARMFUL, format!("the path of one of its files leads out of the archive: {}", shown(name))));
    }
    let most = if entry.method == 0 { entry.packed } else { entry.packed.saturating_mul(MAX_RATIO) };
    if matches!(entry.method, 0 | 8) && !entry.encrypted && entry.length > most {
        let ZipEntry { length, packed, .. } = entry;
        return Err((HARMFUL, format!("{} claims to unpack from {packed} to {length} bytes: impossible", shown(name))));
    }
    Ok(())
}

/// Refuses entries that share bytes, with which a small archive can unpack to any amount of data
/// (David Fifield, "A better zip bomb", 2019).
fn apart(entries: &[ZipEntry], directory: u64) -> Result<(), Refusal> {
    let mut spans: Vec<(u64, u64, &str)> = entries
        .iter()
        .map(|entry| (entry.header, entry.header.saturating_add(LOCAL).saturating_add(entry.packed), &*entry.name))
        .collect();
    spans.sort_unstable();
    let next = spans.iter().skip(1).map(|(start, ..)| *start).chain([directory]);
    match spans.iter().zip(next).find(|((_, end, _), next)| end > next) {
        Some(((.., name), _)) => Err((HARMFUL, format!("its files overlap: {} and the next one", shown(name)))),
        None => Ok(()),
    }
}

/// Bytes of a file between two offsets, whatever other threads read.
pub(crate) struct Section<'a> {
    file: &'a File,
    start: u64,
    position: u64,
    end: u64,
}

impl<'a> Section<'a> {
    /// `length` bytes from `start` on.
    pub(crate) fn new(file: &'a File, start: u64, length: u64) -> Self {
        Self { file, start, position: start, end: start.saturating_add(length) }
    }
}

impl Seek for Section<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => self.start.checked_add(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.end.checked_add_signed(offset),
        };
        let inside = position.filter(|position| (self.start..=self.end).contains(position));
        self.position = inside.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position - self.start)
    }
}

impl Read for Section<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = (self.end - self.position).min(bytes.len() as u64) as usize;
        read_at(self.file, self.position, &mut bytes[..count])?;
        self.position += count as u64;
        Ok(count)
    }
}

/// The content of an entry, checked against its length and its CRC-32.
struct Checked<R> {
    content: R,
    left: u64,
    crc: Crc,
    wanted: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            // A deflated entry may go on.
            return match self.content.read(&mut [0]) {
                Ok(0) if self.crc.sum() == self.wanted => Ok(0),
                Ok(0) => Err(invalid("its checksum is wrong")),
                Ok(_) => Err(invalid("it is longer than the archive says")),
                Err(error) => Err(error),
            };
        }
        let most = self.left.min(bytes.len() as u64) as usize;
        let count = self.content.read(&mut bytes[..most])?;
        if count == 0 {
            return Err(invalid("it is shorter than the archive says"));
        }
        self.crc.update(&bytes[..count]);
        self.left -= count as u64;
        Ok(count)
    }
}

fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// The number at `at`; 0 beyond the end.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |number| u16::from_le_bytes(*number))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |number| u32::from_le_bytes(*number))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |number| u64::from_le_bytes(*number))
}

#[cfg(test)]
pub(crate) mod tests;
