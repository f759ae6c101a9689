//! The archive of CIFAR-10: the few files of it that are wanted, by their names alone.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::failure::{Code, Failure};
use crate::storage::{self, RealDisk};

/// No file of the archive is longer: a batch has 30,730,000 bytes.
const LONGEST: u64 = 64 << 20;

/// Writes the `.bin` and `.txt` files of a `.tar.gz` into `folder`, wherever in the archive they are.
///
/// # Errors
/// When the archive is damaged, holds none of them, or they cannot be written.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let damaged = |why: String| {
        Failure::new(Code::Network, "the downloaded archive is damaged")
            .at(archive.display())
            .because(why)
            .help("remove it and fetch it again")
    };
    let file = File::open(archive).map_err(|error| damaged(error.to_string()))?;
    let mut tar = tar::Archive::new(GzDecoder::new(file));
    let mut written = Vec::new();
    for entry in tar.entries().map_err(|error| damaged(error.to_string()))? {
        let mut entry = entry.map_err(|error| damaged(error.to_string()))?;
        // Only the last part of the name is used, so that no entry can leave the folder.
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
        let path = folder.join(name);
        storage::write_whole(&RealDisk, &path, &bytes)?;
        written.push(path);
    }
    if written.is_empty() {
        return Err(damaged("it holds no .bin files".into()));
    }
    Ok(written)
}
