//! Archives made here, and what is wrong with some of them.

use super::*;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;

/// An archive with these files, all of them deflated or all stored.
pub(crate) fn zipped(files: &[(&str, &[u8])], deflated: bool) -> Vec<u8> {
    let (mut all, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = Crc::new();
        crc.update(content);
        let packed = if deflated {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        } else {
            content.to_vec()
        };
        let start = all.len() as u32;
        let method = if deflated { 8_u16 } else { 0 };
        let mut middle = [&method.to_le_bytes()[..], &[0; 4], &crc.sum().to_le_bytes()].concat();
        middle.extend((packed.len() as u32).to_le_bytes());
        middle.extend((content.len() as u32).to_le_bytes());
        middle.extend((name.len() as u16).to_le_bytes());
        all.extend([b"PK\x03\x04\x14\0\0\0", &middle[..], &[0, 0], name.as_bytes(), &packed].concat());
        directory.extend([b"PK\x01\x02\x14\0\x14\0\0\0", &middle[..], &[0; 12]].concat());
        directory.extend([&start.to_le_bytes(), name.as_bytes()].concat());
    }
    let count = (files.len() as u16).to_le_bytes();
    let [size, offset] = [directory.len(), all.len()].map(|length| (length as u32).to_le_bytes());
    all.extend(directory);
    all.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size, &offset, &[0, 0]].concat());
    all
}

fn opened(bytes: &[u8]) -> Result<ZipArchive, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    std::fs::write(&path, bytes).unwrap();
    ZipArchive::open(&path)
}

fn content(archive: &ZipArchive, name: &str) -> Result<Vec<u8>, String> {
    let entry = archive.entries().iter().find(|entry| entry.name == name).unwrap();
    let mut bytes = Vec::new();
    let read = archive.read(entry).and_then(|mut reader| reader.read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| error.to_string())
}

#[test]
fn stored_and_deflated_files_are_read() {
    let long: Vec<u8> = (0..100_000_u32).map(|at| ((at * at) >> 7) as u8).collect();
    for deflated in [false, true] {
        let archive = opened(&zipped(&[("a/b.txt", b"hello"), ("c\\d", &long), ("folder/", b"")], deflated)).unwrap();
        let names: Vec<&str> = archive.entries().iter().map(|entry| &*entry.name).collect();
        assert_eq!(names, ["a/b.txt", "c/d"]);
        assert_eq!(content(&archive, "a/b.txt").unwrap(), b"hello");
        assert_eq!(content(&archive, "c/d").unwrap(), long);
        assert_eq!(archive.stored_at(&archive.entries()[0]).unwrap().is_some(), !deflated);
        assert_eq!(archive.entries()[0].within("a"), Some("b.txt"));
        assert_eq!(archive.entries()[0].within("b"), None);
    }
    assert!(opened(&zipped(&[], false)).unwrap().entries().is_empty());
}

#[test]
fn a_comment_that_looks_like_an_end_is_none() {
    let mut bytes = zipped(&[("a", b"x")], true);
    let comment = b"PK\x05\x06 and more than twenty-two bytes";
    let length = bytes.len();
    bytes[length - 2..].copy_from_slice(&(comment.len() as u16).to_le_bytes());
    bytes.extend(comment);
    assert_eq!(content(&opened(&bytes).unwrap(), "a").unwrap(), b"x");
}

/// The same archive with the sizes in the records for large archives, as `numpy.savez` writes them.
#[test]
fn the_records_of_large_archives_are_read() {
    let small = zipped(&[("a", b"hello")], false);
    let end = small.len() - END;
    let directory = u32_at(&small, end + 16) as usize;
    let mut entry = small[directory..end].to_vec();
    for at in [20, 24, 42] {
        entry[at..at + 4].fill(0xFF);
    }
    entry[30] = 28;
    entry.extend([1, 0, 24, 0]);
    entry.extend([5_u64, 5, 0].iter().flat_map(|number| number.to_le_bytes()));
    let mut large = [&small[..directory], &entry].concat();
    let record = large.len() as u64;
    large.extend([&b"PK\x06\x06"[..], &44_u64.to_le_bytes(), &[0; 12]].concat());
    large.extend([1, 1, entry.len() as u64, directory as u64].iter().flat_map(|number: &u64| number.to_le_bytes()));
    large.extend([&b"PK\x06\x07\0\0\0\0"[..], &record.to_le_bytes(), &[1, 0, 0, 0]].concat());
    large.extend([&b"PK\x05\x06\0\0\0\0"[..], &[0xFF; 12], &[0, 0]].concat());
    assert_eq!(content(&opened(&large).unwrap(), "a").unwrap(), b"hello");
}

