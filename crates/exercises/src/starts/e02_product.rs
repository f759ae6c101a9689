//! Exercise 2: a product that remembers. (Guide: c02_tape)
//!
//! A tape is a list of nodes. A node holds a value and, for each input, a pair: the place of the input on the tape, and
//! the local slope, which says how much the node's value moves when that input moves a little:
//!
//!     pub struct Node { pub value: f64, pub inputs: Vec<(usize, f64)> }
//!
//! Given:   a tape, and the places a and b of two of its nodes (they may be the same).
//! Wanted:  the node of their product at the end of the tape, with inputs in the order a, b; return its place.
//!
//! Repair the function. Formula to find: how much does x * y move when x moves?
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
