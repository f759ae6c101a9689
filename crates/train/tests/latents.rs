//! Given latents and styles, what is written of them, and directions: `train sample` and
//! `train directions`.

mod common;

use std::fs;
use std::path::Path;

use common::{Place, TINY};
use guide::manual;
use guide::markdown::blocks;
use ndarray::{Array2, Array3, Axis, concatenate};
use ndarray_npy::{ReadNpyExt as _, read_npy, write_npy};

const USAGE: i32 = 2;
const DATA: i32 = 4;

/// The arguments of a short run of every system that draws from latents.
const RUNS: [&str; 12] = [
    TINY,
    "mnist --batch 4 --set latent=4",
    "vanilla --batch 4 --set latent=4 --set size=8",
    "cifar --batch 2 --set first=2 --set width=2 --set d_width=2",
    "dcgan --preset mnist28 --batch 2 --set width=2",
    "faces --batch 2 --set width=2 --set size=32",
    "folder --batch 2 --set width=1 --set size=28",
    "wgan-gp --batch 2 --set width=2 --set latent=4 --set k=1",
    "wgan-gp --preset gauss8 --batch 16 --set width=8 --set k=1",
    "progan --batch 4 --set size=8 --set fmap_base=16 --set fmap_max=4",
    STYLEGAN,
    STYLEGAN2,
];
const STYLEGAN: &str = "stylegan --batch 4 --set size=8 --set fmap_base=16 --set fmap_max=4";
const STYLEGAN2: &str = "stylegan2 --batch 4 --set size=16 --set fmap_base=32 --set fmap_max=8";

/// Runs a line with quoted words.
fn run(place: &Place, line: &str) -> common::Outcome {
    let mut command = place.command("");
    command.args(shlex::split(line).unwrap());
    let outcome = common::finish(command);
    assert_eq!(outcome.code, Some(0), "train {line}\n{}", outcome.err);
    outcome
}

