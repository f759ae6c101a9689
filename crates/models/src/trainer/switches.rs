//! Which of the field's advice ([`TrainingOptions`](crate::trainer::options::TrainingOptions)) is a switch in which system, and why it is none in the others.
//!
//! Most systems with latents have all of them: `mnist`, `vanilla`, `cifar`, `dcgan`, `faces`, `folder` and `wgan-gp`. The others
//! have a step of their own, and those switches that go with it.

/// All switches, with a value that turns each on, as TOML.
pub const SWITCHES: [(&str, &str); 20] = [
    ("loss", "'lsgan'"),
    ("bce", "'keras-clip'"),
    ("fake_is_one", "true"),
    ("label_smooth", "0.9"),
    ("label_noise", "0.05"),
    ("soft_labels", "true"),
    ("label_flip", "0.05"),
    ("latent_kind", "'sphere'"),
    ("instance_noise", "0.1"),
    ("d_batches", "'two-updates'"),
    ("k", "2"),
    ("g_steps", "2"),
    ("clip_value", "0.001"),
    ("clip_norm", "0.001"),
    ("replay_pool", "10"),
    ("ema", "0.9"),
    ("spectral_norm", "true"),
    ("d_norm", "'layer'"),
    ("gradient_penalty", "10.0"),
    ("r1", "1.0"),
];

/// Why the system called `system` has no switch `key`, and what to use instead. None if it has it, or if there is no such switch.
/// (`diff_augment`, the twenty-first, is in every system.)
pub fn missing(system: &str, key: &str) -> Option<&'static str> {
    SWITCHES.iter().find(|(switch, _)| *switch == key)?;
    match system {
        "quickdraw" => quickdraw(key),
        "cyclegan" => cyclegan(key),
        "progan" => match key {
            "gradient_penalty" | "ema" => None,
            "r1" => Some("its critic is held by gradient_penalty; `stylegan` grows as well and has r1"),
            "label_smooth" | "label_noise" | "soft_labels" | "bce" => {
                Some("its Wasserstein critic knows no targets; `stylegan` grows as well and has label_smooth")
            }
            _ => growing(key),
        },
        "stylegan" | "stylegan2" => match key {
            "r1" | "label_smooth" => None,
            "ema" => Some("an average of the generator is always kept: ema_kimg says how slowly it follows"),
            "gradient_penalty" => Some("its discriminator is held by r1; `progan` has gradient_penalty"),
            _ => growing(key),
        },
        _ => None,
    }
}

/// The switches that a system has, by name.
pub fn of(system: &str) -> Vec<&'static str> {
    SWITCHES.iter().map(|(switch, _)| *switch).filter(|switch| missing(system, switch).is_none()).collect()
}

fn quickdraw(key: &str) -> Option<&'static str> {
    match key {
        "bce" | "label_smooth" | "label_flip" | "instance_noise" | "replay_pool" | "ema" | "spectral_norm" | "r1" => {
            None
        }
        "clip_value" => Some("here it is called clip"),
        "d_norm" => Some("its discriminator has no batch normalisation that it could replace"),
        _ => Some(
            "the notebook's step is spelt out here; `dcgan --preset mnist28` learns the same drawings and has this switch",
        ),
    }
}

fn cyclegan(key: &str) -> Option<&'static str> {
    Some(match key {
        "replay_pool" => "here it is called pool",
        "latent_kind" | "ema" => "it translates pictures and has no latents to draw samples of",
        _ => {
            "its step is the authors': least squares, one update of each network; its own are pool, identity and cycle"
        }
    })
}

/// The growing systems, and `stylegan2`, whose networks are made alike.
fn growing(key: &str) -> Option<&'static str> {
    Some(match key {
        "instance_noise" => return None,
        "spectral_norm" => {
            "its layers scale their weights as they go, and a penalty bounds the discriminator's slope already"
        }
        "d_norm" => "its discriminator normalises nothing",
        "latent_kind" => "its latents are normalised to a sphere in the first layer",
        "clip_value" | "clip_norm" => "its weights are scaled as they go, so that Adam's steps are alike already",
        _ => "its step is the authors': one turn of each network with a loss of its own; `folder` has this switch",
    })
}
