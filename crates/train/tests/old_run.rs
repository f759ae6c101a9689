//! A run of an older version, whose preset was called `seed` and whose configuration lacks a key
//! that exists today: it is resumed with the same result as in that version, sampled, and
//! evaluated.
//!
//! The fixture was made by that version, with
//!
//! ```text
//! train wgan-gp --preset seed --data built-in --set width=1 --set latent=2 --set k=1 \
//!     --batch 2 --seed 3 --steps 2
//! ```

mod common;

use std::fs;
use std::path::Path;

use common::Place;

/// The weights hash of that version after `--steps 4`.
const HASH: &str = "b7b78b9bca4c1f95d7b9a161471056c4854d493cee8d66247138cf2e1c296037";

/// A copy of the run in a folder of its own.
fn old_run() -> Place {
    let place = Place::new();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/old-run");
    fs::create_dir_all(place.path("old/checkpoints")).unwrap();
    for file in ["config.toml", "metrics.csv", "checkpoints/step-000002.safetensors"] {
        fs::copy(fixture.join(file), place.path("old").join(file)).unwrap();
    }
    place
}

#[test]
fn it_goes_on_to_the_same_bits_whatever_its_preset_is_called() {
    for preset in ["", "--preset seed --log seed", "--preset original --log notebook"] {
        let place = old_run();
        let outcome = place.good(&format!("wgan-gp --resume old --steps 4 {preset}"));
        assert!(outcome.out.contains(HASH), "{preset}: {}", outcome.out);
        let config = fs::read_to_string(place.path("old/config.toml")).unwrap();
        assert!(config.contains("preset = \"original\"") && config.contains("window = \"centred\""), "{config}");
        // It has not recorded a version of the numerics, so it counts as version 1.
        assert!(config.contains(&format!("\nnumerics = {}\n", kernels::NUMERICS)), "{config}");
        let says_so = outcome.err.contains("version 1 of the numerics computed the run up to step 2");
        assert_eq!(says_so, kernels::NUMERICS != 1, "{}", outcome.err);
        let metrics = fs::read_to_string(place.path("old/metrics.csv")).unwrap();
        assert_eq!(metrics.lines().count(), 5, "{metrics}");
    }
}

#[test]
fn it_is_sampled_and_evaluated() {
    let place = old_run();
    let outcome = place.good("sample old --count 4 --out sheet.png");
    assert!(outcome.out.contains("4 samples of wgan-gp, step 2") && place.path("sheet.png").is_file());
    let outcome = place.good("evaluate old --count 20 --metric ink");
    assert!(outcome.out.contains("ink"), "{}", outcome.out);
}
