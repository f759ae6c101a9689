//! [`Averaging`]: how an exponential moving average (EMA) follows the weights of a generator.
//! Samples are drawn with the average, which is steadier than the weights of any one step.

use kernels::scalar;
use nn::Network;

/// How a moving average follows the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Averaging {
    pub(crate) decay: Decay,
    /// Whether the average follows faster at first: after n updates, it keeps at most the fraction
    /// (1 + n) / (10 + n) of its old value.
    pub(crate) ramp_up: bool,
}

/// How much of its old value the average keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Decay {
    /// This fraction at each step.
    Share(f64),
    /// Half after this many thousands of images.
    HalfLife { kimg: f64 },
}

impl Averaging {
    /// An average that keeps the same fraction at each step.
    pub(crate) fn constant(share: f64) -> Self {
        Self { decay: Decay::Share(share), ramp_up: false }
    }

    /// The fraction that the average keeps in a step with `images` images, after `steps` earlier
    /// updates.
    pub(crate) fn keep(self, images: usize, steps: u64) -> f64 {
        let ramp = if self.ramp_up { (1 + steps) as f64 / (10 + steps) as f64 } else { 1.0 };
        let keep = match self.decay {
            Decay::Share(keep) => keep,
            // 0.5^(images / half-life)
            Decay::HalfLife { kimg } => scalar::exp(-core::f64::consts::LN_2 * images as f64 / (1000.0 * kimg)),
        };
        keep.min(ramp)
    }
}

/// Updates each of the `averages` from the network at the same position of `networks`: it becomes
/// keep * average + (1 - keep) * network.
pub(crate) fn follow<'a, 'b>(
    averages: impl IntoIterator<Item = &'a mut Network>,
    networks: impl IntoIterator<Item = &'b Network>,
    keep: f64,
) {
    averages.into_iter().zip(networks).for_each(|(average, network)| average.update_average(network, keep));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_life_is_one_of_images_and_a_ramp_bounds_the_memory() {
        let half_life = Averaging { decay: Decay::HalfLife { kimg: 10.0 }, ramp_up: false };
        let keep = [16, 512].map(|images| half_life.keep(images, 9));
        assert!((keep[0] - 0.998_892).abs() < 5e-7 && (keep[1] - 0.965_133).abs() < 5e-7, "{keep:?}");
        let ramp = Averaging { decay: Decay::Share(0.999), ramp_up: true };
        assert_eq!([1, 90, 8990, 100_000].map(|steps| ramp.keep(16, steps)), [2.0 / 11.0, 0.91, 0.999, 0.999]);
    }
}
