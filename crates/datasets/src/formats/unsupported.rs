//! Files in no supported format: what they are, and how to turn them into images that can be read.

use crate::advice::{Advice, quoted};
use crate::error::DataError;
use crate::file_type::{FileType, extension_of, unpacked_start};
use crate::text::hex;
use std::path::Path;

/// The error for the file `path` that begins with `start`, if its type is known but not supported.
pub(super) fn refuse(path: &Path, start: &[u8]) -> Option<DataError> {
    let extension = extension_of(path);
    let refused = |what: String, why: &str, help: Advice| Some(DataError::invalid(path, what, why, help));
    match FileType::of(start, &extension) {
        FileType::Picture(_) | FileType::UnsupportedPicture(_) => {
            let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
            let name = FileType::of(start, &extension).in_words().unwrap_or_default();
            refused(
                format!("this is one picture ({name})"),
                "training needs many",
                advice!("one-picture", "give its folder: `--data {}`", quoted(folder)),
            )
        }
        FileType::Gzip => match FileType::of(&unpacked_start(path), "") {
            FileType::Archive("tar archive") => unpack(path, "tar archive"),
            FileType::Data("NumPy array") => refused(
                "this is a compressed NumPy array".into(),
                "images are read in random order, which a compressed file does not allow",
                advice!("unpack-an-array", "unpack it: gunzip -k {}", quoted(path)),
            ),
            _ if path.to_string_lossy().ends_with(".tar.gz") || extension == "tgz" => unpack(path, "tar archive"),
            _ => unpack(path, "gzip archive"),
        },
        FileType::Archive(name) => unpack(path, name),
        page @ (FileType::WebPage | FileType::Json) => refused(
            format!("not data: looks like {}", page.in_words().unwrap_or_default()),
            if page == FileType::Json {
                "it begins with {, and no \"drawing\" follows"
            } else {
                "it begins like HTML or XML"
            },
            advice!("page-for-data", "the link may lead to an error page or a login page; download the file itself"),
        ),
        FileType::Data("NumPy array") | FileType::Unknown => None,
        data @ FileType::Data(name) => refused(
            format!("this is {}", data.in_words().unwrap_or_default()),
            "this format is not supported",
            match name {
                "Git LFS pointer" => advice!("lfs-pointer", "get the file with: git lfs pull"),
                _ => advice!(
                    "data-to-npy",
                    "read it in Python and save the images as an array: numpy.save('images.npy', array)"
                ),
            },
        ),
    }
}

/// The error for a file of unknown type that begins with `start`.
pub(super) fn unknown(path: &Path, start: &[u8]) -> DataError {
    if start.is_empty() {
        return DataError::invalid(
            path,
            "the file is empty (0 bytes)",
            "a file of images cannot be empty",
            supported(),
        );
    }
    let first = &start[..start.len().min(8)];
    let why = match std::str::from_utf8(first) {
        Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => {
            format!("it starts with the text {text:?}")
        }
        _ => format!("it starts with the bytes {}", hex(first)),
    };
    DataError::invalid(path, "not in a supported format", why, supported())
}

/// The advice for a path that holds no images in a supported format.
pub(super) fn supported() -> Advice {
    advice!(
        "no-form-of-data",
        "give a folder of pictures or a .zip archive of them, a .npy or .npz file of an array (N, height, width), a .ndjson file of \
         strokes, or the files of MNIST or CIFAR-10"
    )
}

/// The error for an archive of type `name`.
fn unpack(path: &Path, name: &str) -> Option<DataError> {
    let command = match name {
        "7z archive" => "7z x",
        "rar archive" => "unrar x",
        "gzip archive" => "gunzip -k",
        _ => "tar -xf",
    };
    Some(DataError::invalid(
        path,
        format!("this is a {name}"),
        "of archives, only .zip and .npz are read",
        advice!("unpack", "unpack it ({command} {}) and give the resulting folder", quoted(path)),
    ))
}
