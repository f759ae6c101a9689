//! Archives and transparent pictures as data, and the commands that look at files, runs and the
//! machine, as the command line has them.

mod common;

use common::{Place, TINY, zip};
use serde_json::Value;

const CHECKPOINT: i32 = 5;
const DATA: i32 = 4;

/// A PNG of 12 x 12 colours with an alpha channel; no two with the same number are alike.
fn sprite(number: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 12, 12);
    encoder.set_color(png::ColorType::Rgba);
    let pixels: Vec<u8> = (0..12 * 12 * 4).map(|at: u32| (at * (number + 3) * 7 % 251) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}

/// The colour type and the pixels of a PNG file.
fn decoded(place: &Place, name: &str) -> (png::ColorType, Vec<u8>) {
    let file = std::io::BufReader::new(std::fs::File::open(place.path(name)).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.color_type, pixels)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn an_archive_trains_to_the_bits_of_its_folder_and_damage_leaves_nothing() {
    let place = Place::new();
    let names: Vec<String> = (0..6).map(|number| format!("{}/{number}.png", number % 2)).collect();
    let files: Vec<Vec<u8>> = (0..6).map(sprite).collect();
    let entries: Vec<(&str, &[u8])> =
        names.iter().map(|name| &**name).zip(files.iter().map(|file| &file[..])).collect();
    for (name, file) in &entries {
        std::fs::create_dir_all(place.path("sprites").join(name).parent().unwrap()).unwrap();
        std::fs::write(place.path("sprites").join(name), file).unwrap();
    }
    std::fs::write(place.path("sprites.zip"), zip(&entries)).unwrap();
    let train = "folder --set size=28 --set width=2 --set latent=4 --batch 2 --steps 1";
    let plain = place.good(&format!("{train} --data sprites --out plain"));
    let zipped = place.good(&format!("{train} --data sprites.zip --out zipped"));
    assert_eq!(plain.hash(), zipped.hash());
    let part = place.good(&format!("{train} --data sprites.zip/1 --out part"));
    assert!(part.err.contains("Found 3 images"), "{}", part.err);
    // The run finds its images again, also by the absolute path.
    place.good("folder --resume part --steps 2");
    for system in
        ["stylegan2 --set size=8 --set fmap_base=16 --set fmap_max=4 --batch 4", "cifar --batch 4", "vanilla --batch 4"]
    {
        place.good(&format!("{system} --data sprites.zip --dry-run"));
    }
    let pair: Vec<(&str, &[u8])> =
        [("x/trainA/0.png", &*files[0]), ("x/trainA/1.png", &*files[1]), ("x/trainB/0.png", &*files[2])].to_vec();
    std::fs::write(place.path("pair.zip"), zip(&pair)).unwrap();
    place.good("cyclegan --preset cpu --data pair.zip --dry-run");

    let mut bad = zip(&entries);
    (40..bad.len() / 2).step_by(29).for_each(|at| bad[at] ^= 0xFF);
    std::fs::write(place.path("bad.zip"), bad).unwrap();
    place.bad(&format!("{train} --data bad.zip --out bad"), DATA, &["cannot be read", "help:"]);
    std::fs::write(place.path("cut.zip"), &zip(&entries)[..500]).unwrap();
    place.bad(&format!("{train} --data cut.zip --out bad"), DATA, &["damaged or incomplete"]);
    std::fs::write(place.path("out.zip"), zip(&[("../0.png", &files[0]), ("1.png", &files[1])])).unwrap();
    place.bad(&format!("{train} --data out.zip --out bad"), DATA, &["may do harm", "../0.png"]);
    assert!(!place.path("bad").exists() && !place.path("data").exists());
}

#[test]
fn transparency_is_learned_and_written() {
    let place = Place::new();
    std::fs::create_dir(place.path("sprites")).unwrap();
    for number in 0..16 {
        std::fs::write(place.path(&format!("sprites/{number}.png")), sprite(number)).unwrap();
    }
    let train = "folder --set size=28 --set width=2 --set latent=4 --batch 4 --data sprites --steps 2";
    let augmented = r#"--set channels=4 --set diff_augment=["color","cutout"]"#;
    let run = place.good(&format!("{train} {augmented} --out clear"));
    assert!(run.err.contains("28x28x4"), "{}", run.err);
    let (color, pixels) = decoded(&place, "clear/samples/reals.png");
    assert_eq!(color, png::ColorType::Rgba);
    assert!(pixels.chunks(4).any(|pixel| pixel[3] == 0) && pixels.chunks(4).any(|pixel| pixel[3] == 255));
    place.good("sample clear --count 2 --out one/");
    assert_eq!(decoded(&place, "one/0001.png").0, png::ColorType::Rgba);
    place.good("sample clear --count 4 --out four.npy");
    let about = json(&place.good("inspect four.npy --json").out);
    assert_eq!(about["arrays"][0]["shape"], serde_json::json!([4, 28, 28, 4]));
    // What was written can be learned from.
    place.good(&format!("{train} --set channels=4 --data four.npy --out again").replace("--data sprites ", ""));
    place.good("animate clear --out moves.png");
    place.good("evaluate clear --count 8 --metric ink");
    let opaque = place.good(&format!("{train} --out opaque"));
    assert!(opaque.err.contains("--set channels=4"), "{}", opaque.err);
}

#[test]
fn files_are_inspected() {
    let place = Place::new();
    let run = place.good(&format!("{TINY} --data built-in --steps 1 --out run"));
    let text = place.good("inspect run").out;
    for words in ["checkpoint", "quickdraw", run.hash(), "checksum     correct", "all finite", "F32"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let found = json(&place.good("inspect run/checkpoints/step-000001.safetensors --json").out);
    assert_eq!(found["about"]["weights_hash"], run.hash());
    assert!(found["arrays"].as_array().unwrap().iter().all(|array| array["not_finite"] == 0));
    // Damage is reported, and what can be read is shown.
    let path = place.path("run/checkpoints/step-000001.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(place.good("inspect run").out.contains("its checksum is wrong"));
    std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    place.bad("inspect run", CHECKPOINT, &["incomplete", "help:"]);
    place.bad("inspect none", CHECKPOINT, &["none"]);
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
    let values = [1.0_f32, f32::NAN].map(f32::to_le_bytes).concat();
    let array = [b"\x93NUMPY\x01\0", &[header.len() as u8, 0][..], header.as_bytes(), &values].concat();
    std::fs::write(place.path("a.npz"), zip(&[("x.npy", &array)])).unwrap();
    let text = place.good("inspect a.npz").out;
    assert!(text.contains("1 of them NaN") && text.contains("float32"), "{text}");
}

#[test]
fn runs_are_listed_shown_and_removed_after_a_confirmation() {
    let place = Place::new();
    assert!(place.good("runs list").out.contains("there are no runs in runs"));
    place.good(&format!("{TINY} --data built-in --steps 1"));
    let text = place.good("runs list").out;
    assert!(text.contains("runs/0001-quickdraw") && text.contains("finished, 1 step"), "{text}");
    let listed = json(&place.good("runs list --json").out);
    assert_eq!((&listed[0]["steps_done"], &listed[0]["in_use"]), (&Value::from(1), &Value::from(false)));
    let shown = place.good("runs show runs/0001-quickdraw").out;
    assert!(shown.contains("d_loss") && shown.contains("config.toml"), "{shown}");
    std::fs::create_dir(place.path("mine")).unwrap();
    std::fs::write(place.path("mine/config.toml"), "system = \"quickdraw\"").unwrap();
    place.bad("runs remove mine runs/0001-quickdraw --yes", 2, &["not a run", "mine"]);
    place.bad("runs remove runs/0001-quickdraw", 2, &["not confirmed", "`--yes`"]);
    assert!(place.path("runs/0001-quickdraw/config.toml").exists());
    place.good("runs remove runs/0001-quickdraw --yes");
    assert_eq!(std::fs::read_dir(place.path("runs")).unwrap().count(), 0);
}

#[test]
fn the_machine_is_examined() {
    let place = Place::new();
    let text = place.good("doctor").out;
    assert!(text.contains("instruction set") && text.contains("data not found"), "{text}");
    let found = json(&place.good("doctor --json").out);
    assert!(found["findings"].as_array().unwrap().len() > 8);
    let mut broken = place.command("doctor");
    broken.env("BACKDRAW_ISA", "abacus").env("RAYON_NUM_THREADS", "0");
    let outcome = common::finish(broken);
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert!(outcome.out.matches("PROBLEM").count() == 2 && outcome.err.contains("2 problems"), "{}", outcome.out);
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = place.good(&format!("completions {shell}")).out;
        assert!(text.contains("quickdraw") && text.contains("completions"), "{shell}");
    }
    let page = place.good("man").out;
    assert!(page.contains(".TH") && page.contains("inspect"), "{page}");
    place.good("man --out pages");
    for name in ["train.1", "train-quickdraw.1", "train-runs-remove.1"] {
        assert!(place.path(&format!("pages/{name}")).is_file(), "{name}");
    }
}

#[test]
fn what_informs_prints_json_on_request() {
    let place = Place::new();
    let systems = json(&place.good("systems --json").out);
    assert_eq!(systems[0]["name"], "quickdraw");
    let networks = json(&place.good("summary quickdraw --json").out);
    assert!(networks[0][0]["layers"].as_array().is_some_and(|layers| !layers.is_empty()));
    let plan = json(&place.good(&format!("{TINY} --data built-in --dry-run --json")).out);
    assert!(plan["memory"].as_u64().unwrap() > 1 << 20 && plan["stages"][0]["batch"] == 2, "{plan}");
    place.good(&format!("{TINY} --data built-in --steps 1 --out run"));
    let scores = json(&place.good("evaluate run --count 8 --metric ink --json").out);
    assert_eq!((&scores["step"], &scores["numbers"][0]["metric"]), (&Value::from(1), &Value::from("ink_mean")));
    let checked = json(&place.good("gradcheck square --json").out);
    assert_eq!(
        (&checked["operations"][0]["operation"], &checked["operations"][0]["ok"]),
        (&"square".into(), &true.into())
    );
    assert_eq!(json(&place.good("fetch --json").out).as_array().map(Vec::len), Some(4));
    let files = json(&place.good("fetch quickdraw --class cat --dry-run --json").out);
    assert!(files[0]["url"].as_str().is_some_and(|url| url.ends_with("/cat.npy")), "{files}");
}
