use std::fs;

use super::*;
use crate::storage::RealDisk;
use crate::storage::failing::{FailingDisk, Fault};
use tensor::Tensor;

fn small(step: u64) -> Checkpoint {
    let mut state = State::default();
    state.tensors.insert("generator.weight".into(), Tensor::new(&[2, 3], vec![0.5, -1.0, 2.0, 0.0, -0.0, step as f32]));
    state.tensors.insert("scale".into(), Tensor::new(&[], vec![1.5]));
    state.tensors.insert("none".into(), Tensor::new(&[0, 4], vec![]));
    state.counters.insert("generator.optimizer.updates".into(), step);
    Checkpoint {
        system: "quickdraw".into(),
        step,
        seed: u64::MAX,
        config: "system = \"quickdraw\"\n\\ checksum\\\":\\\" ü".into(),
        data: "abc".into(),
        layouts: r#"{"generator.weight": "(in, out)"}"#.into(),
        state,
    }
}

fn decode(bytes: &[u8]) -> Result<Checkpoint, Flaw> {
    format::decode(&mut &*bytes, bytes.len() as u64)
}

#[test]
fn what_is_written_is_read() {
    let bytes = encode(&small(7)).unwrap();
    assert_eq!(decode(&bytes).unwrap(), small(7));
    assert_eq!(bytes, encode(&small(7)).unwrap(), "the same state gives the same bytes");
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = encode(&small(7)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("step-000007.safetensors");
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let flaw = Checkpoint::read(&path).unwrap_err();
        assert!(matches!(flaw, Flaw::Incomplete { .. }), "{length}: {flaw}");
        assert!(decode(&bytes[..length]).is_err());
    }
}

#[test]
fn every_changed_byte_is_an_error() {
    let good = encode(&small(7)).unwrap();
    for at in 0..good.len() {
        for change in [0x01, 0x20, 0x29, 0x80, 0xFF] {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            assert!(decode(&bytes).is_err(), "byte {at} xor {change:#x} was not noticed");
        }
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert!(decode(&longer).is_err());
}

#[test]
fn a_claim_is_held_against_the_length_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    for claim in [u64::MAX, 1 << 63, 100_000_001, 99_000_000, format::LONGEST_HEADER] {
        fs::write(&path, [&claim.to_le_bytes()[..], b"{}"].concat()).unwrap();
        assert!(matches!(Checkpoint::read(&path), Err(Flaw::Container(_) | Flaw::Incomplete { .. })));
    }
}

