//! The folder of a run: creating it, finding it, listing its files.

pub(crate) mod lock;
pub(crate) mod resume;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use datasets::{Advice, advice, plural, quoted};

use crate::failure::{Code, Failure};
use crate::folder::lock::Lock;
use crate::storage::{StorageError, is_temporary, make_folder, sweep_run};

/// The folders inside a run folder.
const FOLDERS: [&str; 4] = ["samples", "curves", "checkpoints", "report"];

/// The folder of a new run, locked: `out`, or the next free `runs/NNNN-<system>`.
///
/// # Errors
/// When `out` cannot be a run folder, another process holds it, or a folder cannot be made.
pub(crate) fn claim(out: Option<&Path>, parent: &Path, system: &str) -> Result<Claimed, Failure> {
    let Some(out) = out else {
        let run = make_numbered(parent, system)?;
        return Ok(Claimed { lock: Lock::take(&run)?, run, is_begun: false });
    };
    // Checked before locking, so that no lock file is made in a folder that is not a run folder.
    let is_begun = make_named(out)?;
    let lock = Lock::take(out)?;
    // Checked again, because another process may have just started a run there.
    Ok(Claimed { run: out.to_owned(), lock, is_begun: is_begun || out.join(CONFIG).exists() })
}

/// A locked run folder.
pub(crate) struct Claimed {
    pub run: PathBuf,
    pub lock: Lock,
    /// Whether it already holds the configuration of a run.
    pub is_begun: bool,
}

/// The file that marks a folder as a run folder.
const CONFIG: &str = "config.toml";

/// Makes sure that an existing run has all its folders, and removes half-written files of an
/// interrupted process.
///
/// # Errors
/// When a folder cannot be made.
pub(crate) fn reopen(run: &Path) -> Result<(), Failure> {
    for folder in FOLDERS {
        make_folder(&run.join(folder))?;
        sweep_run(&run.join(folder));
    }
    sweep_run(run);
    Ok(())
}

/// Makes the folder that the user named, unless it exists and is empty or a run folder. Returns
/// whether it is a run folder.
fn make_named(out: &Path) -> Result<bool, Failure> {
    let refused = |place: &Path, why: &str| {
        Failure::new(Code::Usage, "this cannot be the run folder")
            .at(place.display())
            .because(why)
            .help(advice!("no-run-folder", "leave out `--out` for a numbered folder below runs/, or name another one"))
    };
    // If a file is in place of a folder, the error depends on the operating system. So search for
    // such a file.
    let in_the_way = out.ancestors().find(|path| path.exists()).filter(|path| !path.is_dir());
    if let Some(file) = in_the_way {
        return Err(refused(file, "it is a file"));
    }
    match fs::read_dir(out).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(_) if out.join(CONFIG).is_file() => Ok(true),
        Ok(entries) if entries.iter().all(is_left_over) => Ok(false),
        Ok(_) => Err(refused(out, "it is not empty, and contains no run")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(make_folder(out).map(|()| false)?),
        Err(error) => Err(StorageError::new("make the folder for", out, error).into()),
    }
}

/// Whether an entry of a run folder is left over from a process that was killed before it wrote the
/// configuration.
fn is_left_over(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    let is_empty = || fs::read_dir(entry.path()).is_ok_and(|mut entries| entries.next().is_none());
    name == "lock" || is_temporary(&name) || FOLDERS.contains(&&*name) && is_empty()
}

/// Makes the next numbered folder. Making a folder fails if it exists, so two processes that start
/// at once get two numbers.
fn make_numbered(parent: &Path, system: &str) -> Result<PathBuf, Failure> {
    make_folder(parent)?;
    let names = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let last = names.filter_map(|name| number_of(&name.to_string_lossy())).max().unwrap_or(0);
    for number in last.saturating_add(1)..=u32::MAX {
        let run = parent.join(format!("{number:04}-{system}"));
        match fs::create_dir(&run) {
            Ok(()) => return Ok(run),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(StorageError::new("make the folder for", &run, error).into()),
        }
    }
    Err(Failure::new(Code::Usage, "there is no free run number").at(parent.display()).help(advice!(
        "no-free-number",
        "name a folder, such as `--out {}`",
        quoted(&free(Path::new("run")))
    )))
}

/// An unused path similar to `path`.
fn free(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let others = (2..).map(|number| path.with_file_name(format!("{name}-{number}")));
    [path.to_owned()].into_iter().chain(others).find(|path| !path.exists()).unwrap_or_else(|| path.to_owned())
}

/// The number at the start of a run folder's name.
fn number_of(name: &str) -> Option<u32> {
    name.split_once('-')?.0.parse().ok()
}

