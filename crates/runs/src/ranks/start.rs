//! What all ranks must have in common before they train.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};

use datasets::{Advice, advice};
use sha2::{Digest, Sha256};

use super::Ranks;
use crate::config::{Assignment, read_file};
use crate::failure::{Code, Failure};
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
}
