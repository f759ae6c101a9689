//! Finds the pictures in a folder or an archive.
//!
//! The content of a file decides, not its extension. Hidden files and the output of runs are
//! ignored. Pictures in unsupported formats are counted, so that users learn about them.

use super::super::unsupported::supported;
use super::labels::{LABELS, Labels};
use super::source::Source;
use crate::advice::{Advice, quoted};
use crate::error::DataError;
use crate::file_type::FileType;
use crate::plural::plural;
use crate::run_folders;
use crate::text::{listed, shown};
use crate::zip::{self, ZipArchive};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The extensions of pictures. A file with one of them that is not a picture is a damaged one.
pub(in crate::formats) const EXTENSIONS: [&str; 12] =
    ["png", "jpg", "jpeg", "jfif", "bmp", "ppm", "pgm", "pnm", "tif", "tiff", "gif", "webp"];
/// The most files and folders that are examined.
const MAX_ENTRIES: usize = 2_000_000;
/// The deepest nesting of folders that is examined.
const MAX_DEPTH: usize = 32;

/// A picture's file.
#[derive(Debug)]
pub(super) struct PictureFile {
    pub(super) source: Source,
    /// Its class in `dataset.json`, or else the first folder below the scanned one that contains
    /// it.
    pub(super) class: Option<String>,
}

/// The content of a folder.
#[derive(Debug)]
pub(super) struct Scanned {
    /// The pictures in order, including files with the extension of one.
    pub(super) found: Vec<PictureFile>,
    /// Lines about files that were ignored.
    pub(super) left_out: Vec<String>,
}

/// Lists every picture below `folder`, sorted by path within each folder. Hidden files, folders of
/// runs and `without` are ignored.
///
/// # Errors
/// [`DataError`] if there is no picture, if the folder is too large, cannot be read, or belongs to
/// a run.
pub(super) fn scan(folder: &Path, without: Option<&Path>) -> Result<Scanned, DataError> {
    if let Some(run) = run_folders::run_of(folder) {
        return Err(DataError::invalid(
            folder,
            "this folder belongs to a run",
            format!("{} contains the output of a run, which is never used as data", run.display()),
            advice!("folder-of-a-run", "give the folder of your pictures"),
        ));
    }
    let without = without.and_then(|folder| fs::canonicalize(folder).ok());
    let mut scan = Scan { files: Vec::new(), runs: Vec::new(), entries: 0, seen: HashSet::from_iter(without) };
    scan.folder(folder, None, 0)?;
    let Scan { files, runs, entries, .. } = scan;
    let runs = (!runs.is_empty()).then(|| {
        let names: Vec<String> = runs.iter().map(|run| short(run, folder)).collect();
        let noun = plural(runs.len(), "folder");
        format!("skipped: {} {noun} written by this program ({})", runs.len(), listed(&names))
    });
    let labels = File::open(folder.join(LABELS)).ok().map(Labels::read);
    sorted_out(folder, files, runs, labels, entries)
}

/// Lists every picture of the archive below the folder `inside`, which together are `path`; in the
/// order that they would have in a folder.
///
/// # Errors
/// [`DataError`] if there is no picture.
pub(super) fn scan_archive(archive: &Arc<ZipArchive>, inside: &str, path: &Path) -> Result<Scanned, DataError> {
    if let Some(file) = Source::entry(archive, inside) {
        return Err(one_file(&file, archive.path(), inside, path));
    }
    let visible = |name: &str| !name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
    let all = archive.entries().iter().enumerate();
    let mut files: Vec<(&str, usize)> = all.filter_map(|(index, entry)| Some((entry.within(inside)?, index))).collect();
    let entries = files.len();
    files.retain(|(name, _)| visible(name));
    // As paths, which compare folder by folder.
    files.sort_by(|(a, _), (b, _)| Path::new(a).cmp(Path::new(b)));
    let labels = files.iter().find(|(name, _)| *name == LABELS);
    let labels = labels.and_then(|(_, index)| archive.read(&archive.entries()[*index]).ok()).map(Labels::read);
    let source = |(name, index): (&str, usize)| PictureFile {
        source: Source::Entry(archive.clone(), index),
        class: name.split_once('/').map(|(folder, _)| folder.to_owned()),
    };
    sorted_out(path, files.into_iter().map(source).collect(), None, labels, entries)
}

