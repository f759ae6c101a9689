//! What all ranks must have in common before they train, and how many threads each of them takes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::num::NonZero;
use std::thread::available_parallelism;

use datasets::{Advice, advice};
use sha2::{Digest, Sha256};

use super::Ranks;
use crate::config::{Assignment, read_file};
use crate::failure::{Code, Failure};
use crate::processor;
use crate::training::TrainRequest;

/// Rejects ranks that run different programs.
///
/// # Errors
/// Names the first rank that differs from rank 0; the same error on all ranks.
pub(crate) fn same_program(ranks: &Ranks) -> Result<(), Failure> {
    if ranks.size() == 1 {
        return Ok(());
    }
    let version = format!("version {}, numerics {}", env!("CARGO_PKG_VERSION"), kernels::NUMERICS);
    let program = std::env::current_exe().and_then(|path| Ok((hash_of(&path)?, path)));
    let program = match &program {
        // The same file may have different names.
        Ok((hash, path)) => format!("{version}, SHA-256 {hash}\n{}", path.display()),
        // If the file cannot be read, only the versions are compared.
        Err(_) => version,
    };
    let Some((rank, both)) = different(&ranks.all(&program)?, ", file ") else { return Ok(()) };
    Err(Failure::new(Code::Config, "the ranks do not run the same program")
        .at(place(rank, ranks))
        .because(both)
        .help(advice!("same-program", "install the same file on all machines")))
}

/// The first rank whose text differs from that of rank 0 in its first line, and both texts. `then`
/// stands between their first lines and the rest, which may differ.
fn different(all: &[String], then: &str) -> Option<(usize, String)> {
    fn first_line(text: &str) -> Option<&str> {
        text.split('\n').next()
    }
    let rank = (0..all.len()).find(|rank| first_line(&all[*rank]) != first_line(&all[0]))?;
    let of = |rank: usize| format!("rank {rank}: {}", all[rank].replacen('\n', then, 1));
    Some((rank, format!("{}\n{}", of(0), of(rank))))
}

