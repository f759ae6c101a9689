//! [`Adam`].

use super::{Arithmetic, Declaration, Line, StateSlot};
use crate::scalar::powi;

/// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2015) in PyTorch's form:
/// RMSprop with momentum, both averages corrected for their start at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// The weight of the old mean.
    pub beta1: f64,
    /// The weight of the old mean square.
    pub beta2: f64,
    /// Keeps the quotient finite.
    pub epsilon: f64,
}

impl Declaration<2, 7> for Adam {
    const KERNEL: &'static str = "adam";
    const STATE: [StateSlot; 2] =
        [StateSlot { symbol: "m", name: "mean" }, StateSlot { symbol: "v", name: "mean_square" }];
    const EXAMPLES: &'static [Self] = &[Self { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 }];

    fn title(self) -> &'static str {
        "Adam"
    }

    fn lines(self) -> &'static [Line] {
        const {
            &[
                Line::new("m", "beta1 * m + (1 - beta1) * g"),
                Line::new("v", "beta2 * v + (1 - beta2) * g^2"),
                Line::new("mh", "m / (1 - beta1^t)"),
                Line::new("vh", "v / (1 - beta2^t)"),
                Line::new("theta", "theta - rate * mh / (sqrt(vh) + epsilon)"),
            ]
        }
    }

    fn constants(self) -> Vec<(&'static str, f64)> {
        vec![("beta1", self.beta1), ("beta2", self.beta2), ("epsilon", self.epsilon)]
    }

    /// The bias correction of m is part of the step size, and the root of the correction of v is
    /// part of the divisor.
    fn coefficients(self, learning_rate: f64, t: u64) -> [f64; 7] {
        let Self { beta1, beta2, epsilon } = self;
        let [correction1, correction2] = [beta1, beta2].map(|beta| 1.0 - powi(beta, t));
        [learning_rate / correction1, beta1, 1.0 - beta1, beta2, 1.0 - beta2, correction2.sqrt(), epsilon]
    }

    #[inline(always)]
    fn step<A: Arithmetic>(
        self,
        [step, beta1, rest1, beta2, rest2, root, epsilon]: [A; 7],
        g: A,
        [m, v]: [A; 2],
        theta: A,
    ) -> ([A; 2], A) {
        let m = beta1 * m + rest1 * g;
        let v = beta2 * v + rest2 * (g * g);
        ([m, v], theta - step * m / (v.sqrt() / root + epsilon))
    }
}
