//! `train sample` and `train animate`: what they write, and what they reject.

mod common;

use std::path::{Path, PathBuf};

use common::{Place, TINY};

const USAGE: i32 = 2;
const DATA: i32 = 4;
const CHECKPOINT: i32 = 5;
const STORAGE: i32 = 7;

/// A place with a run of three steps, with sheets of the steps 0 to 3 and checkpoints of the steps
/// 2 and 3.
fn place_with_a_run() -> Place {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 3 --sample-every 1 --checkpoint-every 1 --out run"));
    place
}

fn read(path: PathBuf) -> Vec<u8> {
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file and folder in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Height, width and all frames of a (perhaps animated) PNG, with the time of each in milliseconds.
fn frames(path: PathBuf) -> ([u32; 2], Vec<Vec<u8>>, Vec<u16>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(read(path))).read_info().unwrap();
    let count = reader.info().animation_control.map_or(1, |control| control.num_frames);
    let (mut all, mut times) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        all.push(pixels);
        times.extend(reader.info().frame_control.map(|control| control.delay_num));
    }
    ([reader.info().height, reader.info().width], all, times)
}

#[test]
fn sheets() {
    let place = place_with_a_run();
    let outcome = place.good("sample run --count 5 --seed 9");
    assert!(
        outcome.out.contains("run/samples/sample-seed-9.png: 5 samples of quickdraw, step 3, seed 9"),
        "{}",
        outcome.out
    );
    let (size, ..) = frames(place.path("run/samples/sample-seed-9.png"));
    assert_eq!(size, [2 * 114 + 2, 3 * 114 + 2]);
    place.good("sample run");
    assert_eq!(frames(place.path("run/samples/sample-seed-1.png")).0, [4 * 114 + 2; 2], "the run's seed, 16 samples");
    place.good("sample run --seeds 4-9 --columns 6 --zoom 1 --gap 0 --out wide.PNG");
    let (size, sheet, _) = frames(place.path("wide.PNG"));
    assert_eq!(size, [28, 6 * 28]);
    place.good("sample run --seed 9 --count 1 --zoom 1 --gap 0 --out one.png");
    let (_, one, _) = frames(place.path("one.png"));
    let last: Vec<u8> = sheet[0].chunks(6 * 28).flat_map(|row| row[5 * 28..].to_vec()).collect();
    assert_eq!(one[0], last, "sample 1 of seed 9");
    let outcome = place.good("sample run --checkpoint 2");
    assert!(outcome.out.contains("step 2, seed 1"), "{}", outcome.out);
}

#[test]
fn arrays_are_the_same_pictures_and_can_be_learned_from() {
    let place = place_with_a_run();
    place.good("sample run --count 70 --out many.npy");
    place.good("sample run/checkpoints/step-000003.safetensors --count 3 --out few.NPY");
    let (many, few) = (read(place.path("many.npy")), read(place.path("few.NPY")));
    let header = String::from_utf8_lossy(&many[..128]).into_owned();
    assert!(many.starts_with(b"\x93NUMPY") && header.contains("'|u1'") && header.contains("(70, 28, 28)"), "{header}");
    assert_eq!(many[many.len() - 70 * 784..][..3 * 784], few[few.len() - 3 * 784..], "the first three of seventy");
    let learned = place.good(&format!("{TINY} --steps 1 --data many.npy"));
    assert!(learned.err.contains("many.npy"), "{}", learned.err);
    assert!(!names(place.folder.path()).iter().any(|name| name.ends_with(".tmp")));
}

#[test]
fn single_pictures() {
    let place = place_with_a_run();
    let outcome = place.good("sample run --count 66 --out all/");
    assert!(outcome.out.starts_with("all/: 66 samples (0001.png to 0066.png) of quickdraw"), "{}", outcome.out);
    let files = names(&place.path("all"));
    assert_eq!((files.len(), &*files[0], &*files[65]), (66, "0001.png", "0066.png"));
    place.good("sample run --count 66 --out all.npy");
    let array = read(place.path("all.npy"));
    let (size, picture, _) = frames(place.path("all/0065.png"));
    assert_eq!((size, &picture[0][..]), ([28, 28], &array[array.len() - 2 * 784..array.len() - 784]));
    // The path of an existing folder needs no trailing slash.
    std::fs::create_dir(place.path("there")).unwrap();
    place.good("sample run --seeds 3,100 --zoom 2 --out there");
    assert_eq!(names(&place.path("there")), ["seed-0003.png", "seed-0100.png"]);
    assert_eq!(frames(place.path("there/seed-0003.png")).0, [56, 56]);
}

