//! Exercises in backprop and GAN training, in the order of the guide, with a checker that names the
//! mistake.
//!
//! ```text
//! cargo run -p exercises -- list
//! ```
//!
//! An exercise consists of a row in the [`table`], a function that a learner edits
//! (`src/problems`), its original file (`src/starts`), a reference solution (`src/solutions`), and
//! a [judge](judges) that asks the function [questions](question). [`classify`] finds the mistake
//! in a wrong answer, and [`report`] explains it to the learner.

pub mod classify;
pub mod guard;
pub mod judges;
pub mod mistake;
pub mod question;
pub mod report;
pub mod table;

pub use classify::{Diagnosis, Verdict};
pub use mistake::Mistake;
pub use question::Question;
pub use table::{EXERCISES, Exercise};

/// A node of the small tape in the exercises on the reverse sweep: a value that remembers its
/// inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: f64,
    /// For each input, its index on the tape and the local slope: the derivative of this node's
    /// value with respect to that input's value. A value that is used twice occurs twice.
    pub inputs: Vec<(usize, f64)>,
}
