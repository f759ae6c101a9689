//! Data larger than memory: a run is the same wherever its images are stored; and files that no
//! memory could hold.

mod common;

use common::{Place, TINY, text};
use std::path::Path;

const DATA: i32 = 4;
const STORAGE: i32 = 7;
/// A system for folders of pictures, small enough for a test.
const PICTURES: &str = "folder --preset cpu --batch 3 --set size=28 --set width=2 --set latent=4";

/// Writes picture number `number`: `side` x `side`, a few discs on a plain background.
fn picture(path: &Path, number: u32, side: u32) {
    let (centre, radius) = ((number * 37 % side, number * 53 % side), side / 4 + number % 7);
    let ground = [number as u8, (number >> 8) as u8, 90];
    let disc = |x: u32, y: u32| x.abs_diff(centre.0).pow(2) + y.abs_diff(centre.1).pow(2) < radius * radius;
    let pixel = |at: u32| if disc(at % side, at / side) { [250, 200, number as u8] } else { ground };
    let bytes: Vec<u8> = (0..side * side).flat_map(pixel).collect();
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
}

fn pictures(folder: &Path, numbers: std::ops::Range<u32>, side: u32) {
    std::fs::create_dir_all(folder).unwrap();
    numbers.for_each(|number| picture(&folder.join(format!("{number:06}.png")), number, side));
}

#[test]
fn a_run_is_the_same_wherever_its_images_lie() {
    let place = Place::new();
    pictures(&place.path("data/mine/a"), 0..12, 40);
    pictures(&place.path("data/mine/b"), 12..20, 40);
    let run = |more: &str, out: &str| {
        let outcome = place.good(&format!("{PICTURES} --data data/mine --steps 4 --out {out} {more}"));
        (outcome.hash().to_owned(), outcome.err)
    };
    let (in_memory, messages) = run("", "memory");
    assert!(messages.contains("20 images 28x28x3, 47.0 kB: in memory") && !messages.contains("decod"), "{messages}");
    assert!(!place.path("data/.cache").exists());
    let (cached, messages) = run("--set data_memory=0", "cached");
    for words in ["decoding 20 pictures into data/.cache/mine-28x28x3-", "20 of 20", "read from the cache data/.cache"]
    {
        assert!(messages.contains(words) && !messages.contains('\u{1b}'), "{words}: {messages}");
    }
    assert_eq!(cached, in_memory);
    let (again, messages) = run("--set data_memory=0 --threads 1", "again");
    assert!(again == in_memory && !messages.contains("decoding"), "{messages}");
    let config = text(&place.path("again/config.toml"));
    assert!(config.contains("data_memory = 0") && !text(&place.path("memory/config.toml")).contains("data_memory"));
    // One class, and a run that is resumed with another kind of storage.
    let (one, _) = run("--class b", "one");
    place.good(&format!("{PICTURES} --data data/mine --class b --steps 2 --out parts --set data_memory=0"));
    place.good("folder --resume parts --steps 3 --set data_memory=100");
    let parts = place.good("folder --resume parts --steps 4 --set data_memory=0 --set data_cache=elsewhere");
    assert!(parts.hash() == one && place.path("elsewhere").is_dir(), "{}", parts.err);
    // A cache folder that cannot be created.
    std::fs::write(place.path("file"), "").unwrap();
    let bad = format!("{PICTURES} --data data/mine --steps 1 --set data_memory=0 --set data_cache=file");
    place.bad(&bad, STORAGE, &["cache", "file", "data_cache"]);
}

#[test]
fn built_in_pictures_are_drawn_and_array_files_read_when_they_are_needed() {
    let place = Place::new();
    let apples = place.good(&format!("{TINY} --steps 3"));
    assert!(apples.err.contains("20,000 images 28x28x1, 15.7 MB: in memory"), "{}", apples.err);
    let drawn = place.good(&format!("{TINY} --steps 3 --set data_memory=0"));
    assert!(drawn.err.contains("drawn on demand"), "{}", drawn.err);
    assert_eq!(drawn.hash(), apples.hash());

    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (40, 28, 28), }";
    let file = [b"\x93NUMPY\x01\x00\x76\x00", format!("{header:<117}\n").as_bytes()].concat();
    let bytes = (0..40 * 784).map(|at| (at * 7 % 251) as u8);
    std::fs::write(place.path("a.npy"), file.into_iter().chain(bytes).collect::<Vec<u8>>()).unwrap();
    let whole = place.good(&format!("{TINY} --data a.npy --steps 3"));
    let read = place.good(&format!("{TINY} --data a.npy --steps 3 --set data_memory=0 --timings"));
    assert!(read.err.contains("read from a.npy") && read.out.contains("wait"), "{}{}", read.err, read.out);
    assert_eq!(read.hash(), whole.hash());
}

/// A billion blank drawings: a sparse file of 784 GB, which takes no space on most disks.
#[test]
fn an_array_that_nobody_could_hold_is_refused_with_its_numbers() {
    let place = Place::new();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 28, 28), }";
    let start = [b"\x93NUMPY\x01\x00\x76\x00", format!("{header:<117}\n").as_bytes()].concat();
    std::fs::write(place.path("a.npy"), &start).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(place.path("a.npy")).unwrap();
    if file.set_len(start.len() as u64 + 784_000_000_000).is_err() {
        return; // a file system without such lengths
    }
    place.bad(&format!("{TINY} --data a.npy --steps 1"), DATA, &["1,000,000,000", "268,435,456", "help:"]);
    assert!(!place.path("runs").exists(), "nothing is written");
}

/// The peak memory of the command `line` in MiB, and what it printed.
#[cfg(target_os = "linux")]
fn peak(place: &Place, line: &str) -> (f64, String) {
    let mut child = place.command(line).stderr(std::process::Stdio::inherit()).spawn().unwrap();
    let mut peak = 0.0_f64;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let found =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB")?.trim().parse().ok());
        peak = peak.max(found.unwrap_or(0.0) / 1024.0);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "train {line}");
    (peak, String::from_utf8(output.stdout).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "makes 100,000 pictures and a cache of 20 GB: minutes"]
fn a_hundred_thousand_pictures_train_in_bounded_memory() {
    use std::time::Instant;
    let place = Place::new();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for part in 0..4 {
            let folder = place.path(&format!("many/{part}"));
            scope.spawn(move || pictures(&folder, part * 25_000..(part + 1) * 25_000, 256));
        }
    });
    pictures(&place.path("few"), 0..32, 256);
    println!("pictures made in {:.0} s", began.elapsed().as_secs_f64());
    let line = "progan --set size=256 --steps 3 --sample-every 1000";
    let (own, _) = peak(&place, &format!("{line} --data few"));
    for name in ["decoding and training", "training from the cache"] {
        let began = Instant::now();
        let (all, out) = peak(&place, &format!("{line} --data many"));
        println!(
            "{name}: {:.0} s, {all:.0} MiB at most; the network's own {own:.0} MiB",
            began.elapsed().as_secs_f64()
        );
        println!("{}", out.lines().last().unwrap_or_default());
        assert!(all < own + 1024.0, "{all} MiB, {own} of them the network's own");
    }
}
