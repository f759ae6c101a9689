//! Exercises in backprop and GAN training, in the order of the guide, with a checker that names the mistake.
//!
//! ```text
//! cargo run -p exercises -- list
//! ```
//!
//! An exercise is a row of the [`table`], a function that a learner edits (`src/problems`), the state in which it is shipped
//! (`src/starts`), a reference solution (`src/solutions`) and a [judge](judges) that asks the function [questions](question). What a
//! wrong answer has to say about its mistake is found by [`classify`]; [`report`] tells the learner.

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

/// A node of the small tape in the exercises on the reverse sweep: a number that remembers what it was computed from.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The number.
    pub value: f64,
    /// Each input: its place on the tape, and the local slope, which is the derivative of this node's value by that input's. A value
    /// that is used twice stands here twice.
    pub inputs: Vec<(usize, f64)>,
}