#[test]
fn names_that_lead_out_are_refused() {
    for name in ["../a", "a/../../b", "/etc/passwd", "C:\\a", "a\\..\\b", "a\0b"] {
        let error = opened(&zipped(&[("fine", b"x"), (name, b"x")], false)).unwrap_err();
        assert!(error.what() == HARMFUL && error.why().contains("leads out"), "{name}: {error}");
    }
    assert!(opened(&zipped(&[("a..b/...c", b"x")], false)).is_ok());
}

#[test]
fn files_that_overlap_or_claim_too_much_are_refused() {
    let bytes = zipped(&[("a", b"xxxxxxxx"), ("b", b"yyyyyyyy")], false);
    let second = bytes.len() - END - CENTRAL - 1;
    let mut overlapping = bytes.clone();
    overlapping[second + 42..second + 46].fill(0);
    assert!(opened(&overlapping).unwrap_err().why().contains("overlap"));
    let mut claiming = zipped(&[("a", &[0; 4000])], true);
    let entry = claiming.len() - END - CENTRAL - 1;
    claiming[entry + 24..entry + 28].copy_from_slice(&0x7000_0000_u32.to_le_bytes());
    assert!(opened(&claiming).unwrap_err().why().contains("impossible"));
    // A claim that is possible is kept to.
    let mut longer = zipped(&[("a", &[0; 4000])], true);
    longer[entry + 24..entry + 28].copy_from_slice(&3999_u32.to_le_bytes());
    assert!(content(&opened(&longer).unwrap(), "a").unwrap_err().contains("longer"));
    longer[entry + 24..entry + 28].copy_from_slice(&4001_u32.to_le_bytes());
    assert!(content(&opened(&longer).unwrap(), "a").unwrap_err().contains("shorter"));
}

#[test]
fn damage_never_goes_unnoticed_and_never_panics() {
    let bytes = zipped(&[("a", b"some text that is long enough"), ("b/c", b"other text")], true);
    for cut in 0..bytes.len() {
        assert!(opened(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let good = opened(&bytes).unwrap();
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xFF] {
            let mut bad = bytes.clone();
            bad[at] ^= flip;
            let Ok(archive) = opened(&bad) else { continue };
            for entry in archive.entries() {
                let mut read = Vec::new();
                let done = archive.read(entry).and_then(|mut reader| reader.read_to_end(&mut read));
                // The CRC covers the content; names and times are covered by nothing.
                let known = ["a", "b/c"].iter().any(|name| content(&good, name).unwrap() == read);
                assert!(done.is_err() || known, "byte {at} ^ {flip}");
            }
        }
    }
}

#[test]
fn other_compressions_and_encryption_are_named() {
    let mut bytes = zipped(&[("a", b"x")], false);
    let entry = bytes.len() - END - CENTRAL - 1;
    bytes[entry + 10] = 93;
    assert!(content(&opened(&bytes).unwrap(), "a").unwrap_err().contains("Zstandard"));
    bytes[entry + 8] = 1;
    assert!(content(&opened(&bytes).unwrap(), "a").unwrap_err().contains("encrypted"));
}

#[test]
fn paths_lead_into_archives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    std::fs::write(&path, zipped(&[("b/c", b"x")], true)).unwrap();
    assert_eq!(split(&path.join("b/c")), Some((path.clone(), "b/c".into())));
    assert_eq!(split(&path), Some((path.clone(), String::new())));
    assert_eq!(split(&folder.path().join("b/c")), None);
    std::fs::write(&path, "damaged").unwrap();
    assert_eq!(split(&path), Some((path.clone(), String::new())), "by its name");
    std::fs::write(&path, "<html>").unwrap();
    assert_eq!(split(&path.join("b")), None);
}
