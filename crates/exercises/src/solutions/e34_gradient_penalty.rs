//! With `create_graph` the sweep itself is recorded, so the slopes depend on the critic's weights.

use tensor::{Options, Var, grad};

pub fn penalty(critic: &dyn Fn(&Var<f64>) -> Var<f64>, images: &Var<f64>) -> Var<f64> {
    let n = images.shape()[0];
    let sum = critic(images).sum();
    let slopes = grad(&sum, &[images.clone()], Options::CREATE_GRAPH).remove(0);
    let lengths = slopes.square().sum_to([n, 1]).sqrt();
    lengths.add_scalar(-1.0).square().mean()
}
