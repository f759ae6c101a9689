//! Unpacks the archive of CIFAR-10: only the files that are needed, ignoring the folders in their
//! names.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use datasets::advice;
use flate2::read::GzDecoder;

use crate::console::{LateBar, Output};
use crate::failure::{Code, Failure};
use crate::storage::{self, RealDisk};

/// The size limit of a file in the archive; a batch has 30,730,000 bytes.
const LONGEST: u64 = 64 << 20;

/// The size limit of all files in an archive; the real one has 184,380,000 bytes.
const MOST: u64 = 1 << 30;

/// Reads an archive, and shows how much of it was read.
struct Watched<'a> {
    file: File,
    bar: &'a LateBar,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.bar.advance(read as u64);
        Ok(read)
    }
}

/// Writes the `.bin` and `.txt` files of a `.tar.gz` into `folder`, from any folder of the archive.
///
/// # Errors
/// When the archive is damaged, holds none of them, or they cannot be written.
pub(super) fn unpack(archive: &Path, folder: &Path, output: &Output) -> Result<Vec<PathBuf>, Failure> {
    let damaged = |why: String| {
        Failure::new(Code::Network, "the downloaded archive is damaged")
            .at(archive.display())
            .because(why)
            .help(advice!("damaged-archive", "remove it and fetch it again"))
    };
    // The archive is read twice.
    let length = archive.metadata().map_or(0, |about| 2 * about.len());
    let bar = LateBar::new(output, "bytes", length);
    let open = || -> io::Result<_> {
        let file = Watched { file: File::open(archive)?, bar: &bar };
        Ok(GzDecoder::new(BufReader::with_capacity(1 << 20, file)).take(MOST))
    };
    // The whole archive is read first: gzip's checksum comes last, and files from a damaged archive
    // must not look like a data set.
    open().and_then(|mut all| io::copy(&mut all, &mut io::sink())).map_err(|error| damaged(error.to_string()))?;
    let mut tar = tar::Archive::new(open().map_err(|error| damaged(error.to_string()))?);
    let mut written = Vec::new();
    for entry in tar.entries().map_err(|error| damaged(error.to_string()))? {
        let mut entry = entry.map_err(|error| damaged(error.to_string()))?;
        // Only the last component of the name is used, so no entry can be written outside the
        // folder.
        let Some(name) = entry.path().ok().and_then(|path| Some(path.file_name()?.to_str()?.to_owned())) else {
            continue;
        };
        let wanted = entry.header().entry_type().is_file() && (name.ends_with(".bin") || name.ends_with(".txt"));
        if !wanted || name.starts_with('.') {
            continue;
        }
        if entry.size() > LONGEST {
            return Err(damaged(format!("`{name}` has {} bytes; at most {LONGEST} are unpacked", entry.size())));
        }
        let mut bytes = Vec::new();
        entry.by_ref().take(LONGEST).read_to_end(&mut bytes).map_err(|error| damaged(error.to_string()))?;
        if bytes.len() as u64 != entry.size() {
            return Err(damaged(format!("`{name}` ends after {} of {} bytes", bytes.len(), entry.size())));
        }
        let path = folder.join(name);
        storage::write_whole(&RealDisk, &path, &bytes)?;
        written.push(path);
    }
    if written.is_empty() {
        return Err(damaged("it does not contain any .bin or .txt files".into()));
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::fs;
    use std::io::Write;
    use tar::{EntryType, Header};

    /// An archive entry with any name: the crate's own builder rejects the invalid ones.
    fn member(name: &str, kind: EntryType, size: u64, bytes: &[u8]) -> Vec<u8> {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        let padding = bytes.len().next_multiple_of(512) - bytes.len();
        [header.as_bytes(), bytes, &vec![0; padding]].concat()
    }

    fn file(name: &str, bytes: &[u8]) -> Vec<u8> {
        member(name, EntryType::Regular, bytes.len() as u64, bytes)
    }

    fn packed(members: &[Vec<u8>]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(&[members.concat(), vec![0; 1024]].concat()).unwrap();
        packer.finish().unwrap()
    }

    /// Every file below `folder`, with its content.
    fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if path.is_dir() {
                found.extend(files(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
            } else {
                found.push((name, fs::read(path).unwrap()));
            }
        }
        found.sort();
        found
    }

    /// File names and contents.
    type Files = Vec<(String, Vec<u8>)>;

    /// The files that unpacking `archive` into the folder `in/target` leaves below `in`, and the
    /// result.
    fn unpacked(archive: &[u8]) -> (Files, Result<usize, String>) {
        let place = tempfile::tempdir().unwrap();
        let (inside, path) = (place.path().join("in"), place.path().join("a.tar.gz"));
        fs::create_dir_all(inside.join("target")).unwrap();
        fs::write(&path, archive).unwrap();
        let result = unpack(&path, &inside.join("target"), &Output::Silent);
        let outside: Vec<_> = fs::read_dir(place.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(outside.len(), 2, "{outside:?}");
        let outcome = result.map(|written| written.len()).map_err(|failure| {
            assert_eq!(failure.code, Code::Network);
            failure.to_string()
        });
        (files(&inside), outcome)
    }

    #[test]
    fn wanted_files_come_out_by_their_last_name_and_others_stay() {
        let escape = std::env::temp_dir().join("backdraw-absolute.bin");
        let archive = packed(&[
            file("cifar-10-batches-bin/data_batch_1.bin", b"one"),
            file("cifar-10-batches-bin/batches.meta.txt", b"cat"),
            file("cifar-10-batches-bin/readme.html", b"page"),
            file("cifar-10-batches-bin/.hidden.bin", b"hidden"),
            file("../../up.bin", b"up"),
            file(escape.to_str().unwrap(), b"absolute"),
            file("..", b"parent"),
            member("link.bin", EntryType::Symlink, 0, b""),
            member("folder.bin", EntryType::Directory, 0, b""),
        ]);
        let (found, written) = unpacked(&archive);
        let wanted = [("backdraw-absolute.bin", "absolute"), ("batches.meta.txt", "cat"), ("data_batch_1.bin", "one")];
        let wanted = wanted.into_iter().chain([("up.bin", "up")]);
        let wanted: Vec<_> = wanted.map(|(name, text)| (format!("target/{name}"), text.as_bytes().to_vec())).collect();
        assert_eq!((found, written), (wanted, Ok(4)));
        assert!(!escape.exists());
    }

    #[test]
    fn damage_is_reported_and_writes_nothing_of_the_damaged_file() {
        let noise: Vec<u8> = (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let whole = packed(&[file("data_batch_1.bin", &noise)]);
        let mut flipped = whole.clone();
        let end = flipped.len();
        // This flips a bit of gzip's checksum, after the end of the tar archive.
        flipped[end - 6] ^= 1;
        let huge = packed(&[member("data_batch_1.bin", EntryType::Regular, LONGEST + 1, b"few")]);
        let short = packed(&[member("data_batch_1.bin", EntryType::Regular, 5000, b"few")]);
        for (archive, word) in [
            (&whole[..whole.len() / 2], ""),
            (&huge[..], "67108865 bytes"),
            (&short[..], "of 5000 bytes"),
            (&packed(&[file("readme.html", b"page")])[..], "not contain any .bin or .txt files"),
            (b"<html>log in</html>".as_slice(), "gzip"),
            (b"".as_slice(), ""),
            (&flipped[..], ""),
        ] {
            let (found, outcome) = unpacked(archive);
            let message = outcome.unwrap_err();
            assert!(message.contains("archive is damaged") && message.contains("a.tar.gz"), "{message}");
            assert!(message.contains(word) && message.contains("fetch it again"), "{message}");
            assert_eq!(found, [], "{message}");
        }
        assert_eq!(unpacked(&whole).1, Ok(1));
    }
}
