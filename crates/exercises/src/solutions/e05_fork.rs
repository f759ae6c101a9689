//! The first contribution is moved in, and each further one is added in place, as in the engine's
//! own sweep (crates/tensor/src/grad.rs).

pub fn deliver(gradients: &mut [Option<Vec<f64>>], node: usize, contribution: Vec<f64>) {
    match &mut gradients[node] {
        None => gradients[node] = Some(contribution),
        Some(sum) => {
            for (sum, more) in sum.iter_mut().zip(contribution) {
                *sum += more;
            }
        }
    }
}