fn bytes(place: &Place, name: &str) -> Vec<u8> {
    fs::read(place.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Draws with these options, and returns the array of the images.
fn drawn(place: &Place, line: &str) -> Vec<u8> {
    run(place, &format!("sample {line} --out drawn.npy"));
    bytes(place, "drawn.npy")
}

fn pixels(path: &Path) -> ([u32; 2], Vec<u8>) {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    ([reader.info().height, reader.info().width], pixels)
}

#[test]
fn every_system_draws_the_same_images_from_the_latents_that_it_wrote() {
    let place = Place::new();
    for entry in models::SYSTEMS.iter().filter(|entry| entry.name != "cyclegan") {
        assert!(RUNS.iter().any(|run| run.split(' ').next() == Some(entry.name)), "no run of {}", entry.name);
    }
    for (number, line) in RUNS.iter().enumerate() {
        // Points need no images.
        let data = if line.contains("gauss8") { "" } else { "--data built-in" };
        place.good(&format!("{line} {data} --steps 1 --out {number}"));
        let own = drawn(&place, &format!("{number} --count 5 --latents-out z.npy"));
        assert_eq!(drawn(&place, &format!("{number} --latents z.npy")), own, "{line}");
        let z: Array2<f32> = read_npy(place.path("z.npy")).unwrap();
        assert_eq!(z.nrows(), 5);
        write_npy(place.path("wide.npy"), &z.mapv(f64::from)).unwrap();
        assert_eq!(drawn(&place, &format!("{number} --latents wide.npy")), own, "{line}, from f64");
        assert_eq!(drawn(&place, &format!("{number} --latents 1-5")), own, "{line}, by numbers");
        assert_ne!(drawn(&place, &format!("{number} --latents '-1 * z.npy'")), own, "{line}, others");
    }
}

#[test]
fn latents_can_be_calculated_walked_through_and_refused() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 1 --sample-every 1 --out run"));
    drawn(&place, "run --count 9 --latents-out z.npy");
    let z: Array2<f32> = read_npy(place.path("z.npy")).unwrap();
    let mean = |rows: std::ops::Range<usize>| {
        let sum = rows.clone().fold(ndarray::Array1::<f64>::zeros(32), |sum, row| sum + z.row(row).mapv(f64::from));
        sum / rows.len() as f64
    };
    let wanted = (mean(0..3) - mean(3..6) + mean(6..9)).mapv(|x| x as f32);
    write_npy(place.path("wanted.npy"), &wanted).unwrap();
    let outcome =
        run(&place, "sample run --latents 'mean(1-3) - mean(z.npy[4-6]) + mean(7,8,9)' --latents-out found.npy");
    assert!(
        outcome.out.contains("sample-latents.png: 1 sample of quickdraw, step 1, latents mean(1-3) - mean(z.npy[4-6])"),
        "{}",
        outcome.out
    );
    assert_eq!(read_npy::<_, Array2<f32>>(place.path("found.npy")).unwrap().row(0), wanted);
    assert_eq!(drawn(&place, "run --latents wanted.npy"), drawn(&place, "run --latents found.npy"));
    // A seed's samples, and the first of several rows.
    assert_eq!(drawn(&place, "run --latents 2-3 --seed 7 --count 1"), drawn(&place, "run --latents 2 --seed 7"));
    assert_ne!(drawn(&place, "run --latents 2"), drawn(&place, "run --latents 2 --seed 7"));

    // A walk through given points, as frames: every fourth frame is a point.
    run(&place, "sample run --latents 1-3 --interpolate --frames 4 --zoom 1 --gap 0 --out frames/");
    run(&place, "sample run --count 3 --out points/");
    assert_eq!(fs::read_dir(place.path("frames")).unwrap().count(), 9);
    for (frame, point) in [(1, 1), (5, 2), (9, 3)] {
        let [frame, point] =
            [format!("frames/{frame:04}.png"), format!("points/{point:04}.png")].map(|name| pixels(&place.path(&name)));
        assert_eq!(frame, point);
    }
    assert_ne!(bytes(&place, "frames/0002.png"), bytes(&place, "frames/0001.png"));
    place.good("animate run --out sheets/");
    for step in 0..2 {
        let [sheet, frame] = [format!("run/samples/step-{step:06}.png"), format!("sheets/{:04}.png", step + 1)]
            .map(|name| pixels(&place.path(&name)));
        assert_eq!(sheet, frame);
    }

    write_npy(place.path("other.npy"), &Array2::<f32>::zeros((2, 31))).unwrap();
    place.bad("sample run --latents other.npy", DATA, &["other.npy", "found shape (2, 31), wanted (N, 32) or (32,)"]);
    write_npy(place.path("cube.npy"), &Array3::<f32>::zeros((1, 2, 32))).unwrap();
    place.bad("sample run --latents cube.npy", DATA, &["found shape (1, 2, 32)"]);
    for bad in [f64::NAN, f64::INFINITY, 1e300] {
        write_npy(place.path("bad.npy"), &Array2::from_elem((1, 32), bad)).unwrap();
        place.bad("sample run --latents bad.npy", DATA, &["bad.npy", "element 0"]);
    }
    // Too large to be squared: the latents are to blame, not the weights.
    let mut large = z.clone();
    large[[2, 5]] = -3e38;
    write_npy(place.path("large.npy"), &large).unwrap();
    for walk in ["", "--interpolate --out walk.gif"] {
        let why = ["row 3 of large.npy", "-3e38", "too large for the network", "option --latents"];
        place.bad(&format!("sample run --latents large.npy {walk}"), USAGE, &why);
    }
    assert!(!place.path("walk.gif").exists(), "nothing is written");
    let why = ["row 1 of 3e38*1", "too large for the network"];
    place.bad("sample run --latents 3e38*1", USAGE, &why);
    run(&place, "sample run --latents 'large.npy[1-2]' --out drawn.npy");
    fs::write(place.path("bad.npy"), "no array").unwrap();
    place.bad("sample run --latents bad.npy", DATA, &["bad.npy", "NumPy"]);
    place.bad("sample run --latents nothing.npy", DATA, &["nothing.npy"]);
    place.bad("sample run --latents 1,hat", USAGE, &["hat", "--latents"]);
    place.bad("sample run --latents 1 --seeds 3", USAGE, &["--latents", "--seeds"]);
    place.bad("sample run --latents 1 --count 2", USAGE, &["stands for 1", "--count"]);
    place.bad("sample run --latents z.npy --seed 3", USAGE, &["--seed", "no effect"]);
    place.bad("sample run --latents-out z.txt", USAGE, &["z.txt", ".npy"]);
    place.bad("sample run --out z.npy --latents-out z.npy", USAGE, &["same path"]);
    place.bad("sample run --interpolate --latents z.npy[2]", USAGE, &["two latents", "only one row"]);
    place.bad("sample run --interpolate --latents-out x.npy", USAGE, &["--latents-out", "--interpolate"]);
    place.bad("sample run --styles 1", USAGE, &["--styles needs a system with styles", "stylegan2"]);
    place.bad("sample run --direction 1:2", USAGE, &["--direction needs a system with styles"]);
    place.bad("directions run", USAGE, &["needs a system with styles", "stylegan or stylegan2"]);
}

#[test]
fn styles_come_from_files_and_move_along_directions() {
    let place = Place::new();
    for (system, layers, width, size) in [(STYLEGAN, 4, 4, 8), (STYLEGAN2, 6, 8, 16)] {
        place.good(&format!("{system} --data built-in --steps 2 --out run"));
        let own = drawn(&place, "run --count 3 --styles-out w.npy");
        assert_eq!(own, drawn(&place, "run --count 3"));
        let w: Array2<f32> = read_npy(place.path("w.npy")).unwrap();
        assert_eq!(w.dim(), (3, width));
        for styles in ["w.npy", "1-3", "w.npy[1], 2, w.npy[3]"] {
            assert_eq!(drawn(&place, &format!("run --styles '{styles}'")), own, "{styles}");
        }
        // A style for each layer.
        let each = concatenate(Axis(1), &vec![w.view().insert_axis(Axis(1)); layers]).unwrap();
        write_npy(place.path("each.npy"), &each).unwrap();
        assert_eq!(drawn(&place, "run --styles each.npy"), own);
        assert_eq!(drawn(&place, "run --styles w.npy --psi 0.5"), drawn(&place, "run --count 3 --psi 0.5"));
        run(&place, "sample run --styles w.npy --interpolate --frames 2 --out walk.gif");
        place.bad("sample run --styles other.npy", DATA, &["other.npy"]);
        write_npy(place.path("other.npy"), &Array2::<f32>::zeros((2, width + 1))).unwrap();
        let wanted = format!("wanted (N, {width}), ({width},) or, with a style for each layer, (N, {layers}, {width})");
        place.bad("sample run --styles other.npy", DATA, &[&wanted]);
        fs::remove_file(place.path("other.npy")).unwrap();

        let outcome = place.good("directions run --count 3");
        assert!(
            outcome.out.contains("3 directions in sefa.npy and sefa.png; 3 directions in principal.npy"),
            "{}",
            outcome.out
        );
        let sefa: Array2<f32> = read_npy(place.path("run/directions/sefa.npy")).unwrap();
        assert_eq!(sefa.dim(), (3, width));
        let (sheet, _) = pixels(&place.path("run/directions/principal.png"));
        assert_eq!(sheet, [3 * 130 + 2, 7 * 130 + 2]);
        // The number, the file, and the styles themselves.
        let moved = drawn(&place, "run --count 3 --direction 2:1.5 --styles-out moved.npy");
        assert_ne!(moved, own);
        assert_eq!(drawn(&place, "run --count 3 --direction run/directions/sefa.npy[2]:1.5"), moved);
        assert_eq!(drawn(&place, "run --styles moved.npy"), moved);
        assert_eq!(drawn(&place, "run --styles w.npy --direction 2:1 --direction 2:0.5"), moved);
        let moved: Array2<f32> = read_npy(place.path("moved.npy")).unwrap();
        assert_eq!(moved, &w + &sefa.row(1).mapv(|x| 1.5 * x));
        // The sheet shows sample 1 with every amount from -3 to 3.
        run(&place, "directions run --method sefa --count 2 --out found");
        let zoom = 128 / size;
        let tile = |column: u32| {
            let ([_, full], sheet) = pixels(&place.path("found/sefa.png"));
            let channels = sheet.len() / (full as usize * (2 * 130 + 2));
            let at =
                |y: usize, x: usize| ((2 + y * zoom) * full as usize + 2 + column as usize * 130 + x * zoom) * channels;
            (0..size * size).flat_map(|i| sheet[at(i / size, i % size)..][..channels].to_vec()).collect::<Vec<u8>>()
        };
        for (column, direction) in [(3, String::new()), (0, "--direction 1:-3".into()), (5, "--direction 1:2".into())] {
            let one = drawn(&place, &format!("run --count 1 {direction}"));
            assert!(one.ends_with(&tile(column)), "{direction}");
        }
        // Some layers only: their styles move, and no others.
        run(&place, "directions run --method sefa --count 2 --layers 1-2 --out found");
        let some: Array3<f32> = read_npy(place.path("found/sefa.npy")).unwrap();
        assert_eq!(some.dim(), (2, layers, width));
        assert!(some.iter().enumerate().all(|(i, x)| i / width % layers < 2 || *x == 0.0));
        let coarse = drawn(&place, "run --count 3 --direction 1:2 --layers 1-2 --styles-out coarse.npy");
        assert_eq!(drawn(&place, "run --count 3 --direction found/sefa.npy[1]:2"), coarse);
        assert_eq!(Array3::<f32>::read_npy(&bytes(&place, "coarse.npy")[..]).unwrap().dim(), (3, layers, width));
        assert_eq!(drawn(&place, "run --styles coarse.npy"), coarse);

        for direction in ["--direction 1:3e38", "--direction 1:3e38 --direction 1:3e38 --styles-out inf.npy"] {
            let why = ["too large for the network", "option --direction", "along 1:3e38"];
            place.bad(&format!("sample run {direction}"), USAGE, &why);
        }
        assert!(!place.path("inf.npy").exists(), "nothing is written");
        let why = ["row 1 of 1e30*w.npy", "too large for the network", "option --styles"];
        place.bad("sample run --styles 1e30*w.npy", USAGE, &why);
        let why = ["row 1 of 1e30*1-2", "too large for the network", "option --latents"];
        place.bad("sample run --latents 1e30*1-2", USAGE, &why);
        place.bad("sample run --direction 3", USAGE, &["--direction", "a colon and an amount"]);
        place.bad("sample run --direction 99:1", USAGE, &["no direction 99"]);
        place.bad("sample run --direction run/directions/sefa.npy:1", USAGE, &["which direction", "3 directions"]);
        place.bad("sample run --direction z.npy:1", DATA, &["z.npy"]);
        place.bad(
            "sample run --direction 1:1 --layers 9",
            USAGE,
            &["list of layers", &format!("largest number is {layers}")],
        );
        place.bad("sample run --layers 1", USAGE, &["--direction"]);
        fs::remove_dir_all(place.path("run")).unwrap();
    }
}

/// The commands of the Manual's page about latents work, one after the other.
#[test]
fn the_manual_s_page_about_latents_works() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 1 --out runs/0001-quickdraw"));
    place.good(&format!("{STYLEGAN2} --steps 1 --data built-in --out runs/0002-stylegan2"));
    place.good("sample runs/0002-stylegan2 --count 1 --columns 1 --zoom 1 --gap 0 --out face.png");
    let (_, page) = manual::PAGES.iter().find(|(name, _)| *name == "latents").expect("the page");
    let blocks = blocks(page).into_iter().filter(|block| block.kind == "sh");
    let lines: Vec<String> =
        blocks.flat_map(|block| block.text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    assert!(lines.len() >= 15, "{lines:?}");
    for line in lines {
        let steps = if line.contains(" project ") { " --steps 5" } else { "" };
        run(&place, &format!("{}{steps}", line.strip_prefix("train ").expect("a command")));
    }
    assert_eq!(bytes(&place, "samples.npy"), bytes(&place, "again.npy"));
}
