//! Exercise 5: what happens at a fork. (Guide: c04_reverse_sweep)
//!
//! A value that is used twice gets a gradient from each of its users. The sweep delivers them one by one.
//!
//! Given:   gradients: one slot for each node; None as long as nothing has arrived.
//!          node: whose gradient it is.
//!          contribution: what one of its users has to say.
//! Wanted:  after all deliveries, the slot of a node holds the sum of its contributions.
//!
//! Repair the function.
//!
//!     cargo run -p exercises -- check 5

pub fn deliver(gradients: &mut [Option<Vec<f64>>], node: usize, contribution: Vec<f64>) {
    gradients[node] = Some(contribution);
}
