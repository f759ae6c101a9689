//! [`AdamTf`].

use super::{Adam, Arithmetic, Declaration, Line, StateSlot};
use crate::scalar::powi;

/// [`Adam`] as TensorFlow and Keras compute it: the bias corrections go into the step size, so
/// epsilon is not corrected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamTf {
    /// The weight of the old mean.
    pub beta1: f64,
    /// The weight of the old mean square.
    pub beta2: f64,
    /// Keeps the quotient finite.
    pub epsilon: f64,
}

impl Declaration<2, 7> for AdamTf {
    const KERNEL: &'static str = Adam::KERNEL;
    const STATE: [StateSlot; 2] = Adam::STATE;
    const EXAMPLES: &'static [Self] = &[Self { beta1: 0.5, beta2: 0.999, epsilon: 1e-7 }];

    fn title(self) -> &'static str {
        "Adam in the form of TensorFlow and Keras"
    }

    fn lines(self) -> &'static [Line] {
        const {
            &[
                Line::new("m", "beta1 * m + (1 - beta1) * g"),
                Line::new("v", "beta2 * v + (1 - beta2) * g^2"),
                Line::new("step", "rate * sqrt(1 - beta2^t) / (1 - beta1^t)"),
                Line::new("theta", "theta - step * m / (sqrt(v) + epsilon)"),
            ]
        }
    }

    fn constants(self) -> Vec<(&'static str, f64)> {
        vec![("beta1", self.beta1), ("beta2", self.beta2), ("epsilon", self.epsilon)]
    }

    /// (sqrt(v) + epsilon) / root is sqrt(v) / root + epsilon / root: Adam with a scaled epsilon.
    fn coefficients(self, learning_rate: f64, t: u64) -> [f64; 7] {
        let Self { beta1, beta2, epsilon } = self;
        let epsilon = epsilon / (1.0 - powi(beta2, t)).sqrt();
        Adam { beta1, beta2, epsilon }.coefficients(learning_rate, t)
    }

    #[inline(always)]
    fn step<A: Arithmetic>(self, coefficients: [A; 7], g: A, state: [A; 2], theta: A) -> ([A; 2], A) {
        let Self { beta1, beta2, epsilon } = self;
        Adam { beta1, beta2, epsilon }.step(coefficients, g, state, theta)
    }
}
