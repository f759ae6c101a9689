//! Image translation: resuming bit-identically, sheets, and `train translate`.

mod common;

use common::Place;
use std::fs;
use std::path::Path;

/// Small enough for a test.
const TINY: &str = "cyclegan --set size=32 --set blocks=1 --set generator_width=2 --set discriminator_width=2";

/// A picture of one colour, in the file `path`.
fn paint(path: &Path, width: u32, height: u32) {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let pixels: Vec<u8> = (0..width * height * 3).map(|i| (i % 251) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, file).unwrap();
}

/// A picture with an opaque and a transparent pixel.
fn transparent() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 2, 1);
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header().unwrap().write_image_data(&[1, 2, 3, 255, 9, 9, 9, 0]).unwrap();
    file
}

fn size(path: &Path) -> (u32, u32) {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    (reader.info().width, reader.info().height)
}

#[test]
fn an_interrupted_run_ends_in_the_same_bits_and_its_networks_translate() {
    let place = Place::new();
    for name in ["a", "b", "c"] {
        paint(&place.path(&format!("set/trainA/{name}.png")), 40, 30);
        paint(&place.path(&format!("set/trainB/{name}.png")), 32, 32);
    }
    let whole = place.good(&format!("{TINY} --data set --steps 6 --sample-every 3 --out whole"));
    place.good(&format!("{TINY} --data set --steps 3 --out parts"));
    let resumed = place.good("cyclegan --resume parts --steps 6");
    assert_eq!(whole.hash(), resumed.hash());
    let header = common::text(&place.path("whole/metrics.csv")).lines().next().unwrap_or_default().to_owned();
    let losses = "d_a_loss,g_a_loss,cycle_a_loss,idt_a_loss,d_b_loss,g_b_loss,cycle_b_loss,idt_b_loss";
    assert_eq!(header, format!("step,{losses},seconds"));
    // Four columns for each domain, tiles of 128 pixels; a row for each of six pictures.
    assert_eq!(size(&place.path("whole/samples/step-000003.png")), (8 * 130 + 2, 6 * 130 + 2));

    paint(&place.path("in/x.png"), 50, 20);
    paint(&place.path("in/deeper/y.png"), 32, 32);
    fs::write(place.path("in/z.jpg"), "no picture").unwrap();
    let outcome = place.good("translate whole in --direction AtoB --out out");
    assert!(
        outcome.out.contains("2 pictures, step 6") && outcome.err.contains("z.jpg"),
        "{}{}",
        outcome.out,
        outcome.err
    );
    assert_eq!(size(&place.path("out/x.png")), (50, 20), "its own size");
    assert_eq!(size(&place.path("out/deeper/y.png")), (32, 32));
    assert_eq!(size(&place.path("out/_sheet.png")), (4 * 130 + 2, 2 * 130 + 2));
    place.good("translate whole/checkpoints in/x.png --direction btoa --out back");
    let bytes = |name: &str| fs::read(place.path(name)).unwrap();
    assert_ne!(bytes("out/x.png"), bytes("back/x.png"), "the other direction is another network");

    // As before pictures kept their size: a picture of the training size is not touched by fitting.
    place.good("translate whole in --direction AtoB --fit crop --out cropped");
    assert_eq!(size(&place.path("cropped/x.png")), (32, 32));
    assert_eq!(bytes("cropped/deeper/y.png"), bytes("out/deeper/y.png"));
    for fit in ["stretch", "pad"] {
        place.good(&format!("translate whole in/x.png --direction AtoB --fit {fit} --out {fit}"));
        assert_eq!(size(&place.path(&format!("{fit}/x.png"))), (32, 32));
        assert_ne!(bytes(&format!("{fit}/x.png")), bytes("cropped/x.png"));
    }
    place.good("translate whole in --direction AtoB --max-side 30 --out small");
    assert_eq!(size(&place.path("small/x.png")), (30, 12));
    assert_eq!(size(&place.path("small/deeper/y.png")), (30, 30));
    // Tiny pictures are mirrored several times; transparency is announced.
    paint(&place.path("odd/a.png"), 1, 3);
    paint(&place.path("odd/b.png"), 33, 7);
    fs::write(place.path("odd/c.png"), transparent()).unwrap();
    let outcome = place.good("translate whole odd --direction AtoB --out odd-out");
    assert!(
        outcome.err.contains("transparent  odd/c.png: transparent pixels are blended with white"),
        "{}",
        outcome.err
    );
    let sizes = ["a", "b", "c"].map(|name| size(&place.path(&format!("odd-out/{name}.png"))));
    assert_eq!(sizes, [(1, 3), (33, 7), (2, 1)]);

    place.bad("translate whole in --direction AtoB --fit crop --max-side 9 --out out", 2, &["--max-side", "no effect"]);
    place.bad("translate whole in --direction AtoB --fit hat --out out", 2, &["own", "crop", "stretch", "pad"]);
    place.bad("translate whole in --direction north --out out", 2, &["north", "AtoB", "BtoA"]);
    place.bad("translate whole in --direction AtoB --out in", 2, &["would replace the pictures"]);
    place.bad("translate whole nothing --direction AtoB --out out", 4, &["nothing", "no such file or folder"]);
    place.bad("translate whole in/z.jpg --direction AtoB --out out", 4, &["z.jpg", "cannot be read"]);
    place.bad("translate nowhere in --direction AtoB --out out", 5, &["nowhere"]);
    place.bad("translate whole in --direction AtoB --out in/x.png", 7, &["make the folder"]);
    place.bad("sample whole", 2, &["it translates them", "train translate"]);
    place.good(&format!("{} --steps 1 --out drawing", common::TINY));
    place.bad("translate drawing in --direction AtoB --out out", 2, &["does not translate", "quickdraw"]);
}