/// Keeps the pictures among `files`; `runs` is a line about folders that were skipped.
fn sorted_out(
    folder: &Path,
    files: Vec<PictureFile>,
    runs: Option<String>,
    labels: Option<Labels>,
    entries: usize,
) -> Result<Scanned, DataError> {
    let kinds: Vec<FileType> = files.par_iter().map(|file| kind(&file.source)).collect();
    let (mut counts, mut found, mut packed) = (BTreeMap::new(), Vec::new(), None);
    for (file, kind) in files.into_iter().zip(kinds) {
        match kind {
            FileType::Picture(_) => found.push(file),
            other => {
                if is_archive(&other) && packed.is_none() {
                    packed = Some(file.source);
                }
                *counts.entry(other).or_insert(0_usize) += 1;
            }
        }
    }
    let mut left_out: Vec<String> = others(&counts).into_iter().collect();
    left_out.extend(runs);
    if found.is_empty() {
        return Err(nothing(folder, entries, &counts, &left_out, packed.as_ref()));
    }
    left_out.extend(labels.and_then(|labels| labels.apply(&mut found, folder)));
    Ok(Scanned { found, left_out })
}

/// The type of a file: a picture if it contains one or has the extension of one.
fn kind(source: &Source) -> FileType {
    let named = EXTENSIONS.contains(&source.extension().as_str());
    match source.file_type() {
        Ok(kind @ FileType::UnsupportedPicture(_)) => kind,
        _ if named => FileType::Picture(""),
        Ok(kind) => kind,
        Err(_) => FileType::Unknown,
    }
}

/// A line about pictures and data in other formats, given how many files of each type there are.
fn others(counts: &BTreeMap<FileType, usize>) -> Option<String> {
    let list = |name: fn(FileType) -> Option<&'static str>| {
        let mut all: Vec<(usize, &str)> =
            counts.iter().filter_map(|(&kind, &count)| Some((count, name(kind)?))).collect();
        // The most frequent type first.
        all.sort_by_key(|&(count, name)| (usize::MAX - count, name));
        let words = |(count, name): (usize, &str)| match name.split_once(' ') {
            // Names of two words end in a noun: `zip archive`, `NumPy array`.
            Some(_) => format!("{count} {}", plural(count, name)),
            None => format!("{count} {name}"),
        };
        all.into_iter().map(words).collect::<Vec<_>>().join(", ")
    };
    let pictures = list(|kind| match kind {
        FileType::UnsupportedPicture(name) => Some(name),
        _ => None,
    });
    let data = list(|kind| match kind {
        FileType::Archive(name) => Some(name),
        FileType::Data(name) => Some(name),
        FileType::Gzip => Some("gzip archive"),
        _ => None,
    });
    let pictures = (!pictures.is_empty()).then(|| format!("{pictures} (not supported; convert them to PNG or JPEG)"));
    let data = (!data.is_empty()).then(|| format!("{data} (no pictures)"));
    let both: Vec<String> = pictures.into_iter().chain(data).collect();
    (!both.is_empty()).then(|| format!("skipped: {}", both.join(", ")))
}

fn is_archive(kind: &FileType) -> bool {
    matches!(kind, FileType::Archive(_) | FileType::Gzip)
}

