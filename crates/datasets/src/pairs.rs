//! Finds unpaired data sets for image-to-image translation: two folders of pictures or two arrays,
//! and two more that are held out.

use crate::error::DataError;
use crate::load_options::Split;
use crate::plural::plural;
use crate::run_folders::is_program_output;
use crate::text::listed;
use crate::zip::{self, ZipArchive};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders or array files of the two domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The images of domain A.
    pub a: PathBuf,
    /// The images of domain B.
    pub b: PathBuf,
}

impl Pair {
    /// Finds one split of the data set in `folder`: `trainA` and `trainB` or `testA` and `testB`,
    /// folders or arrays (`trainA.npy`). Otherwise any two folders, except those written by runs;
    /// the held-out ones begin with `test_`, such as `summer`, `winter`, `test_summer` and
    /// `test_winter`. Domain A is the first in alphabetical order. All of this may be in a zip
    /// archive, below a folder of its own or not.
    ///
    /// # Errors
    /// If they do not exist.
    pub fn find(folder: &Path, split: Split) -> Result<Self, DataError> {
        if let Some((archive, inside)) = zip::split(folder) {
            return Self::find_in_archive(&ZipArchive::open(&archive)?, &inside, folder, split);
        }
        let part = if split == Split::Train { "train" } else { "test" };
        let known = Self { a: folder.join(format!("{part}A")), b: folder.join(format!("{part}B")) };
        if known.a.is_dir() && known.b.is_dir() {
            return Ok(known);
        }
        let arrays = Self { a: folder.join(format!("{part}A.npy")), b: folder.join(format!("{part}B.npy")) };
        if arrays.a.is_file() && arrays.b.is_file() {
            return Ok(arrays);
        }
        let entries = fs::read_dir(folder).map_err(|error| DataError::unreadable(folder, error))?;
        let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        entries.retain(|path| !is_program_output(path));
        entries.sort();
        let (folders, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(|path| path.is_dir());
        let [names, files] = [folders, files].map(|paths| {
            let names = paths.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
            names.filter(|name| !name.starts_with('.')).collect::<Vec<String>>()
        });
        let others = if known.a.is_dir() || known.b.is_dir() { None } else { two_of(&names, split) };
        others
            .map(|[a, b]| Self { a: folder.join(a), b: folder.join(b) })
            .ok_or_else(|| missing(folder, part, &names, &files))
    }

    fn find_in_archive(archive: &ZipArchive, inside: &str, path: &Path, split: Split) -> Result<Self, DataError> {
        let entries = archive.entries().iter().filter_map(|entry| entry.within(inside));
        let visible = entries.filter(|name| !name.starts_with('.') && !name.starts_with("__MACOSX/"));
        let (folders, files): (BTreeSet<_>, BTreeSet<_>) = visible.partition(|name| name.contains('/'));
        let names = folders.iter().filter_map(|name| Some(name.split_once('/')?.0.to_owned()));
        let names: Vec<String> = names.collect::<BTreeSet<_>>().into_iter().collect();
        if let [only] = &names[..] {
            let inside = if inside.is_empty() { only.clone() } else { format!("{inside}/{only}") };
            return Self::find_in_archive(archive, &inside, &path.join(only), split);
        }
        let part = if split == Split::Train { "train" } else { "test" };
        let known = ["A", "B"].map(|domain| format!("{part}{domain}"));
        let has = |name: &String| names.contains(name);
        if known.iter().all(has) {
            let [a, b] = known.map(|name| path.join(name));
            return Ok(Self { a, b });
        }
        let others = if known.iter().any(has) { None } else { two_of(&names, split) };
        others.map(|[a, b]| Self { a: path.join(a), b: path.join(b) }).ok_or_else(|| {
            let files: Vec<String> = files.into_iter().map(str::to_owned).collect();
            missing(path, part, &names, &files)
        })
    }
}

/// The two folders of this split among folders of any names, if there are two.
fn two_of(names: &[String], split: Split) -> Option<[&String; 2]> {
    let held_back = |name: &&String| name.starts_with("test_");
    let of_split: Vec<&String> = names.iter().filter(|name| held_back(name) == (split == Split::Test)).collect();
    match of_split[..] {
        [a, b] => Some([a, b]),
        _ => None,
    }
}

/// The error for a folder, which holds folders with these names and files, without the two.
fn missing(folder: &Path, part: &str, names: &[String], files: &[String]) -> DataError {
    let there = match (names, files) {
        ([], []) => "there are no folders in it".into(),
        ([], files) => format!("no folders, but the {} {}", plural(files.len(), "file"), listed(files)),
        (names, _) => names.join(", "),
    };
    DataError::invalid(
        folder,
        "the two folders of an unpaired data set are missing",
        format!("looked for {part}A and {part}B, or two other folders; found: {there}"),
        advice!(
            "two-folders",
            "make the folders trainA and trainB, with pictures of one domain each, and testA and testB, with held-out pictures"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        folder
    }

    #[test]
    fn both_ways_of_naming_are_found() {
        for (names, train, test) in [
            (&["trainA", "trainB", "testA", "testB"][..], ["trainA", "trainB"], ["testA", "testB"]),
            (&["winter", "summer", "test_winter", "test_summer"], ["summer", "winter"], ["test_summer", "test_winter"]),
        ] {
            let folder = with(names);
            let pair = |[a, b]: [&str; 2]| Pair { a: folder.path().join(a), b: folder.path().join(b) };
            assert_eq!(Pair::find(folder.path(), Split::Train).unwrap(), pair(train));
            assert_eq!(Pair::find(folder.path(), Split::Test).unwrap(), pair(test));
        }
    }

    #[test]
    fn arrays_are_found_and_what_runs_have_written_is_not() {
        let folder = with(&["summer", "winter", "runs/0001-cyclegan/samples", "runs/0001-cyclegan/checkpoints"]);
        let pair = Pair::find(folder.path(), Split::Train).unwrap();
        assert_eq!(pair, Pair { a: folder.path().join("summer"), b: folder.path().join("winter") });
        for name in ["testA.npy", "testB.npy"] {
            fs::write(folder.path().join(name), []).unwrap();
        }
        assert!(Pair::find(folder.path(), Split::Test).unwrap().a.ends_with("testA.npy"));
    }

    #[test]
    fn a_folder_without_the_two_is_reported() {
        for names in [&["trainA"][..], &[], &["trainA", "testA"], &["a", "b", "c"]] {
            let error = Pair::find(with(names).path(), Split::Train).unwrap_err();
            assert!(error.why().contains("trainA and trainB"), "{error}");
        }
        assert!(Pair::find(Path::new("no such folder"), Split::Train).is_err());
    }
}
