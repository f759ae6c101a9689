//! Checks that a compressed file is complete and holds what its name promises. It is read once,
//! before it gets its final name, and is not unpacked to memory or disk. The gzip checksum at its
//! end is verified too.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;

/// Bytes of a CIFAR-10 record: label and picture.
const RECORD: u64 = 1 + 3 * 32 * 32;

type Unpacked = GzDecoder<BufReader<File>>;

fn open(path: &Path) -> Result<Unpacked, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    Ok(GzDecoder::new(BufReader::with_capacity(1 << 16, file)))
}

/// Describes an error of reading a compressed file.
fn damaged(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the compressed data end too early".into(),
        _ => format!("the compressed data are damaged: {error}"),
    }
}

/// Reads to the end of the compressed data, after which nothing may follow. Returns the number of
/// bytes read.
fn rest(mut unpacked: Unpacked, most: u64) -> Result<u64, String> {
    let count = io::copy(&mut unpacked.by_ref().take(most), &mut io::sink()).map_err(damaged)?;
    if unpacked.read(&mut [0]).map_err(damaged)? == 0 && !unpacked.into_inner().fill_buf().map_err(damaged)?.is_empty()
    {
        return Err("there is something after the compressed data".into());
    }
    Ok(count)
}

/// Checks a `.gz` of an IDX file of bytes with exactly these dimensions.
///
/// # Errors
/// Describes what is wrong with it.
pub(super) fn idx(path: &Path, dimensions: &[u32]) -> Result<(), String> {
    let mut unpacked = open(path)?;
    let mut header = vec![0, 0, 8, dimensions.len() as u8];
    header.extend(dimensions.iter().flat_map(|length| length.to_be_bytes()));
    let mut found = vec![0; header.len()];
    unpacked.read_exact(&mut found).map_err(damaged)?;
    if found != header {
        let sizes = |bytes: &[u8]| {
            bytes[4..].chunks(4).map(|size| size.iter().fold(0, |n, b| n << 8 | u32::from(*b))).collect::<Vec<_>>()
        };
        return Err(match found[..4] == header[..4] {
            true => format!("its header claims the dimensions {:?}; expected {dimensions:?}", sizes(&found)),
            false => format!("it is not an IDX file of bytes with {} dimensions", dimensions.len()),
        });
    }
    let wanted: u64 = dimensions.iter().map(|length| u64::from(*length)).product();
    match rest(unpacked, wanted + 1)? {
        found if found == wanted => Ok(()),
        found if found > wanted => Err(format!("it contains more than the {wanted} bytes that its header claims")),
        found => Err(format!("it contains {found} of the {wanted} bytes that its header claims")),
    }
}

/// Checks a `.tar.gz` with CIFAR-10's six record files, with `pictures` pictures each, and its list
/// of class names.
///
/// # Errors
/// Describes what is wrong with it.
pub(super) fn cifar(path: &Path, pictures: u64) -> Result<(), String> {
    let mut archive = tar::Archive::new(open(path)?);
    let mut found = Vec::new();
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().ok().and_then(|path| Some(path.file_name()?.to_str()?.to_owned())).unwrap_or_default();
        if name.ends_with(".bin") {
            if entry.size() != pictures * RECORD {
                let why = format!("`{name}` has {} bytes, not {pictures} records of {RECORD}", entry.size());
                return Err(why);
            }
            let mut record = vec![0; RECORD as usize];
            for number in 0..pictures {
                entry.read_exact(&mut record).map_err(damaged)?;
                if record[0] > 9 {
                    return Err(format!(
                        "record {number} of `{name}` has the label {}; labels are below 10",
                        record[0]
                    ));
                }
            }
        }
        found.push(name);
    }
    let wanted = (1..=5).map(|number| format!("data_batch_{number}.bin"));
    for wanted in wanted.chain(["test_batch.bin".to_owned(), "batches.meta.txt".to_owned()]) {
        if !found.contains(&wanted) {
            return Err(format!("it does not contain `{wanted}`"));
        }
    }
    // The tar archive ends before the compressed data does.
    rest(archive.into_inner(), u64::MAX).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    fn flaw(bytes: &[u8], check: impl Fn(&Path) -> Result<(), String>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.gz");
        std::fs::write(&path, bytes).unwrap();
        check(&path).err().unwrap_or_default()
    }

    fn flipped(bytes: &[u8], from_the_end: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let at = bytes.len() - from_the_end;
        bytes[at] ^= 1;
        bytes
    }

    #[test]
    fn idx_files_are_what_they_should_be_to_the_last_byte() {
        let plain: Vec<u8> =
            [0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 1, 0].into_iter().chain((0..768).map(|at| at as u8)).collect();
        let good = packed(&plain);
        let check = |path: &Path| idx(path, &[3, 256]);
        assert_eq!(flaw(&good, check), "");
        for (bytes, word) in [
            (good[..good.len() - 3].to_vec(), "too early"),
            (good[..good.len() / 2].to_vec(), "too early"),
            (flipped(&good, 6), "damaged"),
            ([&good[..], b"more"].concat(), "after the compressed data"),
            (packed(&plain[..700]), "688 of the 768"),
            (packed(&[&plain[..], b"x"].concat()), "more than the 768"),
            (packed(&[&[0, 0, 8, 2, 0, 0, 0, 2], &plain[8..]].concat()), "[2, 256]"),
            (packed(&[&[0, 0, 13], &plain[3..]].concat()), "not an IDX file"),
            (plain.clone(), "damaged"),
            (vec![0; 960_000], "damaged"),
            (Vec::new(), "too early"),
        ] {
            let why = flaw(&bytes, check);
            assert!(why.contains(word), "{word}: {why:?}");
        }
    }

    #[test]
    fn the_archive_of_cifar_holds_six_files_of_whole_records() {
        const NAMES: [&str; 7] = [
            "batches.meta.txt",
            "data_batch_1.bin",
            "data_batch_2.bin",
            "data_batch_3.bin",
            "data_batch_4.bin",
            "data_batch_5.bin",
            "test_batch.bin",
        ];
        let archive = |names: &[&str], records: &[u8]| {
            let mut tar = tar::Builder::new(Vec::new());
            for name in names {
                let bytes = if name.ends_with(".txt") { &b"airplane\n"[..] } else { records };
                let mut header = tar::Header::new_gnu();
                header.set_size(bytes.len() as u64);
                header.set_mode(0o644);
                tar.append_data(&mut header, format!("cifar-10-batches-bin/{name}"), bytes).unwrap();
            }
            packed(&tar.into_inner().unwrap())
        };
        let check = |path: &Path| cifar(path, 2);
        let records: Vec<u8> = (0..2 * RECORD).map(|at| if at % RECORD == 0 { 9 } else { at as u8 }).collect();
        let good = archive(&NAMES, &records);
        assert_eq!(flaw(&good, check), "");
        let mut eleventh = records.clone();
        eleventh[RECORD as usize] = 10;
        for (bytes, word) in [
            (archive(&NAMES[1..], &records), "batches.meta.txt"),
            (archive(&NAMES[..6], &records), "test_batch.bin"),
            (archive(&NAMES, &records[1..]), "not 2 records"),
            (archive(&NAMES, &eleventh), "record 1 of `data_batch_1.bin` has the label 10"),
            (good[..good.len() - 3].to_vec(), "too early"),
            (flipped(&good, 6), "damaged"),
            (packed(b"no archive"), "damaged"),
        ] {
            let why = flaw(&bytes, check);
            assert!(why.contains(word), "{word}: {why:?}");
        }
    }
}
