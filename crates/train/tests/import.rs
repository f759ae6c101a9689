//! `train import`: what can be done with imported weights. (That they compute what PyTorch computes
//! is tested in the crate `tests`.)

mod common;

use std::collections::BTreeMap;

use common::weights::{dcgan, ppm, resnet, safetensors, safetensors_with, small};
use common::{Place, TINY, text};

fn write(place: &Place, name: &str, bytes: &[u8]) {
    let path = place.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn an_imported_generator_draws_is_measured_and_is_trained_further() {
    let place = Place::new();
    write(&place, "netG.safetensors", &safetensors(&dcgan(3, 2), small));
    for number in 0..20 {
        write(&place, &format!("pics/{number}.ppm"), &ppm(64, 64, number));
    }
    let outcome = place.good("import netG.safetensors --as dcgan --out run");
    assert!(outcome.out.starts_with("run\nweights hash: "), "{}", outcome.out);
    assert!(outcome.err.contains("imported     generator: ") && outcome.err.contains("random       discriminator"));
    let config = text(&place.path("run/config.toml"));
    for line in ["latent = 3", "width = 2", "channels = 3"] {
        assert!(config.lines().any(|found| found == line), "{line}: {config}");
    }
    place.good("sample run --count 4 --out a.png");
    place.good("sample run/checkpoints/step-000000.safetensors --count 4 --out b.png");
    assert_eq!(std::fs::read(place.path("a.png")).unwrap(), std::fs::read(place.path("b.png")).unwrap());

    // Nothing is known about its data.
    place.bad("evaluate run --count 16 --metric ink", 2, &["imported", "`--data PATH`"]);
    place.good("evaluate run --count 16 --metric ink --data pics");
    let child = place.good("dcgan --from run --data pics --batch 4 --steps 1 --out child");
    assert!(child.err.contains("kept         generator"), "{}", child.err);

    // With data, the run knows what to compare with.
    place.good("import netG.safetensors --as dcgan --data pics --set batch=4 --set steps=1 --out known");
    place.good("evaluate known --count 16 --metric ink");
    let resumed = place.good("dcgan --resume known");
    assert!(place.path("known/checkpoints/step-000001.safetensors").exists(), "{}", resumed.err);
    place.bad("import netG.safetensors --as dcgan --out run", 2, &["already holds a run", "`--out`"]);
}

#[test]
fn an_imported_translator_translates() {
    let place = Place::new();
    write(&place, "netG_A.safetensors", &safetensors(&resnet(2, 1), small));
    write(&place, "in/a.ppm", &ppm(32, 32, 1));
    let outcome = place.good("import netG_A.safetensors --as cyclegan --set size=32 --out run");
    for network in ["generator_ba", "discriminator_a", "discriminator_b"] {
        assert!(outcome.err.contains(&format!("random       {network}")), "{}", outcome.err);
    }
    place.good("translate run in --direction AtoB --out out");
    assert!(place.path("out/a.png").exists());
    place.good("import netG_A.safetensors --as cyclegan --with generator_ba=netG_A.safetensors --set size=32");
    place.good("translate runs/0001-cyclegan in --direction AtoB --out again");
    assert_eq!(std::fs::read(place.path("again/a.png")).unwrap(), std::fs::read(place.path("out/a.png")).unwrap());
}

#[test]
fn exports_for_pytorch_come_back() {
    let place = Place::new();
    let same = |one: &str, other: &str| {
        assert_eq!(std::fs::read(place.path(one)).unwrap(), std::fs::read(place.path(other)).unwrap());
    };
    for (run, settings) in [("plain", ""), ("averaged", "--set ema=0.5")] {
        place.good(&format!("{TINY} {settings} --steps 1 --out {run}"));
        place.good(&format!("export {run} --format pytorch --out {run}-exported"));
        place.good(&format!("import {run}-exported/generator.safetensors --out {run}-back"));
        place.good(&format!("sample {run} --count 8 --out {run}-1.png"));
        place.good(&format!("sample {run}-back --count 8 --out {run}-2.png"));
        same(&format!("{run}-1.png"), &format!("{run}-2.png"));
    }
    write(&place, "in/a.ppm", &ppm(32, 32, 1));
    place.good("cyclegan --set size=32 --set generator_width=2 --set discriminator_width=2 --steps 1 --data built-in --out run");
    place.good("export run --format hub --out hub");
    let both = "import hub/model_AtoB.safetensors --with generator_ba=hub/model_BtoA.safetensors --out back";
    place.good(both);
    for direction in ["AtoB", "BtoA"] {
        place.good(&format!("translate run in --direction {direction} --out 1-{direction}"));
        place.good(&format!("translate back in --direction {direction} --out 2-{direction}"));
        same(&format!("1-{direction}/a.png"), &format!("2-{direction}/a.png"));
    }
}

/// The .safetensors file with a different first number in the first tensor with this many axes.
fn with_first_number(file: &[u8], axes: usize, number: f32) -> Vec<u8> {
    let (length, rest) = file.split_at(8);
    let header = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    let about: serde_json::Value = serde_json::from_slice(&rest[..header]).unwrap();
    let mut tensors = about.as_object().unwrap().values().filter(|tensor| tensor["shape"].is_array());
    let tensor = tensors.find(|tensor| tensor["shape"].as_array().unwrap().len() == axes).unwrap();
    let at = 8 + header + tensor["data_offsets"][0].as_u64().unwrap() as usize;
    let mut file = file.to_vec();
    file[at..at + 4].copy_from_slice(&number.to_le_bytes());
    file
}

/// Their weights are exported as the layers use them, multiplied by a factor, and a growing system
/// with the blocks that it uses at its step: the imported run draws the same bytes.
#[test]
fn exports_of_systems_with_an_equalised_learning_rate_come_back() {
    let place = Place::new();
    let read = |name: &str| std::fs::read(place.path(name)).unwrap();
    let small = "--preset cpu --batch 4 --data built-in --set size=16 --set fmap_base=16 --set fmap_max=4";
    let growing = "--set stable_kimg=0.04 --set fade_kimg=0.04";
    let left_out = |blocks: &str| format!("random       {blocks}: not in the file, because");
    // The stage of a step is that of the first of its four: of step 12, for step 14.
    let fading = left_out("generator.16x16, generator.rgb16x16");
    let grown = left_out("generator.rgb4x4, generator.rgb8x8");
    let first = left_out("generator.16x16_up, generator.16x16_conv, generator.rgb4x4, generator.rgb16x16");
    for (run, settings, lacking) in [
        ("fading", format!("progan {small} {growing} --steps 14"), Some(fading)),
        ("grown", format!("progan {small} {growing} --set channels=1 --steps 43"), Some(grown)),
        ("styled", format!("stylegan {small} {growing} --steps 5"), Some(first)),
        ("modulated", format!("stylegan2 {small} --steps 3"), None),
    ] {
        place.good(&format!("{settings} --out {run}"));
        place.good(&format!("export {run} --format pytorch --out {run}-exported"));
        let back = place.good(&format!("import {run}-exported/generator.safetensors --out {run}-back"));
        assert!(lacking.is_none_or(|lacking| back.err.contains(&lacking)), "{run}: {}", back.err);
        place.good(&format!("sample {run}-back --count 16 --out {run}.npy"));
        assert_eq!(read(&format!("{run}.npy")), read(&format!("{run}-exported/samples.npy")), "{run}");
        place.good(&format!("export {run} --format hub --out {run}-hub"));
        place.good(&format!("import {run}-hub/model.safetensors --out {run}-from-hub"));
        place.good(&format!("sample {run}-from-hub --count 16 --out {run}-hub.npy"));
        assert_eq!(read(&format!("{run}-hub.npy")), read(&format!("{run}.npy")), "{run}: from the hub");
        if settings.starts_with("stylegan") {
            for run in [run, &format!("{run}-back")] {
                place.good(&format!("sample {run} --count 8 --psi 0.5 --out {run}.png"));
            }
            assert_eq!(read(&format!("{run}.png")), read(&format!("{run}-back.png")), "{run}: truncated");
        }
    }
    // Larger pictures need blocks that the file does not have.
    let larger = "import grown-exported/generator.safetensors --set size=32 --out larger";
    place.bad(larger, 5, &["do not fit", "generator.32x32", "leave out `--set 'size=32'`"]);
    assert!(!place.path("larger").exists());
    // This weight is finite after the layer has multiplied it by its factor, but not before.
    let damaged = with_first_number(&read("styled-exported/generator.safetensors"), 2, 3e38);
    write(&place, "large.safetensors", &damaged);
    place.bad("import large.safetensors --out large", 5, &["too large", "3e38", "nothing was imported"]);
    assert!(!place.path("large").exists());
    place.good("evaluate fading-back --count 16 --metric ink");
    let child = place.good("progan --from fading-back --steps 1 --out child");
    assert!(child.err.contains("kept         generator"), "{}", child.err);
    place.good("progan --resume fading-back");
}

/// A file with the metadata of an export, in PyTorch's layouts, gives the same pictures as its run.
#[test]
fn an_exported_generator_comes_back() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 1 --out run"));
    let trained = runs::open_trained(&place.path("run"), None).unwrap();
    let networks = trained.system.networks();
    let generator = networks.into_iter().find(|network| network.name() == "generator").unwrap();
    let (mut tensors, mut values, mut names) = (Vec::new(), BTreeMap::new(), serde_json::Map::new());
    for (name, _, tensor) in generator.tensors() {
        let (shape, data) = (tensor.shape(), tensor.data());
        let turned: (Vec<usize>, Vec<f32>) = match **shape {
            [h, w, a, b] => {
                let at = |i: usize| (i % (h * w) * a + i / (h * w) % a) * b + i / (h * w * a);
                (vec![b, a, h, w], (0..data.len()).map(|i| data[at(i)]).collect())
            }
            [a, b] => (vec![b, a], (0..data.len()).map(|i| data[i % a * b + i / a]).collect()),
            _ => (shape.to_vec(), data.to_vec()),
        };
        let theirs = name["generator.".len()..].to_owned();
        names.insert(theirs.clone(), name.into());
        tensors.push((theirs.clone(), turned.0));
        values.insert(theirs, turned.1);
    }
    let about = |version: u64| {
        let config = text(&place.path("run/config.toml"));
        let about = serde_json::json!({"version": version, "config": config, "network": "generator", "names": names});
        [("backdraw_export".to_owned(), about.to_string().into())].into_iter().collect()
    };
    let value = |name: &str, i: usize| values[name][i];
    write(&place, "generator.safetensors", &safetensors_with(about(1), &tensors, value));
    place.good("import generator.safetensors --out back");
    place.good("sample run --count 8 --out a.png");
    place.good("sample back --count 8 --out b.png");
    assert_eq!(std::fs::read(place.path("a.png")).unwrap(), std::fs::read(place.path("b.png")).unwrap());

    write(&place, "newer.safetensors", &safetensors_with(about(3), &tensors, value));
    place.bad("import newer.safetensors", 5, &["newer version", "version 3"]);
    write(&place, "less.safetensors", &safetensors_with(about(1), &tensors[1..], value));
    place.bad("import less.safetensors", 5, &["missing", "nothing was imported"]);
    write(&place, "whole.safetensors", &safetensors_with(about(1), &tensors, value));
    place.bad("import whole.safetensors --with generator=whole.safetensors", 2, &["two files", "`generator`"]);
    // Without this setting, which changes only the discriminator, the file would not fit either.
    let other_network = place.train("import less.safetensors --set spectral_norm=true");
    other_network.assert_failed("a file that lacks a tensor", 5, &["missing", "the page of the Manual"]);
    assert!(!other_network.err.contains("leave out"), "{}", other_network.err);
}

