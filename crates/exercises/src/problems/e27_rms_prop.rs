//! Exercise 27: RMSprop. (Guide: c11_optimizers)
//!
//! Every weight has its own step size: the gradient is divided by its typical magnitude, the root
//! of a moving average of its squares.
//!
//!     mean_square = rho * mean_square + (1 - rho) * gradient^2
//!     weight      = weight - rate * gradient / (sqrt(mean_square) + epsilon)
//!
//! Given:   weights, mean_square and gradient, all of the same length; rate, rho (such as 0.9) and
//!          epsilon (such as 1e-7).
//! Result:  mean_square and weights, updated in place.
//!
//! Repair the function: its average forgets everything at each step.
//!
//!     cargo run -p exercises -- check 27

pub fn rms_prop_step(
    weights: &mut [f64],
    mean_square: &mut [f64],
    gradient: &[f64],
    rate: f64,
    rho: f64,
    epsilon: f64,
) {
    for i in 0..weights.len() {
        mean_square[i] = gradient[i] * gradient[i];
        weights[i] -= rate * gradient[i] / (mean_square[i].sqrt() + epsilon);
    }
}
