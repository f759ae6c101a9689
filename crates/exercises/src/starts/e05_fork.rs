//! Exercise 5: what happens at a fork. (Guide: c04_reverse_sweep)
//!
//! A value that is used twice receives a gradient from each of its uses. The sweep delivers them
//! one at a time.
//!
//! Given:   gradients: one slot for each node; None until something arrives.
//!          node: the node that receives a gradient.
//!          contribution: the gradient from one of its uses.
//! Result:  after all deliveries, the slot of a node contains the sum of its contributions.
//!
//! Repair the function.
//!
//!     cargo run -p exercises -- check 5

pub fn deliver(gradients: &mut [Option<Vec<f64>>], node: usize, contribution: Vec<f64>) {
    gradients[node] = Some(contribution);
}
