//! Options, keys and values.

use super::{Situation, by};
use crate::common::{Outcome, TINY, text};

const DCGAN: &str = "dcgan --preset mnist28 --set width=2 --data mnist --steps 1";

pub(super) fn all() -> Vec<Situation> {
    let tiny = format!("{TINY} --data doodles.npy --steps 1");
    let without_batch = "quickdraw --preset cpu --set depth=2 --data doodles.npy --steps 1";
    vec![
        by("config-is-a-folder", "quickdraw --config run --out again").with(|stage| stage.bring("run")),
        by("set-wants-a-value", &format!("{without_batch} --set batch")),
        by("set-wants-a-value", &format!("{without_batch} --set =3")),
        by("contradiction", &format!("{tiny} --set batch=4")),
        by("contradiction", &format!("{tiny} --seed 2 --set quickdraw.batch=2 --set seed=3")),
        by("contradiction", "explain quickdraw --preset cpu --set depth=2 --batch 4 --set batch=8 --data doodles.npy"),
        by("unknown-key", &format!("{tiny} --set droput=0.1")).wrong("droput"),
        by("unknown-key", &format!("{tiny} --set quickdraw.droput=0.1")).wrong("quickdraw.droput"),
        by("unknown-key", &format!("{tiny} --set xyzzy=2")).only_printed(),
        by("no-such-preset", "quickdraw --preset cup --batch 2 --set depth=2 --data doodles.npy --steps 1")
            .wrong("cup"),
        by("no-such-preset", &tiny.replace("cpu", "xyzzy")).only_printed(),
        by("fixed-by-the-run", &format!("{tiny} --resume run --steps 4 --seed 7").replace("--steps 1", ""))
            .with(|stage| stage.bring("run")),
        by("fixed-by-the-run", &format!("{tiny} --resume run --steps 4 --set dropout=0.1").replace("--steps 1", ""))
            .with(|stage| stage.bring("run")),
        by("the-same-run", "")
            .with(|stage| stage.bring("run"))
            .acted(|stage| Outcome { code: Some(0), out: text(&stage.path("run/config.toml")), err: String::new() })
            .hint()
            .fill(&[("FILE", "run/config.toml")]),
        by("unknown-system", "quickdraw --resume run").with(|stage| {
            stage.bring("run");
            let config = text(&stage.path("run/config.toml"));
            stage.write("run/config.toml", config.replace("\"quickdraw\"", "\"otherdraw\""));
        }),
        by("batch-does-not-fit", "quickdraw --preset cpu --batch 4096 --set depth=2 --data built-in --steps 1")
            .limited_to(400_000),
        by(
            "size-does-not-fit",
            "cyclegan --set size=1024 --set blocks=1 --set generator_width=2 --set discriminator_width=2 --data set \
             --steps 1",
        )
        .limited_to(800_000),
        by("preset-does-not-fit", "stylegan2 --preset original --data pics --steps 1")
            .limited_to(600_000)
            .more(|_| "--batch 2".into()),
        by("count-does-not-fit", "sample run --count 10000 --zoom 5 --out sheet.png")
            .with(|stage| stage.bring("run"))
            .limited_to(400_000),
        by("remark", "mnist --batch 8 --set latent=4 --data mnist --steps 1 --set k=2 --set g_steps=2").hint(),
        by(
            "remark",
            "mnist --batch 8 --set latent=4 --data mnist --steps 1 --set loss=wasserstein --set label_smooth=1",
        )
        .hint(),
        by("remark", &format!("{DCGAN} --batch 8 --set d_batches=mixed")).hint(),
        by("remark", &format!("{DCGAN} --batch 8 --set spectral_norm=true")).hint(),
        by("remark", &format!("{DCGAN} --batch 2")).hint(),
        by("remark", "cifar --batch 2 --set seed_range=true --data built-in --steps 1").hint(),
        by("points-need-no-images", "wgan-gp --preset gauss8 --batch 16 --set width=8 --steps 1 --data pics"),
        by("points-need-no-images", "wgan-gp --preset gauss8 --batch 16 --set width=8 --steps 1 --class x"),
        by(
            "points-need-no-images",
            "wgan-gp --preset gauss8 --batch 16 --set width=8 --steps 1 --set augment.flip=true",
        ),
    ]
}
