//! [`Dropout`]: forgets a random share of its input while training.

use tensor::Var;

use crate::network::{Layer, Site};
use crate::pass::{Follower, Pass};

/// Sets each element to 0 with this probability, in training only; the others are scaled up to keep the expectation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout(pub f64);

impl Layer for Dropout {
    fn describe(&self) -> String {
        format!("Dropout {}", self.0)
    }

    fn build(&mut self, site: &Site) -> Result<Vec<usize>, String> {
        if !(0.0..1.0).contains(&self.0) {
            return Err(format!("a dropout rate must be in [0, 1), not {}", self.0));
        }
        Ok(site.input.to_vec())
    }

    fn forward(&self, pass: &mut Pass, x: &Var) -> Var {
        match pass.key() {
            Some(key) if self.0 > 0.0 => x.dropout(self.0, key),
            _ => x.clone(),
        }
    }

    fn follower(&self) -> Option<Follower> {
        Some(Follower::Dropout(self.0))
    }
}
