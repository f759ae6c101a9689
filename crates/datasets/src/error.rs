//! What can be wrong with training data, told so that a person can put it right: what, where, why, and what to do.

use crate::advice::{Advice, quoted};
use crate::nearest::nearest;
use crate::npy::NpyFault;
use crate::plural::plural;
use crate::source::classes_in;
use std::io;
use std::path::{Path, PathBuf};

/// Where the Quick, Draw! bitmaps are published, one file to a class.
pub const QUICKDRAW_URL: &str = "https://storage.googleapis.com/quickdraw_dataset/full/numpy_bitmap";

/// The data cannot be used. A program shows [`what`](Self::what), [`path`](Self::path), [`why`](Self::why) and
/// [`help`](Self::help), or simply the error itself, which is these four, a line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.in_full())]
#[non_exhaustive]
pub enum DataError {
    /// There is no file for the class, and it has no built-in drawings.
    NoClass {
        /// The class asked for.
        class: String,
        /// Where its file was looked for.
        path: PathBuf,
        /// The classes that have a file there.
        present: Vec<String>,
        /// True if this is the usual place, where built-in drawings stand in for apples; false in a folder that was named.
        usual: bool,
    },
    /// The class cannot be part of a file's name.
    BadClass {
        /// The class asked for.
        class: String,
        /// The folder its file would be in.
        folder: PathBuf,
    },
    /// Nothing is at the path that was given.
    NotFound {
        /// The path.
        path: PathBuf,
        /// The data files in the folder it would be in.
        present: Vec<String>,
    },
    /// There is something that is not a file.
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What is there, "a folder" or the like.
        found: &'static str,
    },
    /// The system would not let us read it.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file is not one we can read.
    Npy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: NpyFault,
    },
    /// Anything else that is wrong with a file or a folder, told by whoever read it.
    Unusable {
        /// The file or folder, if it is about one.
        path: Option<PathBuf>,
        /// The mistake in one line.
        what: String,
        /// What was found and what was wanted.
        why: String,
        /// What the person can do.
        help: Advice,
    },
    /// The cache of a folder of pictures cannot be written.
    NoCache {
        /// The cache file, or what stands in its way.
        path: PathBuf,
        /// The reason, with the numbers.
        why: String,
    },
    /// Whoever follows the progress of loading asked for its end.
    Stopped {
        /// What was being waited for or written.
        path: PathBuf,
    },
    /// Not enough images to fill one batch.
    TooFew {
        /// The images' origin.
        origin: String,
        /// How many there are.
        count: usize,
        /// How many a batch needs.
        batch: usize,
    },
}

impl DataError {
    /// Something wrong with the file or folder `path`.
    pub(crate) fn unusable(path: &Path, what: impl Into<String>, why: impl Into<String>, help: Advice) -> Self {
        Self::Unusable { path: Some(path.to_owned()), what: what.into(), why: why.into(), help }
    }

