//! Which form of data lies at a path: what is there decides, not what it is called.

use crate::advice::{Advice, quoted};
use crate::cifar::is_cifar;
use crate::error::DataError;
use crate::idx::{Split, has_idx};
use crate::kinds::{Kind, ending_of, kind_of, kind_of_file, start_of};
use crate::strokes::are_strokes;
use flate2::read::GzDecoder;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A form of data, and the file or folder to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// IDX files, as MNIST: for [`load_idx`](crate::load_idx).
    Idx(PathBuf),
    /// CIFAR-10's binary files: for [`load_cifar`](crate::load_cifar).
    Cifar(PathBuf),
    /// A NumPy array: for [`load_array`](crate::load_array).
    Array(PathBuf),
    /// A Quick, Draw! file of strokes: for [`load_strokes`](crate::load_strokes).
    Strokes(PathBuf),
    /// A folder of pictures: for [`load_folder`](crate::load_folder).
    Pictures(PathBuf),
}

/// Folders within folders deeper than this are not looked at for a first picture.
const DEEPEST: usize = 32;
/// What to do about a file of no known form.
pub(crate) fn wanted() -> Advice {
    advice!(
        "no-form-of-data",
        "give a folder of pictures, a .npy file of an array (N, height, width), or the files of MNIST or CIFAR-10"
    )
}

impl Form {
    /// The form of what lies at `path`. In a folder, a file `<class>.npy` or `<class>.ndjson` comes first if a class is named, then
    /// the files of MNIST and CIFAR-10 by their names, then pictures in it or below, then a file of an array.
    ///
    /// # Errors
    /// If it is nothing that is read here: what it is, and what to do. A folder in which nothing is found is taken for one of
    /// pictures.
    pub fn of(path: &Path, class: Option<&str>) -> Result<Self, DataError> {
        if path.is_dir() { in_folder(path, class) } else { of_file(path) }
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Idx(path) | Self::Cifar(path) | Self::Array(path) | Self::Strokes(path) | Self::Pictures(path) => {
                path
            }
        }
    }
}

fn in_folder(folder: &Path, class: Option<&str>) -> Result<Form, DataError> {
    if let Some(form) = class.and_then(|class| class_file(folder, class)) {
        return Ok(form);
    }
    let here = || folder.to_owned();
    if [Split::Train, Split::Test].into_iter().any(|split| has_idx(folder, split)) {
        return Ok(Form::Idx(here()));
    }
    if is_cifar(folder) {
        return Ok(Form::Cifar(here()));
    }
    let files = data_files(folder);
    if files.is_empty() || holds_pictures(folder) {
        return Ok(Form::Pictures(here()));
    }
    match &files[..] {
        [only] => of_file(only),
        _ => {
            let names: Vec<String> = files.iter().map(|file| stem(file)).collect();
            Err(DataError::unusable(
                folder,
                "which of the arrays in this folder?",
                format!("it holds {} of them: {}", names.len(), crate::error::listed(&names)),
                advice!("which-array", "name one, such as `--class {}`", quoted(&names[0])),
            ))
        }
    }
}

/// The file of the class in the folder.
fn class_file(folder: &Path, class: &str) -> Option<Form> {
    if !is_name(class) {
        return None;
    }
    let file = |ending: &str| Some(folder.join(format!("{class}.{ending}"))).filter(|path| path.exists());
    file("npy").map(Form::Array).or_else(|| file("ndjson").map(Form::Strokes))
}

/// Whether the folder has a file of an array or of strokes that is named after the class.
pub fn has_class_file(folder: &Path, class: &str) -> bool {
    class_file(folder, class).is_some()
}

/// Whether a class can be a part of a file's name, on any system.
pub(crate) fn is_name(class: &str) -> bool {
    !class.is_empty() && !class.contains(['/', '\\', ':', '\0'])
}

