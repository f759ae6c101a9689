//! The formats of data sets.
//!
//! Each format is one module with a constant of the type [`Format`], which says what the format is
//! called, how its files are recognised and how they are read. [`FORMATS`] lists them, and
//! [`DataFiles::find`] chooses among them. A new format is a new module and its line in that list.

mod archive;
mod cifar;
mod format;
mod idx;
mod npy;
mod pictures;
mod strokes;
mod unsupported;

pub use cifar::load_cifar;
pub use format::{LoadRequest, Loaded};
pub use idx::load_idx;
pub use npy::{ArrayHeader, Dtype, LoadedArray, NumberKind, Numbers, array_header, load_array, load_npy, load_numbers};
pub use pictures::{
    Picture, PictureFolder, PictureSource, decode_picture, list_pictures, load_folder, load_picture, picture_size,
};
pub use strokes::load_strokes;

use crate::advice::quoted;
use crate::error::DataError;
use crate::file_type::{extension_of, start_of};
use crate::load_options::Split;
use crate::text::listed;
use crate::zip;
use format::{Candidate, Format};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Every format. Files belong to the first format that recognises them.
static FORMATS: &[Format] =
    &[archive::FORMAT, cifar::FORMAT, idx::FORMAT, npy::FORMAT, strokes::FORMAT, pictures::FORMAT];

/// The files of a data set: a file or a folder, and its format.
#[derive(Clone)]
pub struct DataFiles {
    format: &'static Format,
    path: PathBuf,
    /// Whether the path is the file of the requested class in a folder.
    is_class_file: bool,
}

impl fmt::Debug for DataFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.format.name, self.path.display())
    }
}

impl DataFiles {
    /// Finds the format of what lies at `path`. The content of files decides, not their names. In a
    /// folder, the file of the class comes first, if a class is given; then files and pictures that
    /// a format recognises; then a single file that holds a class.
    ///
    /// # Errors
    /// If the format is not supported: the error says what the file is, and what to do. A folder in
    /// which nothing is found is taken for a folder of pictures.
    pub fn find(path: &Path, class: Option<&str>) -> Result<Self, DataError> {
        if path.is_dir() {
            Self::in_folder(path, class)
        } else if zip::split(path).is_some() {
            Self::in_archive(path, class)
        } else {
            Self::of_file(path)
        }
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path is the file of the requested class in a folder.
    pub fn is_class_file(&self) -> bool {
        self.is_class_file
    }

    /// Whether each class is a file in this format, or nothing was found in the folder.
    pub(crate) fn are_class_files(&self) -> bool {
        self.format.class_extension.is_some() || !(self.format.is_in)(&self.path)
    }

    /// Whether the data set has this part.
    pub fn has_split(&self, split: Split) -> bool {
        (self.format.has_split)(&self.path, split)
    }

    /// Loads the images.
    ///
    /// # Errors
    /// If the files are damaged, or cannot be read.
    pub fn load(&self, request: &LoadRequest<'_>) -> Result<Loaded, DataError> {
        (self.format.load)(&self.path, request)
    }

    fn new(format: &'static Format, path: &Path) -> Self {
        Self { format, path: path.to_owned(), is_class_file: false }
    }

    fn in_folder(folder: &Path, class: Option<&str>) -> Result<Self, DataError> {
        if let Some(files) = class.and_then(|class| Self::of_class(folder, class)) {
            return Ok(files);
        }
        if let Some(format) = FORMATS.iter().find(|format| (format.is_in)(folder)) {
            return Ok(Self::new(format, folder));
        }
        let files = class_files(folder);
        match &files[..] {
            // Its reader reports that there are no pictures.
            [] => Ok(Self::new(&FORMATS[FORMATS.len() - 1], folder)),
            [only] => Self::of_file(only),
            _ => {
                let names: Vec<String> = files.iter().map(|file| stem(file)).collect();
                Err(DataError::invalid(
                    folder,
                    "there are several arrays in this folder",
                    format!("{} of them: {}", names.len(), listed(&names)),
                    advice!("which-array", "choose one, such as `--class {}`", quoted(&names[0])),
                ))
            }
        }
    }

    /// An archive, a folder in it or, if there is one of this name, the array of the class.
    fn in_archive(path: &Path, class: Option<&str>) -> Result<Self, DataError> {
        let place = archive::opened(path)?;
        Ok(match class.filter(|class| is_class_name(class) && place.has_array(class)) {
            Some(class) => Self { is_class_file: true, ..Self::new(&archive::FORMAT, &path.join(class)) },
            None => Self::new(&archive::FORMAT, path),
        })
    }

    /// The file of the class in the folder.
    pub(crate) fn of_class(folder: &Path, class: &str) -> Option<Self> {
        let file = |format: &'static Format| {
            let path = folder.join(format!("{class}.{}", format.class_extension?));
            path.exists().then(|| Self { is_class_file: true, ..Self::new(format, &path) })
        };
        if is_class_name(class) { FORMATS.iter().find_map(file) } else { None }
    }

