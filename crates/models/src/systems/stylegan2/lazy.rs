//! [`Lazy`]: lazy regularisation, in which a penalty has an update of its own every few steps.

use kernels::scalar;
use nn::Adam;

/// A penalty that is not added to the loss of each step, but has an update of its own every
/// `interval` steps, with `interval` times the weight. Its gradient changes so slowly that little
/// is lost (Karras et al. 2020).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lazy {
    /// The weight; 0 for no penalty.
    pub weight: f64,
    /// The number of steps between two of its updates.
    pub interval: usize,
}

impl Lazy {
    /// Whether the penalty has an update at step number `step`, from 0.
    pub fn is_due(self, step: u64) -> bool {
        self.weight > 0.0 && step.is_multiple_of(self.interval as u64)
    }

    /// The fraction of ordinary updates among all updates, c = k / (k + 1): every k-th step has an
    /// additional one.
    fn share(self) -> f64 {
        if self.weight > 0.0 { self.interval as f64 / (self.interval as f64 + 1.0) } else { 1.0 }
    }

    /// The learning rate and the rule of an optimiser that makes both kinds of updates. It uses c
    /// times the learning rate, and the betas to the power of c: so its k + 1 updates in k steps
    /// move the weights as far, and decay the moving averages as much, as k ordinary updates.
    pub fn adam(self, learning_rate: f64, [beta1, beta2]: [f64; 2]) -> (f64, Adam) {
        let [beta1, beta2] = [beta1, beta2].map(|beta| power(beta, self.share()));
        (self.share() * learning_rate, Adam { beta1, beta2, epsilon: 1e-8 })
    }
}

/// base^exponent; 0 for the base 0.
fn power(base: f64, exponent: f64) -> f64 {
    if base == 0.0 || exponent == 1.0 {
        return base;
    }
    scalar::exp(exponent * scalar::ln(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kth_step_from_the_first() {
        let due = |weight, interval| (0..9).filter(|step| Lazy { weight, interval }.is_due(*step)).collect::<Vec<_>>();
        assert_eq!(due(2.0, 4), [0, 4, 8]);
        assert_eq!(due(1.0, 1).len(), 9);
        assert_eq!(due(0.0, 4), []);
    }

    /// 16 / 17 of 0.002, and 0.99^(16 / 17); 4 / 5 of it, and 0.99^(4 / 5).
    #[test]
    fn one_more_update_in_k_makes_all_of_them_smaller() {
        let adam = |weight, interval| {
            let (rate, rule) = Lazy { weight, interval }.adam(0.002, [0.0, 0.99]);
            let Adam { beta1, beta2, epsilon } = rule;
            assert_eq!((beta1, epsilon), (0.0, 1e-8));
            [rate, beta2]
        };
        let near = |[a, b]: [f64; 2], [c, d]: [f64; 2]| (a - c).abs() < 1e-12 && (b - d).abs() < 1e-12;
        assert!(near(adam(10.0, 16), [0.001_882_352_941_176, 0.99_f64.powf(16.0 / 17.0)]));
        assert!(near(adam(2.0, 4), [0.0016, 0.99_f64.powf(0.8)]));
        assert_eq!(adam(0.0, 4), [0.002, 0.99]);
    }
}
