//! Adaptive discriminator augmentation (Karras, Aittala, Hellsten, Laine, Lehtinen and Aila,
//! "Training generative adversarial networks with limited data", 2020): each augmentation is
//! applied to an image with probability p, and p follows how much the discriminator overfits.
//!
//! The sign of overfitting is r = E[sign D(x)] over reals x: 0 if the discriminator knows nothing
//! about them, 1 if it recognises all. p rises while r is above the target, and falls below.

use nn::{State, Stateful};
use serde::{Deserialize, Serialize};
use tensor::Tensor;

use crate::trainer::diff_augment::Augment;
use crate::{SettingsError, in_range};

/// The settings of adaptive augmentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ada {
    /// The target of the mean sign of the discriminator's outputs on reals, such as 0.6; 0 for
    /// augmenting every image.
    pub ada: f64,
    /// The number of reals, in thousands, within which p can go from 0 to 1.
    pub ada_kimg: f64,
}

impl Default for Ada {
    fn default() -> Self {
        Self { ada: 0.0, ada_kimg: 500.0 }
    }
}

impl Ada {
    /// Checks the range of the settings; `kinds` are the augmentations.
    ///
    /// # Errors
    /// The first setting out of its range or without effect.
    pub(crate) fn check(&self, kinds: &[Augment]) -> Result<(), SettingsError> {
        in_range("ada", self.ada, 0.0, 1.0)?;
        in_range("ada_kimg", self.ada_kimg, 1e-3, 1e6)?;
        if self.ada > 0.0 && kinds.is_empty() {
            let why = "it decides how often diff_augment is applied, which is empty: set diff_augment too";
            return Err(SettingsError { key: "ada", why: why.into() });
        }
        Ok(())
    }

    /// The probability before the first step; None without adaptive augmentation.
    pub(crate) fn probability(&self) -> Option<Probability> {
        (self.ada > 0.0).then(|| Probability { options: self.clone(), p: Tensor::zeros([1]) })
    }
}

/// The probability p of each augmentation. It is part of a run's state.
#[derive(Clone, Debug)]
pub(crate) struct Probability {
    options: Ada,
    p: Tensor,
}

/// The name of p in the state.
const NAME: &str = "ada.probability";

impl Probability {
    /// p.
    pub(crate) fn value(&self) -> f64 {
        self.p.data().first().map_or(0.0, |p| f64::from(*p))
    }

    /// Moves p by `count` / (1000 [`ada_kimg`](Ada::ada_kimg)), after a turn on `count` reals with
    /// this mean sign.
    pub(crate) fn follow(&mut self, sign: f64, count: usize) {
        let step = count as f64 / (1000.0 * self.options.ada_kimg);
        let towards = if sign > self.options.ada { step } else { -step };
        let next = (self.value() + towards).clamp(0.0, 1.0) as f32;
        self.p.data_mut().iter_mut().for_each(|p| *p = next);
    }
}

impl Stateful for Probability {
    fn save(&self, state: &mut State) {
        state.tensors.insert(NAME.into(), self.p.clone());
    }

    fn load(&mut self, state: &State) {
        self.p = state.tensors[NAME].clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probability_follows_the_sign_and_stays_one() {
        let ada = Ada { ada: 0.6, ada_kimg: 0.5 };
        let mut probability = ada.probability().unwrap();
        probability.follow(0.5, 100);
        assert_eq!(probability.value(), 0.0, "below the target it does not fall under 0");
        probability.follow(0.7, 100);
        assert!((probability.value() - 0.2).abs() < 1e-6, "100 of 500 reals: a fifth of the way");
        (0..9).for_each(|_| probability.follow(1.0, 100));
        assert_eq!(probability.value(), 1.0);
        probability.follow(0.6, 50);
        assert!((probability.value() - 0.9).abs() < 1e-6, "at the target it falls");
        let mut state = State::default();
        probability.save(&mut state);
        let mut restored = ada.probability().unwrap();
        restored.load(&state);
        assert_eq!(restored.value(), probability.value());
    }

    #[test]
    fn without_augmentations_there_is_nothing_to_adapt() {
        let ada = Ada { ada: 0.6, ..Ada::default() };
        assert!(ada.check(&[]).unwrap_err().why.contains("set diff_augment too"));
        assert_eq!(ada.check(&[Augment::Color]), Ok(()));
        assert!(Ada::default().probability().is_none());
    }
}
