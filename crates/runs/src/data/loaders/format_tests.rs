//! Tests every system with every data format: what is read, what is rejected, and that following
//! the advice of the rejection works.

use super::*;
use crate::config::read_settings;
use crate::systems::{SYSTEMS, Trainable};
use std::sync::Arc;

/// A distinct value for each pixel of each picture, in colour or grey.
fn pixel(image: usize, at: usize) -> u8 {
    (image * 37 + at * 11 % 251) as u8
}

/// A `.npy` file of version 1.
fn npy(descr: &str, shape: &[usize], numbers: Vec<u8>) -> Vec<u8> {
    let lengths: Vec<String> = shape.iter().map(usize::to_string).collect();
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({},), }}\n", lengths.join(", "));
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [&b"\x93NUMPY\x01\0"[..], &length, header.as_bytes(), &numbers].concat()
}

fn bytes(count: usize, each: usize) -> Vec<u8> {
    (0..count).flat_map(|image| (0..each).map(move |at| pixel(image, at))).collect()
}

/// Writes tiny sets in every format below `folder`; returns their names.
fn sets(folder: &Path) -> Vec<&'static str> {
    const COUNT: usize = 4;
    let write = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    let floats = |numbers: Vec<u8>| numbers.iter().flat_map(|&n| (f32::from(n) / 255.0).to_le_bytes()).collect();
    write("grey.npy", &npy("|u1", &[COUNT, 28, 28], bytes(COUNT, 784)));
    write("grey-one-channel.npy", &npy("|u1", &[COUNT, 28, 28, 1], bytes(COUNT, 784)));
    write("flat.npy", &npy("|u1", &[COUNT, 784], bytes(COUNT, 784)));
    write("colour.npy", &npy("|u1", &[COUNT, 20, 20, 3], bytes(COUNT, 1200)));
    write("planes.npy", &npy("|u1", &[COUNT, 3, 20, 20], bytes(COUNT, 1200)));
    write("alpha.npy", &npy("|u1", &[COUNT, 20, 20, 4], bytes(COUNT, 1600)));
    write("floats.npy", &npy("<f4", &[COUNT, 24, 24], floats(bytes(COUNT, 576))));
    let sizes = |lengths: &[u32]| lengths.iter().flat_map(|length| length.to_be_bytes()).collect::<Vec<u8>>();
    let idx = [vec![0, 0, 8, 3], sizes(&[COUNT as u32, 28, 28]), bytes(COUNT, 784)].concat();
    write("idx/train-images-idx3-ubyte", &idx);
    write("idx/train-labels-idx1-ubyte", &[vec![0, 0, 8, 1], sizes(&[COUNT as u32]), vec![1; COUNT]].concat());
    write("digits.idx", &idx);
    let record = |image: usize| [vec![7], (0..3072).map(|at| pixel(image, at)).collect()].concat();
    write("cifar/data_batch_1.bin", &(0..COUNT).flat_map(record).collect::<Vec<u8>>());
    let stroke = r#"{"word":"a","drawing":[[[0,255,90],[0,30,255]]]}"#;
    write("drawings.ndjson", format!("{stroke}\n").repeat(COUNT).as_bytes());
    for (class, name) in [("a", "1.png"), ("a", "2.jfif"), ("b", "3"), ("b", "4.png")] {
        let picture: Vec<u8> = (0..30 * 20 * 3).map(|at| pixel(name.len(), at)).collect();
        let picture = crate::sampling::pictures::encode(&picture, 20, 30, png::ColorType::Rgb).unwrap();
        write(&format!("pictures/{class}/{name}"), &picture);
        write(&format!("pair/train{}/{name}", class.to_uppercase()), &picture);
    }
    write("arrays/trainA.npy", &npy("|u1", &[COUNT, 28, 28], bytes(COUNT, 784)));
    write("arrays/trainB.npy", &npy("<f4", &[COUNT, 24, 24], floats(bytes(COUNT, 576))));
    vec![
        "grey.npy",
        "grey-one-channel.npy",
        "flat.npy",
        "colour.npy",
        "planes.npy",
        "alpha.npy",
        "floats.npy",
        "idx",
        "digits.idx",
        "cifar",
        "drawings.ndjson",
        "pictures",
    ]
}