#[test]
fn walks() {
    let place = place_with_a_run();
    let outcome =
        place.good("sample run --interpolate --count 2 --keys 3 --frames 4 --fps 10 --zoom 1 --columns 2 --gap 0");
    assert!(
        outcome.out.contains("interpolation-seed-1.png: 9 frames of 2 walks through 3 samples each"),
        "{}",
        outcome.out
    );
    let (size, open, times) = frames(place.path("run/samples/interpolation-seed-1.png"));
    assert_eq!((size, open.len(), times), ([28, 56], 9, vec![100; 9]));
    place.good("sample run --count 6 --columns 2 --zoom 1 --gap 0 --out keys.png");
    let (_, keys, _) = frames(place.path("keys.png"));
    for (key, wanted) in keys[0].chunks(28 * 56).enumerate() {
        assert_eq!(open[4 * key], wanted, "frame {} is samples {} and {}", 4 * key, 2 * key + 1, 2 * key + 2);
    }
    assert!(open[1] != open[0] && open[1] != open[4], "something lies between");
    place.good(
        "sample run --interpolate --count 2 --keys 3 --frames 4 --loop --zoom 1 --columns 2 --gap 0 --out loop.png",
    );
    let (_, closed, _) = frames(place.path("loop.png"));
    assert_eq!((closed.len(), &closed[..9]), (12, &open[..]));

    place.good("sample run --interpolate --seeds 5-7 --frames 3 --loop --out walk.gif");
    let mut reader = gif::DecodeOptions::new().read_info(std::fs::File::open(place.path("walk.gif")).unwrap()).unwrap();
    let mut count = 0;
    while let Some(frame) = reader.read_next_frame().unwrap() {
        assert_eq!((frame.width, frame.delay), (4 * 28 + 4, 7));
        count += 1;
    }
    assert_eq!(count, 9);
}

#[test]
fn a_run_is_animated_from_its_own_sheets() {
    let place = place_with_a_run();
    let outcome = place.good("animate run");
    assert!(outcome.out.contains("run/samples/progress.png: 4 sheets of run"), "{}", outcome.out);
    let (_, sheets, times) = frames(place.path("run/samples/progress.png"));
    assert_eq!(times, [200, 200, 200, 2000]);
    for (step, sheet) in sheets.iter().enumerate() {
        assert_eq!(*sheet, frames(place.path(&format!("run/samples/step-{step:06}.png"))).1[0], "step {step}");
    }
    place.good("animate run --every 2 --fps 10 --hold 0 --out few.png");
    let (_, few, times) = frames(place.path("few.png"));
    assert_eq!((few, times), (vec![sheets[0].clone(), sheets[2].clone(), sheets[3].clone()], vec![100; 3]));
    place.good("animate run --out progress.gif");
    assert!(read(place.path("progress.gif")).starts_with(b"GIF89a"));

    place.bad("animate run --out film.mp4", USAGE, &["film.mp4", ".gif"]);
    place.bad("animate rnu", CHECKPOINT, &["did you mean `./run`"]);
}

#[test]
fn sheets_that_do_not_fit_are_refused() {
    let place = place_with_a_run();
    std::fs::create_dir(place.path("empty")).unwrap();
    place.bad("animate empty", DATA, &["no sheets", "empty/samples"]);
    place.good("sample run --count 2 --out run/samples/step-000004.png");
    place.bad("animate run", DATA, &["different sizes", "step-000004.png", "458 x 458"]);
    for rot in ["", "rot", "\u{89}PNG"] {
        std::fs::write(place.path("run/samples/step-000004.png"), rot).unwrap();
        place.bad("animate run", DATA, &["cannot read a sheet", "step-000004.png", "why:"]);
    }
    let good = read(place.path("run/samples/step-000003.png"));
    std::fs::write(place.path("run/samples/step-000004.png"), &good[..good.len() / 2]).unwrap();
    place.bad("animate run", DATA, &["step-000004.png"]);
    assert!(!names(&place.path("run/samples")).iter().any(|name| name.contains("progress")), "nothing is left");
}

