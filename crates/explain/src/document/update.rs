//! The updates of the parameters, the paths of their gradients, and the loss at other step sizes.

use serde::Serialize;

/// The update of a parameter by an optimiser.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Update {
    /// The parameter's name.
    pub parameter: String,
    /// Its node.
    pub node: usize,
    /// Its norm before the update.
    pub before_l2: f32,
    /// Its norm after the update.
    pub after_l2: f32,
    /// The norm of the change.
    pub step_l2: f32,
    /// step_l2 / before_l2; 0 for a parameter that was zero.
    pub ratio: f32,
    /// The norm of the gradient.
    pub gradient_l2: f32,
    /// `RMSprop, update 3`.
    pub rule: String,
    /// The formulas, one per line: `s <- rho * s + (1 - rho) * g^2`.
    pub formulas: Vec<String>,
    /// `rate = 0.0008, rho = 0.9, ...`.
    pub constants: String,
    /// One of its elements in full.
    pub worked: WorkedUpdate,
    /// The optimiser's state of it, as text.
    pub state: String,
}

/// The update of one element, line by line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkedUpdate {
    /// Its index along each axis.
    pub index: Vec<usize>,
    /// Why it was chosen.
    pub why: String,
    /// The formulas with numbers.
    pub lines: Vec<WorkedLine>,
}

/// A formula of an update with the numbers of an element.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkedLine {
    /// What it sets: `theta`.
    pub target: String,
    /// `0.5 - 0.1 * -0.4`.
    pub expression: String,
    /// Its value.
    pub value: f64,
    /// The value that the optimiser stored, if it stores it.
    pub stored: Option<f32>,
    /// The difference between the two: the rounding of `f32`.
    pub rest: f64,
}

/// The path of a gradient from the loss to a parameter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Path {
    /// The parameter's node.
    pub parameter: usize,
    /// From the loss to the parameter.
    pub hops: Vec<Hop>,
}

/// A node on the path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hop {
    /// The node.
    pub node: usize,
    /// The norm of its gradient.
    pub gradient_l2: f32,
}

/// The loss along the negative gradient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhatIf {
    /// The tape.
    pub tape: usize,
    /// An explanation.
    pub text: String,
    /// Five step sizes, the first 0: theta - size * gradient.
    pub sizes: Vec<f64>,
    /// The loss at each.
    pub loss: Vec<f64>,
    /// The prediction of the gradient: loss - size * |gradient|^2.
    pub straight: Vec<f64>,
}
