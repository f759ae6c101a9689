//! Images to learn from.

use super::{Situation, by};
use crate::common::TINY;
use crate::stage::npy;

pub(super) fn all() -> Vec<Situation> {
    let tiny = format!("{TINY} --steps 1");
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
        by("data-file-near", &format!("{tiny} --data doodle.npy")).wrong("doodle.npy"),
        by("data-file-near", &format!("{tiny} --data 'my files/doodle.npy'"))
            .with(|stage| stage.write("my files/doodles.npy", npy("|u1", &[40, 784], 40 * 784)))
            .wrong("my files/doodle.npy"),
        by("no-data-file", &format!("{tiny} --data nothing-like-it.npy")),
        by("class-near", &format!("{folder} --data classes --class dgo")),
        by("no-classes", &format!("{folder} --data pics --class dog")),
        by("binary-cifar", "cifar --data pics --steps 1").more(|_| "--dry-run".into()),
        by("no-idx-files", "mnist --data pics --steps 1").more(|_| "--dry-run".into()),
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
