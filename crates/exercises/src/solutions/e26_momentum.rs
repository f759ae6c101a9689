//! The gradient points uphill, in the direction in which the loss grows. The step goes the other
//! way.

pub fn momentum_step(weights: &mut [f64], velocity: &mut [f64], gradient: &[f64], rate: f64, momentum: f64) {
    for i in 0..weights.len() {
        velocity[i] = momentum * velocity[i] + gradient[i];
        weights[i] -= rate * velocity[i];
    }
}
