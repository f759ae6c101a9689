//! Which switches (options of [`TrainingOptions`](crate::trainer::options::TrainingOptions)) each
//! system has, and why it lacks the others.
//!
//! Most systems with latents have all of them: `mnist`, `vanilla`, `cifar`, `dcgan`, `faces`,
//! `folder` and `wgan-gp`. The others have their own training step, and only the switches that
//! apply to it.

use crate::SYSTEMS;

/// All switches, each with a value that turns it on, as TOML.
pub const SWITCHES: &[(&str, &str)] = &[
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
    ("g_dropout", "0.25"),
    ("g_dropout_at_sampling", "true"),
    ("feature_matching", "true"),
    ("minibatch_std", "true"),
    ("out_act", "'sigmoid'"),
    ("ada", "0.6"),
];

/// Why the system called `system` has no switch `key`, and what to use instead. None if it has the
/// switch, or if there is no such switch. (`diff_augment` and `d_dropout`, which every system has,
/// are not among them.)
pub fn missing(system: &str, key: &str) -> Option<&'static str> {
    SWITCHES.iter().find(|(switch, _)| *switch == key)?;
    let entry = SYSTEMS.iter().find(|entry| entry.name == system)?;
    (entry.missing_switch)(key)
}

/// The switches that a system has, by name.
pub fn of(system: &str) -> Vec<&'static str> {
    SWITCHES.iter().map(|(switch, _)| *switch).filter(|switch| missing(system, switch).is_none()).collect()
}