/// The error for a folder or an archive without pictures; `packed` is the first archive in it.
fn nothing(
    folder: &Path,
    entries: usize,
    counts: &BTreeMap<FileType, usize>,
    left_out: &[String],
    packed: Option<&Source>,
) -> DataError {
    let archive = zip::split(folder).map(|(archive, _)| archive);
    let (noun, searched) = match &archive {
        Some(_) => ("archive", format!("{entries} {}", plural(entries, "file"))),
        None => ("folder", format!("{entries} {}", if entries == 1 { "file or folder" } else { "files and folders" })),
    };
    if entries == 0 {
        let why = if archive.is_some() { "it has no files" } else { "it has no files and no folders" };
        return DataError::invalid(folder, format!("the {noun} is empty"), why, supported());
    }
    let help = if counts.keys().any(|kind| matches!(kind, FileType::UnsupportedPicture(_))) {
        advice!("pictures-of-other-forms", "convert the pictures to PNG or JPEG")
    } else {
        match (archive, packed) {
            (Some(archive), Some(Source::Entry(outer, index))) => nested(&archive, &outer.entries()[*index].name),
            (Some(archive), _) => other_data(&archive),
            (None, Some(_)) => {
                advice!("pictures-in-an-archive", "give the path of the archive if it is a .zip; unpack others first")
            }
            (None, None) => {
                advice!("no-pictures", "give the folder that contains the pictures; it may have sub-folders")
            }
        }
    };
    let looked =
        format!("searched {searched} for PNG, JPEG, GIF, BMP, PPM, TIFF and WebP pictures (hidden files are ignored)");
    let why = left_out.iter().fold(looked, |why, line| format!("{why}; {line}"));
    DataError::invalid(folder, format!("there are no pictures in this {noun}"), why, help)
}

/// The error for a `path` that leads to a file in an archive.
fn one_file(file: &Source, archive: &Path, name: &str, path: &Path) -> DataError {
    let kind = file.file_type().unwrap_or(FileType::Unknown);
    let help = match kind {
        FileType::Picture(_) => advice!("picture-of-archive", "give the archive: `--data {}`", quoted(archive)),
        kind if is_archive(&kind) => nested(archive, name),
        _ => other_data(archive),
    };
    let what = kind.in_words().unwrap_or("a file".into());
    let why = format!("it is {what}; images are read from an archive, or from a folder in it");
    DataError::invalid(path, "this is one file of an archive", why, help)
}

/// The advice for an archive with data that are neither pictures nor arrays.
fn other_data(archive: &Path) -> Advice {
    advice!(
        "other-data-in-archive",
        "give an archive of pictures or arrays; if this one holds other data, unpack it (unzip {}) and give the resulting folder",
        quoted(archive)
    )
}

/// The advice for an archive that contains the archive `name`, which cannot be read there.
fn nested(archive: &Path, name: &str) -> Advice {
    advice!(
        "archive-in-archive",
        "unpack the outer archive (unzip {}), and give the one that it contains, {}, if it is a .zip; unpack others, too",
        quoted(archive),
        shown(name)
    )
}

/// Whether [`scan`] would find a picture in the folder.
pub(super) fn holds_pictures(folder: &Path) -> bool {
    fn holds(folder: &Path, depth: usize) -> bool {
        let Ok(entries) = fs::read_dir(folder) else { return false };
        let visible = |path: &PathBuf| !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.');
        let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
            entries.flatten().map(|entry| entry.path()).filter(visible).partition(|path| path.is_dir());
        files.iter().any(|file| matches!(FileType::of_file(file), Ok(FileType::Picture(_))))
            || depth < MAX_DEPTH
                && folders.iter().any(|folder| !run_folders::is_program_output(folder) && holds(folder, depth + 1))
    }
    holds(folder, 0)
}

/// A path relative to the scanned folder.
fn short(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

struct Scan {
    files: Vec<PictureFile>,
    /// Folders of runs and caches.
    runs: Vec<PathBuf>,
    entries: usize,
    /// The canonical paths of the folders that were entered: a symbolic link may lead back up.
    seen: HashSet<PathBuf>,
}

impl Scan {
    fn folder(&mut self, folder: &Path, class: Option<&str>, depth: usize) -> Result<(), DataError> {
        let unreadable = |error| DataError::unreadable(folder, error);
        if depth > MAX_DEPTH || !self.seen.insert(fs::canonicalize(folder).map_err(unreadable)?) {
            return Ok(());
        }
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            paths.push(entry.map_err(unreadable)?.path());
        }
        self.entries += paths.len();
        if self.entries > MAX_ENTRIES {
            let why = format!("it has more than {MAX_ENTRIES} files and folders");
            return Err(DataError::invalid(
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
                self.files.push(PictureFile { source: Source::File(path), class: class.map(str::to_owned) });
            } else if run_folders::is_run(&path) || run_folders::is_cache(&path) {
                self.runs.push(path);
            } else {
                self.folder(&path, Some(class.unwrap_or(&name)), depth + 1)?;
            }
        }
        Ok(())
    }
}
