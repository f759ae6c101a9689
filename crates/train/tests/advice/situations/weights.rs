//! Weights that were trained elsewhere, and the extractor that needs such weights.

use super::{Situation, by};
use crate::common::weights::{dcgan, ppm, safetensors, small};
use crate::stage::Stage;

pub(super) fn all() -> Vec<Situation> {
    [importing(), inception(), folders()].concat()
}

/// `netG.safetensors`: the generator of PyTorch's DCGAN.
fn generator(stage: &Stage) {
    stage.write("netG.safetensors", safetensors(&dcgan(1, 1), small));
}

/// `many/`: twenty pictures; and a run.
fn pictures(stage: &Stage) {
    stage.bring("run");
    (0..20).for_each(|number| stage.write(&format!("many/{number}.ppm"), ppm(32, 32, number)));
}

fn importing() -> Vec<Situation> {
    let run = |stage: &Stage| {
        generator(stage);
        stage.bring("run");
    };
    vec![
        by("no-such-import", "import netG.safetensors --as dcgn").with(generator).wrong("dcgn"),
        by("no-such-import", "import netG.safetensors --as xyzzy").with(generator).only_printed(),
        by("no-such-network", "import netG.safetensors --as dcgan --with discriminater=netG.safetensors")
            .with(generator)
            .wrong("discriminater")
            .says("the weights do not fit the network"),
        by("no-such-network", "import netG.safetensors --as dcgan --with x=netG.safetensors")
            .with(generator)
            .only_printed(),
        by("import-as-what", "import netG.safetensors").with(generator),
        by("import-own-export", "import exported/generator.safetensors --as dcgan --out own").with(|stage| {
            stage.bring("run");
            stage.place.good("export run --format pytorch --out exported");
        }),
        by("import-does-not-fit", "import exported/generator.safetensors --out own --set size=32").with(|stage| {
            let small = "--data built-in --set size=8 --set fmap_base=16 --set fmap_max=4";
            stage.place.good(&format!("progan --preset cpu --batch 4 --steps 1 {small} --out grown"));
            stage.place.good("export grown --format pytorch --out exported");
        }),
        by("import-does-not-fit", "import netG.safetensors --as dcgan --out own --set width=4").with(generator),
        by("import-needs-a-new-folder", "import netG.safetensors --as dcgan --out run").with(run),
        by("imported-without-data", "evaluate imported --count 20 --metric ink")
            .with(|stage| {
                generator(stage);
                pictures(stage);
                stage.place.good("import netG.safetensors --as dcgan --out imported");
            })
            .fill(&[("PATH", "many")]),
    ]
}

fn inception() -> Vec<Situation> {
    vec![
        by("inception-weights", "evaluate run --count 20 --extractor inception")
            .with(pictures)
            .fill(&[("FILE", "missing.safetensors")])
            .says("cannot read the weights"),
        by("weights-unused", "evaluate run --count 20 --metric ink --weights x.safetensors").with(pictures),
        by("metric-of-inception", "evaluate run --count 20 --metric fid").with(pictures).wrong("fid"),
    ]
}

fn folders() -> Vec<Situation> {
    vec![
        by("folders-without-classifier", "evaluate --pictures many --against many --metric ink --extractor evalnet28")
            .with(pictures),
        by("folders-without-classes", "evaluate --pictures many --against many --metric classes").with(pictures),
        by(
            "pixels-without-inception",
            "evaluate --pictures many --against many --metric ink --extractor inception --weights x.safetensors",
        )
        .with(pictures),
    ]
}
