//! IDX files: valid ones, damaged ones, and ones with every byte changed.

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;

fn idx(dimensions: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dimensions.len() as u8];
    file.extend(dimensions.iter().flat_map(|length| length.to_be_bytes()));
    file.extend(bytes);
    file
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn twelve() -> Vec<u8> {
    idx(&[3, 2, 2], &(0..12).collect::<Vec<u8>>())
}

#[test]
fn folders_and_files_plain_and_packed_are_the_same_images() {
    let labels = idx(&[3], &[2, 0, 1]);
    for (images_name, labels_name) in [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let bytes = if name.ends_with(".gz") { packed(bytes) } else { bytes.to_vec() };
            fs::write(folder.path().join(name), bytes).unwrap();
        };
        write(images_name, &twelve());
        write(labels_name, &labels);
        for path in [folder.path().to_owned(), folder.path().join(images_name)] {
            let images = load_idx(&path, Split::Train).unwrap();
            assert_eq!((images.count(), images.size()), (3, [2, 2, 1]));
            assert_eq!(*images.image(2).unwrap(), [8, 9, 10, 11]);
            assert_eq!(images.labels(), Some(&[2, 0, 1][..]));
            assert_eq!(images.class_names(), ["0", "1", "2"]);
        }
        let error = load_idx(folder.path(), Split::Test).unwrap_err();
        assert_eq!(error.what(), "the images to test with are missing");
        for words in [format!("found {images_name}, {labels_name}"), "t10k-images".to_owned()] {
            assert!(error.why().contains(&words), "{error}");
        }
    }
}

#[test]
fn the_same_file_packed_is_not_taken_for_labels() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["digits", "digits.gz", "train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"] {
        let bytes = if name.ends_with(".gz") { packed(&twelve()) } else { twelve() };
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let load = |name: &str| load_idx(&folder.path().join(name), Split::Train).unwrap();
    for name in ["digits", "digits.gz", "train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", ""] {
        assert_eq!(load(name).labels(), None, "{name}");
    }
    // If there are two files of labels, both are the same.
    for name in ["train-labels-idx1-ubyte", "train-labels-idx1-ubyte.gz"] {
        let bytes = idx(&[3], &[2, 0, 1]);
        fs::write(folder.path().join(name), if name.ends_with(".gz") { packed(&bytes) } else { bytes }).unwrap();
    }
    for name in ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", ""] {
        assert_eq!(load(name).labels(), Some(&[2, 0, 1][..]), "{name}");
    }
}

#[test]
fn each_fault_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, gz) = (folder.path().join("images"), folder.path().join("images.gz"));
    let message = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).unwrap();
        let error = load_idx(path, Split::Train).unwrap_err();
        assert!(!error.help().text().is_empty());
        error.to_string()
    };
    assert!(message(&plain, &[]).contains("empty"));
    assert!(message(&plain, &idx(&[3], &[1, 2, 3])).contains("of 1 dimension;"));
    assert!(message(&plain, &[0, 0, 13, 3, 0, 0, 0, 1]).contains("another type"));
    assert!(message(&plain, b"\x89PNG and so on").contains("PNG"));
    assert!(message(&plain, &twelve()[..20]).contains("3 x 2 x 2"));
    assert!(message(&plain, &twelve()[..9]).contains("shorter"));
    assert!(message(&plain, &idx(&[u32::MAX, u32::MAX, u32::MAX], &[])).contains("claims"));
    assert!(message(&plain, &idx(&[0, 2, 2], &[])).contains("no images"));
    assert!(message(&plain, &idx(&[1, 0, 2], &[])).contains("impossible size"));
    assert!(message(&plain, &[twelve(), vec![0]].concat()).contains("longer"));
    assert!(message(&gz, b"<!DOCTYPE html>").contains("web page"));
    let good = packed(&twelve());
    assert!(message(&gz, &good[..good.len() - 6]).contains("shorter"));
    let mut rotten = good.clone();
    let crc = rotten.len() - 8;
    rotten[crc] ^= 1;
    assert!(message(&gz, &rotten).contains("damaged"));
    // A small file that claims to be large.
    assert!(message(&gz, &packed(&idx(&[60_000, 28, 28], &[]))).contains("60000 x 28 x 28"));
    // A zip bomb is not unpacked further than claimed.
    assert!(message(&gz, &packed(&idx(&[1, 2, 2], &vec![0; 50_000_000]))).contains("longer"));
    fs::write(folder.path().join("train-images-idx3-ubyte"), twelve()).unwrap();
    fs::write(folder.path().join("train-labels-idx1-ubyte"), idx(&[2], &[0, 1])).unwrap();
    let error = load_idx(folder.path(), Split::Train).unwrap_err();
    assert!(error.why().contains("images: 3, labels: 2"), "{error}");
}

#[test]
fn what_a_packed_file_claims_is_held_against_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.gz");
    // 100 MB of zeros are compressed to 100 kB, and none of them is unpacked.
    fs::write(&path, packed(&idx(&[100_000, 32, 32], &vec![0; 102_400_000]))).unwrap();
    let error = load_idx(&path, Split::Train).unwrap_err();
    assert!(error.what().contains("too large") && error.why().contains("claims 102400000 bytes"), "{error}");
    assert!(error.help().text().contains("gunzip"), "{error}");
}

#[test]
fn no_byte_changed_and_no_length_makes_it_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images");
    for file in [twelve(), packed(&twelve())] {
        for length in 0..file.len() {
            fs::write(&path, &file[..length]).unwrap();
            assert!(load_idx(&path, Split::Train).is_err(), "{length}");
        }
        for place in 0..file.len() {
            for change in [1, 0x80, 0xFF] {
                let mut file = file.clone();
                file[place] ^= change;
                fs::write(&path, file).unwrap();
                drop(load_idx(&path, Split::Train));
            }
        }
    }
}
