//! Images that cannot be used, as the command line reports them.

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
    for system in [TINY, "mnist", "dcgan", "cifar", "folder"] {
        place.bad(&format!("{system} --data folder"), DATA, &["the folder is empty", "folder of pictures", ".npy"]);
    }
    place.bad(&format!("{TINY} --data folder --class cat"), DATA, &["no data for class 'cat'", "folder/cat.npy"]);
    place.bad("cyclegan --data folder", DATA, &["two folders", "trainA and trainB"]);
    for folder in ["set/trainA", "set/trainB"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    place.bad("cyclegan --data set", DATA, &["the folder is empty", "set/trainA"]);
    refuse(b"", &["empty"]);
    refuse(b"GIF89a and so on", &[]);
    refuse(b"<!DOCTYPE html><html><body>Not found</body></html>", &["web page"]);
    refuse(&images(4)[..1000], &["3136"]);
    refuse(&npy("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 784), }", 784), &[]);
    refuse(&npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4, 784), }", 4 * 784 * 4), &["float32", "range="]);
    refuse(&npy("{'descr': '<c8', 'fortran_order': False, 'shape': (4, 784), }", 4 * 784 * 8), &["complex"]);
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
    let dry = "quickdraw --resume run --steps 4 --data b.npy --dry-run";
    place.bad(dry, CHECKPOINT, &["other images", "b.npy", "fingerprint"]);
    std::fs::rename(place.path("a.npy"), place.path("moved.npy")).unwrap();
    place.bad("quickdraw --resume run --steps 4", DATA, &["a.npy"]);
    assert_eq!(place.good("quickdraw --resume run --steps 4 --data moved.npy").hash(), whole.hash());
}

/// A PNG of 28 x 28 colours.
fn picture(number: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 28, 28);
    encoder.set_color(png::ColorType::Rgb);
    let pixels: Vec<u8> = (0..28 * 28 * 3).map(|at: usize| (at * (number + 3) % 251) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}

#[test]
fn what_runs_have_written_among_the_pictures_is_not_learned_from() {
    const LINE: &str = "folder --set size=28 --set width=2 --batch 2 --data . --steps";
    let place = Place::new();
    for number in 0..4 {
        std::fs::write(place.path(&format!("{number}.png")), picture(number)).unwrap();
    }
    let first = place.good(&format!("{LINE} 1"));
    assert!(first.err.contains("Found 4 images belonging to 1 class.") && !first.err.contains("skipped"));
    let second = place.good(&format!("{LINE} 1"));
    assert_eq!(second.hash(), first.hash(), "the same pictures");
    assert!(second.err.contains("skipped: 1 folder written by this program (runs/0001-folder)"), "{}", second.err);
    let resumed = place.good("folder --resume runs/0001-folder --steps 2");
    assert_eq!(resumed.hash(), place.good(&format!("{LINE} 2 --out mine")).hash());
    place.bad(
        &LINE.replace("--data .", "--data mine/samples").replace("--steps", "--steps 1"),
        DATA,
        &["belongs to a run"],
    );
}

#[test]
fn data_in_other_forms_is_reported_and_used() {
    let place = Place::new();
    for number in 0..4 {
        std::fs::create_dir_all(place.path("pics")).unwrap();
        std::fs::write(place.path(&format!("pics/{number}.jfif")), picture(number)).unwrap();
        std::fs::write(place.path(&format!("pics/{number}.avif")), b"\0\0\0\x14ftypavif\0\0\0\0avif").unwrap();
    }
    let messages = place.good(&format!("{TINY} --data pics --steps 1 --out a")).err;
    assert!(
        messages.contains("Found 4 images") && messages.contains("skipped: 4 AVIF (not supported; convert"),
        "{messages}"
    );
    assert!(messages.contains("colour images, converted to grey for the network"), "{messages}");
    let stroke = r#"{"word":"apple","drawing":[[[0,255,90],[0,30,255]],[[40,60],[9,200]]]}"#;
    std::fs::write(place.path("apple.ndjson"), format!("{stroke}\n").repeat(3)).unwrap();
    let messages = place.good(&format!("{TINY} --data apple.ndjson --steps 1 --out b")).err;
    assert!(messages.contains("3 drawings of strokes"), "{messages}");
    std::fs::write(place.path("apple.zip"), b"PK\x03\x04").unwrap();
    place.bad(&format!("{TINY} --data apple.zip"), DATA, &["the zip archive is damaged", "download the file again"]);
    place.bad("mnist --data digits", DATA, &["no such file or folder", "built-in hand-written digits"]);
    place.bad(&format!("{TINY} --class c:x"), DATA, &["is not a possible class name", "colon"]);
}