#[test]
fn pictures_in_an_archive_are_translated_and_compared_like_those_of_a_folder() {
    let place = Place::new();
    place.good(&format!("{TINY} --data built-in --steps 1 --out run"));
    let names = ["in/a.png", "in/b/c.png", "in/b/d.png"].into_iter().map(str::to_owned);
    let names: Vec<String> = names.chain((0..6).map(|number| format!("in/{number}.png"))).collect();
    for (name, width) in names.iter().zip(32..) {
        paint(&place.path(name), width, 32);
    }
    let files: Vec<Vec<u8>> = names.iter().map(|name| fs::read(place.path(name)).unwrap()).collect();
    let entries: Vec<(&str, &[u8])> =
        names.iter().map(String::as_str).zip(files.iter().map(|file| &file[..])).collect();
    fs::write(place.path("in.zip"), common::zip(&entries)).unwrap();
    let translate = |from: &str, out: &str| place.good(&format!("translate run {from} --direction AtoB --out {out}"));
    translate("in", "plain");
    translate("in.zip", "unzipped");
    translate("in.zip/in", "part");
    translate("in.zip/in/b/c.png", "one");
    let read = |name: String| fs::read(place.path(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    for name in &names {
        let own = name.strip_prefix("in/").unwrap();
        let plain = read(format!("plain/{own}"));
        assert_eq!(read(format!("unzipped/in/{own}")), plain, "{name}");
        assert_eq!(read(format!("part/{own}")), plain, "{name}");
    }
    assert_eq!(read("one/c.png".into()), read("plain/b/c.png".into()));
    place.bad("translate run in.zip/none --direction AtoB --out none", 4, &["there is no such file or folder"]);
    assert!(!place.path("none").exists(), "nothing is written");
    place.bad("evaluate --pictures in.zip --against in", 4, &["different sizes"]);
    for name in &names {
        paint(&place.path(name), 32, 32);
    }
    let files: Vec<Vec<u8>> = names.iter().map(|name| fs::read(place.path(name)).unwrap()).collect();
    let entries: Vec<(&str, &[u8])> =
        names.iter().map(String::as_str).zip(files.iter().map(|file| &file[..])).collect();
    fs::write(place.path("same.zip"), common::zip(&entries)).unwrap();
    let scores = |pictures: &str| place.good(&format!("evaluate --pictures {pictures} --against in --metric ink")).out;
    assert_eq!(scores("same.zip").replace("same.zip", "in"), scores("in"));
}
