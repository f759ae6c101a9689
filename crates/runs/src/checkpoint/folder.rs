//! The checkpoints of one run: which one is used and which ones are kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use datasets::{advice, quoted};

use super::{Checkpoint, Flaw, LoadedCheckpoint};
use crate::failure::{Code, Failure};
use crate::storage::{Disk, StorageError, is_held, patiently};

/// The file extension of checkpoints.
const ENDING: &str = "safetensors";

/// `step-000500.safetensors`.
pub(crate) fn file_name(step: u64) -> String {
    format!("step-{step:06}.{ENDING}")
}

/// The step in the name of a checkpoint file.
fn step_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_prefix("step-")?.strip_suffix(ENDING)?.strip_suffix('.')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The checkpoint files of the run folder `run` with their steps, the newest first.
///
/// # Errors
/// When the folder exists but cannot be listed; a folder that does not exist has no checkpoints.
pub(crate) fn in_folder(run: &Path) -> Result<Vec<(u64, PathBuf)>, StorageError> {
    let folder = run.join("checkpoints");
    let entries = match fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        listed => listed.map_err(|error| StorageError::new("list", &folder, error))?,
    };
    let mut files: Vec<(u64, PathBuf)> =
        entries.iter().map(fs::DirEntry::path).filter_map(|path| Some((step_of(&path)?, path))).collect();
    files.sort_unstable_by_key(|(step, _)| std::cmp::Reverse(*step));
    Ok(files)
}

/// The newest intact checkpoint of the run. Damaged ones are skipped and listed.
///
/// # Errors
/// When there is none; the error lists what the folder holds.
pub(crate) fn newest_good(run: &Path) -> Result<LoadedCheckpoint, Failure> {
    let mut damaged = Vec::new();
    for (_, path) in in_folder(run)? {
        match Checkpoint::read(&path) {
            Ok(checkpoint) => return Ok(LoadedCheckpoint { path, checkpoint, damaged }),
            Err(flaw) => damaged.push((path, flaw)),
        }
    }
    match damaged.as_slice() {
        [] => Err(Flaw::NoCheckpoint(listing(run)).failure(run)),
        [(path, flaw)] => Err(flaw.failure(path)),
        all => {
            let list: Vec<String> = all.iter().map(|(path, flaw)| format!("{}: {flaw}", path.display())).collect();
            Err(Failure::new(Code::Checkpoint, "none of the run's checkpoints can be used")
                .at(run.display())
                .because(list.join("\n"))
                .help(advice!(
                    "no-good-checkpoint",
                    "start the run again from its configuration: `{}`",
                    new_run_command(run)
                )))
        }
    }
}

/// The command that starts the same run again, in a new folder.
fn new_run_command(run: &Path) -> String {
    let config = run.join("config.toml");
    let system = fs::read_to_string(&config).ok().and_then(|text| text.parse::<toml::Table>().ok());
    let system = system.as_ref().and_then(|table| table.get("system")?.as_str()).unwrap_or("SYSTEM");
    format!("train {system} --config {}", quoted(&config))
}

/// The newest intact checkpoint beside `file` that is from an earlier step.
pub(super) fn older_good(file: &Path) -> Option<PathBuf> {
    let run = file.parent()?.parent()?;
    let older = in_folder(run).ok()?.into_iter().map(|(_, path)| path).skip_while(|path| path != file).skip(1);
    older.filter(|path| path.file_name() < file.file_name()).find(|path| Checkpoint::read(path).is_ok())
}

/// What a folder contains, in a few words.
fn listing(folder: &Path) -> String {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    match names.len() {
        0 => "it is empty".to_owned(),
        1..=12 => format!("it contains: {}", names.join(", ")),
        more => format!("it contains: {}, and {} more", names[..12].join(", "), more - 12),
    }
}

/// Deletes every checkpoint of the run except those of the steps `keep`. Call it only after a new
/// one is completely written.
///
/// # Errors
/// When a file cannot be deleted.
pub(crate) fn delete_older(disk: &dyn Disk, run: &Path, keep: &[u64]) -> Result<(), StorageError> {
    for (step, path) in in_folder(run)? {
        if !keep.contains(&step) {
            match patiently(disk, || disk.remove(&path)) {
                // Another program has it open; it is deleted after the next checkpoint.
                Err(error) if is_held(&error) => {}
                done => done.map_err(|error| StorageError::new("delete", &path, error))?,
            }
        }
    }
    Ok(())
}
