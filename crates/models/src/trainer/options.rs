//! [`TrainingOptions`]: what the field's advice changes about a game, each piece of advice a switch.
//!
//! Sources: Goodfellow et al. 2014; Salimans et al., "Improved techniques for training GANs", 2016; Radford et al. 2016; Mao et al.,
//! "Least squares GANs", 2017; Lim and Ye, "Geometric GAN", 2017; Heusel et al. (two time-scales), 2017; Miyato et al. 2018;
//! Chintala et al., "How to train a GAN?", 2016; Gulrajani et al. (gradient penalty), 2017; Mescheder et al. (R1), 2018; Zhao et al.
//! (differentiable augmentation), 2020.

use kernels::Key;
use serde::{Deserialize, Serialize};
use tensor::Var;

use crate::trainer::diff_augment::Augment;
use crate::{LatentKind, SettingsError, in_range};

/// The switches of a game. They are part of each system's own table of settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainingOptions {
    /// What the two players want.
    pub loss: Loss,
    /// The form of the binary cross-entropy.
    pub bce: Bce,
    /// Whether fakes are called 1 and reals 0, in both players' losses; usually it is the other way round.
    pub fake_is_one: bool,
    /// The discriminator's target for what is called real: 1, or a little less (one-sided label smoothing).
    pub label_smooth: f64,
    /// Each of the discriminator's targets is moved by up to so much, at random.
    pub label_noise: f64,
    /// Which way the targets are moved.
    pub label_noise_way: Way,
    /// Whether the discriminator's targets are drawn afresh for each image: 0.7 to 1.2 for reals, 0 to 0.3 for fakes.
    pub soft_labels: bool,
    /// The probability that the discriminator is told the wrong side of an image.
    pub label_flip: f64,
    /// The distribution of the latents.
    pub latent_kind: LatentKind,
    /// The deviation of the noise that is added to all that the discriminator sees, at first.
    pub instance_noise: f64,
    /// After so many steps that noise has shrunk to 0, evenly.
    pub instance_noise_steps: u64,
    /// How the discriminator is shown reals and fakes.
    pub d_batches: Batches,
    /// Discriminator updates a step, each on images of its own (k in Goodfellow's algorithm).
    pub k: usize,
    /// Generator updates a step.
    pub g_steps: usize,
    /// The discriminator's step size.
    pub d_learning_rate: f64,
    /// The generator's step size.
    pub g_learning_rate: f64,
    /// Bound of each gradient element; 0 is none.
    pub clip_value: f64,
    /// Bound of the length of all gradients of an update as one vector; 0 is none.
    pub clip_norm: f64,
    /// How many earlier fakes the discriminator is shown from; 0 is none.
    pub replay_pool: usize,
    /// The share that an average of the generator's weights keeps at a step; samples are drawn with the average. 0 is none.
    pub ema: f64,
    /// Whether the discriminator's weights are divided by their spectral norms.
    pub spectral_norm: bool,
    /// What stands in the discriminator where the system has batch normalisation, under which no penalty on the gradient is
    /// possible.
    pub d_norm: DiscriminatorNorm,
    /// How all that the discriminator sees is changed at random: none or several of color, translation, cutout.
    pub diff_augment: Vec<Augment>,
    /// The weight of the penalty on the discriminator's gradient between reals and fakes, whose length is to be 1; 0 is none.
    pub gradient_penalty: f64,
    /// The weight of the penalty on the discriminator's gradient on reals, which is to be 0 (R1); 0 is none.
    pub r1: f64,
}

/// What the two players want of the verdict D on reals x and fakes G(z).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// D: cross-entropy. G: -log D(G(z)).
    Nonsaturating,
    /// D: cross-entropy. G: log(1 - D(G(z))).
    Minimax,
    /// Squared distance of the verdict from 1 and 0.
    Lsgan,
    /// D: hinges at 1 and -1. G: -D(G(z)).
    Hinge,
    /// D: D(G(z)) - D(x), which wants a bound on D's slope. G: -D(G(z)).
    Wasserstein,
}

/// The form of the binary cross-entropy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bce {
    /// From logits: exact everywhere.
    Logits,
    /// From probabilities forced into [1e-7, 1 - 1e-7], as Keras did: no gradient beyond.
    KerasClip,
}

/// Which way targets are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Towards one half: they stay within [0, 1].
    Inward,
    /// Upward, whatever they are: a 1 goes beyond 1.
    Outward,
}

/// How the discriminator is shown reals and fakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Batches {
    /// In a pass each; the losses are added.
    Separate,
    /// In one batch; the loss is the mean over all of it.
    Mixed,
    /// In an update each: first the reals, then the fakes. The loss that is told is their mean.
    TwoUpdates,
}

/// What stands in a discriminator where the system has batch normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiscriminatorNorm {
    /// The system's own: batch normalisation.
    Own,
    /// Layer normalisation, which leaves each image by itself (what Gulrajani et al. recommend).
    Layer,
    /// Nothing; the convolutions have biases then.
    None,
}

