//! The other commands: sampling, evaluating, explaining, fetching.

use super::{Situation, by};
use crate::stage::Stage;

pub(super) fn all() -> Vec<Situation> {
    [sampling(), given(), exporting(), measuring(), explaining(), others()].concat()
}

fn run(stage: &Stage) {
    stage.bring("run");
}

fn points(stage: &Stage) {
    stage.bring("points");
}

fn sampling() -> Vec<Situation> {
    vec![
        by("translates-instead", "sample pairs").with(|stage| stage.bring("pairs")).fill(&[("PICTURES", "pics")]),
        by("draws-instead", "translate run pics --direction AtoB --out x").with(run),
        by("gif-moves", "sample run --count 2 --out x.gif").with(run),
        by("samples-ending", "sample run --count 2 --out x.jpg").with(run),
        by("idle-option", "sample run --count 2 --columns 2 --out x.npy").with(run),
        by("idle-option", "sample run --count 2 --gap 1 --out x/").with(run),
        by("idle-option", "sample run --count 2 --interpolate --out x.npy").with(run),
        by("idle-option", "sample styles --sheet noise --out x.npy").with(|stage| stage.bring("styles")),
        by("no-average", "sample run --count 2 --raw").with(run),
        by("sheet-too-large", "sample run --count 10000 --zoom 1000").with(run),
        by("sheet-too-large", "sample run --columns 1 --count 9000 --zoom 50").with(run),
        by("list-of-seeds", "sample run --seeds 5-2").with(run),
        by("list-of-seeds", "sample run --seeds 1,two").with(run),
        by("walk-of-one-seed", "sample run --interpolate --frames 2 --count 1 --seeds 5").with(run),
        by("walk-too-long", "sample run --interpolate --count 1 --frames 1000 --keys 10000").with(run),
        by("walk-through-seeds-too-long", "sample run --interpolate --frames 10000 --seeds 0-499").with(run),
        by("truncate-normal-only", "sample digits --count 2 --truncate 1").with(|stage| stage.bring("digits")),
        by("needs-styles", "sample run --count 2 --psi 0.7").with(run),
        by("needs-styles", "sample run --count 2 --sheet mixing").with(run),
        by("needs-styles", "sample points --count 20 --sheet mixing").with(points),
        by("needs-styles", "evaluate run --count 20 --metric ink --psi 0.7").with(run),
        by("points-not-pictures", "sample points --count 20 --zoom 2").with(points),
        by("points-not-pictures", "sample points --count 20 --interpolate").with(points),
        by("points-not-files", "sample points --count 20 --out x/").with(points),
    ]
}

/// Given latents and styles, directions.
fn given() -> Vec<Situation> {
    let styles = |stage: &Stage| stage.bring("styles");
    vec![
        by("expression", "sample run --latents '1-2 + 1-3'").with(run),
        by("expression", "sample styles --styles hat").with(styles),
        by("idle-seed", "sample styles --seed 3 --styles w.npy").with(|stage| {
            stage.bring("styles");
            stage.write("w.npy", npy_of_zeros(4));
        }),
        by("count-of-rows", "sample run --latents 1-3 --count 4").with(run),
        by("walk-of-one-row", "sample run --interpolate --frames 2 --latents 5").with(run),
        by("walk-of-one-row", "sample styles --interpolate --frames 2 --styles 'mean(1-4)'").with(styles),
        by("walk-through-rows-too-long", "sample run --interpolate --frames 10000 --latents 1-200").with(run),
        by("animation-ending", "animate run --out film.mp4").with(run),
        by("needs-styles", "sample run --count 2 --direction 1:2").with(run),
        by("needs-styles", "sample run --styles 1").with(run),
        by("needs-styles", "sample run --count 2 --styles-out w.npy").with(run),
        by("direction-and-amount", "sample styles --direction 3").with(styles),
        by("direction-and-amount", "sample styles --direction 99:1").with(styles),
        by("which-direction", "sample styles --direction styles/directions/sefa.npy:1").with(|stage| {
            stage.bring("styles");
            stage.place.good("directions styles --method sefa");
        }),
        by("list-of-layers", "sample styles --direction 1:1 --layers 99").with(styles),
        by("list-of-layers", "directions styles --layers 0").with(styles),
        by("idle-max-side", "translate pairs pics --direction AtoB --out x --fit crop --max-side 9")
            .with(|stage| stage.bring("pairs")),
        by("picture-does-not-fit", "translate pairs large.png --direction AtoB --out x")
            .with(|stage| {
                stage.bring("pairs");
                stage.write("large.png", large());
            })
            .limited_to(600_000),
    ]
}

