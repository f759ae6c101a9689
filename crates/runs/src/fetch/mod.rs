//! [`fetch`] downloads a data set, checks it, and puts it where training looks for it.

mod check;
mod claim;
mod client;
mod download;
mod partial;
mod sets;
mod unpack;

use std::fs;
use std::path::{Path, PathBuf};

use crate::console::Output;
use crate::failure::{Code, Failure};
use crate::signals;
use crate::storage;
use crate::suggestion::suggestion;
use claim::Claim;
use datasets::advice;
use download::{Wanted, download};
use serde_json::{Value, json};
use sets::{Inside, SETS, Set};

/// The default class of doodles.
const APPLE: &str = "apple";

/// A file to download.
struct Target {
    url: String,
    path: PathBuf,
    length: Option<u64>,
    sha256: Option<&'static str>,
    /// The expected content of a file in a fixed set; files of doodles are checked by their set.
    inside: Option<Inside>,
}

/// Which data set to download.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// Its name; [`list`] shows all of them.
    pub set: String,
    /// The classes of doodles to download; `apple` if empty.
    pub classes: Vec<String>,
    /// The folder of data sets; each gets a folder of its own in it.
    pub out: PathBuf,
    /// A base address for the files, instead of the publisher's.
    pub from: Option<String>,
    /// Where messages go.
    pub output: Output,
}

impl FetchRequest {
    /// A request for the data set `set`, into the folder `data`.
    pub fn of(set: impl Into<String>) -> Self {
        let (classes, out, output) = (Vec::new(), PathBuf::from("data"), Output::default());
        Self { set: set.into(), classes, out, from: None, output }
    }

    /// The files that would be downloaded and their destinations, and how to download them by hand.
    ///
    /// # Errors
    /// When there is no such set or class.
    pub fn plan(&self) -> Result<String, Failure> {
        Ok(by_hand(&targets(named(&self.set)?, self)?))
    }

    /// The [plan](Self::plan) as JSON: for each file its address, its destination, and its length
    /// in bytes and SHA-256 where they are known.
    ///
    /// # Errors
    /// When there is no such set or class.
    pub fn plan_json(&self) -> Result<Value, Failure> {
        let file = |target: &Target| {
            let Target { url, path, length, sha256, .. } = target;
            json!({ "url": url, "path": path.to_string_lossy(), "bytes": length, "sha256": sha256 })
        };
        Ok(targets(named(&self.set)?, self)?.iter().map(file).collect())
    }
}

/// Downloads a data set, unless it exists already.
///
/// # Errors
/// When there is no such set, or a download fails; the error explains how to get the files by hand.
pub fn fetch(request: &FetchRequest) -> Result<(), Failure> {
    let set = named(&request.set)?;
    let targets = targets(set, request)?;
    let folder = request.out.join(set.folder);
    storage::make_folder(&folder)?;
    let output = &request.output;
    if !set.files.is_empty() && (set.check)(&folder).is_ok() && targets.iter().all(|target| is_here(set, target)) {
        output.say(&format!("{} is complete in {}", set.name, folder.display()));
        return Ok(());
    }
    signals::listen();
    let agent = client::agent();
    for target in &targets {
        fetch_one(&agent, output, set, target, &folder).map_err(|failure| with_hand(failure, &targets))?;
    }
    if !set.files.is_empty() {
        (set.check)(&folder).map_err(|error| unusable(&folder, &error))?;
    }
    output.say(&format!("done         {}", folder.display()));
    Ok(())
}

/// The set with this name.
fn named(name: &str) -> Result<&'static Set, Failure> {
    SETS.iter().find(|set| set.name == name).ok_or_else(|| {
        let names: Vec<&str> = SETS.iter().map(|set| set.name).collect();
        Failure::new(Code::Usage, format!("there is no data set `{name}` to fetch")).help(advice!(
            "no-such-set",
            "{}",
            suggestion(name, &names)
        ))
    })
}

/// The files of a set, or of its requested classes.
fn targets(set: &Set, request: &FetchRequest) -> Result<Vec<Target>, Failure> {
    let folder = request.out.join(set.folder);
    let address = request.from.as_deref().unwrap_or(set.address).trim_end_matches('/');
    if !set.files.is_empty() {
        if !request.classes.is_empty() {
            return Err(Failure::new(Code::Usage, format!("--class cannot be used with `{}`", set.name))
                .because("all its classes come in one download")
                .help(advice!("set-of-all-classes", "leave out `--class`")));
        }
        let target = |file: &sets::Known| Target {
            url: format!("{address}/{}", file.name),
            path: folder.join(file.name),
            length: file.length,
            sha256: file.sha256,
            inside: Some(file.inside),
        };
        return Ok(set.files.iter().map(target).collect());
    }
    let classes = if request.classes.is_empty() { vec![APPLE.to_owned()] } else { request.classes.clone() };
    classes
        .into_iter()
        .map(|class| {
            let simple = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, ' ' | '-' | '_');
            if class.is_empty() || !class.chars().all(simple) {
                return Err(Failure::new(Code::Usage, format!("{class:?} is not a class of doodles")).help(advice!(
                    "class-of-doodles",
                    "classes are simple words, such as `--class apple` or `--class \"ice cream\"`"
                )));
            }
            Ok(Target {
                url: format!("{address}/{}.npy", class.replace(' ', "%20")),
                path: folder.join(format!("{class}.npy")),
                length: None,
                sha256: None,
                inside: None,
            })
        })
        .collect()
}

