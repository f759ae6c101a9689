//! Exercise 4: the reverse sweep. (Guide: c04_reverse_sweep)
//!
//! The tape of exercise 2, complete: each node knows its inputs and the local slopes. Inputs stand before their users.
//!
//!     pub struct Node { pub value: f64, pub inputs: Vec<(usize, f64)> }      (place of the input, local slope)
//!
//! Given:   the tape. Its last node is the loss.
//! Wanted:  for each node, the derivative of the loss by its value, in the order of the tape.
//!
//! Write the loop. The loss moves by 1 when the loss moves by 1. From there walk back: when you arrive at a node, all its
//! users have been there before, so its derivative is complete, and it can pass (derivative * slope) to each input.
//!
//!     cargo run -p exercises -- check 4

use exercises::Node;

pub fn sweep(tape: &[Node]) -> Vec<f64> {
    let mut gradients = vec![0.0; tape.len()];
    // Your loop.
    gradients
}
