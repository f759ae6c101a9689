//! [`RmsProp`].

use super::{Arithmetic, Declaration, Line, StateSlot};

/// RMSprop (Tieleman and Hinton, "Lecture 6.5", 2012) as Keras computes it: the gradient is divided
/// by the root of a running mean of its square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// The weight of the old mean square.
    pub rho: f64,
    /// Keeps the quotient finite; outside the root.
    pub epsilon: f64,
}

impl Declaration<1, 4> for RmsProp {
    const KERNEL: &'static str = "rms_prop";
    const STATE: [StateSlot; 1] = [StateSlot { symbol: "s", name: "mean_square" }];
    const EXAMPLES: &'static [Self] = &[Self { rho: 0.9, epsilon: 1e-7 }];

    fn title(self) -> &'static str {
        "RMSprop"
    }

    fn lines(self) -> &'static [Line] {
        const {
            &[
                Line::new("s", "rho * s + (1 - rho) * g^2"),
                Line::new("theta", "theta - rate * g / (sqrt(s) + epsilon)"),
            ]
        }
    }

    fn constants(self) -> Vec<(&'static str, f64)> {
        vec![("rho", self.rho), ("epsilon", self.epsilon)]
    }

    fn coefficients(self, learning_rate: f64, _t: u64) -> [f64; 4] {
        [learning_rate, self.rho, 1.0 - self.rho, self.epsilon]
    }

    #[inline(always)]
    fn step<A: Arithmetic>(self, [rate, rho, rest, epsilon]: [A; 4], g: A, [s]: [A; 1], theta: A) -> ([A; 1], A) {
        let s = rho * s + rest * (g * g);
        ([s], theta - rate * g / (s.sqrt() + epsilon))
    }
}
