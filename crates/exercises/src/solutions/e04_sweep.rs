//! The tape's order is all that is needed: inputs stand before their users, so from back to front every user comes first. The `+=` is
//! what makes forks right.

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
