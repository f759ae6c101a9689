//! The order of the tape is sufficient: inputs come before the nodes that use them, so a backward
//! loop visits every use first. The `+=` makes forks right.

use exercises::Node;

pub fn sweep(tape: &[Node]) -> Vec<f64> {
    let mut gradients = vec![0.0; tape.len()];
    gradients[tape.len() - 1] = 1.0;
    for (place, node) in tape.iter().enumerate().rev() {
        for (input, slope) in &node.inputs {
            gradients[*input] += gradients[place] * slope;
        }
    }
    gradients
}