fn hash_of(path: &std::path::Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let (mut file, mut part) = (File::open(path)?, vec![0; 1 << 20]);
    loop {
        match file.read(&mut part)? {
            0 => break,
            count => hasher.update(&part[..count]),
        }
    }
    Ok(hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// Rejects ranks that were asked for different runs.
///
/// # Errors
/// Names the first rank that differs from rank 0, and the settings; the same error on all ranks.
/// When the configuration file cannot be read on a rank, or the environment is not valid there.
pub(crate) fn same_request(request: &TrainRequest) -> Result<(), Failure> {
    let ranks = &request.ranks;
    if ranks.size() == 1 {
        return Ok(());
    }
    let own = ranks.agree(wanted(request))?;
    let all = ranks.all(&serde_json::to_string(&own).unwrap_or_default())?;
    let all: Vec<BTreeMap<String, String>> =
        all.iter().map(|text| serde_json::from_str(text).unwrap_or_default()).collect();
    let Some(rank) = all.iter().position(|other| *other != all[0]) else { return Ok(()) };
    let (first, other) = (&all[0], &all[rank]);
    let mut keys: Vec<&String> = first.keys().chain(other.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let shown = |value: Option<&String>| value.map_or("(not set)", String::as_str).to_owned();
    let differences: Vec<String> = keys
        .into_iter()
        .filter(|key| first.get(*key) != other.get(*key))
        .map(|key| format!("{key}: {} on rank 0, {} on rank {rank}", shown(first.get(key)), shown(other.get(key))))
        .collect();
    Err(Failure::new(Code::Config, "the ranks were started with different settings")
        .at(place(rank, ranks))
        .because(differences.join("\n"))
        .help(advice!(
            "same-settings",
            "start all ranks with the same command line and environment, and give them the same files"
        )))
}

/// How many megabytes (2^20 bytes) of gradients the ranks exchange together.
const BUCKET: &str = "BACKDRAW_BUCKET_MB";

/// The size of a bucket of gradients in bytes, if the environment sets it.
///
/// # Errors
/// When it is not a positive number.
pub(super) fn bucket_bytes() -> Result<Option<usize>, Failure> {
    std::env::var_os(BUCKET).map(|text| bytes_of_bucket(&text)).transpose()
}

fn bytes_of_bucket(text: &OsStr) -> Result<usize, Failure> {
    let text = text.to_string_lossy();
    let megabytes = text.trim().parse::<f64>().ok().filter(|megabytes| *megabytes > 0.0);
    // The conversion saturates: `inf` is a bucket for all gradients.
    megabytes.map(|megabytes| (megabytes * f64::from(1 << 20)).ceil() as usize).ok_or_else(|| {
        Failure::new(Code::Config, "the size of the buckets of gradients is not a positive number of megabytes")
            .at(format!("the environment variable {BUCKET}"))
            .because(format!("it is \"{text}\""))
            .help(advice!("size-of-buckets", "set it to a number such as 4, or unset it"))
    })
}

/// What the request and the environment ask for, by key. The run folder concerns rank 0 only.
fn wanted(request: &TrainRequest) -> Result<BTreeMap<String, String>, Failure> {
    let mut given: Vec<Assignment> = match &request.config {
        Some(path) => read_file(path)?,
        None => Vec::new(),
    };
    given.extend(request.assignments.iter().cloned());
    let mut wanted: BTreeMap<String, String> = given.into_iter().map(|one| (one.key, one.value.to_string())).collect();
    wanted.insert("system".into(), request.system.name.into());
    wanted.extend(bucket_bytes()?.map(|bytes| (format!("{BUCKET} in bytes"), bytes.to_string())));
    for (key, path) in [("the run to resume", &request.resume), ("the run to start from", &request.from)] {
        wanted.extend(path.as_ref().map(|path| (key.to_owned(), path.display().to_string())));
    }
    Ok(wanted)
}

/// Rejects ranks that have different images; `fingerprint` is that of this rank's images.
///
/// # Errors
/// Names the first rank that differs from rank 0; the same error on all ranks.
pub(crate) fn same_data(ranks: &Ranks, fingerprint: &str, origin: &str) -> Result<(), Failure> {
    let all = ranks.all(&format!("{fingerprint}\n{origin}"))?;
    let Some((rank, both)) = different(&all, ", from ") else { return Ok(()) };
    Err(Failure::new(Code::Data, "the ranks do not have the same images")
        .at(place(rank, ranks))
        .because(format!("the fingerprints differ\n{both}"))
        .help(advice!("same-images", "copy the same files to all machines, or use a shared folder")))
}

fn place(rank: usize, ranks: &Ranks) -> String {
    format!("rank {rank} of {}", ranks.size())
}

/// What to do when the weights of two ranks differ.
pub(super) fn other_machine() -> Advice {
    advice!("faulty-machine", "resume from a checkpoint without that machine, and test its memory")
}

/// The number of threads of this rank: as many as `wanted`, or else its share of the processors
/// that the launcher lets it use. None if the environment sets the number, or there are no other
/// ranks.
///
/// # Errors
/// When the environment has no valid number, or a rank cannot be reached.
pub fn threads(wanted: Option<u16>, ranks: &Ranks) -> Result<Option<u16>, Failure> {
    let asked = if wanted.is_some() { Ok(wanted) } else { processor::threads_in_environment() };
    let asked = ranks.agree(asked)?;
    let Some(several) = &ranks.0 else { return Ok(wanted) };
    let processors = available_parallelism().map_or(1, NonZero::get);
    let own = allowed().unwrap_or_else(|| (0..processors).collect());
    let text = |processors: &[usize]| processors.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    let all = ranks.all(&format!("{}\t{}", several.host, text(&own)))?;
    let here: Vec<Vec<usize>> = all
        .iter()
        .filter_map(|rank| rank.split_once('\t').filter(|(host, _)| *host == several.host))
        .map(|(_, processors)| processors.split(',').filter_map(|one| one.parse().ok()).collect())
        .collect();
    // A quota of the operating system may allow less than all of these processors.
    let share = share(&own, &here) * processors as f64 / own.len().max(1) as f64;
    let threads = (share + 1e-9).floor().clamp(1.0, f64::from(processor::MOST_THREADS));
    Ok(if asked.is_some() { wanted } else { Some(threads as u16) })
}

/// This rank's share of its `own` processors, each of which is divided equally among the ranks that
/// may use it; `here` are the processors of all ranks on this machine.
fn share(own: &[usize], here: &[Vec<usize>]) -> f64 {
    let sharers = |processor: &usize| here.iter().filter(|others| others.contains(processor)).count().max(1);
    own.iter().map(|processor| 1.0 / sharers(processor) as f64).sum()
}

/// What Linux calls this start of the computer: all processes on it see the same random text, also
/// in containers. Empty on other systems.
pub(super) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// The processors on which the operating system lets this process run, if it tells.
fn allowed() -> Option<Vec<usize>> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    list.trim().split(',').map(range).collect::<Option<Vec<_>>>().map(|ranges| ranges.concat())
}

/// `3` or `0-7`.
fn range(text: &str) -> Option<Vec<usize>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?..=last.parse().ok()?).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rank_that_differs_in_its_first_line_is_named() {
        let all = |texts: [&str; 3]| texts.map(str::to_owned);
        assert_eq!(different(&all(["a\nx", "a\ny", "a\nx, z"]), ", from "), None);
        let both = "rank 0: a, from x\nrank 2: b, from x".to_owned();
        assert_eq!(different(&all(["a\nx", "a\ny", "b\nx"]), ", from "), Some((2, both)));
    }

    #[test]
    fn a_bucket_has_a_positive_number_of_megabytes() {
        let bytes = |text: &str| bytes_of_bucket(OsStr::new(text));
        let valid = ["1", " 0.5 ", "1e-9", "inf"].map(|text| bytes(text).unwrap());
        assert_eq!(valid, [1 << 20, 1 << 19, 1, usize::MAX]);
        for text in ["", "0", "-1", "NaN", "4 MB"] {
            let message = bytes(text).unwrap_err().to_string();
            assert!(message.contains(BUCKET) && message.contains(&format!("\"{text}\"")), "{message}");
        }
    }

    #[test]
    fn ranks_divide_the_processors_that_they_share() {
        let all = || (0..8).collect::<Vec<_>>();
        assert_eq!(share(&all(), &[all()]), 8.0);
        assert_eq!(share(&all(), &[all(), all(), all(), all()]), 2.0);
        // Each rank is bound to its own processors.
        assert_eq!(share(&[0, 1], &[vec![0, 1], vec![2, 3]]), 2.0);
        // Two ranks on one socket, one on the other.
        let [left, right] = [vec![0, 1, 2, 3], vec![4, 5, 6, 7]];
        let here = [left.clone(), left.clone(), right.clone()];
        assert_eq!([share(&left, &here), share(&right, &here)], [2.0, 4.0]);
        assert_eq!([range("3"), range("0-2"), range("x")], [Some(vec![3]), Some(vec![0, 1, 2]), None]);
        assert!(!cfg!(target_os = "linux") || boot_id().len() == 36);
        assert!(!cfg!(target_os = "linux") || allowed().is_some_and(|processors| !processors.is_empty()));
    }
}
