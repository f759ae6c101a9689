//! The runs in a folder: listing them, showing one, removing one.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use datasets::{advice, plural, quoted};
use serde_json::{Value, json};
use toml::Table;

use crate::checkpoint;
use crate::failure::{Code, Failure, printable};
use crate::folder::{self, lock::Lock};
use crate::observers::progress::duration;
use crate::plan;
use crate::storage::StorageError;

/// The file that marks a folder as a run.
const CONFIG: &str = "config.toml";

/// What a run is, and its progress.
#[derive(Clone, Debug)]
pub struct RunInfo {
    /// Its folder.
    pub path: PathBuf,
    /// Its system.
    pub system: String,
    /// Its preset, if it is recorded.
    pub preset: Option<String>,
    /// Its seed, if it is recorded.
    pub seed: Option<i64>,
    /// Its data, if they were named.
    pub data: Option<String>,
    /// The steps of the newest checkpoint; `None` without a checkpoint.
    pub done: Option<u64>,
    /// The steps that it was started for, if they are recorded.
    pub steps: Option<u64>,
    /// Whether a process is working in it.
    pub in_use: bool,
    /// Bytes of all its files.
    pub bytes: u64,
    /// When a file in it was last written.
    pub written: Option<SystemTime>,
    /// The names of its checkpoint files, the newest first.
    pub checkpoints: Vec<String>,
    /// The last row of its `metrics.csv`: names and values.
    pub metrics: Vec<(String, String)>,
}

/// All runs directly in the folder `parent`, in the order of their names. A folder that does not
/// exist holds none.
///
/// # Errors
/// When the folder cannot be listed.
pub fn list(parent: &Path) -> Result<Vec<RunInfo>, Failure> {
    if !parent.exists() {
        return Ok(Vec::new());
    }
    let unreadable = |error| Failure::from(StorageError::new("list", parent, error));
    let mut folders = Vec::new();
    for entry in fs::read_dir(parent).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders.iter().filter_map(|folder| info(folder)).collect())
}

/// What is known about the run in the folder `run`.
///
/// # Errors
/// When it is no run.
pub fn show(run: &Path) -> Result<RunInfo, Failure> {
    let located = folder::locate(run)?;
    let folder = located.run.as_deref().unwrap_or(run);
    info(folder).ok_or_else(|| no_run(folder))
}

/// What is known about the run in the folder `run`, if it may be removed.
///
/// # Errors
/// When it is no run, is a symbolic link, contains another run, or another process is working in
/// it.
pub fn removable(run: &Path) -> Result<RunInfo, Failure> {
    let found = info(run).ok_or_else(|| no_run(run))?;
    if fs::symlink_metadata(run).is_ok_and(|about| about.is_symlink()) {
        return Err(Failure::new(Code::Usage, "the run is not removed")
            .at(run.display())
            .because("this is a symbolic link")
            .help(advice!("remove-linked-run", "remove the link itself, or give the folder that it leads to")));
    }
    if let Some(other) = holds_another(run) {
        return Err(Failure::new(Code::Usage, "the run is not removed")
            .at(run.display())
            .because(format!("its folder contains another run, {}", other.display()))
            .help(advice!("run-with-runs", "remove or move the inner run first")));
    }
    Lock::take(run)?;
    Ok(found)
}

/// Removes the run in the folder `run`, with everything in it.
///
/// The folder is renamed first, so an interruption leaves no incomplete run behind.
///
/// # Errors
/// As [`removable`], and when it cannot be removed.
pub fn remove(run: &Path) -> Result<(), Failure> {
    removable(run)?;
    let absolute = std::path::absolute(run).unwrap_or_else(|_| run.to_owned());
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else { return Err(no_run(run)) };
    let mut lock = Some(Lock::take(run)?);
    // On Windows, a folder cannot be renamed while a file in it is open.
    if cfg!(windows) {
        lock = None;
    }
    let hidden = parent.join(format!(".{}.removed-{}", name.to_string_lossy(), std::process::id()));
    let failed = |error| Failure::from(StorageError::new("remove", run, error));
    fs::rename(run, &hidden).map_err(failed)?;
    drop(lock);
    fs::remove_dir_all(&hidden).map_err(failed)
}

/// The failure for a folder that is no run.
fn no_run(folder: &Path) -> Failure {
    let why = if folder.join(CONFIG).is_file() {
        "its config.toml names no system, or it has no folder `checkpoints`"
    } else {
        "it has no config.toml"
    };
    let parent = folder.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    Failure::new(Code::Usage, "this is not a run").at(folder.display()).because(why).help(advice!(
        "no-such-run-folder",
        "list the runs with `train runs list {}`",
        quoted(parent)
    ))
}

