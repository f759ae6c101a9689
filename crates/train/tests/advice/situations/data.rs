//! Images to learn from.

use super::{Situation, by};
use crate::common::TINY;
use crate::stage::{Stage, npy};

pub(super) fn all() -> Vec<Situation> {
    let tiny = format!("{TINY} --steps 1");
    let small = "--set latent=4 --batch 2 --steps 1";
    let folder = "folder --set size=28 --set width=2 --batch 2 --steps 1";
    vec![
        by("no-class-file", &format!("{tiny} --class appel")),
        by("no-class-file", &format!("{tiny} --data cats --class dog"))
            .with(|stage| stage.write("cats/cat.npy", npy("|u1", &[40, 784], 40 * 784))),
        by("no-class-file", &format!("{tiny} --data cats --class ca"))
            .with(|stage| stage.write("cats/cat.npy", npy("|u1", &[40, 784], 40 * 784))),
        by("bad-class", &format!("{tiny} --class a/b")),
        by("bad-class", &format!("{tiny} --data cats --class a/b"))
            .with(|stage| stage.write("cats/cat.npy", npy("|u1", &[40, 784], 40 * 784))),
        by("data-near", &format!("{tiny} --data doodle.npy")).wrong("doodle.npy"),
        by("data-near", &format!("{tiny} --data 'my files/doodle.npy'"))
            .with(|stage| stage.write("my files/doodles.npy", npy("|u1", &[40, 784], 40 * 784)))
            .wrong("my files/doodle.npy"),
        by("no-data-there", &format!("{tiny} --data nothing-like-it.npy")),
        by("class-near", &format!("{folder} --data classes --class dgo")),
        by("no-classes", &format!("{folder} --data pics --class dog")),
        by("binary-cifar", "cifar --data a.bin --steps 1")
            .with(|stage| stage.write("a.bin", "x"))
            .more(|_| "--dry-run".into()),
        by("no-idx-files", "mnist --data held-back --steps 1")
            .with(|stage| stage.write("held-back/t10k-images-idx3-ubyte", [0, 0, 8, 3]))
            .more(|_| "--dry-run".into()),
        by("numbers-of-no-range", &format!("{tiny} --data floats.npy")).with(|stage| {
            let numbers = (0..40 * 784).flat_map(|at| ((at % 100) as f32 / 20.0 - 2.5).to_le_bytes());
            stage.write("floats.npy", [npy("<f4", &[40, 784], 0), numbers.collect()].concat());
        }),
        by("range-of-the-numbers", &format!("{tiny} --data dark.npy"))
            .with(|stage| stage.write("dark.npy", few(|at| (at % 16) as u8)))
            .hint(),
        by("two-values", &format!("{tiny} --data two.npy"))
            .with(|stage| stage.write("two.npy", few(|at| if at % 7 < 3 { 255 } else { 0 })))
            .hint(),
        by("blank-by-range", &format!("{tiny} --data doodles.npy --set images.range=300..400")),
        by("made-grey", &format!("vanilla {small} --data pics")).hint(),
        by("grey-in-three", &format!("vanilla {small} --set channels=3 --data doodles.npy")).hint(),
        by("channels-of-pictures", &format!("vanilla {small} --set channels=2 --data pics")),
        by("which-array", &format!("vanilla {small} --data arrays")).with(|stage| {
            for name in ["a", "b"] {
                stage.write(&format!("arrays/{name}.npy"), npy("|u1", &[40, 784], 40 * 784));
            }
        }),
        by("one-picture", &format!("vanilla {small} --data pics/1.png")),
        by("unpack", &format!("vanilla {small} --data a.zip"))
            .with(|stage| stage.write("a.zip", b"PK\x03\x04"))
            .only_told(),
        by("npz", &format!("vanilla {small} --data a.npz"))
            .with(|stage| stage.write("a.npz", b"PK\x03\x04"))
            .only_told(),
        by("unpack-an-array", &format!("vanilla {small} --data a.npy.gz")).with(packed_array).only_told(),
        by("own-pictures", folder).hint().fill(&[("FOLDER", "pics")]),
        by("smaller-batches", &format!("{folder} --data pics").replace("--batch 2", "--batch 16")),
        by("smaller-batches", "explain quickdraw --preset cpu --set depth=2 --batch 64 --data doodles.npy"),
        by(
            "smaller-batches",
            "cyclegan --set size=32 --set blocks=1 --set generator_width=2 --set discriminator_width=2 \
            --data set --batch 8 --steps 1",
        ),
        by("too-few-for-any-batch", &format!("{tiny} --data one.npy"))
            .with(|stage| stage.write("one.npy", npy("|u1", &[1, 784], 784)))
            .only_told(),
    ]
}

/// An array of 40 images of these bytes.
fn few(byte: fn(usize) -> u8) -> Vec<u8> {
    [npy("|u1", &[40, 784], 0), (0..40 * 784).map(byte).collect()].concat()
}

/// `a.npy.gz`: an array in a gzip file, stored without being packed.
fn packed_array(stage: &Stage) {
    let array = npy("|u1", &[40, 784], 0);
    let length = u16::try_from(array.len()).unwrap();
    let head = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    stage.write("a.npy.gz", [&head[..], &length.to_le_bytes(), &(!length).to_le_bytes(), &array].concat());
}