    fn of_file(path: &Path) -> Result<Self, DataError> {
        let unreadable = |error| DataError::unreadable(path, error);
        if !fs::metadata(path).map_err(unreadable)?.is_file() {
            // Its reader reports what the path is instead of a file.
            return Ok(Self::new(&FORMATS[0], path));
        }
        let start = start_of(path).map_err(unreadable)?;
        let extension = extension_of(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let candidate = Candidate { path, start: &start, name: &name, extension: &extension };
        if let Some(format) = FORMATS.iter().find(|format| (format.has_content)(&candidate)) {
            return Ok(Self::new(format, path));
        }
        if let Some(error) = unsupported::refuse(path, &start) {
            return Err(error);
        }
        match FORMATS.iter().find(|format| (format.has_name)(&candidate)) {
            Some(format) => Ok(Self::new(format, path)),
            None => Err(unsupported::unknown(path, &start)),
        }
    }
}

/// Whether a class can be part of a file name on every system.
pub(crate) fn is_class_name(class: &str) -> bool {
    !class.is_empty() && !class.contains(['/', '\\', ':', '\0'])
}

/// The visible files in a folder that may each hold a class, sorted.
pub(crate) fn class_files(folder: &Path) -> Vec<PathBuf> {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_class = |path: &PathBuf| {
        let extension = extension_of(path);
        let is_known = FORMATS.iter().any(|format| format.class_extension == Some(&extension));
        is_known && !stem(path).starts_with('.') && path.is_file()
    };
    let mut files: Vec<PathBuf> = entries.filter(is_class).collect();
    files.sort();
    files
}

/// The name of a file without its extension.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &Path, format: &str) -> String {
        format!("{format} at {}", path.display())
    }

    #[test]
    fn what_is_there_decides() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, bytes: &[u8]| {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), bytes).unwrap();
        };
        let png = b"\x89PNG\r\n\x1a\n";
        write("array.dat", b"\x93NUMPY\x01\0");
        write("digits", b"\0\0\x08\x03\0\0\0\x05");
        write("records.bin", &[0; 3073]);
        write("drawings.txt", b"{\"word\":\"apple\",\"drawing\":[]}");
        write("pictures/sub/a.dat", png);
        write("pictures/latents.npy", b"\x93NUMPY\x01\0");
        write("arrays/one.npy", b"\x93NUMPY\x01\0");
        write("several/cat.npy", b"\x93NUMPY\x01\0");
        write("several/dog.ndjson", b"{\"drawing\":[]}");
        let of = |name: &str, class| DataFiles::find(&at(name), class);
        assert_eq!(format!("{:?}", of("array.dat", None).unwrap()), found(&at("array.dat"), "NumPy array"));
        assert_eq!(format!("{:?}", of("digits", None).unwrap()), found(&at("digits"), "IDX files"));
        assert_eq!(
            format!("{:?}", of("records.bin", None).unwrap()),
            found(&at("records.bin"), "CIFAR-10 binary files")
        );
        assert_eq!(
            format!("{:?}", of("drawings.txt", None).unwrap()),
            found(&at("drawings.txt"), "Quick, Draw! strokes")
        );
        assert_eq!(format!("{:?}", of("pictures", None).unwrap()), found(&at("pictures"), "folder of pictures"));
        assert_eq!(
            format!("{:?}", of("pictures", Some("latents")).unwrap()),
            found(&at("pictures/latents.npy"), "NumPy array")
        );
        assert_eq!(format!("{:?}", of("arrays", None).unwrap()), found(&at("arrays/one.npy"), "NumPy array"));
        assert_eq!(
            format!("{:?}", of("several", Some("dog")).unwrap()),
            found(&at("several/dog.ndjson"), "Quick, Draw! strokes")
        );
        assert_eq!(
            of("several", Some("../arrays/one")).unwrap_err().help().text(),
            "choose one, such as `--class cat`"
        );
        for (name, bytes, what, help) in [
            ("a.zip", &b"PK\x03\x04"[..], "zip archive is damaged", "download"),
            ("a.7z", b"7z\xbc\xaf\x27\x1c", "7z archive", "7z x"),
            ("a.tar", &[&[b'x'; 257][..], b"ustar"].concat(), "tar archive", "tar -xf"),
            ("a.tar.gz", b"\x1f\x8b\x08", "tar archive", "tar -xf"),
            ("a.png", png, "one picture", "--data"),
            ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0", "one picture", "--data"),
            ("a.html", b"<!DOCTYPE html>", "web page", "download the file itself"),
            ("a.json", b"{\"error\":404}", "JSON", "download the file itself"),
            ("a.h5", b"\x89HDF\r\n", "HDF5", "numpy.save"),
            ("a.txt", b"hello", "not in a supported format", "folder of pictures"),
            ("a", b"", "empty", "folder of pictures"),
        ] {
            write(name, bytes);
            let error = of(name, None).unwrap_err();
            assert!(error.what().contains(what) && error.help().text().contains(help), "{error}");
        }
        for (name, bytes, why) in [
            ("words", &b"# Title\nmore"[..], "it starts with the text \"# Title\\n\""),
            ("noise", b"\x01\x02\xfe\xff", "it starts with the bytes 01 02 fe ff"),
        ] {
            write(name, bytes);
            assert_eq!(of(name, None).unwrap_err().why(), why);
        }
        assert!(of("none", None).is_err());
    }
}