/// A run inside of the run folder `run`.
fn holds_another(run: &Path) -> Option<PathBuf> {
    let mut folders = vec![run.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if system_of(&entry.path()).is_some() {
                    return Some(entry.path());
                }
                folders.push(entry.path());
            }
        }
    }
    None
}

/// The configuration of the run in `folder` and its system; `None` if it is no run.
fn system_of(folder: &Path) -> Option<(Table, String)> {
    if !folder.join("checkpoints").is_dir() {
        return None;
    }
    let text = fs::read_to_string(folder.join(CONFIG)).ok()?;
    let config: Table = text.trim_start_matches('\u{feff}').parse().ok()?;
    let system = config.get("system")?.as_str()?.to_owned();
    Some((config, system))
}

fn info(folder: &Path) -> Option<RunInfo> {
    let (config, system) = system_of(folder)?;
    let text = |key: &str| config.get(key)?.as_str().map(str::to_owned);
    let number = |key: &str| config.get(key)?.as_integer();
    let checkpoints = checkpoint::in_folder(folder).unwrap_or_default();
    let (bytes, written) = content(folder);
    Some(RunInfo {
        path: folder.to_owned(),
        preset: text("preset"),
        seed: number("seed"),
        data: text("data"),
        done: checkpoints.first().map(|(step, _)| *step),
        steps: number("steps").and_then(|steps| steps.try_into().ok()),
        in_use: is_in_use(folder),
        bytes,
        written,
        checkpoints: checkpoints.iter().filter_map(|(_, path)| Some(path.file_name()?.to_str()?.to_owned())).collect(),
        metrics: last_metrics(folder),
        system,
    })
}

/// Bytes of all files below `folder`, and when one of them was last written.
pub(crate) fn content(folder: &Path) -> (u64, Option<SystemTime>) {
    let (mut bytes, mut written) = (0, None);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() {
                folders.push(entry.path());
            } else if entry.file_name() != "lock" {
                bytes += about.len();
                written = written.max(about.modified().ok());
            }
        }
    }
    (bytes, written)
}

/// Whether a process holds the lock. The file of a process that was killed is left, unlocked.
fn is_in_use(folder: &Path) -> bool {
    let Ok(file) = File::open(folder.join("lock")) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// The names in the header of `metrics.csv`, and the values in its last complete row.
fn last_metrics(folder: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(folder.join("metrics.csv")).unwrap_or_default();
    // A process that was killed may have left a last line without its end.
    let lines = text.trim_start_matches('\u{feff}').split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let mut rows = lines.map(|line| line.split(','));
    let Some(names) = rows.next() else { return Vec::new() };
    let names: Vec<&str> = names.collect();
    let mut complete = rows.map(Iterator::collect::<Vec<&str>>).filter(|row| row.len() == names.len());
    let last = complete.next_back().unwrap_or_default();
    names.iter().zip(last).map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect()
}

impl RunInfo {
    /// Its progress: `finished`, `step 20 of 100`, with `training` if a process is working.
    pub fn state_in_words(&self) -> String {
        let done = self.done.unwrap_or(0);
        let state = match self.steps {
            Some(steps) if done >= steps => format!("finished, {steps} {}", plural(steps as usize, "step")),
            Some(steps) => format!("step {done} of {steps}"),
            None => format!("step {done}"),
        };
        if self.in_use { format!("{state}, training") } else { state }
    }

    /// How long ago it was last written, such as `3 h ago`.
    fn age(&self) -> String {
        let elapsed = self.written.and_then(|written| written.elapsed().ok());
        elapsed.map_or_else(|| "-".to_owned(), |elapsed| format!("{} ago", duration(elapsed.as_secs_f64())))
    }

    /// The run as JSON.
    pub fn json(&self) -> Value {
        let seconds = self.written.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let metrics: serde_json::Map<String, Value> =
            self.metrics.iter().map(|(name, value)| (name.clone(), json!(value.parse::<f64>().ok()))).collect();
        json!({
            "run": self.path.display().to_string(),
            "system": self.system,
            "preset": self.preset,
            "seed": self.seed,
            "data": self.data,
            "steps_done": self.done,
            "steps": self.steps,
            "in_use": self.in_use,
            "bytes": self.bytes,
            "written": seconds.map(|since| since.as_secs()),
            "checkpoints": self.checkpoints,
            "metrics": metrics,
        })
    }
}

impl fmt::Display for RunInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: &str| writeln!(f, "{name:<12} {}", printable(value));
        let preset = self.preset.as_deref().map_or_else(String::new, |preset| format!(", preset {preset}"));
        line("run", &self.path.display().to_string())?;
        line("system", &format!("{}{preset}", self.system))?;
        line("state", &self.state_in_words())?;
        if let Some(data) = &self.data {
            line("data", data)?;
        }
        if let Some(seed) = self.seed {
            line("seed", &seed.to_string())?;
        }
        line("written", &self.age())?;
        line("size", &plan::size(self.bytes))?;
        if !self.metrics.is_empty() {
            let each: Vec<String> = self.metrics.iter().map(|(name, value)| format!("{name} {value}")).collect();
            line("metrics", &each.join(", "))?;
        }
        let files = folder::list(&self.path);
        let mut files = files.iter().enumerate();
        files.try_for_each(|(number, file)| line(if number == 0 { "files" } else { "" }, file))
    }
}