fn load(entry: &Arc<Trainable>, data: &Path, settings: &[&str]) -> Result<Dataset, Failure> {
    let data = format!("data={}", data.display());
    let settings: Vec<String> = settings.iter().map(|&text| text.to_owned()).chain([data]).collect();
    let config = Config::resolve(entry, &read_settings(&settings).unwrap()).unwrap();
    let system = config.build()?;
    let shape = system.image_shape().expect("the first preset of every system learns from images");
    let dataset = entry.load.load(&config, shape, &Output::Silent)?;
    dataset.require(2, shape)?;
    Ok(dataset)
}

#[test]
fn every_system_reads_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let sets = sets(folder.path());
    for entry in SYSTEMS.iter().filter(|entry| entry.name != "cyclegan") {
        for set in &sets {
            let data = load(entry, &folder.path().join(set), &[])
                .unwrap_or_else(|failure| panic!("{} --data {set}: {failure}", entry.name));
            assert_eq!(data.counts(), [4], "{} --data {set}", entry.name);
        }
    }
}

#[test]
fn the_same_in_colour_and_in_grey_where_that_is_a_setting() {
    let folder = tempfile::tempdir().unwrap();
    for set in sets(folder.path()) {
        for channels in ["1", "3"] {
            for name in ["vanilla", "dcgan", "folder", "progan", "stylegan2"] {
                let entry = SYSTEMS.iter().find(|entry| entry.name == name).unwrap();
                let setting = format!("channels={channels}");
                let data = load(entry, &folder.path().join(set), &[&setting])
                    .unwrap_or_else(|failure| panic!("{name} --data {set} --set {setting}: {failure}"));
                let notes = data.notes().unwrap().join("\n");
                let is_colour = ["colour.npy", "planes.npy", "alpha.npy", "cifar", "pictures"].contains(&set);
                let (grey, colour) = (notes.contains("--set channels=3"), notes.contains("--set channels=1"));
                assert_eq!(
                    (grey, colour),
                    (channels == "1" && is_colour, channels == "3" && !is_colour),
                    "{set}: {notes}"
                );
            }
        }
    }
}

#[test]
fn translation_takes_two_sets_of_any_form() {
    let folder = tempfile::tempdir().unwrap();
    let sets = sets(folder.path());
    let entry = SYSTEMS.iter().find(|entry| entry.name == "cyclegan").unwrap();
    assert_eq!(load(entry, &folder.path().join("pair"), &[]).unwrap().counts(), [2, 2]);
    assert_eq!(load(entry, &folder.path().join("arrays"), &[]).unwrap().counts(), [4, 4]);
    for set in sets.into_iter().filter(|set| *set != "pictures") {
        let failure = load(entry, &folder.path().join(set), &[]).err().unwrap().to_string();
        assert!(failure.contains("trainA"), "{set}: {failure}");
    }
}

#[test]
fn channels_that_no_picture_has_are_refused() {
    let entry = SYSTEMS.iter().find(|entry| entry.name == "vanilla").unwrap();
    let failure = load(entry, Path::new("built-in"), &["channels=2"]).err().unwrap();
    assert!(failure.code == Code::Config && failure.to_string().contains("--set channels=3"), "{failure}");
}

#[test]
fn transparency_is_kept_where_that_is_a_setting() {
    let folder = tempfile::tempdir().unwrap();
    sets(folder.path());
    for name in ["vanilla", "dcgan", "folder", "progan", "stylegan", "stylegan2"] {
        let entry = SYSTEMS.iter().find(|entry| entry.name == name).unwrap();
        let alphas = |data: &Path| {
            let data = load(entry, data, &["channels=4"]).unwrap_or_else(|failure| panic!("{name}: {failure}"));
            let pixels = data.pictures(0, &[0]).unwrap().pixels().to_vec();
            pixels.iter().skip(3).step_by(4).copied().collect::<Vec<u8>>()
        };
        assert!(alphas(&folder.path().join("alpha.npy")).iter().any(|&alpha| alpha < 200), "{name}");
        assert!(alphas(Path::new("built-in")).iter().all(|&alpha| alpha == 255), "{name}");
    }
}

