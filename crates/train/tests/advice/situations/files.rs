//! Archives, transparency, shapes of images, and the commands that look at files and runs.

use super::{Situation, by};
use crate::common::zip;
use crate::stage::{Stage, npy};

/// A PNG of 32 x 24 pixels with an alpha channel.
fn clear() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 32, 24);
    encoder.set_color(png::ColorType::Rgba);
    let pixels: Vec<u8> = (0..32 * 24 * 4).map(|at: u32| (at * 7 % 251) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}

fn sprites(stage: &Stage) {
    for number in 0..4 {
        stage.write(&format!("sprites/{number}.png"), clear());
    }
}

pub(super) fn all() -> Vec<Situation> {
    let folder = "folder --set size=28 --set width=2 --batch 2 --steps 1";
    vec![
        by("which-array-of-zip", &format!("{folder} --data two.npz")).with(|stage| {
            let array = npy("|u1", &[40, 28, 28], 40 * 784);
            stage.write("two.npz", zip(&[("my cats.npy", &array), ("dogs.npy", &array)]));
        }),
        by("picture-of-archive", &format!("{folder} --data 'my pics.zip/0.png'")).with(|stage| {
            let picture = clear();
            stage.write("my pics.zip", zip(&["0.png", "1.png", "2.png"].map(|name| (name, &picture[..]))));
        }),
        by("archive-in-archive", &format!("{folder} --data outer.zip"))
            .with(|stage| {
                let inner = zip(&[("0.png", &clear()[..])]);
                stage.write("outer.zip", zip(&[("inner.zip", &inner[..])]));
            })
            .only_printed(),
        by("other-data-in-archive", &format!("{folder} --data idx.zip"))
            .with(|stage| stage.write("idx.zip", zip(&[("images-idx3-ubyte", &b"\0\0\x08\x03"[..])])))
            .only_printed(),
        by("made-opaque", &format!("{folder} --data sprites")).with(sprites).hint(),
        by("opaque-in-four", &format!("{folder} --data pics --set channels=4")).hint(),
        by("cropped", &format!("{folder} --data sprites")).with(sprites).hint(),
        by("stretched", &format!("{folder} --data sprites --set images.aspect=stretch")).with(sprites).hint(),
        by("cropped-first", &format!("{folder} --data sprites --set images.crop=centre-20")).with(sprites).hint(),
        by("inspect-without-checkpoint", "inspect run").with(|stage| {
            stage.bring("run");
            std::fs::remove_dir_all(stage.path("run/checkpoints")).unwrap();
            std::fs::create_dir(stage.path("run/checkpoints")).unwrap();
        }),
        by("no-such-run-folder", "runs show pics"),
        by("no-such-run-folder", "runs remove pics --yes"),
        by("remove-unasked", "runs remove run").with(|stage| stage.bring("run")),
        by("data-not-there", "doctor").hint(),
    ]
}
