//! Recognises folders written by this program: the output of a run is never training data.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The sub-folders of a run.
const PARTS: [&str; 3] = ["samples", "curves", "checkpoints"];
/// The first line of the file that marks a folder as a cache (<https://bford.info/cachedir/>).
const CACHE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
/// The beginning of a line by which a run's `config.toml` is recognised, and how many bytes of the
/// file are searched.
const CONFIG: &str = "system = \"";
const CONFIG_START: u64 = 4096;

/// Whether `folder` is the folder of a run, by its content.
pub(crate) fn is_run(folder: &Path) -> bool {
    let has = |part: &str| folder.join(part).is_dir();
    PARTS.iter().all(|part| has(part))
        || ((has("checkpoints") || has("samples") || is_numbered(folder)) && has_config(folder))
        || (is_numbered(folder) && PARTS.iter().any(|part| has(part)))
}

/// Whether the folder is marked as a cache.
pub(crate) fn is_cache(folder: &Path) -> bool {
    let mut start = Vec::new();
    let tag = File::open(folder.join("CACHEDIR.TAG"));
    tag.and_then(|file| file.take(CACHE.len() as u64).read_to_end(&mut start)).is_ok() && start == CACHE
}

/// The run that `folder` is, or is a part of.
pub(crate) fn run_of(folder: &Path) -> Option<PathBuf> {
    let folder = fs::canonicalize(folder).ok()?;
    let is_part = |folder: &Path| PARTS.iter().any(|part| folder.file_name().is_some_and(|name| name == *part));
    let above = |folder: &Path| folder.parent().map(Path::to_owned).filter(|run| is_part(folder) && is_run(run));
    if is_run(&folder) { Some(folder) } else { folder.ancestors().find_map(above) }
}

/// Whether the folder contains output of this program and nothing else.
fn holds_only_output(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let visible = |path: &PathBuf| !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.');
    let mut paths = entries.flatten().map(|entry| entry.path()).filter(visible).peekable();
    paths.peek().is_some() && paths.all(|path| path.is_dir() && (is_run(&path) || is_cache(&path)))
}

/// Whether this program wrote the folder.
pub(crate) fn is_program_output(folder: &Path) -> bool {
    is_run(folder) || is_cache(folder) || holds_only_output(folder)
}

/// Whether the path looks like `runs/0001-name`.
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
