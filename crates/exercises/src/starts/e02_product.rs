//! Exercise 2: a product that remembers its inputs. (Guide: c02_tape)
//!
//! A tape is a list of nodes. A node has a value and, for each input, a pair: the index of the
//! input on the tape, and the local slope. The slope says how much the value of the node changes
//! when the input changes a little:
//!
//!     pub struct Node { pub value: f64, pub inputs: Vec<(usize, f64)> }
//!
//! Given:   a tape, and the indices a and b of two of its nodes (they may be equal).
//! Result:  append the node of their product to the tape, with its inputs in the order a, b, and
//!          return its index.
//!
//! Repair the function. Find the formula: how much does x * y change when x changes?
//!
//!     cargo run -p exercises -- check 2

use exercises::Node;

pub fn product(tape: &mut Vec<Node>, a: usize, b: usize) -> usize {
    let (x, y) = (tape[a].value, tape[b].value);

    let slope_by_a = x;
    let slope_by_b = y;

    tape.push(Node { value: x * y, inputs: vec![(a, slope_by_a), (b, slope_by_b)] });
    tape.len() - 1
}
