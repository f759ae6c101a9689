//! [`Sgd`].

use super::{Arithmetic, Declaration, Line, StateSlot};

/// Stochastic gradient descent, with momentum (Polyak 1964) or Nesterov's form of it (Sutskever et
/// al., "On the importance of initialization and momentum in deep learning", 2013), as PyTorch
/// computes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// The weight of the old velocity; 0 for plain gradient descent.
    pub momentum: f64,
    /// Nesterov's form.
    pub nesterov: bool,
}

impl Declaration<1, 2> for Sgd {
    const KERNEL: &'static str = "sgd";
    const STATE: [StateSlot; 1] = [StateSlot { symbol: "v", name: "velocity" }];
    const EXAMPLES: &'static [Self] = &[
        Self { momentum: 0.0, nesterov: false },
        Self { momentum: 0.9, nesterov: false },
        Self { momentum: 0.9, nesterov: true },
    ];

    fn title(self) -> &'static str {
        match self {
            Sgd { momentum: 0.0, .. } => "Gradient descent",
            Sgd { nesterov: false, .. } => "Momentum",
            Sgd { nesterov: true, .. } => "Nesterov's momentum",
        }
    }

    fn lines(self) -> &'static [Line] {
        match self {
            // Without momentum the velocity is the gradient.
            Sgd { momentum: 0.0, .. } => const { &[Line::new("theta", "theta - rate * g")] },
            Sgd { nesterov: false, .. } => {
                const { &[Line::new("v", "momentum * v + g"), Line::new("theta", "theta - rate * v")] }
            }
            Sgd { nesterov: true, .. } => {
                const {
                    &[
                        Line::new("v", "momentum * v + g"),
                        Line::new("theta", "theta - rate * (g + momentum * v)"),
                    ]
                }
            }
        }
    }

    fn constants(self) -> Vec<(&'static str, f64)> {
        if self.momentum == 0.0 { vec![] } else { vec![("momentum", self.momentum)] }
    }

    fn coefficients(self, learning_rate: f64, _t: u64) -> [f64; 2] {
        [learning_rate, self.momentum]
    }

    #[inline(always)]
    fn step<A: Arithmetic>(self, [rate, momentum]: [A; 2], g: A, [v]: [A; 1], theta: A) -> ([A; 1], A) {
        let v = momentum * v + g;
        ([v], theta - rate * if self.nesterov { g + momentum * v } else { v })
    }
}