impl Default for TrainingOptions {
    fn default() -> Self {
        Self {
            loss: Loss::Nonsaturating,
            bce: Bce::Logits,
            fake_is_one: false,
            label_smooth: 1.0,
            label_noise: 0.0,
            label_noise_way: Way::Inward,
            soft_labels: false,
            label_flip: 0.0,
            latent_kind: LatentKind::Normal,
            instance_noise: 0.0,
            instance_noise_steps: 10_000,
            d_batches: Batches::Separate,
            k: 1,
            g_steps: 1,
            d_learning_rate: 2e-4,
            g_learning_rate: 2e-4,
            clip_value: 0.0,
            clip_norm: 0.0,
            replay_pool: 0,
            ema: 0.0,
            spectral_norm: false,
            d_norm: DiscriminatorNorm::Own,
            diff_augment: Vec::new(),
            gradient_penalty: 0.0,
            r1: 0.0,
        }
    }
}

impl TrainingOptions {
    /// Whether every switch is in its range, and none contradicts another.
    ///
    /// # Errors
    /// The first that is not or does.
    pub fn check(&self) -> Result<(), SettingsError> {
        in_range("label_smooth", self.label_smooth, 0.5, 1.0)?;
        in_range("label_noise", self.label_noise, 0.0, 0.5)?;
        in_range("label_flip", self.label_flip, 0.0, 0.5)?;
        in_range("instance_noise", self.instance_noise, 0.0, 10.0)?;
        in_range("instance_noise_steps", self.instance_noise_steps as f64, 1.0, 1e12)?;
        in_range("k", self.k as f64, 1.0, 100.0)?;
        in_range("g_steps", self.g_steps as f64, 1.0, 100.0)?;
        in_range("d_learning_rate", self.d_learning_rate, 1e-12, 10.0)?;
        in_range("g_learning_rate", self.g_learning_rate, 1e-12, 10.0)?;
        in_range("clip_value", self.clip_value, 0.0, 1e12)?;
        in_range("clip_norm", self.clip_norm, 0.0, 1e12)?;
        in_range("replay_pool", self.replay_pool as f64, 0.0, 10_000.0)?;
        in_range("ema", self.ema, 0.0, 0.999_999)?;
        in_range("gradient_penalty", self.gradient_penalty, 0.0, 1e6)?;
        in_range("r1", self.r1, 0.0, 1e6)?;
        self.contradictions()
    }

    /// Images that the discriminator is to see in this step, with the noise of the switch `instance_noise`; `key` is its stream.
    pub(crate) fn with_noise(&self, images: Var, step: u64, key: impl FnOnce() -> Key) -> Var {
        with_noise(images, self.instance_noise, step as f64 / self.instance_noise_steps as f64, key)
    }

    /// Refuses `d_norm` for a discriminator without batch normalisation.
    pub(crate) fn check_without_norm(&self) -> Result<(), SettingsError> {
        if self.d_norm != DiscriminatorNorm::Own {
            let why = "this discriminator has no batch normalisation that it could replace: leave it at own";
            return Err(SettingsError { key: "d_norm", why: why.into() });
        }
        self.check()
    }

    /// Whether the discriminator's gradient is penalised.
    pub(crate) fn penalised(&self) -> bool {
        self.gradient_penalty > 0.0 || self.r1 > 0.0
    }

    fn contradictions(&self) -> Result<(), SettingsError> {
        let refuse = |key, why: &str| Err(SettingsError { key, why: why.to_owned() });
        if matches!(self.loss, Loss::Hinge | Loss::Wasserstein) {
            let moved = [
                ("label_smooth", self.label_smooth < 1.0),
                ("label_noise", self.label_noise > 0.0),
                ("soft_labels", self.soft_labels),
            ];
            if let Some((key, _)) = moved.into_iter().find(|(_, moved)| *moved) {
                return refuse(
                    key,
                    "the hinge and the Wasserstein loss know two sides, no targets between: use another loss, or leave it out",
                );
            }
        }
        if self.soft_labels && self.label_smooth < 1.0 {
            return refuse("label_smooth", "soft_labels draws the targets itself: leave one of the two out");
        }
        if self.gradient_penalty > 0.0 && self.r1 > 0.0 {
            return refuse("r1", "gradient_penalty is set as well, which wants another length: use one of the two");
        }
        if self.clip_value > 0.0 && self.clip_norm > 0.0 {
            return refuse("clip_norm", "clip_value is set as well: clip by one of the two");
        }
        let cross_entropy = matches!(self.loss, Loss::Nonsaturating | Loss::Minimax);
        if cross_entropy && self.bce == Bce::Logits {
            // Its gradient at the target y > 1 never ends: sigmoid(x) - y < 0 for every x.
            let why = "it moves targets beyond 1, where the cross-entropy of logits has no lowest point: ";
            if self.label_noise > 0.0 && self.label_noise_way == Way::Outward {
                return refuse("label_noise_way", &format!("{why}use inward, or bce = keras-clip"));
            }
            if self.soft_labels {
                return refuse("soft_labels", &format!("{why}use bce = keras-clip, or another loss"));
            }
        }
        Ok(())
    }
}

/// Images with normal noise of this deviation, of which the share `gone` is gone; `key` is its stream.
pub(crate) fn with_noise(images: Var, deviation: f64, gone: f64, key: impl FnOnce() -> Key) -> Var {
    let left = 1.0 - gone;
    if deviation == 0.0 || left <= 0.0 {
        return images;
    }
    &images + &Var::constant(nn::init::normal(images.shape(), 0.0, deviation * left, key()))
}
