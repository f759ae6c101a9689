//! Exercise 4: the reverse sweep. (Guide: c04_reverse_sweep)
//!
//! The tape of exercise 2: each node has pairs of an input's index and the local slope. Every node
//! comes after its inputs.
//!
//!     pub struct Node { pub value: f64, pub inputs: Vec<(usize, f64)> }
//!
//! Given:   the tape. Its last node is the loss.
//! Result:  for each node, the derivative of the loss with respect to its value, in the order of
//!          the tape.
//!
//! Write the loop. The derivative of the loss with respect to itself is 1. From there, visit the
//! nodes backwards. When you reach a node, all nodes that use it have been visited, so its
//! derivative is complete, and it can pass (derivative * slope) to each of its inputs.
//!
//!     cargo run -p exercises -- check 4

use exercises::Node;

pub fn sweep(tape: &[Node]) -> Vec<f64> {
    let mut gradients = vec![0.0; tape.len()];
    // Your loop.
    gradients
}
