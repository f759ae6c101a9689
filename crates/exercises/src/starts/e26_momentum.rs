//! Exercise 26: momentum. (Guide: c11_optimizers)
//!
//! The velocity accumulates the previous gradients, like a ball that rolls downhill.
//!
//!     velocity = momentum * velocity + gradient
//!     weight   = weight - rate * velocity
//!
//! Given:   weights, velocity and gradient, all of the same length; the step size `rate`, and the
//!          momentum, such as 0.9.
//! Result:  velocity and weights, updated in place.
//!
//! Repair the function: its ball rolls uphill.
//!
//!     cargo run -p exercises -- check 26

pub fn momentum_step(weights: &mut [f64], velocity: &mut [f64], gradient: &[f64], rate: f64, momentum: f64) {
    for i in 0..weights.len() {
        velocity[i] = momentum * velocity[i] + gradient[i];
        weights[i] += rate * velocity[i];
    }
}
