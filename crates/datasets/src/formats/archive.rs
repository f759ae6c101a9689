//! Zip archives: of pictures, like a folder of them, or of arrays (`.npz`).
//!
//! A path may lead into an archive: `faces.zip/train`, `arrays.npz/images`.

use super::format::{Format, LoadRequest, Loaded};
use super::{npy, pictures};
use crate::error::DataError;
use crate::file_type::extension_of;
use crate::load_options::Split;
use crate::zip::{self, MAGIC, ZipArchive};
use std::path::Path;

pub(super) const FORMAT: Format = Format {
    name: "zip archive",
    class_extension: None,
    has_content: |file| MAGIC.iter().any(|magic| file.start.starts_with(magic)),
    has_name: |file| ["zip", "npz"].contains(&file.extension),
    is_in: |_| false,
    has_split: |path, split| split == Split::Test && opened(path).is_ok_and(|place| place.has_test_arrays()),
    load: |path, request| opened(path)?.load(path, request),
};

/// A folder in an archive; "" for all of it.
pub(super) struct Place {
    archive: ZipArchive,
    inside: String,
}

/// Opens the archive that `path` is or leads into.
pub(super) fn opened(path: &Path) -> Result<Place, DataError> {
    // If it is no archive, opening it says so.
    let (archive, inside) = zip::split(path).unwrap_or_else(|| (path.to_owned(), String::new()));
    Ok(Place { archive: ZipArchive::open(&archive)?, inside })
}

impl Place {
    /// Whether there is an array of this name.
    pub(super) fn has_array(&self, name: &str) -> bool {
        self.holds_arrays() && npy::archive::named(&self.archive, &self.inside, name).is_some()
    }

    /// Whether there are arrays and no pictures.
    fn holds_arrays(&self) -> bool {
        let names = || self.archive.entries().iter().filter_map(|entry| entry.within(&self.inside));
        let is = |name: &str, extensions: &[&str]| extensions.contains(&&*extension_of(Path::new(name)));
        npy::archive::named(&self.archive, "", &self.inside).is_some()
            || names().any(|name| is(name, &["npy"])) && !names().any(|name| is(name, &pictures::EXTENSIONS))
    }

    fn has_test_arrays(&self) -> bool {
        self.holds_arrays() && npy::archive::has_test_arrays(&self.archive, &self.inside)
    }

    fn load(&self, path: &Path, request: &LoadRequest<'_>) -> Result<Loaded, DataError> {
        if self.holds_arrays() {
            npy::archive::load(&self.archive, &self.inside, request)
        } else {
            pictures::load(path, request)
        }
    }
}

#[cfg(test)]
mod tests;