fn is_archive(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".tar.gz")
}

/// Whether a file exists and is the expected one. An archive is deleted after unpacking.
fn is_here(set: &Set, target: &Target) -> bool {
    let known = |sha256: &str| download::sha256(&target.path).is_ok_and(|found| found == sha256);
    is_archive(&target.path)
        || target.path.is_file() && target.sha256.map_or_else(|| looks_right(set, target, &target.path).is_ok(), known)
}

/// Checks the content of the file at `path`, which is the target's file or will become it.
fn looks_right(set: &Set, target: &Target, path: &Path) -> Result<(), Failure> {
    match target.inside {
        None => (set.check)(path).map_err(|error| unusable(&target.path, &error)),
        Some(inside) => inside.check(path).map_err(|why| {
            Failure::new(Code::Network, "the downloaded file is not the data set")
                .at(target.path.display())
                .because(why)
        }),
    }
}

/// Downloads one file, if it is missing; an archive is unpacked into `folder`.
fn fetch_one(agent: &ureq::Agent, output: &Output, set: &Set, target: &Target, folder: &Path) -> Result<(), Failure> {
    let is_there = || {
        let there = if is_archive(&target.path) { (set.check)(folder).is_ok() } else { is_here(set, target) };
        if there {
            output.say(&format!("exists       {}", target.path.display()));
        }
        there
    };
    if is_there() {
        return Ok(());
    }
    // Another process may have just downloaded it.
    let _claim = Claim::take(&target.path, &|line| output.say(line))?;
    if is_there() {
        return Ok(());
    }
    let Target { url, path, length, sha256, .. } = target;
    output.say(&format!("downloading  {url}"));
    let bar = output.bar(0, "[{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left");
    let mut progress = |received: u64, total: Option<u64>| {
        if let Some(bar) = &bar {
            bar.set_length(total.unwrap_or(received));
            bar.set_position(received);
        }
    };
    let wanted = Wanted { url, path, length: *length, sha256: *sha256 };
    let result = download(agent, &wanted, &mut progress, &|part| looks_right(set, target, part));
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    result?;
    let known = if sha256.is_some() {
        "SHA-256 as expected"
    } else {
        "its hash is not known in advance; its content was checked"
    };
    output.say(&format!("written      {} ({known})", path.display()));
    if is_archive(path) {
        output.say(&format!("unpacking    {}", path.display()));
        unpack::unpack(path, folder, output)?;
        // It is no longer needed, and does no harm if it stays.
        let _ = fs::remove_file(path);
    }
    Ok(())
}

/// The failure for downloaded files that cannot be used.
fn unusable(path: &Path, error: &datasets::DataError) -> Failure {
    let place = error.path().unwrap_or(path);
    Failure::new(Code::Network, format!("the downloaded file is not the data set: {}", error.what()))
        .at(if place.to_string_lossy().ends_with(".part") { path } else { place }.display())
        .because(error.why())
        .help(advice!("not-the-set", "remove the file and try again, perhaps later"))
}

/// Adds how to get the files by hand.
fn with_hand(failure: Failure, targets: &[Target]) -> Failure {
    if failure.code != Code::Network {
        return failure;
    }
    let hand = by_hand(targets);
    failure.help(advice!("download-by-hand", "check the network, or download by hand:\n{}", hand.trim_end()))
}

/// Lists which file belongs where.
fn by_hand(targets: &[Target]) -> String {
    targets
        .iter()
        .map(|target| {
            let Target { url, path, sha256, .. } = target;
            let hash = sha256.map_or_else(String::new, |sha256| format!("\n  SHA-256 {sha256}"));
            let folder = path.parent().unwrap_or(Path::new("."));
            let unpack = if is_archive(path) {
                format!("\n  then unpack it: tar -xzf {} -C {}", path.display(), folder.display())
            } else {
                String::new()
            };
            format!("{url}\n  to {}{hash}{unpack}\n", path.display())
        })
        .collect()
}

/// A description of the data sets, two lines each.
pub fn list() -> String {
    let line = |set: &Set| {
        format!("{:<14} {}\n{:14} into data/{}, from {}\n", set.name, set.about, "", set.folder, set.address)
    };
    SETS.iter().map(line).collect()
}

/// The same as JSON.
pub fn list_json() -> Value {
    let set = |set: &Set| json!({ "name": set.name, "about": set.about, "folder": set.folder, "address": set.address });
    SETS.iter().map(set).collect()
}
