//! Which data a run uses: a file that was named, a file at its usual place, or the built-in drawings.

use crate::built_in::apples;
use crate::error::DataError;
use crate::form::{Form, is_name};
use crate::images::Images;
use crate::npy::load_npy;
use crate::strokes::load_strokes;
use std::fmt;
use std::path::{Path, PathBuf};

/// How many built-in apples a run trains on.
pub const BUILT_IN_COUNT: usize = 20_000;

/// What is said instead of a path to get the built-in drawings, whatever files there are.
pub const BUILT_IN: &str = "built-in";

/// The class when none is named, and the only one with built-in drawings.
const DEFAULT_CLASS: &str = "apple";

/// Where a run's images come from. Its `Display` says it in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file of bitmaps or of strokes.
    File(PathBuf),
    /// The built-in apples.
    BuiltIn {
        /// The usual place of a file, if they are taken because nothing is there; None if they were asked for.
        absent: Option<PathBuf>,
    },
}

impl Source {
    /// Finds what `--data` and `--class` mean. `root` is the project's folder, where `data/quickdraw/` lies.
    ///
    /// * `data` the word [`BUILT_IN`]: the built-in drawings.
    /// * `data` a file: that file. A folder: `<class>.npy` or `<class>.ndjson` in it (apple if no class is named).
    /// * no `data`: `data/quickdraw/<class>.npy` (or `.ndjson`) under `root` if it is there; if not, the built-in drawings for apples.
    ///
    /// # Errors
    /// If the file named is not there, or the class has neither a file nor built-in drawings. Nothing is read yet.
    pub fn resolve(data: Option<&Path>, class: Option<&str>, root: &Path) -> Result<Self, DataError> {
        let class = class.unwrap_or(DEFAULT_CLASS);
        let folder = match data {
            Some(path) if path == Path::new(BUILT_IN) => return Ok(Self::BuiltIn { absent: None }),
            Some(path) if path.is_dir() => path.to_owned(),
            Some(path) if is_absent(path) => {
                let present = path.parent().map(classes_in).unwrap_or_default();
                return Err(DataError::NotFound { path: path.to_owned(), present });
            }
            Some(path) => return Ok(Self::File(path.to_owned())),
            None => root.join("data").join("quickdraw"),
        };
        if !is_name(class) {
            return Err(DataError::BadClass { class: class.to_owned(), folder });
        }
        let path = folder.join(format!("{class}.npy"));
        let strokes = folder.join(format!("{class}.ndjson"));
        if !is_absent(&path) {
            Ok(Self::File(path))
        } else if !is_absent(&strokes) {
            Ok(Self::File(strokes))
        } else if data.is_none() && class == DEFAULT_CLASS {
            Ok(Self::BuiltIn { absent: Some(path) })
        } else {
            let present = classes_in(&folder);
            Err(DataError::NoClass { class: class.to_owned(), path, present, usual: data.is_none() })
        }
    }

    /// Reads the file, or draws [`BUILT_IN_COUNT`] apples from `seed`.
    ///
    /// # Errors
    /// As [`load_npy`] and [`load_strokes`].
    pub fn load(&self, seed: u64) -> Result<Images, DataError> {
        match self {
            Self::File(path) if matches!(Form::of(path, None), Ok(Form::Strokes(_))) => load_strokes(path),
            Self::File(path) => load_npy(path),
            Self::BuiltIn { .. } => Ok(apples(BUILT_IN_COUNT, seed)),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::BuiltIn { absent: None } => f.write_str("built-in drawings of apples"),
            Self::BuiltIn { absent: Some(path) } => {
                let path = path.display();
                write!(f, "built-in drawings of apples (for the real ones see data/README.md; {path} is not there)")
            }
        }
    }
}

/// True only if the system says that nothing is there: what may not be looked at is there, and reading it tells why not.
fn is_absent(path: &Path) -> bool {
    matches!(path.try_exists(), Ok(false))
}