/// The runs as a table.
pub fn table(runs: &[RunInfo]) -> String {
    let heading = ["run", "system", "preset", "state", "size", "written"].map(str::to_owned);
    let row = |run: &RunInfo| {
        let preset = run.preset.clone().unwrap_or_default();
        let path = run.path.display().to_string();
        [&path, &run.system, &preset, &run.state_in_words(), &plan::size(run.bytes), &run.age()]
            .map(|cell| printable(cell))
    };
    let rows: Vec<[String; 6]> = [heading].into_iter().chain(runs.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(width);
    let line = |[path, system, preset, state, size, age]: &[String; 6]| {
        format!("{path:<a$}  {system:<b$}  {preset:<c$}  {state:<d$}  {size:>e$}  {age}\n")
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the run `name` of two steps of five.
    fn with_run(name: &str) -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let run = parent.path().join(name);
        fs::create_dir_all(run.join("checkpoints")).unwrap();
        fs::write(run.join(CONFIG), "system = \"quickdraw\"\npreset = \"cpu\"\nseed = 3\nsteps = 5\n").unwrap();
        fs::write(run.join("checkpoints/step-000002.safetensors"), "12345").unwrap();
        fs::write(run.join("metrics.csv"), "step,d_loss\n1,0.5\n2,0.25\n3,").unwrap();
        (parent, run)
    }

    #[test]
    fn runs_are_listed_with_their_state() {
        let (parent, run) = with_run("0001-quickdraw");
        fs::create_dir(parent.path().join("notes")).unwrap();
        let runs = list(parent.path()).unwrap();
        let [found] = &runs[..] else { panic!("{runs:?}") };
        assert_eq!(
            (found.path.as_path(), &*found.system, found.done, found.steps),
            (&*run, "quickdraw", Some(2), Some(5))
        );
        assert_eq!(found.state_in_words(), "step 2 of 5");
        assert_eq!(found.metrics, [("step", "2"), ("d_loss", "0.25")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert!(table(&runs).lines().count() == 2 && !found.in_use);
        assert_eq!(found.json()["steps_done"], 2);
        let lock = Lock::take(&run).unwrap();
        assert!(show(&run).unwrap().in_use);
        drop(lock);
        assert!(list(&parent.path().join("none")).unwrap().is_empty());
    }

    /// A run may come from a stranger.
    #[test]
    #[cfg(unix)]
    fn a_run_cannot_write_to_the_terminal() {
        let (parent, run) = with_run("0001-\u{1b}[31m");
        let config = [("system", "[2J"), ("preset", "[3J"), ("data", "[4J")];
        let config = config.map(|(key, value)| format!("{key} = \"\\u001b{value}\"\n"));
        fs::write(run.join(CONFIG), config.concat()).unwrap();
        fs::write(run.join("metrics.csv"), "\u{1b}[5J\n1\n").unwrap();
        fs::write(run.join("\u{1b}[6J"), "").unwrap();
        for text in [show(&run).unwrap().to_string(), table(&list(parent.path()).unwrap())] {
            assert!(text.contains(r"\u{1b}[2J") && !text.contains('\u{1b}'), "{text:?}");
        }
    }

    #[test]
    fn a_run_is_removed_whole_and_nothing_else_is() {
        let (parent, run) = with_run("mine");
        fs::write(parent.path().join("kept"), "").unwrap();
        let lock = Lock::take(&run).unwrap();
        assert!(remove(&run).unwrap_err().to_string().contains("another process"));
        drop(lock);
        for other in [parent.path().to_owned(), run.join("checkpoints"), parent.path().join("none")] {
            assert_eq!(remove(&other).unwrap_err().code, Code::Usage, "{}", other.display());
        }
        let inner = run.join("inner");
        fs::create_dir_all(inner.join("checkpoints")).unwrap();
        fs::copy(run.join(CONFIG), inner.join(CONFIG)).unwrap();
        assert!(remove(&run).unwrap_err().to_string().contains("contains another run"));
        remove(&inner).unwrap();
        #[cfg(unix)]
        {
            let link = parent.path().join("link");
            std::os::unix::fs::symlink(&run, &link).unwrap();
            assert!(remove(&link).unwrap_err().to_string().contains("symbolic link") && run.exists());
            fs::remove_file(link).unwrap();
        }
        remove(&run).unwrap();
        let left: Vec<_> = fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["kept"]);
    }
}
