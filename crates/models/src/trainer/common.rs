//! [`CommonOptions`]: the settings that every system has; [`InstanceNoise`]: those that every
//! system except `cyclegan` has. Each settings struct holds them flattened; the shared services of
//! a step apply them.
//!
//! `label_smooth`, `ema`, `r1` and `gradient_penalty` are fields of the systems that have them, not
//! structs like these: no two of them belong to the same systems, their defaults differ (`r1` is 0
//! in most systems and 10 in `stylegan`), and a flattened struct takes absent keys from its own
//! default, not from that of the system. They also act in different places: `stylegan2` applies
//! `r1` only every few steps, and `progan` ramps `ema` up.

use kernels::Precision;
use nn::Network;
use nn::layers::MinibatchStddev;
use serde::{Deserialize, Serialize};

use crate::trainer::diff_augment::Augment;
use crate::trainer::lint::has_batch_norm;
use crate::{SettingsError, in_range};

/// The settings that every system has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommonOptions {
    /// The rate of the discriminator's dropout layers; [`OWN`] for the system's own. A
    /// discriminator without any gets one after each activation of a hidden layer.
    pub d_dropout: f64,
    /// The differentiable augmentations of everything that the discriminator sees: any of color,
    /// translation and cutout.
    pub diff_augment: Vec<Augment>,
    /// How the products of dense layers and convolutions are computed.
    #[serde(with = "precision")]
    pub precision: Precision,
    /// The number of parts of a batch. Each has its own forward and backward pass; their gradients
    /// are averaged. A step keeps the activations of only one shard in memory, unless batch
    /// normalisation is synchronised.
    pub shards: usize,
    /// The statistics of batch normalisation, if there are several shards.
    pub batch_norm: ShardNorm,
}

/// The statistics of batch normalisation in training, if a batch has several shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShardNorm {
    /// Those of a shard.
    #[default]
    Shard,
    /// Those of the whole batch. The activations of all shards of a process are in memory at once.
    Sync,
}

/// The value of a dropout rate for which the system's own layers are left as they are.
pub const OWN: f64 = -1.0;

/// Checks a dropout rate.
///
/// # Errors
/// When it is neither [`OWN`] nor in its range.
pub(crate) fn check_dropout(key: &'static str, rate: f64) -> Result<(), SettingsError> {
    if rate == OWN {
        return Ok(());
    }
    in_range(key, rate, 0.0, 0.95).map_err(|SettingsError { key, why }| {
        let why = format!("{why}; {OWN}, the default, keeps the rates of the system's own layers");
        SettingsError { key, why }
    })
}

/// Sets the dropout rate of networks, unless it is [`OWN`].
pub(crate) fn set_dropout<'a>(rate: f64, networks: impl IntoIterator<Item = &'a mut Network>) {
    if rate != OWN {
        networks.into_iter().for_each(|network| network.set_dropout(rate));
    }
}

impl Default for CommonOptions {
    fn default() -> Self {
        Self {
            d_dropout: OWN,
            diff_augment: Vec::new(),
            precision: Precision::default(),
            shards: 1,
            batch_norm: ShardNorm::Shard,
        }
    }
}

impl CommonOptions {
    /// Checks the range of the settings.
    ///
    /// # Errors
    /// The first setting out of its range.
    pub fn check(&self) -> Result<(), SettingsError> {
        check_dropout("d_dropout", self.d_dropout)?;
        in_range("shards", self.shards as f64, 1.0, 4096.0)
    }

    /// Checks that the shards are equal parts of each of these batches.
    ///
    /// # Errors
    /// When they are not.
    pub(crate) fn check_shards(&self, batches: impl IntoIterator<Item = usize>) -> Result<(), SettingsError> {
        match batches.into_iter().find(|batch| !batch.is_multiple_of(self.shards)) {
            None => Ok(()),
            Some(batch) => {
                let divisors = (1..=batch).filter(|shards| batch.is_multiple_of(*shards));
                let divisors: Vec<String> = divisors.map(|shards| shards.to_string()).collect();
                let why = format!(
                    "{batch} images cannot be divided into {} equal shards: use one of {}",
                    self.shards,
                    divisors.join(", ")
                );
                Err(SettingsError { key: "shards", why })
            }
        }
    }

    /// If batch normalisation is synchronised, checks that a network has it.
    ///
    /// # Errors
    /// When none of the networks has batch normalisation.
    pub(crate) fn check_batch_norm<'a>(
        &self,
        networks: impl IntoIterator<Item = &'a Network>,
    ) -> Result<(), SettingsError> {
        if self.batch_norm == ShardNorm::Shard || has_batch_norm(networks) {
            return Ok(());
        }
        let why = "these networks have no batch normalisation that could be synchronised: leave it at shard".into();
        Err(SettingsError { key: "batch_norm", why })
    }

    /// Checks that a shard of `batch` images has the same groups for the minibatch standard
    /// deviation as the whole batch.
    ///
    /// # Errors
    /// When its groups are smaller.
    pub(crate) fn check_groups(&self, deviation: MinibatchStddev, batch: usize) -> Result<(), SettingsError> {
        let [whole, shard] = [batch, batch / self.shards].map(|images| deviation.group_of(images));
        if whole == shard {
            return Ok(());
        }
        let why = format!(
            "the discriminator compares groups of {whole} images, but a shard of the batch has {}: use fewer shards, or a larger batch",
            batch / self.shards
        );
        Err(SettingsError { key: "shards", why })
    }

    /// Applies the options that concern discriminators.
    pub(crate) fn configure_discriminators<'a>(&self, networks: impl IntoIterator<Item = &'a mut Network>) {
        set_dropout(self.d_dropout, networks);
    }

    /// Applies the options that concern networks.
    pub(crate) fn configure<'a>(&self, networks: impl IntoIterator<Item = &'a mut Network>) {
        networks.into_iter().for_each(|network| network.set_precision(self.precision));
    }
}

/// A [`Precision`] by its name.
mod precision {
    use kernels::Precision;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(precision: &Precision, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(precision.name())
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Precision, D::Error> {
        let name = String::deserialize(from)?;
        let found = Precision::ALL.into_iter().find(|precision| precision.name() == name);
        found.ok_or_else(|| D::Error::unknown_variant(&name, &["f32", "bf16"]))
    }
}

/// Normal noise on everything that the discriminator sees, which fades away during training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceNoise {
    /// The standard deviation of the noise at the first step; 0 for none.
    pub instance_noise: f64,
    /// The noise falls linearly to 0 over this many steps.
    pub instance_noise_steps: u64,
}

impl Default for InstanceNoise {
    fn default() -> Self {
        Self { instance_noise: 0.0, instance_noise_steps: 10_000 }
    }
}

impl InstanceNoise {
    /// Checks the range of both settings.
    ///
    /// # Errors
    /// The first setting out of its range.
    pub fn check(&self) -> Result<(), SettingsError> {
        in_range("instance_noise", self.instance_noise, 0.0, 10.0)?;
        in_range("instance_noise_steps", self.instance_noise_steps as f64, 1.0, 1e12)
    }

    /// The standard deviation of the noise at step number `step`, from 0.
    pub(crate) fn deviation(&self, step: u64) -> f64 {
        let left = 1.0 - step as f64 / self.instance_noise_steps as f64;
        if left > 0.0 { self.instance_noise * left } else { 0.0 }
    }
}