#[test]
fn a_network_in_colour_gets_coloured_stand_ins() {
    let entry = SYSTEMS.iter().find(|entry| entry.name == "vanilla").unwrap();
    let data = load(entry, Path::new("built-in"), &["channels=3"]).unwrap();
    assert!(data.origin().contains("coloured shapes"), "{}", data.origin());
    let pixels = data.pictures(0, &[0]).unwrap().pixels().to_vec();
    assert!(pixels.as_chunks().0.iter().any(|[red, green, _]| red != green));
    assert!(load(entry, Path::new("built-in"), &[]).unwrap().origin().contains("hand-written digits"));
}

#[test]
fn the_usual_class_is_taken_where_it_is_and_a_named_one_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    sets(folder.path());
    let entry = SYSTEMS.iter().find(|entry| entry.name == "cifar").unwrap();
    let data = load(entry, &folder.path().join("pictures"), &[]).unwrap();
    assert!(data.notes().unwrap().join("\n").contains("the default class, horse, is not among them"));
    assert_eq!(load(entry, &folder.path().join("pictures"), &["class=b"]).unwrap().counts(), [2]);
    assert_eq!(load(entry, folder.path(), &["class=grey"]).unwrap().counts(), [4], "the name of a file");
    let doodles = SYSTEMS.iter().find(|entry| entry.name == "quickdraw").unwrap();
    assert_eq!(load(doodles, &folder.path().join("pictures"), &["class=b"]).unwrap().counts(), [2]);
    assert!(load(doodles, &folder.path().join("pictures"), &["class=c"]).is_err());
}

#[test]
fn numbers_without_shades_are_talked_about_and_blank_sets_refused() {
    let folder = tempfile::tempdir().unwrap();
    let entry = SYSTEMS.iter().find(|entry| entry.name == "dcgan").unwrap();
    let path = folder.path().join("a.npy");
    let twelve_bits = |image: usize, at: usize| (u16::from(pixel(image, at)) * 16).to_le_bytes();
    let numbers = (0..4).flat_map(|image| (0..784).flat_map(move |at| twelve_bits(image, at))).collect();
    std::fs::write(&path, npy("<u2", &[4, 28, 28], numbers)).unwrap();
    let notes = load(entry, &path, &[]).unwrap().notes().unwrap().join("\n");
    assert!(notes.contains("uint16, read as bytes: 0 is black, 65535 is white"), "{notes}");
    let range = notes.split_once("--set images.range=").unwrap().1.split('`').next().unwrap();
    assert_eq!(range, "0..4095");
    let notes = load(entry, &path, &[&format!("images.range={range}")]).unwrap().notes().unwrap().join("\n");
    assert!(notes.contains("4095 is white") && !notes.contains("nearly black"), "{notes}");
    std::fs::write(&path, npy("|u1", &[4, 28, 28], vec![9; 4 * 784])).unwrap();
    let failure = load(entry, &path, &[]).err().unwrap();
    assert!(
        failure.code == Code::Data && failure.to_string().contains("every value of all 4 images is 9"),
        "{failure}"
    );
}

#[test]
fn what_is_not_there_names_its_neighbour_or_what_there_is_instead() {
    let folder = tempfile::tempdir().unwrap();
    sets(folder.path());
    let message = |name: &str, data: &str| {
        let entry = SYSTEMS.iter().find(|entry| entry.name == name).unwrap();
        let failure = load(entry, &folder.path().join(data), &[]).err().unwrap();
        assert_eq!(failure.code, Code::Data);
        failure.to_string()
    };
    assert!(message("mnist", "digitz.idx").contains("digits.idx`?"));
    for (name, instead) in [("mnist", "hand-written digits"), ("quickdraw", "drawings of apples"), ("faces", "faces")] {
        let message = message(name, "nowhere/at/all");
        assert!(message.contains(instead) && (name == "quickdraw" || !message.contains("apple")), "{message}");
    }
}
