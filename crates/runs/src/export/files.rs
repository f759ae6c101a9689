//! [`Files`]: the files of an export, which are written once all of them are complete.

use std::fs;
use std::path::{Path, PathBuf};

use datasets::{advice, quoted};

use crate::failure::{Code, Failure};
use crate::storage::{self, RealDisk, StorageError};

/// Files for one folder.
pub(super) struct Files {
    folder: PathBuf,
    files: Vec<(String, Vec<u8>)>,
}

impl Files {
    /// No files yet, for `folder`.
    ///
    /// # Errors
    /// When it is not a folder, or not an empty one, unless its files may be replaced.
    pub(super) fn new(folder: &Path, overwrite: bool) -> Result<Self, Failure> {
        let is_empty = match fs::read_dir(folder) {
            Ok(mut entries) => entries.next().is_none(),
            // Other errors are reported when the files are written.
            Err(_) => !folder.exists(),
        };
        if folder.exists() && !folder.is_dir() {
            return Err(Failure::new(Code::Usage, "the export needs a folder")
                .at(folder.display())
                .because("this is not a folder")
                .help(advice!("export-into-a-file", "give a folder, such as `--out {}`", quoted(&another(folder)))));
        }
        if !is_empty && !overwrite {
            return Err(Failure::new(Code::Usage, "the folder for the export is not empty")
                .at(folder.display())
                .because("an export does not replace files without being asked to")
                .help(advice!(
                    "export-over",
                    "replace the files with `--overwrite`, or give another folder, such as `--out {}`",
                    quoted(&another(folder))
                )));
        }
        Ok(Self { folder: folder.to_owned(), files: Vec::new() })
    }

    /// Adds a file.
    pub(super) fn add(&mut self, name: &str, content: Vec<u8>) {
        self.files.push((name.to_owned(), content));
    }

    /// Writes all files, and returns their number.
    ///
    /// # Errors
    /// When one cannot be written.
    pub(super) fn write(self) -> Result<usize, Failure> {
        let write = || -> Result<(), StorageError> {
            storage::make_folder(&self.folder)?;
            let mut files = self.files.iter();
            files.try_for_each(|(name, content)| storage::write_whole(&RealDisk, &self.folder.join(name), content))
        };
        write()?;
        Ok(self.files.len())
    }
}

/// A name like that of `folder` that does not exist yet.
fn another(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let numbered = |number: usize| folder.with_file_name(format!("{name}-{number}"));
    (2..).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| numbered(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_files_is_left_alone_unless_they_may_be_replaced() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("export");
        let write = |overwrite: bool, content: &[u8]| {
            let mut files = Files::new(&folder, overwrite)?;
            files.add("a", content.to_vec());
            files.write()
        };
        assert_eq!(write(false, b"1").unwrap(), 1);
        let failure = write(false, b"2").unwrap_err();
        assert!(failure.to_string().contains("export-2"), "{failure}");
        assert_eq!(fs::read(folder.join("a")).unwrap(), b"1");
        write(true, b"3").unwrap();
        assert_eq!(fs::read(folder.join("a")).unwrap(), b"3");
        fs::create_dir(place.path().join("empty")).unwrap();
        assert!(Files::new(&place.path().join("empty"), false).is_ok());
        for overwrite in [false, true] {
            let failure = Files::new(&folder.join("a"), overwrite).err().expect("a file is in the way").to_string();
            assert!(failure.contains("not a folder") && failure.contains("a-2"), "{failure}");
        }
    }
}
