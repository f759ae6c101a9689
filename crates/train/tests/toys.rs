//! The toy data of wgan-gp from the command line: points in the plane instead of images.

mod common;

use common::{Place, text};

const TOY: &str = "wgan-gp --preset gauss8 --batch 16 --set width=8 --set k=2 --seed 3";

fn bytes(place: &Place, name: &str) -> Vec<u8> {
    std::fs::read(place.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn a_toy_trains_resumes_and_shows_itself() {
    let place = Place::new();
    let whole = place.good(&format!("{TOY} --steps 4 --sample-every 2 --evaluate-every 2 --out whole"));
    assert!(whole.err.contains("data         points in the plane"), "{}", whole.err);
    place.good(&format!("{TOY} --steps 2 --sample-every 2 --out parts"));
    let parts = place.good("wgan-gp --resume parts --steps 4 --threads 1 --log seed");
    assert_eq!(whole.hash(), parts.hash());
    for picture in ["reals.png", "step-000000.png", "step-000002.png", "step-000004.png"] {
        let [whole, parts] = ["whole", "parts"].map(|run| bytes(&place, &format!("{run}/samples/{picture}")));
        assert!(whole == parts && whole.len() > 5000, "{picture}");
    }
    assert!(text(&place.path("whole/quality.csv")).starts_with("step,modes[n=1000],near[n=1000],least["));
    place.good("animate whole --out learning.gif");

    place.good("sample whole");
    let picture = bytes(&place, "whole/samples/sample-seed-3.png");
    place.good("sample whole --count 1000 --seed 3 --out same.png");
    assert_eq!(bytes(&place, "same.png"), picture, "a thousand points of the run's seed");
    place.good("sample whole --count 30 --out few.npy");
    let file = bytes(&place, "few.npy");
    assert!(String::from_utf8_lossy(&file).contains("'descr': '<f4', 'fortran_order': False, 'shape': (30, 2), "));
    assert_eq!(file.len(), 128 + 30 * 2 * 4);
    place.good("sample whole --seeds 4-6 --count 10 --out listed.npy");

    let output = place.good("evaluate whole --out numbers.json").out;
    let starts: Vec<&str> = output.lines().filter_map(|line| line.split('[').next()).collect();
    assert_eq!(starts, ["modes", "near", "least", "most"], "{output}");
    assert!(output.contains("modes[n=10000]") && output.contains("(real vs real 8.000)"), "{output}");
    assert!(text(&place.path("numbers.json")).contains("\"near\""));
    assert!(place.good("evaluate whole --count 100 --seed 7").out.contains("n=100]"));
}

#[test]
fn the_page_explains_a_toy_and_the_summary_tells_its_layers() {
    let place = Place::new();
    place.good("explain wgan-gp --preset gauss8 --batch 4 --set width=4 --set k=1");
    let page = text(&place.path("explain.html"));
    assert!(page.contains("points in the plane, drawn for each step"));
    let summary = place.good("summary wgan-gp --preset gauss25").out;
    assert!(
        ["33,537", "33,666"].iter().all(|total| summary.contains(&format!("Total params: {total}\n"))),
        "{summary}"
    );
}

#[test]
fn what_is_about_images_is_refused() {
    let place = Place::new();
    for (option, key) in [("--data x", "`data`"), ("--class 3", "`class`"), ("--set augment.flip=true", "`augment`")] {
        place.bad(&format!("{TOY} --steps 1 {option}"), 4, &[key, "it learns from points in the plane", "preset"]);
    }
    place.bad(&format!("{TOY} --steps 1 --set images.filter='nearest'"), 4, &["`images`"]);
    place.bad(&format!("{TOY} --steps 1 --set diff_augment=['cutout']"), 3, &["wgan-gp.diff_augment", "points"]);
    place.bad("explain wgan-gp --preset gauss8 --data x", 4, &["`data`"]);

    place.good(&format!("{TOY} --steps 1 --data built-in --out run"));
    for (option, words) in [
        ("--interpolate", "--interpolate is for pictures"),
        ("--zoom 2", "--zoom"),
        ("--columns 2", "--columns"),
        ("--gap 2", "--gap"),
        ("--out points/", "a folder of single pictures"),
    ] {
        place.bad(&format!("sample run {option}"), 2, &[words, "this run generates points"]);
    }
    place.bad("sample run --raw", 2, &["keeps no average"]);
    place.bad("evaluate run --metric kid", 2, &["points in the plane", "--metric"]);
    place.bad("evaluate run --extractor evalnet28", 2, &["points in the plane"]);
    place.bad("evaluate run --data x", 4, &["`data`"]);
    place.bad("translate run . --direction AtoB --out there", 2, &["does not translate"]);
    place.bad("wgan-gp --resume run --steps 2 --data x", 4, &["`data`"]);
}