#[test]
fn the_folder_of_a_file_is_made_or_refused_by_name() {
    let place = place_with_a_run();
    std::fs::write(place.path("file"), "x").unwrap();
    for (line, out) in [
        ("sample run --count 2", "a/b/sheet.png"),
        ("sample run --count 2", "c/d/array.npy"),
        ("sample run --count 2", "e/f/"),
        ("sample run --interpolate --count 1 --frames 1 --keys 2", "g/h/walk.png"),
        ("animate run", "i/j/progress.gif"),
        ("evaluate run --count 20 --metric ink", "k/l/numbers.json"),
        ("explain --preset scalar", "m/n/page.html"),
    ] {
        place.good(&format!("{line} --out {out}"));
        assert!(place.path(out).exists(), "{out}: its folder is made");
        place.bad(&format!("{line} --out file/b/{out}"), STORAGE, &["make the folder", "file/b", "why:"]);
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = place_with_a_run();
    place.bad("sample run --count 0", USAGE, &["0 samples", "allowed: 1 to"]);
    place.bad("sample run --count 99999999999", USAGE, &["allowed"]);
    place.bad("sample run --count 10001", USAGE, &["allowed: 1 to 10000"]);
    place.bad("sample run --out a.jpg", USAGE, &["a.jpg", ".png", ".npy", "folder", ".gif"]);
    place.bad("sample run --out a", USAGE, &["no extension"]);
    place.bad("sample run --out a.gif", USAGE, &["a.gif", "--interpolate"]);
    std::fs::write(place.path("file"), "x").unwrap();
    place.bad("sample run --out file/", STORAGE, &["file/", "why:"]);
    place.bad("sample", USAGE, &["<RUN>"]);
    for list in ["5-2", "x", "1,,2", "-1", "0-18446744073709551615"] {
        place.bad(&format!("sample run --seeds {list}"), USAGE, &["list of seeds", list, "0-3,100"]);
    }
    place.bad("sample run --seeds 1 --seed 2", USAGE, &["--seeds", "--seed"]);
    place.bad("sample run --seed -1", USAGE, &["-1"]);
    place.bad("sample run --zoom 0", USAGE, &["--zoom"]);
    place.bad("sample run --zoom 4000000000", USAGE, &["too large", "--zoom"]);
    place.bad("sample run --columns 10000 --gap 4000000000", USAGE, &["too large"]);
    place.bad("sample run --columns 3 --out a.npy", USAGE, &["--columns", "array"]);
    place.bad("sample run --gap 3 --out a/", USAGE, &["--gap", "single pictures"]);
    place.bad("sample run --interpolate --out a.npy", USAGE, &["--interpolate", "array"]);
    place.bad("sample run --raw", USAGE, &["no average", "--raw"]);
    place.bad("sample run --loop", USAGE, &["--interpolate"]);
    place.bad("sample run --frames 3", USAGE, &["--interpolate"]);
    place.bad("sample run --interpolate --fps 51", USAGE, &["--fps"]);
    place.bad("sample run --interpolate --seeds 7", USAGE, &["two latents"]);
    place.bad("sample run --interpolate --frames 9999 --keys 9999", USAGE, &["too long"]);
    place.bad("sample run --checkpoint 7", CHECKPOINT, &["no checkpoint of step 7", "2, 3"]);
    place.bad("sample run/checkpoints/step-000003.safetensors --checkpoint 2", USAGE, &["--checkpoint"]);
    assert_eq!(names(place.folder.path()), ["file", "run"], "nothing is written");
    std::fs::write(place.path("run/checkpoints/step-000002.safetensors"), "rot").unwrap();
    place.bad("sample run --checkpoint 2", CHECKPOINT, &["step-000002.safetensors", "why:"]);
}

/// However large the count, an interrupted drawing ends soon, and leaves nothing half-written.
#[test]
#[cfg(unix)]
fn a_long_drawing_can_be_stopped() {
    let place = place_with_a_run();
    let (signal, code) = common::interrupt();
    for (out, words) in [("all.npy", "nothing was written"), ("all/", "the pictures that were written are complete")] {
        let child = place.command(&format!("sample run --count 200000 --out {out}")).spawn().unwrap();
        let begun = std::time::Instant::now();
        let there = || names(place.folder.path()).iter().any(|name| name.contains("all") || name.ends_with(".tmp"));
        while !there() {
            assert!(begun.elapsed().as_secs() < 60, "nothing begins");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{err}");
        assert!(err.contains("of 200000 pictures") && err.contains(words), "{err}");
        assert!(!names(place.folder.path()).iter().any(|name| name.contains(".npy")), "{out}");
    }
    assert!(names(&place.path("all")).iter().all(|name| !name.starts_with('.')));
}

/// Latents can be kept within a bound where they are normal; a wide bound changes nothing.
#[test]
fn truncated_latents() {
    let place = place_with_a_run();
    place.good("progan --set size=8 --set fmap_base=16 --set fmap_max=4 --batch 4 --steps 2 --out grown");
    let drawn = |options: &str| {
        place.good(&format!("sample grown --count 3 {options} --out x.npy"));
        std::fs::read(place.path("x.npy")).unwrap()
    };
    assert_eq!(drawn("--truncate 10"), drawn(""));
    assert_ne!(drawn("--truncate 0.5"), drawn(""));
    place.good("sample grown --truncate 0.5 --interpolate --frames 2 --count 2 --out walk.gif");
    place.bad("sample run --truncate 1", USAGE, &["--truncate", "normal", "Uniform"]);
    for bound in ["0", "-1", "11", "NaN", "x"] {
        place.bad(&format!("sample grown --truncate={bound}"), USAGE, &["from 0.05 to 10"]);
    }
}

/// Styles can be truncated and mixed, and a finished run has the sheets that show this; other
/// systems reject the options.
#[test]
fn styles() {
    let place = place_with_a_run();
    let tiny = "--set size=8 --set fmap_base=16 --set fmap_max=4 --batch 4 --steps 2";
    place.good(&format!("stylegan {tiny} --out styled"));
    let size = |name: &str| frames(place.path(name)).0;
    let of = |rows: u32, columns: u32| [rows * 130 + 2, columns * 130 + 2];
    assert_eq!(size("styled/samples/truncation.png"), of(6, 6));
    assert_eq!(size("styled/samples/mixing.png"), of(7, 7));
    assert_eq!(size("styled/samples/noise.png"), of(4, 5));

    let outcome = place.good("sample styled --sheet mixing --count 2 --seed 5");
    assert!(
        outcome.out.contains("mixing-seed-5.png: mixing of 2 samples of stylegan, step 2, seed 5"),
        "{}",
        outcome.out
    );
    assert_eq!(size("styled/samples/mixing-seed-5.png"), of(3, 3));
    place.good("sample styled --sheet truncation --count 1 --zoom 1 --gap 0 --out psi.png");
    let (size, sheet, _) = frames(place.path("psi.png"));
    assert_eq!(size, [8, 6 * 8]);
    for (psi, column) in [("", 0), ("--psi 0.5", 2), ("--psi 0", 3), ("--psi -1", 5)] {
        place.good(&format!("sample styled {psi} --count 1 --zoom 1 --gap 0 --out one.png"));
        let wanted: Vec<u8> = sheet[0].chunks(6 * 24).flat_map(|row| row[column * 24..][..24].to_vec()).collect();
        assert_eq!(frames(place.path("one.png")).1[0], wanted, "{psi}");
    }
    place.good("sample styled --psi 0.7 --interpolate --frames 2 --count 2 --out walk.gif");

    place.bad("sample run --psi 0.7", USAGE, &["--psi", "styles", "stylegan"]);
    place.bad("sample run --sheet noise", USAGE, &["--sheet", "styles", "stylegan"]);
    for psi in ["3", "-2.1", "NaN", "x"] {
        place.bad(&format!("sample styled --psi {psi}"), USAGE, &["from -2 to 2"]);
    }
    place.bad("sample styled --sheet hats", USAGE, &["truncation", "mixing", "noise"]);
    place.bad("sample styled --sheet noise --psi 0.5", USAGE, &["--sheet", "--psi"]);
    place.bad("sample styled --sheet noise --out noise.npy", USAGE, &["--sheet", "array"]);
    place.bad("sample styled --sheet mixing --count 10000", USAGE, &["too large"]);
}
