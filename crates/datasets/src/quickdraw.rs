//! Finds the images for a Quick, Draw! class: a given file, the file in its usual place, or the
//! built-in drawings.

use crate::advice::quoted;
use crate::built_in::apples;
use crate::error::DataError;
use crate::file::no_data_file;
use crate::formats::{DataFiles, class_files, is_class_name, load_npy, load_strokes, stem};
use crate::images::Images;
use crate::nearest::nearest;
use crate::text::{listed, shown};
use std::fmt;
use std::path::{Path, PathBuf};

/// How many built-in apples a run trains on.
pub const BUILT_IN_COUNT: usize = 20_000;

/// The value of `--data` that stands for the built-in drawings.
pub const BUILT_IN: &str = "built-in";

/// Where the Quick, Draw! bitmaps are published, one file for each class.
pub const QUICKDRAW_URL: &str = "https://storage.googleapis.com/quickdraw_dataset/full/numpy_bitmap";

/// The class if none is given, and the only one with built-in drawings.
const DEFAULT_CLASS: &str = "apple";

/// Where the images of a Quick, Draw! class come from. Its `Display` says so in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuickDraw {
    /// A file of bitmaps or of strokes.
    File(PathBuf),
    /// The built-in apples.
    BuiltIn {
        /// The missing file that they replace, if they were not requested.
        absent: Option<PathBuf>,
    },
}

impl QuickDraw {
    /// Finds what `--data` and `--class` stand for; `data/quickdraw/` is searched under `root`.
    ///
    /// * `data` is [`BUILT_IN`]: the built-in drawings.
    /// * `data` is a file: that file. A folder: the file of the class in it, `<class>.npy` or
    ///   `<class>.ndjson`.
    /// * No `data`: the file of the class in `data/quickdraw`, or for apples the built-in drawings.
    ///
    /// # Errors
    /// If there is no such file, and no built-in drawings of the class. Nothing is read yet.
    pub fn resolve(data: Option<&Path>, class: Option<&str>, root: &Path) -> Result<Self, DataError> {
        let class = class.unwrap_or(DEFAULT_CLASS);
        let folder = match data {
            Some(path) if path == Path::new(BUILT_IN) => return Ok(Self::BuiltIn { absent: None }),
            Some(path) if path.is_dir() => path.to_owned(),
            Some(path) if is_absent(path) => {
                let others = path.parent().map(classes_in).unwrap_or_default();
                let why = match &others[..] {
                    [] => "there is no such file or folder".into(),
                    _ => format!("there is no such file; the data files in its folder are: {}", listed(&others)),
                };
                return Err(no_data_file(path, why));
            }
            Some(path) => return Ok(Self::File(path.to_owned())),
            None => root.join("data").join("quickdraw"),
        };
        if !is_class_name(class) {
            return Err(bad_class(class, &folder));
        }
        match DataFiles::of_class(&folder, class) {
            Some(files) => Ok(Self::File(files.path().to_owned())),
            None if data.is_none() && class == DEFAULT_CLASS => {
                Ok(Self::BuiltIn { absent: Some(folder.join(format!("{class}.npy"))) })
            }
            None => Err(no_class(class, &folder, data.is_none())),
        }
    }

    /// Whether `folder` contains classes as files: it has the file of the class or, if a class is
    /// given, nothing but files of other classes.
    pub fn is_folder_of_classes(folder: &Path, class: Option<&str>) -> bool {
        let has_file = || DataFiles::of_class(folder, class.unwrap_or(DEFAULT_CLASS)).is_some();
        let nothing_else = || DataFiles::find(folder, None).map_or(true, |files| files.are_class_files());
        folder.is_dir() && (has_file() || class.is_some() && nothing_else())
    }

