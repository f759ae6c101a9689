//! Images to learn from.

use super::{Situation, by};
use crate::common::TINY;
use crate::stage::{images_of_strokes, npy, packed, packed_zeros};

/// The header of an IDX file of `count` digits, and the digits of the first sixteen.
fn idx(count: u32) -> Vec<u8> {
    let header = [0x0803, count, 28, 28].into_iter().flat_map(u32::to_be_bytes);
    header.chain((0..16 * 784_u32).map(|at| (at * 7 % 251) as u8)).collect()
}

/// A gzipped IDX file that claims more digits than are decompressed into memory, and is long enough
/// for that to be plausible.
fn too_much_idx() -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &idx(1_400_000)).unwrap();
    let mut file = packed.finish().unwrap();
    file.resize(2_000_000, 7);
    file
}

pub(super) fn all() -> Vec<Situation> {
    let tiny = format!("{TINY} --steps 1");
    let folder = "folder --set size=28 --set width=2 --batch 2 --steps 1";
    vec![
        by("class-file-near", &format!("{tiny} --class appel")),
        by("no-class-file", &format!("{tiny} --class zebra")),
        by("bad-class", &format!("{tiny} --class a/b")),
        by("bad-class", &format!("{tiny} --data cats --class a/b"))
            .with(|stage| stage.write("cats/cat.npy", npy("|u1", &[40, 784], 40 * 784))),
        by("data-near", &format!("{tiny} --data doodle.npy")).wrong("doodle.npy"),
        by("data-near", &format!("{tiny} --data 'my files/doodle.npy'"))
            .with(|stage| stage.write("my files/doodles.npy", npy("|u1", &[40, 784], 40 * 784)))
            .wrong("my files/doodle.npy"),
        by("no-data-there", &format!("{tiny} --data nothing-like-it.npy")),
        by("page-for-data", &format!("{tiny} --data page.npy"))
            .with(|stage| stage.write("page.npy", "<html>"))
            .only_printed(),
        by("data-near", &format!("{folder} --data pisc")).wrong("pisc"),
        by("no-data-there", &format!("{folder} --data nothing-like-it")),
        by("which-array", &format!("{folder} --data arrays")).with(|stage| {
            stage.write("arrays/b c.npy", npy("|u1", &[40, 784], 40 * 784));
            stage.write("arrays/d.npy", npy("|u1", &[40, 784], 40 * 784));
        }),
        by("one-picture", &format!("{folder} --data pics/0.png")),
        by("unpack", &format!("{folder} --data a.7z"))
            .with(|stage| stage.write("a.7z", b"7z\xbc\xaf\x27\x1c"))
            .only_printed(),
        by("unpack-an-array", &format!("{folder} --data a.npy.gz"))
            .with(|stage| stage.write("a.npy.gz", packed(&npy("|u1", &[40, 784], 40 * 784))))
            .only_printed(),
        by("unpack-first", "mnist --batch 8 --set latent=4 --steps 1 --data images-idx3-ubyte.gz")
            .with(|stage| stage.write("images-idx3-ubyte.gz", packed_zeros(1 << 30)))
            .meanwhile(|stage| stage.write("images-idx3-ubyte", images_of_strokes(16))),
        by("blank-by-range", &format!("{tiny} --data doodles.npy --set images.range=5000..6000")),
        by("numbers-of-no-range", &format!("{tiny} --data numbers.npy"))
            .with(|stage| stage.write("numbers.npy", npy("<i2", &[20, 784], 2 * 20 * 784))),
        by("range-of-the-numbers", &format!("{tiny} --data dim.npy"))
            .with(|stage| {
                let dim = npy("|u1", &[40, 784], 40 * 784);
                let header = dim.len() - 40 * 784;
                let pixels = dim[header..].iter().map(|byte| byte / 20);
                stage.write("dim.npy", [&dim[..header], &pixels.collect::<Vec<u8>>()].concat());
            })
            .hint(),
        by("two-values", &format!("{tiny} --data bits.npy"))
            .with(|stage| {
                let bits = npy("|u1", &[40, 784], 40 * 784);
                let header = bits.len() - 40 * 784;
                let pixels = bits[header..].iter().map(|byte| 255 * (byte % 2));
                stage.write("bits.npy", [&bits[..header], &pixels.collect::<Vec<u8>>()].concat());
            })
            .hint(),
        by("made-grey", &format!("{folder} --data pics --set channels=1")).hint(),
        by("grey-in-three", &format!("{folder} --data doodles.npy")).hint(),
        by("channels-of-pictures", "vanilla --batch 4 --set latent=4 --data mnist --steps 1 --set channels=2"),
        by("no-cache", &format!("{folder} --data pics --set data_memory=0 --set data_cache=doodles.npy/x")),
        by("class-near", &format!("{folder} --data classes --class dgo")),
        by("no-classes", &format!("{folder} --data pics --class dog")),
        by("binary-cifar", "cifar --data a.bin --steps 1")
            .with(|stage| stage.write("a.bin", "x"))
            .more(|_| "--dry-run".into()),
        by("no-idx-files", "mnist --data held-back --steps 1")
            .with(|stage| stage.write("held-back/t10k-images-idx3-ubyte", [0, 0, 8, 3]))
            .more(|_| "--dry-run".into()),
        by("own-pictures", folder).hint().fill(&[("FOLDER", "pics")]),
        by("smaller-batches", &format!("{folder} --data pics").replace("--batch 2", "--batch 16")),
        by("smaller-batches", "explain quickdraw --preset cpu --set depth=2 --batch 64 --data doodles.npy"),
        by(
            "smaller-batches",
            "cyclegan --set size=32 --set blocks=1 --set generator_width=2 --set discriminator_width=2 \
            --data set --batch 8 --steps 1",
        ),
        by("no-cache", &format!("{folder} --data pics --set data_memory=0 --set data_cache=blocked"))
            .with(|stage| stage.write("blocked", "no folder")),
        by("unpack-first", "mnist --set latent=4 --batch 8 --steps 1 --data many-idx3-ubyte.gz")
            .with(|stage| stage.write("many-idx3-ubyte.gz", too_much_idx()))
            .meanwhile(|stage| stage.write("many-idx3-ubyte", idx(16))),
        by("too-few-for-any-batch", &format!("{tiny} --data one.npy"))
            .with(|stage| stage.write("one.npy", npy("|u1", &[1, 784], 784)))
            .only_printed(),
    ]
}
