//! Which pictures a folder holds.
//!
//! What counts is the content of a file, not the ending of its name. What runs of this program have written is left out, and so are
//! hidden files; pictures of forms that are not read here are counted, so that nothing is missing without a word.

use super::own;
use crate::error::{DataError, listed};
use crate::kinds::{Kind, ending_of, kind_of_file};
use crate::plural::plural;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What files of pictures end in. A file with such a name that holds no picture is a damaged one.
const ENDINGS: [&str; 12] = ["png", "jpg", "jpeg", "jfif", "bmp", "ppm", "pgm", "pnm", "tif", "tiff", "gif", "webp"];
/// More files and folders than this are not looked at.
const MOST_ENTRIES: usize = 2_000_000;
/// Folders within folders deeper than this are not looked at.
const DEEPEST: usize = 32;

/// A picture's file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The first folder below the scanned one that it lies in.
    pub(super) class: Option<String>,
}

/// What a folder holds.
#[derive(Debug)]
pub(super) struct Scanned {
    /// Its pictures, in order, and files that have the name of one.
    pub(super) found: Vec<Found>,
    /// Lines about what is left out.
    pub(super) left_out: Vec<String>,
}

/// Every picture below `folder`, in the order of the paths, folder by folder. Hidden files, folders of runs and `without` are left
/// out.
///
/// # Errors
/// [`DataError`] if there is no picture, if the folder is too large or may not be read, and if it belongs to a run itself.
pub(super) fn scan(folder: &Path, without: Option<&Path>) -> Result<Scanned, DataError> {
    if let Some(run) = own::run_of(folder) {
        return Err(DataError::unusable(
            folder,
            "this folder belongs to a run",
            format!("{} holds what a run has written, which is never data", run.display()),
            advice!("folder-of-a-run", "give the folder of your pictures"),
        ));
    }
    let without = without.and_then(|folder| fs::canonicalize(folder).ok());
    let mut scan = Scan { files: Vec::new(), runs: Vec::new(), entries: 0, seen: HashSet::from_iter(without) };
    scan.folder(folder, None, 0)?;
    let Scan { files, runs, entries, .. } = scan;
    let kinds: Vec<Kind> = files.par_iter().map(|file| kind(&file.path)).collect();
    let mut counts = BTreeMap::new();
    let mut found = Vec::new();
    for (file, kind) in files.into_iter().zip(kinds) {
        match kind {
            Kind::Picture => found.push(file),
            other => *counts.entry(other).or_insert(0_usize) += 1,
        }
    }
    let mut left_out: Vec<String> = others(&counts).into_iter().collect();
    if !runs.is_empty() {
        let names: Vec<String> = runs.iter().map(|run| short(run, folder)).collect();
        let noun = plural(runs.len(), "folder");
        left_out.push(format!("left out: {} {noun} of this program's own ({})", runs.len(), listed(&names)));
    }
    if found.is_empty() {
        return Err(nothing(folder, entries, &counts, &left_out));
    }
    Ok(Scanned { found, left_out })
}

/// What the file is taken for: a picture if it holds one or has the name of one.
fn kind(path: &Path) -> Kind {
    let named = ENDINGS.contains(&ending_of(path).as_str());
    match kind_of_file(path) {
        Ok(kind @ Kind::OtherPicture(_)) => kind,
        _ if named => Kind::Picture,
        Ok(kind) => kind,
        Err(_) => Kind::Unknown,
    }
}

/// One line about the files of `counts` that hold pictures or data of other forms.
fn others(counts: &BTreeMap<Kind, usize>) -> Option<String> {
    let list = |name: fn(Kind) -> Option<&'static str>| {
        let mut all: Vec<(usize, &str)> =
            counts.iter().filter_map(|(&kind, &count)| Some((count, name(kind)?))).collect();
        // The most frequent first.
        all.sort_by_key(|&(count, name)| (usize::MAX - count, name));
        all.into_iter().map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
    };
    let pictures = list(|kind| match kind {
        Kind::OtherPicture(name) => Some(name),
        _ => None,
    });
    let data = list(|kind| match kind {
        Kind::Array => Some("NumPy array"),
        Kind::Archive(name) => Some(name),
        _ => None,
    });
    let pictures = (!pictures.is_empty()).then(|| format!("{pictures} (not supported; convert them to PNG or JPEG)"));
    let data = (!data.is_empty()).then(|| format!("{data} (no pictures)"));
    let both: Vec<String> = pictures.into_iter().chain(data).collect();
    (!both.is_empty()).then(|| format!("left out: {}", both.join(", ")))
}

/// The error for a folder without pictures.
fn nothing(folder: &Path, entries: usize, counts: &BTreeMap<Kind, usize>, left_out: &[String]) -> DataError {
    if entries == 0 {
        let why = "there is no file and no folder in it";
        return DataError::unusable(folder, "the folder is empty", why, crate::form::wanted());
    }
    let is_archive = |kind: &Kind| matches!(kind, Kind::Archive(_) | Kind::Gzip);
    let help = if counts.keys().any(|kind| matches!(kind, Kind::OtherPicture(_))) {
        advice!("pictures-of-other-forms", "convert the pictures to PNG or JPEG")
    } else if counts.keys().any(is_archive) {
        advice!("pictures-in-an-archive", "unpack the archive, and give the folder of the pictures that were in it")
    } else {
        advice!("no-pictures", "give the folder that holds the pictures, in sub-folders or not")
    };
    let looked = format!(
        "looked at {entries} files and folders for PNG, JPEG, GIF, BMP, PPM, TIFF and WebP pictures (hidden ones are left out)"
    );
    let why = left_out.iter().fold(looked, |why, line| format!("{why}; {line}"));
    DataError::unusable(folder, "there are no pictures in this folder", why, help)
}

/// A path for people, from the scanned folder on.
fn short(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

struct Scan {
    files: Vec<Found>,
    /// Folders of runs and caches.
    runs: Vec<PathBuf>,
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
            if !path.is_dir() {
                self.files.push(Found { path, class: class.map(str::to_owned) });
            } else if own::is_run(&path) || own::is_cache(&path) {
                self.runs.push(path);
            } else {
                self.folder(&path, Some(class.unwrap_or(&name)), depth + 1)?;
            }
        }
        Ok(())
    }
}
