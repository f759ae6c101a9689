//! `dropout`: sets each element to zero with probability `rate`, and scales the others up by 1 / (1
//! - rate).
//!
//! y = m x with a random mask m of zeros and 1 / (1 - rate), so that the expected value of y is x
//! (Srivastava et al. 2014, in the inverted form). It is linear: gx = m gy, the same op with the
//! same mask. The mask is not saved: its random bits are a function of the key and the element's
//! index, and are drawn again.

use kernels::{Element, Key};

use crate::ops::{Domain, Entry, elementwise};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "dropout",
    idea: "Sets a random share of the numbers to 0.",
    forward: "y = m * x, m = 0 with probability rate, else 1 / (1 - rate)",
    rule: "gx = m * gy, with the same m",
    derivation: &[
        "for a fixed mask m, y = m * x is x times a constant, element by element",
        "so dy/dx = m, and gx = m * gy: dropped numbers get no gradient",
        "m is random but does not depend on x: nothing else flows",
    ],
    saved: "nothing: the mask is drawn again from the key and the element's index",
    shape: "y has the shape of x",
    cost: "one random draw and one product per element, in both directions",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || elementwise(Domain::Any, |x| x.dropout(0.4, Key::new(1, 2)).square()),
};

struct Dropout {
    rate: f64,
    key: Key,
}

impl<T: Element> Var<T> {
    /// Sets each element to 0 with probability `rate`, by the random stream `key`, and multiplies
    /// the others by 1 / (1 - rate).
    ///
    /// # Panics
    /// When the rate is not in [0, 1).
    #[track_caller]
    pub fn dropout(&self, rate: f64, key: Key) -> Self {
        let y = Tensor::written(*self.shape(), |y| T::dropout(key, rate, self.value().data(), y));
        Self::record(Dropout { rate, key }, &[self], y)
    }
}

impl<T: Element> Op<T> for Dropout {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("rate {}", self.rate)
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = m * gy, with the same m`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy.dropout(self.rate, self.key))]
    }
}

impl Replay for Dropout {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].dropout(self.rate, self.key)
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }
}
