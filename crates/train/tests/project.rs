//! `train project`: finds the style that reproduces a given picture.

mod common;

use std::fs;

use common::Place;
use ndarray::Array1;
use ndarray_npy::ReadNpyExt as _;

#[test]
fn a_run_that_draws_from_styles_finds_that_of_a_picture() {
    let place = Place::new();
    let tiny = "stylegan2 --batch 4 --set size=16 --set fmap_base=32 --set fmap_max=8 --set r1_interval=3";
    place.resumes_to_the_same_bits(&format!("{tiny} --threads 2"), [2, 5], "--threads 1");
    let metrics = common::text(&place.path("whole/metrics.csv"));
    let names = "d_loss,g_loss,d_real,d_fake,g_fake,penalty,gradient_norm,path_length,path_penalty,kimg";
    assert!(metrics.starts_with(&format!("step,{names},seconds\n")), "{metrics}");

    place.good("sample whole --count 1 --columns 1 --zoom 1 --gap 0 --out face.png");
    let output = place.good("project whole face.png --steps 20").out;
    assert!(
        output.contains("samples/project-face.png: distance 0.") && output.contains("at the mean style"),
        "{output}"
    );
    let bytes = |name: &str| fs::read(place.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let style = bytes("whole/samples/project-face.npy");
    assert_eq!(Array1::<f32>::read_npy(&style[..]).expect("an array").len(), 8);
    place.good("project whole/checkpoints face.png --steps 20 --out again.png");
    assert_eq!((&bytes("again.npy"), &bytes("again.png")), (&style, &bytes("whole/samples/project-face.png")));
    place.good("project whole face.png --steps 20 --seed 2 --out a/b/other.png");
    assert_ne!(bytes("a/b/other.npy"), style);

    fs::write(place.path("broken.png"), "no picture").expect("a file");
    place.bad("project whole broken.png --steps 20", 4, &["broken.png", "cannot be read"]);
    place.bad("project whole nothing.png --steps 20", 4, &["nothing.png"]);
    place.bad("project whole face.png --out style.npy", 2, &["style.npy", ".png"]);
    place.bad("project whole face.png --steps 0", 2, &["--steps"]);
    place.bad("project nowhere face.png", 5, &["nowhere"]);
    place.good(&format!("{} --steps 1 --out drawing", common::TINY));
    place.bad("project drawing face.png", 2, &["styles", "stylegan2"]);
}