#[test]
fn wrong_requests_are_refused_with_their_code() {
    let place = Place::new();
    write(&place, "netG.safetensors", &safetensors(&dcgan(3, 2), small));
    write(&place, "netG.pth", b"PK\x03\x04");
    let import = "import netG.safetensors";
    place.bad(import, 2, &["does not say what its weights are", "`--as dcgan`"]);
    place.bad(&format!("{import} --as mnist"), 2, &["cannot be imported as `mnist`", "dcgan, cyclegan"]);
    place.bad(&format!("{import} --as dcgan --with x"), 2, &["discriminator=netD.safetensors"]);
    place.bad(&format!("{import} --as dcgan --with x=netG.safetensors"), 2, &["`x` is no network of `dcgan`"]);
    place.bad(&format!("{import} --as dcgan --with generator=netG.safetensors"), 2, &["two files"]);
    place.bad(&format!("{import} --as cyclegan"), 5, &["`model.1.weight`: missing", "`main.0.weight`: not expected"]);
    let does_not_fit = ["main.0.weight", "expected", "found", "leave out `--set 'width=4'`"];
    place.bad(&format!("{import} --as dcgan --set width=4"), 5, &does_not_fit);
    place.bad("import netG.pth --as dcgan", 5, &["pickle", "to_safetensors.py"]);
    place.bad(&format!("{import} --as dcgan --data nothing"), 4, &["nothing"]);
    place.bad("import nothing.safetensors --as dcgan", 5, &["nothing.safetensors"]);
    assert!(!place.path("runs").exists());
}