/// The names of the `.npy` files in a folder, without the ending, in order.
pub(crate) fn classes_in(folder: &Path) -> Vec<String> {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let mut classes: Vec<String> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "npy"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    classes.sort();
    classes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A project folder with class files of no content.
    fn project(classes: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("data").join("quickdraw");
        fs::create_dir_all(&folder).unwrap();
        for class in classes {
            fs::write(folder.join(format!("{class}.npy")), []).unwrap();
        }
        root
    }

    #[test]
    fn a_file_at_the_usual_place_comes_before_the_built_in_drawings() {
        let root = project(&["apple", "cat"]);
        let folder = root.path().join("data").join("quickdraw");
        let file = |class: &str| Source::File(folder.join(format!("{class}.npy")));
        assert_eq!(Source::resolve(None, None, root.path()).unwrap(), file("apple"));
        assert_eq!(Source::resolve(None, Some("cat"), root.path()).unwrap(), file("cat"));
        assert_eq!(Source::resolve(Some(&folder), Some("cat"), Path::new("elsewhere")).unwrap(), file("cat"));
        assert_eq!(Source::resolve(Some(&folder.join("cat.npy")), None, root.path()).unwrap(), file("cat"));

        let asked = Source::resolve(Some(Path::new(BUILT_IN)), None, root.path()).unwrap();
        assert_eq!(asked, Source::BuiltIn { absent: None });

        let empty = project(&[]);
        for class in [None, Some("apple")] {
            let source = Source::resolve(None, class, empty.path()).unwrap();
            assert!(
                matches!(&source, Source::BuiltIn { absent: Some(path) } if path.ends_with("data/quickdraw/apple.npy"))
            );
            let line = source.to_string();
            assert!(line.contains("built-in") && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn a_class_without_a_file_is_told_what_there_is() {
        let root = project(&["apple", "bicycle", "cat"]);
        let error = Source::resolve(None, Some("bycicle"), root.path()).unwrap_err();
        assert!(error.what().contains("no data for class 'bycicle'"), "{error}");
        assert!(error.path().unwrap().ends_with("data/quickdraw/bycicle.npy"), "{error}");
        assert!(error.why().contains("apple, bicycle, cat"), "{error}");
        assert!(error.help().text().contains("did you mean `--class bicycle`"), "{error}");
        assert!(error.help().text().contains("numpy_bitmap/bycicle.npy"), "{error}");

        let error = Source::resolve(None, Some("ice cream"), project(&[]).path()).unwrap_err();
        assert!(error.help().text().contains("numpy_bitmap/ice%20cream.npy"), "{error}");
        // The built-in apples can be meant, too.
        let error = Source::resolve(None, Some("appel"), project(&[]).path()).unwrap_err();
        assert!(error.help().text().contains("did you mean `--class apple`"), "{error}");
    }

    #[test]
    fn a_folder_that_was_named_is_not_replaced_by_built_in_drawings() {
        let root = project(&["cat"]);
        let folder = root.path().join("data").join("quickdraw");
        let error = Source::resolve(Some(&folder), None, root.path()).unwrap_err();
        assert!(error.what().contains("no data for class 'apple'"), "{error}");
        assert!(error.why().contains("are: cat") && !error.why().contains("built-in"), "{error}");
        assert!(error.help().text().contains("leave out `--data --class`"), "{error}");
    }

    #[test]
    fn a_path_that_leads_nowhere_names_its_neighbours() {
        let root = project(&["apple"]);
        let path = root.path().join("data").join("quickdraw").join("aple.npy");
        let error = Source::resolve(Some(&path), None, root.path()).unwrap_err();
        assert!(error.what().contains("no data file"), "{error}");
        assert!(error.help().text().contains("/data/quickdraw/apple.npy`?"), "{error}");
        let error = Source::resolve(Some(Path::new("no/such/folder/a.npy")), None, root.path()).unwrap_err();
        assert!(error.why().contains("nothing has this name"), "{error}");
    }

    #[test]
    fn a_class_is_a_name_and_not_a_path() {
        for class in ["", "../cat", "a/b", "a\\b", "nul\0", "c:x"] {
            let error = Source::resolve(None, Some(class), Path::new(".")).unwrap_err();
            assert!(error.what().contains("cannot be the name"), "{error}");
        }
    }

    #[test]
    fn built_in_drawings_are_enough_for_a_run() {
        let images = Source::BuiltIn { absent: None }.load(3).unwrap();
        assert_eq!(images.count(), BUILT_IN_COUNT);
        assert_eq!(images.origin(), "built-in apples (20000 drawings, seed 3)");
        assert_eq!(images.suspects().unwrap().warning(), None);
    }
}