    /// The system would not let us read `path`, or there is nothing.
    pub(crate) fn unreadable(path: &Path, error: io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), error }
    }

    /// The mistake in one line.
    pub fn what(&self) -> String {
        match self {
            Self::NoClass { class, path, .. } => format!("no data for class '{}' in {}", shown(class), folder_of(path)),
            Self::BadClass { class, .. } => format!("'{}' cannot be the name of a class", shown(class)),
            Self::NotFound { .. } => "there is no data file at this path".into(),
            Self::NotAFile { found, .. } => format!("expected a file, found {found}"),
            Self::Unreadable { .. } => "the data file cannot be read".into(),
            Self::Npy { fault, .. } => fault.what(),
            Self::Unusable { what, .. } => what.clone(),
            Self::NoCache { .. } => "the cache of the decoded pictures cannot be written".into(),
            Self::Stopped { .. } => "stopped before the images were loaded".into(),
            Self::TooFew { .. } => "fewer images than a batch".into(),
        }
    }

    /// The file or folder it is about, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::NoClass { path, .. }
            | Self::NotFound { path, .. }
            | Self::NotAFile { path, .. }
            | Self::Unreadable { path, .. }
            | Self::Npy { path, .. }
            | Self::NoCache { path, .. }
            | Self::Stopped { path } => Some(path),
            Self::BadClass { folder, .. } => Some(folder),
            Self::Unusable { path, .. } => path.as_deref(),
            Self::TooFew { .. } => None,
        }
    }

    /// What was found and what was wanted.
    pub fn why(&self) -> String {
        match self {
            Self::NoClass { present, usual, .. } => {
                let others = match &present[..] {
                    [] => "there are no class files beside it".into(),
                    _ => format!("the class files beside it are: {}", listed(present)),
                };
                let drawings = if *usual { ", and only apples have built-in drawings" } else { "" };
                format!("the file does not exist; {others}{drawings}")
            }
            Self::BadClass { .. } => {
                "a class is the name of a file without its .npy; it cannot be empty or hold a slash or a colon".into()
            }
            Self::NotFound { present, .. } if present.is_empty() => "nothing has this name".into(),
            Self::NotFound { present, .. } => {
                format!("nothing has this name; the data files in its folder are: {}", listed(present))
            }
            Self::NotAFile { .. } => "images are read from files and from folders of files".into(),
            Self::Unreadable { error, .. } => format!("the system said: {error}"),
            Self::Npy { fault, .. } => fault.why(),
            Self::NoCache { why, .. } => why.clone(),
            Self::Stopped { .. } => "somebody asked for it".into(),
            Self::Unusable { why, .. } => why.clone(),
            Self::TooFew { origin, count, batch } => {
                format!("{origin}: {count} {}, but a batch takes {batch} different ones", plural(*count, "image"))
            }
        }
    }

    /// What the person can do.
    pub fn help(&self) -> Advice {
        match self {
            Self::NoClass { class, path, present, usual } => {
                let address = class.replace(' ', "%20");
                let (options, built_in) = if *usual { ("--class", Some("apple")) } else { ("--data --class", None) };
                let (address, path) = (shown(&address), path.display());
                match nearest(class, present.iter().map(String::as_str).chain(built_in)) {
                    Some(near) => advice!(
                        "class-file-near",
                        "did you mean `--class {}`? otherwise download {QUICKDRAW_URL}/{address}.npy and put it at {path}",
                        quoted(near)
                    ),
                    None => advice!(
                        "no-class-file",
                        "download {QUICKDRAW_URL}/{address}.npy and put it at {path}, or leave out `{options}` to use the apples"
                    ),
                }
            }
            Self::BadClass { folder, .. } => {
                let present = classes_in(folder);
                let class = present.first().map_or("apple", String::as_str);
                advice!("bad-class", "name the class alone, such as `--class {}`", quoted(class))
            }
            Self::NotFound { .. } => advice!("no-data-file", "check the path"),
            Self::NotAFile { .. } => {
                advice!("not-a-data-file", "give the path of a .npy file, or of a folder of such files")
            }
            Self::Unreadable { .. } => {
                advice!("unreadable-data", "check that the file is still there and that you may read it")
            }
            Self::Npy { fault, .. } => fault.help(),
            Self::NoCache { .. } => advice!(
                "no-cache",
                "free some space, or choose a folder on another disk for the caches, such as `--set data_cache=cache`"
            ),
            Self::Stopped { .. } => advice!("loading-stopped", "start again: nothing was written"),
            Self::Unusable { help, .. } => help.clone(),
            Self::TooFew { count: 0, .. } => advice!("no-images", "use a set with images in it"),
            Self::TooFew { .. } => advice!("too-few-images", "use a larger set"),
        }
    }

    /// All of it, a line each.
    fn in_full(&self) -> String {
        let file = self.path().map(|path| format!("\n  file: {}", path.display())).unwrap_or_default();
        format!("{}{file}\n  why: {}\n  help: {}", self.what(), self.why(), self.help())
    }
}

/// What to do about a file that was damaged on its way.
pub(crate) fn damaged_on_its_way() -> Advice {
    advice!("download-again", "the download may have been cut short or damaged: fetch the file again")
}

/// The folder part of a path, for people.
fn folder_of(path: &Path) -> String {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.display().to_string(),
        _ => ".".into(),
    }
}

/// Text from outside as it may be shown: no control characters, and not without end.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 60;
    let mut line = String::new();
    for letter in text.chars().take(MOST) {
        match letter {
            '\'' | '"' | '\\' => line.push(letter),
            _ => line.extend(letter.escape_debug()),
        }
    }
    if text.chars().nth(MOST).is_some() {
        line.push_str("...");
    }
    line
}

/// The first names of a list, and how many more there are.
pub(crate) fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let first = names.iter().take(MOST).map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    if names.len() > MOST { format!("{first} and {} more", names.len() - MOST) } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_tamed() {
        assert_eq!(shown("'a'\u{1b}[31m\n"), "'a'\\u{1b}[31m\\n");
        assert_eq!(shown(&"x".repeat(100)).len(), 63);
    }
}