#[test]
fn hostile_files_are_refused_and_cannot_write_to_the_terminal() {
    let place = Place::new();
    write(&place, "axes.safetensors", &safetensors(&[("main.0.weight".to_owned(), vec![1; 7])], small));
    place.bad("import axes.safetensors --as dcgan", 5, &["`main.0.weight` has 7 axes; at most 6"]);

    // A terminal would obey this name.
    let name = "\x1b[31mred\nerror: no";
    write(&place, "name.safetensors", &safetensors(&[(name.to_owned(), vec![1])], small));
    let escaped = r"\u{1b}[31mred\nerror: no";
    place.bad("import name.safetensors --as dcgan", 5, &[&format!("`{escaped}`: not expected")]);
    let inspected = place.good("inspect name.safetensors").out;
    assert!(inspected.contains(escaped) && !inspected.contains('\x1b'), "{inspected}");
    place.bad("import \x1b[31m.safetensors --as dcgan", 5, &[r"where: \u{1b}[31m.safetensors"]);
    // Windows allows no such names.
    if cfg!(windows) {
        return;
    }
    write(&place, "\x1b[31m.safetensors", &safetensors(&dcgan(3, 2), small));
    let imported = place.good("import \x1b[31m.safetensors --as dcgan");
    assert!(imported.err.contains(r"from \u{1b}[31m.safetensors"), "{}", imported.err);
}

/// Nothing writes into the pipe, so opening it would block.
#[test]
#[cfg(unix)]
fn a_pipe_is_not_opened() {
    let place = Place::new();
    let made = std::process::Command::new("mkfifo").arg(place.path("pipe.safetensors")).status().unwrap();
    assert!(made.success());
    for command in ["import", "inspect", "sample", "export --format npz", "quickdraw --resume"] {
        place.bad(&format!("{command} pipe.safetensors"), 5, &["it is a device, pipe or socket, not a file"]);
    }
}
