//! Images that cannot be used, told through the command line.

mod common;

use common::{Place, TINY};

const DATA: i32 = 4;
const CHECKPOINT: i32 = 5;

/// A `.npy` file with this header dictionary and this many bytes of data.
fn npy(header: &str, bytes: usize) -> Vec<u8> {
    let length = header.len() + 1;
    let padding = (10 + length).next_multiple_of(64) - 10 - length;
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(length + padding).unwrap().to_le_bytes());
    file.extend(header.bytes().chain(std::iter::repeat_n(b' ', padding)).chain([b'\n']));
    file.extend((0..bytes).map(|at| (at * 7 % 251) as u8));
    file
}

fn images(count: usize) -> Vec<u8> {
    npy(&format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 784), }}"), count * 784)
}

#[test]
fn every_file_that_is_no_set_of_doodles_is_refused() {
    let place = Place::new();
    let refuse = |content: &[u8], words: &[&str]| {
        std::fs::write(place.path("a.npy"), content).unwrap();
        place.bad(&format!("{TINY} --data a.npy"), DATA, &[words, &["a.npy", "why:", "help:"]].concat());
    };
    place.bad(&format!("{TINY} --data none.npy"), DATA, &["none.npy", "help:"]);
    place.bad(&format!("{TINY} --class zebra"), DATA, &["zebra", "help:"]);
    std::fs::create_dir(place.path("folder")).unwrap();
    place.bad(&format!("{TINY} --data folder"), DATA, &["folder", "apple"]);
    refuse(b"", &["empty"]);
    refuse(b"GIF89a and so on", &[]);
    refuse(b"<!DOCTYPE html><html><body>Not found</body></html>", &["web page"]);
    refuse(&images(4)[..1000], &["3136"]);
    refuse(&npy("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 784), }", 784), &[]);
    refuse(&npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4, 784), }", 4 * 784 * 4), &["f4"]);
    refuse(&npy("{'descr': '|u1', 'fortran_order': True, 'shape': (4, 784), }", 4 * 784), &["ortran"]);
    refuse(&npy("{'descr': '|u1', 'fortran_order': False, 'shape': (4, 100), }", 400), &["(4, 100)"]);
    std::fs::write(place.path("a.npy"), images(1)).unwrap();
    place.bad(&format!("{TINY} --data a.npy"), DATA, &["fewer images than a batch", "at least 2 images"]);
    assert!(!place.path("runs").exists(), "nothing is written");
}

#[test]
fn a_run_goes_on_with_its_own_images_only() {
    let place = Place::new();
    std::fs::write(place.path("a.npy"), images(8)).unwrap();
    let whole = place.good(&format!("{TINY} --data a.npy --steps 4 --out whole"));
    assert!(whole.err.contains("a.npy"), "{}", whole.err);
    place.good(&format!("{TINY} --data a.npy --steps 2 --out run"));
    std::fs::write(place.path("b.npy"), images(9)).unwrap();
    place.bad("quickdraw --resume run --steps 4 --data b.npy", CHECKPOINT, &["other images", "b.npy", "fingerprint"]);
    std::fs::rename(place.path("a.npy"), place.path("moved.npy")).unwrap();
    place.bad("quickdraw --resume run --steps 4", DATA, &["a.npy"]);
    assert_eq!(place.good("quickdraw --resume run --steps 4 --data moved.npy").hash(), whole.hash());
}