/// A `.npy` file of this many zeros.
fn npy_of_zeros(count: usize) -> Vec<u8> {
    let mut file = crate::stage::npy("<f4", &[count], 0);
    file.resize(file.len() + 4 * count, 0);
    file
}

/// A picture of 4000 x 3000 black pixels.
fn large() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 4000, 3000);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&vec![0; 4000 * 3000]).unwrap();
    file
}

fn exporting() -> Vec<Situation> {
    vec![
        by("export-weights", "export dropping --format onnx").with(|stage| stage.bring("dropping")),
        by("export-idle-option", "export run --format npz --count 3").with(run),
        by("export-idle-option", "export run --format hub --noise input").with(run),
        by("export-idle-option", "export run --format onnx --noise input").with(run),
        by("export-over", "export run --format npz --out x").with(|stage| {
            stage.bring("run");
            stage.write("x/README.md", "");
        }),
        by("export-into-a-file", "export run --format npz --out x").with(|stage| {
            stage.bring("run");
            stage.write("x", "");
        }),
    ]
}

fn measuring() -> Vec<Situation> {
    vec![
        by("no-such-extractor", "evaluate run --count 20 --metric ink --extractor pca46").with(run).wrong("pca46"),
        by("no-such-extractor", "evaluate run --extractor xyzzy").with(run).only_printed(),
        by("no-such-metric", "evaluate run --count 20 --metric freshet").with(run).wrong("freshet"),
        by("no-such-metric", "evaluate run --metric xyzzy").with(run).only_printed(),
        by("metric-of-classes", "evaluate digits --count 20 --metric classes")
            .with(|stage| stage.bring("digits"))
            // The training of the classifier, which follows, takes minutes.
            .says("classifier   training evalnet28"),
        by("metric-without-classes", "evaluate run --count 20 --metric classes").with(run),
        by("no-classifier", "evaluate run --count 20 --metric ink --extractor evalnet28").with(run),
        by("classifier-of-other-size", "evaluate digits --count 20 --metric ink --extractor evalnet32")
            .with(|stage| stage.bring("digits")),
        by("points-have-own-numbers", "evaluate points --count 50 --metric ink").with(points),
        by("points-have-own-numbers", "evaluate points --count 50 --extractor evalnet28").with(points),
    ]
}

fn explaining() -> Vec<Situation> {
    vec![
        by("example-brings-numbers", "explain --preset scalar --batch 8"),
        by("example-brings-numbers", "explain --preset scalar --step 1"),
        by("example-brings-numbers", "explain --preset scalar --set batch=3"),
        by("step-of-which-run", "explain quickdraw --preset cpu --set depth=2 --batch 4 --data doodles.npy --step 1")
            .fill(&[("RUN", "run")])
            .with(run),
        by("no-such-example", "explain --preset scalr").wrong("scalr"),
        by("no-such-example", "explain --preset xyzzy").only_printed(),
        by("explained-run-is-fixed", "explain --run run --preset scalar").with(run),
        by("explain-of-another-system", "explain mnist --run run").with(run),
        by("report-of-no-run", "report empty")
            .with(|stage| {
                stage.bring("run");
                std::fs::create_dir(stage.path("empty")).unwrap();
            })
            .fill(&[("RUN", "run")]),
        by("report-over-live-page", "report run --out run/report.html").with(|stage| {
            stage.bring("run");
            stage.write("run/report.html", "");
        }),
        by("museum-in-run", "museum dead-units --out run").with(run),
        by("no-such-operation", "derive matmull").wrong("matmull"),
        by("no-such-operation", "gradcheck sigmiod").wrong("sigmiod"),
        by("no-such-operation", "derive xyzzy").only_printed(),
    ]
}

fn others() -> Vec<Situation> {
    vec![
        // Tests download nothing: `--dry-run` only lists the files.
        by("no-such-set", "fetch minst").wrong("minst").more(|_| "--dry-run".into()),
        by("no-such-set", "fetch xyzzy").only_printed(),
        by("class-of-doodles", "fetch quickdraw --class a/b --dry-run"),
        by("set-of-all-classes", "fetch mnist --class 3 --dry-run"),
        by("playground-link", "playground-hash --link points&seed=x"),
        by("playground-weights", "playground-hash --steps 1 --out w.f16").fill(&[("FILE", "w.f16")]),
        by("download-by-hand", "fetch mnist --from http://127.0.0.1:1").only_printed(),
    ]
}