    /// Loads the file, or [`BUILT_IN_COUNT`] apples drawn from `seed`.
    ///
    /// # Errors
    /// As [`load_npy`] and [`load_strokes`].
    pub fn load(&self, seed: u64) -> Result<Images, DataError> {
        match self {
            Self::File(path) if path.extension().is_some_and(|extension| extension == "ndjson") => load_strokes(path),
            Self::File(path) => load_npy(path),
            Self::BuiltIn { .. } => Ok(apples(BUILT_IN_COUNT, seed)),
        }
    }
}

impl fmt::Display for QuickDraw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::BuiltIn { absent: None } => f.write_str("built-in drawings of apples"),
            Self::BuiltIn { absent: Some(path) } => {
                let path = path.display();
                write!(
                    f,
                    "built-in drawings of apples ({path} does not exist; see data/README.md for the real doodles)"
                )
            }
        }
    }
}

/// Whether nothing exists at the path. A path that may not be inspected exists: reading it gives
/// the reason.
fn is_absent(path: &Path) -> bool {
    matches!(path.try_exists(), Ok(false))
}

/// The classes that have a file in the folder, sorted.
fn classes_in(folder: &Path) -> Vec<String> {
    let mut classes: Vec<String> = class_files(folder).iter().map(|file| stem(file)).collect();
    classes.dedup();
    classes
}

/// The error for a class that cannot be the name of a file.
fn bad_class(class: &str, folder: &Path) -> DataError {
    let classes = classes_in(folder);
    let example = classes.first().map_or(DEFAULT_CLASS, String::as_str);
    DataError::invalid(
        folder,
        format!("'{}' is not a possible class name", shown(class)),
        "a class is the name of a file without .npy; it must not be empty or contain a slash or a colon",
        advice!("bad-class", "give only the name of the class, such as `--class {}`", quoted(example)),
    )
}

