//! [`TrainingOptions`]: the choices of a [`GanTrainer`](crate::trainer::gan::GanTrainer) that users
//! can make: losses, labels, schedules of updates, and the tricks that the field recommends.
//!
//! Sources: Goodfellow et al. 2014; Salimans et al., "Improved techniques for training GANs", 2016;
//! Radford et al. 2016; Mao et al., "Least squares GANs", 2017; Lim and Ye, "Geometric GAN", 2017;
//! Heusel et al. (two time-scales), 2017; Miyato et al. 2018; Chintala et al., "How to train a
//! GAN?", 2016; Gulrajani et al. (gradient penalty), 2017; Mescheder et al. (R1), 2018; Zhao et al.
//! (differentiable augmentation), 2020.

use serde::{Deserialize, Serialize};

use crate::trainer::ada::Ada;
use crate::trainer::common::{CommonOptions, InstanceNoise, OWN, check_dropout};
use crate::{LatentKind, LossKind, LossScale, SettingsError, in_range};

/// The options of a [`GanTrainer`](crate::trainer::gan::GanTrainer). They are part of each system's
/// own table of settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainingOptions {
    /// The losses of both networks.
    pub loss: Loss,
    /// How the binary cross-entropy is calculated.
    pub bce: Bce,
    /// Whether the label of fakes is 1 and that of reals 0, in both losses; usually it is the
    /// reverse.
    pub fake_is_one: bool,
    /// The discriminator's target for reals: 1, or a little less (one-sided label smoothing). If
    /// `fake_is_one` is set, the target is 1 minus this.
    pub label_smooth: f64,
    /// Each of the discriminator's targets is moved by a uniform random number of up to this size.
    pub label_noise: f64,
    /// In which direction the targets are moved.
    pub label_noise_way: NoiseDirection,
    /// Whether each of the discriminator's targets is drawn at random: from 0.7 to 1.2 for reals,
    /// from 0 to 0.3 for fakes.
    pub soft_labels: bool,
    /// The probability that the label of an image is flipped in the discriminator's loss.
    pub label_flip: f64,
    /// The distribution of the latents.
    pub latent_kind: LatentKind,
    /// Instance noise.
    #[serde(flatten)]
    pub noise: InstanceNoise,
    /// How reals and fakes are arranged in batches for the discriminator.
    pub d_batches: Batches,
    /// Discriminator turns per step, each on new images (k in Goodfellow's algorithm).
    pub k: usize,
    /// Generator turns per step.
    pub g_steps: usize,
    /// The discriminator's learning rate.
    pub d_learning_rate: f64,
    /// The generator's learning rate.
    pub g_learning_rate: f64,
    /// Each gradient element is clipped to [-clip_value, clip_value]; 0 for no clipping.
    pub clip_value: f64,
    /// The norm of all gradients of an update together is clipped to this; 0 for no clipping.
    pub clip_norm: f64,
    /// Capacity of the pool of earlier fakes that the discriminator is also trained on; 0 for none.
    pub replay_pool: usize,
    /// The decay of the generator's moving average, with which samples are drawn; 0 for none.
    pub ema: f64,
    /// Whether the discriminator's weights are divided by their spectral norms.
    pub spectral_norm: bool,
    /// What replaces batch normalisation in the discriminator. A gradient penalty cannot be
    /// combined with batch normalisation.
    pub d_norm: DiscriminatorNorm,
    /// The weight of the gradient penalty between reals and fakes, which pulls the gradient norm to
    /// 1; 0 for none.
    pub gradient_penalty: f64,
    /// The weight of the R1 penalty, which pulls the gradient norm on reals to 0; 0 for none.
    pub r1: f64,
    /// The rate of the generator's dropout layers; [`OWN`] for the system's own. A generator
    /// without any gets one after each activation of a hidden layer.
    pub g_dropout: f64,
    /// Whether the generator's dropout is applied when sampling, too. The dropped elements of an
    /// image depend only on its latents.
    pub g_dropout_at_sampling: bool,
    /// Whether the generator, instead of minimising its usual loss, matches the mean features of
    /// reals, which are the input of the discriminator's last layer (Salimans et al. 2016).
    pub feature_matching: bool,
    /// Whether the discriminator sees the standard deviation within groups of four images of the
    /// batch (Karras et al. 2018).
    pub minibatch_std: bool,
    /// The activation at the end of the generator, and with it the range of the values of the
    /// images: tanh for -1 to 1, sigmoid for 0 to 1.
    pub out_act: OutAct,
    /// Adaptive discriminator augmentation.
    #[serde(flatten)]
    pub ada: Ada,
    /// The settings that every system has.
    #[serde(flatten)]
    pub common: CommonOptions,
}

/// The activation at the end of a generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutAct {
    /// The system's own.
    Own,
    /// The hyperbolic tangent; images have values from -1 to 1.
    Tanh,
    /// The logistic function; images have values from 0 to 1.
    Sigmoid,
}

/// The losses of both networks, for the discriminator's output D on reals x and fakes G(z).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// D: binary cross-entropy. G: -log D(G(z)).
    Nonsaturating,
    /// D: binary cross-entropy. G: log(1 - D(G(z))).
    Minimax,
    /// Least squares: the squared distance of the output from 1 and 0.
    Lsgan,
    /// D: hinges at 1 and -1. G: -D(G(z)).
    Hinge,
    /// D: D(G(z)) - D(x), which requires D to be Lipschitz continuous. G: -D(G(z)).
    Wasserstein,
}

