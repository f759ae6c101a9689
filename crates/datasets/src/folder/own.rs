//! Folders that this program has made: what a run writes is never data for a run.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The folders in a run's folder.
const PARTS: [&str; 3] = ["samples", "curves", "checkpoints"];
/// The first line of the file by which a folder says that it is a cache (<https://bford.info/cachedir/>).
const CACHE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
/// The line of a run's `config.toml` by which it is known, among its first bytes.
const CONFIG: &str = "system = \"";
const CONFIG_START: u64 = 4096;

/// Whether `folder` is the folder of a run: it has what a run writes, whoever named it.
pub(super) fn is_run(folder: &Path) -> bool {
    let has = |part: &str| folder.join(part).is_dir();
    PARTS.iter().all(|part| has(part))
        || ((has("checkpoints") || has("samples") || is_numbered(folder)) && has_config(folder))
        || (is_numbered(folder) && PARTS.iter().any(|part| has(part)))
}

/// Whether the folder says that it is a cache.
pub(super) fn is_cache(folder: &Path) -> bool {
    let mut start = Vec::new();
    let tag = File::open(folder.join("CACHEDIR.TAG"));
    tag.and_then(|file| file.take(CACHE.len() as u64).read_to_end(&mut start)).is_ok() && start == CACHE
}

/// The run that `folder` is, or whose part it is.
pub(super) fn run_of(folder: &Path) -> Option<PathBuf> {
    let folder = fs::canonicalize(folder).ok()?;
    let is_part = |folder: &Path| PARTS.iter().any(|part| folder.file_name().is_some_and(|name| name == *part));
    let above = |folder: &Path| folder.parent().map(Path::to_owned).filter(|run| is_part(folder) && is_run(run));
    if is_run(&folder) { Some(folder) } else { folder.ancestors().find_map(above) }
}

/// Whether all that is in the folder was made by this program, and something is.
fn holds_only_own(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let visible = |path: &PathBuf| !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.');
    let mut paths = entries.flatten().map(|entry| entry.path()).filter(visible).peekable();
    paths.peek().is_some() && paths.all(|path| path.is_dir() && (is_run(&path) || is_cache(&path)))
}

/// Whether this program made the folder.
pub(crate) fn is_own(folder: &Path) -> bool {
    is_run(folder) || is_cache(folder) || holds_only_own(folder)
}

/// `runs/0001-folder` and the like.
fn is_numbered(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let number = name.split_once('-').map(|(number, _)| number);
    number.is_some_and(|number| number.len() >= 4 && number.bytes().all(|byte| byte.is_ascii_digit()))
        && folder.parent().and_then(Path::file_name).is_some_and(|parent| parent == "runs")
}

fn has_config(folder: &Path) -> bool {
    let mut start = Vec::new();
    let config = File::open(folder.join("config.toml"));
    let read = config.and_then(|file| file.take(CONFIG_START).read_to_end(&mut start));
    read.is_ok() && String::from_utf8_lossy(&start).lines().any(|line| line.starts_with(CONFIG))
}