/// The error for a class without a file in the folder; `usual` if the folder was not given by the
/// user.
fn no_class(class: &str, folder: &Path, usual: bool) -> DataError {
    let path = folder.join(format!("{class}.npy"));
    let classes = classes_in(folder);
    let others = match &classes[..] {
        [] => "there are no files of other classes".into(),
        _ => format!("the classes with a file in this folder: {}", listed(&classes)),
    };
    let drawings = if usual { ", and built-in drawings exist only for apples" } else { "" };
    let (options, built_in) = if usual { ("--class", Some(DEFAULT_CLASS)) } else { ("--data --class", None) };
    let (address, file) = (shown(&class.replace(' ', "%20")), path.display());
    let help = match nearest(class, classes.iter().map(String::as_str).chain(built_in)) {
        Some(near) => advice!(
            "class-file-near",
            "did you mean `--class {}`? otherwise download {QUICKDRAW_URL}/{address}.npy and put it at {file}",
            quoted(near)
        ),
        None => advice!(
            "no-class-file",
            "download {QUICKDRAW_URL}/{address}.npy and put it at {file}, or leave out `{options}` to use the apples"
        ),
    };
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let what = format!("no data for class '{}' in {}", shown(class), folder.display());
    DataError::not_found(&path, what, format!("the file does not exist; {others}{drawings}"), help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A project folder with empty class files.
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
        let file = |class: &str| QuickDraw::File(folder.join(format!("{class}.npy")));
        assert_eq!(QuickDraw::resolve(None, None, root.path()).unwrap(), file("apple"));
        assert_eq!(QuickDraw::resolve(None, Some("cat"), root.path()).unwrap(), file("cat"));
        assert_eq!(QuickDraw::resolve(Some(&folder), Some("cat"), Path::new("elsewhere")).unwrap(), file("cat"));
        assert_eq!(QuickDraw::resolve(Some(&folder.join("cat.npy")), None, root.path()).unwrap(), file("cat"));

        let asked = QuickDraw::resolve(Some(Path::new(BUILT_IN)), None, root.path()).unwrap();
        assert_eq!(asked, QuickDraw::BuiltIn { absent: None });

        let empty = project(&[]);
        for class in [None, Some("apple")] {
            let source = QuickDraw::resolve(None, class, empty.path()).unwrap();
            assert!(
                matches!(&source, QuickDraw::BuiltIn { absent: Some(path) } if path.ends_with("data/quickdraw/apple.npy"))
            );
            let line = source.to_string();
            assert!(line.contains("built-in") && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn a_class_without_a_file_lists_the_others() {
        let root = project(&["apple", "bicycle", "cat"]);
        let error = QuickDraw::resolve(None, Some("bycicle"), root.path()).unwrap_err();
        assert!(error.what().contains("no data for class 'bycicle'"), "{error}");
        assert!(error.path().unwrap().ends_with("data/quickdraw/bycicle.npy"), "{error}");
        assert!(error.why().contains("apple, bicycle, cat"), "{error}");
        assert!(error.help().text().contains("did you mean `--class bicycle`"), "{error}");
        assert!(error.help().text().contains("numpy_bitmap/bycicle.npy"), "{error}");

        let error = QuickDraw::resolve(None, Some("ice cream"), project(&[]).path()).unwrap_err();
        assert!(error.help().text().contains("numpy_bitmap/ice%20cream.npy"), "{error}");
        // The user may also mean the built-in apples.
        let error = QuickDraw::resolve(None, Some("appel"), project(&[]).path()).unwrap_err();
        assert!(error.help().text().contains("did you mean `--class apple`"), "{error}");
    }

    #[test]
    fn a_folder_that_was_named_is_not_replaced_by_built_in_drawings() {
        let root = project(&["cat"]);
        let folder = root.path().join("data").join("quickdraw");
        let error = QuickDraw::resolve(Some(&folder), None, root.path()).unwrap_err();
        assert!(error.what().contains("no data for class 'apple'"), "{error}");
        assert!(error.why().contains("in this folder: cat") && !error.why().contains("built-in"), "{error}");
        assert!(error.help().text().contains("leave out `--data --class`"), "{error}");
    }

    #[test]
    fn classes_are_looked_for_in_folders_of_class_files_only() {
        let (empty, cats) = (project(&[]), project(&["cat"]));
        let [empty, cats] = [&empty, &cats].map(|root| root.path().join("data/quickdraw"));
        let by_class = QuickDraw::is_folder_of_classes;
        assert!(!by_class(&empty, None), "an empty folder is reported as empty");
        assert!(by_class(&empty, Some("dog")) && by_class(&cats, Some("dog")) && by_class(&cats, Some("cat")));
        assert!(!by_class(&cats, None) && !by_class(&cats.join("cat.npy"), Some("cat")));
        fs::write(empty.join("train-images-idx3-ubyte"), []).unwrap();
        assert!(!by_class(&empty, Some("7")), "the classes of MNIST are labels");
    }

    #[test]
    fn a_path_that_leads_nowhere_names_its_neighbours() {
        let root = project(&["apple"]);
        let path = root.path().join("data").join("quickdraw").join("aple.npy");
        let error = QuickDraw::resolve(Some(&path), None, root.path()).unwrap_err();
        assert!(error.what().contains("no data file"), "{error}");
        assert!(error.why().contains("are: apple"), "{error}");
        let error = QuickDraw::resolve(Some(Path::new("no/such/folder/a.npy")), None, root.path()).unwrap_err();
        assert!(error.why().contains("there is no such file or folder"), "{error}");
    }

    #[test]
    fn a_class_is_a_name_and_not_a_path() {
        for class in ["", "../cat", "a/b", "a\\b", "nul\0", "c:x"] {
            let error = QuickDraw::resolve(None, Some(class), Path::new(".")).unwrap_err();
            assert!(error.what().contains("not a possible class name"), "{error}");
        }
    }

    #[test]
    fn built_in_drawings_are_enough_for_a_run() {
        let images = QuickDraw::BuiltIn { absent: None }.load(3).unwrap();
        assert_eq!(images.count(), BUILT_IN_COUNT);
        assert_eq!(images.origin(), "built-in apples (20000 drawings, seed 3)");
        assert_eq!(images.suspects().unwrap().warning(), None);
    }
}