/// How the binary cross-entropy is calculated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bce {
    /// From logits: exact everywhere.
    Logits,
    /// From probabilities clipped to [1e-7, 1 - 1e-7], as old versions of Keras did: the gradient
    /// is 0 outside.
    KerasClip,
}

/// In which direction label noise moves targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseDirection {
    /// Towards one half: targets stay within [0, 1].
    Inward,
    /// Upwards, for both labels: a target of 1 exceeds 1.
    Outward,
}

/// How reals and fakes are arranged in batches for the discriminator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Batches {
    /// A forward pass each; the losses are added.
    Separate,
    /// One batch; the loss is the mean over all of it.
    Mixed,
    /// An update each: first the reals, then the fakes. The reported loss is their mean.
    TwoUpdates,
}

/// What replaces batch normalisation in a discriminator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiscriminatorNorm {
    /// Nothing: the system's own batch normalisation stays.
    Own,
    /// Layer normalisation, which keeps images independent of each other (Gulrajani et al. 2017).
    Layer,
    /// No normalisation; the convolutions have biases instead.
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
            label_noise_way: NoiseDirection::Inward,
            soft_labels: false,
            label_flip: 0.0,
            latent_kind: LatentKind::Normal,
            noise: InstanceNoise::default(),
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
            gradient_penalty: 0.0,
            r1: 0.0,
            g_dropout: OWN,
            g_dropout_at_sampling: false,
            feature_matching: false,
            minibatch_std: false,
            out_act: OutAct::Own,
            ada: Ada::default(),
            common: CommonOptions::default(),
        }
    }
}

impl TrainingOptions {
    /// Checks that every option is in its range, and that none contradicts another.
    ///
    /// # Errors
    /// The first option that is out of its range or contradicts another.
    pub fn check(&self) -> Result<(), SettingsError> {
        in_range("label_smooth", self.label_smooth, 0.5, 1.0)?;
        in_range("label_noise", self.label_noise, 0.0, 0.5)?;
        in_range("label_flip", self.label_flip, 0.0, 0.5)?;
        self.noise.check()?;
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
        check_dropout("g_dropout", self.g_dropout)?;
        self.ada.check(&self.common.diff_augment)?;
        self.common.check()?;
        self.contradictions()
    }

    /// Like [`check`](Self::check), for a discriminator without batch normalisation, for which
    /// `d_norm` is rejected.
    pub(crate) fn check_without_norm(&self) -> Result<(), SettingsError> {
        if self.d_norm != DiscriminatorNorm::Own {
            let why = "this discriminator has no batch normalisation to replace: leave it at own";
            return Err(SettingsError { key: "d_norm", why: why.into() });
        }
        self.check()
    }

    /// Whether the discriminator's gradient is penalised.
    pub(crate) fn penalised(&self) -> bool {
        self.gradient_penalty > 0.0 || self.r1 > 0.0
    }

    /// What the losses of both networks can be compared with.
    pub(crate) fn loss_scale(&self) -> LossScale {
        let kind = match (self.loss, self.bce) {
            (Loss::Nonsaturating | Loss::Minimax, Bce::Logits) => LossKind::CrossEntropy,
            (Loss::Nonsaturating | Loss::Minimax, Bce::KerasClip) => LossKind::ClippedCrossEntropy,
            (Loss::Lsgan, _) => LossKind::LeastSquares,
            (Loss::Hinge, _) => LossKind::Hinge,
            (Loss::Wasserstein, _) => LossKind::Wasserstein,
        };
        let scale = LossScale::summed(kind, self.label_smooth);
        if self.d_batches == Batches::Separate { scale } else { scale.halved() }
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
                    "the hinge and the Wasserstein loss use labels of 0 and 1 only: use another loss, or leave it out",
                );
            }
        }
        if self.soft_labels && self.label_smooth < 1.0 {
            return refuse("label_smooth", "soft_labels draws the targets itself: leave one of the two out");
        }
        if self.gradient_penalty > 0.0 && self.r1 > 0.0 {
            return refuse(
                "r1",
                "gradient_penalty is set as well, which pulls the norm to 1 and not to 0: use one of the two",
            );
        }
        if self.clip_value > 0.0 && self.clip_norm > 0.0 {
            return refuse("clip_norm", "clip_value is set as well: clip by one of the two");
        }
        let cross_entropy = matches!(self.loss, Loss::Nonsaturating | Loss::Minimax);
        if cross_entropy && self.bce == Bce::Logits {
            // For a target y > 1 the gradient never vanishes: sigmoid(x) - y < 0 for every x.
            let why = "it moves targets beyond 1, where the cross-entropy of logits has no minimum: ";
            if self.label_noise > 0.0 && self.label_noise_way == NoiseDirection::Outward {
                return refuse("label_noise_way", &format!("{why}use inward, or bce = keras-clip"));
            }
            if self.soft_labels {
                return refuse("soft_labels", &format!("{why}use bce = keras-clip, or another loss"));
            }
        }
        Ok(())
    }
}
