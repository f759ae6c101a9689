//! Tests every switch in every system: either two steps are trained with it, or it is rejected for
//! the documented reason.

use toml::{Table, Value};

use super::*;
use models::trainer::switches;
use tensor::{Tensor, meta};

/// Settings small enough to train two steps with each switch: the smallest preset, reduced further
/// where that takes long.
pub(crate) fn tiny(entry: &Trainable) -> Table {
    let small = match entry.name {
        "quickdraw" => "batch = 2\ndepth = 2\nlatent = 2",
        "mnist" => "batch = 4\nlatent = 4",
        "vanilla" => "batch = 4\nlatent = 4\nsize = 8",
        "cifar" => "batch = 2\nfirst = 2\nwidth = 2\nd_width = 2",
        "dcgan" => "batch = 2\nwidth = 2\nvariant = 'mnist28'\nchannels = 1",
        "faces" => "batch = 2\nwidth = 2\nsize = 32",
        "folder" => "batch = 2\nwidth = 1\nsize = 28",
        "cyclegan" => "size = 32\nblocks = 1\ngenerator_width = 1\ndiscriminator_width = 1",
        "wgan-gp" => "batch = 2\nwidth = 2\nlatent = 4\nk = 1",
        "progan" | "stylegan" => "batch = 4\nsize = 8\nfmap_base = 16\nfmap_max = 4\nema_ramp_up = false",
        "stylegan2" => "batch = 4\nsize = 8\nfmap_base = 16\nfmap_max = 4\nmapping_layers = 1\nema_ramp_up = false",
        _ => "",
    };
    with(&entry.settings("cpu"), small)
}

/// The settings, overridden by these lines.
fn with(settings: &Table, lines: &str) -> Table {
    let mut settings = settings.clone();
    settings.extend(lines.parse::<Table>().expect("TOML"));
    settings
}

/// What is rejected: systems, switches, part of the message, and the setting that makes it possible
/// (empty if none does).
const REFUSED: &[(&[&str], &[&str], &str, &str)] = &[
    (&["dcgan", "faces", "folder"], &["gradient_penalty", "r1"], "use d_norm = layer or none", "d_norm = 'layer'"),
    (&["mnist", "vanilla", "cifar", "wgan-gp"], &["d_norm"], "leave it at own", ""),
    (&["mnist"], &["soft_labels"], "leave one of the two out", "label_smooth = 1.0\nbce = 'keras-clip'"),
    (&["vanilla", "cifar", "dcgan", "faces", "folder"], &["soft_labels"], "use bce = keras-clip", "bce = 'keras-clip'"),
    (&["wgan-gp"], &["label_smooth", "label_noise"], "use another loss", "loss = 'nonsaturating'"),
    (&["wgan-gp"], &["soft_labels"], "use another loss", "loss = 'nonsaturating'\nbce = 'keras-clip'"),
    (&["wgan-gp"], &["r1"], "use one of the two", "gradient_penalty = 0.0"),
    (&["cifar"], &["clip_norm"], "clip by one of the two", "clip_value = 0.0"),
    (
        &["vanilla", "cifar", "dcgan", "faces", "folder", "wgan-gp"],
        &["g_dropout_at_sampling"],
        "set g_dropout too",
        "g_dropout = 0.25",
    ),
    (
        &["mnist", "vanilla", "cifar", "dcgan", "faces", "folder", "wgan-gp"],
        &["ada"],
        "set diff_augment too",
        "diff_augment = ['color']",
    ),
];

/// The state after two steps on random images; also checks that a training run with these settings
/// can be planned.
fn trained(entry: &Trainable, settings: &Table) -> Result<nn::State, String> {
    let state = steps(entry, settings)?;
    meta::run(|| steps(entry, settings)).expect("the same without numbers");
    Ok(state)
}

fn steps(entry: &Trainable, settings: &Table) -> Result<nn::State, String> {
    let mut system = entry.build(settings, 1).map_err(|bad| bad.why)?;
    let [height, width, channels] = system.image_shape().expect("images");
    let domains = if entry.name == "cyclegan" { 2 } else { 1 };
    for step in 0..2 {
        let batches = system.batch(step, &vec![64; domains]);
        let reals: Vec<Tensor> = batches
            .iter()
            .map(|batch| {
                let shape = [batch.len(), height, width, channels];
                Tensor::from_fn(shape, |i| ((i * 7919 + 31 * step as usize) % 1009) as f32 / 1009.0)
            })
            .collect();
        let numbers = system.step(step, &reals).map_err(|error| format!("diverged: {error}"))?;
        assert!(numbers.non_finite().is_none(), "{}: {numbers:?}", entry.name);
    }
    Ok(system.state())
}

#[test]
fn every_switch_trains_in_every_system_or_is_refused_for_a_documented_reason() {
    for entry in SYSTEMS.iter() {
        let plain = tiny(entry);
        let before = trained(entry, &plain).expect("a plain system trains");
        let everywhere = [("diff_augment", "['color', 'translation']"), ("d_dropout", "0.25")];
        for (switch, value) in switches::SWITCHES.iter().copied().chain(everywhere) {
            let what = format!("{}, {switch} = {value}", entry.name);
            if let Some(why) = switches::missing(entry.name, switch) {
                assert!(!plain.contains_key(switch), "{what} is there, but said to be missing: {why}");
                continue;
            }
            assert!(plain.contains_key(switch), "{what} is said to be there");
            let switched = with(&plain, &format!("{switch} = {value}"));
            let refused = REFUSED
                .iter()
                .find(|(systems, switches, ..)| systems.contains(&entry.name) && switches.contains(&switch));
            match (trained(entry, &switched), refused) {
                (Ok(after), None) => {
                    // Dropout at sampling concerns only samples; the digits' generator of wgan-gp
                    // ends in a sigmoid.
                    let counts = switched[switch] != plain[switch]
                        && switch != "g_dropout_at_sampling"
                        && !(switch == "out_act" && entry.name == "wgan-gp")
                        && !(switch == "bce" && plain.get("loss") == Some(&Value::from("wasserstein")));
                    assert!(!counts || after != before, "{what} changes nothing");
                }
                (Err(why), Some((_, _, reason, remedy))) => {
                    assert!(why.contains(reason), "{what}: {why}");
                    if !remedy.is_empty() {
                        let mended = trained(entry, &with(&switched, remedy));
                        assert!(mended.is_ok(), "{what} with {remedy}: {:?}", mended.err());
                    }
                }
                (Ok(_), Some(_)) => panic!("{what} is possible, but said to be refused"),
                (Err(why), None) => panic!("{what} is refused without being documented: {why}"),
            }
        }
    }
}

#[test]
fn the_usual_advice_is_a_switch_in_most_systems_with_latents() {
    for (switch, wanted) in [("label_smooth", 10), ("ema", 9), ("spectral_norm", 8), ("r1", 10), ("instance_noise", 11)]
    {
        let systems = SYSTEMS.iter().filter(|entry| switches::of(entry.name).contains(&switch));
        assert_eq!(systems.count(), wanted, "{switch}");
    }
}