/// The files of arrays and of strokes in a folder, in order.
fn data_files(folder: &Path) -> Vec<PathBuf> {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_data = |path: &PathBuf| {
        matches!(ending_of(path).as_str(), "npy" | "ndjson") && !stem(path).starts_with('.') && path.is_file()
    };
    let mut files: Vec<PathBuf> = entries.filter(is_data).collect();
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether there is a picture in the folder or below it: as the scan of pictures would find it.
pub fn holds_pictures(folder: &Path) -> bool {
    fn look(folder: &Path, depth: usize) -> bool {
        let Ok(entries) = fs::read_dir(folder) else { return false };
        let visible = |path: &PathBuf| !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.');
        let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
            entries.flatten().map(|entry| entry.path()).filter(visible).partition(|path| path.is_dir());
        files.iter().any(|file| matches!(kind_of_file(file), Ok(Kind::Picture)))
            || depth < DEEPEST && folders.iter().any(|folder| !crate::folder::is_own(folder) && look(folder, depth + 1))
    }
    look(folder, 0)
}

fn of_file(path: &Path) -> Result<Form, DataError> {
    let here = || path.to_owned();
    let unreadable = |error| DataError::unreadable(path, error);
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        // Reading it tells what it is.
        return Ok(Form::Array(here()));
    }
    let start = start_of(path).map_err(unreadable)?;
    let ending = ending_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let parent = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let refused = |what: String, why: &str, help: Advice| Err(DataError::unusable(path, what, why, help));
    // Records have no magic bytes, and may begin as any others.
    if ending == "bin" && is_cifar(path) {
        return Ok(Form::Cifar(here()));
    }
    match kind_of(&start, &ending) {
        Kind::Array => Ok(Form::Array(here())),
        Kind::Idx => Ok(Form::Idx(here())),
        Kind::Gzip => match unpacked_start(path) {
            inner
                if name.ends_with(".tar.gz")
                    || ending == "tgz"
                    || kind_of(&inner, "") == Kind::Archive("tar archive") =>
            {
                refused("this is a tar archive".into(), UNPACK, unpack(path, "tar -xf"))
            }
            inner if matches!(kind_of(&inner, ""), Kind::Array) => refused(
                "this is a packed NumPy array".into(),
                "arrays are read by place, which a packed file does not allow",
                advice!("unpack-an-array", "unpack it: gunzip -k {}", quoted(path)),
            ),
            _ => Ok(Form::Idx(here())),
        },
        Kind::Json if are_strokes(&start) => Ok(Form::Strokes(here())),
        Kind::Picture | Kind::OtherPicture(_) if ending != "npy" => refused(
            "this is one picture".into(),
            "a network learns from many",
            advice!("one-picture", "give the folder that it is in: `--data {}`", quoted(parent)),
        ),
        Kind::Archive("zip archive") if ending == "npz" => refused(
            "this is a NumPy archive of several arrays (.npz)".into(),
            "an array is read from a file of its own",
            advice!(
                "npz",
                "save the one with the images from Python: numpy.save('images.npy', numpy.load('{}')['NAME'])",
                path.display()
            ),
        ),
        Kind::Archive(name) => {
            let command = match name {
                "zip archive" => "unzip",
                "tar archive" => "tar -xf",
                "7z archive" => "7z x",
                "rar archive" => "unrar x",
                _ => "tar -xf",
            };
            refused(format!("this is a {name}"), UNPACK, unpack(path, command))
        }
        Kind::WebPage => refused(
            "not data: looks like a web page saved as data".into(),
            "it begins as HTML or XML does",
            the_file_itself(),
        ),
        Kind::Json => refused(
            "not data: looks like a web page's answer (JSON) saved as data".into(),
            "it begins with { and no \"drawing\" follows",
            the_file_itself(),
        ),
        Kind::OtherData(kind) if ending != "npy" => refused(
            format!("this is a {kind}"),
            "this form is not read here",
            if kind == "Git LFS pointer" {
                advice!("lfs-pointer", "fetch the file that it stands for: git lfs pull")
            } else {
                advice!(
                    "data-to-npy",
                    "read it in Python and save the images as an array: numpy.save('images.npy', array)"
                )
            },
        ),
        // The loaders tell what is wrong with a file that has the name of theirs.
        _ if ending == "npy" => Ok(Form::Array(here())),
        _ if ending == "ndjson" => Ok(Form::Strokes(here())),
        _ if ending == "bin" || is_cifar(path) => Ok(Form::Cifar(here())),
        _ if ending == "gz" || name.contains("ubyte") || name.contains("idx") => Ok(Form::Idx(here())),
        _ if start.is_empty() => refused("the file is empty (0 bytes)".into(), "images take some", wanted()),
        _ => {
            let hex = start.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
            refused("not a form of images that is read here".into(), &format!("it starts with {hex}"), wanted())
        }
    }
}

const UNPACK: &str = "archives are not read, only what is in them";

fn unpack(path: &Path, command: &str) -> Advice {
    advice!("unpack", "unpack it ({command} {}) and give the folder that comes out of it", quoted(path))
}

fn the_file_itself() -> Advice {
    advice!("page-for-data", "the link may have led to an error page or a login; download the file itself")
}

/// The first bytes of what is packed in a file; nothing if that is damaged.
fn unpacked_start(path: &Path) -> Vec<u8> {
    let mut start = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        // As far as it goes.
        let _ = GzDecoder::new(file).take(crate::kinds::START as u64).read_to_end(&mut start);
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let of = |name: &str, class| Form::of(&at(name), class);
        assert_eq!(of("array.dat", None).unwrap(), Form::Array(at("array.dat")));
        assert_eq!(of("digits", None).unwrap(), Form::Idx(at("digits")));
        assert_eq!(of("records.bin", None).unwrap(), Form::Cifar(at("records.bin")));
        assert_eq!(of("drawings.txt", None).unwrap(), Form::Strokes(at("drawings.txt")));
        assert_eq!(of("pictures", None).unwrap(), Form::Pictures(at("pictures")));
        assert_eq!(of("pictures", Some("latents")).unwrap(), Form::Array(at("pictures/latents.npy")));
        assert_eq!(of("arrays", None).unwrap(), Form::Array(at("arrays/one.npy")));
        assert_eq!(of("several", Some("dog")).unwrap(), Form::Strokes(at("several/dog.ndjson")));
        assert_eq!(of("several", Some("../arrays/one")).unwrap_err().help().text(), "name one, such as `--class cat`");
        for (name, bytes, what, help) in [
            ("a.zip", &b"PK\x03\x04"[..], "zip archive", "unzip"),
            ("a.npz", b"PK\x03\x04", ".npz", "numpy.load"),
            ("a.tar", &[&[b'x'; 257][..], b"ustar"].concat(), "tar archive", "tar -xf"),
            ("a.tar.gz", b"\x1f\x8b\x08", "tar archive", "tar -xf"),
            ("a.png", png, "one picture", "--data"),
            ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0", "one picture", "--data"),
            ("a.html", b"<!DOCTYPE html>", "web page", "download the file itself"),
            ("a.json", b"{\"error\":404}", "JSON", "download the file itself"),
            ("a.h5", b"\x89HDF\r\n", "HDF5", "numpy.save"),
            ("a.txt", b"hello", "not a form", "folder of pictures"),
            ("a", b"", "empty", "folder of pictures"),
        ] {
            write(name, bytes);
            let error = of(name, None).unwrap_err();
            assert!(error.what().contains(what) && error.help().text().contains(help), "{error}");
        }
        assert!(of("none", None).is_err());
    }
}