/// Regression: a header of 90 MB was once parsed, into 1.4 GB, before its length was checked.
#[test]
fn long_headers_and_files_that_are_not_as_long_as_they_say_are_refused_unread() {
    let long = format!(r#"{{"__metadata__":{{"a":"{}"}}}}"#, "x".repeat(format::LONGEST_HEADER as usize));
    let claim = (long.len() as u64).to_le_bytes();
    let flaw = format::decode(&mut &claim[..], 8 + long.len() as u64).unwrap_err();
    assert!(matches!(&flaw, Flaw::Container(why) if why.contains("at most 4194304")), "{flaw}");
    // A tensor of a terabyte in a file with 8 more bytes: none of it is read.
    let header = r#"{"a":{"dtype":"F32","shape":[274877906944],"data_offsets":[0,1099511627776]}}"#;
    let flaw = decode(&container(header, 8)).unwrap_err();
    assert!(matches!(flaw, Flaw::Incomplete { .. }), "{flaw}");
    // The same in a (sparse) file that is as long as it claims.
    let honest = 8 + header.len() as u64 + (1 << 40);
    let flaw = format::decode(&mut &*container(header, 8), honest).unwrap_err();
    assert!(matches!(flaw, Flaw::TooLarge { .. }) || cfg!(not(target_os = "linux")), "{flaw}");
}

#[test]
fn a_step_that_no_run_reaches_is_refused() {
    let flaw = crafted(|checkpoint| checkpoint.step = 1 << 32).unwrap_err();
    assert!(matches!(&flaw, Flaw::Metadata(why) if why.contains("4294967296")), "{flaw}");
}

#[test]
fn counters_that_cannot_be_are_refused_and_named() {
    let mut fake = crate::fake::Fake::new(1);
    let mut state = fake.state();
    state.counters.insert("updates".into(), u64::MAX);
    let checkpoint = Checkpoint { system: "fake".into(), state, ..small(7) };
    let failure = checkpoint.restore(&mut fake, Path::new("x")).unwrap_err();
    assert_eq!(failure.code, Code::Checkpoint);
    let text = failure.to_string();
    assert!(
        text.contains("a counter of the checkpoint is out of range") && text.contains("`updates`: at most"),
        "{text}"
    );
}

#[test]
fn a_folder_of_checkpoints_that_cannot_be_listed_is_not_an_empty_one() {
    let run = tempfile::tempdir().unwrap();
    assert!(in_folder(run.path()).unwrap().is_empty());
    fs::write(run.path().join("checkpoints"), "a file").unwrap();
    let failure = newest_good(run.path()).unwrap_err();
    assert_eq!(failure.code, Code::Storage);
    assert!(failure.to_string().contains("checkpoints"), "{failure}");
}

/// A file that this program wrote, with changed metadata or tensors, and a correct checksum or
/// none.
fn crafted(change: impl Fn(&mut Checkpoint)) -> Result<Checkpoint, Flaw> {
    let mut checkpoint = small(7);
    change(&mut checkpoint);
    decode(&encode(&checkpoint).unwrap())
}

#[test]
fn numbers_that_are_not_finite_are_named_and_counted() {
    let flaw = crafted(|checkpoint| {
        let bad = Tensor::new(&[3], vec![f32::NAN, 1.0, f32::INFINITY]);
        checkpoint.state.tensors.insert("bad".into(), bad);
    });
    assert_eq!(flaw, Err(Flaw::NonFinite { name: "bad".into(), count: 2 }));
}

/// Replaces part of the header by text of the same length.
fn patched(from: &str, to: &str) -> Flaw {
    assert_eq!(from.len(), to.len());
    let mut bytes = encode(&small(7)).unwrap();
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    decode(&bytes).unwrap_err()
}

#[test]
fn newer_versions_and_foreign_files_are_distinguished() {
    assert_eq!(patched(r#"version\":2"#, r#"version\":9"#), Flaw::Newer { found: 9, known: 2 });
    assert_eq!(patched(r#""backdraw""#, r#""backdrop""#), Flaw::Foreign);
    assert!(matches!(patched(r#"version\":2"#, r#"version\":x"#), Flaw::Metadata(_)));
    assert!(matches!(patched(r#"system"#, r#"sistem"#), Flaw::Metadata(_)));
    assert!(matches!(patched("[2,3]", "[3,2]"), Flaw::Checksum { .. }));
    assert!(matches!(patched("[2,3]", "[9,9]"), Flaw::Container(_)));
    assert!(matches!(decode(b"<!DOCTYPE html><html>"), Err(Flaw::Container(_))));
}

/// A file from the text of a header and some bytes of data.
fn container(header: &str, bytes: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; bytes]].concat()
}

#[test]
fn headers_that_lie_are_refused() {
    for header in [
        "",
        "{",
        "[]",
        "null",
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#,
        r#"{"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
        r#"{"__metadata__":{"backdraw":"{}"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
        r#"{"__metadata__":{"backdraw":"{\"version\":1}"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
        r#"{"__metadata__":{"backdraw":"{\"version\":-1}"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
    ] {
        assert!(decode(&container(header, 8)).is_err(), "{header}");
    }
    let deep = "[".repeat(100_000);
    assert!(decode(&container(&deep, 8)).is_err());
    assert!(decode(&container("\u{0}\u{ff}", 0)).is_err());
}

#[test]
fn pickles_are_refused_by_name_and_by_content() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("a.pt", &b"anything"[..]),
        ("a.PKL", b""),
        ("a.safetensors", b"\x80\x04\x95abcdefgh"),
        ("b", b"PK\x03\x04zip...."),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        assert_eq!(Checkpoint::read(&path), Err(Flaw::Pickle), "{name}");
    }
    assert_eq!(Checkpoint::read(folder.path()), Err(Flaw::NotAFile("a folder")));
    assert!(matches!(Checkpoint::read(&folder.path().join("missing.pt")), Err(Flaw::Unreadable(_))));
}

#[test]
fn a_length_of_the_header_that_begins_like_a_pickle_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file_name(7));
    let mut found = 0;
    for padding in 0..1000 {
        let checkpoint = Checkpoint { config: "x".repeat(padding), ..small(7) };
        checkpoint.write(&RealDisk, &path).unwrap();
        if matches!(fs::read(&path).unwrap()[..], [0x80, 2..=5, ..]) {
            assert_eq!(Checkpoint::read(&path), Ok(checkpoint));
            found += 1;
        }
    }
    assert!(found > 0, "no header has such a length");
}

fn run_with(steps: &[u64]) -> tempfile::TempDir {
    let run = tempfile::tempdir().unwrap();
    fs::create_dir(run.path().join("checkpoints")).unwrap();
    for &step in steps {
        small(step).write(&RealDisk, &run.path().join("checkpoints").join(file_name(step))).unwrap();
    }
    run
}

#[test]
fn a_damaged_newest_falls_back_to_the_last_good_one() {
    let run = run_with(&[500, 1000, 1_000_000]);
    fs::write(run.path().join("checkpoints/notes.txt"), "x").unwrap();
    let newest = run.path().join("checkpoints").join(file_name(1_000_000));
    assert_eq!(newest_good(run.path()).unwrap().checkpoint.step, 1_000_000);
    let bytes = fs::read(&newest).unwrap();
    fs::write(&newest, &bytes[..bytes.len() - 3]).unwrap();
    let found = newest_good(run.path()).unwrap();
    assert_eq!((found.checkpoint.step, found.damaged.len()), (1000, 1));
    for (_, path) in in_folder(run.path()).unwrap() {
        fs::write(path, "rot").unwrap();
    }
    let failure = newest_good(run.path()).unwrap_err();
    assert_eq!(failure.code, Code::Checkpoint);
    assert!(failure.to_string().contains("step-000500.safetensors"), "{failure}");
}

#[test]
fn a_run_without_checkpoints_tells_what_is_there() {
    let run = tempfile::tempdir().unwrap();
    fs::write(run.path().join("log.txt"), "").unwrap();
    let text = newest_good(run.path()).unwrap_err().to_string();
    assert!(text.contains("without checkpoints") && text.contains("log.txt"), "{text}");
}

/// For every disk operation that can fail: after the failure, the older checkpoint still exists and
/// loads.
#[test]
fn no_failure_of_the_disk_loses_the_older_checkpoint() {
    for fault in [Fault::NoSpace, Fault::Permission, Fault::ShortWrite, Fault::Partial] {
        for nth in 0.. {
            let run = run_with(&[500]);
            let path = run.path().join("checkpoints").join(file_name(1000));
            let disk = FailingDisk::new(nth, fault);
            let saved = small(1000).write(&disk, &path).and_then(|()| delete_older(&disk, run.path(), &[500, 1000]));
            let old = Checkpoint::read(&run.path().join("checkpoints").join(file_name(500)));
            assert_eq!(old, Ok(small(500)), "{fault:?} at {nth}");
            let found = newest_good(run.path()).unwrap();
            assert!(found.damaged.is_empty(), "a half-written file took a checkpoint's name");
            match saved {
                Ok(()) => assert_eq!(found.checkpoint.step, 1000),
                Err(error) => {
                    let failure = Failure::from(error);
                    assert_eq!(failure.code, Code::Storage);
                    assert!(failure.to_string().contains("step-001000.safetensors"), "{failure}");
                    assert!(failure.why.is_some());
                }
            }
            if !disk.fired.get() {
                break;
            }
        }
    }
}

#[test]
fn older_ones_are_deleted_and_strangers_are_left_alone() {
    let run = run_with(&[1, 2, 3]);
    fs::write(run.path().join("checkpoints/mine.safetensors"), "x").unwrap();
    delete_older(&RealDisk, run.path(), &[2, 3]).unwrap();
    let steps: Vec<u64> = in_folder(run.path()).unwrap().iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [3, 2]);
    assert!(run.path().join("checkpoints/mine.safetensors").exists());
}

#[test]
fn misfits_show_five_tensors_with_both_shapes() {
    let error = StateError {
        missing: vec!["m1".into(), "m2".into(), "m3".into()],
        unexpected: vec!["u1".into(), "u2".into()],
        reshaped: vec![("d.conv1.weight".into(), vec![5, 5, 1, 64], vec![5, 5, 1, 32])],
        ..StateError::default()
    };
    let text = misfits(&error);
    assert!(text.starts_with("`d.conv1.weight`: expected [5x5x1x64], found [5x5x1x32]\n"), "{text}");
    assert!(text.ends_with("`u1`: not expected\nand 1 more"), "{text}");
}

#[test]
fn a_state_of_another_system_or_architecture_is_refused() {
    let mut fake = crate::fake::Fake::new(1);
    let path = Path::new("runs/0001/checkpoints/step-000007.safetensors");
    let text = small(7).restore(&mut fake, path).unwrap_err().to_string();
    assert!(text.contains("of `quickdraw`, expected `fake`") && text.contains("step-000007"), "{text}");

    let mut other = Checkpoint { system: "fake".into(), ..small(7) };
    other.state.tensors.insert("weight".into(), Tensor::new(&[3, 2], vec![0.0; 6]));
    let before = fake.state();
    let failure = other.restore(&mut fake, path).unwrap_err();
    assert_eq!(failure.code, Code::Checkpoint);
    let text = failure.to_string();
    assert!(text.contains("`weight`: expected [2x2], found [3x2]"), "{text}");
    assert!(text.contains("`generator.weight`: not expected"), "{text}");
    assert_eq!(fake.state(), before);
}

#[test]
fn the_hash_sees_every_bit() {
    let hash = weights_hash(&small(7).state);
    assert_eq!(hash.len(), 64);
    let mut other = small(7).state;
    other.tensors.insert("generator.weight".into(), Tensor::new(&[2, 3], vec![0.5, -1.0, 2.0, -0.0, -0.0, 7.0]));
    assert_ne!(weights_hash(&other), hash, "the sign of a zero is a bit too");
    let mut other = small(7).state;
    other.counters.clear();
    assert_ne!(weights_hash(&other), hash);
}