/// Finds the run for `path`: a run folder, or the run of a checkpoint file.
///
/// # Errors
/// When there is no such run; suggests the most similar existing name.
pub(crate) fn locate(path: &Path) -> Result<Located, Failure> {
    let failure = |what: &str| Failure::new(Code::Checkpoint, what).at(path.display());
    if path.is_dir() {
        // A trailing slash and the `checkpoints` folder itself also stand for the run.
        let inner = path.file_name().is_some_and(|name| name == "checkpoints") && !path.join(CONFIG).exists();
        let run = if inner { path.parent().unwrap_or(path) } else { path };
        return Ok(Located { run: Some(run.to_owned()), checkpoint: None });
    }
    match fs::metadata(path) {
        Ok(_) => {
            let run = path.parent().filter(|folder| folder.ends_with("checkpoints")).and_then(Path::parent);
            let run = run.filter(|run| run.join(CONFIG).exists()).map(Path::to_owned);
            Ok(Located { run, checkpoint: Some(path.to_owned()) })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(failure("there is no such run or checkpoint")
            .because("no file or folder has this name")
            .help(siblings(path))),
        Err(error) => Err(failure("cannot open the run or checkpoint").because(error)),
    }
}

/// What a path given as a run refers to.
pub(crate) struct Located {
    /// The run folder; `None` for a checkpoint file outside of any run.
    pub run: Option<PathBuf>,
    /// The checkpoint file, if the path is one.
    pub checkpoint: Option<PathBuf>,
}

/// Lists what exists instead of `path`.
fn siblings(path: &Path) -> Advice {
    let folder = crate::storage::folder_of(path);
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort_unstable();
    let wanted = path.file_name().unwrap_or_default().to_string_lossy();
    match datasets::nearest(&wanted, names.iter().map(String::as_str)) {
        Some(near) => advice!("run-near", "did you mean `{}`?", quoted(&folder.join(near))),
        None if names.is_empty() => advice!("nothing-there", "{} is empty", folder.display()),
        None => {
            let first: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
            let more = if names.len() > 12 { ", ..." } else { "" };
            advice!("no-such-run", "{} contains: {}{more}", folder.display(), first.join(", "))
        }
    }
}

/// Every file of the run, one line each; long sequences of numbered files by their first and last.
pub(crate) fn list(run: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for folder in [""].into_iter().chain(FOLDERS) {
        let entries = fs::read_dir(run.join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name != "lock" && !name.starts_with('.'))
            .collect();
        names.sort_unstable();
        let full = |name: &String| run.join(folder).join(name).display().to_string();
        let (steps, others): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| name.starts_with("step-"));
        lines.extend(others.iter().map(full));
        match steps.as_slice() {
            [first, .., last] if steps.len() > 3 => {
                lines.push(format!("{} ... {last} ({} {})", full(first), steps.len(), plural(steps.len(), "file")));
            }
            few => lines.extend(few.iter().map(full)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(out: Option<&Path>, parent: &Path, system: &str) -> Result<PathBuf, Failure> {
        let run = claim(out, parent, system)?.run;
        reopen(&run).map(|()| run)
    }

    #[test]
    fn numbers_follow_the_highest_and_never_collide() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join("0007-other")).unwrap();
        fs::create_dir(parent.path().join("notes")).unwrap();
        let names: Vec<PathBuf> = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| create(None, parent.path(), "quickdraw").unwrap())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let mut unique = names.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), 8);
        assert_eq!(unique[0], parent.path().join("0008-quickdraw"));
    }

    #[test]
    fn a_folder_in_use_is_refused_and_an_empty_one_is_taken() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("a/b");
        create(Some(&out), parent.path(), "quickdraw").unwrap();
        assert!(!claim(Some(&out), parent.path(), "quickdraw").unwrap().is_begun, "nothing was written but folders");
        fs::write(out.join(CONFIG), "").unwrap();
        assert!(claim(Some(&out), parent.path(), "quickdraw").unwrap().is_begun);
        fs::remove_file(out.join(CONFIG)).unwrap();
        fs::write(out.join("mine"), "").unwrap();
        let failure = create(Some(&out), parent.path(), "quickdraw").unwrap_err();
        assert_eq!(failure.code, Code::Usage);
        assert!(failure.to_string().contains("contains no run") && !out.join("lock").exists(), "{failure}");
        let file = parent.path().join("file");
        fs::write(&file, "x").unwrap();
        assert_eq!(create(Some(&file), parent.path(), "quickdraw").unwrap_err().code, Code::Usage);
        assert_eq!(create(Some(&file.join("x")), parent.path(), "quickdraw").unwrap_err().code, Code::Usage);
    }

    #[test]
    fn a_run_is_found_by_its_folder_and_by_its_checkpoints() {
        let run = tempfile::tempdir().unwrap();
        create(Some(run.path()), run.path(), "quickdraw").unwrap();
        fs::write(run.path().join("config.toml"), "").unwrap();
        let file = run.path().join("checkpoints/step-000005.safetensors");
        fs::write(&file, "").unwrap();
        assert_eq!(locate(run.path()).unwrap().run.as_deref(), Some(run.path()));
        assert_eq!(locate(&run.path().join("checkpoints")).unwrap().run.as_deref(), Some(run.path()));
        assert_eq!(locate(&file).unwrap().run.as_deref(), Some(run.path()));
        let missing = locate(&run.path().join("checkpoints/step-000006.safetensors")).err().unwrap();
        assert!(missing.to_string().contains("did you mean"), "{missing}");
    }

    #[test]
    fn many_steps_are_listed_as_first_and_last() {
        let run = tempfile::tempdir().unwrap();
        create(Some(run.path()), run.path(), "quickdraw").unwrap();
        for step in 0..5 {
            fs::write(run.path().join(format!("samples/step-{step:06}.png")), "").unwrap();
        }
        fs::write(run.path().join("samples/reals.png"), "").unwrap();
        let lines = list(run.path());
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with("step-000000.png ... step-000004.png (5 files)"), "{lines:?}");
    }
}
