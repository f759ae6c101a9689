//! Which pictures a folder holds.

use crate::error::DataError;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What files of pictures end in.
pub(super) const ENDINGS: [&str; 11] = ["png", "jpg", "jpeg", "bmp", "ppm", "pgm", "pnm", "tif", "tiff", "gif", "webp"];
/// More files and folders than this are not looked at.
const MOST_ENTRIES: usize = 2_000_000;
/// Folders within folders deeper than this are not looked at.
const DEEPEST: usize = 32;

/// A picture's file.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The first folder below the scanned one that it lies in.
    pub(super) class: Option<String>,
}

/// Every picture below `folder`, in the order of the paths, folder by folder. Hidden files are left out.
pub(super) fn scan(folder: &Path) -> Result<Vec<Found>, DataError> {
    let mut scan = Scan { found: Vec::new(), entries: 0, seen: HashSet::new() };
    scan.folder(folder, None, 0)?;
    if scan.found.is_empty() {
        let why = format!("looked at {} files and folders for the endings {}", scan.entries, ENDINGS.join(", "));
        return Err(DataError::unusable(
            folder,
            "there are no pictures in this folder",
            why,
            advice!("no-pictures", "give the folder that holds the pictures, in sub-folders or not"),
        ));
    }
    Ok(scan.found)
}

struct Scan {
    found: Vec<Found>,
    entries: usize,
    /// Folders that were entered, by their true names: a link may lead back up.
    seen: HashSet<PathBuf>,
}

impl Scan {
    fn folder(&mut self, folder: &Path, class: Option<&str>, depth: usize) -> Result<(), DataError> {
        let unreadable = |error| DataError::unreadable(folder, error);
        if depth > DEEPEST || !self.seen.insert(fs::canonicalize(folder).map_err(unreadable)?) {
            return Ok(());
        }
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            paths.push(entry.map_err(unreadable)?.path());
        }
        self.entries += paths.len();
        if self.entries > MOST_ENTRIES {
            let why = format!("it holds more than {MOST_ENTRIES} files and folders");
            return Err(DataError::unusable(
                folder,
                "the folder is too large",
                why,
                advice!("folder-too-large", "give a folder with fewer pictures"),
            ));
        }
        paths.sort();
        for path in paths {
            let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
            if name.starts_with('.') || name == "__MACOSX" {
                continue;
            }
            if path.is_dir() {
                self.folder(&path, Some(class.unwrap_or(&name)), depth + 1)?;
            } else if is_picture(&path) {
                self.found.push(Found { path, class: class.map(str::to_owned) });
            }
        }
        Ok(())
    }
}

/// Whether a file's name ends as a picture's does.
fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}
